"""The accounts and the evidence: what each source chain says, and how stable the order is that follows.

Two judges gave likelihood ratios: how many times likelier a chain is if an account is true than if it
is not. Logarithms of ratios add up to log-odds, so all of it is closed form; a chain that a judge left
out says nothing either way. The accounts do not exclude each other: each is weighed against its own
absence, and their odds need not add up to anything. Technical items bear on no motive and are left out.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode

import numpy as np
import pandas as pd

from dojo import dates, tables
from dojo.tables import Problem, Row, Table

#: who speaks, in the order in which chains are shown
SPEAKERS = {"tesla": "Tesla and Musk", "press": "The press", "outside": "Others"}
#: which judges count; "both" takes the mean of their log ratios
JUDGES = {"a": ("a",), "b": ("b",), "both": ("a", "b")}
#: the year before which the last cut looks
YEAR = 2026
CUTS = ("all on record", "without Tesla and Musk", f"known before {YEAR}")
#: how many ways there are to look: each judge alone, each cut
VIEWS = len(CUTS) * len(JUDGES["both"])
#: how often a reader may count a chain, and how unlikely or likely an account may be held before
MOST, PRIORS = 3.0, (0.05, 0.95)
#: the middle 90 % of a normal distribution, in standard deviations from its mean
MIDDLE = 1.6448536269514722
#: marks on the scale of ratios (Kass and Raftery 1995: kass-raftery-1995), and the words between them
MARKS = (3, 20, 150)


# --- what is on record --------------------------------------------------------------------------


def names(judged: pd.DataFrame) -> dict[str, str]:
    """The accounts that were judged, id to name, in the order of their table; `judged` as from `judgements`."""
    given = set(judged["account"])
    return {account: name for account, name in tables.load("hypotheses")["name"].items() if account in given}


def judgements() -> pd.DataFrame:
    """Every ratio a judge gave, in natural logarithms: judge, chain, account, witness, low, mode, high.

    Adds mean and spread (standard deviation) of the triangular distribution that the three describe.
    """
    given = tables.load("likelihoods")
    logs = np.log(given[["lr_low", "lr_mode", "lr_high"]].to_numpy())
    frame = pd.DataFrame(logs, given.index, ["low", "mode", "high"])
    low, mode, high = logs.T
    frame["mean"] = (low + mode + high) / 3
    frame["spread"] = np.sqrt((low**2 + mode**2 + high**2 - low * mode - low * high - mode * high) / 18)
    frame["witness"] = given["cluster_id"].map(tables.load("clusters")["witness"])
    return frame.assign(judge=given["judge"], chain=given["cluster_id"], account=given["hypothesis_id"])


def matrix(judged: pd.DataFrame) -> pd.DataFrame:
    """Mean log ratio of the two judges, chains by accounts; 0 where neither gave one.

    `judged` as from `judgements`.
    """
    sums = judged.pivot_table(index="chain", columns="account", values="mode", aggfunc="sum", fill_value=0.0)
    return sums[[*names(judged)]] / len(JUDGES["both"])


def chains(judged: pd.DataFrame) -> pd.DataFrame:
    """The chains that say anything, by who speaks and the most telling first.

    Telling is how far a chain tells the accounts apart: its largest mean log ratio less its smallest.
    Adds the sources of its items of evidence. `judged` as from `judgements`.
    """
    said = matrix(judged)
    evidence = tables.load("evidence").explode("source_ids").groupby("cluster_id")["source_ids"]
    frame = tables.load("clusters").loc[said.index]
    frame = frame.assign(telling=said.max(axis=1) - said.min(axis=1))
    frame["source_ids"] = evidence.agg(lambda ids: tuple(dict.fromkeys(ids)))
    order = frame["speaker"].map([*SPEAKERS].index)
    return frame.assign(order=order).sort_values(["order", "telling"], ascending=[True, False]).drop(columns="order")


def fits() -> pd.DataFrame:
    """How the items of each chain were rated, chains by accounts: fits, does not fit, both, or empty.

    From evidence_hypotheses, which rates every account, also the one no judge gave ratios for.
    """
    rated = tables.load("evidence_hypotheses").join(tables.load("evidence")["cluster_id"], on="evidence_id")
    marks = rated.assign(yes=rated["rating"].isin(["C", "CC"]), no=rated["rating"] == "I")
    found = marks.groupby(["cluster_id", "hypothesis_id"])[["yes", "no"]].any()
    words = np.select([found.all(axis=1), found["yes"], found["no"]], ["both", "fits", "does not fit"], "")
    return pd.Series(words, found.index).unstack()[[*tables.load("hypotheses").index]]


def at_odds(judged: pd.DataFrame) -> pd.DataFrame:
    """Pairs of chain and account where judgements point different ways: the judges, or both against the rating.

    Columns a and b (log ratios), rating, and kind: "judges" or "ratings". `judged` as from `judgements`.
    """
    pairs = judged.pivot_table(index=["chain", "account"], columns="judge", values="mode")
    pairs["rating"] = fits().stack()
    judges = pairs["a"] * pairs["b"] < 0
    both = np.sign(pairs["a"]).where(np.sign(pairs["a"]) == np.sign(pairs["b"]))
    ratings = both == -pairs["rating"].map({"fits": 1, "does not fit": -1})
    kind = np.select([judges, ratings], ["judges", "ratings"], "")
    return pairs.assign(kind=kind)[kind != ""]


# --- weighing ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Weights:
    """What a reader decides; the defaults take every chain once, as judged, and every account as even.

    `chains` says how often a chain counts (0 to MOST), `together` how far the chains of one witness
    repeat each other (0 not at all, 1 wholly), `priors` how likely each account was held before
    (within PRIORS). Raises ValueError naming what is out of range or unknown.
    """

    judge: str = "both"
    together: float = 0.0
    priors: Mapping[str, float] = field(default_factory=dict)
    chains: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.judge not in JUDGES:
            raise ValueError(f"judge {self.judge!r}; expected one of {', '.join(JUDGES)}")
        if not 0 <= self.together <= 1:
            raise ValueError(f"together {self.together!r}; expected 0 to 1")
        _known("hypotheses", self.priors)
        _known("clusters", self.chains)
        for name, prior in self.priors.items():
            if not PRIORS[0] <= prior <= PRIORS[1]:
                raise ValueError(f"prior of {name}: {prior!r}; expected {PRIORS[0]} to {PRIORS[1]}")
        for name, weight in self.chains.items():
            if not 0 <= weight <= MOST:
                raise ValueError(f"weight of {name}: {weight!r}; expected 0 to {MOST:g}")

    @property
    def changed(self) -> int:
        """How many weights, priors and the dependence are not as at the start; the choice of judge apart."""
        priors = sum(prior != 0.5 for prior in self.priors.values())
        return priors + sum(weight != 1 for weight in self.chains.values()) + (self.together != 0)


def _known(table: str, names: Collection[str]) -> None:
    for name in names:
        try:
            tables.find(name, table)
        except KeyError as error:
            raise ValueError(error.args[0]) from None


def weigh(judged: pd.DataFrame, weights: Weights | None = None, kept: Collection[str] | None = None) -> pd.DataFrame:
    """Odds of each account: its prior odds times the ratios of the chains, weighted; with a band.

    n chains of one witness count like n / (1 + (n - 1) * together) independent ones: a rule of thumb, borrowed
    from surveys (the design effect: kish-1965); n is the sum of their weights. Columns odds, low and high: the
    middle 90 % if the judges' ranges are right and their errors independent. `kept` limits the chains; `judged` as
    from `judgements`.
    """
    weights = weights or Weights()
    judges = JUDGES[weights.judge]
    rows = judged[judged["judge"].isin(judges) & (judged["chain"].isin(kept) if kept is not None else True)]
    # one judge had seen notes on the other's way, so the spreads of both are averaged as if they erred together
    by_chain = rows.groupby(["account", "witness", "chain"])[["mode", "mean", "spread"]].sum() / len(judges)
    weight = np.array([weights.chains.get(chain, 1.0) for chain in by_chain.index.get_level_values("chain")])
    scaled = by_chain.mul(weight, axis=0)
    scaled["variance"], scaled["voices"] = scaled["spread"] ** 2, weight
    sums = scaled.groupby(["account", "witness"]).sum()
    less = 1 / (1 + (sums["voices"] - 1) * weights.together).clip(lower=1)
    total = pd.DataFrame({"mode": sums["mode"] * less, "mean": sums["mean"] * less})
    total["variance"] = sums["variance"] * less**2
    total = total.groupby("account").sum().reindex([*names(judged)], fill_value=0.0)
    before = pd.Series({a: math.log(p / (1 - p)) for a in total.index if (p := weights.priors.get(a, 0.5))})
    half = MIDDLE * np.sqrt(total["variance"])
    logs = {"odds": total["mode"], "low": total["mean"] - half, "high": total["mean"] + half}
    return np.exp(pd.DataFrame(logs).add(before, axis=0))


# --- how stable the order is ----------------------------------------------------------------------


def kept(shown: pd.DataFrame) -> dict[str, list[str]]:
    """The chains that each of the CUTS keeps; `shown` as from `chains`. A chain counts from its first item on.

    One without a date is not known to be early.
    """
    early = pd.to_numeric(shown["first_date"].str[:4]) < YEAR
    masks = (early | True, shown["speaker"] != "tesla", early)
    return {cut: [*shown.index[mask]] for cut, mask in zip(CUTS, masks, strict=True)}


def views(judged: pd.DataFrame, shown: pd.DataFrame, weights: Weights | None = None) -> pd.DataFrame:
    """Odds of each account in six views: each judge alone, each cut; columns as from `weigh`, by judge, cut, account.

    Adds place, 1 for the account that comes first in its view. The judge of `weights` is not used.
    """
    weights = weights or Weights()
    parts = {
        (judge, cut): weigh(judged, Weights(judge, weights.together, weights.priors, weights.chains), ids)
        for judge in ("a", "b")
        for cut, ids in kept(shown).items()
    }
    frame = pd.concat(parts, names=["judge", "cut", "account"])
    return frame.assign(place=frame.groupby(["judge", "cut"])["odds"].rank(ascending=False).astype(int))


def first(seen: pd.DataFrame) -> pd.Series:
    """The account that comes first in each view, by judge and cut; "" where the highest odds are shared.

    `seen` as from `views`.
    """
    odds = seen["odds"].unstack()
    shared = odds.ge(odds.max(axis=1) * (1 - 1e-9), axis=0).sum(axis=1) > 1
    return odds.idxmax(axis=1).mask(shared, "").reindex(seen.index.droplevel("account").unique())


def span(seen: pd.DataFrame) -> pd.DataFrame:
    """Lowest and highest odds of each account over the views; `seen` as from `views`."""
    return seen["odds"].groupby("account", sort=False).agg(["min", "max"])


def needed(seen: pd.DataFrame) -> pd.Series:
    """How strong one new chain for an account alone would have to be to put it first, by view and account."""
    return seen.groupby(["judge", "cut"])["odds"].transform("max") / seen["odds"]


def flips(judged: pd.DataFrame, shown: pd.DataFrame) -> pd.DataFrame:
    """The chains without which another account comes first: one row each, one column per view.

    A cell names the account that then comes first, empty where the order keeps its head. `shown` as from `chains`.
    """
    before = first(views(judged, shown))
    found = {}
    for chain in shown.index:
        after = first(views(judged, shown, Weights(chains={chain: 0.0})))
        if (changed := after.where(after != before, "")).any():
            found[chain] = changed
    return pd.DataFrame(found).T


def keeps(judged: pd.DataFrame, shown: pd.DataFrame, draws: int = 20_000, seed: int = 1) -> pd.Series:
    """In what share of draws the account that comes first in a view stays there, by judge and cut.

    Each draw takes one value from every judge's range, all independent: a judge who errs alike everywhere
    would shift the order more. Equal for an equal seed.
    """
    random = np.random.default_rng(seed)
    leading = first(views(judged, shown))
    found = {}
    for (judge, cut), account in leading.items():
        rows = judged[(judged["judge"] == judge) & judged["chain"].isin(kept(shown)[cut])]
        drawn = random.triangular(rows["low"], rows["mode"], rows["high"], (draws, len(rows)))
        sums = pd.DataFrame(drawn.T, index=rows["account"]).groupby(level=0).sum()
        found[judge, cut] = float((sums.idxmax() == account).mean())
    return pd.Series(found)


# --- a reader's weights as a link -----------------------------------------------------------------


def link(weights: Weights) -> str:
    """What a reader changed, as the end of the page's address; the page reads it and writes it alike."""
    parts: list[tuple[str, str]] = []
    if weights.judge != Weights.judge:
        parts.append(("judge", weights.judge))
    if weights.together != Weights.together:
        parts.append(("together", f"{weights.together:.15g}"))
    parts += [(f"prior.{name}", f"{p:.15g}") for name, p in weights.priors.items() if p != 0.5]
    parts += [(f"chain.{name}", f"{w:.15g}") for name, w in weights.chains.items() if w != 1]
    return "#weigh&" + urlencode([*parts, ("facts", str(tables.as_of().end))])


