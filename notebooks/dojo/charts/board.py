"""The charts of the notebook on a board of AI6."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dojo.marks import BLUE, GREY, INK, NARROW, ORANGE, PALE, PAPER, PLUM, canvas, key, look, styled

#: colours by what a maker sells a part for
SOLD = {"inference": ORANGE, "both": BLUE, "training": PLUM}

#: chips that are named among the others: words, their offset in points, and how they are aligned
NAMED = {
    "a2": ("A2", 7, 0, "left"),
    "b200": ("B200", 7, 0, "left"),
    "dojo-d1": ("D1", -6, 2, "right"),
    "groq-lpu1": ("Groq", -7, 0, "right"),
    "h100-sxm": ("H100", 7, -1, "left"),
    "hw3-fsd": ("HW3", 7, 0, "left"),
    "l4": ("L4", -7, -2, "right"),
    "qaic100-pro": ("Qualcomm", -7, 0, "right"),
    "tpu-v4": ("TPU v4", 12, -9, "right"),
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

    `points` by chip: role, share and raw (10^12 operations a second). `said` is the range of AI6's raw
    rate by what was said, a fog over all shares; `unplaced` are such ranges of other chips by their words. A line
    for each size in `boards` is where so many chips reach the `goal`, in 10^12 operations a second.
    """
    figure = canvas(NARROW, 400)
    ax = figure.add_axes((0.145, 0.19, 0.835, 0.745))
    ax.set(xscale="log", yscale="log", xlim=(0.55, 145), ylim=(28, 9000))
    low, high = said
    _fog(ax, low, high)
    shares = np.array(ax.get_xlim())
    for number, chips in enumerate(boards):
        needed = goal / chips / (shares / 100)
        ax.plot(shares, needed, color=INK, lw=1.3, ls=("-", "--", ":")[number], zorder=2, gid=f"board-{chips}")
        _along(ax, goal / chips, (24, 13, 8)[number], f"{chips} are enough")
    for words, ends in unplaced.items():
        ax.plot([0.62, 0.62], ends, color=ORANGE, lw=2.2, ls="-", zorder=3, gid=words, solid_capstyle="butt")
        ax.annotate(
            words, (0.62, np.sqrt(ends[0] * ends[1])), (6, 0), textcoords="offset points", va="center", color=ORANGE
        )
    for chip_id, row in points.iterrows():
        dot = ax.scatter([100 * row["share"]], [row["raw"]], s=30, color=SOLD[row["role"]], zorder=4)
        dot.set_gid(str(chip_id))
        if chip_id in NAMED:
            words, dx, dy, side = NAMED[chip_id]
            style = {"textcoords": "offset points", "ha": side, "va": "center", "zorder": 3, "color": SOLD[row["role"]]}
            box = {} if low < row["raw"] < high else {"bbox": {**PAPER, "pad": 0.5}}
            ax.annotate(words, (100 * row["share"], row["raw"]), (dx, dy), **style, **box)
    ax.set_xticks([1, 2, 5, 10, 20, 50, 100], ["1", "2", "5", "10", "20", "50", "100%"])
    ax.set_yticks([30, 100, 300, 1000, 3000])
    ax.yaxis.set_major_formatter(_plain)
    ax.minorticks_off()
    ax.set_xlabel("share of the raw rate that is fit for training", labelpad=2)
    ax.set_title("raw rate of one chip, 10¹² operations a second", loc="left", x=-0.16, weight="normal")
    words = {"sold for training": PLUM, "both": BLUE, "inference": ORANGE}
    key(figure, {name: {"marker": "o", "color": colour, "s": 30} for name, colour in words.items()}, line=22)
    return figure


def _fog(ax: Axes, low: float, high: float) -> None:
    """A band that fades out at both ends, for a figure of which only hearsay is known."""
    for step in range(12):
        edge = 1.06 ** (step - 6)
        ax.axhspan(low / edge, high * edge, color=ORANGE, alpha=0.028, lw=0, zorder=0.5)
    ax.axhspan(low, high, color=ORANGE, alpha=0.05, lw=0, zorder=0.5, gid="ai6")
    ax.text(0.78, low * 1.18, "AI6 in here?", color=ORANGE, weight="bold", va="center", zorder=5)


def _along(ax: Axes, product: float, share: float, words: str) -> None:
    """Words along a line of constant product, above it, at this share in per cent."""
    width, height = (ax.get_position().width * NARROW, ax.get_position().height * ax.figure.get_figheight() * 96)
    (left, right), (low, high) = np.log(ax.get_xlim()), np.log(ax.get_ylim())
    angle = np.degrees(np.arctan2(-height / (high - low), width / (right - left)))
    style = {"rotation": angle, "rotation_mode": "anchor", "ha": "center", "va": "bottom", "zorder": 4}
    ax.text(share, product / share * 100 * 1.03, words, **style)


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
        "from the smallest machine": {**look("claimed", ORANGE), "s": 52},
    }
    key(figure, entries, line=22)
    return figure


# --- what decides, what binds ------------------------------------------------------------------------


