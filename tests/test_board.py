"""A board is never slower for having more, does not grow without links, and says what binds it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dojo import board, roofline, scaling, sheets, tables
from dojo.board import LIMITS, Job, Machine, Unknown

SPECS = tables.load("chip_specs")
LAYERS = tables.load("network_layers")
RETINANET = LAYERS[LAYERS["network"] == "retinanet"]
PICTURES = board.pictures(RETINANET, 37e6, batch=256)
UNKNOWN = board.unknowns(SPECS, (0.25, 0.5))
#: two layers of a million million operations and a thousand million bytes, the other way round in the second
JOB = Job(np.array([4e12, 1e12]), np.array([1e9, 2e9]), weights=1e9, batch=8)
#: 1 TFLOP/s, 1 GB/s, 1 GB/s to the others
SLOW = Machine(chips=1, rate=1.0, bandwidth=1.0, link=1.0)


# --- one step, by hand --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rate", "bandwidth", "seconds"),
    [
        (1, 1, 4 + 2),  # arithmetic in the first layer, memory in the second
        (1, 10, 4 + 1),  # arithmetic in both
        (10, 1, 1 + 2),  # memory in both
        (1, 2, 4 + 1),  # just where the second layer turns
        (1000, 1, 3),
        (1, 1e6, 5),
    ],
)
def test_a_layer_takes_as_long_as_the_longer_of_arithmetic_and_memory(rate, bandwidth, seconds):
    assert JOB.work(rate, bandwidth) == pytest.approx(seconds)


def test_layers_of_arithmetic_alone_and_of_memory_alone_add_up():
    apart = Job(np.array([1e12, 0.0]), np.array([0.0, 1e9]), weights=1.0, batch=1)
    assert apart.work(1.0, 1.0) == pytest.approx(2)
    assert apart.work(np.array([1.0, np.inf]), 1.0).tolist() == pytest.approx([2, 1])


@pytest.mark.parametrize(
    ("field", "value"),
    [("arithmetic", np.array([-1.0])), ("traffic", np.array([-1.0])), ("weights", -1), ("batch", 0.5)],
)
def test_a_job_that_is_none_is_refused(field, value):
    with pytest.raises(ValueError, match=f"{field} of a job: .*; expected"):
        replace(JOB, **{field: value})


def test_a_picture_takes_three_times_the_roofline_of_its_use():
    # everything travels in sixteen bits, and weights are fetched too rarely to count
    on = roofline.Chip(rate=100.0, bandwidth=100.0, width=board.WIDTH)
    once = roofline.least(RETINANET.assign(weights=0), on, 1, stays=False)
    assert PICTURES.work(on.rate, on.bandwidth) == pytest.approx(3 * once)


def test_a_token_takes_six_operations_for_each_weight():
    assert board.language(1e9, batch=10).work(rate=6.0, bandwidth=1.0) == pytest.approx(1e-3)


def test_a_step_is_work_then_exchange_then_a_fixed_time():
    one = board.step(JOB, replace(SLOW, reached=0.5, start=3.0))
    assert (one.arithmetic, one.memory, one.links, one.start) == pytest.approx((80, 48, 0, 3))
    assert one.seconds == pytest.approx(6 * 8 / 0.5 + 3)
    four = board.step(JOB, replace(SLOW, chips=4, link=2.0))
    # 6 s a sample, two samples each; then 2 x 3/4 of two thousand million bytes at 2 GB/s
    assert (four.links, four.seconds, four.used) == pytest.approx((1.5, 12 + 1.5, 4))


def test_what_training_keeps_is_shared_out_before_the_weights_are():
    machine = replace(SLOW, chips=8, link=1e3)  # of 16 GB, 2 are weights
    whole, kept, shared = (board.step(JOB, replace(machine, capacity=held)) for held in (16.0, 3.75, 2.0))
    assert kept.links == pytest.approx(whole.links)  # 2 GB of weights and an eighth of the other 14
    assert shared.links == pytest.approx(1.5 * whole.links)
    assert board.step(JOB, replace(machine, capacity=3.7)).links == pytest.approx(1.5 * whole.links)
    slow_links = replace(machine, link=1e-6)  # as few as hold it, then
    used = {held: int(board.step(JOB, replace(slow_links, capacity=held)).used) for held in (16.0, 9.0, 8.9, 4.0, 2.0)}
    # three chips that keep their weights send less than two that share them out
    assert used == {16.0: 1, 9.0: 2, 8.9: 3, 4.0: 7, 2.0: 8}


def test_a_network_too_large_for_the_board_is_not_taught():
    none = board.step(JOB, replace(SLOW, chips=2, capacity=7.9))
    assert (none.seconds, none.used, LIMITS[int(none.limit)]) == (np.inf, 0, "capacity")
    assert board.speed(JOB, replace(SLOW, chips=2, capacity=7.9)) == 0
    rows, _ = board.told(none)
    assert rows["milliseconds"].iloc[:4].isna().all()


def test_memory_and_power_that_are_just_enough_are_enough():
    for n in range(1, 200):
        just = replace(SLOW, chips=n, capacity=16.0 / n, link=1.0)
        assert np.isfinite(board.step(replace(JOB, batch=1000), just).seconds), n
        assert replace(SLOW, chips=n, watts=0.1, budget=0.1 * n).fed == n


def test_chips_without_a_sample_or_without_power_stay_idle():
    assert board.step(JOB, replace(SLOW, chips=100, link=1e9)).used == JOB.batch
    fed = replace(SLOW, chips=100, link=1e9, watts=300.0, budget=1000.0)
    assert fed.fed == 3
    assert board.step(JOB, fed).used == 3
    assert board.speed(JOB, replace(fed, budget=200.0)) == 0  # not even one


@pytest.mark.parametrize(
    ("changed", "limit"),
    [
        ({}, "arithmetic"),
        ({"rate": 100.0}, "memory"),
        ({"chips": 8, "link": 0.1, "rate": 1e-1}, "arithmetic"),
        ({"chips": 8, "link": 0.3}, "links"),
        ({"start": 1e3}, "fixed time"),
        ({"capacity": 15.0}, "capacity"),
        ({"chips": 4, "link": 1e3, "watts": 1.0, "budget": 3.5}, "power"),
        ({"chips": 4, "link": 1e3, "watts": 1.0, "budget": 4.0}, "arithmetic"),
        ({"chips": 20, "link": 1e3, "watts": 1.0, "budget": 9.0}, "arithmetic"),  # the others have no sample anyway
        ({"chips": 4, "link": 1e-6, "watts": 1.0, "budget": 1.5}, "arithmetic"),  # others would only be in the way
        ({"chips": 8, "link": 1e-6, "capacity": 4.0, "watts": 1.0, "budget": 5.0}, "power"),  # seven would send less
        ({"chips": 2, "link": 0.0, "capacity": 8.0}, "links"),  # two hold it, and cannot talk
    ],
)
def test_what_binds_is_named(changed, limit):
    assert LIMITS[int(board.step(JOB, replace(SLOW, **changed)).limit)] == limit


def test_want_of_power_is_told_from_want_of_memory():
    hungry = replace(SLOW, chips=64, capacity=8.0, watts=700.0, budget=1000.0)  # one chip is fed, two hold it
    assert LIMITS[int(board.step(JOB, hungry).limit)] == "power"
    assert LIMITS[int(board.step(JOB, replace(hungry, chips=1)).limit)] == "capacity"


def test_a_step_is_told_in_milliseconds():
    rows, limit = board.told(board.step(JOB, replace(SLOW, start=0.5)))
    assert limit == "arithmetic"
    assert rows["milliseconds"].tolist() == [40_000, 24_000, 48_000, 0, 500, 48_500]
    work, *rest = rows["milliseconds"].iloc[2:]
    assert work + sum(rest[:-1]) == rest[-1]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("chips", 0),
        ("rate", 0.0),
        ("bandwidth", -1.0),
        ("link", -1.0),
        ("capacity", 0.0),
        ("reached", 1.1),
        ("reached", 0.0),
        ("start", -1.0),
        ("watts", -1.0),
        ("budget", 0.0),
        ("rate", float("nan")),
        ("rate", np.array([1.0, 0.0])),
    ],
)
def test_a_machine_that_is_none_is_refused(field, value):
    with pytest.raises(ValueError, match=f"{field} of a machine: .*; expected"):
        replace(SLOW, **{field: value})


# --- more is never slower -----------------------------------------------------------------------------

JOBS = st.builds(
    Job,
    arithmetic=st.lists(st.floats(1e6, 1e14), min_size=2, max_size=2).map(np.array),
    traffic=st.lists(st.just(0.0) | st.floats(1, 1e11), min_size=2, max_size=2).map(np.array),
    weights=st.floats(1e3, 1e12),
    batch=st.integers(1, 10_000),
)
MACHINES = st.builds(
    Machine,
    chips=st.integers(1, 600),
    rate=st.floats(1, 1e4),
    bandwidth=st.floats(1, 1e4),
    link=st.just(0.0) | st.floats(1e-3, 1e4),
    capacity=st.floats(1, 300),
    reached=st.floats(0.01, 1),
    start=st.floats(0, 0.1),
    watts=st.just(0.0) | st.floats(1, 1000),
    budget=st.floats(100, 1e6),
)


@settings(max_examples=400)
@given(job=JOBS, machine=MACHINES, more=st.floats(1, 20))
@pytest.mark.parametrize("field", ["rate", "bandwidth", "link", "capacity", "budget"])
def test_more_of_anything_is_never_slower(field, job, machine, more):
    better = replace(machine, **{field: getattr(machine, field) * more})
    assert board.speed(job, better) >= board.speed(job, machine) * (1 - 1e-9)


@settings(max_examples=400)
@given(job=JOBS, machine=MACHINES, more=st.integers(1, 600))
def test_more_chips_are_never_slower(job, machine, more):
    better = replace(machine, chips=machine.chips + more)
    assert board.speed(job, better) >= board.speed(job, machine) * (1 - 1e-9)


@settings(max_examples=300)
@given(job=JOBS, machine=MACHINES)
def test_no_combination_of_chips_beats_the_one_that_is_chosen(job, machine):
    few = replace(machine, chips=min(machine.chips, 12))
    best = board.speed(job, few)
    assert all(board.speed(job, replace(few, chips=n)) <= best * (1 + 1e-9) for n in range(1, few.chips + 1))


@settings(max_examples=300)
@given(job=JOBS, machine=MACHINES)
def test_power_is_named_where_more_of_it_makes_a_step_faster_and_only_there(job, machine):
    one = board.step(job, machine)
    more = board.speed(job, replace(machine, budget=np.inf)) > board.speed(job, machine)
    assert (LIMITS[int(one.limit)] == "power") == bool(more)


@settings(max_examples=300)
@given(job=JOBS, machine=MACHINES)
def test_without_links_a_board_is_no_faster_than_one_chip(job, machine):
    apart = replace(machine, link=0.0)
    assert board.speed(job, apart) == board.speed(job, replace(apart, chips=1))


@settings(max_examples=200)
@given(machine=MACHINES, weights=st.floats(1e6, 1e9), times=st.floats(1.1, 1000))
def test_the_size_of_a_language_model_cancels_in_the_part_of_the_links(machine, weights, times):
    roomy = replace(machine, capacity=np.inf, start=0.0, link=max(machine.link, 1.0), watts=0.0)
    small, large = (board.step(board.language(n, 4096), roomy) for n in (weights, weights * times))
    assert small.used == large.used
    assert small.links / small.seconds == pytest.approx(float(large.links / large.seconds))


def test_many_machines_at_once_are_as_each_by_itself():
    drawn = board.draws(UNKNOWN, 50, seed=3)
    together = board.speed(PICTURES, board.machine(drawn, 32, start=0.004))
    each = [
        float(board.speed(PICTURES, board.machine({name: float(v[i]) for name, v in drawn.items()}, 32, start=0.004)))
        for i in range(50)
    ]
    assert together == pytest.approx(each)


# --- what is known ------------------------------------------------------------------------------------


def test_known_figures_stand_with_their_standing_and_their_sources():
    chips = tables.load("chips").loc[["dojo-d1", "hw3-fsd", "ai5", "ai6", "h100-sxm"]]
    known = sheets.known(SPECS, chips)
    assert known.loc["AI6"].drop(["state", "source_ids"]).eq(sheets.UNKNOWN).all()
    assert known[sheets.RATE].to_dict() == {
        "Dojo D1": "362 TFLOP/s (claimed)",
        "FSD chip (HW3)": "0.6 TFLOP/s (reported)",
        "AI5": sheets.UNKNOWN,
        "AI6": sheets.UNKNOWN,
        "H100 SXM5 80 GB": "989.4 TFLOP/s (datasheet)",
    }
    assert known["memory"]["AI5"] == "96 or 144 GB (derived, reported)"
    assert known["memory"]["Dojo D1"] == "440 MB on it (paper)"
    assert set(known["source_ids"]["AI5"]) == {"ragex-2025-10", "spiderking-2026-04"}
    assert set(known["source_ids"]["Dojo D1"]) == {"tomshardware-2021-08-20", "ieee-micro-2023-05"}


def test_claims_stand_side_by_side_with_date_and_standing():
    said = sheets.claims(SPECS, ["ai5", "ai6"], tables.load("sources"), ["ratio_to", "power"])
    over = said[said["about"] == "AI5 over AI4"]
    assert dict(zip(over["figure"], over["source of"], strict=True)) == {
        "10 times": "2024-06",
        "40 times": "2025-09-09",
        "50 times": "undated",
    }
    assert said[said["about"] == "power"]["figure"].tolist() == ["150 W"]
    assert said[said["about"] == "power of the vehicle"]["figure"].tolist() == ["800 W"]
    assert said.loc["AI6", "figure"] == "2 times"
    assert set(said["source of"]) >= {"2026-04", "2025-07"}


def test_the_share_fit_for_training_is_read_off_dense_rates():
    found = sheets.fitness(
        SPECS,
        ["h100-sxm", "b200", "a30", "hw3-fsd", "tpu-v4", "groq-lpu1", "l40s", "dojo-d1", "tpu-v2", "ai5", "agx-orin"],
    )
    assert found["share"].round(3).to_dict() == {
        "h100-sxm": 0.5,
        "b200": 0.5,  # not the four-bit rate
        "a30": 0.5,
        "hw3-fsd": 0.008,
        "tpu-v4": 1.0,
        "groq-lpu1": 0.251,
        "l40s": 0.494,  # of its FP8 rate
        "dojo-d1": 1.0,
        "tpu-v2": 1.0,  # no rate in eight bits on record
    }
    assert found["raw"]["l40s"] == 733
    assert sheets.fitness(SPECS, ["qaic100-pro"])["raw"].item() == 375  # of the card, not of the chip by itself
    assert found.loc["h100-sxm", ["raw_id", "fit_id"]].tolist() == ["h100-sxm-int8-dense", "h100-sxm-bf16-dense"]
    assert "wikichip-fsd" in found["source_ids"]["hw3-fsd"]


def test_a_misspelt_chip_or_attribute_is_refused_and_not_left_out():
    with pytest.raises(KeyError, match=r"no chip 'h100-sxn' \(did you mean 'h100-sxm'\?\)"):
        sheets.fitness(SPECS, ["h100-sxn"])
    with pytest.raises(KeyError, match="no chip 'ai55'"):
        sheets.links(SPECS, pd.Series({"ai55": "AI5"}))
    sources = tables.load("sources")
    with pytest.raises(KeyError, match="no chip 'ai55'"):
        sheets.claims(SPECS, ["ai55"], sources, ["power"])
    with pytest.raises(KeyError, match="no attribute 'powr'"):
        sheets.claims(SPECS, ["ai5"], sources, ["power", "powr"])


def test_every_way_to_a_rate_is_the_product_of_what_was_said():
    rates = sheets.rates_said(SPECS)
    by = rates.set_index("rests_on")
    assert by["as_said"][[("ai5-reported-rate-high",)]].item() == 2 * 2500
    car = by.loc[[("hw4-ai4-reported-rate-low", "ai5-compute-ratio-to-ai4")]].iloc[0]
    assert (car["ai5"], car["as_said"], car["halved"]) == (300 / 2 * 8, 2 * 1200, 1200)
    assert car["source_ids"] == ("42how-2023-02-16", "musk-allin-2025-09-09", "teslant-2026-06")
    worked_out = by.loc[[("hw4-ai4-int8-dense", "ai5-compute-ratio-to-ai4")]].iloc[0]
    assert worked_out["as_said"] == pytest.approx(2 * 121.7 * 8)
    assert np.isnan(worked_out["halved"])
    unstated = by.loc[[("hw4-ai4-reported-rate-scope-unknown", "ai5-compute-ratio-to-ai4")]]
    assert unstated["ai5"].tolist() == [256 * 8, 128 * 8]  # of a chip, or of a computer of two
    assert sheets.unplaced(SPECS) == {"AI5": (2000, 2500), "AI4": (121.7, 256)}


def test_links_are_told_in_one_direction_and_those_that_do_not_say_are_left_out():
    names = pd.Series({"h100-sxm": "H100", "tpu-v5p": "TPU v5p", "a100-sxm-80": "A100", "dojo-tile": "tile"})
    found = sheets.links(SPECS, names)
    assert list(zip(found["words"], found["where"], found["rate"], strict=True)) == [
        ("TPU v5p", "To neighbours", 600),  # stated in one direction
        ("H100", "To neighbours", 450),  # half of both
        ("A100", "To neighbours", 300),
        ("H100", "To other servers", 50),
        ("A100", "To other servers", 25),
    ]


def test_a_known_machine_is_built_from_its_data_sheet():
    made = board.built("h100-sxm", 8, link=450, reached=0.4, start=0.005)
    assert made == Machine(8, 989.4, 3350, 450, 80, 0.4, 0.005)
    with pytest.raises(roofline.MissingFigure, match="ai6"):
        board.built("ai6", 8, link=450, reached=0.4, start=0.005)


# --- what is not --------------------------------------------------------------------------------------


def test_ranges_end_at_what_is_on_record():
    ends = {name: (u.low, u.high) for name, u in UNKNOWN.items()}
    assert ends["raw"] == (1024, 5120)
    assert ends["share"] == (pytest.approx(0.6 / 73.7), 1)
    assert ends["bandwidth"] == (1150, 2300)
    assert ends["link"] == (32, 900)
    assert ends["reached"] == (0.25, 0.5)
    assert UNKNOWN["share"].ends == "0.81% to 100%"
    assert UNKNOWN["link"].source_ids == ("tesla-hc34-2022-08", "lockwood-b200")
    assert {"hashnode-fsd-2025", "teslant-2026-06", "icgoodfind-2025-09"} <= set(UNKNOWN["raw"].source_ids)
    assert set(UNKNOWN["share"].source_ids) == {"wikichip-fsd", "0tech-2019-04"}
    assert board.unknowns(SPECS, (0.25, 0.5), "groq-lpu1")["share"].low == pytest.approx(188 / 750)


def test_draws_fill_the_ranges_evenly_on_a_logarithmic_scale_and_are_the_same_every_time():
    drawn = board.draws(UNKNOWN, 20_000)
    for name, u in UNKNOWN.items():
        assert u.low <= drawn[name].min() < u.low * 1.01
        assert u.high * 0.99 < drawn[name].max() <= u.high
        assert np.median(np.log(drawn[name])) == pytest.approx(np.log(u.low * u.high) / 2, abs=0.05)
        assert (drawn[name] == board.draws(UNKNOWN, 20_000)[name]).all()
    assert abs(np.corrcoef(np.log(drawn["raw"]), np.log(drawn["share"]))[0, 1]) < 0.03
    assert board.middle(UNKNOWN)["link"] == pytest.approx((32 * 900) ** 0.5)


def test_the_board_has_the_figures_that_were_chosen():
    chosen = {"raw": 2000.0, "share": 0.25, "bandwidth": 1500.0, "link": 100.0, "reached": 0.4}
    assert board.machine(chosen, 32, start=0.004) == Machine(32, 500.0, 1500.0, 100.0, reached=0.4, start=0.004)


def test_a_swing_is_the_speed_at_one_end_over_the_other():
    # one layer of each kind, a fixed time, no exchange: 8 s of arithmetic at rate 1, 8 s of memory at 1 GB/s
    job = Job(np.array([1e12, 0.0]), np.array([0.0, 1e9]), weights=0, batch=8)
    open_ = {
        "raw": Unknown("raw", 1.0, 4.0, ""),
        "share": Unknown("share", 1.0, 1.0, ""),
        "bandwidth": Unknown("bandwidth", 1.0, 16.0, ""),
        "link": Unknown("link", 1.0, 1.0, ""),
        "reached": Unknown("reached", 1.0, 1.0, ""),
    }
    rows = board.swings(open_, job, 1, start=2.0, number=20_000)
    assert rows.index[:2].tolist() == ["bandwidth", "raw"]
    assert rows["swing"]["bandwidth"] == pytest.approx((4 + 8 + 2) / (4 + 0.5 + 2))  # raw at 2, the middle of 1 and 4
    assert rows["swing"]["raw"] == pytest.approx((8 + 2 + 2) / (2 + 2 + 2))  # memory at 4
    ends = [(8 + 8 + 2) / (8 + 0.5 + 2), (2 + 8 + 2) / (2 + 0.5 + 2)]  # raw at 1, and at 4
    assert rows.loc["bandwidth", ["least", "most"]].tolist() == pytest.approx(ends, rel=0.001)
    assert rows["swing"].drop(["bandwidth", "raw"]).tolist() == pytest.approx([1] * 3)


LANGUAGE = board.language(1e9, 2**21)


def test_the_share_decides_if_it_may_be_as_low_as_in_HW3():
    for job, chips in ((PICTURES, 32), (LANGUAGE, 128)):
        rows = board.swings(UNKNOWN, job, chips, start=0.005)
        assert rows.index[0] == "share"
        assert rows["swing"].iloc[0] > 5 * rows["swing"].iloc[1]
        assert (rows["least"] <= rows["swing"] * 1.001).all()
        assert (rows["most"] >= rows["swing"] * 0.999).all()


def test_it_does_not_if_it_is_at_least_as_large_as_in_the_next_chip():
    higher = board.unknowns(SPECS, (0.25, 0.5), "groq-lpu1")
    for job, chips in ((PICTURES, 32), (LANGUAGE, 128)):
        assert board.swings(higher, job, chips, start=0.005).index[0] != "share"


def test_what_binds_is_told_from_one_share_to_the_next_without_a_gap():
    jobs = {"pictures": PICTURES, "small batch": replace(LANGUAGE, batch=2**18), "large": LANGUAGE}
    rows = board.binding(UNKNOWN, jobs, [8, 512], start=0.005)
    for _, own in rows.groupby(["job", "chips"]):
        assert own["low"].iloc[0] == UNKNOWN["share"].low
        assert own["high"].iloc[-1] == UNKNOWN["share"].high
        assert own["low"].tolist()[1:] == own["high"].tolist()[:-1]
        assert own["limit"].iloc[0] == "arithmetic"
    by = rows.groupby(["job", "chips"])["limit"].apply(list)
    assert by["pictures", 8] == ["arithmetic", "memory"]
    assert by["small batch", 512] == ["arithmetic", "links"]
    assert by["large", 512] == ["arithmetic"]


def test_the_limit_that_is_told_is_the_one_of_a_step_in_the_middle_of_the_stretch():
    rows = board.binding(UNKNOWN, {"pictures": PICTURES}, [512], start=0.005)
    for row in rows.itertuples():
        chosen = board.middle(UNKNOWN) | {"share": (row.low * row.high) ** 0.5}
        assert LIMITS[int(board.step(PICTURES, board.machine(chosen, 512, start=0.005)).limit)] == row.limit


# --- the test and the board are one model -------------------------------------------------------------


def test_larger_machines_are_predicted_with_the_step_of_the_board():
    runs = scaling.runs(tables.load("measured_results"))
    fit = scaling.fitted(runs)
    first, last = "train30-h100-sxmx8-bert-train", "train30-h100-sxmx512-bert-train"
    rows = runs.loc[[first, last]]
    per_chip = rows["batch"] / rows["chips"]
    link = fit.link["h100-sxm"]
    alone = rows["step_ms"][first] / 1e3 - fit.start - board.exchange(8, rows["weights"][first], link)
    seconds_a_sample = alone / per_chip[first]
    job = Job(np.array([seconds_a_sample * 1e12]), np.zeros(1), rows["weights"][last], rows["batch"][last])
    taught = board.step(job, Machine(512, 1.0, 1.0, link, start=fit.start))
    assert 1e3 * taught.seconds == pytest.approx(scaling.predicted(rows, fit)[last])
