"""The charts of the people notebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import matplotlib.dates as mdates
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch, Polygon, Rectangle
from matplotlib.path import Path

from dojo import dates, people
from dojo.marks import (
    BLUE,
    GREY,
    INK,
    NARROW,
    ORANGE,
    STANDING_KEY,
    TEXT,
    WIDE,
    canvas,
    key,
    look,
    mark,
    stretched,
    styled,
    year_axis,
)

# --- the flow ---------------------------------------------------------------------------------

#: in pixels: a row for one person, the margin of a lane, the band of the Dojo team, the column of lane names
ROW, MARGIN, BAND, NAMES = 14, 7, 44, 150
#: the day from which years are wide along the flow's axis, and the share of it that those before take
WIDER, EARLIER = "2023-07-01", 12
#: how much ink a strand has, in pixels of full colour, and how pale it may become
INKED, PALEST = 2.6, 0.07
#: the Dojo team and the groups it was split into
TEAM = "#dbe3ee"
#: lanes of other teams, paler and without strands
_OTHERS = ("Tesla’s chip teams", "Neighbouring teams")


@styled
def flow(rows: pd.DataFrame, boxes: Mapping[str, tuple[dates.Window, str]], closed: pd.Timestamp) -> Figure:
    """Who left Dojo, when and for where: one strand per named person, one empty box for a counted group.

    `rows` as from `people.flow`. Strands run from the Dojo team to a lane per destination, each as wide
    as the days its date leaves open and the paler the wider. A counted group is a box, one row high for
    each person: `boxes` gives for its id the days on which its people may have left, whose first is not
    known, and words to write into it. `closed` is the day of the reported closure.
    """
    boxed = rows[rows.index.isin(list(boxes))]
    whole = rows[(rows["part"] == "split") & (rows["from_role"] == "Dojo team")]
    lanes, y = _lanes(rows.drop([*boxed.index, *whole.index]), boxed)
    height = lanes["bottom"].iloc[-1] + 50
    figure = canvas(WIDE, height)
    ax = figure.add_axes((NAMES / WIDE, 50 / height, 1 - (NAMES + 6) / WIDE, 1 - 50 / height))
    ax.set_ylim(height - 50, 0)
    last = rows["end"].max() + pd.Timedelta(days=170)  # room for words beside the last marks
    stretched(ax, {f"{min(2018, rows['start'].min().year)}-01-01": 0, WIDER: EARLIER, f"{last:%Y-%m-%d}": 100})
    below = lanes["top"][people.LANES[0]]
    trunk = (below - BAND, below)
    y |= dict.fromkeys(map(str, whole.index), sum(trunk) / 2)
    _backdrop(ax, lanes, trunk, closed)
    lines = _strands(ax, rows[rows.index.isin(list(y))], y, trunk)
    for move_id in rows.index[(rows["part"] == "split") & (rows["circle"] == "dojo")].difference(whole.index):
        _arm(ax, y[move_id], rows["end"][move_id], trunk, closed)
    for move_id, place in y.items():
        _mark(ax, rows.loc[move_id], place)
    free = lanes["bottom"] - MARGIN
    for move_id, row in boxed.iterrows():
        _box(ax, row, free[row["lane"]], *boxes[str(move_id)])
        free[row["lane"]] -= _most(row) * ROW + MARGIN
    _name(ax, rows, y, lines)
    _years(ax)
    shown = {
        words: style for words, style in STANDING_KEY.items() if words != "claimed" or words in set(rows["standing"])
    }
    key(figure, shown | {"number not reported": {**look("reported", GREY), "hatch": "/////", "marker": "s", "s": 60}})
    return figure


def _lanes(marked: pd.DataFrame, boxed: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, float]]:
    """Top and bottom of each lane, and the height of each mark, in pixels from the top.

    Beside the Dojo team the earlier move stands farther from it, so that strands do not cross words.
    """
    top, found, y = 0.0, {}, {}
    for lane in people.lanes(pd.concat([marked, boxed]).sort_values("start", kind="stable")):
        top += BAND if lane == people.LANES[0] else 0
        ids = [str(i) for i in marked.index[marked["lane"] == lane]]
        beside = lane in people.LANES[:2]
        y |= {i: top + MARGIN + (n + 0.5) * ROW for n, i in enumerate(reversed(ids) if beside else ids)}
        boxes = [_most(row) * ROW + MARGIN for _, row in boxed[boxed["lane"] == lane].iterrows()]
        bottom = top + 2 * MARGIN + ROW * len(ids) + sum(boxes)
        found[lane] = {"top": top, "bottom": bottom}
        top = bottom
    return pd.DataFrame(found).T, y


def _most(row: pd.Series) -> int:
    """The most people that a counted group may have, as far as its source says."""
    return int(row["headcount_low"] if pd.isna(row["headcount_high"]) else row["headcount_high"])


def _backdrop(ax: Axes, lanes: pd.DataFrame, trunk: tuple[float, float], closed: pd.Timestamp) -> None:
    """The lanes with their names, and the team as a band with dashed edges, because its size is not known."""
    names, beside = ax.get_yaxis_transform(), -(NAMES - 8) / (WIDE - NAMES - 6)
    for number, (lane, (top, bottom)) in enumerate(lanes.iterrows()):
        shade = "#f3f3f3" if number % 2 == 0 else "white"
        ax.axhspan(top, bottom, xmin=-1, color=shade, zorder=0, lw=0, clip_on=False)
        colour = GREY if lane in _OTHERS else INK
        ax.text(beside, top + MARGIN + ROW / 2, str(lane), transform=names, va="center", weight="bold", color=colour)
    start = ax.get_xlim()[0]
    ax.fill_between([start, mdates.date2num(closed)], *trunk, color=TEAM, lw=0, zorder=1)
    for edge in trunk:
        ax.plot([start, mdates.date2num(closed)], [edge, edge], color=BLUE, lw=1, ls="--", zorder=2)
    style = {"transform": names, "va": "center", "weight": "bold", "color": BLUE}
    ax.text(beside, sum(trunk) / 2, "The Dojo team", **style)
    ax.text(0.01, sum(trunk) / 2, "number of people not known", **style | {"weight": "normal"})
    ax.axvline(closed, color=ORANGE, lw=1, ls=":", zorder=1)
    words = f"reported closed, {dates.day(closed)}"
    ax.annotate(words, (closed, trunk[0] + 9), xytext=(4, 0), textcoords="offset points", va="center", color=ORANGE)


#: what stands in the way of words: the mark it belongs to, and its place in pixels: left, right, top, bottom
_Line = tuple[str, float, float, float, float]


def _strands(ax: Axes, rows: pd.DataFrame, y: Mapping[str, float], trunk: tuple[float, float]) -> list[_Line]:
    """Draw the strand of each exit from Dojo and the second step of founders; returns where they are."""
    lines = []
    for move_id, row in rows[(rows["circle"] == "dojo") & (rows["part"] == "exit")].iterrows():
        edge = trunk[0] if y[move_id] < trunk[0] else trunk[1]
        left, right = _reach(ax, row)
        ink = min(0.9, max(PALEST, INKED / (right - left)))
        pad = max(0, INKED - (right - left)) / 2
        first, last = _day(ax, left - pad), _day(ax, right + pad)
        corners = [(first, edge), (last, edge), (last, y[move_id]), (first, y[move_id])]
        colour = BLUE if row["kind"] == "person" else GREY
        ax.add_patch(Polygon(corners, facecolor=colour, alpha=ink, lw=0, zorder=2))
        lines.append((str(move_id), left, right, *sorted((edge, y[move_id]))))
        for step in rows.index[(rows["part"] == "founding") & (rows["person_id"] == row["person_id"])]:
            x = (left + right) / 2
            ax.plot([_day(ax, x)] * 2, [y[move_id] + 5, y[step]], color=BLUE, lw=1, ls=":", zorder=2)
            lines.append((str(move_id), x, x, y[move_id], y[step]))
    return lines


def _arm(ax: Axes, y: float, end: pd.Timestamp, trunk: tuple[float, float], closed: pd.Timestamp) -> None:
    """One of the groups that the rest was split into: from the team's end to its own line, and on."""
    x0, x1, last = (*mdates.date2num([closed, end]), ax.get_xlim()[1])
    middle, half, bend = sum(trunk) / 2, 5, (x0 + x1) / 2
    there = [(x0, middle - half), (bend, middle - half), (bend, y - half), (x1, y - half), (last, y - half)]
    back = [(last, y + half), (x1, y + half), (bend, y + half), (bend, middle + half), (x0, middle + half)]
    codes = [Path.MOVETO, *[Path.CURVE4] * 3, *[Path.LINETO] * 3, *[Path.CURVE4] * 3]
    ax.add_patch(PathPatch(Path([*there, *back], codes), facecolor=TEAM, lw=0, zorder=1.5))


