"""Runs notebooks in fresh kernels and hands back what they show."""

from __future__ import annotations

import ast
import asyncio
import json
import re
import time
import warnings
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty
from typing import Any, TypeVar

import nbformat
import zmq
from jupyter_client.kernelspec import NoSuchKernel
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat.warnings import DuplicateCellId

from publish import beside, keeper, notebooks
from publish.notebooks import Notebook
from publish.warm import Stock

#: seconds a notebook may take, all cells together
LIMIT = 300
Made = TypeVar("Made")


@dataclass(eq=False)
class Failure(Exception):
    """A notebook that did not run to its end, and where it stopped."""

    where: str
    why: str

    def __str__(self) -> str:
        return f"{self.where}: {self.why}"


def node(book: Notebook) -> nbformat.NotebookNode:
    """A fresh copy of a notebook in the form that Jupyter's libraries work on."""
    with warnings.catch_warnings(action="ignore", category=DuplicateCellId):  # checking names it
        return nbformat.reads(json.dumps(book.content), as_version=4)


@dataclass(frozen=True)
class Run:
    """What came of executing a notebook, and on what it rests; all of it can be written as JSON."""

    #: of each code cell, in order: outputs and number
    cells: list[dict[str, Any]]
    language: dict[str, Any]
    #: the files and folders that it used; None where that is not known
    used: list[str] | None


def run(book: Notebook, limit: float = LIMIT) -> Notebook:
    """The notebook with fresh outputs; live cells keep what was stored, unless what they rest on changed.

    Raises Failure, naming cell and line; the kernel is shut down in every case.
    """
    found: list[Run | Exception] = []
    with run_all([book], lambda _, result, __: found.append(result), limit=limit):
        return executed(book, found[0])


def executed(book: Notebook, run: Run | Exception) -> Notebook:
    """The notebook with what came of executing it; raises what kept it from that."""
    if isinstance(run, Exception):
        raise run
    content = node(book)
    code = (cell for cell in content.cells if cell.cell_type == "code")
    for cell, found in zip(code, run.cells, strict=True):
        cell.update(nbformat.from_dict(found))
    content.metadata["language_info"] = nbformat.from_dict(run.language)
    return Notebook(book.path, _clean(_with_live(content, book, run.used)))


@contextmanager
def run_all(
    books: Sequence[Notebook],
    done: Callable[[Notebook, Run | Exception, float], None],
    stock: Stock | None = None,
    limit: float = LIMIT,
    meanwhile: Sequence[Callable[[], None]] = (),
) -> Iterator[None]:
    """Execute notebooks, as many at once as there are processors, each in a fresh kernel of its own.

    Those that are likely to take longest begin first; `done` is told of each in the given order, with the seconds
    it took, before the context begins. While it lasts the last kernels end; at its end, none is left. Kernels are
    forked where there is a stock, and start as programs where there is none. What is to be done `meanwhile`, step by
    step, is done while the first begin.
    """
    with asyncio.Runner() as runner:
        ends = runner.run(_run_all(books, done, stock, limit, meanwhile))
        try:
            yield
        finally:
            runner.run(asyncio.wait(ends))
        for end in ends:
            end.result()  # raises what went wrong in ending


async def _run_all(
    books: Sequence[Notebook],
    done: Callable[..., None],
    stock: Stock | None,
    limit: float,
    meanwhile: Sequence[Callable[[], None]],
) -> list[asyncio.Task[None]]:
    # nbclient would take Ctrl-C for itself and end the one notebook only; where a loop refuses it the
    # signal, as loops outside the main thread do, it lets go
    loop = asyncio.get_running_loop()
    loop.add_signal_handler = _refuse
    turns = beside.processors()
    # one kernel more than can have a turn, so that the next is ready when a turn is free; it starts when
    # the first have started, and so cannot take a turn before them
    gates = [asyncio.Semaphore(count) for count in (turns + 1, turns, turns)]
    said: dict[str, asyncio.Future[tuple[Run | Exception, float]]] = {book.name: loop.create_future() for book in books}
    first = sorted(books, key=_work, reverse=True)
    tasks = {book.name: asyncio.ensure_future(_timed(book, stock, limit, gates, said[book.name])) for book in first}
    for step in meanwhile:
        await asyncio.sleep(0)
        step()
    for book in books:
        await asyncio.wait([tasks[book.name], said[book.name]], return_when=asyncio.FIRST_COMPLETED)
        if not said[book.name].done():
            tasks[book.name].result()  # raises what kept the kernel from being looked after
        done(book, *said[book.name].result())
    return list(tasks.values())


def _work(book: Notebook) -> tuple[int, int]:
    """How long a notebook may take, to compare by: live cells compute anew what others read; then, how much code."""
    return sum(map(notebooks.live, book.cells)), sum(len(notebooks.source(cell)) for cell in book.code())


async def _timed(
    book: Notebook,
    stock: Stock | None,
    limit: float,
    gates: Sequence[asyncio.Semaphore],
    said: asyncio.Future[tuple[Run | Exception, float]],
) -> None:
    """Say what came of a notebook as soon as that is known, with the seconds it took; then end its kernel."""
    place, start, turn = gates
    async with place:
        started = time.monotonic()
        with keeper.kernel(stock) as kernel:
            client = _Client(_emptied(book), kernel, book.path.parent)
            try:
                async with start:
                    await _within(limit, client.begin(), book, client)
                async with turn:
                    started = time.monotonic()
                    run = await _within(limit, client.run(), book, client)
                    seconds = time.monotonic() - started
                await kernel.request_shutdown()
                said.set_result((run, seconds))
                await kernel.finish_shutdown()  # kindly, while another has its turn, or pages are rendered
            except Exception as error:
                if said.done():
                    raise
                said.set_result((error, time.monotonic() - started))
            finally:
                await client.end()


