"""Runs the cells of notebooks in one bare Python process: what executing them costs at least.

    python publish/bare.py NOTEBOOK...

Everything is imported once, nothing is isolated, nothing is stored; what a cell shows is made and thrown away.
"""

from __future__ import annotations

import ast
import json
import os
import sys
from pathlib import Path
from typing import Any


def run(path: Path) -> None:
    """Run the code cells of a notebook, in its folder and with names of its own."""
    os.chdir(path.parent)
    names: dict[str, Any] = {"__name__": "__main__"}
    for cell in json.loads(path.read_text("utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            show(cell["id"], ast.parse("".join(cell["source"])).body, names)


def show(name: str, body: list[ast.stmt], names: dict[str, Any]) -> None:
    """Run the statements of a cell; what the last one is worth is made into what a page would show."""
    last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
    exec(compile(ast.Module(body, []), name, "exec"), names)
    if last:
        value = eval(compile(ast.Expression(last.value), name, "eval"), names)
        for made in ("_repr_mimebundle_", "_repr_html_", "__repr__"):
            if hasattr(value, made):
                getattr(value, made)()
                break


if __name__ == "__main__":
    sys.path[0] = ""  # the folder of the notebook, as a kernel has it
    for name in [Path(argument).resolve() for argument in sys.argv[1:]]:
        run(name)