@styled
def swings(jobs: Mapping[str, pd.DataFrame]) -> Figure:
    """How many times as fast at the high end of a range as at the low end, a line for each unknown, log axis.

    `jobs` maps words to rows as from `board.swings`: words, ends, swing (the bar), least and most (the whisker).
    Unknowns stand in the order of the first job.
    """
    bar, line, foot = 15, 24 + 15 * len(jobs), 50
    first = next(iter(jobs.values()))
    height = line * len(first) + foot
    most = 1.5 * max(rows[["swing", "most"]].max().max() for rows in jobs.values())
    figure = canvas(NARROW, height)
    ax = figure.add_axes((8 / NARROW, foot / height, 1 - 30 / NARROW, 1 - (foot + 2) / height))
    ax.set(xscale="log", xlim=(1, most), ylim=(line * len(first), 0), yticks=[])
    ax.spines["left"].set_visible(False)
    for place, (name, row) in enumerate(first.iterrows()):
        ax.text(1, place * line + 9, row["words"], weight="bold", va="center")
        ax.text(most, place * line + 9, row["ends"], color=GREY, va="center", ha="right")
        for number, (rows, colour) in enumerate(zip(jobs.values(), (BLUE, ORANGE), strict=False)):
            _swing(ax, rows.loc[name], place * line + 24 + number * bar, colour, f"{name}-{number}")
    ax.set_xticks([1, 2, 5, 10, 20, 50, 100], ["1×", "2×", "5×", "10×", "20×", "50×", "100×"])
    ax.minorticks_off()
    ax.set_xlabel("as fast at the high end as at the low end", labelpad=2)
    marks = {
        words: {"marker": "s", "color": colour, "s": 40} for words, colour in zip(jobs, (BLUE, ORANGE), strict=False)
    }
    key(figure, marks, line=20)
    return figure


def _swing(ax: Axes, row: pd.Series, y: float, colour: str, name: str) -> None:
    """A bar with its whisker and its figure."""
    ax.plot([1, row["swing"]], [y, y], color=colour, lw=7, ls="-", zorder=2, solid_capstyle="butt", gid=name)
    ax.plot([row["least"], row["most"]], [y, y], color=INK, lw=1.1, ls="-", zorder=3, solid_capstyle="butt")
    for end in ("least", "most"):
        ax.plot([row[end]] * 2, [y - 4, y + 4], color=INK, lw=1.1, ls="-", zorder=3)
    words = f"{row['swing']:.0f}×" if row["swing"] >= 10 else f"{row['swing']:.1f}×"
    style = {"textcoords": "offset points", "va": "center", "bbox": PAPER, "zorder": 2.5}
    ax.annotate(words, (max(row["swing"], row["most"]), y), (5, 0), **style)


@styled
def binding(rows: pd.DataFrame) -> Figure:
    """What binds, as shares of the draws: a stacked bar for each number of chips, a panel for each job.

    `rows` as from `board.binding`: indexed by job and chips, a column for each limit; empty limits are left out.
    """
    colours = {"arithmetic": BLUE, "memory": ORANGE, "links": PLUM, "fixed time": GREY}
    jobs = list(dict.fromkeys(rows.index.get_level_values("job")))
    panel, foot = 134, 46
    height = panel * len(jobs) + foot
    figure = canvas(NARROW, height)
    for number, job in enumerate(jobs):
        own = rows.loc[job]
        ax = figure.add_axes((0.12, (height - panel * (number + 1) + 8) / height, 0.85, (panel - 30) / height))
        ax.set(xlim=(0, 1), ylim=(len(own), 0), yticks=np.arange(len(own)) + 0.5)
        ax.set_yticklabels([f"{chips:,}" for chips in own.index])
        ax.tick_params(axis="y", length=0)
        ax.set_xticks([0, 0.5, 1], ["", "", ""] if number < len(jobs) - 1 else ["0", "half", "all"])
        ax.set_title(f"{job}: chips on the board", loc="left", x=-0.13)
        ax.spines["left"].set_visible(False)
        for place, (chips, row) in enumerate(own.iterrows()):
            left = 0.0
            for limit, colour in colours.items():
                share = float(row[limit])
                if share > 0:
                    bar = ax.barh(place + 0.5, share, 0.66, left=left, color=colour, edgecolor="white", lw=1)[0]
                    bar.set_gid(f"{limit}-{chips}-{number}")
                if share >= 0.12:
                    ax.text(
                        left + share / 2, place + 0.5, f"{share:.0%}", color="white", ha="center", va="center", zorder=3
                    )
                left += share
    key(figure, {name: {"marker": "s", "color": colour, "s": 40} for name, colour in colours.items()}, line=20)
    return figure


# --- links --------------------------------------------------------------------------------------------


@styled
def links(rows: pd.DataFrame) -> Figure:
    """Links of one chip, one direction, in GB/s on a log axis, grouped by where they lead.

    `rows` by spec: words, where (the group), rate.
    """
    groups = list(dict.fromkeys(rows["where"]))
    line, foot, left = 19, 34, 112
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
            ax.plot([10, row["rate"]], [middle, middle], color=colour, lw=4, ls="-", zorder=2, solid_capstyle="butt")
            ax.scatter([row["rate"]], [middle], s=30, color=colour, zorder=3, clip_on=False).set_gid(str(spec_id))
            ax.annotate(_plain(row["rate"]), (row["rate"], middle), (7, 0), textcoords="offset points", va="center")
            y += line
        y += 6
    ax.set_xticks([10, 100, 1000], ["10", "100", "1,000"])
    ax.minorticks_off()
    ax.set_xlabel("GB/s, one direction, for each chip", labelpad=2)
    return figure
