"""The model reproduces machines that were measured, and the tests of it are fair."""

import numpy as np
import pandas as pd
import pytest

from dojo import board, scaling, sheets, tables
from dojo.scaling import Fit

RESULTS = tables.load("measured_results")
RUNS = scaling.runs(RESULTS)
FIT = scaling.fitted(RUNS)
COMPARED = scaling.compared(RUNS, FIT)
WORK = scaling.work_tested(scaling.work(RUNS, FIT))


def made_up(fit: Fit, weights=1e9, work_ms=2.0, sizes=((8, 512), (64, 512), (512, 1024)), chip="h100-sxm"):
    """Runs of a machine that obeys the model: chips and batch of each."""
    exact = [
        work_ms * batch / chips + 2 * (chips - 1) / chips * weights * 2 / (fit.link[chip] * 1e9) * 1e3 + fit.start * 1e3
        for chips, batch in sizes
    ]
    steps = 1000
    rows = pd.DataFrame({"chips": [c for c, _ in sizes], "batch": [b for _, b in sizes], "step_ms": exact})
    minutes = rows["step_ms"] * steps / 60e3
    return rows.assign(
        family=f"{chip} {weights}",
        chip_id=chip,
        benchmark="made up",
        weights=weights,
        samples=rows["batch"] * steps,
        minutes=minutes,
    )


# --- the record ---------------------------------------------------------------------------------------


def test_every_training_run_of_the_four_networks_has_its_batch_and_samples():
    all_ = RESULTS.query("metric == 'time_to_train' and benchmark in @scaling.TASKS")
    assert len(RUNS) == len(all_) == 70
    assert (RUNS["batch"] >= 1).all()
    assert (RUNS["samples"] > RUNS["batch"]).all()


def test_steps_are_as_the_log_has_them():
    row = RUNS.loc["train30-h100-sxmx8-resnet-train"]
    assert row["step_ms"] == pytest.approx(13.6008 * 60e3 / (35 * 1281167 / 3200))
    retina = RUNS.loc["train30-h100-sxmx512-retinanet-train"]
    assert retina["samples"] == 6 * 1143 * 1024  # epochs, batches in each, pictures in a batch


def test_a_family_is_one_chip_round_submitter_and_benchmark():
    h100 = RUNS[(RUNS["chip_id"] == "h100-sxm") & (RUNS["benchmark"] == "resnet")]
    assert h100.groupby("family")["chips"].apply(list).to_dict() == {
        "h100-sxm v3.0 NVIDIA resnet": [8, 64, 512, 768],
        "h100-sxm v3.0 NVIDIA+CoreWeave resnet": [3584],
        "h100-sxm v4.0 NVIDIA resnet": [8, 64, 2528],
        "h100-sxm v4.0 Sustainable Metal Cloud resnet": [8, 64],
    }
    assert not COMPARED["family"].str.contains("CoreWeave").any()  # nothing to start from


# --- the fit ------------------------------------------------------------------------------------------


def test_a_machine_that_obeys_the_model_is_predicted_exactly_and_its_numbers_are_found():
    true = Fit(0.004, {"h100-sxm": 80.0})
    rows = pd.concat([made_up(true), made_up(true, weights=3e7, work_ms=1.0)], ignore_index=True)
    found = scaling.fitted(rows)
    assert found.start == pytest.approx(true.start, rel=1e-3)
    assert found.link["h100-sxm"] == pytest.approx(80, rel=1e-3)
    assert scaling.compared(rows, true)["factor"].tolist() == pytest.approx([1] * 4)


def test_a_machine_that_took_twice_as_long_as_predicted_is_off_by_two_and_so_are_its_minutes():
    true = Fit(0.004, {"h100-sxm": 80.0})
    rows = made_up(true)
    rows.loc[2, ["minutes", "step_ms"]] *= 2
    off = scaling.compared(rows, true)
    assert off["factor"].tolist() == pytest.approx([1, 2])
    assert off["off"].tolist() == pytest.approx([1, 2])
    assert (off["predicted"] / off["minutes"]).tolist() == pytest.approx([1, 0.5])
    rows.loc[2, ["minutes", "step_ms"]] /= 4
    assert scaling.compared(rows, true)["off"].tolist() == pytest.approx([1, 2])