def from_link(address: str) -> Weights:
    """The weights that an address ends in; ValueError says what in it cannot be read."""
    _, mark, ending = address.partition("#weigh&")
    if not mark:
        raise ValueError(f"{address!r}; expected an address that ends in #weigh&...")
    found: dict[str, dict[str, float]] = {"prior": {}, "chain": {}}
    judge, together = Weights.judge, Weights.together
    for name, value in parse_qsl(ending, keep_blank_values=True):
        kind, dot, key = name.partition(".")
        if name == "judge":
            judge = value
        elif name == "together":
            together = _number(name, value)
        elif dot and kind in found:
            found[kind][key] = _number(name, value)
        elif name != "facts":
            raise ValueError(f"{name}={value} in the link; expected judge, together, prior.… or chain.…")
    return Weights(judge, together, found["prior"], found["chain"])


def _number(name: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise ValueError(f"{name}={value} in the link; expected a number") from None


# --- checking ------------------------------------------------------------------------------


def check(everything: Mapping[str, Table]) -> list[Problem]:
    """Evidence that is not rated for every account; chains that miscount or misdate theirs, or are not weighed.

    A chain counts in the weighing by its ratios. Where an item is rated other than neutral, silence is a gap.
    """
    evidence = everything["evidence"].rows
    rated = {
        (r.cells["evidence_id"], r.cells["hypothesis_id"]) for r in everything["evidence_hypotheses"].rows.values()
    }
    judged = {row.cells["cluster_id"] for row in everything["likelihoods"].rows.values()}
    telling = {
        r.cells["evidence_id"] for r in everything["evidence_hypotheses"].rows.values() if r.cells["rating"] != "N"
    }
    found = []
    for row in evidence.values():
        if missing := [account for account in everything["hypotheses"].rows if (row.id, account) not in rated]:
            found.append(row.problem("evidence_id", f"a row in evidence_hypotheses.csv for {', '.join(missing)}"))
    for chain in everything["clusters"].rows.values():
        items = [row for row in evidence.values() if row.cells["cluster_id"] == chain.id]
        found += _check_chain(chain, items)
        if chain.id not in judged and telling & {row.id for row in items}:
            found.append(
                chain.problem("cluster_id", "its ratios in likelihoods.csv, as an item of it is rated C, CC or I")
            )
    return found


def _check_chain(chain: Row, items: list[Row]) -> Iterator[Problem]:
    dated = [row.cells["date"] for row in items if row.cells["date"]]
    first = min(dated, key=lambda text: dates.window(text).start, default="")
    for column, expected in (("evidence_count", str(len(items))), ("first_date", first)):
        if chain.cells[column] != expected:
            yield chain.problem(column, f"{expected or 'an empty cell'}, as its rows in evidence.csv say")