def _mark(ax: Axes, row: pd.Series, y: float) -> None:
    colour = GREY if row["lane"] in _OTHERS else ORANGE if row["part"] == "call" else BLUE
    mark(ax, row, y, colour)
    if row["kind"] == "group" and pd.isna(row["headcount_low"]):
        ax.patches[-1].set(hatch="/////", hatchcolor="white" if row["standing"] == "confirmed" else colour)


def _box(ax: Axes, row: pd.Series, bottom: float, possible: dates.Window, words: str) -> None:
    """A counted group as an empty box, one row high for each person: solid for its low count, dashed for its high.

    Its left edge is broken, as no first day is known; so is its top where no high count is.
    """
    left, right = mdates.date2num([possible.start, possible.end])
    low, most = int(row["headcount_low"]), _most(row)
    style = {"fill": False, "edgecolor": BLUE, "zorder": 3}
    box = Rectangle((left, bottom), right - left, -low * ROW, lw=1.6, **style)
    box.set_gid(str(row.name))
    ax.add_patch(box)
    if most > low:
        ax.add_patch(Rectangle((left, bottom), right - left, -most * ROW, lw=1.2, ls="--", **style))
    top = bottom - low * ROW
    breaks = {"color": "white", "lw": 2.4, "ls": (0, (2, 2)), "zorder": 3.1}
    ax.plot([left, left], [bottom, top], **breaks)
    if pd.isna(row["headcount_high"]):
        ax.plot([left, right], [top, top], **breaks)
    x = _day(ax, (_pixel(ax, left) + _pixel(ax, right)) / 2)
    lines = [_words(row), *words.splitlines()]
    for number, line in enumerate(lines):
        y = (top + bottom) / 2 + 2 * ROW * (number - (len(lines) - 1) / 2)
        ax.text(x, y, line, ha="center", va="center", weight="bold" if number == 0 else "normal")