def test_the_smallest_machine_is_taken_as_measured_and_not_counted():
    assert (COMPARED["chips"] > COMPARED["first_chips"]).all()
    own = scaling.predicted(RUNS, FIT)["train30-h100-sxmx8-bert-train"]
    assert own == pytest.approx(RUNS["step_ms"]["train30-h100-sxmx8-bert-train"])


def test_runs_of_one_size_alone_are_refused():
    with pytest.raises(ValueError, match="no family with machines of several sizes"):
        scaling.fitted(RUNS.groupby("family").head(1))


def test_one_link_for_a_chip_and_one_fixed_time_reproduce_the_record():
    assert len(FIT.link) == COMPARED["chip_id"].nunique() == 5
    near = COMPARED[COMPARED["chips"] <= 512]
    h100 = near[near["chip_id"] == "h100-sxm"]
    assert set(h100["benchmark"]) == set(scaling.TASKS)
    assert h100.groupby("benchmark")["chips"].max().eq(512).all()
    assert h100["off"].max() < 1.3
    assert sorted(near["off"])[-2] < 1.3
    assert near["off"].idxmax() == "train50-gb200x512-bert-train"


def test_h100_is_predicted_within_one_and_a_half_from_the_other_networks():
    left_out = scaling.tested(RUNS)
    h100 = left_out[(left_out["chip_id"] == "h100-sxm") & (left_out["chips"] <= 512)]
    assert len(h100) == len(COMPARED[(COMPARED["chip_id"] == "h100-sxm") & (COMPARED["chips"] <= 512)])
    assert h100["off"].max() < 1.5


def test_a_network_that_is_left_out_takes_no_part_in_its_fit():
    spoilt = RUNS.copy()
    later = (spoilt["benchmark"] == "bert") & spoilt.index.isin(COMPARED.index)
    spoilt.loc[later, ["minutes", "step_ms"]] *= 3
    before, after = (scaling.tested(rows) for rows in (RUNS, spoilt))
    same = before["benchmark"] == "bert"
    assert after["predicted_ms"][same].to_numpy() == pytest.approx(before["predicted_ms"][same].to_numpy())
    assert not np.allclose(after["predicted_ms"][~same], before["predicted_ms"][~same], rtol=0.05)


def test_links_are_between_what_a_server_and_a_network_offer():
    links = sheets.links(tables.load("chip_specs"), pd.Series({"a100-sxm-80": "A100", "h100-sxm": "H100"}))
    for chip_id, rows in links.groupby("chip_id"):
        assert rows["rate"].min() < FIT.link[chip_id] < rows["rate"].max()


def test_the_table_of_errors_holds_every_result():
    table = scaling.summary(COMPARED)
    assert table["measured over predicted"].str.count(" with ").sum() == len(COMPARED)
    own = table[(table["network"] == "BERT-large") & (table["round"] == "v5.0")].iloc[0]
    assert (own["submitted by"], own["first machine"]) == ("NVIDIA", "8")
    assert own["measured over predicted"].endswith("1.73 with 512")


def test_a_machine_counts_as_larger_from_twice_the_size_on():
    assert (COMPARED["chips"] >= 2 * COMPARED["first_chips"]).all()
    assert "train20-tpu-v4x4096-bert-train" not in COMPARED.index  # against 3,456
    assert (RUNS["family"] == "tpu-v4 v2.0 Google bert").sum() == 2


def test_the_model_beats_perfect_scaling():
    perfect = scaling.compared(RUNS, scaling.PERFECT)
    own = RUNS.loc[["train30-h100-sxmx8-bert-train", "train30-h100-sxmx512-bert-train"]]
    per_chip = own["batch"] / own["chips"]
    expected = own["step_ms"].iloc[0] * per_chip.iloc[1] / per_chip.iloc[0]
    assert perfect["predicted_ms"][own.index[1]] == pytest.approx(expected)
    assert perfect["off"].median() > 1.3 * COMPARED["off"].median()


