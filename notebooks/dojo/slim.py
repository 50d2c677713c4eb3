"""Makes an SVG drawn by matplotlib light: the same picture in a third of the bytes, the names of marks kept.

Coordinates keep two decimals of a point. What shapes share is said once, in a class or in the root;
markers become circles and paths in place, neighbours drawn alike become one path, and a clip that
cuts nothing off is left out. Equal input gives equal bytes.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from itertools import chain, count, groupby, product
from string import ascii_lowercase
from xml.sax.saxutils import escape

from dojo import hits
from dojo.hits import Box

#: x and y in hundredths of a point, so that sums are exact
Point = tuple[int, int]
#: a command of a path and its points, absolute
Segment = tuple[str, tuple[Point, ...]]
#: what every chart has: said once in the root, from which the rest inherits
SHARED = {
    "fill": "#1b1b1b",
    "font-family": "DejaVu Sans,Verdana,sans-serif",
    "font-size": "8.25px",
    "stroke-linejoin": "round",
}
#: properties that stand for themselves in each element and are not handed down
OWN = {"opacity", "clip-path"}
LOOKS = {
    *SHARED, *OWN, "font-weight", "text-anchor", "fill-opacity", "stroke", "stroke-width", "stroke-opacity",
    "stroke-dasharray", "stroke-linecap",
}  # fmt: skip
#: what a property is when nothing says it
USUAL = {"stroke-width": "1", "stroke-dashoffset": "0", "text-anchor": "start", "stroke-linecap": "butt"}
#: a path that replaces a marker may be this long; a longer one is drawn once and repeated by reference
SHORT = 40


def slim(text: str, names: Collection[str], told: Mapping[str, str] | None = None) -> str:
    """The SVG with nothing that the picture does not need; of the ids only those in `names` are kept.

    `told` has words for some of these: each gets an area with the words as its title, above the picture.
    ValueError for one that is not drawn.
    """
    root = _read(text)
    _unmark(root)
    _unclip(root)
    _unwrap(root, set(names))
    _unpaper(root)
    _sort_axes(root)
    areas = [_areas(root, told)] if told else []
    _merge(root)
    _rename(root, areas, set(names))
    _run(root)
    _inherit(root)
    style = _classes(root)
    root.extend(areas)
    return _text(root, style)


# --- reading -----------------------------------------------------------------------------------


def _read(text: str) -> ET.Element:
    """The drawing as elements whose look stands in attributes of their own."""
    root = ET.fromstring(text)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        given = {name.rpartition("}")[2]: value for name, value in element.attrib.items()}
        given |= dict(re.findall(r"\s*([\w-]+): *([^;]+)", given.pop("style", "")))
        element.attrib = {k: _value(k, v) for k, v in given.items() if k != "version"}
        _plain(element)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in ("metadata", "style"):
                parent.remove(child)
    return root


def _value(name: str, value: str) -> str:
    """A value in its shortest form; ids, which may hold numbers too, as they are."""
    if name in ("id", "href", "d"):
        return value
    if name == "font-family":
        return value.replace("'", "").replace(", ", ",")
    if name != "stroke-dasharray":  # whose error would add up along a line
        value = re.sub(r"-?\d+\.\d+", lambda match: number(hundredths(match[0])), value)
    value = re.sub(r"#(.)\1(.)\2(.)\3(?![0-9a-f])", r"#\1\2\3", value)
    return re.sub(r", ", ",", value).strip()


def _plain(element: ET.Element) -> None:
    """Take out what changes nothing, and say the rest in the simplest way."""
    own = element.attrib
    for name, value in USUAL.items():
        if own.get(name) == value:
            del own[name]
    own.pop("stroke-dashoffset", None)
    if element.tag == "text":
        moved = re.fullmatch(r"translate\((\S+) (\S+)\)", own.get("transform", ""))
        if moved:
            own["x"], own["y"] = moved.groups()
        if moved or own.get("transform", "").startswith("rotate(-0 "):
            del own["transform"]
    if "opacity" in own:  # of a shape that is only filled, or only drawn as a line, it can be handed down
        kind = "stroke" if own.get("fill") == "none" else "fill" if own.get("stroke", "none") == "none" else ""
        if kind and f"{kind}-opacity" not in own:
            own[f"{kind}-opacity"] = own.pop("opacity")


# --- numbers and paths ---------------------------------------------------------------------------


def hundredths(text: str) -> int:
    """A number as whole hundredths."""
    return round(float(text) * 100)


def number(value: int) -> str:
    """Hundredths as a decimal number without anything that could be left out: .5, -3, 12.25."""
    whole, rest = divmod(abs(value), 100)
    decimals = f"{rest:02}".rstrip("0")
    text = f"{whole or ''}.{decimals}" if decimals else str(whole)
    return f"-{text}" if value < 0 else text


def segments(data: str) -> list[Segment]:
    """The commands of a path as matplotlib writes them, all absolute: M, L, Q, C and z."""
    found = []
    for letter, rest in re.findall(r"([MLQCz])([^MLQCz]*)", data):
        values = [hundredths(n) for n in rest.split()]
        found.append((letter, tuple(zip(values[::2], values[1::2], strict=True))))
    return found


def written(path: list[Segment]) -> str:
    """Path data in as few letters as it takes: relative where that is shorter, H and V, no needless blanks."""
    pieces: list[str] = []
    letter, here, start = "", (0, 0), (0, 0)
    for kind, points in path:
        if kind == "z":
            pieces.append("z")
            letter, here = "z", start
            continue
        before = pieces[-1] if pieces else ""
        ways = ((_joined(before, letter, name, values), name) for name, values in _ways(kind, points, here))
        added, letter = min(ways, key=lambda way: len("".join(way[0])))
        pieces += added
        here = points[-1]
        start = here if kind == "M" else start
    return "".join(pieces)


def _ways(kind: str, points: tuple[Point, ...], here: Point) -> Iterator[tuple[str, list[int]]]:
    """The ways to write one command: its letter and its numbers."""
    x, y = here
    yield kind, [n for point in points for n in point]
    yield kind.lower(), [n for px, py in points for n in (px - x, py - y)]
    if kind == "L":
        ((px, py),) = points
        if py == y:
            yield from (("H", [px]), ("h", [px - x]))
        if px == x:
            yield from (("V", [py]), ("v", [py - y]))


def _joined(before: str, last: str, letter: str, values: list[int]) -> list[str]:
    """The pieces of one more command; a letter that repeats the last is left out, and so is a blank before a sign."""
    said = (last == letter and letter not in "Mm") or (last, letter) in (("M", "L"), ("m", "l"))
    pieces = [before] if said else [letter]
    for value in values:
        piece = number(value)
        ends = pieces[-1][-1:].isdigit()
        meets = piece[0].isdigit() or (piece[0] == "." and "." not in pieces[-1])
        pieces.append(f" {piece}" if ends and meets else piece)
    return pieces[1:] if said else pieces


def box(element: ET.Element) -> Box | None:
    """Where a circle, a path or a rectangle is drawn at most, its line included; None for anything else."""
    own = element.attrib
    if element.tag == "circle":
        x, y, r = (hundredths(own[k]) for k in ("cx", "cy", "r"))
        points = [(x - r, y - r), (x + r, y + r)]
    elif element.tag == "path":
        points = [point for _, some in segments(own["d"]) for point in some]
    elif element.tag == "rect":
        x, y, across, down = (hundredths(own[k]) for k in ("x", "y", "width", "height"))
        points = [(x, y), (x + across, y + down)]
    else:
        return None
    pad = 0 if own.get("stroke", "none") == "none" else hundredths(own.get("stroke-width", "1"))
    xs, ys = zip(*points, strict=True)
    return min(xs) - pad, min(ys) - pad, max(xs) + pad, max(ys) + pad


# --- shapes ----------------------------------------------------------------------------------------


def _unmark(root: ET.Element) -> None:
    """Markers that stand in place of references to them, unless they are many and their shape is long."""
    shapes = {e.get("id"): e for defs in root.iter("defs") for e in defs if e.tag == "path"}
    uses = Counter(use.get("href") for use in root.iter("use"))
    for use in root.iter("use"):
        shape = shapes[use.get("href", "").removeprefix("#")]
        look = {k: v for k, v in shape.attrib.items() if k in LOOKS}
        use.attrib = {"fill": "#000"} | use.attrib | look  # what the marker says of itself comes first
        x, y = hundredths(use.get("x", "0")), hundredths(use.get("y", "0"))
        path = segments(shape.get("d", ""))
        if radius := _radius(path):
            _become(use, "circle", {"cx": number(x), "cy": number(y), "r": number(radius)})
            continue
        placed = [(kind, tuple((x + px, y + py) for px, py in points)) for kind, points in path]
        if uses[use.get("href")] == 1 or len(written(placed)) <= SHORT:
            _become(use, "path", {"d": _spelled(placed)})
    for shape in shapes.values():
        for name in LOOKS:
            shape.attrib.pop(name, None)
    for element in root.iter("path"):
        if element not in shapes.values():
            element.attrib.setdefault("fill", "#000")  # an SVG's own default, which the root overrides


def _become(use: ET.Element, tag: str, given: dict[str, str]) -> None:
    for name in ("href", "x", "y"):
        del use.attrib[name]
    use.tag = tag
    use.attrib = given | use.attrib


def _spelled(path: list[Segment]) -> str:
    """Path data as matplotlib writes it, in which all steps but the last handle it."""
    return " ".join(" ".join([kind, *(number(n) for point in points for n in point)]) for kind, points in path)


def _radius(path: list[Segment]) -> int | None:
    """The radius of matplotlib's circle around the origin, which is made of eight curves; None for other shapes."""
    if [kind for kind, _ in path] != ["M", *"CCCCCCCC", "z"]:
        return None
    ends = [points[-1] for _, points in path[:-1]]
    radii = [(x * x + y * y) ** 0.5 for x, y in ends]
    return round(radii[0]) if max(radii) - min(radii) <= 2 else None


