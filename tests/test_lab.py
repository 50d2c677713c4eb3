"""The notebooks in a real JupyterLab, started by make lab and read in a real browser."""

import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import unquote, urlsplit
from urllib.request import urlopen

import psutil
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect

from dojo import show
from publish import browsers, notebooks

BOOKS = notebooks.everything()
SECONDS = 60
#: nbdime, which pytest-notebook brings, was built for another version of what JupyterLab shares; it is switched off
KNOWN = "@jupyter/ydoc"

#: the code cells of the notebook in front: their ids, the numbers of their runs, and what they show
CELLS = """() => {
    const { content, sessionContext } = jupyterapp.shell.currentWidget
    const code = [...content.model.cells].filter((cell) => cell.type === "code")
    const status = sessionContext.session?.kernel?.status
    return code.map((cell) => ({ id: cell.id, status, number: cell.executionCount, outputs: cell.outputs.toJSON() }))
}"""
DONE = f"() => ({CELLS})().every(({{ number, status }}) => number && status === 'idle')"


class Server:
    """JupyterLab as make lab starts it, with settings of its own so that none of the tester's are in force."""

    def __init__(self, folder: Path):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        own = {f"JUPYTER_{name}_DIR": str(folder / name) for name in ("CONFIG", "DATA", "RUNTIME")}
        own |= {"IPYTHONDIR": str(folder / "IPYTHON")}
        options = f"--no-browser --port={port} --LabApp.expose_app_in_browser=True"
        options += " --allow-root" if browsers.is_root() else ""
        self.process = subprocess.Popen(
            ["make", "--no-print-directory", "lab", f"LAB={options}", f"LAYOUT={folder / 'layout'}"],
            cwd=notebooks.ROOT,
            env={k: v for k, v in os.environ.items() if k != "DOJO_STATIC"} | own,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        log = []
        for line in self.process.stdout:
            log.append(line)
            if found := re.search(r"http://localhost:\d+/\S*token=\w{20,}", line):
                self.url = found[0]
                return
        raise RuntimeError("".join(log))

    def ends(self) -> set[psutil.Process]:
        """End the server with all that it started; what is left after ten seconds."""
        started = [*psutil.Process(self.process.pid).children(recursive=True), psutil.Process(self.process.pid)]
        os.killpg(self.process.pid, signal.SIGINT)
        os.killpg(self.process.pid, signal.SIGTERM)
        left = set(psutil.wait_procs(started, timeout=10)[1])
        self.process.communicate()
        return left


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    started = Server(tmp_path_factory.mktemp("lab"))
    yield started
    assert started.ends() == set()


class Reader:
    """Somebody with a browser: opens notebooks, runs them, follows links. Notes what goes wrong meanwhile."""

    def __init__(self, browser: Browser, url: str):
        self.start, self.faults = url, []
        self.page: Page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        self.page.set_default_timeout(1000 * SECONDS)
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        self.page.on("request", self._asked)

    def _heard(self, said: ConsoleMessage) -> None:
        if said.type in ("error", "warning") and KNOWN not in said.text:
            self.faults.append(f"{said.type}: {said.text}")

    def _asked(self, request) -> None:
        address = urlsplit(request.url)
        if address.scheme in ("http", "https", "ws", "wss") and address.hostname != "localhost":
            self.faults.append(f"asks: {request.url}")

    def opens(self, name: str = "") -> Locator:
        """A notebook in a layout of its own; without a name what make lab opens."""
        address = urlsplit(self.start)
        path = f"/lab/workspaces/{name}/tree/notebooks/{name}.ipynb" if name else address.path
        self.page.goto(f"{address.scheme}://{address.netloc}{path}?{address.query}")
        return self.sees(name or Path(address.path).stem)

    def sees(self, name: str) -> Locator:
        """The notebook of that name, once it stands in front with a kernel that is ready."""
        self.page.locator(f".lm-TabBar-tab.lm-mod-current:has-text('{name}.ipynb')").wait_for()
        panel = self.page.locator(".jp-NotebookPanel:visible")
        panel.locator("h1").first.wait_for()
        panel.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for()
        return panel

    def chooses(self, menu: str, item: str) -> None:
        self.page.get_by_role("menuitem", name=menu, exact=True).click()
        self.page.get_by_role("menuitem", name=item, exact=True).click()

    def runs_all(self) -> list[dict]:
        """Run all cells, without what was stored, which has numbers already; the code cells afterwards."""
        self.chooses("Edit", "Clear Outputs of All Cells")
        self.page.wait_for_function(f"() => ({CELLS})().every(({{ number }}) => !number)")
        self.chooses("Run", "Run All Cells")
        self.page.wait_for_function(DONE)
        return self.page.evaluate(CELLS)

    def cell(self, cell_id: str) -> Locator:
        """A cell of the notebook in front."""
        find = "id => jupyterapp.shell.currentWidget.content.widgets.findIndex((cell) => cell.model.id === id)"
        return self.page.locator(".jp-NotebookPanel:visible .jp-Notebook-cell").nth(self.page.evaluate(find, cell_id))


@pytest.fixture
def reader(browser, server) -> Iterator[Reader]:
    somebody = Reader(browser, server.url)
    yield somebody
    somebody.page.context.close()
    assert somebody.faults == []


def told(outputs: list[dict]) -> list[str]:
    """What a cell shows, as plain text; what only a browser shows, sliders, has none worth comparing."""
    shown = [output.get("data", {}) for output in outputs]
    return [notebooks.joined(data["text/plain"]) for data in shown if not any("widget" in kind for kind in data)]


# --- the server and the first page ----------------------------------------------------------------


def test_the_start_page_opens_with_its_contents_and_nothing_else_pops_up(reader):
    panel = reader.opens()
    assert panel.locator("h1").inner_text().startswith("Why did Tesla stop Dojo?")
    contents = reader.page.locator(".jp-TableOfContents:visible")
    expect(contents).to_contain_text("The story in a minute")
    expect(reader.page.locator(".jp-Notification-Status")).to_have_text("0")
    assert reader.page.locator(".jp-Dialog, .Toastify__toast").count() == 0


def test_the_server_listens_here_alone_and_asks_for_its_token(server):
    processes = [psutil.Process(server.process.pid), *psutil.Process(server.process.pid).children(recursive=True)]
    hosts = {c.laddr.ip for p in processes for c in p.net_connections("tcp") if c.status == psutil.CONN_LISTEN}
    assert hosts <= {"127.0.0.1", "::1"}
    assert hosts
    address = urlsplit(server.url)
    with pytest.raises(HTTPError, match="403"):
        urlopen(f"http://{address.netloc}/api/contents")


def test_only_what_is_plumbing_is_folded_and_reading_saves_nothing(reader):
    reader.opens("03-two-jobs")
    expect(reader.cell("setup").locator(".jp-InputPlaceholder")).to_be_visible()
    expect(reader.cell("learning").locator(".jp-InputPlaceholder")).to_have_count(0)
    reader.page.get_by_role("menuitem", name="Settings", exact=True).click()
    expect(reader.page.get_by_role("menuitem", name="Autosave Documents", exact=True)).to_be_visible()
    assert reader.page.get_by_role("menuitemcheckbox", name="Autosave Documents").count() == 0  # it would be on


# --- every notebook ---------------------------------------------------------------------------------


@pytest.mark.parametrize("book", BOOKS, ids=lambda book: book.name)
def test_every_notebook_runs_as_a_reader_would_run_it(reader, book):
    before = book.path.read_bytes()
    panel = reader.opens(book.name)
    cells = reader.runs_all()
    assert [cell["number"] for cell in cells] == [*range(1, len(cells) + 1)]
    assert [
        cell["id"] for cell in cells if any(out["output_type"] in ("error", "stream") for out in cell["outputs"])
    ] == []
    stored = {cell["id"]: told(cell["outputs"]) for cell in book.code() if not notebooks.live(cell)}
    assert {cell["id"]: told(cell["outputs"]) for cell in cells if cell["id"] in stored} == stored
    alts = panel.locator(".jp-OutputArea-output img").evaluate_all("all => all.map((image) => image.alt)")
    assert [alt for alt in alts if len(alt) not in show.ALT_LENGTH] == []
    assert len(alts) == sum(notebooks.output_html(cell).count("<img") for cell in book.code())
    assert book.path.read_bytes() == before


@pytest.mark.thorough
@pytest.mark.parametrize("book", BOOKS, ids=lambda book: book.name)
def test_a_notebook_run_again_in_a_new_kernel_says_the_same(reader, book):
    reader.opens(book.name)
    live = {cell["id"] for cell in book.code() if notebooks.live(cell)}
    first = [told(cell["outputs"]) for cell in reader.runs_all() if cell["id"] not in live]
    reader.page.evaluate("() => { jupyterapp.shell.currentWidget.sessionContext.session.kernel.before = true }")
    reader.chooses("Kernel", "Restart Kernel and Run All Cells…")
    reader.page.locator(".jp-Dialog").get_by_role("button", name="Restart").click()
    reader.page.wait_for_function(f"() => ({CELLS})().some(({{ number }}) => !number)")
    reader.page.wait_for_function(DONE)
    again = [told(cell["outputs"]) for cell in reader.page.evaluate(CELLS) if cell["id"] not in live]
    assert again == first


# --- links, sliders, Tab ------------------------------------------------------------------------------


def test_a_fact_leads_to_its_table(reader):
    panel = reader.opens("01-timeline")
    panel.get_by_role("link", name="100,000", exact=True).first.click()
    reader.page.locator(".lm-TabBar-tab.lm-mod-current:has-text('finance_figures.csv')").wait_for()
    expect(reader.page.locator(".jp-CSVViewer:visible")).to_have_count(1)


def test_a_computed_number_leads_to_its_cell_also_in_another_notebook(reader):
    panel = reader.opens("00-start-here")
    panel.get_by_role("link", name="15 days").click()
    panel = reader.sees("01-timeline")
    expect(reader.cell("days-apart")).to_be_in_viewport()
    panel.get_by_role("link", name="67,000").scroll_into_view_if_needed()
    expect(reader.cell("days-apart")).not_to_be_in_viewport()
    panel.get_by_role("link", name="15 days").last.click()
    expect(reader.cell("days-apart")).to_be_in_viewport()


@pytest.mark.parametrize("book", BOOKS, ids=lambda book: book.name)
def test_every_notebook_says_where_to_go_next(book):
    names = [one.name for one in BOOKS]
    place = names.index(book.name)
    prose = "".join(notebooks.source(cell) for cell in book.cells if cell["cell_type"] == "markdown")
    last = notebooks.source(book.cells[-1]) if place else prose  # the start page has a map of all
    for name in names[place + 1 : place + 2] or names[:1]:
        assert f"]({name}.ipynb)" in last
    if place:
        assert any(f"]({name}.ipynb)" in last for name in {names[place - 1], names[0]})


def test_a_slider_has_a_name_and_follows_the_keyboard(reader):
    reader.opens("04-number-formats")
    reader.runs_all()
    drawn = reader.cell("rulers").get_by_role("img")
    slider = reader.cell("rulers").get_by_role("slider", name="exponent bits")
    slider.focus()
    slider.press("ArrowUp")
    expect(drawn).to_have_attribute("src", re.compile(r"4(%20| )\+(%20| )4(%20| )bits"))
    number = reader.cell("rulers").get_by_label("exponent bits, to type")
    expect(number).to_have_value("4")
    number.fill("99")
    number.press("Enter")
    expect(number).to_have_value("4")
    number.fill("6")
    number.press("Enter")
    expect(slider).to_have_value("6")
    expect(drawn).to_have_attribute("src", re.compile(r"6(%20| )\+(%20| )4(%20| )bits"))
    slider.press("d")
    slider.press("d")  # which would delete the cell, were the slider not in the way
    assert "bias" in unquote(drawn.get_attribute("src"))


def test_tab_completes_the_id_of_a_row(reader):
    reader.opens("00-start-here")
    reader.runs_all()
    editor = reader.cell("why").get_by_role("textbox")
    editor.press("ControlOrMeta+a")
    editor.press_sequentially('show.why("dojo-disb')
    editor.press("Tab")
    expect(editor).to_contain_text("dojo-disbanded-report")
