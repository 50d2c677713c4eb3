"""Nobody is kept out of the pages: what axe, the keyboard and a screen reader find; and that they would find it."""

import re
from urllib.parse import quote

import numpy as np
import pytest

from publish import __main__, audit, pages

PAGES = sorted(__main__.EXPORTS.glob("*.html"))
#: the whole story repeats the text and the drawings of the others
each_part = pytest.mark.parametrize("path", [p for p in PAGES if p.name != pages.EDITION], ids=lambda path: path.stem)

FRAME = """<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>A page</title>
<style>:root {{ color-scheme: light dark }} body {{ margin: 0; background: #fff; color: #1b1b1b; font: 16px serif }}
@media (prefers-color-scheme: dark) {{ body {{ background: #171717; color: #e4e4e4 }} }}
#edge {{ position: absolute; left: -999px }} #edge:focus {{ left: 0 }}</style>
<a id="edge" href="#top" style="color: inherit">Skip to the text</a><main id="top"><h1>A page</h1>{}</main>"""
SOUND = "A line that rises from two in the first year to nine in the last, with one dent."


@pytest.fixture
def page(tmp_path):
    """Writes a page that has no fault but what is put into it."""

    def write(body: str):
        path = tmp_path / "page.html"
        path.write_text(FRAME.format(body), "utf-8")
        return path

    return write


# --- the pages ----------------------------------------------------------------------------------


@each_part
def test_figures_and_pictures_are_told_to_those_who_do_not_see_them(browser, path):
    assert audit.unheard(browser, path) == []


@pytest.mark.thorough
def test_nor_are_those_of_the_whole_story_kept_from_them(browser):
    assert audit.unheard(browser, __main__.EXPORTS / pages.EDITION) == []


@each_part
def test_the_keyboard_reaches_all_and_shows_where_it_is(browser, path):
    assert audit.walk(browser, path, 375) == []


@pytest.mark.thorough
def test_the_keyboard_reaches_all_of_the_whole_story(browser):
    assert audit.walk(browser, __main__.EXPORTS / pages.EDITION, 375) == []


@pytest.mark.thorough
@each_part
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (375, "dark")])
def test_the_keyboard_reaches_what_was_folded(browser, path, width, scheme):
    assert audit.walk(browser, path, width, scheme, unfold=True) == []


@pytest.mark.thorough
@each_part
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_faint_text_either(browser, path, scheme):
    found = audit.look(browser, path, 1280, scheme, axe_contrast=True).violations
    assert [one for one in found if one.rule in (audit.CONTRAST, audit.MEASURED)] == []


@pytest.mark.thorough
@each_part
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_words_of_charts_stand_out(browser, path, scheme):
    assert audit.faint_in_charts(browser, path, scheme) == []


# --- what axe and the measure of contrast find --------------------------------------------------

SCROLLING = """<div tabindex="0" role="region" aria-label="Wide" style="width: 300px; overflow: auto">
<table style="width: 900px"><tr><th scope="col">one<th scope="col" style="{}">two<tr><td>1<td>2</table></div>"""


def test_a_page_without_a_fault_has_none(browser, page):
    path = page(f"<p>All is <a href='#top' style='color: inherit'>well</a>.</p>{SCROLLING}")
    for width, scheme in ((1280, "light"), (375, "dark")):
        seen = audit.look(browser, path, width, scheme, axe_contrast=True)
        assert seen.faults == []
        assert seen.measured == 8 - 1  # the link to skip is beyond the edge


@pytest.mark.parametrize(
    ("body", "rule", "scheme"),
    [
        ("<img src='data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA='>", "image-alt", "light"),
        ("<h3>Too deep</h3>", "heading-order", "light"),  # a best practice
        (
            "<p style='font-size: 20px'><b>Like a heading</b><p>Text that follows it, for quite a while, as it does.",
            "p-as-heading",
            "light",
        ),  # experimental
        ("<details><summary>More</summary><ul><p>no item</ul></details>", "list", "light"),  # folded
        ("<details open><summary></summary>x</details>", "summary-name", "light"),
        (
            "<style>p { color: #222 } @media (prefers-color-scheme: light) { p { color: inherit } }</style><p>x",
            "color-contrast-enhanced",
            "dark",
        ),
        (
            "<p>See also <a href='#top' style='color: #d0d0f0; text-decoration: none'>the well</a> and much more.",
            "link-in-text-block",
            "dark",
        ),
    ],
)
def test_a_broken_rule_is_noticed(browser, page, body, rule, scheme):
    seen = audit.look(browser, page(body), 1280, scheme)
    assert rule in {found.rule for found in seen.violations + seen.undecided}


