"""The notebooks in a real JupyterLab, started by make lab and read in a real browser."""

import platform
import re
from collections.abc import Iterator
from urllib.error import HTTPError
from urllib.parse import unquote, urlsplit
from urllib.request import urlopen

import psutil
import pytest
from playwright.sync_api import Error, expect

from dojo import show
from publish import bench_lab, lab, notebooks

expect.set_options(timeout=1000 * lab.LIMIT)
BOOKS = notebooks.everything()
#: the cells with sliders
SLIDERS = {
    "04-number-formats": {"rulers"},
    "05-deadline-and-watts": {"limits", "car-table"},
    "06-board-of-ai6": {"sliders"},
    "07-verdict": {"scales"},  # a form on the page, sliders here
}
#: those that compute long are run whole by the thorough tests; pytest-notebook executes them in any case
LONG = {"04-number-formats", "05-deadline-and-watts", "06-board-of-ai6", "07-verdict"}
EACH = [pytest.param(one, id=one.name, marks=[pytest.mark.thorough] * (one.name in LONG)) for one in BOOKS]
#: a link to a file, once JupyterLab has made it lead there
LEADS = "a[href*='/files/']"


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[lab.Server]:
    with lab.started(tmp_path_factory.mktemp("lab")) as server:
        yield server


@pytest.fixture
def reader(browser, server) -> Iterator[lab.Reader]:
    somebody = lab.Reader(browser, server.url)
    yield somebody
    somebody.leaves()
    assert somebody.faults == []


@pytest.fixture(scope="module")
def page(browser, server) -> Iterator[lab.Reader]:
    somebody = lab.Reader(browser, server.url)
    somebody.opens()
    yield somebody
    somebody.leaves()


@pytest.fixture
def regular(page) -> Iterator[lab.Reader]:
    """Somebody who reads one notebook after another in one page."""
    yield page
    page.puts_away()
    assert page.faults == []


def told(outputs: list[dict]) -> list[str]:
    """What a cell shows, as plain text, without sliders."""
    shown = [output.get("data", {}) for output in outputs]
    return [notebooks.joined(data["text/plain"]) for data in shown if not moves(data)]


def moves(data: dict) -> bool:
    """Whether an output is sliders."""
    return any("widget" in kind for kind in data)


# --- the server and the first page ----------------------------------------------------------------


def test_the_start_page_opens_with_its_contents_and_nothing_else_pops_up(reader):
    panel = reader.opens()
    assert panel.locator("h1").inner_text().startswith("Why did Tesla stop Dojo?")
    contents = reader.page.locator(".jp-TableOfContents:visible")
    expect(contents).to_contain_text("The story in a minute")
    expect(reader.page.locator(".jp-Notification-Status")).to_have_text("0")
    assert reader.page.locator(".jp-Dialog, .Toastify__toast").count() == 0


def test_the_server_listens_here_alone_and_asks_for_its_token(server):
    hosts = {c.laddr.ip for p in server.processes() for c in p.net_connections("tcp") if c.status == psutil.CONN_LISTEN}
    assert hosts <= {"127.0.0.1", "::1"}
    assert hosts
    address = urlsplit(server.url)
    with pytest.raises(HTTPError, match="403"):
        urlopen(f"http://{address.netloc}/api/contents")


def test_only_what_is_plumbing_is_folded_and_reading_saves_nothing(regular):
    regular.turns_to("03-two-jobs")
    (book,) = (book for book in BOOKS if book.name == "03-two-jobs")
    ours = (
        book.content["metadata"]["language_info"]["version"] == platform.python_version()
    )  # JupyterLab writes it anew
    dirty = """async () => {
        const { context, model, sessionContext } = jupyterapp.shell.currentWidget;
        await Promise.all([context.ready, sessionContext.ready]);
        await sessionContext.session.kernel.info; // with it comes the version
        return model.dirty;
    }"""
    assert regular.asks(dirty) is not ours
    expect(regular.cell("setup").locator(".jp-InputPlaceholder")).to_be_visible()
    expect(regular.cell("learning").locator(".jp-InputPlaceholder")).to_have_count(0)
    regular.page.get_by_role("menuitem", name="Settings", exact=True).click()
    expect(regular.page.get_by_role("menuitem", name="Autosave Documents", exact=True)).to_be_visible()
    assert regular.page.get_by_role("menuitemcheckbox", name="Autosave Documents").count() == 0  # it would be on
    regular.page.keyboard.press("Escape")


