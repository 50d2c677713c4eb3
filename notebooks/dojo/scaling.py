"""How far off the model of `dojo.board` is for machines that were measured: published MLPerf training runs.

Time against number of chips: each submitter's smallest machine gives the work of one sample; the larger ones
are predicted from it with one link rate for each kind of chip and one fixed time of a step for all. Work from
data sheets alone: for the two networks whose layers are known, with one share of the roofline for all chips.
"""

from __future__ import annotations

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


def words(benchmark: str) -> str:
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


def _families(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of families with machines of several sizes, each with the smallest one beside it."""
    first = rows.groupby("family")[["chips", "batch", "step_ms"]].transform("first").add_prefix("first_")
    both = rows.join(first)
    return both[both.groupby("family")["chips"].transform("nunique") > 1]


#: work of a sample can not be less than this share of what the smallest machine takes in all
FLOOR = 0.01


def predicted(rows: pd.DataFrame, fit: Fit) -> pd.Series:
    """Milliseconds of a step of each run, from the smallest machine of its family."""
    both = _families(rows)
    link = both["chip_id"].map(fit.link)

    def exchange(chips: pd.Series) -> pd.Series:
        return 2 * (chips - 1) / chips * both["weights"] * board.GRADIENT / (link * 1e9) * 1e3

    fixed = fit.start * 1e3
    rest = both["first_step_ms"] - exchange(both["first_chips"]) - fixed
    work = rest.clip(lower=FLOOR * both["first_step_ms"]) / (both["first_batch"] / both["first_chips"])
    return work * both["batch"] / both["chips"] + exchange(both["chips"]) + fixed


def fitted(rows: pd.DataFrame) -> Fit:
    """The fixed time and the links that come closest to these runs, by the squared logarithm of the factor.

    Raises ValueError where no family has machines of several sizes.
    """
    from scipy.optimize import least_squares

    both = _families(rows)
    if both.empty:
        raise ValueError("runs: no family with machines of several sizes; expected at least one")
    larger = both["chips"] > both["first_chips"]
    chips = sorted(both["chip_id"].unique())

    def as_fit(logs: np.ndarray) -> Fit:
        return Fit(float(np.exp(logs[0])), dict(zip(chips, np.exp(logs[1:]), strict=True)))

    def factors(logs: np.ndarray) -> np.ndarray:
        return np.log(both["step_ms"] / predicted(rows, as_fit(logs)))[larger].to_numpy()

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
    return found.assign(predicted=found["minutes"] / factor, factor=factor, off=np.maximum(factor, 1 / factor))


def tested(rows: pd.DataFrame) -> pd.DataFrame:
    """The same as `compared`, each benchmark with the fit to the others.

    Where the only large network of a chip is left out, its link cannot be told from what remains.
    """
    fits = {name: fitted(rows[rows["benchmark"] != name]) for name in rows["benchmark"].unique()}
    own = {name: rows[(rows["benchmark"] == name) & rows["chip_id"].isin(fit.link)] for name, fit in fits.items()}
    return pd.concat([compared(own[name], fit) for name, fit in fits.items()])


def summary(compared_: pd.DataFrame) -> pd.DataFrame:
    """Measured over predicted time, for each chip, network and round, by number of chips."""
    names = tables.load("chips")["name"]
    rows = {}
    for (chip_id, benchmark, version, family), own in compared_.groupby(["chip_id", "benchmark", "version", "family"]):
        factors = [f"{factor:.2f} with {chips:,}" for chips, factor in zip(own["chips"], own["factor"], strict=True)]
        submitter = family.removeprefix(f"{chip_id} {version} ").removesuffix(f" {benchmark}")
        rows[family] = {
            "chip": names[chip_id],
            "network": words(benchmark),
            "round": version,
            "submitted by": submitter,
            "first machine": f"{own['first_chips'].iloc[0]:,}",
            "measured over predicted": ", ".join(factors),
        }
    return pd.DataFrame.from_dict(rows, orient="index").set_index("chip")


# --- work from data sheets -------------------------------------------------------------------------


def work(
    results: pd.DataFrame, layers: pd.DataFrame, networks: Iterable[str] = ("resnet50", "retinanet")
) -> pd.DataFrame:
    """Training on the smallest machine of each family beside the roofline of its chip, for networks with known layers.

    Columns: chip_id, network, chips, rate (measured samples a second for each chip), bound (the same at most, by the
    data sheet in sixteen bits), reached (rate over bound), source_ids; of each chip the smallest machine in its
    newest round.
    """
    rows = runs(results)
    rows = rows[rows["network"].isin(list(networks))].groupby("family").head(1)
    rows = rows.sort_values(["chips", "version"], ascending=[False, True], kind="stable")
    rows = rows.groupby(["chip_id", "network"]).tail(1)
    found = []
    for result_id, row in rows.iterrows():
        on = roofline.chip(row["chip_id"], "bf16")
        job = board.pictures(layers[layers["network"] == row["network"]], row["weights"], row["batch"])
        rate = row["samples"] / row["minutes"] / 60 / row["chips"]
        bound = 1 / float(job.work(on.rate, on.bandwidth))
        found.append(
            (result_id, row["chip_id"], row["network"], row["chips"], rate, bound, rate / bound, row["source_ids"])
        )
    columns = ["result_id", "chip_id", "network", "chips", "rate", "bound", "reached", "source_ids"]
    return pd.DataFrame(found, columns=columns).set_index("result_id")


def work_tested(done: pd.DataFrame, network: str = "resnet50") -> pd.DataFrame:
    """The same with the rate that one share of the roofline for all chips predicts, and how far off that is.

    The share is fitted to `network` alone, without the chip in question and others of its design. Adds
    predicted, factor (predicted over measured rate) and off (the same, always above one).
    """
    design = done["chip_id"].map(roofline.silicon)
    logs = np.log(done["reached"])
    share = [np.exp(logs[(done["network"] == network) & (design != own)].mean()) for own in design]
    found = done.assign(predicted=done["bound"] * share)
    factor = found["predicted"] / found["rate"]
    return found.assign(factor=factor, off=np.maximum(factor, 1 / factor))