def _unclip(root: ET.Element) -> None:
    """Take out each clip that cuts nothing off, and hand that of a group to its one shape."""
    areas = {f"url(#{clip.get('id')})": box(clip[0]) for clip in root.iter("clipPath")}
    for group in root.iter("g"):
        if "clip-path" in group.attrib and all(child.tag != "use" for child in group):
            clip = group.attrib.pop("clip-path")
            for child in group:
                child.set("clip-path", clip)
    for element in root.iter():
        area, drawn = areas.get(element.get("clip-path", "")), box(element)
        if area and drawn and _within(drawn, area):
            del element.attrib["clip-path"]
    used = {element.get("clip-path") for element in root.iter()}
    for defs in list(root.iter("defs")):
        for clip in list(defs.iter("clipPath")):
            if f"url(#{clip.get('id')})" not in used:
                defs.remove(clip)


def _within(inner: Box, outer: Box) -> bool:
    return all(a >= b for a, b in zip(inner[:2], outer[:2], strict=True)) and all(
        a <= b for a, b in zip(inner[2:], outer[2:], strict=True)
    )


# --- groups ----------------------------------------------------------------------------------------


def _unwrap(root: ET.Element, names: set[str]) -> None:
    """No group that carries nothing; the name of a group with one shape is the shape's; definitions come first."""
    defs = ET.Element("defs")
    for old in list(root.iter("defs")):
        defs.extend(old)
        old.clear()
    _flatten(root, names)
    repeated = {use.get("href") for use in root.iter("use")}
    kept = {e.get("id"): e for e in defs}.values()
    defs[:] = [e for e in kept if e.tag != "path" or f"#{e.get('id')}" in repeated]
    root[:] = ([defs] if len(defs) else []) + list(root)


