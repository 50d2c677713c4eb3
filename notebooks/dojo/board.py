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
#: two ways to hold a network: bytes of each weight that every chip keeps, and how much is sent for it
WAYS = ((WIDTH, 1.0), (0, 1.5))

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

    def __post_init__(self) -> None:
        for name, least in (("arithmetic", 0.0), ("traffic", 0.0), ("weights", 0.0), ("batch", 1.0)):
            if not np.all(np.asarray(getattr(self, name), float) >= least):
                raise ValueError(f"{name} of a job: {getattr(self, name)!r}; expected {least:.0f} or more")

    def work(self, rate: Number, bandwidth: Number) -> Number:
        """Seconds for one sample on one chip of so many TFLOP/s and GB/s, were every layer to reach its roofline."""
        operations, data = np.asarray(rate, float) * 1e12, np.asarray(bandwidth, float) * 1e9
        layers = zip(self.arithmetic, self.traffic, strict=True)
        return sum(np.maximum(count / operations, size / data) for count, size in layers)


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
            fed = np.asarray(self.budget, float) / np.asarray(self.watts, float)
        return np.minimum(self.chips, np.floor(fed + SLACK))


#: what a count of chips may be short of a whole one by rounding
SLACK = 1e-9

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
    #: infinite where the machine cannot do it at all
    seconds: np.ndarray
    used: np.ndarray
    #: whether more power would make it faster
    dark: np.ndarray
    #: whether there are enough chips to hold the network
    held: np.ndarray

    @property
    def limit(self) -> np.ndarray:
        """What binds, as a place in LIMITS."""
        parts = np.stack(np.broadcast_arrays(self.arithmetic, self.memory, self.links, self.start))
        apart = np.where(self.held, LIMITS.index("links"), LIMITS.index("capacity"))
        found = np.where(np.isfinite(self.seconds), parts.argmax(axis=0), apart)
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
        chips = (state() - kept) * job.weights / 1e9 / np.maximum(room, 0.0)
    return np.maximum(np.ceil(chips - SLACK), 1.0)


