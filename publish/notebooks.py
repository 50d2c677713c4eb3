"""The notebooks as files: reading, writing, and the stamp that says from what their outputs came.

Read with json alone: importing nbformat takes over a second, and checking has to be quick.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from dojo import files, tables

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "notebooks"


@dataclass(frozen=True)
class Notebook:
    """A notebook as its file holds it."""

    path: Path
    content: dict[str, Any]

    @property
    def name(self) -> str:
        """The name of its page: 01-timeline."""
        return self.path.stem

    @property
    def label(self) -> str:
        """How messages name it: notebooks/01-timeline.ipynb."""
        return f"notebooks/{self.path.name}"

    @property
    def cells(self) -> list[dict[str, Any]]:
        """Its cells, in order."""
        return self.content["cells"]

    @property
    def title(self) -> str:
        """Its first heading."""
        prose = (source(cell) for cell in self.cells if cell["cell_type"] == "markdown")
        match = re.search(r"^# (.+)$", "\n".join(prose), re.MULTILINE)
        return match[1] if match else self.name

    def code(self) -> Iterator[dict[str, Any]]:
        """Its code cells."""
        return (cell for cell in self.cells if cell["cell_type"] == "code")


def live(cell: Mapping[str, Any]) -> bool:
    """True for a cell whose output differs by machine: it runs and must pass, but is neither compared nor cited."""
    return "live" in cell.get("metadata", {}).get("tags", [])


#: calls that put something on the page; the words they take fill a cell
SHOWS = {"figure", "table", "explore", "aside"}


def plumbing(code: str) -> bool:
    """True for code that brings in the tools, or puts a figure or a table on the page: JupyterLab folds its cell.

    What is no Python is no plumbing; checking names it.
    """
    try:
        body = ast.parse(code).body
    except (SyntaxError, RecursionError, MemoryError):
        return False
    brings = any(isinstance(node, ast.Import | ast.ImportFrom) for node in body)
    calls = (node.func for node in ast.walk(ast.Module(body, [])) if isinstance(node, ast.Call))
    shows = any(
        isinstance(call, ast.Attribute)
        and isinstance(call.value, ast.Name)
        and (call.value.id, call.attr in SHOWS) == ("show", True)
        for call in calls
    )
    return shows or (brings and not isinstance(body[-1], ast.Expr))


def source(cell: Mapping[str, Any]) -> str:
    """The text of a cell, which files hold as a string or as lines."""
    return joined(cell["source"])


def joined(text: str | list[str]) -> str:
    """A text that files hold as a string or as lines."""
    return text if isinstance(text, str) else "".join(text)


def output_html(cell: Mapping[str, Any]) -> str:
    """The HTML that a code cell shows."""
    return "".join(joined(output.get("data", {}).get("text/html", "")) for output in cell.get("outputs", []))


def output_text(cell: Mapping[str, Any]) -> str:
    """What a code cell prints or shows, as plain text."""
    parts = (joined(o.get("text", "") or o.get("data", {}).get("text/plain", "")) for o in cell.get("outputs", []))
    return "\n".join(parts)


def _kinds(name: str, kinds: Mapping[str, str]) -> dict[str, Any]:
    """The rule for an object whose property `name` says which definition it follows."""
    cases = [
        {"if": {"required": [name], "properties": {name: {"enum": [kind]}}}, "then": {"$ref": f"#/definitions/{rule}"}}
        for kind, rule in kinds.items()
    ]
    return {"type": "object", "required": [name], "properties": {name: {"enum": list(kinds)}}, "allOf": cases}


@lru_cache(maxsize=1)
def shape() -> Callable[[Any], Any]:
    """What Jupyter says a notebook is, put so that what is wrong is placed: by kind, where Jupyter tries all kinds.

    To this comes what is read here beside it: the stamp, what pytest-notebook is told, text that can be encoded.
    """
    place = Path(find_spec("nbformat").origin).with_name("v4")
    wanted = json.loads((place / "nbformat.v4.5.schema.json").read_text("utf-8"))
    wanted["$schema"] = "http://json-schema.org/draft-07/schema#"
    wanted["allOf"] = [{"properties": {"nbformat": {"enum": [4]}}}]  # an older one is said to be older first of all
    lines = {"type": "array", "items": {"type": "string", "format": files.WHOLE}}
    pair = {**lines, "minItems": 2, "maxItems": 2}
    rules = wanted["definitions"]
    rules["misc"]["multiline_string"] = {**lines, "type": ["string", "array"], "format": files.WHOLE}
    rules["cell"] = _kinds("cell_type", {"code": "code_cell", "markdown": "markdown_cell", "raw": "raw_cell"})
    rules["output"] = _kinds("output_type", {k: k for k in ("stream", "display_data", "execute_result", "error")})
    rules["code_cell"]["properties"]["metadata"]["properties"]["nbreg"] = {
        "type": "object",
        "properties": {"diff_ignore": lines},
    }
    wanted["properties"]["metadata"]["properties"]["dojo"] = {
        "type": "object",
        "properties": {"cells": {"type": "array", "items": pair}, "data": {"type": "string"}},
    }
    return files.shape(wanted)


def read(path: Path) -> Notebook:
    """Read one notebook; ValueError names file and line, or cell, of what is none as JupyterLab saves it.

    After this nobody need look whether a source is text, or an output holds what its kind does.
    """
    book = Notebook(path, files.parsed(path, f"notebooks/{path.name}"))
    if wrong := files.misshapen(book.content, shape()):
        place, value, expected = wrong
        problem = files.Problem(f"{book.label}{_where(place, book.content)}", 0, "", value, expected)
        raise ValueError(f"{problem}, as JupyterLab saves it")
    return book


def _where(place: str, content: Any) -> str:
    """A place in a notebook as messages name it: a cell by its id, or by its number where it has none."""
    match = re.fullmatch(r"cells\[(\d+)\]\.?(.*)", place)
    if not match:
        return f", {place}" if place else ""
    cell = content["cells"][int(match[1])]
    cell_id = cell.get("id") if isinstance(cell, dict) else None
    name = cell_id if isinstance(cell_id, str) and re.fullmatch(r"[\w-]+", cell_id) else f"number {int(match[1]) + 1}"
    return f", cell {name}" + (f", {match[2]}" if match[2] else "")


def everything(folder: Path | None = None) -> list[Notebook]:
    """All notebooks in reading order: numbered first, the appendix last."""
    paths = sorted((folder or FOLDER).glob("*.ipynb"), key=lambda p: (not p.name[0].isdigit(), p.name))
    return [read(path) for path in paths]


# --- from what the outputs came ------------------------------------------------------------------


def stamp(content: Mapping[str, Any]) -> dict[str, Any]:
    """What outputs and pages rest on: a digest of each cell with what it shows, and of the data."""
    return {"cells": [[cell["id"], _cell_digest(cell)] for cell in content["cells"]], "data": data_digest()}


def _cell_digest(cell: Mapping[str, Any]) -> str:
    return _digest("\0".join([cell["cell_type"], source(cell), output_text(cell), output_html(cell)]))


def live_digest(content: Mapping[str, Any], used: Iterable[str] | None) -> str:
    """A digest of what the outputs of live cells rest on: all code of the notebook, and what of data and package it
    used; all of both where that is not known (None).
    """
    code = [source(cell) for cell in content["cells"] if cell["cell_type"] == "code"]
    known = {*_data(), *Path(tables.__file__).parent.rglob("*.py")}
    rests_on = known if used is None else known.intersection(map(Path, used))
    return _digest("\0".join([*code, _contents(sorted(rests_on))]))


def data_digest() -> str:
    """A digest of every table and of their contract."""
    return _contents(_data())


def _data() -> list[Path]:
    return [*tables.files(tables.DATA), tables.DATA / "datapackage.json"]


def _contents(paths: Iterable[Path]) -> str:
    return _digest("".join(_digest(path.read_text("utf-8")) for path in paths))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def stale(notebook: Notebook) -> Iterator[tuple[str, str]]:
    """The cells whose stored output or page is older than what it rests on, with the reason; "" is the notebook."""
    kept = notebook.content.get("metadata", {}).get("dojo", {})
    now = stamp(notebook.content)
    known = dict(map(tuple, kept.get("cells", [])))
    for cell, (cell_id, digest) in zip(notebook.cells, now["cells"], strict=True):
        runs = cell["cell_type"] == "code"
        if cell_id not in known and (runs or known):
            yield cell_id, f"{'has no stored output' if runs else 'is on no page'} yet: run make refresh"
        elif known.get(cell_id, digest) != digest:
            changed = "code or its output changed" if runs else "text changed"
            yield cell_id, f"its {changed} since it was stored: run make refresh"
    if [cell_id for cell_id, _ in now["cells"] if cell_id in known] != list(known):
        yield "", "its cells were moved or taken out since the outputs were stored: run make refresh"
    if known and kept.get("data") != now["data"]:
        yield "", "the data changed, so what the cells print is older: run make refresh"
