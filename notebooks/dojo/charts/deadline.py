"""The charts of the notebook on deadlines and watts."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dojo.marks import BLUE, GREY, INK, NARROW, ORANGE, PALE, PAPER, PLUM, SOLD, canvas, key, look, styled

#: height of a line of a chart with rows, in pixels
LINE = 18
#: one query of one image, one of eight, and bulk
SHAPES = {"one": "o", "eight": "s", "bulk": "D"}


def _round_ticks(ax: Axes) -> None:
    """Ticks at round numbers on two logarithmic axes: 1, 2, 5 where there is room for them, else 1 alone."""
    for axis in (ax.xaxis, ax.yaxis):
        low, high = axis.get_view_interval()
        steps = (1, 2, 5) if high / low < 60 else (1,)
        ticks = [base * 10.0**power for power in range(-4, 8) for base in steps]
        axis.set_ticks([tick for tick in ticks if low <= tick <= high])
        axis.set_major_formatter(lambda value, _: f"{value:,.0f}" if value >= 10 else f"{value:g}")
    ax.minorticks_off()


# --- the deadline --------------------------------------------------------------------------------


@styled
def deadline(
    panels: Mapping[str, pd.DataFrame], frame: float, labels: Mapping[str, str], below: Collection[str] = ()
) -> Figure:
    """Waiting time against bulk rate, both on log axes, a panel for each network.

    `panels` maps words to rows by chip_id: words, role (what the maker sells it for), one_ms, eight_ms and
    bulk. A circle is one image, a square eight, joined for each part. The line is the time in milliseconds
    until the next camera frame. `labels` are other words for some parts, "" for none; the words of those
    `below` stand under their marks.
    """
    panel, foot = 232, 56
    height = panel * len(panels) + foot
    figure = canvas(NARROW, height)
    times = [frame, *(t for rows in panels.values() for c in ("one_ms", "eight_ms") for t in rows[c])]
    for number, (words, rows) in enumerate(panels.items()):
        bottom = height - panel * (number + 1)
        ax = figure.add_axes((0.105, (bottom + 34) / height, 0.875, (panel - 62) / height))
        ax.set(xscale="log", yscale="log", ylim=(min(times) * 0.45, max(times) * 2.2))
        ax.set_xlim(rows["bulk"].min() * 0.62, rows["bulk"].max() * 1.75)
        ax.set_title(f"{words}: milliseconds", loc="left", x=-0.09)
        ax.set_xlabel("images a second in bulk", labelpad=2)
        _round_ticks(ax)
        ax.axhline(frame, color=GREY, lw=1.2, ls="--", zorder=1)
        ax.text(1, frame * 1.12, f"next frame: {frame:.3g} ms", transform=ax.get_yaxis_transform(), ha="right")
        words_of = rows["words"].to_dict() | dict(labels)
        _spans(ax, rows, number, words_of, below)
    entries = {"one image": "o", "eight at once": "s"}
    marks = {name: {"marker": shape, "color": GREY, "s": 34} for name, shape in entries.items()}
    key(figure, marks, line=22)
    _sold_for(figure)
    return figure


def _sold_for(figure: Figure) -> None:
    """A key above the one at the foot: colours by what a maker sells a part for."""
    words = {"sold for both jobs": BLUE, "sold for inference": ORANGE}
    key(figure, {name: {"marker": "o", "color": colour, "s": 34} for name, colour in words.items()}, line=22)
    axes = figure.axes[-1]
    place = axes.get_position()
    axes.set_position((place.x0, place.y0 + 20 / (figure.get_figheight() * 96), place.width, place.height))


def _spans(ax: Axes, rows: pd.DataFrame, number: int, words: Mapping[str, str], below: Collection[str]) -> None:
    """Each part's two times, joined, with its name."""
    for chip_id, row in rows.iterrows():
        colour = SOLD[row["role"]]
        ax.plot([row["bulk"]] * 2, [row["one_ms"], row["eight_ms"]], color=colour, lw=1.2, ls="-", zorder=2)
        for name in ("one", "eight"):
            dot = ax.scatter([row["bulk"]], [row[f"{name}_ms"]], s=34, marker=SHAPES[name], color=colour, zorder=3)
            dot.set_gid(f"{chip_id}-{name}-{number}")
        if words[chip_id]:
            above = chip_id not in below
            place = (row["bulk"], row["eight_ms"] if above else row["one_ms"])
            style = {"textcoords": "offset points", "ha": "center", "va": "bottom" if above else "top"}
            ax.annotate(words[chip_id], place, (0, 5 if above else -5), color=colour, zorder=4, **style)


# --- rows of marks ---------------------------------------------------------------------------------


