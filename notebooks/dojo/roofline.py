"""How long a network takes on a chip: a bound from its data sheet, and an estimate with two fitted numbers.

The roofline model: a layer takes at least as long as its arithmetic at the chip's peak rate, and at
least as long as its data take to pass between the chip and its memory. Whichever is longer counts. What
fits on the chip stays there and does not travel. The sum over all layers is a bound for a chip that works
layer by layer, holds what goes into a layer together with what comes out, cuts all layers of a batch alike
and fetches nothing ahead; a chip that does better than that may beat it. Its own memory is as large as
chip_specs says. Where that has none, none is counted; registers and first-level caches never are.

Real chips stay below. `Fit` says by how much, with two numbers for all chips alike: the share of the
roofline that is reached, and a fixed time for each layer, whatever its cause: starting it, filling the
chip, copying. They are fitted to published MLPerf results; `calibrated` says how far off the model is for
a chip that took no part in the fit. Every part among them but one is Nvidia's and none is Tesla's, so for
Tesla's chips the bound alone is of use.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dojo import tables

#: how many images lie there when nobody waits; a chip takes them in parts as it likes
MANY = 2048


@dataclass(frozen=True)
class Chip:
    """What limits a chip, by its data sheet."""

    #: dense arithmetic in one format, in 10^12 operations a second (a multiplication and an addition are two)
    rate: float
    #: to and from its memory, in GB/s
    bandwidth: float
    #: memory on the chip, caches counted, in MB; 0 where none is known
    on_chip: float = 0.0
    #: bytes of one number in that format
    width: float = 1.0

    def __post_init__(self) -> None:
        for name, least_ in (("rate", 1e-12), ("bandwidth", 1e-12), ("on_chip", 0.0), ("width", 1e-12)):
            if not getattr(self, name) >= least_:
                expected = "zero or more" if name == "on_chip" else "more than zero"
                raise ValueError(f"{name} of a chip: {getattr(self, name)!r}; expected {expected}")


class MissingFigure(KeyError):
    """A chip lacks a figure that the roofline needs; the message names both."""


def chip(chip_id: str, form: str = "int8", alone: bool = False) -> Chip:
    """The limits of a chip in a number format, from chip_specs: dense rates only.

    `alone` takes the rate of the graphics unit by itself where the data sheet gives one: parts with
    further engines use those in bulk only. Raises KeyError for an unknown chip
    or format, and MissingFigure where chip_specs has no single figure.
    """
    return _chip(_width(form), *_figures(tables.load("chip_specs"), chip_id, form, alone))


def _width(form: str) -> float:
    """Bytes of one number in a format."""
    return float(tables.value("number_formats", form, "bits")) / 8


def _chip(width: float, rate: pd.DataFrame, bandwidth: pd.DataFrame, on_chip: pd.DataFrame) -> Chip:
    return Chip(rate["value"].iloc[0].item(), bandwidth["value"].iloc[0].item(), on_chip["value"].sum().item(), width)


def _figures(
    specs: pd.DataFrame, chip_id: str, form: str, alone: bool = False
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """The rows of chip_specs for a chip's dense rate, its bandwidth (one each) and its own memory (any number)."""
    own = specs[(specs["chip_id"] == chip_id) & specs["scope"].isin(["chip", "board"])]
    if own.empty:
        raise KeyError(f"chip_specs has no chip {chip_id!r}")
    is_a, dense = own["attribute"].eq, (own["format"] == form) & (own["sparsity"] == "dense")
    rate = own[is_a("peak_rate") & dense & (own["comparable"] == "yes")]
    if alone and len(part := own[is_a("peak_rate_gpu") & dense]):
        rate = part
    bandwidth, on_chip = own[is_a("memory_bandwidth")], own[is_a("on_chip_sram")]
    wanted = {f"dense peak rate in {form}": rate, "memory bandwidth": bandwidth}
    if missing := [name for name, found in wanted.items() if len(found) != 1]:
        raise MissingFigure(f"chip_specs gives no single {' and no single '.join(missing)} for {chip_id!r}")
    for found, units in ((rate, ["TOP/s", "TFLOP/s"]), (bandwidth, ["GB/s"]), (on_chip, ["MB"])):
        for row_id, unit in found["unit"].items():
            if unit not in units:
                raise KeyError(f"chip_specs gives {row_id} in {unit}; expected {' or '.join(units)}")
    return rate, bandwidth, on_chip


@dataclass(frozen=True)
class Fit:
    """How far real chips stay below the roofline: two numbers for all of them."""

    #: share of the roofline that is reached
    utilisation: float
    #: time to start one layer, in seconds
    start: float


#: nothing lost: with this, `seconds` is the bound
BOUND = Fit(1.0, 0.0)