FAINT = "color: #777"  # 4.48 on white
GROUND = "background: linear-gradient(#888, #888)"


@pytest.mark.parametrize(
    ("body", "ratio"),
    [
        (f"<p style='{FAINT}'>faint", 4.48),
        (f"<details><summary>More</summary><p style='{FAINT}'>faint</details>", 4.48),
        (SCROLLING.format(FAINT), 4.48),  # of which axe says that something obscures it
        (f"<style>p::before {{ content: 'faint'; {FAINT} }}</style><p>x", 4.48),
        ("<p style='background: #000; color: #fff; opacity: 0.4'>half", 2.85),
        (f"<p style='{GROUND}; font: 40px sans-serif; color: #fff'>on a picture", 3.54),
        ("<p style='color: #000; font: 40px sans-serif; filter: invert(0.6)'>filtered", 2.85),
        (f"<svg role='img' aria-label='{SOUND}'><rect width='300' height='99' fill='#888'/>"
         "<text y='50' style='font: 40px sans-serif; fill: #fff'>drawn</text></svg>", 3.54),
        ("<p style='position: relative; height: 60px'><i style='position: absolute; inset: 0; background: #888'></i>"
         "<span style='position: absolute; font: 40px sans-serif; color: #fff'>over another</span>", 3.54),
        ("<style>section:target { background: #777; color: #fff }</style><a href='#s' style='color: inherit'>to</a>"
         "<section id='s'>shaded</section>", 4.48),
        ("<input aria-label='Name' value='x' style='color: #777; background: #fff'>", 4.48),
    ],
    ids=["plain", "folded", "scrolled", "by a style", "opacity", "picture", "filter", "svg", "over", "target", "field"],
)  # fmt: skip
def test_faint_text_is_noticed_however_it_is_painted(browser, page, body, ratio):
    seen = audit.look(browser, page(body), 1280, "light")
    found = [float(number) for one in seen.violations for number in re.findall(r"([\d.]+) of (?:7|4\.5)", one.where)]
    assert found == [pytest.approx(ratio, rel=0.03)]
    assert [one for one in seen.undecided if one.rule.startswith("color")] == []


@pytest.mark.parametrize("size", ["23px", "bold 18px"])
def test_only_large_text_may_be_fainter(browser, page, size):
    small = audit.look(browser, page(f"<p style='color: #707070; font: {size} serif'>x"), 1280, "light")
    large = audit.look(
        browser,
        page(f"<p style='color: #707070; font: {size.replace('3', '4').replace('18', '19')} serif'>x"),
        1280,
        "light",
    )
    assert [found.rule for found in small.violations] == [audit.MEASURED]
    assert large.violations == []


def test_a_link_to_nowhere_is_noticed(browser, page):
    seen = audit.look(browser, page("<a href='#gone' style='color: inherit'>to</a>"), 1280, "light")
    assert "#gone leads nowhere" in {found.where for found in seen.violations}


def test_black_on_white_is_all_the_contrast_there_is():
    white, black = np.full((1, 2, 3), 255.0), np.zeros((1, 2, 3))
    half = np.array([[[0.0] * 3, [255.0] * 3]])  # the text covers the left pixel alone
    assert audit.painted_contrast(half, half, white, white) == pytest.approx(21)
    assert audit.painted_contrast(white, half, white, white) == pytest.approx(1)  # white on white
    assert audit.painted_contrast(black, white, white, white) is None  # the text is nowhere


def test_small_text_is_noticed(browser, page):
    seen = audit.look(browser, page("<p style='font-size: 10.9px'>tiny"), 375, "light")
    assert seen.faults == ["small: 10.9 px: #top p “tiny”"]
    assert seen.smallest == pytest.approx(10.9)


@pytest.mark.parametrize(
    ("colour", "style", "scheme", "fault"),
    [
        ("#767676", "", "light", []),  # 4.54 on white
        ("#808080", "", "light", [3.95]),
        ("#767676", "@media (prefers-color-scheme: dark) { img { filter: invert(1) } }", "dark", []),
        ("#666666", "@media (prefers-color-scheme: dark) { img { filter: invert(0.6) } }", "dark", [1.55]),
        ("#ffffff", "", "light", [1]),
    ],
)
def test_faint_words_of_a_chart_are_noticed(browser, page, colour, style, scheme, fault):
    chart = f"""<svg xmlns='http://www.w3.org/2000/svg' width='400' height='99'>
<style>text{{font:40px sans-serif}}</style><rect width='400' height='99' fill='#fff'/>
<text x='9' y='50' style='fill:{colour}'>drawn</text></svg>"""
    image = f'<style>{style}</style><img alt="{SOUND}" src="data:image/svg+xml,{quote(chart)}">'
    found = audit.faint_in_charts(browser, page(image), scheme)
    assert [float(one.split()[0]) for one in found] == [pytest.approx(ratio, rel=0.02) for ratio in fault]