def _lines(
    rows: pd.DataFrame, group: str, foot: int, left: int = 104, margin: int = 12
) -> tuple[Figure, Axes, dict[object, float]]:
    """A canvas with a heading for each group and a named line for each row; the middle of each line by its index."""
    groups = list(dict.fromkeys(rows[group]))
    height = LINE * (len(rows) + len(groups)) + 6 * (len(groups) - 1) + foot + 10
    figure = canvas(NARROW, height)
    ax = figure.add_axes((left / NARROW, foot / height, 1 - (left + margin) / NARROW, 1 - (foot + 6) / height))
    ax.set(ylim=(height - foot - 6, 0), yticks=[])
    ax.spines["left"].set_visible(False)
    middles: dict[object, float] = {}
    y = 0.0
    for name in groups:
        ax.text(-left + 8, y + LINE / 2, name, transform=_pixels(ax), weight="bold", va="center")
        y += LINE
        for index, row in rows[rows[group] == name].iterrows():
            middles[index] = y + LINE / 2
            ax.text(-8, y + LINE / 2, row["words"], transform=_pixels(ax), ha="right", va="center")
            y += LINE
        y += 6
    return figure, ax, middles


def _pixels(ax: Axes) -> object:
    """Pixels from the left end of the axis across, the axis's own units down."""
    from matplotlib.transforms import Affine2D, blended_transform_factory

    width = ax.get_position().width * ax.figure.get_figwidth() * 96
    return blended_transform_factory(Affine2D().scale(1 / width) + ax.transAxes, ax.transData)


def _rule(ax: Axes, y: float) -> None:
    ax.plot([0, 1], [y, y], transform=ax.get_yaxis_transform(), color=PALE, lw=0.8, ls="-", zorder=1)


@styled
def left_of_bulk(rows: pd.DataFrame) -> Figure:
    """What a part keeps of its bulk rate, as a share, one line for each part, grouped by network.

    `rows` need network, words, role, share (one query at a time), eight (eight at a time) and server (queries at
    random with a limit); the last two NaN where the same part has no such result.
    """
    figure, ax, middles = _lines(rows, "network", 90, margin=22)
    ax.set_xlim(0, 1)
    ax.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25", "50", "75", "100%"])
    ax.set_xlabel("of the bulk rate is kept", labelpad=2)
    for index, row in rows.iterrows():
        y, colour = middles[index], SOLD[row["role"]]
        _rule(ax, y)
        name = "-".join(index)
        ax.plot([0, row["share"]], [y, y], color=colour, lw=4, ls="-", zorder=2, solid_capstyle="butt")
        marks = {
            "share": {"s": 30, "color": colour},
            "eight": {"s": 30, "color": colour, "marker": SHAPES["eight"]},
            "server": {"s": 52, "marker": "D", **_hollow(colour), "facecolor": "none"},
        }
        for column, style in marks.items():
            if pd.notna(row[column]):
                ax.scatter([row[column]], [y], zorder=3, clip_on=False, **style).set_gid(f"{name}-{column}")
        label = {"textcoords": "offset points", "va": "center", "bbox": PAPER, "zorder": 2.5}
        near = [value for value in row[[*marks]].astype(float) if abs(value - row["share"]) < 0.13]
        if len(near) == 1 and row["share"] < 0.85:
            ax.annotate(f"{row['share']:.0%}", (row["share"], y), (7, 0), ha="left", **label)
        else:  # no room on the right, so the words stand on the bar
            ax.annotate(f"{row['share']:.0%}", (min(near), y), (-9, 0), ha="right", **label)
    entries = {
        "one at a time": {"color": GREY, "s": 30},
        "eight": {"color": GREY, "s": 30, "marker": SHAPES["eight"]},
        "many askers, time limit": {"s": 52, "marker": "D", **_hollow(GREY)},
    }
    key(figure, entries, line=22)
    _sold_for(figure)
    return figure


def _hollow(colour: str) -> dict[str, object]:
    return {"facecolor": "white", "edgecolor": colour, "linewidths": 1.3}


@styled
def joules(rows: pd.DataFrame) -> Figure:
    """Energy of one picture relative to one machine in bulk, one line for each machine, grouped by network.

    `rows` need network, words, role, and bulk, eight and one (millijoules; NaN where there is no such result) with
    bulk_id, eight_id and one_id, the results they are from; and unit, the millijoules that count as one.
    """
    figure, ax, middles = _lines(rows, "network", 90, left=112)
    ax.set(xlim=(0, 4.8), xticks=[0, 1, 2, 3])
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}×" if value else "0")
    ax.set_xlabel("AGX Orin in bulk = 1×", labelpad=2)
    ax.axvline(1, color=GREY, lw=1, ls="-", zorder=1.5)
    for index, row in rows.iterrows():
        y, colour = middles[index], SOLD[row["role"]]
        _rule(ax, y)
        looks = {
            "bulk": {"marker": SHAPES["bulk"], "s": 30, "color": colour},
            "eight": {"marker": SHAPES["eight"], "s": 28, "color": colour},
            "one": {"s": 36, **_hollow(colour)},
        }
        found = {name: row[name] for name in looks if pd.notna(row[name])}
        places = {name: value / row["unit"] for name, value in found.items()}
        ax.plot([min(places.values()), max(places.values())], [y, y], color=colour, lw=1.2, ls="-", zorder=2)
        for name, place in places.items():
            ax.scatter([place], [y], zorder=3, **looks[name]).set_gid(str(row[f"{name}_id"]))
        words = ", ".join(f"{value:#.3g}".rstrip(".") for value in found.values())
        style = {"textcoords": "offset points", "va": "center", "bbox": PAPER, "zorder": 2.5}
        ax.annotate(f"{words} mJ", (max(places.values()), y), (7, 0), **style)
    entries = {
        "in bulk": {"marker": SHAPES["bulk"], "color": GREY, "s": 30},
        "eight": {"marker": SHAPES["eight"], "color": GREY, "s": 28},
        "one at a time": {"s": 36, **_hollow(GREY)},
    }
    key(figure, entries, line=22)
    _sold_for(figure)
    return figure


