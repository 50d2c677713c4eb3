"""Where a pointer meets the marks of a chart: areas large enough to hit, none in another's way.

Lengths are in hundredths of a point, as in `dojo.slim`.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

#: left, top, right and bottom
Box = tuple[int, int, int, int]

#: the least width and height of an area: 14 pixels
LEAST = 1050


def areas(drawn: Mapping[str, Box], page: Box) -> dict[str, Box]:
    """The area of each mark, by what is drawn of it, from left to right: grown to LEAST and kept within the page.

    Where two would overlap they meet half-way between their middles. One that holds another, such as a band
    behind dots, is left as it is and comes before it, so that it lies below.
    """
    found = {name: _grown(box) for name, box in drawn.items()}
    for one, other in combinations(drawn, 2):
        if not (_holds(drawn[one], drawn[other]) or _holds(drawn[other], drawn[one])):
            found[one], found[other] = _apart(found[one], found[other], drawn[one], drawn[other])
    kept = {
        name: (max(a, page[0]), max(b, page[1]), min(c, page[2]), min(d, page[3]))
        for name, (a, b, c, d) in found.items()
    }
    return dict(sorted(kept.items(), key=lambda entry: (drawn[entry[0]][0], -_width(drawn[entry[0]]), entry[1][1])))


def _grown(box: Box) -> Box:
    across, down = (max(0, LEAST - (high - low)) // 2 for low, high in (box[::2], box[1::2]))
    return box[0] - across, box[1] - down, box[2] + across, box[3] + down


def _width(box: Box) -> int:
    return box[2] - box[0]


def _middle(box: Box) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def _holds(outer: Box, inner: Box) -> bool:
    """True when a much larger mark lies around the middle of another."""
    x, y = _middle(inner)
    sizes = [(b[2] - b[0]) * (b[3] - b[1]) for b in (outer, inner)]
    return outer[0] <= x <= outer[2] and outer[1] <= y <= outer[3] and sizes[0] > 4 * sizes[1]


def _apart(one: Box, other: Box, drawn_one: Box, drawn_other: Box) -> tuple[Box, Box]:
    """Two areas cut where they would overlap; along the axis on which the marks themselves are farther apart."""
    if not all(one[k] < other[k + 2] and other[k] < one[k + 2] for k in (0, 1)):
        return one, other
    gaps = [max(drawn_one[k], drawn_other[k]) - min(drawn_one[k + 2], drawn_other[k + 2]) for k in (0, 1)]
    axis = 0 if gaps[0] >= gaps[1] else 1
    first = _middle(drawn_one)[axis] <= _middle(drawn_other)[axis]
    near, far = (drawn_one, drawn_other) if first else (drawn_other, drawn_one)
    if gaps[axis] >= 0:
        cut = (near[axis + 2] + far[axis]) // 2
    else:
        cut = round(sum(_middle(box)[axis] for box in (near, far)) / 2)
    low, high = list(one if first else other), list(other if first else one)
    low[axis + 2], high[axis] = min(low[axis + 2], cut), max(high[axis], cut)
    ends = (low[0], low[1], low[2], low[3]), (high[0], high[1], high[2], high[3])
    return ends if first else ends[::-1]