def least(layers: pd.DataFrame, on: Chip, batch: int, stays: bool | None = None) -> float:
    """The least time in seconds for one batch handled as a whole, were every layer to reach the roofline.

    `layers` are the rows of one network in network_layers. Layers without weights are done along with the
    one before, which then hands on what they leave. `stays`: None, what fits on the chip stays there, of
    the rest what is too much travels; True, all that layers hand on stays; False, everything travels.
    Weights have the room that is left beside the largest of what is handed on; those that find none travel
    once for a batch. Raises ValueError where no layer has weights.
    """
    return _least(_work(layers), on, batch, stays)


#: of each layer with weights: multiplications with additions, numbers handed on, and weights that must be fetched
Work = tuple[np.ndarray, np.ndarray, np.ndarray]


def _work(layers: pd.DataFrame) -> Work:
    work = with_weights(layers)
    if work.empty:
        raise ValueError("layers: none with weights; expected the rows of one network in network_layers")
    handed = (work["in_elements"] + work["out_elements"]).to_numpy(float)
    weights = np.where(work["weights_shared"] == "yes", 0.0, work["weights"].to_numpy(float))
    return work["macs"].to_numpy(float), handed, weights


def _least(work: Work, on: Chip, batch: int, stays: bool | None) -> float:
    macs, handed, weights = work
    handed, weights = handed * batch * on.width, weights * on.width
    room = on.on_chip * 1e6
    travels = {None: np.maximum(handed - room, 0.0), True: 0.0 * handed, False: handed}[stays]
    left = 0.0 if stays is False else room if stays else max(room - handed.max(), 0.0)
    arithmetic = 2 * macs * batch / (on.rate * 1e12)
    bandwidth = on.bandwidth * 1e9
    kept_all = np.maximum(arithmetic, travels / bandwidth).sum()
    kept_none = np.maximum(arithmetic, (travels + weights) / bandwidth).sum()
    # which weights stay is open, but what stays saves no more than its own way
    return float(max(kept_all, kept_none - min(left, weights.sum()) / bandwidth))


def with_weights(layers: pd.DataFrame) -> pd.DataFrame:
    """The layers with weights, each handing on what is left after the layers without that follow it."""
    group = (layers["macs"] > 0).cumsum()
    left = layers.groupby(group)["out_elements"].last()
    work = layers[layers["macs"] > 0]
    return work.assign(out_elements=left[left.index > 0].to_numpy())


def steps(layers: pd.DataFrame) -> int:
    """How many layers have to be started one after another."""
    return int((layers["macs"] > 0).sum())


def parts_of(batch: int) -> tuple[int, ...]:
    """The sizes into which a batch may be cut to be handled one part after another.

    Raises ValueError for a batch that is no whole number of one or more.
    """
    if batch < 1 or batch != int(batch):
        raise ValueError(f"batch: {batch!r}; expected a whole number of one or more")
    return tuple(size for size in range(1, batch + 1) if batch % size == 0)


def seconds(layers: pd.DataFrame, on: Chip, batch: int, fit: Fit = BOUND, stays: bool | None = None) -> float:
    """Time for one batch in seconds, cut as is best: with BOUND at least this, with a fitted `fit` about this.

    Raises ValueError for a batch that is no whole number of one or more, or where no layer has weights.
    """
    return _best(batch, _times(_work(layers), on, batch, stays), steps(layers), fit)


def _times(work: Work, on: Chip, batch: int, stays: bool | None) -> dict[int, float]:
    """The least time for each size into which a batch may be cut."""
    return {size: _least(work, on, size, stays) for size in parts_of(batch)}


def _best(batch: int, times: Mapping[int, float], layers: int, fit: Fit) -> float:
    """The shortest time for a batch, cut into parts of one of the sizes whose least `times` are known."""
    return min(batch / size * (time / fit.utilisation + fit.start * layers) for size, time in times.items())


def bulk(layers: pd.DataFrame, on: Chip, fit: Fit = BOUND, stays: bool | None = None) -> float:
    """Images a second when nobody waits, in batches of any size. With BOUND at most this."""
    return MANY / seconds(layers, on, MANY, fit, stays)


# --- fitted to published measurements ----------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """One measured result beside the roofline of its chip."""

    chip_id: str
    network: str
    #: "one", "eight" or "bulk"
    scenario: str
    #: images in a query; in bulk MANY
    batch: int
    #: measured time for so many images, in seconds
    measured: float
    #: for each size into which they may be cut, the least time in seconds
    least: Mapping[int, float]
    #: layers to start
    steps: int

    def predicted(self, fit: Fit) -> float:
        """The time that the model gives for the batch, in seconds."""
        return _best(self.batch, self.least, self.steps, fit)

    def factor(self, fit: Fit) -> float:
        """How many times as long as predicted it took: above one, the model is too fast."""
        return self.measured / self.predicted(fit)


