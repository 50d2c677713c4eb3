"""The chart of the start page."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from dojo.marks import BLUE, GREY, INK, NARROW, PALE, canvas, styled

#: how each verdict is drawn, and the words for it
VERDICTS = {
    "holds": ("holds", {"fillstyle": "full"}),
    "half": ("in part", {"fillstyle": "left"}),
    "cannot-tell": ("open", {"fillstyle": "none"}),
}
_ROW, _HEAD = 19, 24
#: kinds of claims in the order in which they stand, with their headings
KINDS = {
    "What was said or done": ("fact", "reported"),
    "How chips work": ("technical",),
    "What to make of it": ("opinion",),
}


@styled
def claims(table: pd.DataFrame) -> Figure:
    """The article's claims by kind, each with a disc: full where the record bears it out, half, or empty where open.

    `table` of article claims, by id: label, kind, verdict, position.
    """
    groups = {words: table[table["kind"].isin(kinds)].sort_values("position") for words, kinds in KINDS.items()}
    height = _ROW * len(table) + _HEAD * len(groups) + 26
    figure = canvas(NARROW, height)
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, NARROW), ylim=(height, 0))
    ax.set_axis_off()
    y = 0
    for words, rows in groups.items():
        ax.text(6, y + 0.6 * _HEAD, words, va="center", weight="bold", color=GREY)
        y += _HEAD
        for claim_id, row in rows.iterrows():
            _, style = VERDICTS[row["verdict"]]
            ax.plot([14], [y + _ROW / 2], "o", ms=9, color=BLUE, markerfacecoloralt="white", gid=claim_id, **style)
            ax.text(30, y + _ROW / 2, row["label"], va="center", color=INK)
            ax.plot([6, NARROW - 6], [y + _ROW, y + _ROW], color=PALE, lw=0.5, ls="-", zorder=0)
            y += _ROW
    _key(figure)
    return figure


def _key(figure: Figure) -> None:
    """The three discs and their words at the foot."""
    width, height = figure.get_size_inches() * 96
    ax = figure.add_axes((0, 0, 1, 24 / height))
    ax.set_axis_off()
    ax.set(xlim=(0, width), ylim=(0, 1))
    for x, (words, style) in zip((14, 104, 204), VERDICTS.values(), strict=True):
        ax.plot([x], [0.5], "o", ms=9, color=BLUE, markerfacecoloralt="white", **style)
        ax.text(x + 12, 0.5, words, va="center")
