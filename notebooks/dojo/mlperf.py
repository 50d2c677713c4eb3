"""What the published MLPerf results say of each part: waiting time, bulk rate, energy at the wall.

MLPerf times agreed networks under agreed rules in four scenarios. One query at a time: one image, and
the next is sent when the answer is there. Eight at a time: the same with queries of eight images, as
from eight cameras. Bulk: everything lies there already. Server: queries come at random, and each must be
answered within a limit. Everything here takes the table `measured_results` as it is loaded.
"""

from __future__ import annotations

import pandas as pd

#: the benchmarks by the names of their networks
NETWORKS = {
    "resnet50": "ResNet-50",
    "bert-99": "BERT",
    "retinanet": "RetinaNet",
    "gptj-99": "GPT-J",
    "stable-diffusion-xl": "Stable Diffusion XL",
}
#: the parts as figures name them
PARTS = {
    "a2": "A2",
    "a30": "A30",
    "a100-pcie-80": "A100 card",
    "a100-sxm-80": "A100 module",
    "agx-orin": "AGX Orin",
    "h100-sxm": "H100",
    "h200-sxm": "H200",
    "l4": "L4",
    "qaic100-pro": "Qualcomm",
}
#: images in one query of the scenario with eight at a time
EIGHT = 8
#: joules in a kilowatt-hour
KWH = 3.6e6


def _newest(rows: pd.DataFrame) -> pd.DataFrame:
    """Of each chip and benchmark the rows of the latest round."""
    rounds = rows["version"].str.removeprefix("v").str.split(".").map(lambda parts: tuple(map(int, parts)))
    latest = rounds.groupby([rows["chip_id"], rows["benchmark"]]).transform("max")
    return rows[rounds == latest]


def parts(results: pd.DataFrame) -> pd.DataFrame:
    """One row for each network and part that ran alone, tuned for speed, in its latest round with a bulk rate.

    Indexed by benchmark and chip_id. Columns: one_ms, the time within which nine of ten single queries
    were answered; mean_ms, their mean; eight_ms, the time within which 99 of 100 queries of eight images
    were; bulk, samples a second; the ids of these results (one_id, mean_id, eight_id, bulk_id); version;
    source_ids. NaN, or "" for an id, where there is no such result. Rates in tokens are left out: they are
    no samples.
    """
    alone = results.query(
        "suite == 'mlperf-inference' and division == 'closed' and accelerators_count == 1 "
        "and run_mode == 'max-performance' and unit in ['ms', 'samples/s']"
    )
    alone = alone[alone["benchmark"].isin(list(NETWORKS))]
    with_bulk = alone.query("scenario == 'offline'").set_index(["chip_id", "benchmark", "version"]).index
    alone = _newest(alone[alone.set_index(["chip_id", "benchmark", "version"]).index.isin(with_bulk)])
    kinds = {
        "one": "scenario == 'singlestream' and metric == 'latency_p90'",
        "mean": "scenario == 'singlestream' and metric == 'latency_mean'",
        "eight": "scenario == 'multistream' and metric == 'latency_p99'",
        "bulk": "scenario == 'offline' and metric == 'throughput'",
    }
    key = ["benchmark", "chip_id"]
    found = alone.groupby(key)[["version"]].first().assign(source_ids=alone.groupby(key)["source_ids"].first())
    for name, kind in kinds.items():
        rows = alone.query(kind).reset_index().set_index(key)
        unit = "" if name == "bulk" else "_ms"
        found[f"{name}{unit}"], found[f"{name}_id"] = rows["value"], rows["result_id"]
    return found.fillna(dict.fromkeys(["one_id", "mean_id", "eight_id", "bulk_id"], ""))


def named(rows: pd.DataFrame, chips: pd.DataFrame) -> pd.DataFrame:
    """Rows with words for the part, what its maker sells it for (role), and the network's name.

    `chips` as the table is loaded. Where a row counts `chips`, and there are several, the words say so.
    """
    flat = rows.reset_index()
    counts = flat["chips"] if "chips" in flat else [1] * len(flat)
    names = flat["chip_id"].map(PARTS)
    words = [name if n == 1 else f"{n} × {name}" for name, n in zip(names, counts, strict=True)]
    return rows.assign(
        words=words,
        role=flat["chip_id"].map(chips["role"]).to_numpy(),
        network=flat["benchmark"].map(NETWORKS).to_numpy(),
    )


def kept(parts: pd.DataFrame) -> pd.DataFrame:
    """What a part keeps of its bulk rate with one query at a time, and with eight; most first within a network.

    `parts` as from `parts`. Adds alone, queries a second; by, "mean" where the mean time was logged, else "nine
    of ten", which makes the rate a little too low; share, alone over bulk; and eight, the same with eight at
    a time, from the time within which 99 of 100 were answered.
    """
    timed = parts[parts["one_ms"].notna()]
    times = timed["mean_ms"].fillna(timed["one_ms"])
    by = timed["mean_ms"].notna().map({True: "mean", False: "nine of ten"})
    timed = timed.assign(alone=1000 / times, by=by, eight=EIGHT * 1000 / timed["eight_ms"] / timed["bulk"])
    return timed.assign(share=timed["alone"] / timed["bulk"]).sort_values("share", ascending=False)