def _flatten(parent: ET.Element, names: set[str]) -> None:
    children = []
    for child in list(parent):
        _flatten(child, names)
        if child.tag == "defs" or (child.tag == "g" and not len(child) and child.get("id") not in names):
            continue
        axis = child.get("id", "").startswith("matplotlib.axis")
        if child.get("id") not in names and not axis and child.tag != "path":
            child.attrib.pop("id", None)
        if child.tag != "g" or axis:
            children.append(child)
        elif not child.attrib:
            children.extend(child)
        elif len(child) == 1 and "clip-path" not in child.attrib and "id" not in child[0].attrib:
            child[0].attrib |= child.attrib
            children.append(child[0])
        else:
            children.append(child)
    parent[:] = children


def _unpaper(root: ET.Element) -> None:
    """Only the first of the white grounds that lie on one another."""
    white = [e for e in root if e.tag == "path" and set(e.attrib) == {"d", "fill"} and e.get("fill") == "#fff"]
    shown = [e for e in root if e.tag != "defs"]
    for paper, element in zip(white[1:], shown[1:], strict=False):
        if paper is not element:
            return
        root.remove(paper)


def _sort_axes(root: ET.Element) -> None:
    """In an axis lines come first, those alike together, then words; they do not lie on one another."""
    for parent in list(root.iter()):
        children = []
        for child in parent:
            if child.tag == "g" and child.get("id", "").startswith("matplotlib.axis"):
                looks = list(dict.fromkeys(map(_look, child)))
                children += sorted(child, key=lambda e: (e.tag == "text", looks.index(_look(e))))
            else:
                children.append(child)
        parent[:] = children


