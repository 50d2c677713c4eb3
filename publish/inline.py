"""Sets a chart into its page as elements, so that a reader can point at its marks and walk them with the keyboard.

Nothing of the SVG is taken over but elements and attributes that are known to draw; looks become attributes,
because a page's policy allows no style but its own.
"""

from __future__ import annotations

import re
import textwrap
import xml.etree.ElementTree as ET
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from dojo import hits, show
from dojo.slim import element_text

#: what may draw, and the attributes that it may have
SHAPES = {
    "g": (),
    "defs": (),
    "path": ("d",),
    "circle": ("cx", "cy", "r"),
    "rect": ("x", "y", "width", "height"),
    "use": ("href", "x", "y"),
    "text": ("x", "y"),
    "tspan": ("x", "y"),
    "clipPath": (),
    "pattern": ("patternUnits", "x", "y", "width", "height"),
}
LOOKS = (
    "fill", "fill-opacity", "stroke", "stroke-opacity", "stroke-width", "stroke-dasharray", "stroke-linecap",
    "stroke-linejoin", "opacity", "clip-path", "font-family", "font-size", "font-weight", "font-style", "text-anchor",
    "transform",
)  # fmt: skip
#: a value holds words, numbers and colours, or refers to a definition within the drawing
PLAIN = re.compile(r"[\w\s.,%#()+-]*")
REFERENCE = re.compile(r"(?:url\(#([\w-]+)\)|#([\w-]+))")

#: sizes of a tip in points: a letter, a line (less, and the pale edge of one would cut into the one above), the margin
WIDTH, HEIGHT, MARGIN = 4.8, 12, 4
#: the width and height that the style gives to areas which say none
LEAST = f"{hits.LEAST / 100:g}"
#: letters on a line at most: a tip fits the part of a wide chart that a phone shows
LETTERS = 50


@dataclass(frozen=True)
class Page:
    """The width and height of a drawing, in its own units."""

    width: float
    height: float


def inline(svg: str, prefix: str, alt: str, rows: Collection[str]) -> str:
    """The chart as an element of a page, its marks in reading order after the drawing.

    `prefix` begins every id; a mark in `rows` leads to `#prefix-row`. ValueError for a text that is no SVG.
    """
    try:
        root = ET.fromstring(svg)
    except ET.ParseError as error:
        raise ValueError(f"{prefix}: no SVG: {error}") from None
    _bare(root)
    if root.tag != "svg" or not re.fullmatch(r"0 0( 0*[1-9]\d*(\.\d+)?){2}", root.get("viewBox", "")):
        raise ValueError(f"{prefix}: no SVG with a viewBox that begins at 0 0")
    size = Page(*map(float, root.get("viewBox", "").split()[2:]))
    marks = [mark for group in root.findall("g[@class='marks']") for mark in group]
    width = show.width(size.width * 4 / 3)
    box = {"width": str(width), "height": str(round(width * size.height / size.width))}
    head = {"class": "chart", "role": "group", "aria-label": alt, **box, "viewBox": root.get("viewBox", "")}
    chart = ET.Element("svg", head)
    drawing = ET.SubElement(chart, "g", {"aria-hidden": "true", **_looks(root, {}, prefix)})
    drawing.extend(_drawn(root, _classes(root), prefix))
    _drop_ids(drawing)
    _drop_paper(drawing)
    above = ET.SubElement(chart, "g", {"class": "marks", "fill": "none"})
    above.extend([_mark(mark, prefix, rows, size) for mark in marks])
    return element_text(chart)


#: what a chart's own file may hold besides what draws in a page
ELEMENTS = {*SHAPES, "svg", "style", "title"}
ATTRIBUTES = {"viewBox", "width", "height", "version", "type", "style", "dy", "pointer-events"}
#: names, which may hold any letters: "curl" is no address
NAMES = {"id", "class", "data-mark"}
#: a style that could fetch: an address outside the drawing, an import, anything escaped
FETCHES = re.compile(r"url(?!\(#[\w-]+\))|[@\\]", re.IGNORECASE)


def plain(svg: str) -> str:
    """The chart as it is, for a file of its own, which may be opened where no policy holds.

    ValueError for anything but what draws: it could run, or be fetched.
    """
    if not svg.startswith("<svg "):  # before it a style sheet or entities could be named
        raise ValueError("no SVG: a chart's file begins with <svg")
    try:
        root = ET.fromstring(svg)
    except ET.ParseError as error:
        raise ValueError(f"no SVG: {error}") from None
    _bare(root)
    for element in root.iter():
        if element.tag not in ELEMENTS or (element.tag == "style" and FETCHES.search(element.text or "")):
            raise ValueError(f"an SVG with a <{element.tag}> that no chart needs")
        for name, value in element.attrib.items():
            if not _draws(name.removeprefix("{http://www.w3.org/1999/xlink}"), value):
                raise ValueError(f"an SVG with {name}={value!r}, which no chart needs")
    return svg


def _draws(name: str, value: str) -> bool:
    """True for an attribute that draws, and fetches nothing."""
    if name == "href":
        return value.startswith("#")
    return name in NAMES or (name in ATTRIBUTES.union(LOOKS, *SHAPES.values()) and not FETCHES.search(value))


def _bare(root: ET.Element) -> None:
    """Take the names out of their namespaces; what is not SVG gets a name that nothing knows."""
    for element in root.iter():
        space, _, name = element.tag.rpartition("}") if isinstance(element.tag, str) else ("", "", "")
        element.tag = name if space in ("{http://www.w3.org/2000/svg", "") else "foreign"


