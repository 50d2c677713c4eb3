"""A real JupyterLab, started by make lab, and somebody who reads in it with a real browser."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
from playwright.sync_api import Browser, ConsoleMessage, Error, Locator, Request, ViewportSize

from publish import browsers, execute, notebooks

#: where the programs of this Python are
BIN = Path(sys.executable).parent
#: seconds that anything may take; what is slower is broken
LIMIT = 60
#: pixels of what is seen of JupyterLab
WINDOW: ViewportSize = {"width": 1280, "height": 900}
SMALL: ViewportSize = {"width": 700, "height": 400}
#: nbdime, which pytest-notebook brings, was built for another version of what JupyterLab shares; lab/ switches it off,
#: and the browser loads it all the same
KNOWN = "@jupyter/ydoc"
#: what JupyterLab says of a kernel that is told to end
ENDS = ("Connection lost, reconnecting", "Canceled future")
#: the code cells of the notebook in front: their ids, the numbers of their runs, and what they show
CELLS = """() => {
    const { content, sessionContext } = jupyterapp.shell.currentWidget
    const code = [...content.model.cells].filter((cell) => cell.type === "code")
    const status = sessionContext.session?.kernel?.status
    return code.map((cell) => ({ id: cell.id, status, number: cell.executionCount, outputs: cell.outputs.toJSON() }))
}"""
#: its kernel listens; before there is one, the indicator says idle as well, and cells that are run are lost
READY = """() => {
    const kernel = jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel
    return kernel?.connectionStatus === "connected" && kernel.status === "idle"
}"""
#: a number on every cell: an idle kernel alone may not have begun
DONE = f"() => ({CELLS})().every(({{ number, status }}) => number && status === 'idle')"
EMPTY = f"() => ({CELLS})().every(({{ number }}) => !number)"
#: runs the cells above one, then that one
RUN_TO = """async (id) => {
    const { content } = jupyterapp.shell.currentWidget
    for (const run of ["notebook:run-all-above", "notebook:run-cell"]) {
        content.activeCellIndex = content.widgets.findIndex((cell) => cell.model.id === id)
        await jupyterapp.commands.execute(run)
    }
}"""


class Server:
    """JupyterLab as make lab starts it, with settings in a folder of its own instead of the reader's."""

    def __init__(self, folder: Path) -> None:
        """Start it, and wait for its `url`. RuntimeError with what it said where it ends before, or says none."""
        own = {f"JUPYTER_{name}_DIR": str(folder / name) for name in ("CONFIG", "DATA", "RUNTIME")}
        own |= {"IPYTHONDIR": str(folder / "IPYTHON"), "JUPYTERLAB_WORKSPACES_DIR": str(folder / "layout")}
        options = f"--no-browser --port={_free_port()} --LabApp.expose_app_in_browser=True"
        options += " --allow-root" if browsers.is_root() else ""
        log = folder / "log"  # a pipe would fill up, and the server wait for somebody to read it
        with log.open("w", encoding="utf-8") as said:
            self._process = subprocess.Popen(
                # as `make lab`, but with this Python, which need not be the one in .venv
                ["make", "--no-print-directory", "-o", ".venv/ready", "lab", f"BIN={BIN}", f"LAB={options}"],
                cwd=notebooks.ROOT,
                env={name: value for name, value in os.environ.items() if name != "DOJO_STATIC"} | own,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        until = time.monotonic() + LIMIT
        while not (found := re.search(r"http://localhost:\d+/\S*token=\w{20,}", log.read_text("utf-8"))):
            if self._process.poll() is not None or time.monotonic() > until:
                self.end()
                raise RuntimeError(f"JupyterLab did not start:\n{log.read_text('utf-8')}")
            time.sleep(0.05)
        self.url = found[0]

    def processes(self) -> list[psutil.Process]:
        """The server, what started it, and its kernels with all that they started; none once it has ended."""
        try:
            first = psutil.Process(self._process.pid)
            return [first, *first.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def end(self) -> set[psutil.Process]:
        """End the server as Ctrl-C does; what still runs ten seconds later."""
        started = self.processes()
        for sign in (signal.SIGINT, signal.SIGTERM):  # the first asks whether it is meant
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, sign)
        left = set(psutil.wait_procs(started, timeout=10)[1])
        self._process.poll()
        return left


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def started(folder: Path) -> Iterator[Server]:
    """A server, ended afterwards; RuntimeError when one of its processes does not end."""
    server = Server(folder)
    try:
        yield server
    finally:
        if left := server.end():
            raise RuntimeError(f"still running: {left}")


class Reader:
    """Somebody with a browser: opens notebooks, runs them, follows links. Notes what goes wrong meanwhile."""

    def __init__(self, browser: Browser, url: str) -> None:
        """`url`: what a server says on its start, token included."""
        self._start, self.faults = urlsplit(url), list[str]()
        self.page = browser.new_page(viewport=WINDOW)
        self.page.set_default_timeout(1000 * LIMIT)
        self.page.on("console", self._heard)
        self.page.on("pageerror", self._broke)
        self.page.on("request", self._asked)

    def _heard(self, said: ConsoleMessage) -> None:
        if said.type in ("error", "warning") and KNOWN not in said.text:
            self.faults.append(f"{said.type}: {said.text}")

    def _broke(self, error: Error) -> None:
        self.faults.append(f"script: {error}")

    def _asked(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme in ("http", "https", "ws", "wss") and address.netloc != self._start.netloc:
            self.faults.append(f"asks: {request.url}")

    def opens(self, name: str = "") -> Locator:
        """A notebook in a layout of its own; without a name what make lab opens."""
        path = f"/lab/workspaces/{name}/tree/notebooks/{name}.ipynb" if name else self._start.path
        self.page.goto(self._start._replace(path=path).geturl())
        return self.sees(Path(path).stem)

    def asks(self, script: str, argument: Any = None) -> Any:
        """What a function of the page returns; playwright.Error where no answer comes within LIMIT."""
        late = f"new Promise((_, fail) => setTimeout(fail, {1000 * LIMIT}, Error('no answer')))"
        # in a turn of its own: while much else is settled, Chromium may lose an answer before it is told
        turn = "new Promise((go) => setTimeout(go))"
        return self.page.evaluate(
            f"argument => Promise.race([({script})(argument), {late}]).finally(() => {turn})", argument
        )

    def turns_to(self, name: str) -> Locator:
        """A notebook, opened in the page that is there."""
        opening = "async path => { await jupyterapp.commands.execute('docmanager:open', { path }) }"
        self.asks(opening, f"notebooks/{name}.ipynb")
        return self.sees(name)

    def puts_away(self) -> None:
        """Close all that is open, its kernels ended before."""
        self.asks("() => jupyterapp.serviceManager.sessions.shutdownAll()")
        self.asks("() => [...jupyterapp.shell.widgets('main')].forEach((one) => one.dispose())")
        self.forgets_the_end()

    @contextmanager
    def in_a_small_window(self) -> Iterator[None]:
        """For tables; all is put away in the end.

        JupyterLab paints a table in some 1,300 pieces. Without a graphics processor each costs a copy of the whole,
        and in a large window the page gives no answer for seconds.
        """
        self.page.set_viewport_size(SMALL)
        try:
            yield
            self.puts_away()
        finally:
            self.page.set_viewport_size(WINDOW)

    def sees(self, name: str) -> Locator:
        """The notebook of that name, once it stands in front and its kernel is ready."""
        self.page.locator(f".lm-TabBar-tab.lm-mod-current:has-text('{name}.ipynb')").wait_for()
        panel = self.page.locator(".jp-NotebookPanel:visible")
        panel.locator("h1").first.wait_for()
        self.page.wait_for_function(READY)
        return panel

    def chooses(self, menu: str, item: str) -> None:
        """An item of a menu."""
        self.page.get_by_role("menuitem", name=menu, exact=True).click()
        self.page.get_by_role("menuitem", name=item, exact=True).click()

    def clears(self) -> None:
        """Clear all cells: stored ones have numbers before they run."""
        self.chooses("Edit", "Clear Outputs of All Cells")
        self.page.wait_for_function(EMPTY)

    def runs_all(self) -> list[dict[str, Any]]:
        """Run all cells, cleared before; the code cells afterwards."""
        self.clears()
        self.chooses("Run", "Run All Cells")
        return self.waits()

    def runs_to(self, cell_id: str) -> None:
        """Run the cells of the notebook in front down to one, cleared before."""
        self.clears()
        self.asks(RUN_TO, cell_id)
        number = f"id => ({CELLS})().find((cell) => cell.id === id && cell.number && cell.status === 'idle')"
        self.page.wait_for_function(number, arg=cell_id)

    def restarts_and_runs_all(self) -> list[dict[str, Any]]:
        """Run all cells in a new kernel; the code cells afterwards."""
        self.chooses("Kernel", "Restart Kernel and Run All Cells…")
        self.page.locator(".jp-Dialog").get_by_role("button", name="Confirm Kernel Restart").click()
        self.page.wait_for_function(f"() => !({DONE})()")
        cells = self.waits()
        self.forgets_the_end()
        return cells

    def forgets_the_end(self) -> None:
        """JupyterLab warns of a kernel that it was told to end, and of what it still wanted of it, then or later."""
        self.faults = [fault for fault in self.faults if not any(map(fault.__contains__, ENDS))]

    def waits(self) -> list[dict[str, Any]]:
        """The code cells of the notebook in front, once all have run."""
        self.page.wait_for_function(DONE, timeout=1000 * execute.LIMIT)
        return self.page.evaluate(CELLS)

    def leaves(self) -> None:
        """End the kernels and close the page; what JupyterLab says of the end is no fault."""
        self.page.remove_listener("console", self._heard)
        self.page.remove_listener("pageerror", self._broke)
        self.asks("() => jupyterapp.serviceManager.sessions.shutdownAll()")
        self.page.close()

    def cell(self, cell_id: str) -> Locator:
        """A cell of the notebook in front."""
        cells = "jupyterapp.shell.currentWidget.content?.widgets ?? []"
        # counted from one, as nought would be no answer: the notebook may come to the front only now
        find = f"id => ({cells}).findIndex((cell) => cell.model.id === id) + 1"
        place = self.page.wait_for_function(find, arg=cell_id).json_value()
        return self.page.locator(".jp-NotebookPanel:visible .jp-Notebook-cell").nth(place - 1)
