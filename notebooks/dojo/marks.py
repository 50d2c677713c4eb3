"""How a fact is drawn, the same in every chart: its standing, its date, its words, and the key.

Fill says how well a fact is supported: filled confirmed, hollow reported, dashed claimed. A dot is a
day; a bar is a window of days within which the source leaves it open. Sizes are in CSS pixels (96 to
the inch), so that a page shows a chart at the size it was drawn for.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec

import matplotlib.dates as mdates
import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

#: the house style over matplotlib's own, so that charts look the same whatever a reader has in a matplotlibrc
STYLE = ["default", Path(__file__).with_name("dojo.mplstyle")]
INK, GREY, PALE = "#1b1b1b", "#6a6a6a", "#d9d9d9"
BLUE, ORANGE, PLUM = "#10457f", "#bf4a0a", "#9c4bb0"
#: the fourth hue, for charts that need one; the four stay apart in colour-blind vision
TEAL = "#0a7a62"
#: colours by what a maker sells a part for
SOLD = {"inference": ORANGE, "both": BLUE, "training": PLUM}
#: the box behind words that stand on lines
PAPER = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
#: widths of a chart for a phone's column and of one that scrolls in its own box, in pixels
NARROW, WIDE = 343, 860

P = ParamSpec("P")


def styled(chart: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw a chart under the house style."""

    @functools.wraps(chart)
    def draw(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with matplotlib.style.context(STYLE):
            return chart(*args, **kwargs)

    return draw


def canvas(width: int, height: int) -> Figure:
    """An empty figure of so many pixels."""
    return Figure(figsize=(width / 96, height / 96), dpi=96)


# --- marks ------------------------------------------------------------------------------------


def look(standing: str, colour: str = BLUE) -> dict[str, object]:
    """How a mark of this standing is drawn: filled, hollow, or hollow and dashed."""
    fill = colour if standing == "confirmed" else "white"
    line = "--" if standing == "claimed" else "-"
    # a mark at the edge of an axis is drawn whole
    return {"facecolor": fill, "edgecolor": colour, "linestyle": line, "clip_on": False}


def mark(ax: Axes, row: pd.Series, y: float, colour: str = BLUE, size: float = 9.0, again: bool = False) -> None:
    """Draw one dated row: a dot for a day, a bar over the window for anything coarser.

    `row` needs start, end and standing; `size` is the height of the mark in points.
    The mark takes the row's id as its name, unless the row is drawn `again` in the same figure.
    """
    style = look(row["standing"], colour)
    if row["start"] == row["end"]:
        dot = ax.scatter([row["start"]], [y], s=size**2 * 0.7, zorder=3, linewidths=1.1, **style)
        dot.set_gid(None if again else str(row.name))
        return
    left, right = mdates.date2num([row["start"], row["end"] + pd.Timedelta(days=1)])
    height = size * 0.62 / _points_per_unit(ax)
    bar = FancyBboxPatch(
        (left, y - height / 2), right - left, height, boxstyle="square,pad=0", zorder=2.5, lw=1.1, **style
    )
    bar.set_gid(None if again else str(row.name))
    ax.add_patch(bar)


def _points_per_unit(ax: Axes) -> float:
    """How many points one unit of the y axis takes; the limits must be set before."""
    low, high = ax.get_ylim()
    return ax.get_position().height * ax.figure.get_figheight() * 72 / abs(high - low)


def key(figure: Figure, entries: Mapping[str, Mapping[str, object]], left: float = 8, line: float = 20) -> None:
    """A one-line key at the foot of a figure: a mark and its meaning, left to right, in pixels."""
    width, height = figure.get_size_inches() * 96
    ax = figure.add_axes((0, 0, 1, line / height))
    ax.set_axis_off()
    ax.set(xlim=(0, width), ylim=(0, 1))
    for words, style in entries.items():
        ax.scatter([left], [0.5], **{"s": 50, "linewidths": 1.1, **style})
        ax.text(left + 10, 0.5, words, va="center", ha="left")
        left += 28 + TEXT * len(words)


#: mean width of a letter at the size of figure text, in pixels
TEXT = 6.0

STANDING_KEY = {
    "confirmed": look("confirmed"),
    "reported": look("reported"),
    "claimed": look("claimed"),
    "a dot is one day": look("confirmed", GREY),
    "a bar is all the days the source leaves open": {**look("confirmed", GREY), "marker": "s", "s": 30},
}


def spread(spans: Sequence[tuple[float, float]], gap: float) -> list[int]:
    """Rows for spans so that none overlaps another: each in turn takes the lowest row that is free."""
    rows: list[list[tuple[float, float]]] = []
    chosen = []
    for left, right in spans:
        free = (i for i, row in enumerate(rows) if all(right + gap <= a or b + gap <= left for a, b in row))
        row = next(free, len(rows))
        rows[row:] = rows[row:] or [[]]
        rows[row].append((left, right))
        chosen.append(row)
    return chosen


@dataclass(frozen=True)
class Label:
    """Where the words of a named event stand: the event, its place and its words in pixels, and the line."""

    event_id: str
    x: float
    left: float
    right: float
    line: int

    @property
    def side(self) -> str:
        """On which side the words are fastened: at their left end or at their right."""
        return "right" if self.right < self.x else "left"

    def clear_of(self, other: Label) -> bool:
        """True when neither the words nor the leader lines of two labels touch."""
        if self.line == other.line:
            return self.right + 8 <= other.left or other.right + 8 <= self.left
        upper, lower = sorted((self, other), key=lambda label: label.line)
        return not lower.left - 3 <= upper.x <= lower.right + 3


# --- axes of time ------------------------------------------------------------------------------


def pixels_per_day(ax: Axes) -> float:
    """Pixels per day."""
    low, high = ax.get_xlim()
    return ax.get_position().width * ax.figure.get_figwidth() * 96 / (high - low)


def middle(row: pd.Series) -> pd.Timestamp:
    """The middle of a dated row's window."""
    return row["start"] + (row["end"] - row["start"]) / 2


def year_axis(ax: Axes, every: int = 1) -> None:
    """A tick and a line at each first of January that lies inside the axis."""
    low, high = ax.get_xlim()
    years = range(mdates.num2date(low).year, mdates.num2date(high).year + 1)
    starts = [pd.Timestamp(year, 1, 1) for year in years if year % every == 0]
    ax.set_xticks([day for day in starts if low <= mdates.date2num(day) < high])
    ax.xaxis.set_major_formatter(mdates.DateFormatter("%Y"))
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.grid(axis="x", color=PALE, lw=0.8, zorder=1, ls="-")
    for label in ax.get_xticklabels():
        label.set_ha("left")


def stretched(ax: Axes, stops: Mapping[str, float]) -> None:
    """An axis of time whose scale changes: from each of the days `stops` to the next at an even scale.

    The values say how far along the axis each day stands, in any unit, rising.
    """
    days = mdates.date2num([pd.Timestamp(day) for day in stops])
    places = np.array([*stops.values()], dtype=float)
    ends = np.array([-1e4, 1e4])  # days beyond either end, so that what begins outside is cut and not squeezed in
    slopes = np.diff(places)[[0, -1]] / np.diff(days)[[0, -1]]
    far, there = days[[0, -1]] + ends, places[[0, -1]] + ends * slopes
    x, y = np.array([far[0], *days, far[1]]), np.array([there[0], *places, there[1]])
    ax.set_xscale("function", functions=(lambda day: np.interp(day, x, y), lambda place: np.interp(place, y, x)))
    ax.set_xlim(days[0], days[-1])


def day_axis(ax: Axes, locator: mdates.RRuleLocator) -> None:
    """Days as numbers, with the month at the first tick and at each first of a month."""
    first = min(ax.get_xlim())

    def name(x: float, _: int) -> str:
        when = mdates.num2date(x)
        step = 7 if isinstance(locator, mdates.WeekdayLocator) else 1
        new = x - step < first or mdates.num2date(x - step).month != when.month
        return f"{when.day} {when:%b}" if new or step == 7 else str(when.day)

    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(name)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
