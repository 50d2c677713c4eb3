"""The charts of the notebook on the two jobs."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from dojo import miniature
from dojo.marks import BLUE, GREY, NARROW, ORANGE, PALE, PAPER, TEXT, canvas, look, styled

# --- the miniature ------------------------------------------------------------------------------

#: how fine the grid is on which the network is asked
GRID = 60


@styled
def borders(stages: Mapping[str, Sequence[float]], clips: Sequence[miniature.Clip]) -> Figure:
    """Where a network brakes, one panel for each stage of learning: speed across, free road upwards.

    `stages` maps words to the weights of that stage. Shaded: it brakes. Dots are the clips, filled
    where the right answer is to brake.
    """
    figure = canvas(NARROW, 170)
    share = 1 / len(stages)
    for number, (words, weights) in enumerate(stages.items()):
        ax = figure.add_axes((number * share + 0.055, 0.14, share - 0.065, 0.74))
        ax.set(xlim=(0, 1), ylim=(0, 1), xticks=[], yticks=[])
        ax.set_title(words)
        _shade(ax, weights)
        for clip_number, clip in enumerate(clips):
            dot = ax.scatter([clip.speed], [clip.road], s=14, zorder=3, **look(_LOOKS[clip.brake]))
            dot.set_gid(f"clip-{clip_number}-{number}")
        ax.set_xlabel("speed →")
        if number == 0:
            ax.set_ylabel("free road →")
    return figure


#: dots are filled for braking and hollow for driving on
_LOOKS = {1: "confirmed", 0: "reported"}


def _shade(ax: Axes, weights: Sequence[float]) -> None:
    steps = (np.arange(GRID) + 0.5) / GRID
    brakes = [
        [miniature.forward(weights, miniature.Clip(float(x), float(y), 0))[0] > 0.5 for x in steps] for y in steps
    ]
    ax.contourf(steps, steps, np.array(brakes, float), levels=[0.5, 1.5], colors=["#f7dccb"], extend="neither")


# --- six needs ----------------------------------------------------------------------------------

#: how the kinds of figures are called, and their marks
BASES = {
    "arithmetic": ("by arithmetic", "s"),
    "estimate": ("published estimate", "D"),
    "maker": ("maker’s figure", "o"),
}
#: units as a line of a figure says them
SHORT = {
    "bytes per parameter": "bytes",
    "billion multiplications per image": "billion",
}
#: heights in pixels: the name of a need, a line of its sentence, the line of its mark
NAME, SENTENCE, TRACK = 20, 15, 28


@styled
def needs(rows: pd.DataFrame) -> Figure:
    """Needs as ratios on a log axis, each with an everyday sentence, its numbers and what they rest on.

    `rows` as from `chips.needs`. The shape of a mark says the kind of figure, a hollow one is known at
    second hand; a pale bar runs to the ratio of another recipe. A need without a ratio gets an arrow.
    """
    sentences = {name: textwrap.wrap(row["everyday"], int((NARROW - 16) / TEXT)) for name, row in rows.iterrows()}
    height = sum(NAME + SENTENCE * len(lines) + TRACK for lines in sentences.values()) + 44
    figure = canvas(NARROW, height)
    ax = figure.add_axes((8 / NARROW, 40 / height, 1 - 16 / NARROW, 1 - 40 / height))
    ax.set(xscale="log", xlim=(1, 24), ylim=(height - 40, 0), yticks=[])
    ticks = [1, 2, 5, 10, 20]
    ax.set_xticks(ticks, ["equal", *(f"{tick}×" for tick in ticks[1:])])
    ax.minorticks_off()
    ax.get_xticklabels()[0].set_ha("left")
    ax.set_xlabel("training needs this many times as much")
    ax.spines["left"].set_visible(False)
    y = 4.0
    for name, row in rows.iterrows():
        _need(ax, row, sentences[str(name)], y, str(name))
        y += NAME + SENTENCE * len(sentences[str(name)]) + TRACK
    return figure


def _need(ax: Axes, row: pd.Series, sentence: Sequence[str], y: float, name: str) -> None:
    across = ax.get_yaxis_transform()
    basis, marker = BASES[row["basis"]]
    words = basis + (", second hand" if row["second_hand"] else "")
    ax.text(0, y + NAME / 2, row["need"], transform=across, weight="bold", va="center")
    ax.text(1, y + NAME / 2, words, transform=across, ha="right", va="center", color=GREY)
    y += NAME
    for line in sentence:
        ax.text(0, y + SENTENCE / 2, line, transform=across, va="center")
        y += SENTENCE
    y += TRACK / 2 - 2
    ax.plot([0, 1], [y, y], transform=across, color=PALE, lw=1, ls="-", zorder=1)
    if pd.isna(row["ratio"]):
        ax.scatter([1], [y], transform=across, marker=">", s=40, color=BLUE, clip_on=False, zorder=3).set_gid(name)
        ax.text(0.95, y, "many against none: no ratio", transform=across, ha="right", va="center", bbox=PAPER)
        return
    if pd.notna(row["up_to"]):
        ax.plot([row["ratio"], row["up_to"]], [y, y], color="#b9c8db", lw=6, ls="-", zorder=2, solid_capstyle="butt")
    style = look("reported" if row["second_hand"] else "confirmed")
    dot = ax.scatter([row["ratio"]], [y], marker=marker, s=52, zorder=3, linewidths=1.3, **style)
    dot.set_gid(name)
    numbers = f"{_said(row['training'])} against {_said(row['inference'])} {SHORT.get(row['unit'], row['unit'])}"
    after = row["ratio"] < 4
    x, side = (row["ratio"] * 1.09, "left") if after else (row["ratio"] / 1.09, "right")
    label = f"{row['ratio']:.2g}× ({numbers})"
    ax.text(x, y, label, ha=side, va="center", bbox=PAPER, zorder=4)


def _said(value: float) -> str:
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"


# --- a day in the life --------------------------------------------------------------------------


@styled
def many_chips(rows: pd.DataFrame) -> Figure:
    """Time for one training task against the number of chips that share it, both on log axes.

    `rows` of measured_results: accelerators_count, value in minutes and version. The dashed line is what
    the smallest machine's time would become if twice the chips took half the time.
    """
    figure = canvas(NARROW, 230)
    ax = figure.add_axes((0.1, 0.17, 0.86, 0.74))
    ax.set(xscale="log", yscale="log", xlim=(380, 19_000), ylim=(1.6, 110))
    ax.set_xticks([500, 1000, 2000, 5000, 10_000], ["500", "1,000", "2,000", "5,000", "10,000"])
    ax.set_yticks([2, 5, 10, 20, 50, 100], ["2", "5", "10", "20", "50", "100"])
    ax.minorticks_off()
    ax.set_xlabel("chips working together")
    ax.set_title("minutes", weight="normal")
    for colour, (version, part) in zip((GREY, BLUE), rows.groupby("version"), strict=True):
        part = part.sort_values("accelerators_count")
        first = part.iloc[0]
        ends = np.array([first["accelerators_count"], part["accelerators_count"].max()], float)
        ax.plot(ends, first["value"] * ends[0] / ends, color=colour, lw=1, ls="--", zorder=1)
        for row_id, row in part.iterrows():
            dot = ax.scatter([row["accelerators_count"]], [row["value"]], s=36, color=colour, zorder=3)
            dot.set_gid(str(row_id))
        below = version == max(rows["version"])
        style = {"textcoords": "offset points", "va": "top" if below else "bottom", "color": colour}
        last = part.iloc[-1]
        words, place = f"{first['value']:.1f} ({version})", (-10, -16) if below else (6, 3)
        ax.annotate(words, (first["accelerators_count"], first["value"]), place, **style)
        ax.annotate(
            f"{last['value']:.1f}", (last["accelerators_count"], last["value"]), (6, 3), **style | {"va": "bottom"}
        )
    return figure


@styled
def one_frame(rows: pd.DataFrame, frame: float) -> Figure:
    """How long one answer takes, as bars in milliseconds, against the time until the next camera frame.

    `rows` need words and value; `frame` is the time in milliseconds.
    """
    height = 40 * len(rows) + 44
    figure = canvas(NARROW, height)
    ax = figure.add_axes((0.02, 26 / height, 0.96, 1 - 44 / height))
    ax.set(xlim=(0, max(rows["value"].max(), frame) * 1.02), ylim=(40 * len(rows), 0), yticks=[])
    ax.spines["left"].set_visible(False)
    for number, (row_id, row) in enumerate(rows.iterrows()):
        y = 40 * number
        ax.text(0, y + 11, f"{row['words']}: {_said(row['value'])} ms", va="center", bbox=PAPER, zorder=4)
        ax.barh(y + 28, row["value"], height=12, color=BLUE, zorder=2)[0].set_gid(str(row_id))
    ax.axvline(frame, color=ORANGE, lw=1.2, zorder=3)
    ax.text(frame, -4, f"next frame: {frame:.3g} ms", color=ORANGE, ha="center", va="bottom")
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:g} ms" if value else "0")
    return figure


@styled
def budgets(rows: pd.DataFrame) -> Figure:
    """Powers as squares drawn to one scale, side by side on one ground, the largest on the left.

    `rows` need words and value in watts. A square's area is its power.
    """
    ordered = rows.sort_values("value", ascending=False)
    side = 150
    sides = np.sqrt(ordered["value"] / ordered["value"].iloc[0]) * side
    figure = canvas(NARROW, side + 66)
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, NARROW), ylim=(0, side + 66))
    ax.set_axis_off()
    x = 8.0
    for number, ((row_id, row), edge) in enumerate(zip(ordered.iterrows(), sides, strict=True)):
        box = Rectangle((x, 54), edge, edge, facecolor=BLUE if number < len(ordered) - 1 else ORANGE, lw=0)
        box.set_gid(str(row_id))
        ax.add_patch(box)
        for line, words in enumerate((row["words"], row["amount"])):
            ax.text(x, 40 - 15 * line, words, va="center", weight="bold" if line else "normal")
        x += max(edge, TEXT * max(len(row["words"]), len(row["amount"]))) + 12
    return figure
