"""Many chips on one board as one machine for training: what binds, and which unknown decides.

Every chip keeps the whole network and learns from its share of the samples. Then all add up what they
found, the gradients, and update their weights alike. One such step takes the work of the chip with its
share, which is the longer of arithmetic and memory, layer by layer (the roofline of `dojo.roofline`, three
times: forward once, back twice); then the exchange of gradients in a ring, for which each chip sends
2 (n - 1) / n of them (Patarasuk and Yuan, J. Parallel Distrib. Comput. 69, 2009); and a fixed time. Nothing
overlaps. Where memory is too small for a weight with all that training keeps of it, the chips share that
out and send half as much again (Rajbhandari et al., arXiv 1910.02054). A machine leaves chips idle when it
is faster without them.

Left out: networks cut into parts that work side by side, what the way forward has to keep, the update
itself, fetching weights. `dojo.scaling` says how far off the model is for machines that were measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dojo import roofline, tables

#: bytes of one gradient as it is sent, in bfloat16
GRADIENT = 2
#: bytes of a number of sixteen bits, the format in which layers hand on what they find
HANDED_ON = 2
#: forward once, back twice
PASSES = 3
#: how much more is sent where the chips share out what they keep
SHARED_OUT = 1.5

Number = float | np.ndarray


@dataclass(frozen=True)
class Job:
    """A network that is being taught: what one sample takes, and how many lie between two updates."""

    #: operations for one sample, by layer, forward and back (a multiplication and an addition are two)
    arithmetic: np.ndarray
    #: bytes to and from memory for one sample, by layer, forward and back
    traffic: np.ndarray
    #: trained values
    weights: float
    #: samples between two updates, over all chips
    batch: float

    def work(self, rate: Number, bandwidth: Number) -> Number:
        """Seconds for one sample on one chip of so many TFLOP/s and GB/s, were every layer to reach its roofline."""
        # the sum over layers of max(arithmetic, traffic x ratio) is made of straight pieces in the ratio
        ratio = np.asarray(rate, float) * 1e12 / (np.asarray(bandwidth, float) * 1e9)
        bends = np.sort(self.arithmetic[self.traffic > 0] / self.traffic[self.traffic > 0])
        ends = np.concatenate([[0.0], bends, [1e6 * max(bends, default=1.0)]])
        heights = np.maximum(self.arithmetic, self.traffic * ends[:, None]).sum(axis=1)
        return np.interp(ratio, ends, heights) / (np.asarray(rate, float) * 1e12)


def pictures(layers: pd.DataFrame, weights: float, batch: float) -> Job:
    """A network for pictures, from its rows in network_layers, with everything kept in sixteen bits."""
    work = roofline.with_weights(layers)
    handed = (work["in_elements"] + work["out_elements"]).to_numpy(float)
    return Job(PASSES * 2 * work["macs"].to_numpy(float), PASSES * HANDED_ON * handed, weights, batch)


def words(weights: float, batch: float) -> Job:
    """A language model, its samples being single tokens (pieces of words): every weight takes part in each.

    Attention and all memory traffic are left out, so the work is a bound.
    """
    return Job(np.array([PASSES * 2 * weights]), np.zeros(1), weights, batch)


@dataclass(frozen=True)
class Machine:
    """So many chips of one kind. Every figure may be an array: then it is as many machines at once."""

    chips: Number
    #: dense arithmetic fit for training, for each chip, in TFLOP/s
    rate: Number
    #: each chip to and from its memory, in GB/s
    bandwidth: Number
    #: each chip to the others, one direction, in GB/s
    link: Number
    #: memory of each chip, in GB
    capacity: Number = np.inf
    #: share of the roofline that is reached
    reached: Number = 1.0
    #: fixed time of a step, in seconds
    start: Number = 0.0
    #: power of one chip, and what there is for all of them, in watts; chips that find none stay dark
    watts: Number = 0.0
    budget: Number = np.inf

    def __post_init__(self) -> None:
        rules = {
            "chips": (lambda x: x >= 1, "one or more"),
            **dict.fromkeys(("rate", "bandwidth", "capacity", "budget"), (lambda x: x > 0, "more than zero")),
            **dict.fromkeys(("link", "start", "watts"), (lambda x: x >= 0, "zero or more")),
            "reached": (lambda x: (x > 0) & (x <= 1), "more than zero, at most one"),
        }
        for name, (holds, expected) in rules.items():
            if not np.all(holds(np.asarray(getattr(self, name), float))):
                raise ValueError(f"{name} of a machine: {getattr(self, name)!r}; expected {expected}")


#: what can bind a step, as figures name it
LIMITS = ("arithmetic", "memory", "links", "fixed time", "power", "capacity")


@dataclass(frozen=True)
class Step:
    """The parts of one step, in seconds, and how many chips take part."""

    arithmetic: np.ndarray
    memory: np.ndarray
    links: np.ndarray
    start: np.ndarray
    #: the whole step; infinite where the network does not fit the machine
    seconds: np.ndarray
    used: np.ndarray
    #: whether chips stay dark that would help
    dark: np.ndarray

    @property
    def limit(self) -> np.ndarray:
        """What binds, as a place in LIMITS: capacity where the network does not fit, power where chips stay dark,
        else the longest part."""
        parts = np.stack(np.broadcast_arrays(self.arithmetic, self.memory, self.links, self.start))
        found = np.where(self.dark, LIMITS.index("power"), parts.argmax(axis=0))
        return np.where(np.isfinite(self.seconds), found, LIMITS.index("capacity"))


def parts(one: Step) -> tuple[pd.DataFrame, str]:
    """A single step as a table, in milliseconds, and the name of what binds."""
    values = [one.arithmetic, one.memory, one.links, one.start, one.seconds]
    rows = pd.DataFrame({"milliseconds": [1e3 * float(value) for value in values]}, [*LIMITS[:4], "whole step"])
    return rows.rename_axis("part").round(2), LIMITS[int(one.limit)].capitalize()


def state() -> float:
    """Bytes that training keeps for each weight, by the common recipe in requirements."""
    return float(tables.value("requirements", "state-per-weight", "number_training"))


def step(job: Job, machine: Machine) -> Step:
    """One step of a job on a machine, with as many of its chips as are best.

    With nothing overlapping, time is a + b / n in the number of chips n, so either all that can take part
    are best or the fewest that hold the network. No chip takes part without a sample; a share need not be whole.
    """
    m = machine
    fewest = np.maximum(np.ceil(job.weights * state() / (np.asarray(m.capacity, float) * 1e9)), 1)
    most = np.minimum(powered(m), np.floor(job.batch))
    sent = job.weights * GRADIENT * np.where(fewest > 1, SHARED_OUT, 1.0)
    work = job.work(m.rate, m.bandwidth) / m.reached * job.batch

    def links(chips: Number) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):
            taken = 2 * (chips - 1) / chips * sent / (np.asarray(m.link, float) * 1e9)
        return np.where(chips > 1, taken, 0.0)

    with np.errstate(divide="ignore"):  # no chip at all takes forever
        few, all_ = work / fewest + links(fewest), work / most + links(most)
    used = np.where(few < all_, fewest, most)
    fits = (fewest <= most) & np.isfinite(np.minimum(few, all_))
    used = np.where(fits, used, fewest)
    return Step(
        arithmetic=job.arithmetic.sum() * job.batch / used / (m.rate * 1e12 * m.reached),
        memory=job.traffic.sum() * job.batch / used / (m.bandwidth * 1e9 * m.reached),
        links=links(used),
        start=np.asarray(m.start, float),
        seconds=np.where(fits, np.minimum(few, all_) + m.start, np.inf),
        used=np.where(fits, used, 0),
        dark=(used == most) & (most < np.minimum(m.chips, np.floor(job.batch))),
    )


def powered(machine: Machine) -> np.ndarray:
    """How many of its chips a machine can feed at once."""
    with np.errstate(divide="ignore"):
        fed = np.floor(np.asarray(machine.budget, float) / np.asarray(machine.watts, float))
    return np.minimum(machine.chips, fed)


def speed(job: Job, machine: Machine) -> np.ndarray:
    """Samples a second; 0 where the network does not fit."""
    return job.batch / step(job, machine).seconds


# --- what is known of each chip --------------------------------------------------------------------

#: attributes of chip_specs by the words for them, in the order of the table; the first that a chip has is shown
ATTRIBUTES = {
    "memory, GB": ["memory_capacity"],
    "on the chip, MB": ["on_chip_sram"],
    "to memory, GB/s": ["memory_bandwidth", "memory_feed_bandwidth"],
    "to other chips, GB/s": ["interconnect_bandwidth", "off_tile_bandwidth"],
}
UNKNOWN = "not published"


def known(specs: pd.DataFrame, chips: pd.DataFrame) -> pd.DataFrame:
    """What is on record of each chip: its state, and each figure with how well it is supported.

    Both tables as they are loaded; only rows of `chips` are shown. Rates are dense, in sixteen bits. Where figures
    disagree all are given. Columns: those of ATTRIBUTES and source_ids, by the names of the chips.
    """
    rows = {}
    for chip_id, chip in chips.iterrows():
        own = specs[(specs["chip_id"] == chip_id) & (specs["scope"] != "core")]
        shown = {"16-bit TFLOP/s": own[own["format"].isin(["bf16", "fp16"]) & (own["comparable"] == "yes")]}
        shown |= {words_: own[own["attribute"].isin(names)] for words_, names in ATTRIBUTES.items()}
        ids = tuple(dict.fromkeys(pd.concat(shown.values())["source_ids"].explode()))
        stated = {words_: _stated(figures, words_) for words_, figures in shown.items()}
        rows[chip["name"]] = {"state": chip["status"], **stated, "source_ids": ids}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("chip")


def _stated(rows: pd.DataFrame, heading: str) -> str:
    """Figures with their standing, from the lowest to the highest where several are given."""
    if rows.empty:
        return UNKNOWN
    smaller = rows["unit"].eq("GB") & heading.endswith("MB")
    values = sorted(set(rows["value"] * smaller.map({True: 1000, False: 1})))
    standing = ", ".join(dict.fromkeys(rows["standing"]))
    return f"{' or '.join(f'{value:,.15g}' for value in values)} ({standing})"


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


def claims(specs: pd.DataFrame, chips: Iterable[str], sources: pd.DataFrame, attributes: Iterable[str]) -> pd.DataFrame:
    """What has been said of chips: about what, the figure, when the source appeared, how well supported.

    Tables as they are loaded; `attributes` are the beginnings of the attributes wanted.
    """
    own = specs[specs["chip_id"].isin(list(chips)) & specs["attribute"].str.startswith(tuple(attributes))]
    about = own["attribute"].map(lambda name: _ABOUT.get(name, name.replace("_", " ")))
    found = pd.DataFrame(
        {
            "chip": own["chip_id"].str.upper(),
            "about": about,
            "figure": own["value"].map("{:g}".format) + " " + own["unit"].replace("x", "times"),
            "as the source has it": own["condition"],
            "source of": own["source_ids"].str[0].map(sources["published"]).replace("", "undated"),
            "standing": own["standing"],
            "source_ids": own["source_ids"],
        }
    )
    return found.sort_values(["chip", "about", "source of"]).set_index("chip")


#: formats of eight bits and of more, in which rates are compared
EIGHT, MORE = ("int8", "fp8", "cfp8"), ("bf16", "fp16", "fp32")


def fitness(specs: pd.DataFrame, chips: Iterable[str]) -> pd.DataFrame:
    """Raw rate of each chip and the share of it that is fit for training.

    Raw: the highest dense rate in a format of eight or more bits. Fit for training: the highest in a format of
    sixteen or more. That is a reading of data sheets, and a low one: with wide sums and a finer copy of the
    weights eight bits train too. Columns raw, fit (both in 10^12 operations a second), share, raw_id, fit_id,
    source_ids. Chips without a dense rate of both kinds are left out.
    """
    dense = specs[(specs["sparsity"] == "dense") & specs["attribute"].isin(["peak_rate", "gpu_rate"])]
    rows = {}
    for chip_id in chips:
        own = dense[dense["chip_id"] == chip_id]
        raw, fit = (own[own["format"].isin(forms)]["value"] for forms in ((*EIGHT, *MORE), MORE))
        if raw.empty or fit.empty:
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
    share = specs["basis"].map({"one direction": 1.0, "both directions": 0.5})
    words_ = specs["chip_id"].map(names)
    found = specs[["chip_id", "source_ids"]].assign(words=words_, rate=specs["value"] * share).dropna()
    places = {"interconnect_bandwidth": "Chip to chip", "network_bandwidth": "Between servers"}
    rows = [found[specs["attribute"].loc[found.index] == name].assign(where=where) for name, where in places.items()]
    ordered = [part.sort_values("rate", ascending=False) for part in rows]
    return pd.concat(ordered)[["chip_id", "words", "where", "rate", "source_ids"]]


def built(specs: pd.DataFrame, chip_id: str, chips: float, link: float, reached: float, start: float) -> Machine:
    """So many chips of a known kind: arithmetic in bfloat16, memory and its link from the data sheet.

    Raises MissingFigure where chip_specs has no single figure.
    """
    on = roofline.chip(chip_id, "bf16")
    capacity = specs.query("chip_id == @chip_id and attribute == 'memory_capacity'")["value"]
    return Machine(chips, on.rate, on.bandwidth, link, float(capacity.iloc[0]), reached, start)


# --- the unknown chip ------------------------------------------------------------------------------


#: rates on record of AI4, and whether each is of one chip or of the car's computer
_AI4 = {
    "hw4-ai4-int8-dense": "chip",
    "hw4-ai4-reported-rate-scope-unknown": "chip",
    "hw4-ai4-reported-rate-low": "computer",
    "hw4-ai4-reported-rate-high": "computer",
}
_AI5 = ("ai5-reported-rate-low", "ai5-reported-rate-high")
#: what AI5 was said to be, in times AI4, where that may be arithmetic
_AI5_OVER_AI4 = ("ai5-compute-ratio-to-ai4", "ai5-ratio-to-ai4-2024-06")


def _ai4(value: pd.Series) -> dict[str, float]:
    """Rates of one AI4, by row; a car's computer holds two, as HW3's did."""
    return {row_id: value[row_id] / (value["hw3-fsd-chips"] if of == "computer" else 1) for row_id, of in _AI4.items()}


def unplaced(specs: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """The lowest and the highest raw rate on record of AI4 and AI5, in 10^12 operations a second, for one chip."""
    found = {"AI5": [specs["value"][row_id] for row_id in _AI5], "AI4": [*_ai4(specs["value"]).values()]}
    return {words_: (float(min(rates)), float(max(rates))) for words_, rates in found.items()}


def rates_said(specs: pd.DataFrame) -> pd.DataFrame:
    """Every way from what is on record to a raw rate of AI6, in 10^12 operations a second.

    AI6 is said to be twice AI5. AI5 has reported rates, and ratios to AI4; AI4 has rates of its own. None of the
    reported ones states whether zeros are counted, so half is possible too. Columns ai5, dense, halved (NaN for a
    rate that is worked out from multipliers), rests_on, source_ids.
    """
    value = specs["value"]
    ways = {(row_id,): value[row_id] for row_id in _AI5}
    ways |= {(row_id, ratio): rate * value[ratio] for row_id, rate in _ai4(value).items() for ratio in _AI5_OVER_AI4}
    twice = value["ai6-ratio-to-ai5"]
    rows = [
        {
            "ai5": ai5,
            "dense": twice * ai5,
            "halved": np.nan if specs["standing"][names[0]] == "derived" else twice * ai5 / 2,
            "rests_on": names,
            "source_ids": tuple(dict.fromkeys(s for name in names for s in specs["source_ids"][name])),
        }
        for names, ai5 in ways.items()
    ]
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class Unknown:
    """A figure of AI6 that nobody has published, and the range in which it is tried."""

    words: str
    unit: str
    low: float
    high: float
    #: what stands at the two ends
    ends: str


def unknowns(specs: pd.DataFrame, reached: tuple[float, float]) -> dict[str, Unknown]:
    """The figures a board of AI6 would depend on, each with the widest range that the record gives a reason for.

    `specs` as chip_specs is loaded; `reached` the lowest and the highest share of the roofline that measured
    training reached. The ranges are this suite's and no forecast.
    """
    value = specs["value"]
    said = rates_said(specs)[["dense", "halved"]]
    twice = value["ai6-ratio-to-ai5"]
    least = fitness(specs, ["hw3-fsd"])["share"].iloc[0]
    return {
        "raw": Unknown("raw rate", "TOP/s", said.min().min(), said.max().max(), "lowest; highest way"),
        "share": Unknown("share fit for training", "", float(least), 1.0, "HW3; D1, TPU v4"),
        "bandwidth": Unknown(
            "link to memory", "GB/s", value["ai5-memory-bandwidth"], twice * value["ai5-memory-bandwidth"], "AI5; twice"
        ),
        "link": Unknown(
            "links to other chips",
            "GB/s",
            value["dojo-dip-pcie-bandwidth"],
            value["b200-interconnect-bandwidth"] / 2,
            "PCIe; B200",
        ),
        "reached": Unknown("share of the roofline reached", "", *reached, "worst; best measured"),
    }  # fmt: skip


def machine(chosen: Mapping[str, Number], chips: Number, start: float) -> Machine:
    """The board with these figures of the chip, by the names in `unknowns`."""
    return Machine(
        chips=chips,
        rate=chosen["raw"] * np.asarray(chosen["share"]),
        bandwidth=chosen["bandwidth"],
        link=chosen["link"],
        capacity=chosen.get("capacity", np.inf),
        reached=chosen["reached"],
        start=start,
    )


def draws(unknown: Mapping[str, Unknown], number: int, seed: int = 0) -> dict[str, np.ndarray]:
    """So many chips at random, every figure by itself, even on a logarithmic scale over its range."""
    rng = np.random.default_rng(seed)
    return {name: np.exp(rng.uniform(np.log(u.low), np.log(u.high), number)) for name, u in unknown.items()}


def middle(unknown: Mapping[str, Unknown]) -> dict[str, float]:
    """The middle of each range on a logarithmic scale. A place to turn one figure from, no estimate."""
    return {name: float(np.sqrt(u.low * u.high)) for name, u in unknown.items()}


def swings(
    unknown: Mapping[str, Unknown], job: Job, chips: float, start: float, number: int = 20_000, seed: int = 0
) -> pd.DataFrame:
    """How many times as fast the board is with each figure at the high end of its range as at the low end.

    Columns: words, ends; swing, the others in the middle; least and most, the others anywhere in their ranges (the
    middle nine tenths of `number` draws). Largest swing first.
    """

    def times(name: str, others: Mapping[str, Number]) -> np.ndarray:
        low, high = (
            speed(job, machine({**others, name: end}, chips, start)) for end in (unknown[name].low, unknown[name].high)
        )
        return high / low

    drawn, mid = draws(unknown, number, seed), middle(unknown)
    rows = {}
    for name, u in unknown.items():
        least, most = np.quantile(times(name, drawn), [0.05, 0.95])
        rows[name] = (u.words, u.ends, float(times(name, mid)), float(least), float(most))
    found = pd.DataFrame.from_dict(rows, orient="index", columns=["words", "ends", "swing", "least", "most"])
    return found.sort_values("swing", ascending=False)


def binding(
    unknown: Mapping[str, Unknown], jobs: Mapping[str, Job], sizes: Iterable[int], start: float, number: int = 20_000
) -> pd.DataFrame:
    """In what share of the draws each limit binds, for each job and number of chips. Restates the ranges."""
    drawn = draws(unknown, number)
    rows = {}
    for words_, job in jobs.items():
        for chips in sizes:
            places = step(job, machine(drawn, float(chips), start)).limit
            rows[words_, chips] = np.bincount(places.ravel(), minlength=len(LIMITS)) / places.size
    found = pd.DataFrame.from_dict(rows, orient="index", columns=[*LIMITS])
    return found.set_index(pd.MultiIndex.from_tuples(rows, names=["job", "chips"]))