def _pixel(ax: Axes, day: float) -> float:
    return float(ax.transData.transform((day, 0))[0])


def _day(ax: Axes, pixel: float) -> float:
    return float(ax.transData.inverted().transform((pixel, 0))[0])


def _reach(ax: Axes, row: pd.Series) -> tuple[float, float]:
    """Where the days of a row begin and end, in pixels."""
    first, last = mdates.date2num([row["start"], row["end"] + pd.Timedelta(days=1)])
    return _pixel(ax, first), _pixel(ax, last)


def _words(row: pd.Series) -> str:
    """The words beside a mark: who, how many when that is open, and where to when the lane does not say it."""
    who, low, high = str(row["label"]), row["headcount_low"], row["headcount_high"]
    if row["kind"] == "group" and pd.notna(low) and pd.isna(high):
        who = f"at least {low} {who}"
    elif row["kind"] == "group" and pd.notna(low) and low < high:
        who = f"{low} to {high} {who}"
    told = row["lane"] in _OTHERS and row["to_org"] not in people.NOBODY
    return f"{who}, to {row['to_org']}" if told else who


def _name(ax: Axes, rows: pd.DataFrame, y: Mapping[str, float], lines: Sequence[_Line]) -> None:
    """Write who it is beside each mark: to its right, unless a line passes there or the figure ends."""
    limit = _pixel(ax, ax.get_xlim()[1])
    for move_id, place in y.items():
        words = _words(rows.loc[move_id])
        left, right = _reach(ax, rows.loc[move_id])
        if rows["days"][move_id] == 1:  # a dot is wider than its day
            left, right = left - 4, right + 4
        end = right + 8 + TEXT * len(words)
        passing = [x0 for i, x0, x1, low, high in lines if i != move_id and low < place < high and x1 - x0 < 60]
        after = end < limit and not any(right - 2 < x0 < end for x0 in passing)
        x = right + 6 if after else left - 6
        ax.text(_day(ax, x), place, words, ha="left" if after else "right", va="center", zorder=5)