def _emptied(book: Notebook) -> nbformat.NotebookNode:
    content = node(book)
    for cell in content.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return content


async def _within(limit: float, work: Awaitable[Made], book: Notebook, client: _Client) -> Made:
    """Wait for some work no longer than the limit; Failure says where and why it came to no end."""
    started = time.monotonic()
    try:
        async with asyncio.timeout(limit):
            return await _stopped_or_dead(work)
    except CellExecutionError as error:
        raise Failure(f"{_where(book, client)}{_line(error)}", f"{error.ename}: {error.evalue}") from None
    except (TimeoutError, DeadKernelError):
        # a kernel stopped at the limit is reported as late or as dead, whichever is noticed first
        late = time.monotonic() - started >= limit
        why = f"still running after {limit:g} s, the limit for a notebook" if late else client.flood
        raise Failure(_where(book, client), why or "the kernel died") from None
    except RuntimeError as error:  # a kernel that could not be forked
        raise Failure(_where(book, client), str(error)) from None
    except NoSuchKernel as error:
        raise Failure(book.label, f"{error}: set up anew what requirements.lock lists") from None


async def _stopped_or_dead(work: Awaitable[Made]) -> Made:
    """Wait for some work; to nbclient a kernel looks dead, too, when its own waiting is broken off."""
    try:
        return await work
    except DeadKernelError:
        if asyncio.current_task().cancelling():
            raise asyncio.CancelledError from None
        raise


class _Client(NotebookClient):
    """Runs the cells, and lets none show more than a builder can hold."""

    def __init__(self, content: Any, kernel: keeper.Kernel, folder: Path) -> None:
        super().__init__(
            content, kernel, timeout=None, resources={"metadata": {"path": str(folder)}}, record_timing=False
        )
        self.kernel = kernel
        self.running, self.shown, self.flood = "", 0, ""
        self.on_cell_start = self._begin

    def _begin(self, cell: Any, cell_index: int) -> None:
        self.running = cell.id

    async def begin(self) -> None:
        """Start the kernel, and have it read the tables."""
        await self.async_start_new_kernel()
        self.kc = self.kernel.client()
        self.kc.start_channels(hb=False)  # that the kernel lives, its process says
        self.kc.allow_stdin = False
        await self._while_alive(self._heard())
        await self._ask("watch()")

    async def _heard(self) -> None:
        """Wait until the kernel answers, and what it says aside comes too: whatever it says before that is lost.

        Jupyter's own way, `wait_for_ready`, then lets a fifth of a second pass, lest more should come.
        """
        while True:
            self.kc.kernel_info()
            with suppress(Empty):
                await self.kc.get_shell_msg(timeout=1)
                await self.kc.get_iopub_msg(timeout=0.2)
                return

    async def _while_alive(self, work: Coroutine[Any, Any, Made]) -> Made:
        """Wait for some work no longer than the kernel lives."""
        task = asyncio.ensure_future(work)
        try:
            while not (await asyncio.wait([task], timeout=1))[0]:
                if not await self.kernel.is_alive():
                    raise DeadKernelError
            return task.result()
        finally:
            task.cancel()

    async def run(self) -> Run:
        """Run all cells."""
        watching = asyncio.ensure_future(self._watch())
        try:
            await self.async_execute()
            said = await self._ask("told()")
        finally:
            watching.cancel()
            await asyncio.wait([watching])
        cells = [cell for cell in self.nb.cells if cell.cell_type == "code"]
        made = [{"outputs": cell.outputs, "execution_count": cell.execution_count} for cell in cells]
        used = said["data"]["text/plain"] if said["status"] == "ok" else "None"
        return Run(made, self.nb.metadata["language_info"], ast.literal_eval(used))

    async def _ask(self, call: str) -> dict[str, Any]:
        """What a function of publish.used says in the kernel, beside what the cells do."""
        return await self._while_alive(self._answer(call))

    async def _answer(self, call: str) -> dict[str, Any]:
        asked = {"used": f"__import__('publish.used').used.{call}"}
        request = self.kc.execute("", silent=True, user_expressions=asked)
        reply = await _first(self.kc.shell_channel, request)
        # only then has the kernel turned to what comes next
        await _first(self.kc.iopub_channel, request, execution_state="idle")
        return reply["content"]["user_expressions"]["used"]

    async def end(self) -> None:
        """End the kernel at once, where it has not ended, and what belongs to it."""
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


async def _first(channel: Any, request: str, **says: str) -> dict[str, Any]:
    """The first answer to a request that says so."""
    while True:
        message = await channel.get_msg()
        if message["parent_header"].get("msg_id") == request and says.items() <= message["content"].items():
            return message


def _refuse(*_: Any) -> None:
    raise RuntimeError("signals stay with the program")


def _where(book: Notebook, client: _Client) -> str:
    return f"{book.label}, cell {client.running}" if client.running else book.label


def _line(error: CellExecutionError) -> str:
    trace = re.sub(r"\x1b\[[\d;]*m", "", error.traceback)
    line = re.search(r"Cell In\[\d+\], line (\d+)", trace)
    return f", line {line[1]}" if line else ""


def _with_live(content: Any, book: Notebook, used: list[str] | None) -> Any:
    """Put the stored outputs of live cells back where all that they rest on is as it was."""
    live = [*filter(notebooks.live, content.cells)]
    if not live:
        return content
    stored = {cell["id"]: cell for cell in node(book).cells}
    now = {"rests_on": notebooks.live_digest(content, used)}
    for cell in live:
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