def _merge(root: ET.Element) -> None:
    """One path for neighbours without names that are drawn as the same opaque line."""
    for path in root.iter("path"):
        data = segments(path.get("d", ""))
        if all(kind in "ML" for kind, _ in data) and not re.search(r"L [^ML]+L", path.get("d", "")):
            path.attrib.pop("stroke-linejoin", None)  # nothing is joined, and a line has no area
            path.set("fill", "none")
    for parent in list(root.iter()):
        children: list[ET.Element] = []
        for child in parent:
            last = children[-1] if children else None
            if last is not None and _mergeable(child) and _mergeable(last) and _look(last) == _look(child):
                last.set("d", f"{last.get('d')} {child.get('d')}")
            else:
                children.append(child)
        parent[:] = children
    for path in root.iter("path"):
        path.set("d", written(segments(path.get("d", ""))))


def _mergeable(element: ET.Element) -> bool:
    own = element.attrib
    return element.tag == "path" and own.get("fill") == "none" and not {"id", "opacity", "stroke-opacity"} & set(own)


def _look(element: ET.Element) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((k, v) for k, v in element.attrib.items() if k in LOOKS))


# --- areas of marks --------------------------------------------------------------------------------


def _areas(root: ET.Element, told: Mapping[str, str]) -> ET.Element:
    """A group of areas without look, each with its words, from left to right."""
    named = {name: element for element in root.iter() if (name := element.get("id", "")) in told}
    if missing := [name for name in told if name not in named]:
        raise ValueError(f"not drawn, so that it cannot be named: {', '.join(missing)}")
    lines = {name: element for name, element in named.items() if _slanted(element)}
    boxes = {name: _around(element) for name, element in named.items() if name not in lines}
    page = tuple(hundredths(n) for n in root.get("viewBox", "").split())
    group = ET.Element("g", {"class": "marks", "pointer-events": "fill", "fill": "none"})
    for name, element in lines.items():  # below the areas, which are smaller
        clip = {"clip-path": element.get("clip-path", "")} if "clip-path" in element.attrib else {}
        look = {"d": element.get("d", "").strip(), "pointer-events": "stroke", "stroke-width": "8"}
        group.append(_told("path", name, told, look | clip))
    for name, (left, top, right, bottom) in hits.areas(boxes, (page[0], page[1], page[2], page[3])).items():
        size = {"x": left, "y": top, "width": right - left, "height": bottom - top}
        group.append(_told("rect", name, told, {k: number(v) for k, v in size.items()}))
    return group


def _told(tag: str, name: str, told: Mapping[str, str], look: dict[str, str]) -> ET.Element:
    area = ET.Element(tag, look | {"data-mark": name})
    ET.SubElement(area, "title").text = told[name]
    return area