def served(results: pd.DataFrame) -> pd.DataFrame:
    """What is left of the bulk rate when queries come at random and each has a time limit.

    One row for each system that ran both scenarios of a network in the same run mode, in its latest
    round; clocks and engines may still have been set for each. Columns: benchmark, chip_id, chips, bulk,
    server (both a second), share, bulk_id, source_ids; indexed by the result of the server scenario.
    """
    rows = results.query("suite == 'mlperf-inference' and metric == 'throughput'")
    rows = _newest(rows[rows["benchmark"].isin(list(NETWORKS)) & (rows["unit"] != "tokens/s")])
    key = ["version", "system", "benchmark", "run_mode"]
    bulk = rows.query("scenario == 'offline'").reset_index()[[*key, "result_id", "value"]]
    bulk = bulk.rename(columns={"result_id": "bulk_id", "value": "bulk"})
    found = rows.query("scenario == 'server'").reset_index().merge(bulk, on=key)
    found = found.rename(columns={"value": "server", "accelerators_count": "chips"}).set_index("result_id")
    found["share"] = found["server"] / found["bulk"]
    columns = ["benchmark", "chip_id", "chips", "bulk", "server", "share", "bulk_id"]
    return found[[*columns, "source_ids"]].sort_values("share", ascending=False)


def joules(results: pd.DataFrame) -> pd.DataFrame:
    """Energy of one inference at the wall in millijoules, the whole system counted, in its latest round.

    One row for each result with a meter: benchmark, chip_id, chips, scenario, mj, source_ids. Every metered run
    is tuned for work per watt, not for speed. A query of eight images is divided among them.
    """
    rows = results.query("suite == 'mlperf-inference' and power_scope == 'system_wall' and unit != 'tokens/s'")
    rows = _newest(rows[rows["benchmark"].isin(list(NETWORKS))])
    per_query = rows["metric"] == "energy_per_query"
    images = rows["scenario"].eq("multistream").map({True: EIGHT, False: 1})
    mj = (rows["value"] / images).where(per_query, 1000 * rows["power_w"] / rows["value"])
    found = rows.assign(mj=mj, chips=rows["accelerators_count"])
    return found[["benchmark", "chip_id", "chips", "scenario", "mj", "source_ids"]].sort_values(["benchmark", "mj"])


def machines(metered: pd.DataFrame) -> pd.DataFrame:
    """In bulk, in eights and one at a time side by side, in millijoules, a row for each network and machine.

    `metered` as from `joules`. Columns: bulk, eight, one; the ids of the results, bulk_id, eight_id, one_id ("" where
    there is none); times, one over bulk; source_ids. Indexed by benchmark, chip_id and chips, least first
    within a network.
    """
    key = ["benchmark", "chip_id", "chips"]
    flat = metered.reset_index().set_index(key)
    found = flat[flat["scenario"] == "offline"][["source_ids"]]
    for name, scenario in (("bulk", "offline"), ("eight", "multistream"), ("one", "singlestream")):
        rows = flat[flat["scenario"] == scenario]
        found[name], found[f"{name}_id"] = rows["mj"], rows["result_id"]
    found = found.fillna({"one_id": "", "eight_id": ""})
    return found.assign(times=found["one"] / found["bulk"]).sort_values(["benchmark", "bulk"])


def drawn(results: pd.DataFrame) -> pd.DataFrame:
    """What a metered machine draws and does one query at a time, as shares of what it draws and does in bulk.

    Power is the energy of a query over the time within which nine of ten were answered, and the rate is from
    that time too, so both are a little low. Columns power and rate, indexed by benchmark and chip_id.
    """
    rows = _newest(results.query("division == 'closed-power' and accelerators_count == 1").reset_index())
    rows = rows.set_index(["benchmark", "chip_id"])
    one = rows[rows["scenario"] == "singlestream"]
    mj, ms = (one[one["metric"] == metric]["value"] for metric in ("energy_per_query", "latency_p90"))
    bulk = rows[rows["scenario"] == "offline"]
    return pd.DataFrame({"power": mj / ms / bulk["power_w"], "rate": 1000 / ms / bulk["value"]}).dropna()


def runs(results: pd.DataFrame) -> pd.DataFrame:
    """Energy of training runs at the mains input of the servers: benchmark, chip_id, chips, kwh, source_ids."""
    rows = results.query("metric == 'energy_to_train'")
    found = rows.assign(chips=rows["accelerators_count"], kwh=rows["value"])
    return found[["benchmark", "chip_id", "chips", "kwh", "source_ids"]].sort_values(["benchmark", "chips"])


def uses(kwh: float, mj: float) -> float:
    """How many inferences of so many millijoules take the energy of one training run."""
    return kwh * KWH / (mj / 1000)