# --- every notebook ---------------------------------------------------------------------------------


@pytest.mark.parametrize("book", EACH)
def test_every_notebook_runs_as_a_reader_would_run_it(regular, book):
    before = book.path.read_bytes()
    panel = regular.turns_to(book.name)
    cells = regular.runs_all()
    assert [cell["number"] for cell in cells] == [*range(1, len(cells) + 1)]
    kinds = {cell["id"]: {output["output_type"] for output in cell["outputs"]} for cell in cells}
    assert [cell_id for cell_id, shown in kinds.items() if shown & {"error", "stream"}] == []
    unlike = {cell["id"] for cell in book.code() if notebooks.live(cell) or "scales.scales(" in notebooks.source(cell)}
    stored = {cell["id"]: told(cell["outputs"]) for cell in book.code() if cell["id"] not in unlike}
    assert {cell["id"]: told(cell["outputs"]) for cell in cells if cell["id"] in stored} == stored
    with_sliders = {cell["id"] for cell in cells if any(moves(output["data"]) for output in cell["outputs"])}
    assert with_sliders == SLIDERS.get(book.name, set())
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
    again = [told(cell["outputs"]) for cell in reader.restarts_and_runs_all() if cell["id"] not in live]
    assert again == first


# --- links, sliders, Tab ------------------------------------------------------------------------------


def test_a_fact_leads_to_its_table(regular):
    with regular.in_a_small_window():
        panel = regular.turns_to("01-timeline")
        panel.get_by_role("link", name="100,000", exact=True).and_(panel.locator(LEADS)).first.click()
        regular.page.locator(".lm-TabBar-tab.lm-mod-current:has-text('finance_figures.csv')").wait_for()
        expect(regular.page.locator(".jp-CSVViewer:visible")).to_have_count(1)


def test_a_computed_number_leads_to_its_cell_also_in_another_notebook(regular):
    panel = regular.turns_to("00-start-here")
    panel.get_by_role("link", name="15 days").and_(panel.locator(LEADS)).click()
    panel = regular.sees("01-timeline")
    expect(regular.cell("days-apart")).to_be_in_viewport()
    panel.get_by_role("link", name="67,000").scroll_into_view_if_needed()
    expect(regular.cell("days-apart")).not_to_be_in_viewport()
    panel.get_by_role("link", name="15 days").last.click()
    expect(regular.cell("days-apart")).to_be_in_viewport()


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


def test_a_slider_has_a_name_and_follows_the_keyboard(regular):
    regular.turns_to("04-number-formats")
    regular.runs_to("rulers")
    drawn = regular.cell("rulers").get_by_role("img")
    slider = regular.cell("rulers").get_by_role("slider", name="exponent bits")
    slider.focus()
    slider.press("ArrowUp")
    expect(drawn).to_have_attribute("src", re.compile(r"4(%20| )\+(%20| )4(%20| )bits"))
    number = regular.cell("rulers").get_by_label("exponent bits, to type")
    expect(number).to_have_value("4")
    for typed, taken in (("99", "4"), ("", "4"), ("2.5", "4"), ("6", "6")):
        number.press("ControlOrMeta+a")
        number.press_sequentially(typed) if typed else number.press("Delete")
        number.press("Enter")
        expect(number).to_have_value(taken)
    expect(slider).to_have_value("6")
    expect(drawn).to_have_attribute("src", re.compile(r"6(%20| )\+(%20| )4(%20| )bits"))
    slider.press("d")
    slider.press("d")  # which would delete the cell, were the slider not in the way
    assert "bias" in unquote(drawn.get_attribute("src"))


def test_a_notebook_is_seen_only_once_its_kernel_listens(regular):
    slow = """() => {
        const { sessions } = jupyterapp.serviceManager
        sessions.refreshRunning = async () => {
            delete sessions.refreshRunning
            await new Promise((go) => setTimeout(go, 2000))
            return sessions.refreshRunning()
        }
    }"""
    regular.asks(slow)
    regular.turns_to("02-people")
    # that it is idle, as the reader saw, may be over: JupyterLab asks it this and that
    context = "jupyterapp.shell.currentWidget.sessionContext"
    assert regular.asks(f"() => {context}.session?.kernel?.connectionStatus") == "connected"