@styled
def off(rows: pd.DataFrame) -> Figure:
    """Measured over predicted time on a log axis, one line for each part, grouped by network.

    `rows` need group, words, and one, eight and bulk (NaN where a part did not run a scenario). Right of the
    middle the model is too fast, left of it too slow.
    """
    figure, ax, middles = _lines(rows, "group", 92)
    ax.set(xscale="log", xlim=(1 / 2.1, 2.1))
    ax.set_xticks([0.5, 0.67, 0.8, 1, 1.25, 1.5, 2], ["0.5", "0.67", "0.8", "1", "1.25", "1.5", "2×"])
    ax.minorticks_off()
    ax.set_xlabel("measured time over predicted time", labelpad=2)
    ax.axvline(1, color=GREY, lw=1, ls="-", zorder=1.5)
    place = ax.get_position()
    for x, side, words in ((place.x0, "left", "model too slow"), (place.x1, "right", "model too fast")):
        figure.text(x, 36 / (figure.get_figheight() * 96), words, ha=side, va="center", color=GREY)
    looks = {"one": {"color": PLUM}, "eight": {"color": GREY}, "bulk": {**_hollow(INK), "facecolor": "none"}}
    shifts = {"one": -4, "eight": 0, "bulk": 4}  # in pixels, so that no mark hides another
    for index, row in rows.iterrows():
        _rule(ax, middles[index])
        name = "-".join(index)
        for scenario, shape in SHAPES.items():
            if pd.notna(row[scenario]):
                y = middles[index] + shifts[scenario]
                dot = ax.scatter([row[scenario]], [y], marker=shape, s=34, zorder=3, **looks[scenario])
                dot.set_gid(f"{name}-{scenario}")
    words = {"one image": "one", "eight": "eight", "bulk": "bulk"}
    key(figure, {w: {"marker": SHAPES[n], "s": 34, **looks[n]} for w, n in words.items()}, line=22)
    return figure


# --- the reader's own machine ------------------------------------------------------------------------


@styled
def by_batch(here: pd.DataFrame, recorded: pd.DataFrame, named: tuple[int, ...] = (1, 2, 8, 1024)) -> Figure:
    """Waiting time for a batch against examples a second, both axes logarithmic: this machine, and a recorded one.

    Both need ms and rate by batch; the batches `named` have words, at the right of both curves.
    """
    figure = canvas(NARROW, 260)
    ax = figure.add_axes((0.16, 0.26, 0.79, 0.64))  # at the left room for a rate of six digits
    ax.set(xscale="log", yscale="log")
    curves = {"recorded": (recorded, look("reported", GREY), "--"), "this machine, now": (here, look("confirmed"), "-")}
    for words, (rows, style, line) in curves.items():
        ax.plot(rows["ms"], rows["rate"], color=style["edgecolor"], lw=1.2, ls=line, zorder=2)
        ax.scatter(rows["ms"], rows["rate"], s=28, zorder=3, **style).set_gid(words)
    for batch in named:
        slower = max(here.loc[batch], recorded.loc[batch], key=lambda row: row["ms"])
        words = {1: "one", 2: "two", max(named): f"{max(named):,}"}.get(batch, f"{batch:,} at once")
        place, side = ((7, 0), "center") if batch == max(named) else ((4, -7), "top")
        ax.annotate(words, tuple(slower), place, textcoords="offset points", va=side)
    both = pd.concat([here, recorded])
    room = (both["ms"].max() / both["ms"].min()) ** 0.21  # for the word at the right: about a fifth of the axis
    ax.set(
        xlim=(both["ms"].min() * 0.6, both["ms"].max() * room),
        ylim=(both["rate"].min() * 0.5, both["rate"].max() * 1.8),
    )
    _round_ticks(ax)
    ax.set_xlabel("milliseconds until the batch is done")
    ax.set_title("examples a second", loc="left", x=-0.12, weight="normal")
    key(figure, {words: style for words, (_, style, _) in curves.items()}, line=22)
    return figure
