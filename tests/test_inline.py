"""A chart set into its page: nothing but what draws, every reference within it, every mark named and in reach."""

import re
import xml.etree.ElementTree as ET

import pytest

from dojo import show
from publish import inline

ALT = "A chart of two marks, one above the other, without any unit."


def svg(drawing="", marks="", style=""):
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 257.25 120" fill="#1b1b1b"><style>{style}</style>'
        f'<path d="M0 120H257.25V0H0z" fill="#fff"/>{drawing}<g class="marks" fill="none">{marks}</g></svg>'
    )


def mark(name="one", words="One.\n7 August 2025.", x=10, y=50):
    return f'<rect x="{x}" y="{y}" width="10.5" height="10.5" data-mark="{name}"><title>{words}</title></rect>'


def made(text, rows=()):
    return ET.fromstring(inline.inline(text, "fig", ALT, rows))


def drawn(text):
    """The drawing alone, without marks."""
    return next(child for child in made(text) if child.get("aria-hidden"))


def test_the_chart_says_what_it_is_and_keeps_its_size():
    chart = made(svg())
    assert (chart.get("class"), chart.get("role"), chart.get("aria-label")) == ("chart", "group", ALT)
    assert (chart.get("viewBox"), chart.get("width"), chart.get("height")) == ("0 0 257.25 120", "514", "240")


def test_a_wide_chart_is_shown_as_drawn():
    chart = made(svg().replace("257.25 120", "645 480"))
    assert (chart.get("width"), chart.get("height")) == ("860", "640")


def test_a_mark_with_a_row_leads_there_and_one_without_can_be_focused():
    one, two = made(svg(marks=mark("one") + mark("two", x=100)), {"one"}).iterfind(".//g[@class='marks']/*")
    assert (one.tag, one.get("href"), one.get("tabindex")) == ("a", "#fig-one", None)
    assert (two.tag, two.get("href"), two.get("tabindex"), two.get("role")) == ("g", None, "0", "img")
    assert [child.tag for child in one] == ["rect", "text"]
    assert [child.tag for child in two] == ["title", "rect", "text"]


def test_a_tip_says_the_words_and_stays_in_the_chart():
    words = "Somebody says something that takes more than one line of the tip.\n7 August 2025, reported.\nBloomberg."
    for x, y in ((0, 0), (246, 0), (0, 109), (246, 109), (120, 60)):
        tip = made(svg(marks=mark(words=words, x=x, y=y))).find(".//g[@class='marks']/*/text")
        assert "".join(tip.itertext()) == words.replace("\n", " ") + " "
        lines = [tip.text.strip(), *(span.text.strip() for span in tip)]
        assert lines[-2:] == words.split("\n")[1:]
        left, top = float(tip.get("x")), float(tip.get("y")) - inline.HEIGHT
        assert left >= 1
        assert left + max(map(len, lines)) * inline.WIDTH <= 257.25
        assert top >= 0
        assert top + len(lines) * inline.HEIGHT <= 120
        assert not (top < y + 5 < top + len(lines) * inline.HEIGHT), "a tip must not cover its mark"
        assert {span.get("x") for span in tip} == {tip.get("x")}


def test_a_class_becomes_attributes():
    (circle,) = drawn(svg('<circle cx="1" cy="2" r="3" class="b"/>', style=".a{fill:#f00}.b{fill:#0f0;stroke-width:2}"))
    assert circle.attrib == {"cx": "1", "cy": "2", "r": "3", "fill": "#0f0", "stroke-width": "2"}


def test_the_white_ground_is_left_out_and_no_other_white():
    drawing = drawn(svg('<path d="M1 1H2" fill="#fff"/>'))
    assert [path.get("d") for path in drawing] == ["M1 1H2"]


HOSTILE = [
    "<script>alert(1)</script>",
    '<path d="M0 0" onload="alert(1)"/>',
    '<a href="javascript:alert(1)"><text>x</text></a>',
    '<use href="javascript:alert(1)"/>',
    '<use href="https://example.org/#a"/>',
    "<foreignObject><p xmlns='http://www.w3.org/1999/xhtml'>x</p></foreignObject>",
    '<image href="https://example.org/x.png"/>',
    '<rect x="0" y="0" width="1" height="1" fill="url(https://example.org/#a)"/>',
    '<rect x="0" y="0" width="1" height="1" style="fill: url(javascript:alert(1))" fill="UR\\4c(x)"/>',
    '<animate attributeName="href" values="javascript:alert(1)"/>',
    '<set attributeName="onload" to="alert(1)"/>',
    "<style>@import 'https://example.org'</style>",
    '<h:script xmlns:h="http://www.w3.org/1999/xhtml">alert(1)</h:script>',
    "<text><![CDATA[<script>alert(1)</script>]]></text>",
    "<text>&lt;script&gt;alert(1)&lt;/script&gt;</text>",
    "<!-- --><?xml-stylesheet href='javascript:alert(1)'?>",
    '<path id="x&quot; onload=&quot;alert(1)" d="M0 0"/>',
    '<circle class="b" cx="1" cy="1" r="&quot; onload=&quot;x"/>',
]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_nothing_but_what_draws_comes_through(hostile):
    text = inline.inline(svg(hostile, style=".b{fill:url(https://example.org);stroke:expression(x)}"), "fig", ALT, ())
    for element in ET.fromstring(text).iter():
        assert element.tag in {"svg", "title", "a", *inline.SHAPES}
        known = {*inline.LOOKS, *sum(inline.SHAPES.values(), ())}
        known |= {"id", "class", "role", "tabindex", "viewBox", "aria-label", "aria-hidden", "href", "dy"}
        assert set(element.attrib) <= known
        assert all("javascript" not in value and "://" not in value for value in element.attrib.values())
    assert "<script" not in text
    assert "style" not in text


