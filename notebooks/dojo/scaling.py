"""How far off the model of `dojo.board` is for machines that were measured: published MLPerf training runs.

Time against number of chips: each submitter's smallest machine gives the work of one sample; the larger ones
are predicted from it with one link rate for each kind of chip and one fixed time of a step for all. Work from
data sheets: for the two networks whose layers are known, with one share of the roofline for all chips.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dojo import board, roofline, tables

#: benchmarks in which every chip can hold the whole network, and the network of each
TASKS = {
    "resnet": "resnet50",
    "retinanet": "retinanet",
    "bert": "bert-large",
    "stable-diffusion": "stable-diffusion-2",
}
#: columns of `runs` for the data behind a figure
SHOWN = ["benchmark", "version", "chips", "batch", "samples", "minutes", "predicted", "source_ids"]


def named(benchmark: str) -> str:
    """The network of a benchmark, as figures name it."""
    return tables.value("networks", TASKS[benchmark], "name").split(",")[0].removesuffix(" v1.5")


def runs(results: pd.DataFrame) -> pd.DataFrame:
    """Training runs whose batch and samples are known, one row for each, smallest machine of a family first.

    `results` as measured_results is loaded. A family is one kind of chip, round, submitter and benchmark. Columns:
    family, chip_id, version, benchmark, network, chips, batch, samples, minutes, step_ms, weights, source_ids.
    """
    rows = results.query("metric == 'time_to_train' and benchmark in @TASKS").dropna(subset=["samples"])
    submitter = rows["system"].str.rsplit(" ", n=1).str[0]
    network = rows["benchmark"].map(TASKS)
    found = pd.DataFrame(
        {
            "family": rows["chip_id"] + " " + rows["version"] + " " + submitter + " " + rows["benchmark"],
            **{name: rows[name] for name in ("chip_id", "version", "benchmark")},
            "network": network,
            "chips": rows["accelerators_count"].astype(int),
            "batch": rows["batch"].astype(int),
            "samples": rows["samples"].astype(int),
            "minutes": rows["value"],
            "weights": network.map(tables.load("networks")["parameters"].astype(float)),
            "source_ids": rows["source_ids"],
        }
    )
    found["step_ms"] = found["minutes"] * 60e3 * found["batch"] / found["samples"]
    return found.sort_values(["family", "chips"])


@dataclass(frozen=True)
class Fit:
    """What the runs say of the links: a fixed time of a step in seconds, and by chip_id GB/s to the others."""

    start: float
    link: Mapping[str, float]


#: machines that lose nothing to exchange and to a fixed time, to compare a fit with
PERFECT = Fit(0.0, defaultdict(lambda: np.inf))


def _families(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of families with machines of several sizes, each with the smallest one beside it.

    A machine counts as larger from twice the size on; those in between are left out.
    """
    first = rows.groupby("family")[["chips", "batch", "step_ms"]].transform("first").add_prefix("first_")
    both = rows.join(first)
    both = both[(both["chips"] == both["first_chips"]) | (both["chips"] >= 2 * both["first_chips"])]
    return both[both.groupby("family")["chips"].transform("nunique") > 1]


def predicted(rows: pd.DataFrame, fit: Fit) -> pd.Series:
    """Milliseconds of a step of each run, from the smallest machine of its family."""
    both = _families(rows)
    link = both["chip_id"].map(fit.link)
    first, links = (1e3 * board.exchange(both[n], both["weights"], link) for n in ("first_chips", "chips"))
    fixed = fit.start * 1e3
    work = (both["first_step_ms"] - first - fixed) / (both["first_batch"] / both["first_chips"])
    return work * both["batch"] / both["chips"] + links + fixed


def fitted(rows: pd.DataFrame) -> Fit:
    """The fixed time and the links that come closest to these runs, by the squared logarithm of the factor.

    Raises ValueError where no family has machines of several sizes.
    """
    from scipy.optimize import least_squares

    both = _families(rows)
    if both.empty:
        raise ValueError("runs: no family with machines of several sizes; expected at least one")
    chips = sorted(both["chip_id"].unique())

    def as_fit(logs: np.ndarray) -> Fit:
        return Fit(float(np.exp(logs[0])), dict(zip(chips, np.exp(logs[1:]), strict=True)))

    def factors(logs: np.ndarray) -> np.ndarray:
        return np.log(both["step_ms"] / predicted(rows, as_fit(logs))).to_numpy()

    start = np.log([3e-3, *[50.0] * len(chips)])
    bounds = (start - np.log(100), start + np.log(100))
    return as_fit(least_squares(factors, start, bounds=bounds, xtol=1e-10, ftol=1e-10).x)