def _slanted(element: ET.Element) -> bool:
    """True for a line whose box would take in much else."""
    if element.tag != "path" or "z" in element.get("d", "") or element.get("fill") != "none":
        return False
    left, top, right, bottom = _around(element)
    return min(right - left, bottom - top) > 2 * hits.LEAST


def _around(element: ET.Element) -> Box:
    """The box around all that is drawn of a mark."""
    boxes = [found for part in element.iter() if (found := box(part))]
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


# --- saying it once --------------------------------------------------------------------------------


def _rename(root: ET.Element, areas: list[ET.Element], names: set[str]) -> None:
    """Short ids for what is referred to, none of them the name of a mark."""
    letters = ("".join(some) for size in count(1) for some in product(ascii_lowercase, repeat=size))
    free = (name for name in letters if name not in names)
    short = {e.get("id"): next(free) for defs in root.iter("defs") for e in defs}
    for defs in root.iter("defs"):
        for element in defs:
            element.set("id", short[element.get("id")])
    for element in chain(*(part.iter() for part in (root, *areas))):
        if element.tag == "use":
            element.set("href", f"#{short[element.get('href', '')[1:]]}")
        for name, value in element.attrib.items():
            if match := re.fullmatch(r"url\(#(.*)\)", value):
                element.set(name, f"url(#{short[match[1]]})")


def _run(root: ET.Element) -> None:
    """A group around three or more neighbours that look alike."""
    for parent in list(root.iter()):
        if parent.tag == "defs":
            continue
        children: list[ET.Element] = []
        for _, run in groupby(list(parent), key=lambda e: _look(e) if e.tag != "g" else ()):
            some = list(run)
            look = {k: v for k, v in _look(some[0]) if k not in OWN}
            if len(some) < 3 or some[0].tag in ("g", "defs") or not _wanting(look):
                children += some
                continue
            group = ET.Element("g", look)
            for element in some:
                element.attrib = {k: v for k, v in element.attrib.items() if k not in look}
            group.extend(some)
            children.append(group)
        parent[:] = children


def _wanting(look: dict[str, str]) -> bool:
    """True when a look is not the one that the root hands down."""
    return any(SHARED.get(name) != value for name, value in look.items())


def _inherit(root: ET.Element) -> None:
    """What elements share stands in the root."""
    for element in root.iter():
        for name, value in SHARED.items():
            if element.get(name) == value:
                del element.attrib[name]
    root.attrib |= SHARED


def _classes(root: ET.Element) -> str:
    """A class for each look that several elements have; returns the style sheet."""
    looks = Counter(_look(e) for e in root.iter() if e is not root and _look(e))
    often = [look for look, times in looks.items() if times * (_size(look) - 10) > _size(look) + 5]
    letters = ("".join(some) for size in count(1) for some in product(ascii_lowercase, repeat=size))
    named = dict(zip(often, letters, strict=False))
    for element in root.iter():
        if element is not root and (name := named.get(_look(element))):
            element.attrib = {k: v for k, v in element.attrib.items() if k not in LOOKS} | {"class": name}
    return "".join(f".{name}{{{';'.join(f'{k}:{v}' for k, v in look)}}}" for look, name in named.items())


def _size(look: tuple[tuple[str, str], ...]) -> int:
    return sum(len(name) + len(value) + 4 for name, value in look)


# --- writing ---------------------------------------------------------------------------------------


def _text(root: ET.Element, style: str) -> str:
    root.attrib = {"xmlns": "http://www.w3.org/2000/svg"} | root.attrib
    if style:
        sheet = ET.Element("style")
        sheet.text = style
        root.insert(0, sheet)
    return element_text(root)


def element_text(element: ET.Element) -> str:
    """An element as text, without blanks between elements; words keep theirs."""
    start = "".join([element.tag, *(f' {name}="{_safe(value)}"' for name, value in element.attrib.items())])
    words = element.text if element.text and element.text.strip() else ""
    inner = _safe(words) + "".join(element_text(child) + _safe((child.tail or "").strip()) for child in element)
    return f"<{start}>{inner}</{element.tag}>" if inner else f"<{start}/>"


def _safe(text: str) -> str:
    return escape(text, {'"': "&quot;"})