def cases(parts: pd.DataFrame, layers: pd.DataFrame, networks: Iterable[str], stays: bool | None = None) -> list[Case]:
    """Measured results beside their rooflines, for the parts and networks whose layers are known.

    `parts` as from `mlperf.parts`, `layers` as network_layers is loaded. All are of int8, the format in
    which these parts ran them.
    """
    found = []
    for network in networks:
        own = layers[layers["network"] == network]
        work = _work(own)
        for chip_id, row in parts.loc[network].iterrows():
            wanted = {"one": (1, row["one_ms"] / 1e3), "eight": (8, row["eight_ms"] / 1e3)}
            wanted["bulk"] = (MANY, MANY / row["bulk"])
            for scenario, (batch, measured) in wanted.items():
                if np.isfinite(measured):
                    on = chip(str(chip_id), alone=scenario != "bulk")
                    times = _times(work, on, batch, stays)
                    found.append(Case(str(chip_id), network, scenario, batch, measured, times, steps(own)))
    return found


def fitted(known: Iterable[Case]) -> Fit:
    """The two numbers that come closest to these cases, bulk and one image at a time weighing the same.

    Closest: the mean squared logarithm of the factor between measured and predicted time, of each of the two.
    """
    from scipy.optimize import minimize

    known = list(known)
    if missing := {"bulk", "one"} - {case.scenario for case in known}:
        raise ValueError(f"cases: none of {' and none of '.join(sorted(missing))}; both are needed for two numbers")
    groups = [[case for case in known if case.scenario == scenario] for scenario in ("bulk", "one")]

    def loss(logs: np.ndarray) -> float:
        tried = Fit(*np.exp(logs))
        return sum(float(np.mean([np.log(case.factor(tried)) ** 2 for case in group])) for group in groups)

    start = np.log([0.5, 5e-6])
    best = minimize(loss, start, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 2000})
    return Fit(*(float(value) for value in np.exp(best.x)))


#: chips cut from one design (GA100: svethardware-a100-pcie, sysrqmts-a30; the others from general knowledge)
SILICON = {
    **dict.fromkeys(("a100-pcie-80", "a100-sxm-80", "a30"), "GA100"),
    **dict.fromkeys(("h100-pcie", "h100-sxm", "h200-sxm"), "GH100"),
    **dict.fromkeys(("agx-orin", "orin-nx-16"), "Orin"),
}


def silicon(chip_id: str) -> str:
    """The design a chip is cut from: those of one design are no strangers to one another."""
    return SILICON.get(chip_id, chip_id)


def calibrated(known: Iterable[Case], network: str = "resnet50") -> pd.DataFrame:
    """How far the model is off for each case, when neither its chip nor another of its design took part in the fit.

    The fit uses cases of `network` alone, so for any other network all is prediction. Columns: network,
    chip_id, scenario, images, measured_ms, bound_ms and predicted_ms for so many images, factor (measured over
    predicted), off (the same, always above one).
    """
    known = list(known)
    fits = {
        name: fitted(case for case in known if case.network == network and silicon(case.chip_id) != name)
        for name in {silicon(case.chip_id) for case in known}
    }
    rows = [
        {
            "network": case.network,
            "chip_id": case.chip_id,
            "scenario": case.scenario,
            "images": case.batch,
            "measured_ms": 1e3 * case.measured,
            "bound_ms": 1e3 * case.predicted(BOUND),
            "predicted_ms": 1e3 * case.predicted(fits[silicon(case.chip_id)]),
            "factor": case.factor(fits[silicon(case.chip_id)]),
        }
        for case in known
    ]
    found = pd.DataFrame(rows)
    return found.assign(off=np.maximum(found["factor"], 1 / found["factor"]))


def worst(table: pd.DataFrame) -> pd.DataFrame:
    """Median and worst error for each network and scenario of `calibrated`, and where the worst is."""
    grouped = table.groupby(["network", "scenario"], sort=False)
    at = table.loc[grouped["off"].idxmax()].set_index(["network", "scenario"])["chip_id"]
    return grouped["off"].agg(median="median", worst="max", results="size").assign(worst_chip=at)


def bounds(layers: pd.DataFrame, chips: Iterable[str], form: str = "int8", batch: int = 1) -> pd.DataFrame:
    """What each chip can do at most with one network, for a batch, when what fits stays and when nothing does.

    Columns, by chip_id: at_least_ms, at_most_a_second (images), the same if_nothing_stays, and source_ids. Chips
    without a dense rate in the format, or without a memory bandwidth, are left out: see `chip`.
    """
    specs, width, work, layered = tables.load("chip_specs"), _width(form), _work(layers), steps(layers)
    rows = {}
    for chip_id in chips:
        try:
            figures = _figures(specs, chip_id, form)
        except MissingFigure:
            continue
        on = _chip(width, *figures)
        stays, travels = (_best(batch, _times(work, on, batch, kept), layered, BOUND) for kept in (None, False))
        sources = tuple(dict.fromkeys(pd.concat(figures)["source_ids"].explode()))
        rows[chip_id] = (1e3 * stays, batch / stays, batch / travels, sources)
    columns = ["at_least_ms", "at_most_a_second", "if_nothing_stays", "source_ids"]
    found = pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("chip")
    return found.round({"at_least_ms": 3, "at_most_a_second": 0, "if_nothing_stays": 0})