# --- what the accessibility tree tells ----------------------------------------------------------

PICTURE = "<img src='data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA=' alt='{}'>"


@pytest.mark.parametrize(
    "body",
    [
        f"<figure>{PICTURE.format(SOUND)}</figure>",
        f"<figure><svg role='img' aria-label='{SOUND}'></svg></figure>",
        "<figure><table><tr><th>a<th>b<tr><td>1<td><svg aria-hidden='true'></svg></table></figure>",
        f"<details><summary>More</summary><figure>{PICTURE.format(SOUND)}</figure></details>",
    ],
)
def test_a_figure_with_a_named_picture_or_a_table_is_heard(browser, page, body):
    assert audit.unheard(browser, page(body)) == []


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (f"<figure>{PICTURE.format('')}</figure>", "1 pictures, of which 0 are heard"),
        (f"<figure>{PICTURE.format('Chart')}</figure>", "5 characters: 'Chart'"),
        (f"<figure>{PICTURE.format('xyz ' * 76 + 'x')}</figure>", f"305 characters: '{'xyz ' * 76 + 'x'}'"),
        (f"<figure>{PICTURE.format('f' * 50 + '.svg')}</figure>", f"a file's name: '{'f' * 50}.svg'"),
        (
            f"<figure>{PICTURE.format('This image shows ' + SOUND)}</figure>",
            f"a stock phrase: 'This image shows {SOUND}'",
        ),
        (f"<figure>{PICTURE.format(SOUND) * 2}</figure>", f"named twice: '{SOUND}'"),
        ("<figure><svg><path d='M0 0h9'/></svg><figcaption>All in one</figcaption></figure>", "0 characters: ''"),
        (
            "<figure><svg aria-hidden='true'></svg><figcaption>Hidden</figcaption></figure>",
            "a figure without picture or table: Hidden",
        ),
        (f"<figure aria-hidden='true'>{PICTURE.format(SOUND)}</figure>", "1 figures, of which 0 are heard"),
    ],
)
def test_what_is_not_heard_is_noticed(browser, page, body, fault):
    assert fault in audit.unheard(browser, page(body))


# --- what the keyboard finds --------------------------------------------------------------------

BOX = "<div {} style='width: 100px; overflow: auto'><p style='width: 500px'>wide</p>{}</div>"


def test_the_keyboard_finds_no_fault_where_there_is_none(browser, page):
    assert audit.walk(browser, page(f"<a href='#top'>a</a><button>b</button>{BOX.format('tabindex=0', '')}"), 375) == []


def test_a_page_without_a_way_past_its_head_is_noticed(browser, tmp_path):
    path = tmp_path / "page.html"
    path.write_text("<!doctype html><title>A page</title><main id='top'><p>x</p></main>", "utf-8")
    assert audit.walk(browser, path, 375) == ["the first stop leads past nothing: nothing"]
    path.write_text("<!doctype html><title>A page</title><a href='a.html'>A</a><main id='top'><p>x</p></main>", "utf-8")
    assert audit.walk(browser, path, 375) == ["the first stop leads past nothing: a “A”"]


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("<button style='position: absolute; left: -500px'>far</button>", "out of sight: #top button “far”"),
        (
            "<button>under</button><p style='position: fixed; inset: 0; background: red'>over</p>",
            "out of sight: #top button “under”",
        ),
        ("<button style='outline: none'>bare</button>", "focus not drawn: #top button “bare”"),
        ("<button style='outline: 2px solid #eee'>pale</button>", "focus not drawn: #top button “pale”"),
        ("<details open><summary style='outline: 0'>more</summary>x</details>", "focus not drawn: #top summary “more”"),
        (BOX.format("tabindex=-1 id=box", ""), "scrolls, but not by keyboard: #box “wide”"),
    ],
)
def test_what_the_keyboard_cannot_do_is_noticed(browser, page, body, fault):
    assert fault in audit.walk(browser, page(body), 375, unfold=True)
