"""Runs a notebook in a fresh kernel and hands back what it shows."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

import nbformat
import zmq
from jupyter_client.kernelspec import NoSuchKernel
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

from publish import keeper, notebooks
from publish.notebooks import Notebook

#: seconds a notebook may take, all cells together
LIMIT = 300


@dataclass(eq=False)
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
    with keeper.kernel() as kernel:
        client = _Client(
            content,
            kernel,
            timeout=None,
            resources={"metadata": {"path": str(book.path.parent)}},
            record_timing=False,
        )
        started = time.monotonic()
        try:
            asyncio.run(_within(limit, client.run()))
        except CellExecutionError as error:
            raise Failure(f"{_where(book, client)}{_line(error)}", f"{error.ename}: {error.evalue}") from None
        except (TimeoutError, DeadKernelError):
            # a kernel stopped at the limit is reported as late or as dead, whichever is noticed first
            late = time.monotonic() - started >= limit
            why = f"still running after {limit:g} s, the limit for a notebook" if late else client.flood
            raise Failure(_where(book, client), why or "the kernel died") from None
        except RuntimeError as error:  # a kernel that died or hung before it said a word
            raise Failure(_where(book, client), str(error)) from None
        except NoSuchKernel as error:
            raise Failure(book.label, f"{error}: set up anew what requirements.lock lists") from None
    return Notebook(book.path, _clean(_with_live(content, book)))


class _Client(NotebookClient):
    """Runs the cells, and lets none show more than a builder can hold."""

    def __init__(self, content: Any, kernel: keeper.Kernel, **options: Any) -> None:
        super().__init__(content, kernel, **options)
        self.kernel = kernel
        self.running, self.shown, self.flood = "", 0, ""
        self.on_cell_start = self._begin

    def _begin(self, cell: Any, cell_index: int) -> None:
        self.running = cell.id

    async def run(self) -> None:
        """Start the kernel, run all cells, end the kernel: kindly where it got to its end, at once where not."""
        try:
            await self.async_start_new_kernel()
            await self.async_start_new_kernel_client()
            watching = asyncio.ensure_future(self._watch())
            try:
                await self.async_execute()
            finally:
                watching.cancel()
                await asyncio.wait([watching])
            await self.kernel.shutdown_kernel()
        finally:
            if self.kernel.has_kernel:
                await self.kernel.shutdown_kernel(now=True)
            if self.kc:
                self.kc.stop_channels()

    async def _watch(self) -> None:
        """A message that is too large is not taken in: the line breaks, and what else was on its way is lost."""
        socket = self.kc.iopub_channel.socket
        line = socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        try:
            await line.recv_multipart()
        finally:  # what stays open would keep the program from ending
            socket.disable_monitor()
            line.close()
        await asyncio.sleep(1)  # the line of a kernel that dies breaks too
        if await self.kernel.is_alive():
            self._stop()

    def process_message(self, msg: dict[str, Any], cell: Any, cell_index: int) -> Any:
        """Take what a cell shows, unless it is too much."""
        self.shown += len(str(msg["content"]))
        if self.shown <= keeper.FLOOD:
            return super().process_message(msg, cell, cell_index)
        self._stop()
        return None

    def _stop(self) -> None:
        self.flood = f"shows more than {keeper.FLOOD / 1e6:g} MB, the limit for a notebook"
        self.task_poll_for_reply.cancel()  # nbclient does so when a kernel dies


async def _within(limit: float, work: Coroutine[Any, Any, Any]) -> None:
    """Wait for the work no longer than the limit, and let Ctrl-C end all of it.

    nbclient would take Ctrl-C for itself and end the one notebook only; where a loop refuses it the
    signal, as loops outside the main thread do, it lets go.
    """
    asyncio.get_running_loop().add_signal_handler = _refuse
    await asyncio.wait_for(work, limit)


def _refuse(*_: Any) -> None:
    raise RuntimeError("signals stay with the program")


def _where(book: Notebook, client: _Client) -> str:
    return f"{book.label}, cell {client.running}" if client.running else book.label


def _line(error: CellExecutionError) -> str:
    trace = re.sub(r"\x1b\[[\d;]*m", "", error.traceback)
    line = re.search(r"Cell In\[\d+\], line (\d+)", trace)
    return f", line {line[1]}" if line else ""


def _with_live(content: Any, book: Notebook) -> Any:
    """Put the stored outputs of live cells back where all that they rest on is as it was."""
    stored = {cell["id"]: cell for cell in node(book).cells}
    now = {"rests_on": notebooks.live_digest(content)}
    for cell in filter(notebooks.live, content.cells):
        before = stored[cell.id]
        if before.get("outputs") and before.metadata.get("dojo") == now:
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
