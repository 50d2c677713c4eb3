"""Many chips on one board as one machine for training: what binds, and which unknown decides.

Every chip holds the whole network and learns from its share of the samples. Then all add up what they
found, the gradients, and update their weights alike. One such step takes the work of a chip on its share,
which is the longer of arithmetic and memory, layer by layer (the roofline of `dojo.roofline`, three times:
forward once, back twice); then the exchange of gradients in a ring, for which each chip sends 2 (n - 1) / n
of them (Patarasuk and Yuan, J. Parallel Distrib. Comput. 69, 2009); and a fixed time. Nothing overlaps, so
a machine that hides the exchange behind the work is faster. Chips share out what training keeps for each
weight where one cannot hold it, the weights themselves last, which costs half as much exchange again
(Rajbhandari et al., arXiv 1910.02054). A machine leaves chips idle when it is faster without them.

Left out: networks cut into parts that work side by side, what the way forward leaves for the way back (one
sample's worth is enough), fetching weights, the update itself. `dojo.scaling` says how far off the model is
for machines that were measured; sharing out and power took no part in that test.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from dojo import roofline, sheets, tables

#: bytes of a weight, of its gradient as it is sent, and of a number that layers hand on, all in sixteen bits
WIDTH = 2
#: forward once, back twice
PASSES = 3
#: how much is sent where each chip keeps all weights, and where they are shared out too
SENT = {"weights kept": 1.0, "weights shared out": 1.5}

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


def pictures(layers: pd.DataFrame, weights: float, batch: float, frozen: tuple[str, ...] = ()) -> Job:
    """A network for pictures, from its rows in network_layers, with everything handed on in sixteen bits.

    Layers whose ids begin with one of `frozen` are used and not taught.
    """
    work = roofline.with_weights(layers)
    passes = np.where(work.index.str.startswith(frozen), 1, PASSES) if frozen else PASSES
    handed = (work["in_elements"] + work["out_elements"]).to_numpy(float)
    return Job(2 * work["macs"].to_numpy(float) * passes, WIDTH * handed * passes, weights, batch)


def language(weights: float, batch: float) -> Job:
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

    @property
    def fed(self) -> np.ndarray:
        """How many of the chips there is power for."""
        with np.errstate(divide="ignore"):
            return np.minimum(self.chips, np.floor(np.asarray(self.budget, float) / np.asarray(self.watts, float)))


#: what can bind a step: the longest of its parts, or a want of power or of memory
LIMITS = ("arithmetic", "memory", "links", "fixed time", "power", "capacity")


@dataclass(frozen=True)
class Step:
    """One step in seconds: its parts, the whole, and how many chips take part."""

    #: arithmetic and memory, each as if there were only that
    arithmetic: np.ndarray
    memory: np.ndarray
    #: the longer of the two, layer by layer
    work: np.ndarray
    links: np.ndarray
    start: np.ndarray
    #: infinite where the network does not fit the machine
    seconds: np.ndarray
    used: np.ndarray
    #: whether there is no power for chips that would help
    dark: np.ndarray

    @property
    def limit(self) -> np.ndarray:
        """What binds, as a place in LIMITS."""
        parts = np.stack(np.broadcast_arrays(self.arithmetic, self.memory, self.links, self.start))
        found = np.where(np.isfinite(self.seconds), parts.argmax(axis=0), LIMITS.index("capacity"))
        return np.where(self.dark, LIMITS.index("power"), found)


def state() -> float:
    """Bytes that training keeps for each weight, by the common recipe in requirements."""
    return float(tables.value("requirements", "state-per-weight", "number_training"))


def exchange(chips: Number, weights: Number, link: Number) -> np.ndarray:
    """Seconds in which so many chips add up the gradients of so many weights, over links of so many GB/s."""
    with np.errstate(divide="ignore", invalid="ignore"):
        sent = 2 * (np.asarray(chips, float) - 1) / chips * weights * WIDTH
        return np.where(np.asarray(chips) > 1, sent / (np.asarray(link, float) * 1e9), 0.0)


def _fewest(job: Job, machine: Machine, kept: float) -> np.ndarray:
    """How many chips hold the network if each keeps so many bytes of every weight and they share out the rest."""
    room = np.asarray(machine.capacity, float) - kept * job.weights / 1e9
    with np.errstate(divide="ignore"):
        chips = np.ceil((state() - kept) * job.weights / 1e9 / np.maximum(room, 0.0))
    return np.maximum(chips, 1.0)


def step(job: Job, machine: Machine) -> Step:
    """One step of a job on a machine, with as many of its chips as are best.

    With nothing overlapping, time is a + b / n in the number of chips n, so either all that can take part
    are best or the fewest that hold the network. No chip takes part without a sample; a share need not be whole.
    """
    m = machine
    most = np.minimum(m.fed, np.floor(job.batch))
    alone = job.work(m.rate, m.bandwidth) / m.reached * job.batch
    held = [_fewest(job, m, kept) for kept in (WIDTH, 0)]
    tried = []
    for fewest, sent in zip(held, SENT.values(), strict=True):
        for chips in (fewest, np.maximum(most, 1.0)):
            links = exchange(chips, job.weights * sent, m.link)
            tried += [np.where(fewest <= most, alone / chips + links, np.inf), chips, links]
    tried = np.broadcast_arrays(*tried)
    times, chips, links = (np.stack(tried[part::3]) for part in range(3))
    best = np.expand_dims(times.argmin(axis=0), 0)
    seconds, used, sending = (np.take_along_axis(rows, best, 0)[0] for rows in (times, chips, links))
    wanted = np.minimum(m.chips, np.floor(job.batch))
    fits = np.isfinite(seconds)
    return Step(
        arithmetic=job.arithmetic.sum() * job.batch / used / (m.rate * 1e12 * m.reached),
        memory=job.traffic.sum() * job.batch / used / (m.bandwidth * 1e9 * m.reached),
        work=alone / used,
        links=sending,
        start=np.asarray(m.start, float),
        seconds=seconds + m.start,
        used=np.where(fits, used, 0),
        dark=(most < wanted) & np.where(fits, used == most, np.minimum(*held) <= wanted),
    )


def speed(job: Job, machine: Machine) -> np.ndarray:
    """Samples a second; 0 where the network does not fit."""
    return job.batch / step(job, machine).seconds


def told(one: Step) -> tuple[pd.DataFrame, str]:
    """A single step as a table in milliseconds, and the name of what binds."""
    rows = {
        "arithmetic by itself": one.arithmetic,
        "memory by itself": one.memory,
        "work: the longer, layer by layer": one.work,
        "exchange over the links": one.links,
        "fixed time": one.start,
        "whole step": one.seconds,
    }
    table = pd.DataFrame({"milliseconds": [round(1e3 * float(value), 2) for value in rows.values()]}, [*rows])
    return table.rename_axis("part"), LIMITS[int(one.limit)].capitalize()


def built(specs: pd.DataFrame, chip_id: str, chips: float, link: float, reached: float, start: float) -> Machine:
    """So many chips of a known kind: arithmetic in bfloat16, memory and its link from the data sheet.

    Raises MissingFigure where chip_specs has no single figure.
    """
    on = roofline.chip(chip_id, "bf16")
    capacity = specs.query("chip_id == @chip_id and attribute == 'memory_capacity'")["value"]
    return Machine(chips, on.rate, on.bandwidth, link, float(capacity.iloc[0]), reached, start)


# --- the unknown chip ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Unknown:
    """A figure of AI6 that nobody has published, and the range in which it is tried."""

    words: str
    low: float
    high: float
    #: the range in words
    ends: str


def unknowns(specs: pd.DataFrame, reached: tuple[float, float], least_like: str = "hw3-fsd") -> dict[str, Unknown]:
    """The figures a board of AI6 would depend on, each with the widest range that the record gives a reason for.

    Raw rate: what was said of AI4, AI5 and AI6. Share fit for training: from that of the chip `least_like`
    to all. Link to memory: one AI5, or two. Links to other chips: Dojo's card in a server to B200. `reached` are
    the lowest and the highest share of the roofline in measured training. The ranges are no forecast.
    """
    value = specs["value"]
    said = sheets.rates_said(specs)[["as_said", "halved"]]
    least = float(sheets.fitness(specs, [least_like])["share"].iloc[0])
    memory = float(value["ai5-memory-bandwidth"])
    ranges = {
        "raw": ("raw rate", said.min().min(), said.max().max(), "{:,.0f} to {:,.0f}"),
        "share": ("share fit for training", least, 1.0, f"{100 * least:.2g}% to 100%"),
        "bandwidth": ("link to memory", memory, value["ai6-ratio-to-ai5"] * memory, "{:,.0f} to {:,.0f} GB/s"),
        "link": (
            "links to other chips",
            value["dojo-dip-pcie-bandwidth"],
            value["b200-interconnect-bandwidth"] / 2,
            "{:,.0f} to {:,.0f} GB/s",
        ),
        "reached": ("roofline reached", *reached, "{:.0%} to {:.0%}"),
    }
    return {
        name: Unknown(words, low, high, ends.format(low, high)) for name, (words, low, high, ends) in ranges.items()
    }


def machine(chosen: Mapping[str, Number], chips: Number, start: float) -> Machine:
    """The board with these figures of the chip, by the names in `unknowns`."""
    fit = chosen["raw"] * np.asarray(chosen["share"])
    return Machine(chips, fit, chosen["bandwidth"], chosen["link"], reached=chosen["reached"], start=start)


def draws(unknown: Mapping[str, Unknown], number: int, seed: int = 0) -> dict[str, np.ndarray]:
    """So many chips at random, every figure by itself, even on a logarithmic scale over its range."""
    rng = np.random.default_rng(seed)
    return {name: np.exp(rng.uniform(np.log(u.low), np.log(u.high), number)) for name, u in unknown.items()}


def middle(unknown: Mapping[str, Unknown]) -> dict[str, float]:
    """The middle of each range on a logarithmic scale. A place to turn one figure from, no estimate."""
    return {name: float(np.sqrt(u.low * u.high)) for name, u in unknown.items()}


def swings(
    unknown: Mapping[str, Unknown], job: Job, chips: float, start: float, number: int = 50_000, seed: int = 0
) -> pd.DataFrame:
    """How many times as fast the board is with each figure at the high end of its range as at the low end.

    Columns: words, ends; swing, the others in the middle; least and most over `number` draws of the others. By
    the names in `unknown`, largest swing first.
    """

    def times(name: str, others: Mapping[str, Number]) -> np.ndarray:
        at = [{**others, name: end} for end in (unknown[name].low, unknown[name].high)]
        low, high = (speed(job, machine(chosen, chips, start)) for chosen in at)
        return high / low

    drawn, mid = draws(unknown, number, seed), middle(unknown)
    rows = {}
    for name, u in unknown.items():
        spread = times(name, drawn)
        rows[name] = (u.words, u.ends, float(times(name, mid)), float(spread.min()), float(spread.max()))
    found = pd.DataFrame.from_dict(rows, orient="index", columns=["words", "ends", "swing", "least", "most"])
    return found.sort_values("swing", ascending=False)


def binding(
    unknown: Mapping[str, Unknown], jobs: Mapping[str, Job], sizes: Iterable[int], start: float, points: int = 400
) -> pd.DataFrame:
    """What binds from one share fit for training to the next, the other figures in the middle of their ranges.

    A row for each stretch: job, chips, low and high (shares), limit.
    """
    shares = np.geomspace(unknown["share"].low, unknown["share"].high, points)
    rows = []
    for words, job in jobs.items():
        for chips in sizes:
            places = step(job, machine(middle(unknown) | {"share": shares}, float(chips), start)).limit
            turns = [0, *(np.flatnonzero(np.diff(places)) + 1), points - 1]
            for first, last in pairwise(turns):
                rows.append((words, chips, shares[first], shares[last], LIMITS[places[first]]))
    return pd.DataFrame(rows, columns=["job", "chips", "low", "high", "limit"])
