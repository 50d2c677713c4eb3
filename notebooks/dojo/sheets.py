"""What data sheets and makers say of a chip: figures with their standing, claims side by side, rates, links.

All functions take tables as they are loaded. Nothing here is measured.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from dojo import tables

#: attributes of chip_specs by the words for them, in the order of the table
ATTRIBUTES = {
    "memory": ["memory_capacity"],
    "to memory": ["memory_bandwidth", "memory_feed_bandwidth"],
    "to other chips": ["interconnect_bandwidth", "off_tile_bandwidth"],
}
RATE = "rate in 16 bits or more"
UNKNOWN = "none found"


def known(specs: pd.DataFrame, chips: pd.DataFrame) -> pd.DataFrame:
    """What is on record of each chip: its state, and each figure with how well it is supported.

    Only rows of `chips` are shown. The rate is the highest dense one in sixteen bits or more, or that of a
    graphics unit; where there is no memory beside the chip, that on it is told. Where figures disagree all are
    given. Columns: state, RATE, those of ATTRIBUTES and source_ids, by the names of the chips.
    """
    rows = {}
    for chip_id, chip in chips.iterrows():
        own = specs[specs["chip_id"] == chip_id]
        shown = {RATE: wide(own).nlargest(1, "value")}
        shown |= {words: own[own["attribute"].isin(names)] for words, names in ATTRIBUTES.items()}
        where = ""
        if shown["memory"].empty:
            shown["memory"], where = own[own["attribute"] == "on_chip_sram"], " on it"
        ids = tuple(dict.fromkeys(pd.concat(shown.values())["source_ids"].explode()))
        stated = {words: _stated(figures, where if words == "memory" else "") for words, figures in shown.items()}
        rows[chip["name"]] = {"state": chip["status"], **stated, "source_ids": ids}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("chip")


def _stated(rows: pd.DataFrame, where: str = "") -> str:
    """Figures with unit and standing, from the lowest to the highest where several are given."""
    if rows.empty:
        return UNKNOWN
    values = " or ".join(f"{value:,.15g}" for value in sorted(set(rows["value"])))
    return f"{values} {rows['unit'].iloc[0]}{where} ({', '.join(dict.fromkeys(rows['standing']))})"


#: attributes whose words are not the table's
_ABOUT = {
    "bandwidth_ratio_to_ai4": "link to memory, over AI4",
    "class_dual": "class, two chips",
    "class_single": "class, one chip",
    "compute_ratio_to_ai4": "raw arithmetic, over AI4",
    "memory_ratio_to_ai4": "memory, over AI4",
    "power_ratio_to_blackwell": "power, over Nvidia's Blackwell",
    "power_ratio_to_hw4": "power, over AI4",
    "ratio_to_ai4": "AI5 over AI4",
    "ratio_to_ai5": "AI6 over AI5",
}


def _all_known(wanted: Iterable[str], there: Iterable[str], what: str) -> None:
    """Raise KeyError with a near miss for the first of the wanted names that is not there."""
    names = set(there)
    for name in wanted:
        if name not in names:
            raise KeyError(f"chip_specs has no {what} {name!r}{tables.near_miss(name, names)}")


def claims(specs: pd.DataFrame, chips: Iterable[str], sources: pd.DataFrame, attributes: Iterable[str]) -> pd.DataFrame:
    """What has been said of chips: about what, the figure, when the source appeared, how well supported.

    Where the figure is not the chip's own, what it is about says whose. Tables as they are loaded; `attributes` are
    the beginnings of the attributes wanted. Raises KeyError for a chip of which nothing is on record, and for a
    beginning that none of these chips' attributes has.
    """
    chips, attributes = list(chips), list(attributes)
    _all_known(chips, specs["chip_id"], "chip")
    names = specs[specs["chip_id"].isin(chips)]["attribute"]
    _all_known(attributes, [begin for begin in attributes if names.str.startswith(begin).any()], "attribute")
    own = specs[specs["chip_id"].isin(chips) & specs["attribute"].str.startswith(tuple(attributes))]
    about = own["attribute"].map(lambda name: _ABOUT.get(name, name.replace("_", " ")))
    found = pd.DataFrame(
        {
            "chip": own["chip_id"].str.upper(),
            "about": about.where(own["scope"] == "chip", about + " of the " + own["scope"]),
            "figure": own["value"].map("{:g}".format) + " " + own["unit"].replace("x", "times"),
            "as the source has it": own["condition"],
            "source of": own["source_ids"].str[0].map(sources["published"]).replace("", "undated"),
            "standing": own["standing"],
            "source_ids": own["source_ids"],
        }
    )
    return found.sort_values(["chip", "about", "source of"]).set_index("chip")


#: formats of eight bits, and of more, in which rates are compared
EIGHT, MORE = ("int8", "fp8", "cfp8"), ("bf16", "fp16", "fp32")


def wide(specs: pd.DataFrame) -> pd.DataFrame:
    """The rows with a dense rate in sixteen bits or more, of the chip or of its graphics unit."""
    dense = specs[(specs["sparsity"] == "dense") & specs["attribute"].isin(["peak_rate", "gpu_rate"])]
    return dense[dense["format"].isin(MORE)]


def fitness(specs: pd.DataFrame, chips: Iterable[str]) -> pd.DataFrame:
    """Raw rate of each chip and the share of it that is fit for training.

    Raw: the highest dense rate in a format of eight or more bits. Fit for training: the highest in a format of
    sixteen or more. That is a reading of data sheets, and a low one: with wide sums and a finer copy of the
    weights eight bits train too. Columns raw, fit (both in 10^12 operations a second), share, raw_id, fit_id,
    source_ids. Without a rate in eight bits on record the raw rate is the wide one; chips without a wide one are left
    out.
    """
    chips = list(chips)
    _all_known(chips, specs["chip_id"], "chip")
    narrow = specs[(specs["sparsity"] == "dense") & (specs["attribute"] == "peak_rate") & specs["format"].isin(EIGHT)]
    rows = {}
    for chip_id in chips:
        fit, eight = (kind[kind["chip_id"] == chip_id]["value"] for kind in (wide(specs), narrow))
        raw = pd.concat([eight, fit])
        if fit.empty:
            continue
        ids = raw.idxmax(), fit.idxmax()
        sources = tuple(dict.fromkeys(s for row_id in ids for s in specs["source_ids"][row_id]))
        rows[chip_id] = (raw.max(), fit.max(), fit.max() / raw.max(), *ids, sources)
    columns = ["raw", "fit", "share", "raw_id", "fit_id", "source_ids"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("chip")


def links(specs: pd.DataFrame, names: pd.Series) -> pd.DataFrame:
    """Published links of one chip, one direction, in GB/s: to its neighbours, then to other servers.

    `names` are the words for chips, by chip_id. Columns chip_id, words, where, rate, source_ids, by spec_id, fastest
    first within a place. Rows that do not say which direction they count are left out.
    """
    _all_known(names.index, specs["chip_id"], "chip")
    share = specs["basis"].map({"one direction": 1.0, "both directions": 0.5})
    found = specs[["chip_id", "attribute", "source_ids"]].assign(
        words=specs["chip_id"].map(names), rate=specs["value"] * share
    )
    places = {"interconnect_bandwidth": "To neighbours", "network_bandwidth": "To other servers"}
    rows = [found[found["attribute"] == name].assign(where=where).dropna() for name, where in places.items()]
    ordered = [part.sort_values("rate", ascending=False) for part in rows]
    return pd.concat(ordered)[["chip_id", "words", "where", "rate", "source_ids"]]


#: rates on record of AI4, each for one chip, for the car's computer, or for either
_AI4 = {
    "hw4-ai4-int8-dense": ["chip"],
    "hw4-ai4-reported-rate-scope-unknown": ["chip", "computer"],
    "hw4-ai4-reported-rate-low": ["computer"],
    "hw4-ai4-reported-rate-high": ["computer"],
    "hw4-ai4-reported-rate-two-by-245": ["computer"],
}
_AI5 = ("ai5-reported-rate-low", "ai5-reported-rate-high")
#: what AI5 was said to be, in times AI4, where that may be arithmetic
_AI5_OVER_AI4 = ("ai5-compute-ratio-to-ai4", "ai5-ratio-to-ai4-2024-06")


def _ai4(value: pd.Series) -> list[tuple[str, float]]:
    """Rates of one AI4 and the rows they are from; a car's computer is taken to hold two, as HW3's did."""
    share = {"chip": 1, "computer": value["hw3-fsd-chips"]}
    return [(row_id, value[row_id] / share[of]) for row_id, scopes in _AI4.items() for of in scopes]


def unplaced(specs: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """The lowest and the highest raw rate on record of AI4 and AI5, in 10^12 operations a second, for one chip."""
    found = {"AI5": [specs["value"][row_id] for row_id in _AI5], "AI4": [rate for _, rate in _ai4(specs["value"])]}
    return {words: (float(min(rates)), float(max(rates))) for words, rates in found.items()}


def rates_said(specs: pd.DataFrame) -> pd.DataFrame:
    """From what is on record to a raw rate of AI6, in 10^12 operations a second, in every way we found.

    AI6 is said to be twice AI5, which is taken as arithmetic. AI5 has reported rates, and ratios to AI4; AI4 has
    rates of its own. None of the reported ones states format or whether zeros are counted, so half is possible
    too; eight bits are assumed. Some ways share a root. Columns ai5, as_said, halved (NaN for a rate that is
    worked out from multipliers), rests_on, source_ids.
    """
    value = specs["value"]
    ways = [((row_id,), value[row_id]) for row_id in _AI5]
    ways += [((row_id, ratio), rate * value[ratio]) for row_id, rate in _ai4(value) for ratio in _AI5_OVER_AI4]
    twice = value["ai6-ratio-to-ai5"]
    rows = [
        {
            "ai5": ai5,
            "as_said": twice * ai5,
            "halved": np.nan if specs["standing"][names[0]] == "derived" else twice * ai5 / 2,
            "rests_on": names,
            "source_ids": tuple(specs["source_ids"][[*names, "ai6-ratio-to-ai5"]].explode().unique()),
        }
        for names, ai5 in ways
    ]
    return pd.DataFrame(rows)