def _years(ax: Axes) -> None:
    """Years along an axis whose scale changes, and a thin line where it does."""
    year_axis(ax)
    change = mdates.date2num(pd.Timestamp(WIDER))
    ticks = [tick for tick in ax.get_xticks() if tick > change or mdates.num2date(tick).year % 3 == 2]
    ax.set_xticks(ticks)
    ax.axvline(change, color=GREY, lw=0.8, ls="-", zorder=1)


# --- who led ------------------------------------------------------------------------------------


@styled
def tenures(rows: pd.DataFrame, closed: pd.Timestamp, as_of: date) -> Figure:
    """Who held which post: one bar per tenure, pale over the days on which it may have begun or ended.

    `rows` as from `people.tenures`; a tenure without a reported end runs dotted to `as_of`, the last
    day of the record. A dotted line marks `closed`, the day of the reported closure.
    """
    posts = list(dict.fromkeys(rows["post"]))
    height = 26 + 24 * len(posts) + 30 * len(rows)
    figure = canvas(NARROW, height)
    ax = figure.add_axes((0.02, 24 / height, 0.96, 1 - 26 / height))
    ax.set_xlim(rows["begin_first"].min() - pd.Timedelta(days=30), pd.Timestamp(as_of) + pd.Timedelta(days=30))
    ax.set_ylim(height - 26, 0)
    y = 0
    for post in posts:
        ax.text(0, y + 15, post, transform=ax.get_yaxis_transform(), va="center", weight="bold")
        y += 24
        for tenure, row in rows[rows["post"] == post].iterrows():
            _tenure(ax, str(tenure), row, y, pd.Timestamp(as_of))
            y += 30
    ax.axvline(closed, color=ORANGE, lw=1, ls=":", zorder=1)
    year_axis(ax, every=2)
    return figure


def _tenure(ax: Axes, tenure: str, row: pd.Series, y: float, as_of: pd.Timestamp) -> None:
    first, sure = mdates.date2num([row["begin_first"], row["begin_last"]])
    ended = pd.notna(row["end_first"])
    until, last = mdates.date2num([row["end_first"], row["end_last"]] if ended else [as_of, as_of])
    ax.barh(y + 21, last - first, left=first, height=9, color="#b9c8db", zorder=2, lw=0)
    bar = Rectangle((sure, y + 16.5), until - sure, 9, facecolor=BLUE if ended else "white", edgecolor=BLUE, zorder=3)
    bar.set(linestyle="-" if ended else ":", gid=tenure)
    ax.add_patch(bar)
    left = _pixel(ax, first) + TEXT * len(row["holder"]) < _pixel(ax, ax.get_xlim()[1])
    ax.text(first if left else last, y + 8, row["holder"], ha="left" if left else "right", va="center")


# --- before or after ----------------------------------------------------------------------------

#: how far along the axis the days stand: the summer of the closure is enlarged
SUMMER = {"2025-07-01": 38, "2025-09-01": 80}
#: how the first days of months are written below it
FORMS = {1: "%Y", 7: "%B %Y"}
#: the height of a row of events, in pixels
LINE = 18


@styled
def before_or_after(lanes: Mapping[str, pd.DataFrame], closed: pd.Timestamp) -> Figure:
    """Dated rows in lanes over an axis of time that enlarges the summer of the closure.

    Each row of `lanes` needs start, end, standing and label; rows without a label share one line. A
    start of NaT says that no first day is known: the bar runs out of the picture. A dotted line marks
    `closed`, the day of the reported closure.
    """
    lines = {lane: (rows["label"] != "").sum() + (rows["label"] == "").any() for lane, rows in lanes.items()}
    height = sum(lines.values()) * LINE + 2 * MARGIN * len(lanes) + 56
    figure = canvas(WIDE, int(height))
    ax = figure.add_axes((NAMES / WIDE, 56 / height, 1 - (NAMES + 6) / WIDE, 1 - 56 / height))
    ax.set_ylim(height - 56, 0)
    every = pd.concat([*lanes.values()])
    first, last = every["start"].min() - pd.Timedelta(days=20), every["end"].max() + pd.Timedelta(days=45)
    stretched(ax, {f"{first:%Y-%m-%d}": 0, **SUMMER, f"{last:%Y-%m-%d}": 100})
    top = 0.0
    for number, (lane, rows) in enumerate(lanes.items()):
        bottom = top + lines[lane] * LINE + 2 * MARGIN
        ax.axhspan(top, bottom, xmin=-1, color="#f3f3f3" if number % 2 == 0 else "white", zorder=0, lw=0, clip_on=False)
        names = {"transform": ax.get_yaxis_transform(), "va": "center", "weight": "bold"}
        ax.text(-(NAMES - 8) / (WIDE - NAMES - 6), top + MARGIN + LINE / 2, lane, **names)
        _lane(ax, rows, top + MARGIN, lines[lane])
        top = bottom
    ax.axvline(closed, color=ORANGE, lw=1, ls=":", zorder=1)
    _summer(ax)
    key(figure, STANDING_KEY)
    return figure


