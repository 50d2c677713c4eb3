"""The charts of the notebook on a board of AI6."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dojo.marks import BLUE, GREY, INK, NARROW, ORANGE, PALE, PAPER, PLUM, SOLD, canvas, key, look, styled

#: chips that are named among the others: words, their offset in points, and how they are aligned
NAMED = {
    "a2": ("A2", 7, 0, "left"),
    "b200": ("B200", 7, 0, "left"),
    "dojo-d1": ("D1", 3, 8, "center"),
    "groq-lpu1": ("Groq", -7, 0, "right"),
    "h100-sxm": ("H100", 7, -1, "left"),
    "hw3-fsd": ("HW3", 7, 0, "left"),
    "l4": ("L4", -7, -2, "right"),
    "qaic100-pro": ("Qualcomm", -7, 0, "right"),
    "tpu-v4i": ("TPU v4i", -7, 0, "right"),
    "tpu-v5e": ("TPU v5e", -6, 7, "right"),
}


def _plain(value: float, _: object = None) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:g}"


# --- the deciding number -------------------------------------------------------------------------


@styled
def deciding(
    points: pd.DataFrame,
    said: tuple[float, float],
    unplaced: Mapping[str, tuple[float, float]],
    goal: float,
    boards: Sequence[int],
) -> Figure:
    """Share of the raw rate that is fit for training against the raw rate, both logarithmic.

    `points` by chip: role, share and raw (10^12 operations a second). `said` is the range of AI6's raw rate by what
    was said, a fog over all shares; `unplaced` are such ranges of other chips by their words, in a strip beside. A
    line for each of up to four sizes in `boards` is where so many chips reach the `goal`, in 10^12 operations a second.
    """
    figure = canvas(NARROW, 420)
    ax = figure.add_axes((0.145, 0.19, 0.69, 0.675))
    ax.set(xscale="log", yscale="log", xlim=(0.13, 190), ylim=(28, 9000))
    ax.axhspan(*said, color=PALE, lw=0, zorder=0.5, gid="ai6")
    for end in said:
        ax.axhline(end, color=GREY, lw=0.8, ls=(0, (2, 2)), zorder=1)
    ax.text(0.15, said[0] * 1.2, "AI6?", color=INK, weight="bold", va="center", zorder=5)
    for chips, style in zip(boards, ("-", "--", "-.", ":"), strict=False):
        _enough(ax, goal / chips, f"{chips}", style)
    for chip_id, row in points.iterrows():
        _chip(ax, str(chip_id), row)
    ax.set_xticks([0.2, 1, 5, 20, 100], ["0.2", "1", "5", "20", "100"])
    ax.set_yticks([30, 100, 300, 1000, 3000])
    ax.yaxis.set_major_formatter(_plain)
    ax.minorticks_off()
    ax.set_xlabel("share fit for training, per cent", labelpad=2)
    ax.set_title("raw rate of one chip, 10¹² operations a second", loc="left", x=-0.2, weight="normal", pad=34)
    ax.text(0.5, 1.075, "right of a line, that many match eight H100", transform=ax.transAxes, ha="center", va="bottom")
    _strip(figure, ax, unplaced)
    sold = {"sold for training": PLUM, "both": BLUE, "inference": ORANGE}
    key(figure, {name: {"marker": "o", "color": colour, "s": 30} for name, colour in sold.items()}, line=22)
    return figure


def _enough(ax: Axes, product: float, words: str, style: str) -> None:
    """The line of a constant product, named where it leaves the axis at the top or on the left."""
    left, top = ax.get_xlim()[0], ax.get_ylim()[1]
    shares = np.array([left, 100])
    ax.plot(shares, 100 * product / shares, color=INK, lw=1.3, ls=style, zorder=2, gid=f"board-{words}")
    ax.annotate(words, (100 * product / top, top), (0, 3), textcoords="offset points", ha="center", va="bottom")


def _chip(ax: Axes, chip_id: str, row: pd.Series) -> None:
    """A dot, with words where the chip is one of NAMED."""
    place, colour = (100 * row["share"], row["raw"]), SOLD[row["role"]]
    ax.scatter(*place, s=26, color=colour, zorder=4).set_gid(chip_id)
    if chip_id in NAMED:
        words, dx, dy, side = NAMED[chip_id]
        style = {"textcoords": "offset points", "ha": side, "va": "center", "zorder": 3, "color": colour}
        box = {} if row["raw"] > 1000 else {"bbox": {**PAPER, "pad": 0.5}}
        ax.annotate(words, place, (dx, dy), **style, **box)


def _strip(figure: Figure, beside: Axes, ranges: Mapping[str, tuple[float, float]]) -> None:
    """Ranges of chips whose share is not known, in a strip at the right of an axis."""
    place = beside.get_position()
    ax = figure.add_axes((place.x1 + 0.02, place.y0, 0.975 - place.x1 - 0.02, place.height))
    ax.set(xlim=(0, 1), yscale="log", ylim=beside.get_ylim(), xticks=[], yticks=[], facecolor="none")
    ax.minorticks_off()
    ax.spines["left"].set_visible(False)
    ax.set_xlabel("share\nnot found", labelpad=4, color=GREY)
    for words, ends in ranges.items():
        ax.plot([0.16, 0.16], ends, color=ORANGE, lw=2.4, ls="-", zorder=3, gid=words, solid_capstyle="butt")
        ax.text(0.32, np.sqrt(ends[0] * ends[1]), words, va="center", color=ORANGE)


# --- published runs ----------------------------------------------------------------------------------


@styled
def by_chips(panels: Mapping[str, pd.DataFrame]) -> Figure:
    """Minutes to train against number of chips, both logarithmic, a panel for each network: measured and predicted.

    Rows of a panel, by result: chips, minutes, and predicted minutes, NaN for the smallest machine, from which
    the others are predicted.
    """
    lines = (len(panels) + 1) // 2
    panel, foot = 158, 26
    height = panel * lines + foot
    figure = canvas(NARROW, height)
    for number, (words, rows) in enumerate(panels.items()):
        across, down = number % 2, number // 2
        ax = figure.add_axes(
            (0.085 + 0.505 * across, (height - panel * (down + 1) + 34) / height, 0.395, (panel - 56) / height)
        )
        ax.set(xscale="log", yscale="log", xlim=(5.5, 1500))
        both = pd.concat([rows["minutes"], rows["predicted"]]).dropna()
        ax.set_ylim(both.min() * 0.62, both.max() * 1.7)
        known = rows["predicted"].fillna(rows["minutes"])
        ax.plot(rows["chips"], known, color=ORANGE, lw=1.2, ls="--", zorder=2)
        for result_id, row in rows.iterrows():
            if pd.notna(row["predicted"]):
                style = look("claimed", ORANGE)
                ax.scatter([row["chips"]], [row["predicted"]], s=52, zorder=3, **style).set_gid(
                    f"{result_id}-predicted"
                )
            ax.scatter([row["chips"]], [row["minutes"]], s=16, color=BLUE, zorder=4, clip_on=False).set_gid(result_id)
        ax.set_title(words, loc="left", x=-0.12)
        ax.set_xticks([8, 64, 512], ["8", "64", "512"])
        ax.set_yticks([tick for tick in (0.3, 1, 3, 10, 30, 100) if ax.get_ylim()[0] <= tick <= ax.get_ylim()[1]])
        ax.yaxis.set_major_formatter(_plain)
        ax.minorticks_off()
        if down == lines - 1:
            ax.set_xlabel("chips", labelpad=1)
    entries = {
        "measured, minutes": {"color": BLUE, "s": 16},
        "the fitted model": {**look("claimed", ORANGE), "s": 52},
    }
    key(figure, entries, line=22)
    return figure


# --- what decides, what binds ------------------------------------------------------------------------


@styled
def swings(panels: Mapping[str, Mapping[str, pd.DataFrame]]) -> Figure:
    """How many times as fast at the high end of a range as at the low end, a line for each unknown, log axis.

    `panels` maps a job to rows as from `board.swings` by what they assume: words, ends, swing (the bar), least and
    most (the whisker). Unknowns stand in the order of the first; ends that differ are both told.
    """
    colours = (BLUE, ORANGE)
    sets = [list(rows.values()) for rows in panels.values()]
    first = sets[0][0]
    line = 20 + 15 * len(sets[0])
    panel, foot = line * len(first) + 48, 60
    height = panel * len(panels) + foot - 22  # the first panel needs no room for numbers above
    most = 1.5 * max(rows[["swing", "most"]].max().max() for both in sets for rows in both)
    figure = canvas(NARROW, height)
    for number, (job, both) in enumerate(zip(panels, sets, strict=True)):
        bottom = foot + panel * (len(panels) - 1 - number)
        ax = figure.add_axes((14 / NARROW, bottom / height, 1 - 26 / NARROW, line * len(first) / height))
        ax.set(xscale="log", xlim=(1, most), ylim=(line * len(first), 0), yticks=[])
        ax.spines["left"].set_visible(False)
        ax.set_title(job, loc="left")
        for place, name in enumerate(first.index):
            *others, last = dict.fromkeys(rows["ends"][name] for rows in both)
            ends = " or ".join([*(other.split(" to ")[0] for other in others), last])
            ax.text(1, place * line + 10, first["words"][name], va="center")
            ax.text(most, place * line + 10, ends, color=GREY, va="center", ha="right")
            for bar, (rows, colour) in enumerate(zip(both, colours, strict=True)):
                _swing(ax, rows.loc[name], place * line + 23 + 15 * bar, colour, f"{name}-{number}-{bar}")
        ticks = {1: "1×", 2: "2×", 5: "5×", 10: "10×", 20: "20×", 50: "50×", 100: "100×"}
        ax.set_xticks([*ticks], ticks.values())
        ax.minorticks_off()
    ax.set_xlabel("times as fast at the high end as at the low", labelpad=2)
    named = zip(next(iter(panels.values())), colours, strict=True)
    key(figure, {words: {"marker": "s", "color": colour, "s": 40} for words, colour in named}, line=20)
    return figure


def _swing(ax: Axes, row: pd.Series, y: float, colour: str, name: str) -> None:
    """A bar with its whisker and its figure."""
    ax.plot([1, row["swing"]], [y, y], color=colour, lw=6, ls="-", zorder=2, solid_capstyle="butt", gid=name)
    ax.plot([row["least"], row["most"]], [y, y], color=INK, lw=1.1, ls="-", zorder=3, solid_capstyle="butt")
    for end in ("least", "most"):
        ax.plot([row[end]] * 2, [y - 4, y + 4], color=INK, lw=1.1, ls="-", zorder=3)
    words = f"{row['swing']:.0f}×" if row["swing"] >= 10 else f"{row['swing']:.1f}×"
    style = {"textcoords": "offset points", "va": "center", "bbox": PAPER, "zorder": 2.5}
    ax.annotate(words, (max(row["swing"], row["most"]), y), (5, 0), **style)


#: colours of what binds
BINDS = {"arithmetic": BLUE, "memory": ORANGE, "links": PLUM, "fixed time": GREY}


@styled
def binding(rows: pd.DataFrame) -> Figure:
    """What binds along the share fit for training: a bar for each number of chips, a panel for each job, log axis.

    `rows` as from `board.binding`: job, chips, low, high (shares) and limit, one of BINDS.
    """
    jobs, sizes = (list(dict.fromkeys(rows[column])) for column in ("job", "chips"))
    panel, foot = 22 * len(sizes) + 46, 64
    height = panel * len(jobs) + foot - 20  # the first panel needs no room for numbers above
    figure = canvas(NARROW, height)
    for number, job in enumerate(jobs):
        bottom = foot + panel * (len(jobs) - 1 - number)
        ax = figure.add_axes((0.11, bottom / height, 0.84, 22 * len(sizes) / height))
        ax.set(xscale="log", xlim=(100 * rows["low"].min(), 100), ylim=(len(sizes), 0))
        ax.set_yticks(np.arange(len(sizes)) + 0.5, [f"{chips:,}" for chips in sizes])
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
        ax.set_title(job, loc="left", x=-0.12)
        for stretch in rows[rows["job"] == job].itertuples():
            y, width = sizes.index(stretch.chips) + 0.5, 100 * (stretch.high - stretch.low)
            style = {"color": BINDS[stretch.limit], "edgecolor": "white", "lw": 1}
            bar = ax.barh(y, width, 0.7, left=100 * stretch.low, **style)[0]
            bar.set_gid(f"{stretch.limit}-{stretch.chips}-{number}")
        shares = [1, 5, 20, 100]
        ax.set_xticks(shares, ["1", "5", "20", "100%"])
        ax.minorticks_off()
    ax.set_xlabel("share fit for training", labelpad=2)
    key(figure, {name: {"marker": "s", "color": colour, "s": 40} for name, colour in BINDS.items()}, line=20)
    return figure


# --- links --------------------------------------------------------------------------------------------


@styled
def links(rows: pd.DataFrame) -> Figure:
    """Links of one chip, one direction, in GB/s on a log axis, grouped by where they lead.

    `rows` by spec: words, where (the group), rate.
    """
    groups = list(dict.fromkeys(rows["where"]))
    line, foot, left = 19, 44, 112
    height = line * (len(rows) + len(groups)) + 6 * (len(groups) - 1) + foot + 8
    figure = canvas(NARROW, height)
    ax = figure.add_axes((left / NARROW, foot / height, 1 - (left + 46) / NARROW, 1 - (foot + 4) / height))
    ax.set(xscale="log", xlim=(10, 2000), ylim=(height - foot - 4, 0), yticks=[])
    ax.spines["left"].set_visible(False)
    across = ax.get_yaxis_transform()
    y = 0.0
    for group in groups:
        ax.text(-(left - 8) / (NARROW - left - 46), y + line / 2, group, transform=across, weight="bold", va="center")
        y += line
        for spec_id, row in rows[rows["where"] == group].iterrows():
            middle = y + line / 2
            colour = BLUE if group == groups[0] else ORANGE
            ax.text(-0.04, middle, row["words"], transform=across, ha="right", va="center")
            ax.plot([0, 1], [middle, middle], transform=across, color=PALE, lw=0.8, ls="-", zorder=1)
            ax.scatter([row["rate"]], [middle], s=30, color=colour, zorder=3, clip_on=False).set_gid(str(spec_id))
            ax.annotate(_plain(row["rate"]), (row["rate"], middle), (7, 0), textcoords="offset points", va="center")
            y += line
        y += 6
    ax.set_xticks([10, 100, 1000], ["10", "100", "1,000"])
    ax.minorticks_off()
    ax.set_xlabel("GB/s for each chip, one way", labelpad=2)
    return figure