def _best(job: Job, machine: Machine, alone: Number, most: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The shortest work and exchange of a step in seconds, on how many of at most so many chips, and the exchange.

    `alone` is the work of the whole batch on one chip. With nothing overlapping, time is a + b / n in the number
    of chips n, so either all that may take part are best or the fewest that hold the network.
    """
    times, counts, exchanges = [], [], []
    for kept, sent in WAYS:
        fewest = _fewest(job, machine, kept)
        for chips in (fewest, np.maximum(most, 1.0)):
            links = exchange(chips, job.weights * sent, machine.link)
            times.append(np.where(fewest <= most, alone / chips + links, np.inf))
            counts.append(chips)
            exchanges.append(links)
    every = np.broadcast_arrays(*times, *counts, *exchanges)
    tried = [np.stack(every[part : part + len(times)]) for part in range(0, len(every), len(times))]
    best = np.expand_dims(tried[0].argmin(axis=0), 0)
    seconds, used, links = (np.take_along_axis(rows, best, 0)[0] for rows in tried)
    return seconds, used, links


def step(job: Job, machine: Machine) -> Step:
    """One step of a job on a machine, with as many of its chips as are best.

    No chip takes part without a sample; a share of the samples need not be whole.
    """
    m = machine
    alone = job.work(m.rate, m.bandwidth) / m.reached * job.batch
    most, wanted = (np.minimum(chips, np.floor(job.batch)) for chips in (m.fed, m.chips))
    seconds, used, links = _best(job, m, alone, most)
    done = np.where(np.isfinite(seconds), used, np.nan)
    return Step(
        arithmetic=job.arithmetic.sum() * job.batch / done / (m.rate * 1e12 * m.reached),
        memory=job.traffic.sum() * job.batch / done / (m.bandwidth * 1e9 * m.reached),
        work=alone / done,
        links=np.where(np.isfinite(seconds), links, np.nan),
        start=np.asarray(m.start, float),
        seconds=seconds + m.start,
        used=np.nan_to_num(done),
        dark=_best(job, m, alone, wanted)[0] < seconds,
        held=np.minimum(*(_fewest(job, m, kept) for kept, _ in WAYS)) <= wanted,
    )


def speed(job: Job, machine: Machine) -> np.ndarray:
    """Samples a second; 0 where the machine cannot do it at all."""
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
    return table.rename_axis("part"), LIMITS[int(one.limit)]


def built(chip_id: str, chips: float, link: float, reached: float, start: float) -> Machine:
    """So many chips of a known kind: arithmetic in bfloat16, memory and its link from the data sheet.

    Raises MissingFigure where chip_specs has no single figure.
    """
    on = roofline.chip(chip_id, "bf16")
    capacity = tables.load("chip_specs").query("chip_id == @chip_id and attribute == 'memory_capacity'")["value"]
    if len(capacity) != 1:
        raise roofline.MissingFigure(f"chip_specs gives no single memory capacity for {chip_id!r}")
    return Machine(chips, on.rate, on.bandwidth, link, float(capacity.item()), reached, start)


# --- the unknown chip ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Unknown:
    """A figure of AI6 that nobody has published, and the range in which it is tried."""

    words: str
    low: float
    high: float
    #: the range in words
    ends: str
    #: what the ends rest on
    source_ids: tuple[str, ...] = ()


def unknowns(specs: pd.DataFrame, reached: tuple[float, float], least_like: str = "hw3-fsd") -> dict[str, Unknown]:
    """The figures a board of AI6 would depend on, each with a range that the record gives a reason for.

    Raw rate: what was said of AI4, AI5 and AI6. Share fit for training: from that of the chip `least_like`
    to all. Link to memory: one AI5, or two. Links to other chips: Dojo's card in a server to B200. `reached` are
    the lowest and the highest share of the roofline in measured training. The ranges are no forecast.
    """
    rates, least = sheets.rates_said(specs), sheets.fitness(specs, [least_like]).iloc[0]
    slow, fast = rates[["as_said", "halved"]].min().min(), rates[["as_said", "halved"]].max().max()
    rests = {
        "bandwidth": ["ai5-memory-bandwidth", "ai6-ratio-to-ai5"],
        "link": ["dojo-dip-pcie-bandwidth", "b200-interconnect-bandwidth"],
    }
    memory, twice, card, both_ways = (specs["value"][row_id] for ids in rests.values() for row_id in ids)
    sources = {name: tuple(specs["source_ids"][ids].explode().unique()) for name, ids in rests.items()}
    sources |= {"raw": tuple(rates["source_ids"].explode().unique()), "share": least["source_ids"], "reached": ()}
    ends = {
        "raw": ("raw rate", slow, fast, f"{slow:,.0f} to {fast:,.0f}"),
        "share": ("share fit for training", least["share"], 1.0, f"{100 * least['share']:.2g}% to 100%"),
        "bandwidth": ("link to memory", memory, twice * memory, f"{memory:,.0f} to {twice * memory:,.0f} GB/s"),
        "link": ("links to other chips", card, both_ways / 2, f"{card:,.0f} to {both_ways / 2:,.0f} GB/s"),
        "reached": ("roofline reached", *reached, f"{reached[0]:.0%} to {reached[1]:.0%}"),
    }
    return {name: Unknown(*figures, sources[name]) for name, figures in ends.items()}


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

    Columns: words, ends; swing, the others in the middle; least and most over `number` draws of the others;
    source_ids. By the names in `unknown`, largest swing first.
    """

    def times(name: str, others: Mapping[str, Number]) -> np.ndarray:
        at = [{**others, name: end} for end in (unknown[name].low, unknown[name].high)]
        low, high = (speed(job, machine(chosen, chips, start)) for chosen in at)
        return high / low

    drawn, mid = draws(unknown, number, seed), middle(unknown)
    rows = {}
    for name, u in unknown.items():
        spread = times(name, drawn)
        rows[name] = (u.words, u.ends, float(times(name, mid)), float(spread.min()), float(spread.max()), u.source_ids)
    columns = ["words", "ends", "swing", "least", "most", "source_ids"]
    found = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
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