def _lane(ax: Axes, rows: pd.DataFrame, top: float, lines: int) -> None:
    """The rows of one lane, each named one on a line of its own."""
    named = iter(range(lines))
    for _, row in rows.sort_values("end").iterrows():
        y = top + LINE * (0.5 + (next(named) if row["label"] else lines - 1))
        known = pd.notna(row["start"])
        drawn = row if known else row.copy()
        if not known:  # begins outside the picture, where its edge is not drawn
            drawn["start"] = mdates.num2date(ax.get_xlim()[0]).replace(tzinfo=None) - pd.Timedelta(days=60)
        mark(ax, drawn, y, BLUE)
        for artist in (*ax.patches[-1:], *ax.collections[-1:]) if not known else ():
            artist.set_clip_on(True)
        left, right = _reach(ax, drawn)
        pad = 6 if row["start"] == row["end"] else 2
        after = right + pad + 4 + TEXT * len(row["label"]) < _pixel(ax, ax.get_xlim()[1])
        x, side = (right + pad + 4, "left") if after else (left - pad - 4, "right")
        ax.text(_day(ax, x), y, row["label"], ha=side, va="center", zorder=5)


def _summer(ax: Axes) -> None:
    """Years, and in the enlarged summer months and weeks."""
    first, last = SUMMER
    year_axis(ax)
    ax.set_xticks([*ax.get_xticks(), *mdates.date2num(pd.date_range(first, last, freq="MS"))])
    ax.xaxis.set_major_formatter(lambda x, _: f"{mdates.num2date(x):{FORMS.get(mdates.num2date(x).month, '%B')}}")
    ax.axvspan(pd.Timestamp(first), pd.Timestamp(last), color="#f7dccb", alpha=0.35, zorder=0.5, lw=0)


# --- who repeats whom ---------------------------------------------------------------------------

#: heights of an outlet in the tree, and how far each step is set in, in pixels
OUTLET, STEP = 36, 18


@styled
def tree(rows: pd.DataFrame) -> Figure:
    """Who repeats whom: one outlet a line, set in below the one it repeats, and how it puts the matter.

    `rows` as from `people.retellings`. Orange where the words change; an outlet without a recorded
    origin that nobody repeats stands apart, hollow and without a line.
    """
    height = OUTLET * len(rows) + 8
    figure = canvas(NARROW, height)
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, NARROW), ylim=(height, 0))
    ax.set_axis_off()
    y = {str(source): 14 + OUTLET * number for number, source in enumerate(rows.index)}
    for source, row in rows.iterrows():
        x, up = 12 + STEP * row["depth"], row["parent"]
        if up:
            ax.plot([x - STEP, x - STEP, x - 5], [y[up] + 6, y[str(source)], y[str(source)]], color=GREY, lw=1, ls="-")
        style = look("reported" if row["apart"] else "confirmed", ORANGE if row["changed"] else BLUE)
        ax.scatter([x], [y[str(source)]], s=34, zorder=3, **style).set_gid(str(source))
        outlet = row["publisher"].partition(" (")[0]
        when = dates.window(row["published"]) if row["published"] else "undated"
        ax.text(x + 10, y[str(source)], f"{outlet}, {when}", va="center", weight="bold")
        ax.text(x + 10, y[str(source)] + 15, row["words"], va="center", color=ORANGE if row["changed"] else INK)
    return figure