def test_what_is_unfolded_stays_so_and_views_agree(regular):
    regular.turns_to("04-number-formats")
    regular.runs_to("rulers")
    cell = regular.cell("rulers")
    data = cell.locator("details")
    data.locator("summary").click()
    regular.page.evaluate(
        """() => {
            const { content } = jupyterapp.shell.currentWidget
            content.activeCellIndex = content.widgets.findIndex((cell) => cell.model.id === "rulers")
            jupyterapp.commands.execute("notebook:create-output-view")
        }"""
    )
    first, second = (regular.page.get_by_label("mantissa bits", exact=True).nth(place) for place in range(2))
    expect(second).to_be_visible()
    first.press("ArrowRight")
    expect(second).to_have_value("5")
    second.press("ArrowRight")
    expect(first).to_have_value("6")
    expect(cell.get_by_role("img")).to_have_attribute("src", re.compile("(%20| )6(%20| )bits"))
    expect(data).to_have_attribute("open", "")


@pytest.fixture(scope="class")
def far_down(page) -> Iterator[lab.Reader]:
    """The same at sliders below cells that take a while, which are run once for a class of tests."""
    page.turns_to("05-deadline-and-watts")
    page.runs_to("car-table")
    yield page
    page.puts_away()
    assert page.faults == []


class TestFarDown:
    def test_the_bench_times_every_move_until_its_picture_stands(self, far_down):
        sliders = far_down.cell("car-table").locator("input[type=range]")
        taken = bench_lab.moves(sliders)
        assert len(taken) == 2 * bench_lab.MOVES
        assert min(taken) > 0
        ends = [slider.input_value() for slider in sliders.all()]
        assert ends == ["110", "0.11"]  # an odd number of steps, there and back
        assert bench_lab.told("a move", [50.4, 70, 60], "ms").split() == ["a", "move", "60", "50", "70", "ms", "(3)"]

    def test_who_moves_a_slider_without_its_kernel_is_told(self, far_down):
        watts = far_down.cell("car-table").get_by_role("slider", name="watts")
        advice = far_down.cell("car-table").get_by_role("status")
        watts.press("ArrowRight")
        expect(far_down.cell("car-table")).to_contain_text("W takes")
        expect(advice).to_have_count(0)
        far_down.asks("() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
        watts.press("ArrowRight")
        expect(advice).to_have_text(re.compile("Run this cell again"))
        far_down.forgets_the_end()


def test_tab_completes_the_id_of_a_row(regular):
    regular.turns_to("00-start-here")
    regular.runs_to("why")
    editor = regular.cell("why").get_by_role("textbox")
    editor.press("ControlOrMeta+a")
    editor.press_sequentially('show.why("dojo-disb')
    editor.press("Tab")
    expect(regular.page.locator(".jp-Completer:visible")).to_contain_text("dojo-disbanded-report")
    editor.press("Enter")
    expect(editor).to_have_text('show.why("dojo-disbanded-report')


def test_a_page_that_gives_no_answer_is_not_waited_for(browser, monkeypatch):
    monkeypatch.setattr(lab, "LIMIT", 1)
    somebody = lab.Reader(browser, "http://localhost/lab")
    assert somebody.asks("async (given) => given + 1", 1) == 2
    with pytest.raises(Error, match="no answer"):
        somebody.asks("() => new Promise(() => {})")
    somebody.page.close()


def test_an_answer_that_comes_while_much_else_is_settled_is_heard(browser):
    # the browser clears its memory while so many things are made: for some numbers just before the answer is told
    busy = """many => new Promise((answer) => setTimeout(() => {
        answer(many)
        let left = 60
        const settle = () => { if (left--) Promise.resolve(Array.from({ length: many }, () => ({}))).then(settle) }
        settle()
    }))"""
    for many in range(8_000, 16_000, 1_000):
        somebody = lab.Reader(browser, "http://localhost/lab")
        assert somebody.asks(busy, many) == many
        somebody.page.close()


def test_a_server_that_does_not_start_says_why(tmp_path, monkeypatch):
    monkeypatch.setattr(lab.notebooks, "ROOT", tmp_path)
    with pytest.raises(RuntimeError, match=r"JupyterLab did not start:\n.*make"):
        lab.Server(tmp_path)