def compared(rows: pd.DataFrame, fit: Fit) -> pd.DataFrame:
    """How far the model is off for each machine but the smallest of a family.

    Columns of `runs`, and predicted_ms, predicted (minutes), factor (measured over predicted) and off (the same,
    always above one).
    """
    found = _families(rows).assign(predicted_ms=predicted(rows, fit))
    found = found[found["chips"] > found["first_chips"]]
    factor = found["step_ms"] / found["predicted_ms"]
    return found.assign(predicted=found["minutes"] / factor, factor=factor, off=_off(factor))


def _off(factor: pd.Series) -> pd.Series:
    """How many times off, in either direction."""
    return np.maximum(factor, 1 / factor)


def tested(rows: pd.DataFrame) -> pd.DataFrame:
    """The same as `compared`, each benchmark with the fit to the others.

    Where the only large network of a chip is left out, its link cannot be told from what remains.
    """
    fits = {name: fitted(rows[rows["benchmark"] != name]) for name in rows["benchmark"].unique()}
    own = {name: rows[(rows["benchmark"] == name) & rows["chip_id"].isin(fit.link)] for name, fit in fits.items()}
    return pd.concat([compared(own[name], fit) for name, fit in fits.items()])


def summary(found: pd.DataFrame) -> pd.DataFrame:
    """The errors of `compared`: measured over predicted time by number of chips, a row for each family."""
    names = tables.load("chips")["name"]
    rows = {}
    for (chip_id, benchmark, version, family), own in found.groupby(["chip_id", "benchmark", "version", "family"]):
        factors = [f"{factor:.2f} with {chips:,}" for chips, factor in zip(own["chips"], own["factor"], strict=True)]
        submitter = family.removeprefix(f"{chip_id} {version} ").removesuffix(f" {benchmark}")
        rows[family] = {
            "chip": names[chip_id],
            "network": named(benchmark),
            "round": version,
            "submitted by": submitter,
            "first machine": f"{own['first_chips'].iloc[0]:,}",
            "measured over predicted": ", ".join(factors),
        }
    return pd.DataFrame.from_dict(rows, orient="index").set_index("chip")


# --- work from data sheets -------------------------------------------------------------------------

#: layers that MLPerf's runs use and do not teach, by the beginnings of their ids: the first two of five stages
FROZEN = {"retinanet": ("retinanet-body-conv1", "retinanet-body-conv2")}


def job(network: str, batch: float) -> board.Job:
    """A network whose layers are known, taught as in MLPerf."""
    layers, weights = tables.load("network_layers"), tables.load("networks")["parameters"]
    own = layers[layers["network"] == network]
    return board.pictures(own, float(weights[network]), batch, FROZEN.get(network, ()))


def work(rows: pd.DataFrame, fit: Fit, networks: Iterable[str] = ("resnet50", "retinanet")) -> pd.DataFrame:
    """Training on the smallest machine of each kind of chip beside its roofline, for networks with known layers.

    `rows` as from `runs`, `fit` says what exchange and the fixed time take of a step; the median link stands for
    chips that took no part in it. Columns: chip_id, network, chips, rate (samples a second for each chip while it
    works), bound (the same at most, by the data sheet in sixteen bits), reached (rate over bound), source_ids; of
    each chip the smallest machine in its newest round.
    """
    rows = rows[rows["network"].isin(list(networks))].groupby("family").head(1)
    rows = rows.sort_values(["chips", "version"], ascending=[False, True], kind="stable")
    rows = rows.groupby(["chip_id", "network"]).tail(1)
    links = rows["chip_id"].map(fit.link).fillna(np.median([*fit.link.values()]))
    rest = rows["step_ms"] / 1e3 - fit.start - board.exchange(rows["chips"], rows["weights"], links)
    on = [roofline.chip(chip_id, "bf16") for chip_id in rows["chip_id"]]
    pairs = zip(rows["network"], on, strict=True)
    found = rows[["chip_id", "network", "chips"]].assign(
        rate=rows["batch"] / rows["chips"] / rest,
        bound=[1 / float(job(network, 1).work(chip.rate, chip.bandwidth)) for network, chip in pairs],
    )
    return found.assign(reached=found["rate"] / found["bound"], source_ids=rows["source_ids"])


def work_tested(done: pd.DataFrame, network: str = "resnet50") -> pd.DataFrame:
    """The same with the rate that one share of the roofline for all chips predicts, and how far off that is.

    The share is fitted to `network` alone, without the chip in question and others of its design; what exchange and
    fixed time take of a step is from the fit to all. Adds predicted, factor (measured over predicted rate) and off
    (the same, always above one).
    """
    design = done["chip_id"].map(roofline.silicon)
    logs = np.log(done["reached"])
    share = [np.exp(logs[(done["network"] == network) & (design != own)].mean()) for own in design]
    predicted_ = done["bound"] * share
    factor = done["rate"] / predicted_
    return done.assign(predicted=predicted_, factor=factor, off=_off(factor))