# --- work from data sheets ----------------------------------------------------------------------------


def test_work_from_a_data_sheet_is_within_a_factor_of_two_for_chips_left_out():
    assert set(WORK["network"]) == {"resnet50", "retinanet"}
    assert WORK["off"].max() < 1.7
    assert WORK["reached"].between(0.2, 0.55).all()  # and no machine beats the bound


def test_work_is_measured_on_the_smallest_machine_of_the_newest_round():
    assert WORK.groupby(["chip_id", "network"]).size().eq(1).all()
    assert WORK[WORK["chip_id"] == "tpu-v4"]["chips"].tolist() == [64]
    h100 = WORK[(WORK["chip_id"] == "h100-sxm") & (WORK["network"] == "resnet50")]
    assert h100.index[0].startswith("train40-")
    assert h100["chips"].item() == 8


def test_the_share_comes_from_other_designs_and_from_small_pictures_alone():
    done = scaling.work(RUNS, FIT)
    spoilt = done.copy()
    own = spoilt["chip_id"].isin(["h100-sxm", "h100-pcie", "h200-sxm"])  # one design
    spoilt.loc[own | (spoilt["network"] == "retinanet"), "reached"] *= 2
    before, after = (scaling.work_tested(rows)["predicted"] for rows in (done, spoilt))
    assert after[own].to_numpy() == pytest.approx(before[own].to_numpy())
    assert (after[~own] > before[~own] * 1.05).all()


def test_layers_that_are_not_taught_are_used_once():
    taught = scaling.job("retinanet", 256)
    layers = tables.load("network_layers").query("network == 'retinanet'")
    whole = board.pictures(layers, taught.weights, 256)
    first = [
        n for n, name in enumerate(layers[layers["macs"] > 0].index) if name.startswith(scaling.FROZEN["retinanet"])
    ]
    assert len(first) == 11  # one layer, then three blocks of three and a shortcut
    assert taught.arithmetic[first] * 3 == pytest.approx(whole.arithmetic[first])
    rest = np.setdiff1d(np.arange(len(whole.arithmetic)), first)
    assert (taught.traffic[rest] == whole.traffic[rest]).all()
    assert (scaling.job("resnet50", 1).arithmetic > 0).all()
    assert (taught.weights, scaling.job("resnet50", 1).weights) == (37_060_000, 25_557_032)


def test_exchange_and_fixed_time_are_no_part_of_the_work():
    idle = Fit(0.0, dict.fromkeys(FIT.link, np.inf))
    rate = {name: scaling.work(RUNS, fit)["rate"] for name, fit in (("fit", FIT), ("idle", idle))}
    h100 = "train40-h100-sxmx8-resnet-train-2"
    own = RUNS.loc[h100]
    assert rate["idle"][h100] == pytest.approx(own["samples"] / own["minutes"] / 60 / 8)
    exchange = board.exchange(8, own["weights"], FIT.link["h100-sxm"])
    seconds = 400 / rate["idle"][h100] - FIT.start - exchange
    assert rate["fit"][h100] == pytest.approx(400 / seconds)
    done = scaling.work(RUNS, FIT)
    assert done["reached"].to_numpy() == pytest.approx((done["rate"] / done["bound"]).to_numpy())
    a30 = done[done["chip_id"] == "a30"].iloc[0]  # took no part in the fit: the median link stands for its own
    own = RUNS.loc[a30.name]
    taken = own["step_ms"] / 1e3 - FIT.start - board.exchange(8, own["weights"], np.median([*FIT.link.values()]))
    assert a30["rate"] == pytest.approx(own["batch"] / 8 / taken)


def test_the_share_is_the_geometric_mean_of_the_other_designs():
    a30 = WORK[(WORK["chip_id"] == "a30") & (WORK["network"] == "resnet50")].iloc[0]
    others = WORK[(WORK["network"] == "resnet50") & ~WORK["chip_id"].isin(["a30", "a100-sxm-80"])]["reached"]
    assert a30["predicted"] == pytest.approx(a30["bound"] * others.prod() ** (1 / len(others)))
