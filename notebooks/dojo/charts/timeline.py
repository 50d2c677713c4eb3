"""The charts of the timeline notebook."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from datetime import date

import matplotlib.dates as mdates
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MultipleLocator

from dojo import timeline
from dojo.marks import (
    BLUE,
    GREY,
    INK,
    NARROW,
    ORANGE,
    PALE,
    PAPER,
    PLUM,
    STANDING_KEY,
    TEXT,
    WIDE,
    Label,
    canvas,
    day_axis,
    key,
    look,
    mark,
    middle,
    pixels_per_day,
    spread,
    styled,
    year_axis,
)

# --- the long timeline ------------------------------------------------------------------------

#: heights inside a lane, in rows of marks: the lane's name, a line of words, a row of marks
HEAD, LABEL_ROW, ROW = 1.9, 1.05, 0.66


@styled
def long_timeline(events: pd.DataFrame, labelled: Mapping[str, str], moment: str, split: str = "2023-01-01") -> Figure:
    """Every event in its lane, in two stretches of time with different scales.

    `events` as from `timeline.lanes`; `labelled` maps the ids of the events that are named to the
    words that name them; a line runs through all lanes at the event `moment`; `split` is the day
    where the left, compressed stretch ends.
    """
    cut, when = pd.Timestamp(split), events["start"][moment]
    early, late = events[events["start"] < cut], events[events["start"] >= cut]
    figure = canvas(WIDE, 640)
    left = figure.add_axes((0.004, 0.075, 0.238, 0.92))
    right = figure.add_axes((0.262, 0.075, 0.735, 0.92))
    left.set_xlim(early["start"].min() - pd.Timedelta(days=90), cut)
    right.set_xlim(cut, events["end"].max() + pd.Timedelta(days=100))
    sides = ((left, early), (right, late))
    heights = [max(_height(ax, p[p["lane"] == lane], labelled, when) for ax, p in sides) for lane in LANES]
    tops = np.concatenate([[0], np.cumsum(heights)])
    for ax, part in sides:
        ax.set_ylim(tops[-1], 0)
        for number, lane in enumerate(LANES):
            shade = "#f3f3f3" if number % 2 == 0 else "white"
            ax.axhspan(tops[number], tops[number + 1], color=shade, zorder=0)
            _lane(ax, part[part["lane"] == lane], labelled, when, tops[number])
        year_axis(ax, every=2 if ax is left else 1)
    for top, lane in zip(tops, LANES, strict=False):
        left.text(0.02, top + 0.35, lane, transform=left.get_yaxis_transform(), va="top", weight="bold", zorder=5)
    right.axvline(when, color=ORANGE, lw=1, ls=":", zorder=1)
    key(figure, STANDING_KEY)
    return figure


#: the lanes of the long timeline, from top to bottom
LANES = tuple(dict.fromkeys(timeline.LANES.values()))


def _rows(ax: Axes, part: pd.DataFrame, labelled: Mapping[str, str]) -> dict[str, int]:
    """The row of each mark of a lane, so that none covers another; named events take the top rows."""
    first = sorted(part.index, key=lambda event_id: event_id not in labelled)
    spans = [mdates.date2num([part["start"][i], part["end"][i]]) * pixels_per_day(ax) for i in first]
    return dict(zip(first, spread([(low - 6, high + 6) for low, high in spans], 0), strict=True))


def _placed(ax: Axes, part: pd.DataFrame, labelled: Mapping[str, str], moment: pd.Timestamp) -> list[Label]:
    """Words for the named events of a lane, right to left, each on the first line where nothing crosses it.

    The line through all lanes at `moment` counts as the leader of words above all others.
    """
    unit = pixels_per_day(ax)
    origin, limit = (x * unit for x in ax.get_xlim())
    through = mdates.date2num(moment) * unit
    placed = [Label("", through, through, through, -1)]
    for event_id in reversed([i for i in part.index if i in labelled]):
        x, width = mdates.date2num(middle(part.loc[event_id])) * unit, TEXT * len(labelled[event_id])
        lefts = [left for left in (x + 4, x - width - 4) if origin + 3 <= left and left + width <= limit - 3]
        lefts = lefts or [min(max(x - width / 2, origin + 3), limit - width - 3)]
        options = [Label(event_id, x, left, left + width, n) for n in range(len(part) + 1) for left in lefts]
        last = Label(event_id, x, lefts[0], lefts[0] + width, 1 + max(p.line for p in placed))
        for others in (placed, placed[1:]):  # where there is no room beside the line through all lanes, across it
            clear = [option for option in options if all(option.clear_of(p) for p in others)]
            if clear:
                last = clear[0]
                break
        placed.append(last)
    return placed[1:]


def _height(ax: Axes, part: pd.DataFrame, labelled: Mapping[str, str], moment: pd.Timestamp) -> float:
    lines = max((label.line for label in _placed(ax, part, labelled, moment)), default=-1) + 1
    rows = max(_rows(ax, part, labelled).values(), default=-1) + 1
    return HEAD + lines * LABEL_ROW + rows * ROW + 0.2


def _lane(ax: Axes, part: pd.DataFrame, labelled: Mapping[str, str], moment: pd.Timestamp, top: float) -> None:
    placed = _placed(ax, part, labelled, moment)
    lines = max((label.line for label in placed), default=-1) + 1
    base = top + HEAD + lines * LABEL_ROW
    level = _rows(ax, part, labelled)
    for event_id, row in part.iterrows():
        mark(ax, row, base + level[event_id] * ROW, ORANGE if event_id in labelled else BLUE)
    for label in placed:
        y = top + HEAD + label.line * LABEL_ROW
        x = label.x / pixels_per_day(ax)
        ax.plot([x, x], [y - 0.7, base + level[label.event_id] * ROW - 0.2], color=ORANGE, lw=0.9, zorder=2, ls="-")
        edge = (label.left if label.side == "left" else label.right) / pixels_per_day(ax)
        ax.text(edge, y, labelled[label.event_id], va="bottom", ha=label.side, zorder=5)


# --- the strip ----------------------------------------------------------------------------------


@styled
def strip(events: pd.DataFrame, labels: Mapping[str, str], ends: tuple[str, str], enlarged: tuple[str, str]) -> Figure:
    """A stretch of days as one strip, and a part of it enlarged below with every event named.

    `events` as from `timeline.during`; `labels` maps ids to the words beside them; `ends` are the
    events at which the strip begins and ends; `enlarged` is the first and last day of the part
    below, as the tables write dates. Events about Dojo itself are orange.
    """
    cut = [pd.Timestamp(day) for day in enlarged]
    figure = canvas(WIDE, 620)
    above = figure.add_axes((0.01, 0.815, 0.98, 0.135))
    below = figure.add_axes((0.01, 0.085, 0.98, 0.655))
    _strip_above(above, events, labels, ends, cut)
    _strip_below(below, events, labels, ends, cut)
    half = pd.Timedelta(days=0.5)
    for when, edge in ((cut[0] - half, below.get_position().x0), (cut[1] + half, below.get_position().x1)):
        heights = [above.get_position().y0, below.get_position().y1]
        line = Line2D([_place(above, when), edge], heights, color=GREY, lw=0.9, ls=":")
        figure.add_artist(line)
    key(figure, STANDING_KEY)
    return figure


def _place(ax: Axes, when: pd.Timestamp) -> float:
    """Where a day lies across the figure, as a fraction of its width."""
    low, high = ax.get_xlim()
    box = ax.get_position()
    return box.x0 + box.width * (mdates.date2num(when) - low) / (high - low)


def _strip_above(
    ax: Axes, events: pd.DataFrame, labels: Mapping[str, str], ends: tuple[str, str], cut: Sequence[pd.Timestamp]
) -> None:
    day = pd.Timedelta(days=1)
    start, end = (events["start"][event_id] for event_id in ends)
    ax.set(xlim=(start - day, max(end, cut[1]) + day), ylim=(-1, 1.6))
    ax.barh(0, end - start, left=start, height=0.5, color=PALE, zorder=1)
    ax.axvspan(cut[0] - day / 2, cut[1] + day / 2, ymax=0.62, color="#f7dccb", zorder=0.5, lw=0)
    for when in events["start"]:
        ax.plot([when, when], [-0.3, 0.3], color=INK, lw=1.2, ls="-", zorder=2)
    for event_id, side in zip(ends, ("left", "right"), strict=True):
        row = events.loc[event_id]
        mark(ax, row, 0, _about_dojo(row), again=row["start"] >= cut[0])
        ax.text(events["start"][event_id], 0.72, labels[event_id], ha=side, va="bottom")
    words = f"{(end - start).days} days"
    ax.text(start + (end - start) * 0.36, 0, words, ha="center", va="center", weight="bold", zorder=4)
    day_axis(ax, mdates.WeekdayLocator(byweekday=start.weekday()))
    ax.xaxis.tick_top()
    ax.spines["bottom"].set_visible(False)


def _strip_below(
    ax: Axes, events: pd.DataFrame, labels: Mapping[str, str], ends: tuple[str, str], cut: Sequence[pd.Timestamp]
) -> None:
    """Days left to right; the events of each day hang below it, named."""
    day = pd.Timedelta(days=1)
    part = events[(events["end"] >= cut[0]) & (events["start"] <= cut[1]) & events.index.isin(list(labels))]
    ax.set(xlim=(cut[0] - 0.6 * day, cut[1] + 0.6 * day), ylim=(len(part) + 0.1, -1.9))
    for level, (event_id, row) in enumerate(part.iterrows()):
        ax.plot([row["start"]] * 2, [-0.6, level], color=PALE, lw=0.9, zorder=1, ls="-")
        mark(ax, row, level, _about_dojo(row))
        left = row["start"] > cut[0] + (cut[1] - cut[0]) * 0.6
        x = row["start"] - 0.3 * day if left else row["end"] + 0.3 * day
        ax.text(x, level, labels[event_id], va="center", ha="right" if left else "left", zorder=4, bbox=PAPER)
    end = events["start"][ends[1]]
    ax.annotate("", (end, -1.1), (cut[0], -1.1), arrowprops={"arrowstyle": "<|-|>", "color": INK, "lw": 0.9})
    words = f"{(end - cut[0]).days} days"
    ax.text(cut[0] + (end - cut[0]) / 2, -1.1, words, ha="center", va="center", weight="bold", bbox=PAPER)
    day_axis(ax, mdates.DayLocator())


def _about_dojo(row: pd.Series) -> str:
    return ORANGE if row["subject"].startswith("dojo") and row["track"] != "people" else BLUE


# --- promises -------------------------------------------------------------------------------------

#: how each result is drawn: colour, marker
RESULTS = {
    "met": (BLUE, "o"),
    "late": (BLUE, ">"),
    "missed": (ORANGE, "X"),
    "abandoned": (ORANGE, "s"),
    "superseded": (PLUM, "D"),
    "no record": (GREY, "_"),
    "not yet due": (GREY, "o"),
    "open, no date": (GREY, "."),
}
#: results without a day on which the promise was settled
UNSETTLED = ("no record", "not yet due", "open, no date")


@styled
def promise_dots(promises: pd.DataFrame, as_of: date) -> Figure:
    """One line per promise, from the day it was made to the day it was due, with what became of it.

    `promises` as from `timeline.promises`. The line starts at the small dot (made) and ends at the
    open ring (due); the coloured mark is the day it was settled. A date coarser than a day has a
    grey bar of its length behind its mark; a month is shorter than the mark. Grouped by result;
    a dotted line marks `as_of`, the last day of the record.
    """
    order = list(RESULTS)
    rows = promises.assign(rank=promises["result"].map(order.index)).sort_values(["rank", "made_start"], kind="stable")
    height = 70 + 19 * (len(rows) + 2 * rows["rank"].nunique())
    figure = canvas(WIDE, height)
    ax = figure.add_axes((0.5, 44 / height, 0.495, 1 - 50 / height))
    last = max(rows["due_end"].max(), rows["outcome_end"].max(), pd.Timestamp(as_of))
    ax.set_xlim(rows["made_start"].min() - pd.Timedelta(days=110), last + pd.Timedelta(days=180))
    y, previous = 0.0, None
    places: list[tuple[str, float]] = []
    for promise_id, row in rows.iterrows():
        if row["result"] != previous:
            y += 0.8 if previous else 0.0
            places.append((f"{row['result']}: {(rows['result'] == row['result']).sum()}", y))
            previous, y = row["result"], y + 1
        _promise(ax, row, y)
        places.append((str(promise_id), y))
        y += 1
    ax.set_ylim(y, -1)
    for text, at in places:
        heading = text not in rows.index
        words = text if heading else textwrap.shorten(rows["promise"][text], 72, placeholder=" …")
        weight = "bold" if heading else "normal"
        ax.text(-1.0, at, words, transform=ax.get_yaxis_transform(), va="center", weight=weight, bbox=PAPER)
        ax.axhline(at, xmin=-1.0, color=PALE, lw=0.5, ls="-", zorder=0, clip_on=False, visible=not heading)
    ax.axvline(pd.Timestamp(as_of), color=GREY, lw=1, ls=":", zorder=1)
    ax.text(pd.Timestamp(as_of) + pd.Timedelta(days=20), -0.7, "the record ends", ha="left", va="center", color=GREY)
    year_axis(ax)
    shown = {"made": {"color": INK, "s": 14}, "due": {"facecolor": "white", "edgecolor": INK, "s": 46}}
    settled = {words: {"color": c, "marker": m, "s": 40} for words, (c, m) in RESULTS.items() if words not in UNSETTLED}
    key(figure, shown | settled, left=8)
    return figure


def _promise(ax: Axes, row: pd.Series, y: float) -> None:
    colour, marker = RESULTS[row["result"]]
    stops = [_stop(ax, row, "made_", y, s=14, color=INK)]
    if pd.notna(row["due_end"]):
        stops.append(_stop(ax, row, "due_", y, s=46, facecolor="white", edgecolor=INK))
    if pd.notna(row["outcome_start"]) and row["result"] not in UNSETTLED:
        stops.append(_stop(ax, row, "outcome_", y, s=40, color=colour, marker=marker))
    (line,) = ax.plot([min(stops), max(stops)], [y, y], color=GREY, lw=0.9, zorder=2, ls="-", clip_on=False)
    line.set_gid(str(row.name))


def _stop(ax: Axes, row: pd.Series, prefix: str, y: float, **style: object) -> pd.Timestamp:
    """One date of a promise: its mark in the middle of its window, and a bar over a window of several days."""
    start, end = row[f"{prefix}start"], row[f"{prefix}end"]
    at = start + (end - start) / 2
    if end > start:
        ax.plot([start, end], [y, y], color=GREY, lw=5, ls="-", solid_capstyle="butt", zorder=2.5, clip_on=False)
    ax.scatter([at], [y], zorder=3, lw=1, clip_on=False, **style)
    return at


# --- said and happened ------------------------------------------------------------------------------


@styled
def said_and_happened(pairs: pd.DataFrame, as_of: date) -> Figure:
    """What was said and what came of it: one bar per statement, from the day it was made.

    `pairs` as from `timeline.follow_up`; a bar ends at the orange stroke where the statement was
    settled, or runs dotted to `as_of`, the last day of the record.
    """
    height = 30 + 82 * len(pairs)
    figure = canvas(NARROW, height)
    ax = figure.add_axes((0.02, 26 / height, 0.96, 1 - 28 / height))
    ax.set_xlim(pairs["made_start"].min() - pd.Timedelta(days=8), pd.Timestamp(as_of) + pd.Timedelta(days=12))
    ax.set_ylim(len(pairs), 0)
    for y, (_, row) in enumerate(pairs.iterrows()):
        settled = row["result"] not in UNSETTLED
        end = row["outcome_start"] if settled else pd.Timestamp(as_of)
        (bar,) = ax.plot(
            [row["made_start"], end], [y + 0.5] * 2, color=BLUE, lw=4, ls="-" if settled else ":", zorder=2
        )
        bar.set_gid(str(row.name))
        ax.scatter([row["made_start"]], [y + 0.5], s=50, color=BLUE, zorder=3)
        if settled:
            ax.scatter([end], [y + 0.5], marker="|", s=190, lw=3, color=ORANGE, zorder=4)
        ax.text(0, y + 0.36, row["said"], transform=ax.get_yaxis_transform(), va="bottom", weight="bold")
        ax.text(0, y + 0.64, row["happened"], transform=ax.get_yaxis_transform(), va="top")
    ax.xaxis.set_major_locator(mdates.MonthLocator(bymonth=(1, 4, 7, 10)))
    ax.xaxis.set_major_formatter(lambda x, _: f"{mdates.num2date(x):%b %Y}")
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    return figure


# --- compute ----------------------------------------------------------------------------------------


@styled
def compute(dojo: pd.DataFrame, others: pd.DataFrame) -> Figure:
    """Training compute in H100 equivalents: what Dojo was promised to be beside all other compute.

    Both as from `timeline.amounts`, with a `label` for each point; a range is drawn as a thick
    stroke, a date known only to a window as a thin line, standing by fill.
    """
    figure = canvas(NARROW, 430)
    ax = figure.add_axes((0.145, 0.115, 0.84, 0.865))
    both = pd.concat([dojo, others])
    ax.set_xlim(both["start"].min() - pd.Timedelta(days=90), both["end"].max() + pd.Timedelta(days=60))
    ax.set_ylim(0, both["high"].max() * 1.08)
    for frame, colour, marker in ((dojo, ORANGE, "D"), (others, BLUE, "o")):
        for _, row in frame.iterrows():
            _amount(ax, row, colour, marker)
    ax.xaxis.set_major_locator(mdates.YearLocator())
    ax.xaxis.set_major_formatter(mdates.DateFormatter("%Y"))
    ax.yaxis.set_major_locator(MultipleLocator(20_000))
    ax.yaxis.set_major_formatter(lambda y, _: f"{y:,.0f}")
    ax.grid(axis="y", color=PALE, lw=0.8, zorder=0, ls="-")
    ax.tick_params(axis="y", length=0, pad=2)
    ax.spines["left"].set_visible(False)
    _name_amounts(ax, both)
    whose = {"Dojo goal": {"marker": "D", **look("claimed", ORANGE)}, "confirmed": look("confirmed")}
    key(figure, whose | {standing: look(standing) for standing in ("reported", "claimed")}, line=22)
    return figure


def _amount(ax: Axes, row: pd.Series, colour: str, marker: str) -> None:
    """One point with its range and its window of time."""
    x = middle(row)
    ax.plot([row["start"], row["end"]], [row["value"]] * 2, color=colour, lw=1.2, ls="-", zorder=2)
    ax.plot([x, x], [row["low"], row["high"]], color=colour, lw=4, ls="-", solid_capstyle="butt", zorder=2)
    style = look(row["standing"], colour)
    point = ax.scatter([x], [row["value"]], s=52, marker=marker, zorder=3, linewidths=1.3, **style)
    point.set_gid(str(row.name))


#: where words may stand beside a point, best first: shift in pixels and side
SIDES = ((9, 0, "left"), (-9, 0, "right"), (-9, -14, "left"), (-9, 14, "left"), (9, -14, "right"), (9, 14, "right"))


def _name_amounts(ax: Axes, rows: pd.DataFrame) -> None:
    """Write each label beside its point, on the first side where it covers neither word nor point."""
    middles = rows["start"] + (rows["end"] - rows["start"]) / 2
    points = ax.transData.transform(np.column_stack([mdates.date2num(middles), rows["value"]]))
    taken = [(x - 6, x + 6, y - 6, y + 6) for x, y in points]
    area = ax.get_window_extent()
    for (x, y), label in zip(points, rows["label"], strict=True):
        for dx, dy, side in SIDES:
            edge = x + dx - (TEXT * len(label) if side == "right" else 0)
            box = (edge, edge + TEXT * len(label), y + dy - 6, y + dy + 6)
            inside = area.x0 <= box[0] and box[1] <= area.x1 and area.y0 <= box[2]
            if inside and not any(box[0] < b and a < box[1] and box[2] < d and c < box[3] for a, b, c, d in taken):
                break
        taken.append(box)
        ax.annotate(
            label, ax.transData.inverted().transform((x, y)), xytext=(dx * 0.75, dy * 0.75), bbox=PAPER,
            textcoords="offset points", ha=side, va="center",
        )  # fmt: skip