def _classes(root: ET.Element) -> dict[str, dict[str, str]]:
    """The looks of classes, from the drawing's own style sheet."""
    sheet = "".join(style.text or "" for style in root.iter("style"))
    rules = re.findall(r"\.([\w-]+)\{([^{}]*)\}", sheet)
    return {name: dict(re.findall(r"([\w-]+):([^;]*)", body)) for name, body in rules}


def _looks(element: ET.Element, classes: Mapping[str, dict[str, str]], prefix: str) -> dict[str, str]:
    """The looks of an element as attributes; a class counts for more than an attribute, as in CSS."""
    given = element.attrib | classes.get(element.get("class", ""), {})
    found = {name: _value(given[name], prefix) for name in LOOKS if name in given}
    return {name: value for name, value in found.items() if value is not None}


def _value(value: str, prefix: str) -> str | None:
    """A value as it may stand in a page, its reference within the drawing begun with the prefix; else None."""
    if match := re.fullmatch(r"url\(#([\w-]+)\)", value):
        return f"url(#{prefix}-{match[1]})"
    return value if PLAIN.fullmatch(value) and "url" not in value.casefold() else None


def _drawn(parent: ET.Element, classes: Mapping[str, dict[str, str]], prefix: str) -> list[ET.Element]:
    """The children of an element that draw, and of these what is known."""
    found = []
    for child in parent:
        if child.tag not in SHAPES or child.get("class") == "marks":
            continue
        given = {name: child.get(name, "") for name in SHAPES[child.tag] if name in child.attrib}
        own = {k: v for k, v in given.items() if k != "href" and PLAIN.fullmatch(v)}
        if child.tag == "use":
            target = re.fullmatch(r"#([\w-]+)", given.get("href", ""))
            if not target:
                continue
            own["href"] = f"#{prefix}-{target[1]}"
        if re.fullmatch(r"[\w-]+", child.get("id", "")):
            own["id"] = f"{prefix}-{child.get('id')}"
        kept = ET.Element(child.tag, own | _looks(child, classes, prefix))
        kept.extend(_drawn(child, classes, prefix))
        if child.tag in ("text", "tspan"):
            kept.text = child.text
        found.append(kept)
    return found


def _drop_ids(drawing: ET.Element) -> None:
    """Only what is referred to keeps its id: the names of marks belong to rows of the data."""
    values = [value for element in drawing.iter() for name, value in element.attrib.items() if name != "id"]
    used = {match[1] or match[2] for value in values if (match := REFERENCE.fullmatch(value))}
    for element in drawing.iter():
        if element.get("id") and (element.get("id") not in used):
            del element.attrib["id"]


def _drop_paper(drawing: ET.Element) -> None:
    """Take out the white ground: a page has its own, which may be dark."""
    first = next((child for child in drawing if child.tag != "defs"), None)
    if first is not None and first.tag == "path" and first.get("fill") == "#fff" and "stroke" not in first.attrib:
        drawing.remove(first)


# --- marks -----------------------------------------------------------------------------------------


def _mark(area: ET.Element, prefix: str, rows: Collection[str], page: Page) -> ET.Element:
    """A mark that can be pointed at and focused: its area, and a tip that says what it is."""
    name, words = area.get("data-mark", ""), area.findtext("title") or ""
    link = {"href": f"#{prefix}-{name}"} if name in rows else {"tabindex": "0", "role": "img"}
    mark = ET.Element("a" if name in rows else "g", link)
    if name not in rows:  # a link is called by its words; over them, a browser would show a title once more
        ET.SubElement(mark, "title").text = words.replace("\n", " ")
    mark.append(_area(area, prefix))
    mark.append(_tip(words, _box(area), page))
    return mark


def _area(area: ET.Element, prefix: str) -> ET.Element:
    """The area of a mark without a look of its own: a rectangle, or a line that counts along its width."""
    line = area.tag == "path"
    if line:
        given = {name: area.get(name, "") for name in ("d", "stroke-width") if PLAIN.fullmatch(area.get(name, ""))}
    else:
        given = {name: f"{float(area.get(name, '0')):.4g}" for name in ("x", "y", "width", "height")}
        given = {name: value for name, value in given.items() if name in ("x", "y") or value != LEAST}
    if clip := _value(area.get("clip-path", ""), prefix):
        given["clip-path"] = clip
    return ET.Element("path" if line else "rect", given)


def _box(area: ET.Element) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of an area; of a line, its middle."""
    if area.tag == "rect":
        x, y, width, height = (float(area.get(name, "0")) for name in ("x", "y", "width", "height"))
        return x, y, x + width, y + height
    values = [float(n) for n in re.findall(r"-?\d*\.?\d+", area.get("d", ""))]
    x, y = ((min(axis) + max(axis)) / 2 for axis in (values[::2], values[1::2]))
    return x, y, x, y


def _tip(words: str, box: tuple[float, float, float, float], page: Page) -> ET.Element:
    """The words of a mark as text beside it, within the chart: above where there is room, else below."""
    letters = min(LETTERS, int(page.width / WIDTH) - 5)
    lines = [line for part in words.split("\n") for line in textwrap.wrap(part, letters)] or [""]
    width, height = max(map(len, lines)) * WIDTH + 2 * MARGIN, len(lines) * HEIGHT + MARGIN
    left = max(1, min((box[0] + box[2] - width) / 2, page.width - width - 1)) + MARGIN
    above = box[1] - height - 3
    top = above if above >= 1 else min(box[3] + 3, page.height - height - 1)
    text = ET.Element("text", {"x": f"{left:.0f}", "y": f"{top + HEIGHT:.0f}"})
    text.text = f"{lines[0]} "  # lines are read out as one text
    for line in lines[1:]:
        ET.SubElement(text, "tspan", {"x": text.get("x", ""), "dy": str(HEIGHT)}).text = f"{line} "
    return text
