"""Runs a notebook in a fresh kernel and hands back what it shows."""

from __future__ import annotations

import asyncio
import json
import os
import re
import tempfile
import time
from dataclasses import dataclass
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from traitlets.config import Config

from publish import notebooks
from publish.notebooks import Notebook

#: seconds a notebook may take, all cells together
LIMIT = 300


@dataclass(frozen=True)
class Failure(Exception):
    """A notebook that did not run to its end, and where it stopped."""

    where: str
    why: str

    def __str__(self) -> str:
        return f"{self.where}: {self.why}"


def node(book: Notebook) -> nbformat.NotebookNode:
    """A fresh copy of a notebook in the form that Jupyter's libraries work on."""
    return nbformat.reads(json.dumps(book.content), as_version=4)


def run(book: Notebook, limit: float = LIMIT) -> Notebook:
    """The notebook with fresh outputs. Raises Failure; the kernel is shut down in every case."""
    content = node(book)
    with tempfile.TemporaryDirectory(prefix="dojo-") as sockets:
        client = NotebookClient(
            content,
            timeout=None,
            kernel_name="python3",
            resources={"metadata": {"path": str(book.path.parent)}},
            record_timing=False,
            # sockets in files instead of ports: no two kernels race for one, nothing listens on a network
            config=Config({"KernelManager": {"transport": "ipc", "ip": f"{sockets}/kernel"}}),
        )
        started = time.monotonic()
        environment = {**os.environ, "DOJO_STATIC": "1", "MPLBACKEND": "agg"}
        try:
            asyncio.run(asyncio.wait_for(client.async_execute(env=environment), limit))
        except (TimeoutError, CellExecutionError, DeadKernelError) as error:
            # a kernel stopped at the limit is reported as dead or as late, whichever is noticed first
            if not isinstance(error, CellExecutionError) and time.monotonic() - started >= limit:
                raise Failure(book.label, f"still running after {limit:g} s, the limit for a notebook") from None
            raise _failure(book, content, error) from None
    return Notebook(book.path, _clean(content))


def _failure(book: Notebook, content: Any, error: Exception) -> Failure:
    """Name the cell, the line and the error, from the output that the kernel left behind."""
    for cell in content.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                trace = re.sub(r"\x1b\[[\d;]*m", "", "\n".join(output.traceback))
                line = re.search(r"Cell In\[\d+\], line (\d+)", trace)
                where = f"{book.label}, cell {cell.id}" + (f", line {line[1]}" if line else "")
                return Failure(where, f"{output.ename}: {output.evalue}")
    started = [cell.id for cell in content.cells if cell.cell_type == "code" and cell.execution_count]
    after = f", after cell {started[-1]}" if started else ""
    return Failure(book.label + after, f"the kernel died ({type(error).__name__})")


def _clean(content: Any) -> dict[str, Any]:
    """The executed notebook without what differs by machine, stamped with what its outputs rest on."""
    for cell in content.cells:
        cell.metadata.pop("execution", None)
    content.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
            "dojo": notebooks.stamp(content),
        }
    )
    return content


def as_text(book: Notebook) -> str:
    """An executed notebook as Jupyter writes it to a file."""
    return nbformat.writes(book.content, version=4).rstrip() + "\n"
