"""What the published logs say of each part, and what the text says of them."""

import pandas as pd
import pytest

from dojo import energy, mlperf, tables

RESULTS = tables.load("measured_results")
PARTS = mlperf.parts(RESULTS)
KEPT = mlperf.kept(PARTS)
SERVED = mlperf.served(RESULTS)
METERED = mlperf.joules(RESULTS)
MACHINES = mlperf.machines(METERED)
ORIN, H100 = ("agx-orin", 1), ("h100-sxm", 8)


def test_each_figure_is_that_of_its_row():
    figures = {"one_id": "one_ms", "mean_id": "mean_ms", "eight_id": "eight_ms", "bulk_id": "bulk"}
    for column, value in figures.items():
        timed = PARTS[PARTS[column] != ""]
        rows = RESULTS.loc[timed[column]]
        assert list(rows["value"]) == list(timed[value])
        assert set(rows["accelerators_count"]) == {1}
        assert set(rows["run_mode"]) == {"max-performance"}
        assert list(rows["version"]) == list(timed["version"])
        assert PARTS.loc[PARTS[column] == "", value].isna().all()
    assert set(RESULTS["metric"][PARTS["one_id"][PARTS["one_id"] != ""]]) == {"latency_p90"}
    assert set(RESULTS["metric"][PARTS["eight_id"][PARTS["eight_id"] != ""]]) == {"latency_p99"}


def test_the_latest_round_counts_and_tokens_are_no_samples():
    assert PARTS.loc[("resnet50", "agx-orin"), "version"] == "v3.1"
    assert PARTS.loc[("gptj-99", "agx-orin"), "version"] == "v4.0"  # the next round counts tokens
    row = RESULTS.loc[[PARTS.loc[("resnet50", "agx-orin"), "bulk_id"]]]
    later = row.assign(version="v10.0", value=1.0).rename(index=lambda _: "later")
    assert mlperf.parts(pd.concat([RESULTS, later])).loc[("resnet50", "agx-orin"), "bulk"] == 1.0


def test_the_figures_of_the_text():
    orin, a100 = (PARTS.xs(chip, level="chip_id") for chip in ("agx-orin", "a100-sxm-80"))
    assert (orin["one_ms"] / a100["one_ms"])["resnet50"] == pytest.approx(1.4, abs=0.05)
    assert (a100["bulk"] / orin["bulk"])["resnet50"] == pytest.approx(6.6, abs=0.05)
    eight = PARTS.loc["retinanet"]["eight_ms"].dropna()
    frame = tables.load("requirements")["number_inference"]["time-allowed"]
    assert set(eight[eight < frame].index) == {"a100-sxm-80", "a100-pcie-80"}
    small = PARTS.loc["resnet50"][["one_ms", "eight_ms"]].max()
    assert (small < frame / 5).all()  # no part comes near the deadline


def test_the_share_of_the_bulk_rate_depends_on_the_network():
    assert KEPT["share"].min() == pytest.approx(0.052, abs=0.001)
    assert KEPT["share"].max() == pytest.approx(0.987, abs=0.001)
    both = KEPT["share"].unstack("benchmark")[["resnet50", "retinanet"]].dropna()
    assert (both["retinanet"] > 2 * both["resnet50"]).all()
    assert (KEPT[["share", "eight"]].stack().dropna() <= 1).all()


def test_the_text_says_which_parts_keep_more():
    for network in ("resnet50", "bert-99", "retinanet"):
        share = mlperf.named(KEPT, tables.load("chips")).loc[network].groupby("role")["share"]
        assert share.min()["inference"] > share.max()["both"]
    small = KEPT.loc["resnet50"]
    assert (small["eight"] > small["share"] * 1.7).all()  # eight win back much


def test_the_mean_time_counts_where_it_was_logged():
    a2 = KEPT.loc[("bert-99", "a2")]
    assert (a2["by"], a2["alone"]) == ("mean", 1000 / 6.628077)
    l4 = KEPT.loc[("bert-99", "l4")]
    assert (l4["by"], l4["alone"]) == ("nine of ten", 1000 / 2.579061)
    eight = KEPT.loc[("retinanet", "l4"), "eight"]
    assert eight == pytest.approx(8000 / 40.773115 / 225.923)


