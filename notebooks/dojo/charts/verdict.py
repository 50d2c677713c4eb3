"""The charts of the verdict notebook. An account has one colour, shape and line in all of them."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dojo import verdict
from dojo.marks import BLUE, GREY, INK, NARROW, ORANGE, PALE, PLUM, TEAL, WIDE, canvas, key, styled

#: how each account is drawn: colour, shape, line
LOOKS = {
    "one-architecture": (BLUE, "o", "-"),
    "departures": (ORANGE, "s", "--"),
    "ai5-first": (PLUM, "D", "-."),
    "bought-beats-built": (TEAL, "^", (0, (1, 1))),
}
#: the width of a panel, as a share of the figure; beside it stand the words of the scale
_ACROSS = 0.69
#: what the span between two marks of the scale is called, upwards from even
WORDS = ("little", "something", "strong")


def _scale(ax: Axes, low: float, high: float, named: bool = True) -> None:
    """A logarithmic axis of odds upwards, with the customary marks, and words for what lies between them."""
    ax.set(yscale="log", ylim=(low, high))
    marks = [1 / verdict.MARKS[0], 1, *verdict.MARKS]
    ticks = [mark for mark in marks if low <= mark <= high]
    ax.set_yticks(ticks, [f"{mark:g}" if mark >= 1 else f"1/{1 / mark:g}" for mark in ticks])
    ax.minorticks_off()
    ax.set_xticks([])
    for mark in ticks:
        ax.axhline(mark, color=GREY if mark == 1 else PALE, lw=1 if mark == 1 else 0.8, ls="-", zorder=0.5)
    between = zip([1, *verdict.MARKS], verdict.MARKS, WORDS, strict=False)
    for bottom, top, words in between if named else ():
        if bottom < high:
            place = np.sqrt(bottom * min(top, high))
            ax.text(1.03, place, words, transform=ax.get_yaxis_transform(), va="center", color=GREY)


# --- how stable the order is ---------------------------------------------------------------------


@styled
def stability(seen: pd.DataFrame, names: Mapping[str, str]) -> Figure:
    """A panel for each judge: odds of the accounts in each cut, with bands, joined from cut to cut.

    `seen` as from `verdict.views`; `names` of the accounts, by id, in the order in which their marks stand.
    """
    height, top, panel = 596, 30, 226
    figure = canvas(NARROW, height)
    cuts = [*dict.fromkeys(seen.index.get_level_values("cut"))]
    low, high = 0.8 * seen["low"].min(), 1.25 * seen["high"].max()
    for number, judge in enumerate(dict.fromkeys(seen.index.get_level_values("judge"))):
        bottom = height - top - (number + 1) * panel - number * 26
        ax = figure.add_axes((0.09, bottom / height, _ACROSS, panel / height))
        ax.set_xlim(-0.45, len(cuts) - 0.55)
        _scale(ax, low, high)
        ax.set_title(f"judge {judge}", x=-0.08)
        for place, account in enumerate(names):
            x = np.arange(len(cuts)) + 0.15 * (place - (len(names) - 1) / 2)
            _slope(ax, seen.loc[judge].xs(account, level="account").loc[cuts], x, f"{account}-{judge}")
    for place, cut in enumerate(cuts):
        words = textwrap.fill(cut, 12, break_long_words=False)
        ax.annotate(words, (place, 0), (0, -4), ax.get_xaxis_transform(), "offset points", ha="center", va="top")
    _legend(figure, names)
    return figure


def _slope(ax: Axes, rows: pd.DataFrame, x: np.ndarray, name: str) -> None:
    """One account across the cuts: a band and a mark in each, and a line through them."""
    colour, shape, line = LOOKS[name.rsplit("-", 1)[0]]
    ax.vlines(x, rows["low"], rows["high"], color=colour, alpha=0.3, lw=6, zorder=2)
    ax.plot(x, rows["odds"], color=colour, ls=line, lw=1.4, zorder=3)
    ring = [INK if place == 1 else colour for place in rows["place"]]
    ax.scatter(x, rows["odds"], s=30, c=colour, marker=shape, edgecolors=ring, linewidths=1.8, zorder=4).set_gid(name)


def _legend(figure: Figure, names: Mapping[str, str]) -> None:
    """The accounts with their marks, two to a line at the foot."""
    pairs = [*names.items()]
    for line, start in enumerate(range(0, len(pairs), 2)):
        for column, (account, words) in enumerate(pairs[start : start + 2]):
            colour, shape, _ = LOOKS[account]
            width, height = figure.get_size_inches() * 96
            ax = figure.add_axes((column * 0.44, (26 - 18 * line) / height - 6 / height, 0.44, 18 / height))
            ax.set_axis_off()
            ax.set(xlim=(0, 0.44 * width), ylim=(0, 1))
            ax.scatter([12], [0.5], color=colour, marker=shape, s=30)
            ax.text(22, 0.5, words, va="center")


# --- how far chains repeat each other ---------------------------------------------------------------


@styled
def together(lines: Mapping[str, pd.DataFrame], names: Mapping[str, str]) -> Figure:
    """A panel for each judge: odds of each account against how far the chains of one witness repeat each other.

    Each table: odds, one row per step of dependence (its index, 0 to 1), one column per account.
    """
    height, top, panel, gap = 480, 30, 160, 48
    figure = canvas(NARROW, height)
    highest = max(table.max().max() for table in lines.values())
    for number, (judge, table) in enumerate(lines.items()):
        bottom = height - top - (number + 1) * panel - number * gap
        ax = figure.add_axes((0.09, bottom / height, _ACROSS, panel / height))
        ax.set_xlim(0, 1)
        _scale(ax, 0.6, 1.3 * highest)
        ax.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "0.25", "0.5", "0.75", "1"])
        ax.set_title(f"judge {judge}", x=-0.08)
        for account in names:
            colour, shape, line = LOOKS[account]
            drawn = ax.plot(table.index, table[account], color=colour, ls=line, lw=1.6, marker=shape, markevery=10)
            drawn[0].set(gid=f"{account}-{judge}", markersize=4.5, clip_on=False)
    words = "0: each chain its own voice; 1: each witness one voice"
    ax.annotate(words, (0, 0), (-20, -22), "axes fraction", "offset points", va="top")
    _legend(figure, names)
    return figure


# --- the matrix ------------------------------------------------------------------------------------

_ROW, _WORDS, _COLUMN = 17, 300, 88


@styled
def matrix(
    said: pd.DataFrame,
    rated: pd.DataFrame,
    shown: pd.DataFrame,
    flipping: Mapping[str, int],
    names: Mapping[str, str],
    unjudged: tuple[str, str],
) -> Figure:
    """Source chains by accounts: a disc as large as the chain is telling there, filled for and hollow against.

    `said` mean log ratios, `shown` the chains in order (both as from `verdict`), `rated` as from `verdict.fits`;
    `unjudged` id and name of the account that has ratings alone, shown as words. `flipping` says in how many
    views the head of the order changes without a chain.
    """
    groups = [*dict.fromkeys(shown["speaker"])]
    head, foot = 40, 26
    height = head + _ROW * (len(shown) + 1.4 * len(groups)) + foot
    figure = canvas(WIDE, int(height))
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, WIDE), ylim=(height, 0))
    ax.set_axis_off()
    columns = [*names, unjudged[0]]
    for column, words in enumerate([*names.values(), unjudged[1], "dropping it\nchanges first"]):
        wrapped = (
            words.replace("Buying beat ", "Buying beat\n").replace("One ", "One\n").replace("Several ", "Several\n")
        )
        ax.text(_centre(column), head - 6, wrapped, ha="center", va="bottom", weight="bold", linespacing=0.95)
    y = float(head)
    for group in groups:
        ax.text(8, y + 0.7 * _ROW, verdict.SPEAKERS[group], va="center", weight="bold", color=GREY)
        y += 1.4 * _ROW
        for chain in shown.index[shown["speaker"] == group]:
            _line(ax, chain, y, said.loc[chain], rated.loc[chain, columns[-1]], shown["label"][chain], len(columns))
            if flipping.get(chain):
                ax.text(
                    _centre(len(columns)),
                    y + _ROW / 2,
                    f"in {flipping[chain]} of {verdict.VIEWS}",
                    ha="center",
                    va="center",
                )
            y += _ROW
    styles = {"speaks for": {"color": BLUE}, "speaks against": {"facecolor": "white", "edgecolor": ORANGE}}
    key(figure, {words: {"marker": "o", "s": 60, **style} for words, style in styles.items()}, line=22)
    return figure


def _centre(column: int) -> float:
    """The middle of a column, in pixels."""
    return _WORDS + (column + 0.5) * _COLUMN


def _line(ax: Axes, chain: str, y: float, said: pd.Series, fit: str, label: str, columns: int) -> None:
    """One chain: its words, a disc and its ratio for each account it says anything on, and how it fits the last."""
    middle = y + _ROW / 2
    ax.plot([8, _centre(columns) + _COLUMN / 2], [y + _ROW, y + _ROW], color=PALE, lw=0.5, ls="-", zorder=0)
    ax.text(16, middle, label, va="center", gid=chain, color=INK)
    for column, log in enumerate(said):
        x = _centre(column) - 16
        if round(log, 2):  # a ratio that reads 1.00 speaks neither way
            colour, fill = (BLUE, BLUE) if log > 0 else (ORANGE, "white")
            ax.scatter([x], [middle], s=8 + 190 * abs(log), facecolor=fill, edgecolor=colour, linewidths=1.2, zorder=2)
        if log:
            ax.text(x + 12, middle, f"{np.exp(log):.2f}", va="center", ha="left")
    ax.text(_centre(columns - 1), middle, fit, va="center", ha="center")
