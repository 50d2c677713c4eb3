"""What is put on the page carries title, alt text, caption, sources and data; sliders only where they move."""

import xml.etree.ElementTree as ET
from urllib.parse import unquote

import pandas as pd
import pytest
from bs4 import BeautifulSoup

from dojo import marks, show
from publish import execute, notebooks

DATA = pd.DataFrame({"what": ["a", "b"], "value": [1.0, None], "source_ids": [("cnbc-2025-08-07",), ()]})
ALT = "Two dots, one above the other, on an axis without units; the upper one is larger."


def shown(**more):
    figure = marks.canvas(marks.NARROW, 100)
    return show.figure(figure, **{"title": "Two of a kind", "alt": ALT, "data": DATA, **more})


def test_a_figure_carries_what_a_reader_needs():
    soup = BeautifulSoup(shown(caption="As drawn.", subtitle="In units.").html, "html.parser")
    assert soup.img["alt"] == ALT
    assert soup.select_one(".title").get_text() == "Two of a kind"
    assert soup.select_one(".subtitle").get_text() == "In units."
    assert "As drawn." in soup.figcaption.get_text()
    assert "CNBC, 7 August 2025" in soup.figcaption.get_text()
    assert [th.get_text() for th in soup.select("details th")] == ["what", "value", "sources"]
    assert [td.get_text() for td in soup.select("tbody td")][3:5] == ["b", ""]


def test_the_plain_text_of_a_figure_is_its_title_and_alt():
    assert repr(shown()) == f"Two of a kind\n{ALT}"


@pytest.mark.parametrize("alt", ["A chart.", "x" * 301, "Two of a kind"])
def test_an_alt_text_that_says_nothing_is_refused(alt):
    with pytest.raises(ValueError, match="alt text"):
        shown(alt=alt)


def test_an_alt_text_that_repeats_the_title_is_refused():
    with pytest.raises(ValueError, match="repeats the title"):
        shown(title=ALT)


def dots(*names):
    figure = marks.canvas(marks.NARROW, 100)
    ax = figure.add_axes((0.1, 0.2, 0.8, 0.7))
    for place, name in enumerate(names):
        ax.scatter([place], [0]).set_gid(name)
    return figure


def test_marks_that_are_named_get_areas_with_their_words():
    html = show.figure(dots("a", "b"), title="Two", alt=ALT, data=DATA, names={"b": '<second> & "last"'}).html
    soup = BeautifulSoup(html, "html.parser")
    assert soup.figure["class"] == ["narrow", "interactive"]
    picture = ET.fromstring(unquote(soup.img["src"].partition(",")[2]))
    (area,) = picture.iterfind(".//*[@data-mark]")
    assert area.get("data-mark") == "b"
    assert "".join(area.itertext()) == '<second> & "last"'
    (circle,) = picture.iterfind(".//*[@id='b']")
    middle = float(area.get("x")) + float(area.get("width")) / 2
    assert middle == pytest.approx(float(circle.get("cx")), abs=0.02)
    assert "interactive" not in shown().html


@pytest.mark.parametrize(("drawn", "named"), [(("a",), "b"), (("a", "a"), "a")])
def test_a_name_for_no_mark_or_for_several_is_refused(drawn, named):
    with pytest.raises(ValueError, match=f"not drawn exactly once: {named}"):
        show.figure(dots(*drawn), title="Two", alt=ALT, data=DATA, names={named: "words"})


def test_a_name_for_what_is_hidden_is_refused():
    figure = dots("a")
    figure.axes[0].collections[0].set_visible(False)
    with pytest.raises(ValueError, match="cannot be named: a"):
        show.svg(figure, {"a": "words"})


def test_a_mark_is_called_by_its_words_date_standing_and_source():
    rows = pd.DataFrame(
        {
            "summary": ["A short one", "Long " * 60],
            "date": ["2025-08-07", "2024"],
            "standing": ["reported", "confirmed"],
            "source_ids": [("cnbc-2025-08-07", "electrek-2024-01-26"), ("cnbc-2025-08-07",)],
        },
        index=["short", "long"],
    )
    called = show.names(rows, "summary")
    assert called["short"] == "A short one.\n7 August 2025, reported. CNBC and 1 more."
    assert called["long"].endswith("Long …\n2024, confirmed. CNBC.")
    assert len(called["long"].splitlines()[0]) <= show.NAME
    assert show.names(DATA.fillna(0), "what", "value") == {"0": "a, value 1.\nCNBC.", "1": "b, value 0."}


def test_html_in_the_data_stays_text():
    data = pd.DataFrame({"what": ["<script>alert(1)</script>"]})
    assert "<script>" not in show.table(data, title="<b>").html


def test_how_a_source_was_read_is_said():
    assert "(read in a copy, opening read)" in show.source_link("electrek-2024-01-26")
    assert "(" not in show.source_link("techcrunch-dojo-timeline-topclaps").partition(">")[2].partition("<")[0]


