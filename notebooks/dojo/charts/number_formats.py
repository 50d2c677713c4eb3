"""The charts of the notebook on number formats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from dojo.formats import Format
from dojo.marks import BLUE, GREY, NARROW, ORANGE, PALE, PAPER, PLUM, canvas, key, styled

# --- rulers ---------------------------------------------------------------------------------------

#: marks closer than this many pixels are drawn as a band
CLOSE = 1.5


@styled
def rulers(forms: Mapping[str, Format]) -> Figure:
    """The values of each format from 0 to 2 as marks on a ruler, under what the mapping calls it.

    Marks too close to be told apart are drawn as a band.
    """
    height = 44 * len(forms) + 24
    figure = canvas(NARROW, height)
    ax = figure.add_axes((0.03, 22 / height, 0.94, 1 - 24 / height))
    ax.set(xlim=(0, 2), ylim=(44 * len(forms), 0), yticks=[], xticks=[0, 0.5, 1, 1.5, 2])
    ax.set_xticklabels(["0", "½", "1", "1½", "2"])
    ax.spines["left"].set_visible(False)
    for number, (words, form) in enumerate(forms.items()):
        y = 44 * number
        ax.text(0, y + 10, words, va="center", weight="bold")
        ax.text(2, y + 10, _marks(form), va="center", ha="right")
        _ruler(ax, form, y + 22, words)
    return figure


def _marks(form: Format) -> str:
    """How many values a format has from 1 up to 2."""
    count = form.values_from_one
    return f"{count:,} mark{'' if count == 1 else 's'} from 1 to 2" if count else "none from 1 to 2"


def _ruler(ax: Axes, form: Format, y: float, name: str) -> None:
    step = 2.0 ** (max(0, form.lowest) - form.mantissa_bits) if form.exponent_bits else form.smallest
    pixels = ax.get_position().width * NARROW / 2
    if step * pixels < CLOSE or form.bits > 16:
        band = Rectangle((0, y), min(2, form.largest), 16, facecolor=BLUE, lw=0, alpha=0.85)
        band.set_gid(name)
        ax.add_patch(band)
        return
    values = form.values()
    values = values[values <= 2]
    # those that fall on one pixel are drawn once
    _, first = np.unique(np.round(values * pixels / CLOSE), return_index=True)
    lines = LineCollection([[(v, y), (v, y + 16)] for v in values[first]], colors=BLUE, linewidths=0.9)
    lines.set(gid=name, clip_on=False)
    ax.add_collection(lines)


# --- a coin at work ---------------------------------------------------------------------------------


@styled
def walks(near: Sequence[float], coins: Sequence[Sequence[float]], exact: Sequence[float]) -> Figure:
    """A number after each addition: rounded to nearest, by coin several times over, and without rounding."""
    figure = canvas(NARROW, 232)
    ax = figure.add_axes((0.1, 0.28, 0.87, 0.68))
    steps = np.arange(len(exact))
    ax.set(xlim=(0, len(exact) - 1))
    ax.set_xlabel("additions")
    drawn = {f"coin-{number}": walk for number, walk in enumerate(coins)} | {"exact": exact, "nearest": near}
    for name, walk in drawn.items():
        (line,) = ax.plot(steps, walk, clip_on=False, **WALKS[name.partition("-")[0]])
        line.set_gid(name)
    words = {"to nearest": "nearest", f"by coin, {len(coins)} times": "coin", "not rounded": "exact"}
    key(figure, {text: {"color": WALKS[name]["color"], "marker": "s", "s": 26} for text, name in words.items()})
    return figure


#: how the lines of `walks` are drawn
WALKS = {
    "coin": {"color": BLUE, "lw": 0.9, "ls": "-", "alpha": 0.7},
    "exact": {"color": GREY, "lw": 1.2, "ls": "--"},
    "nearest": {"color": ORANGE, "lw": 2.2, "ls": "-"},
}


# --- the same eight bits ------------------------------------------------------------------------------

#: how a format is drawn: its mark, colour and place on the line, in pixels
KINDS = {
    "FP32": {"marker": "D", "color": GREY, "shift": 0},
    "int8": {"marker": "o", "color": BLUE, "shift": -6},
    "FP8 E4M3": {"marker": "s", "color": PLUM, "shift": 6},
}
LINE = 46


@styled
def same_bits(rows: pd.DataFrame, runs: Mapping[str, Sequence[float]], guess: float) -> Figure:
    """Accuracies by size of steps and line: each start a pale dot, their mean a mark with its interval.

    `rows` (indexed by kind of run) need steps, line, format, accuracy, low and high; `runs` has each
    kind's accuracies, one per start. `guess` is the accuracy of guessing, in per cent.
    """
    blocks = {steps: list(part["line"].unique()) for steps, part in rows.groupby("steps", sort=False)}
    height = sum(26 + LINE * len(lines) for lines in blocks.values()) + 70
    figure = canvas(NARROW, height)
    ax = figure.add_axes((0.03, 66 / height, 0.93, 1 - 68 / height))
    ax.set(xlim=(0, 100), ylim=(height - 68, 0), yticks=[], xticks=range(0, 101, 20))
    ax.spines["left"].set_visible(False)
    ax.set_xlabel("test pictures read rightly, per cent")
    ax.axvline(guess, color=GREY, lw=1, ls=":", zorder=1)
    y = 0.0
    for number, (block, lines) in enumerate(blocks.items()):
        rate = rows["rate"][rows["steps"] == block].iloc[0]
        ax.text(0, y + 13, f"{block.capitalize()} (learning rate {rate:g})", weight="bold", va="center", bbox=PAPER)
        if not number:
            ax.text(guess + 1, y + 31, "guessing", color=GREY, va="center", bbox=PAPER)
        y += 26
        for line in lines:
            part = rows[(rows["steps"] == block) & (rows["line"] == line)]
            _accuracies(ax, part, runs, y)
            y += LINE
    marks = {name: {"marker": kind["marker"], "color": kind["color"]} for name, kind in KINDS.items()}
    key(figure, {**marks, "one start": {"color": BLUE, "alpha": 0.35, "s": 12}})
    return figure


def _accuracies(ax: Axes, part: pd.DataFrame, runs: Mapping[str, Sequence[float]], y: float) -> None:
    said = " and ".join(f"{value:.1f}" for value in part["accuracy"])
    ax.text(100, y + 9, said, ha="right", va="center", zorder=5)
    name = part["line"].iloc[0]
    ax.text(98 - 1.9 * len(said), y + 9, name, ha="right", va="center", bbox=PAPER, zorder=4)
    ax.plot([0, 100], [y + 29, y + 29], color=PALE, lw=0.8, ls="-", zorder=0)
    for kind, row in part.iterrows():
        look = KINDS[row["format"]]
        level = y + 29 + (look["shift"] if len(part) > 1 else 0)
        ax.scatter(
            runs[str(kind)], [level] * len(runs[str(kind)]), s=9, color=look["color"], alpha=0.35, lw=0, zorder=2
        )
        ax.plot([row["low"], row["high"]], [level, level], color=look["color"], lw=2, ls="-", zorder=3)
        mean = ax.scatter([row["accuracy"]], [level], s=30, marker=look["marker"], color=look["color"], zorder=4, lw=0)
        mean.set(gid=str(kind), clip_on=False)


# --- why --------------------------------------------------------------------------------------------------

ROUNDINGS = {
    "nearest": {"marker": "s", "facecolor": "white", "edgecolor": ORANGE},
    "coin": {"marker": "o", "color": BLUE},
}


@styled
def let_through(rows: pd.DataFrame) -> Figure:
    """Accuracy against the share of single changes that rounding lets through, and against the change made in sum.

    `rows` (indexed by kind of run) need accuracy, through, applied and rounding (nearest or coin).
    """
    figure = canvas(NARROW, 236)
    panels = {"through": "single changes made", "applied": "change made in sum"}
    for number, (column, words) in enumerate(panels.items()):
        ax = figure.add_axes((0.09 + 0.465 * number, 0.27, 0.4, 0.62))
        ax.set(xlim=(-0.04, 1.06), ylim=(25, 102), xticks=[0, 0.5, 1])
        ax.set_xticklabels(["0", "half", "all"])
        ax.set_xlabel(words)
        if number:
            ax.set_yticklabels([])
        else:
            ax.set_title("read rightly, per cent", weight="normal")
        for kind, row in rows.iterrows():
            look = ROUNDINGS[row["rounding"]]
            dot = ax.scatter([row[column]], [row["accuracy"]], s=22, linewidths=1, zorder=3, **look)
            dot.set(gid=f"{kind}-{column}", clip_on=False)
    key(figure, {"rounded to nearest": ROUNDINGS["nearest"], "by coin": ROUNDINGS["coin"]})
    return figure


# --- how many bits ------------------------------------------------------------------------------------------

#: how each way of using the bits is drawn
WAYS = {
    "used": {"color": GREY, "ls": ":", "marker": "D"},
    "trained, by coin": {"color": BLUE, "ls": "-", "marker": "o"},
    "trained, to nearest": {"color": ORANGE, "ls": "--", "marker": "s"},
}


@styled
def by_bits(rows: pd.DataFrame, enough: pd.DataFrame) -> Figure:
    """Accuracy by bits of a weight, a panel for each size of steps: used, trained by coin, trained to nearest.

    `rows` (indexed by kind of run) need steps, way, bits, accuracy, low and high; the interval is a pale
    band. `enough` has the fewest bits that do, by (way, steps): there the line bears a mark, and is thick from
    the least that may do to the most that may be needed.
    """
    blocks = list(rows["steps"].unique())
    figure = canvas(NARROW, 182 * len(blocks) + 36)
    for number, steps in enumerate(blocks):
        height = figure.get_figheight() * 96
        ax = figure.add_axes((0.1, 1 - (182 * number + 154) / height, 0.87, 126 / height))
        ax.set(xlim=(1.7, 16.3), ylim=(0, 103), xticks=range(2, 17, 2))
        ax.set_title(f"{steps.capitalize()}: read rightly, per cent", weight="normal")
        for way, look in WAYS.items():
            part = rows[(rows["steps"] == steps) & (rows["way"] == way)].sort_values("bits")
            (line,) = ax.plot(part["bits"], part["accuracy"], color=look["color"], ls=look["ls"], lw=1.6)
            line.set_gid(f"{steps}-{way}")
            ax.fill_between(part["bits"], part["low"], part["high"], color=look["color"], alpha=0.18, lw=0)
            level = part.set_index("bits")["accuracy"]
            bits, *span = enough.loc[(way, steps), ["fewest", "least", "most"]].astype(int)
            value = level[bits]
            ax.plot(level.loc[slice(*span)], color=look["color"], ls="-", lw=6, alpha=0.35, solid_capstyle="round")
            dot = ax.scatter([bits], [value], s=34, color=look["color"], marker=look["marker"], zorder=4, lw=0)
            dot.set(gid=f"{steps}-{way}-enough", clip_on=False)
        ax.set_xlabel("bits of a weight" if number == len(blocks) - 1 else "")
    key(figure, {way: {"color": look["color"], "marker": look["marker"]} for way, look in WAYS.items()})
    return figure


# --- range ------------------------------------------------------------------------------------------------

#: powers of two on the axis, in words
WORDS = {-40: "trillionth", -30: "billionth", -20: "millionth", -10: "thousandth", 0: "1", 10: "1,000"}
FIRST, LAST = -44, 17


@styled
def reach(sizes: pd.DataFrame, forms: Mapping[str, Format]) -> Figure:
    """How large gradients are, epoch by epoch, above the span of each format on one axis of powers of two.

    `sizes` need epoch, exponent and share. A span is dark where a format keeps its full mantissa and
    pale below, where steps stay as wide; a dashed one shows where the bias can move a movable format.
    """
    epochs = list(sizes["epoch"].unique())
    top, line = 46, 36
    height = top * len(epochs) + line * len(forms) + 50
    figure = canvas(NARROW, height)
    ax = figure.add_axes((0.03, 40 / height, 0.94, 1 - 42 / height))
    ax.set(xlim=(FIRST, LAST), ylim=(height - 46, 0), yticks=[], xticks=[*WORDS])
    ax.set_xticklabels([])
    ax.tick_params(length=0)  # the pale lines mark the places, and a tick would run into the words
    for number, (power, words) in enumerate(WORDS.items()):
        ax.text(power, height - 38 + 13 * (number % 2), words, ha="center", va="center", clip_on=False)
        ax.axvline(power, color=PALE, lw=0.8, ls="-", zorder=0)
    ax.spines["left"].set_visible(False)
    most = sizes["share"].max()
    for number, epoch in enumerate(epochs):
        part = sizes[sizes["epoch"] == epoch]
        floor = top * (number + 1) - 2
        bars = ax.bar(
            part["exponent"] + 0.5,
            -part["share"] / most * (top - 8),
            bottom=floor,
            width=1,
            color=ORANGE,
            lw=0,
            alpha=0.85,
        )
        for bar, exponent in zip(bars, part["exponent"], strict=True):
            bar.set_gid(f"epoch-{epoch}-{exponent}")
        ax.text(LAST, floor - 14, f"epoch {epoch}", ha="right", va="center")
    for number, (words, form) in enumerate(forms.items()):
        _span(ax, form, words, top * len(epochs) + line * number + 8)
    return figure


def _span(ax: Axes, form: Format, words: str, y: float) -> None:
    ends = {"normal": (form.lowest, form.highest + 1), "below": (np.log2(form.smallest), form.lowest)}
    at = max(ends["below"][0], FIRST)
    ax.text(max(at, FIRST + 0.5), y + 5, words, va="center", bbox=PAPER, zorder=4)
    if form.biases:
        moved = [np.log2(form.with_bias(bias).smallest) for bias in reversed(form.biases)]
        low, high = max(moved[0], FIRST), min(form.with_bias(form.biases[0]).highest + 1, LAST)
        ax.plot([low, high], [y + 19, y + 19], color=BLUE, lw=1, ls="--", zorder=1)
    for part, colour in (("below", "#b9c8db"), ("normal", BLUE)):
        low, high = (min(max(end, FIRST), LAST) for end in ends[part])
        if low < high:
            bar = Rectangle((low, y + 13), high - low, 11, facecolor=colour, lw=0, zorder=2)
            bar.set_gid(f"{words}-{part}")
            ax.add_patch(bar)
