"""What is put on the page carries title, alt text, caption, sources and data; sliders only where they move."""

import xml.etree.ElementTree as ET
from urllib.parse import unquote

import matplotlib
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
    assert show.explore(square, side=(1.0, 5.0, 0.5)) == square()


@pytest.mark.usefixtures("front_end")
def test_pages_are_static_even_when_built_from_a_front_end(monkeypatch):
    monkeypatch.setenv("DOJO_STATIC", "1")
    assert show.explore(square, side=(1.0, 5.0, 0.5)) == square()


def test_vs_code_is_a_front_end_too(monkeypatch):
    for name in ("JPY_SESSION_NAME", "DOJO_STATIC", "PYDEVD_IPYTHON_COMPATIBLE_DEBUGGING"):
        monkeypatch.delenv(name, raising=False)
    assert not show.live()
    monkeypatch.setenv("PYDEVD_IPYTHON_COMPATIBLE_DEBUGGING", "1")
    assert show.live()


@pytest.mark.usefixtures("front_end")
def test_in_a_front_end_each_parameter_gets_its_control():
    explorer = show.explore(square, side=(1.0, 5.0, 0.5), colour=["red", "blue"])
    assert explorer.controls[""].fields == [
        {"name": "side", "label": "side", "low": 1.0, "high": 5.0, "step": 0.5},
        {"name": "colour", "label": "colour", "options": ["red", "blue"], "slides": False},
    ]
    assert explorer.controls[""].values == {"side": 2.0, "colour": "blue"}


@pytest.mark.usefixtures("front_end")
def test_a_list_of_numbers_becomes_a_slider_and_steps_are_whole_unless_given():
    def tell(batch_size: int = 8, level: int = 1) -> show.Shown:
        return show.numbers(batch=batch_size, level=level)

    batch, level = show.explore(tell, batch_size=[1, 8, 64], level=(0, 3)).controls[""].fields
    assert batch == {"name": "batch_size", "label": "batch size", "options": [1, 8, 64], "slides": True}
    assert (level["low"], level["high"], level["step"]) == (0, 3, 1)


#: what a reader does: show a slider, move it, move it to where the function has no answer, and back
EXPLORED = {
    "show": """
import os
os.environ["JPY_SESSION_NAME"] = "here"
del os.environ["DOJO_STATIC"]
from dojo import show
def tell(level=2.0, name="a"):
    return show.numbers(level=1 / (level - 5), name=name)
box = show.explore(tell, level=(1.0, 6.0, 0.5))
box""",
    "moved": "box.controls[''].values = {'level': 3}\nbox.values",
    "wrong": "box.controls[''].values = {'level': 5}",
}


@pytest.mark.parametrize(
    ("cells", "shown"),
    [
        (["show"], ["level: -0.3333333333333333\nname: a"]),
        (["show", "moved"], ["level: -0.5\nname: a"]),
        (["show", "wrong"], ["ZeroDivisionError: float division by zero"]),
        (["show", "wrong", "moved"], ["level: -0.5\nname: a"]),
    ],
)
def test_a_moved_control_shows_the_result_anew_in_place(cells, shown):
    content = [
        {
            "cell_type": "code",
            "id": name,
            "source": EXPLORED[name],
            "metadata": {},
            "outputs": [],
            "execution_count": None,
        }
        for name in cells
    ]
    content = {"cells": content, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    done = execute.run(notebooks.Notebook(notebooks.FOLDER / "09-test.ipynb", content))
    texts = [output["data"] for output in done.cells[0]["outputs"]]
    assert [data["text/plain"] for data in texts if "text/html" in data] == shown
    if cells[-1] == "moved":
        assert notebooks.output_text(done.cells[-1]) == "{'level': 3.0, 'name': 'a'}"


@pytest.mark.usefixtures("front_end")
def test_a_parameter_without_a_choice_keeps_its_default_and_gets_no_control():
    explorer = show.explore(square, side=(1.0, 5.0, 0.5))
    assert [field["name"] for field in explorer.controls[""].fields] == ["side"]
    assert explorer.values == {"side": 2.0, "colour": "blue"}


@pytest.mark.usefixtures("front_end")
@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({"side": (3.0, 5.0, 0.5)}, "side starts at 2.0; expected 3.0 to 5.0"),
        ({"colour": ["red"]}, "expected one of red"),
    ],
)
def test_a_start_that_is_no_choice_is_refused(choice, expected):
    with pytest.raises(ValueError, match=expected):
        show.explore(square, **choice)


def test_a_choice_for_no_parameter_is_refused():
    with pytest.raises(TypeError, match="has no parameter width"):
        show.explore(square, width=(1, 2))


@pytest.mark.usefixtures("front_end")
def test_controls_of_any_name_take_their_start_and_are_folded_by_group():
    def add(**parts: float) -> show.Shown:
        return show.numbers(sum=sum(parts.values()))

    start, choices = {"first": 1.0, "second, third": 2.0}, {"first": (0.0, 3.0, 0.5), "second, third": (0.0, 3.0, 0.5)}
    explorer = show.explore(add, start=start, groups={"More": ["second, third"]}, **choices)
    assert {heading: controls.values for heading, controls in explorer.controls.items()} == {
        "": {"first": 1.0},
        "More": {"second, third": 2.0},
    }
    assert [controls.heading for controls in explorer.controls.values()] == ["", "More"]
    explorer.controls["More"].values = {"second, third": 3}
    assert explorer.values == {"first": 1.0, "second, third": 3.0}
    with pytest.raises(TypeError, match="has no parameter third"):
        show.explore(add, start=start, third=(0.0, 1.0, 0.5))


def test_a_parameter_without_default_is_refused():
    with pytest.raises(TypeError, match="needs a default for side"):
        show.explore(lambda side: show.Shown("", str(side)), side=(1, 2))


def test_charts_are_drawn_alike_whatever_a_reader_has_in_a_matplotlibrc():
    chart = marks.styled(_chart)
    drawn = show.svg(chart())
    with matplotlib.rc_context({"lines.linewidth": 9, "axes.grid": True, "svg.fonttype": "path", "font.weight": 900}):
        assert show.svg(chart()) == drawn


def _chart():
    figure = marks.canvas(200, 200)
    figure.add_subplot().plot([1, 2, 3], label="three")
    figure.axes[0].set_title("Three")
    return figure