def test_hostile_words_names_and_ids_stay_words():
    words = "&lt;/title&gt;&lt;script&gt;alert(1)&lt;/script&gt; &quot;"
    name = "a&quot; onclick=&quot;alert(1)"
    chart = made(svg(marks=mark(name, words)), {'a" onclick="alert(1)'})
    (link,) = chart.iter("a")
    assert set(link.attrib) == {"href"}
    said = "".join(link.find("text").itertext()).strip()
    assert said == '</title><script>alert(1)</script> "'
    assert not list(chart.iter("script"))


def test_ids_are_prefixed_all_references_resolve_and_marks_leave_theirs_to_rows():
    drawing = (
        '<defs><clipPath id="c"><rect x="0" y="0" width="9" height="9"/></clipPath><path id="m" d="M0 0h1"/></defs>'
        '<circle id="one" cx="1" cy="1" r="1" clip-path="url(#c)"/><use href="#m" x="1" y="2"/>'
    )
    chart = made(svg(drawing, mark("one")), {"one"})
    ids = [element.get("id") for element in chart.iter() if element.get("id")]
    assert sorted(ids) == ["fig-c", "fig-m"]
    values = [v for e in chart.iter() for k, v in e.attrib.items() if e.tag != "a"]
    assert sorted(re.findall(r"#(fig-[\w-]+)", " ".join(values))) == sorted(ids)


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>hit()</script>", "<style>@import 'https://evil.example/'</style>", "<a href='javascript:hit()'/>",
        "<g onload='hit()'/>", "<use href='https://evil.example/x.svg#a'/>", "<rect fill='url(https://evil.example/)'/>",
        "<style>.a{{fill:\\75rl(https://evil.example/)}}</style>", "<foreignObject/>", "<image href='x'/>",
        "<set attributeName='href' to='javascript:hit()'/>", "<g xmlns:h='http://www.w3.org/1999/xhtml'><h:script/></g>",
    ],
)  # fmt: skip
def test_a_file_of_its_own_holds_nothing_but_what_draws(hostile):
    with pytest.raises(ValueError, match="an SVG"):
        inline.plain(f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 9 9'>{hostile}</svg>")


def test_a_name_may_hold_letters_that_begin_an_address():
    svg = "<svg xmlns='http://www.w3.org/2000/svg'><path id='curl-up' data-mark='curl@x' d='M0 0'/></svg>"
    assert inline.plain(svg) == svg


@pytest.mark.parametrize("before", ["<?xml-stylesheet href='https://evil.example/x.xsl'?>", "<!DOCTYPE svg>", " "])
def test_nothing_stands_before_a_file_s_svg(before):
    with pytest.raises(ValueError, match="no SVG"):
        inline.plain(f"{before}<svg xmlns='http://www.w3.org/2000/svg'/>")


def test_entities_from_outside_are_refused():
    with pytest.raises(ValueError, match="fig: no SVG"):
        inline.inline(
            '<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + svg("<text>&x;</text>"), "fig", ALT, ()
        )


@pytest.mark.parametrize("text", ["", "<p>", "<html/>", "<svg xmlns='http://www.w3.org/2000/svg'/>"])
def test_what_is_no_svg_is_refused(text):
    with pytest.raises(ValueError, match="fig: no SVG"):
        inline.inline(text, "fig", ALT, ())


def test_a_real_chart_comes_through_whole():
    from test_charts import CHARTS, FLOW

    figure = CHARTS["flow"][0]()
    text = show.svg(figure, show.names(FLOW, "label", "lane"))
    chart = made(text, set(FLOW.index))
    assert {link.get("href") for link in chart.iter("a")} == {f"#fig-{row}" for row in FLOW.index}
    known = {element.get("id") for element in chart.iter()}
    for element in chart.iter():
        for reference in re.findall(r"url\(#([^)]*)\)", " ".join(element.attrib.values())):
            assert reference in known
    before = ET.fromstring(text)
    count = {tag: sum(e.tag.endswith(f"}}{tag}") for e in before.iter()) for tag in ("text", "circle")}
    drawing = next(child for child in chart if child.get("aria-hidden"))
    assert {tag: len(list(drawing.iter(tag))) for tag in count} == count
