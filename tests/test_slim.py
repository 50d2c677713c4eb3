"""A chart made light is the same chart: every point where it was, every name kept, nothing cut that was seen."""

import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dojo import slim

POINT = st.tuples(st.integers(-99999, 99999), st.integers(-99999, 99999))
#: coordinates that repeat, so that lines are level or upright and points fall together
NEAR = st.tuples(st.sampled_from([-150, 0, 5, 50, 100]), st.sampled_from([-150, 0, 5, 50, 100]))
STEP = st.one_of(
    *(st.tuples(st.just(kind), st.tuples(*[place] * size)) for kind, size in (("L", 1), ("C", 3), ("Q", 2), ("M", 1))
      for place in (POINT, NEAR)),
    st.just(("z", ())),
)  # fmt: skip
#: numbers a command of path data takes
TAKES = {"M": 2, "L": 2, "H": 1, "V": 1, "C": 6, "Q": 4, "Z": 0}


def followed(data):
    """Path data as absolute commands, read as the specification of SVG says."""
    tokens = re.findall(r"[A-Za-z]|-?(?:\d+\.\d*|\.\d+|\d+)", data)
    found, here, start, command = [], (0, 0), (0, 0), ""
    while tokens:
        if tokens[0].isalpha():
            command = tokens.pop(0)
        values = [round(float(tokens.pop(0)) * 100) for _ in range(TAKES[command.upper()])]
        kind, moved = command.upper(), command.islower()
        x, y = here if moved else (0, 0)
        if kind == "H":
            points = [(x + values[0], here[1])]
        elif kind == "V":
            points = [(here[0], y + values[0])]
        else:
            points = [(x + a, y + b) for a, b in zip(values[::2], values[1::2], strict=True)]
        found.append(("z" if kind == "Z" else "L" if kind in "HV" else kind, tuple(points)))
        here = points[-1] if points else start
        start = here if kind == "M" else start
        command = {"M": "L", "m": "l"}.get(command, command)
    return found


@given(st.lists(STEP, max_size=12), POINT)
def test_a_path_written_short_leads_where_it_led(steps, first):
    path = [("M", (first,)), *steps]
    assert followed(slim.written(path)) == path


def test_level_and_upright_lines_take_one_number():
    assert slim.written(slim.segments("M 0 390 L 257.25 390 L 257.25 0 L 0 0 z")) == "M0 390H257.25V0H0z"


def test_numbers_lose_what_can_be_left_out():
    assert [slim.number(slim.hundredths(n)) for n in ("0.500", "-0.25", "12.3456", "7.0", "-0.001")] == [
        ".5",
        "-.25",
        "12.35",
        "7",
        "0",
    ]


def drawing(body, names=(), defs=""):
    """A picture around `body`, made light and read again."""
    text = f"""<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" version="1.1"
    width="10pt" height="10pt" viewBox="0 0 10 10"><metadata>who</metadata><defs><style>*{{}}</style></defs>
    <g id="figure_1">{body}</g><defs>{defs}</defs></svg>"""
    return ET.fromstring(re.sub(' xmlns="[^"]*"', "", slim.slim(text, names)))


LINE = '<path d="M 1 1 L 9 {0} " style="fill: none; stroke: #ff0000"/>'
CLIP = '<clipPath id="p1"><rect x="0" y="0" width="8" height="8"/></clipPath>'


def test_neighbours_drawn_alike_become_one_path():
    (path,) = drawing("".join(LINE.format(y) for y in (1, 2, 3))).iter("path")
    assert followed(path.get("d")) == [s for y in (1, 2, 3) for s in (("M", ((100, 100),)), ("L", ((900, 100 * y),)))]


@pytest.mark.parametrize("style", ["fill: #ff0000", "fill: none; stroke: #f00; stroke-opacity: 0.5"])
def test_what_would_look_different_as_one_stays_apart(style):
    body = "".join(f'<path d="M 1 1 L 9 {y} L 5 5 z " style="{style}"/>' for y in (2, 3))
    assert len(list(drawing(body).iter("path"))) == 2


def test_a_name_is_kept_where_it_is_asked_for_and_no_other():
    body = f'<g id="mark">{LINE.format(1)}</g><g id="line2d_7">{LINE.format(2)}</g>'
    assert [(e.tag, e.get("id")) for e in drawing(body, ["mark"]).iter() if e.get("id")] == [("path", "mark")]


def test_a_clip_is_kept_where_it_cuts_and_left_out_where_not():
    inside = '<path id="in" clip-path="url(#p1)" d="M 1 1 L 5 5 " style="fill: none; stroke: #f00"/>'
    across = '<path id="out" clip-path="url(#p1)" d="M 1 1 L 9 9 " style="fill: none; stroke: #f00"/>'
    picture = drawing(inside + across, ["in", "out"], CLIP)
    clips = {e.get("id"): e.get("clip-path") for e in picture.iter("path")}
    (clip,) = picture.iter("clipPath")
    assert clips == {"in": None, "out": f"url(#{clip.get('id')})"}
    assert not list(drawing(inside, ["in"], CLIP).iter("clipPath"))


def test_the_line_of_a_shape_counts_for_its_clip():
    body = '<path clip-path="url(#p1)" d="M 1 7 L 5 7 " style="fill: none; stroke: #f00; stroke-width: 3"/>'
    assert list(drawing(body, (), CLIP).iter("clipPath"))


def test_short_ids_take_no_mark_s_name():
    body = f'<g id="a">{LINE.format(1)}</g><path clip-path="url(#p1)" d="M 1 1 L 9 9 L 1 9 z " style="fill: #f00"/>'
    ids = [e.get("id") for e in drawing(body, ["a"], CLIP).iter() if e.get("id")]
    assert sorted(ids) == ["a", "b"]


def test_a_marker_s_own_look_comes_before_that_of_its_use():
    square = '<path id="m1" d="M -1 1 L 1 1 L 1 -1 L -1 -1 z " style="stroke: #0000ff"/>'
    body = '<use xlink:href="#m1" x="5" y="5" style="fill: #ffff00; stroke: #ff0000"/>'
    (path,) = drawing(body, (), square).iter("path")
    assert (path.get("fill"), path.get("stroke")) == ("#ff0", "#00f")
    assert followed(path.get("d"))[0] == ("M", ((400, 600),))


def test_black_stays_black():
    (path,) = drawing('<path d="M 1 1 L 9 9 L 1 9 z "/>').iter("path")
    assert path.get("fill") == "#000"


def test_words_stay_as_they_are():
    words = "1.23456 &lt;b&gt; &quot;two&quot; &amp; 'three'"
    (text,) = drawing(f'<text x="1.23456" y="2" style="font-size: 8.25px">{words}</text>').iter("text")
    assert text.text == "1.23456 <b> \"two\" & 'three'"
    assert text.get("x") == "1.23"
