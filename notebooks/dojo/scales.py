"""The reader's scales: accounts and source chains as a form on the page, as sliders where a front end is live.

The page's script (publish/template/weigh.js) does the arithmetic of `dojo.verdict.weigh` on the ratios
that the form carries; without script the form is a table of where the scales start.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from html import escape
from typing import Any

import pandas as pd

from dojo import show, tables, verdict

#: ends of the axis of odds in the picture, and its width and height in pixels
SCALE, WIDTH, HEIGHT = (0.03, 1000.0), 200, 18
#: what the rows under the heading of a live slider box are called
BEFORE = "Before any evidence"


def scales(judged: pd.DataFrame, shown: pd.DataFrame, title: str) -> Any:
    """The scales: a form for the page, or sliders in a live front end; both start with every chain as judged.

    `judged` and `shown` as from `dojo.verdict.judgements` and `chains`.
    """
    if not show.live():
        return form(judged, shown, title)
    before = _before(judged)

    def weighed(judge: str = "both", repeat_each_other: float = 0.0, **sliders: float) -> show.Shown:
        return results(judged, shown, moved(judged, shown, judge, repeat_each_other, sliders), title)

    groups = {BEFORE: [*before]}
    for speaker, words in verdict.SPEAKERS.items():
        groups[words] = [*shown["label"][shown["speaker"] == speaker]]
    choices: dict[str, Any] = {"judge": [*reversed(verdict.JUDGES)], "repeat_each_other": (0.0, 1.0, 0.05)}
    choices |= dict.fromkeys(before, (5, 95, 5)) | dict.fromkeys(shown["label"], (0.0, verdict.MOST, 0.25))
    start = dict.fromkeys(before, 50) | dict.fromkeys(shown["label"], 1.0)
    return show.explore(weighed, start=start, groups=groups, **choices)


def _before(judged: pd.DataFrame) -> dict[str, str]:
    """The accounts by the names of their sliders."""
    return {f"{name}, in 100": account for account, name in verdict.names(judged).items()}


def moved(
    judged: pd.DataFrame, shown: pd.DataFrame, judge: str, together: float, sliders: Mapping[str, float]
) -> verdict.Weights:
    """The weights for which sliders stand, by the words beside them; one that is left out is at its start."""
    priors = {account: sliders.get(words, 50) / 100 for words, account in _before(judged).items()}
    chains = {chain: sliders.get(label, 1.0) for chain, label in shown["label"].items()}
    return verdict.Weights(judge, together, priors, chains)


def results(judged: pd.DataFrame, shown: pd.DataFrame, weights: verdict.Weights, title: str) -> show.Shown:
    """Odds of the accounts under these weights, their span over the views, and the link to send on."""
    sums, text = _sums(judged, shown, weights)
    ending = verdict.link(weights)
    html = (
        f'<p class="title"><strong>{escape(title)}</strong></p>{sums}<p>On the page: <code>{escape(ending)}</code></p>'
    )
    return show.Shown(f'<figure style="margin: 0">{html}</figure>', f"{title}\n{text}\n{ending}")


def form(judged: pd.DataFrame, shown: pd.DataFrame, title: str) -> show.Shown:
    """The scales as they start, with what the page's script needs to weigh anew."""
    sums, text = _sums(judged, shown, verdict.Weights())
    carried = escape(json.dumps(_said(judged, shown), separators=(",", ":")))
    said = verdict.matrix(judged).rename(columns=verdict.names(judged)).loc[shown.index]
    lines = [_line(shown.loc[chain], chain, logs) for chain, logs in said.iterrows()]
    heads = "".join(f'<th scope="col">{words}</th>' for words in ("source chain", "what it says", "ratios", "weight"))
    html = (
        f'<figure class="weigh table" data-said="{carried}" style="margin: 0">'
        f'<p class="title"><strong>{escape(title)}</strong></p>{sums}<div class="controls"></div>'
        f'<div class="scroll" role="region" tabindex="0" aria-label="Source chains and their weights">'
        f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(lines)}</tbody></table></div></figure>"
    )
    return show.Shown(html, "\n".join([title, text, *shown["label"]]))