def test_eight_cameras_bring_more_than_two_of_the_parts_can_do_in_bulk():
    frame = tables.load("requirements")["number_inference"]["time-allowed"]
    bulk = PARTS.loc["retinanet"]["bulk"]
    assert set(bulk[bulk < 8 * 1000 / frame].index) == {"agx-orin", "l4"}


def test_with_many_askers_both_rates_are_of_one_system():
    for result_id, row in SERVED.iterrows():
        server, bulk = RESULTS.loc[result_id], RESULTS.loc[row["bulk_id"]]
        same = ["version", "system", "benchmark", "run_mode", "accelerators_count"]
        assert list(server[same]) == list(bulk[same])
        assert (server["scenario"], bulk["scenario"]) == ("server", "offline")
        assert row["share"] == server["value"] / bulk["value"]
    assert SERVED["share"].between(0.75, 1).all()


def test_only_readings_at_the_wall_count():
    rows = RESULTS.loc[METERED.index]
    assert set(rows["power_scope"]) == {"system_wall"}
    assert set(rows["run_mode"]) == {"max-efficiency"}  # the text says so of every one
    assert set(rows["division"]) == {"closed-power"}
    bulk = METERED.loc["inf31-agx-orinx1-resnet50-bulk-maxeff"]
    assert bulk["mj"] == pytest.approx(1000 * 23.57 / 3526.29)
    eight = METERED.loc["inf31-agx-orinx1-retinanet-multi-maxeff"]
    assert eight["mj"] == 3464.668 / 8
    assert not any(tables.load("chips")["vendor"][chip] == "Tesla" for chip in METERED["chip_id"])


def test_in_bulk_all_machines_lie_within_a_factor_of_two_and_alone_costs_more():
    for network in ("resnet50", "bert-99", "retinanet"):
        bulk = MACHINES.loc[network]["bulk"]
        assert bulk.max() / bulk.min() < 2
    times = MACHINES["times"].dropna()
    assert set(times.index.droplevel(0)) == {ORIN}
    assert MACHINES.loc[("retinanet", *ORIN), "eight"] == 3464.668 / 8
    assert MACHINES.loc[("retinanet", *ORIN), "one"] == 485.728
    assert times["resnet50"].item() == pytest.approx(3.0, abs=0.05)
    assert (times > 1.5).all()
    apart = MACHINES.loc["resnet50"]["bulk"]
    assert 1 < apart[H100] / apart[ORIN] < 2


def test_power_does_not_fall_as_far_as_the_rate():
    drawn = mlperf.drawn(RESULTS)
    small = drawn.loc[("resnet50", "agx-orin")]
    assert small["power"] == pytest.approx(20.116 / 1.635778 / 23.57)
    assert small["rate"] == pytest.approx(1000 / 1.635778 / 3526.29)
    assert (drawn["power"] > drawn["rate"]).all()


def test_weights_explain_at_most_a_third_of_what_one_at_a_time_costs_more():
    estimated = energy.picture(tables.load("network_layers"))
    estimated, one = (
        estimated.loc["weights, fetched for one picture"],
        estimated.drop("weights, fetched once for 64").sum(),
    )
    for network, share in {"resnet50": 1 / 3, "retinanet": 0.05}.items():
        own = MACHINES.loc[(network, *ORIN)]
        assert estimated[network] < share * (own["one"] - own["bulk"])
        assert one[network] < own["one"] / 2  # most lies elsewhere


def test_machines_with_inference_chips_take_least_in_bulk():
    named = mlperf.named(MACHINES, tables.load("chips"))
    for network in ("resnet50", "bert-99", "retinanet"):
        bulk = named.loc[network].groupby("role")["bulk"]
        assert bulk.max()["inference"] < bulk.min()["both"]


def test_names_say_how_many_chips_a_machine_has():
    named = mlperf.named(MACHINES, tables.load("chips"))
    assert named.loc[("resnet50", *H100), "words"] == "8 × H100"
    assert named.loc[("resnet50", *ORIN), "words"] == "AGX Orin"
    assert named["words"].notna().all()
    assert mlperf.named(PARTS, tables.load("chips"))["words"].notna().all()
    assert set(named["role"]) <= {"both", "inference"}


def test_energy_of_a_run_in_uses():
    assert mlperf.uses(1, 3.6) == pytest.approx(1e9)
    runs = mlperf.runs(RESULTS)
    assert runs.loc["train40-h100-sxmx8-resnet-train", "kwh"] == 1.568
    assert set(RESULTS.loc[runs.index, "power_scope"]) == {"node_ac"}