def test_numbers_print_the_labels_that_prose_cites():
    assert show.numbers(praise_to_report="63 days", events=100).text == "praise to report: 63 days\nevents: 100"


def test_large_numbers_are_readable():
    html = show.table(pd.DataFrame({"n": [16_500_000_000.0, 5760.5]}), title="Sums").html
    assert "16,500,000,000<" in html
    assert "5760.5<" in html


def test_an_aside_is_folded_and_still_says_what_it_holds():
    shown = show.aside(show.numbers(days=63), "Counted <so>")
    assert shown.html.startswith("<details><summary>Counted &lt;so&gt;</summary><dl")
    assert shown.text == "days: 63"


# --- sliders ---------------------------------------------------------------------------------


def square(side: float = 2.0, colour: str = "blue") -> show.Shown:
    """Something to explore."""
    return show.Shown(f"<p>{side**2} {colour}</p>", f"{side**2} {colour}")


@pytest.fixture
def front_end(monkeypatch):
    monkeypatch.setenv("JPY_SESSION_NAME", "notebooks/01-timeline.ipynb")
    monkeypatch.delenv("DOJO_STATIC", raising=False)


def test_without_a_front_end_the_default_is_shown(monkeypatch):
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    monkeypatch.delenv("VSCODE_PID", raising=False)
    assert show.explore(square, side=(1.0, 5.0, 0.5)) == square()


@pytest.mark.usefixtures("front_end")
def test_pages_are_static_even_when_built_from_a_front_end(monkeypatch):
    monkeypatch.setenv("DOJO_STATIC", "1")
    assert show.explore(square, side=(1.0, 5.0, 0.5)) == square()


@pytest.mark.usefixtures("front_end")
def test_in_a_front_end_each_parameter_gets_its_slider():
    box = show.explore(square, side=(1.0, 5.0, 0.5), colour=["red", "blue"])
    side, colour = box.children[:2]
    assert (side.description, side.value, side.min, side.max, side.step) == ("side", 2.0, 1.0, 5.0, 0.5)
    assert (colour.description, colour.value) == ("colour", "blue")
    side.value = 3.0
    assert box.kwargs == {"side": 3.0, "colour": "blue"}


#: what a reader does: show a slider, move it, look
EXPLORED = {
    "show": """
import os
os.environ["JPY_SESSION_NAME"] = "here"
del os.environ["DOJO_STATIC"]
from dojo import show
def tell(level=2):
    return show.numbers(level=level)
box = show.explore(tell, level=(1, 3))
box""",
    "look": "print([shown['data']['text/plain'] for shown in box.out.outputs])",
    "move": "box.children[0].value = 3",
    "look-again": "print([shown['data']['text/plain'] for shown in box.out.outputs])",
}


def test_a_moved_slider_shows_the_result_anew():
    cells = [
        {"cell_type": "code", "id": name, "source": code, "metadata": {}, "outputs": [], "execution_count": None}
        for name, code in EXPLORED.items()
    ]
    content = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    done = execute.run(notebooks.Notebook(notebooks.FOLDER / "09-test.ipynb", content))
    said = {cell["id"]: notebooks.output_text(cell).strip() for cell in done.cells}
    assert said["look"] == "['level: 2']"
    assert said["look-again"] == "['level: 3']"


@pytest.mark.usefixtures("front_end")
def test_a_parameter_without_a_choice_keeps_its_default_and_gets_no_slider():
    box = show.explore(square, side=(1.0, 5.0, 0.5))
    assert [widget.description for widget in box.children[:-1]] == ["side"]
    assert box.kwargs == {"side": 2.0, "colour": "blue"}


def test_a_choice_for_no_parameter_is_refused():
    with pytest.raises(TypeError, match="has no parameter width"):
        show.explore(square, width=(1, 2))


@pytest.mark.usefixtures("front_end")
def test_sliders_of_any_name_take_their_start_and_are_folded_by_group():
    def add(**parts: float) -> show.Shown:
        return show.numbers(sum=sum(parts.values()))

    start, choices = {"first": 1.0, "second, third": 2.0}, {"first": (0.0, 3.0, 0.5), "second, third": (0.0, 3.0, 0.5)}
    box = show.explore(add, start=start, groups={"More": ["second, third"]}, **choices)
    assert [widget.description for widget in box.children[:1]] == ["first"]
    folded = box.children[-1]
    assert [*folded.titles] == ["More"]
    assert [slider.value for slider in folded.children[0].children] == [2.0]
    assert box.kwargs == start
    with pytest.raises(TypeError, match="has no parameter third"):
        show.explore(add, start=start, third=(0.0, 1.0, 0.5))


def test_a_parameter_without_default_is_refused():
    with pytest.raises(TypeError, match="needs a default for side"):
        show.explore(lambda side: show.Shown("", str(side)), side=(1, 2))
