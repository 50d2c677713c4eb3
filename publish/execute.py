"""Runs a notebook in a fresh kernel and hands back what it shows."""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import re
import tempfile
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from traitlets.config import Config

from publish import notebooks
from publish.notebooks import Notebook

#: where kernels put their sockets; the path of a socket may have about a hundred letters
SOCKETS = "/tmp" if len(tempfile.gettempdir()) > 40 and os.path.isdir("/tmp") else None
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
    """The notebook with fresh outputs; live cells keep what was stored, unless code or package changed.

    Raises Failure, naming cell and line; the kernel is shut down in every case.
    """
    content = node(book)
    for cell in content.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    running: list[str] = []
    with tempfile.TemporaryDirectory(prefix="dojo-", dir=SOCKETS) as sockets:
        client = NotebookClient(
            content,
            timeout=None,
            kernel_name="python3",
            resources={"metadata": {"path": str(book.path.parent)}},
            record_timing=False,
            on_cell_start=lambda cell, cell_index: running.append(cell.id),
            # sockets in files instead of ports: no two kernels race for one, nothing listens on a network
            config=Config({"KernelManager": {"transport": "ipc", "ip": f"{sockets}/kernel"}}),
        )
        started = time.monotonic()
        environment = {**os.environ, "DOJO_STATIC": "1", "MPLBACKEND": "agg"}
        try:
            asyncio.run(_within(limit, client.async_execute(env=environment)))
        except CellExecutionError as error:
            raise Failure(f"{book.label}, cell {running[-1]}{_line(error)}", f"{error.ename}: {error.evalue}") from None
        except (TimeoutError, DeadKernelError):
            # a kernel stopped at the limit is reported as late or as dead, whichever is noticed first
            late = time.monotonic() - started >= limit
            why = f"still running after {limit:g} s, the limit for a notebook" if late else "the kernel died"
            raise Failure(f"{book.label}, cell {running[-1]}" if running else book.label, why) from None
        except Exception as error:
            if running:
                raise
            atexit.unregister(client._cleanup_kernel)  # at the end of all it would fail over the missing kernel
            why = f"the kernel python3 does not start ({error!r}): set up anew what requirements.txt lists"
            raise Failure(book.label, why) from None
    return Notebook(book.path, _clean(_with_live(content, book)))


async def _within(limit: float, work: Coroutine[Any, Any, Any]) -> None:
    """Wait for the work no longer than the limit, and let Ctrl-C end all of it.

    nbclient would take Ctrl-C for itself and end the one notebook only; where a loop refuses it the
    signal, as loops outside the main thread do, it lets go.
    """
    asyncio.get_running_loop().add_signal_handler = _refuse
    await asyncio.wait_for(work, limit)


def _refuse(*_: Any) -> None:
    raise RuntimeError("signals stay with the program")


def _line(error: CellExecutionError) -> str:
    trace = re.sub(r"\x1b\[[\d;]*m", "", error.traceback)
    line = re.search(r"Cell In\[\d+\], line (\d+)", trace)
    return f", line {line[1]}" if line else ""


def _with_live(content: Any, book: Notebook) -> Any:
    """Put the stored outputs of live cells back where their code and the package are as they were."""
    stored = {cell["id"]: cell for cell in node(book).cells}
    now = {"package": notebooks.package_digest()}
    for cell in filter(notebooks.live, content.cells):
        before = stored[cell.id]
        if before.get("outputs") and before.source == cell.source and before.metadata.get("dojo") == now:
            cell.outputs = before.outputs
        cell.metadata.dojo = nbformat.from_dict(now)
    return content


def _clean(content: Any) -> dict[str, Any]:
    """The executed notebook without times of running, plumbing folded, stamped with what its outputs rest on."""
    for cell in content.cells:
        cell.metadata.pop("execution", None)
        cell.metadata.pop("jupyter", None)
        if cell.cell_type == "code" and notebooks.plumbing(cell.source):
            cell.metadata.jupyter = nbformat.from_dict({"source_hidden": True})
    content.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
            # as the kernel says it: else JupyterLab takes every notebook for changed when it opens
            "language_info": content.metadata["language_info"],
            "dojo": notebooks.stamp(content),
        }
    )
    return content


def as_text(book: Notebook) -> str:
    """An executed notebook as Jupyter writes it to a file."""
    return nbformat.writes(book.content, version=4).rstrip() + "\n"