def _sums(judged: pd.DataFrame, shown: pd.DataFrame, weights: verdict.Weights) -> tuple[str, str]:
    """The table of accounts with odds and picture, and the sentence that goes with it; as HTML and as text."""
    odds = verdict.weigh(judged, weights)
    seen = verdict.views(judged, shown, weights)
    span, firsts = verdict.span(seen), verdict.first(seen)
    lines = f"drawn, with lines at {', '.join(map(str, (1, *verdict.MARKS)))} to 1"
    columns = ("account", "before", "odds", "range", lines, "odds over the views")
    heads = "".join(f'<th scope="col">{words}</th>' for words in columns)
    rows, texts = [], []
    for account, name in verdict.names(judged).items():
        mode, low, high = odds.loc[account]
        over = " to ".join(map(_two, span.loc[account]))
        prior = round(100 * weights.priors.get(account, 0.5))
        rows.append(
            f'<tr data-account="{account}" data-odds="{mode:.12g}" data-low="{low:.12g}" data-high="{high:.12g}">'
            f'<th scope="row">{escape(name)}</th><td data-prior="{account}">{prior} in 100</td>'
            f'<td class="odds">{_two(mode)} to 1</td><td class="range">{_two(low)} to {_two(high)}</td>'
            f'<td>{_picture(mode, low, high)}</td><td class="over">{over}</td></tr>'
        )
        texts.append(f"{name}: {_two(mode)} to 1 ({_two(low)} to {_two(high)}), over the views {over}")
    leading = firsts[firsts != ""].nunique()
    several = f"{leading or 'no'} account{' comes' if leading == 1 else 's come'}"
    differ = f"{weights.changed or 'No'} weight{' differs' if weights.changed == 1 else 's differ'} from the start"
    sentence = f"With these weights {several} first in the views. {differ}. "
    sentence += "This is arithmetic with the weights set here, not a finding."
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    html = f'<div class="scroll" role="region" tabindex="0" aria-label="Odds of the accounts">{table}</div>'
    return f'{html}<p class="sum">{sentence}</p>', "\n".join([*texts, sentence])


def _picture(mode: float, low: float, high: float) -> str:
    """A band with its mark on a logarithmic axis of odds; the table says the same in numbers."""
    left, right = _place(low), _place(high)
    lines = "".join(f'<path d="M{_place(at):.2f} 0v{HEIGHT}" stroke="#b0b0b0"/>' for at in (1, *verdict.MARKS))
    return (
        f'<svg width="{WIDTH}" height="{HEIGHT}" aria-hidden="true" style="min-width: {WIDTH}px">{lines}'
        f'<rect x="{left:.2f}" y="5" width="{max(1, right - left):.2f}" height="8" fill="#9fb5cf"/>'
        f'<circle cx="{_place(mode):.2f}" cy="9" r="4.5" fill="#10457f"/></svg>'
    )


def _place(odds: float) -> float:
    """Where odds stand in the picture, in pixels; beyond its ends, at them."""
    low, high = map(math.log, SCALE)
    return WIDTH * min(1.0, max(0.0, (math.log(odds) - low) / (high - low)))


def _line(chain: pd.Series, chain_id: str, said: pd.Series) -> str:
    """One chain: who and when, what it says, and what it speaks for and against."""
    given = [(f"{escape(account)} {math.exp(log):.2f}", round(log, 2)) for account, log in said.items() if log]
    ways = {"for": [w for w, x in given if x > 0], "against": [w for w, x in given if x < 0]}
    ways["neither way"] = [words for words, log in given if not log]
    ratios = "<br>".join(f"{way} {', '.join(words)}" for way, words in ways.items() if words)
    return (
        f'<tr><th scope="row">{escape(chain["label"])}</th><td>{escape(chain["about"])}.</td>'
        f'<td>{ratios}</td><td data-chain="{chain_id}">1×</td></tr>'
    )


def _said(judged: pd.DataFrame, shown: pd.DataFrame) -> dict[str, Any]:
    """Everything the script needs: the ratios as the judges gave them, and what the cuts ask of a chain."""
    given = tables.load("likelihoods")
    early = verdict.kept(shown)[verdict.CUTS[2]]
    chains = []
    for chain_id, chain in shown.iterrows():
        ratios: dict[str, dict[str, list[float]]] = {}
        for row in given[given["cluster_id"] == chain_id].itertuples():
            ratios.setdefault(row.hypothesis_id, {})[row.judge] = [row.lr_low, row.lr_mode, row.lr_high]
        who = {
            "speaker": chain["speaker"],
            "witness": chain["witness"],
            "voice": chain["voice"],
            "early": chain_id in early,
        }
        chains.append({"id": chain_id, **who, "ratios": ratios})
    return {
        "accounts": [*verdict.names(judged)],
        "names": verdict.names(judged),
        "chains": chains,
        "middle": verdict.MIDDLE,
        "most": verdict.MOST,
        "priors": verdict.PRIORS,
        "scale": SCALE,
        "width": WIDTH,
        "year": verdict.YEAR,
        "facts": str(tables.as_of().end),
    }


def _two(value: float) -> str:
    """A number with two digits that count."""
    return show.number(float(f"{value:.2g}"))
