"""The bound is one, the fit is fair, and the model holds for chips that it has not seen."""

import numpy as np
import pandas as pd
import pytest

from dojo import mlperf, roofline, tables
from dojo.roofline import BOUND, Case, Chip, Fit

LAYERS = tables.load("network_layers")
RESNET, RETINANET = (LAYERS[LAYERS["network"] == name] for name in ("resnet50", "retinanet"))
PARTS = mlperf.parts(tables.load("measured_results"))
CASES = roofline.cases(PARTS, LAYERS, ["resnet50", "retinanet"])
FIT = roofline.fitted(case for case in CASES if case.network == "resnet50")
TESTED = roofline.calibrated(CASES)
OFF = roofline.worst(TESTED)


def layer(macs=0, weights=0, inside=0, out=0, shared="") -> dict:
    return {"macs": macs, "weights": weights, "in_elements": inside, "out_elements": out, "weights_shared": shared}


# --- the bound ----------------------------------------------------------------------------------------

#: 1 TOP/s and 1 GB/s: a million multiply-accumulates take 2 us, a thousand bytes 1 us
SLOW = Chip(rate=1.0, bandwidth=1.0)
BATCHES = [2**n for n in range(12)]


@pytest.mark.parametrize(
    ("layers", "batch", "on", "stays", "microseconds"),
    [
        ([layer(macs=10**6, weights=10)], 1, SLOW, None, 2),  # arithmetic is longer
        ([layer(macs=10**6, weights=3000)], 1, SLOW, None, 3),  # the weights are
        ([layer(macs=10**6, weights=3000)], 4, SLOW, None, 8),  # shared by four they are not
        ([layer(macs=10**6, inside=1000, out=4000)], 2, SLOW, None, 10),  # what is handed on is longer
        ([layer(macs=10**6, inside=1000, out=4000)], 2, SLOW, True, 4),
        ([layer(macs=10**6, inside=1000, out=4000)], 2, Chip(1, 1, on_chip=0.01), None, 4),  # fits just
        ([layer(macs=10**6, inside=1000, out=4000)], 2, Chip(1, 1, on_chip=0.005), None, 5),  # half of it does
        ([layer(macs=10**6, inside=1000, out=4000)], 2, Chip(1, 1, on_chip=1), False, 10),
        ([layer(macs=10**6, weights=4000, inside=500, out=500)], 1, Chip(1, 1, on_chip=0.005), None, 2),  # all stays
        (
            [layer(macs=10**6, weights=4000, inside=500, out=3000)],
            1,
            Chip(1, 1, on_chip=0.005),
            None,
            2.5,
        ),  # of 4 kB 1.5
        ([layer(macs=10**6, weights=4000, inside=500, out=3000)], 1, Chip(1, 1, on_chip=0.005), True, 2),
        ([layer(10**6, 3000), layer(10**6, 3000)], 1, Chip(1, 1, on_chip=0.003), None, 4),  # half of the weights stay
        ([layer(10**6, 3000), layer(10**6, 3000)], 1, Chip(1, 1, on_chip=0.001), None, 5),
        ([layer(macs=10**6, weights=3000)], 1, Chip(1, 1, width=2), None, 6),  # two bytes a number
        ([layer(macs=10**6, out=9000), layer(inside=9000, out=3000)], 1, SLOW, None, 3),  # a pool, done along with it
        ([layer(10**6, 4000), layer(10**6, 4000, shared="yes")], 1, Chip(1, 1, on_chip=0.004), None, 4),  # kept once
        ([layer(10**6, 4000), layer(10**6, 4000, shared="yes")], 1, SLOW, None, 6),  # fetched once
        ([layer(10**6, 4000), layer(1, 4000, shared="yes")], 1, SLOW, None, 4.000002),
        ([layer(macs=10**6, inside=1000, out=4000)], 1, Chip(1, 1, width=2), None, 10),  # two bytes a number here too
        ([layer(macs=10**6, weights=3000)], 1, Chip(1, 1, on_chip=1), False, 3),
        ([layer(inside=9, out=9000), layer(macs=10**6)], 1, SLOW, None, 2),  # what comes before is no layer's work
    ],
)
def test_a_layer_takes_as_long_as_the_longer_of_arithmetic_and_data(layers, batch, on, stays, microseconds):
    assert roofline.least(pd.DataFrame(layers), on, batch, stays) == pytest.approx(microseconds * 1e-6)


def test_the_time_of_a_fit_is_the_bound_stretched_and_a_start_for_each_layer():
    two = pd.DataFrame([layer(macs=10**6), layer(macs=10**6), layer(inside=9)])
    assert roofline.seconds(two, SLOW, 1) == pytest.approx(4e-6)
    assert roofline.seconds(two, SLOW, 1, Fit(0.5, 1e-6)) == pytest.approx(10e-6)


@pytest.mark.parametrize("network", [RESNET, RETINANET])
def test_more_of_anything_is_never_slower(network):
    base = roofline.chip("l4")
    for better in (
        Chip(2 * base.rate, base.bandwidth, base.on_chip),
        Chip(base.rate, 2 * base.bandwidth, base.on_chip),
        Chip(base.rate, base.bandwidth, 2 * base.on_chip),
    ):
        for batch in (1, 8, 64):
            assert roofline.least(network, better, batch) <= roofline.least(network, base, batch)
    times = [roofline.least(network, base, batch) for batch in BATCHES]
    assert times == sorted(times)


def test_a_batch_is_cut_as_is_best():
    chip = Chip(rate=1.0, bandwidth=1.0, on_chip=0.005)  # what one image hands on fits, of two it does not
    one = pd.DataFrame([layer(macs=10**6, inside=1000, out=4000)])
    assert roofline.least(one, chip, 4) == pytest.approx(15e-6)
    assert roofline.seconds(one, chip, 4) == pytest.approx(8e-6)  # one after another
    assert roofline.seconds(one, chip, 4, Fit(1, 5e-6)) == pytest.approx(20e-6)  # but each would have to be started
    assert roofline.parts_of(12) == (1, 2, 3, 4, 6, 12)


def test_what_stays_on_the_chip_can_be_said():
    chip = Chip(rate=1.0, bandwidth=1.0, on_chip=0.005)
    one = pd.DataFrame([layer(macs=10**6, inside=1000, out=9000)])
    assert [roofline.seconds(one, chip, 1, stays=stays) for stays in (None, True, False)] == pytest.approx(
        [5e-6, 2e-6, 10e-6]
    )
    assert [roofline.bulk(one, chip, stays=stays) for stays in (None, True, False)] == pytest.approx([2e5, 5e5, 1e5])


def test_a_layer_is_started_if_it_multiplies_at_all():
    assert roofline.steps(pd.DataFrame([layer(macs=1), layer(), layer(macs=2)])) == 2


@pytest.mark.parametrize("batch", [0, -1, 2.5])
def test_a_batch_that_is_none_is_refused(batch):
    with pytest.raises(ValueError, match=f"batch: {batch}; expected"):
        roofline.seconds(RESNET, SLOW, batch)


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("rate", 0, "more than zero"),
        ("bandwidth", -1, "more than zero"),
        ("on_chip", -1, "zero or more"),
        ("width", float("nan"), "more than zero"),
    ],
)
def test_a_chip_that_is_none_is_refused(field, value, expected):
    with pytest.raises(ValueError, match=rf"^{field} of a chip: {value}; expected {expected}$"):
        Chip(**{"rate": 1.0, "bandwidth": 1.0, field: value})


def test_layers_and_cases_that_are_none_are_refused():
    with pytest.raises(
        ValueError, match=r"^layers: none with weights; expected the rows of one network in network_layers$"
    ):
        roofline.least(LAYERS.iloc[:0], SLOW, 1)
    with pytest.raises(ValueError, match=r"^cases: none of one; both are needed for two numbers$"):
        roofline.fitted(case for case in CASES if case.scenario == "bulk")
    with pytest.raises(ValueError, match=r"^cases: none of bulk and none of one; both are needed for two numbers$"):
        roofline.fitted([])


@pytest.mark.parametrize(
    ("row", "unit", "expected"),
    [
        ("l4-on-chip-sram", "GB", "MB"),
        ("l4-int8-dense", "GB/s", "TOP/s or TFLOP/s"),
        ("l4-memory-bandwidth", "GB", "GB/s"),
    ],
)
def test_a_figure_in_another_unit_is_refused(copy, monkeypatch, row, unit, expected):
    specs = list(tables.everything()["chip_specs"].rows)
    copy.cell("chip_specs", specs.index(row), "unit", unit)
    monkeypatch.setattr(tables, "DATA", copy.root)
    with pytest.raises(KeyError) as caught:
        roofline.chip("l4")
    assert caught.value.args == (f"chip_specs gives {row} in {unit}; expected {expected}",)


def test_a_case_is_the_measured_time_beside_the_right_engines():
    orin = {case.scenario: case for case in CASES if (case.chip_id, case.network) == ("agx-orin", "resnet50")}
    whole, alone = roofline.chip("agx-orin"), roofline.chip("agx-orin", alone=True)
    assert [orin[name].measured for name in ("one", "eight")] == pytest.approx([0.640259e-3, 2.182145e-3])
    assert orin["bulk"].measured / orin["bulk"].batch == pytest.approx(1 / 6423.63)
    assert orin["one"].least == {1: roofline.least(RESNET, alone, 1)}
    assert orin["eight"].least[8] == roofline.least(RESNET, alone, 8)
    assert orin["bulk"].least[64] == roofline.least(RESNET, whole, 64)
    assert set(orin["eight"].least) == {1, 2, 4, 8}


def test_bulk_is_no_slower_than_any_batch():
    chip = roofline.chip("l4")
    rates = [batch / roofline.seconds(RESNET, chip, batch, FIT) for batch in BATCHES]
    assert roofline.bulk(RESNET, chip, FIT) == pytest.approx(max(rates))
    assert rates[0] < max(rates) / 3


def test_no_measured_result_beats_the_bound():
    assert min(case.factor(BOUND) for case in CASES) > 1.3


def test_some_would_beat_it_if_nothing_stayed_on_the_chip():
    travelling = roofline.cases(PARTS, LAYERS, ["resnet50", "retinanet"], stays=False)
    beaten = {(c.chip_id, c.network, c.scenario) for c in travelling if c.factor(BOUND) < 1}
    assert beaten == {("qaic100-pro", "resnet50", "bulk"), ("qaic100-pro", "resnet50", "eight")}


# --- chips ---------------------------------------------------------------------------------------------


def test_only_dense_rates_are_read():
    assert roofline.chip("agx-orin") == Chip(137.5, 204.8, 4.0, 1.0)  # the maker prints 275, sparse
    assert roofline.chip("agx-orin", alone=True).rate == 85
    assert roofline.chip("l4", alone=True) == roofline.chip("l4")
    assert roofline.chip("h100-sxm", "bf16") == Chip(989.4, 3350, 50, 2)
    assert roofline.chip("hw3-fsd").rate == 73.7  # both accelerators of one chip
    sparse = tables.load("chip_specs").query("format == 'int8' and sparsity == 'sparse'")
    for chip_id in ("a100-sxm-80", "a2", "agx-orin", "h100-pcie", "h100-sxm", "l4", "orin-nx-16"):
        printed = sparse[sparse["chip_id"] == chip_id]["value"].item()
        assert roofline.chip(chip_id).rate == pytest.approx(printed / 2, rel=0.01)


@pytest.mark.parametrize(
    ("chip_id", "form", "said"),
    [
        (
            "dojo-d1",
            "int8",
            "chip_specs gives no single dense peak rate in int8 and no single memory bandwidth for 'dojo-d1'",
        ),
        ("hw3-fsd", "bf16", "chip_specs gives no single dense peak rate in bf16 for 'hw3-fsd'"),
        ("h100", "int8", "chip_specs has no chip 'h100'"),
        ("l4", "int9", "no row 'int9' in number_formats (did you mean 'int8'?)"),
    ],
)
def test_a_missing_figure_is_named(chip_id, form, said):
    with pytest.raises(KeyError) as caught:
        roofline.chip(chip_id, form)
    assert caught.value.args == (said,)


def test_bounds_leave_out_chips_without_a_rate():
    with pytest.raises(KeyError, match="no row 'int9'"):
        roofline.bounds(RESNET, ["l4"], "int9")
    with pytest.raises(KeyError, match="no chip 'l5'"):
        roofline.bounds(RESNET, ["l5"])
    found = roofline.bounds(RESNET, ["hw3-fsd", "l4"], "bf16")
    assert list(found.index) == ["l4"]
    assert found.loc["l4", "source_ids"] == ("epoch-ml-hardware-2026-01", "cputronic-l4")
    own = roofline.bounds(RESNET, ["hw3-fsd"], batch=1).loc["hw3-fsd"]
    assert own["at_least_ms"] == pytest.approx(1000 / own["at_most_a_second"], rel=0.01)
    assert own["at_most_a_second"] == pytest.approx(
        73.7e12 / (2 * RESNET["macs"].sum()), rel=1e-3
    )  # all fits on the chip
    assert own["if_nothing_stays"] < own["at_most_a_second"] / 5
    assert roofline.bounds(RESNET, ["hw3-fsd"], batch=64).loc["hw3-fsd", "at_most_a_second"] == own["at_most_a_second"]


def test_bounds_are_those_of_the_whole_chip_for_one_image_unless_said():
    found = roofline.bounds(RESNET, ["agx-orin", "l4"])
    assert found.index.name == "chip"
    for chip_id, bound in found.iterrows():
        least = roofline.seconds(RESNET, roofline.chip(chip_id), 1)
        assert bound["at_least_ms"] == round(1000 * least, 3)
        assert bound["at_most_a_second"] == round(1 / least)
        assert bound["if_nothing_stays"] == round(1 / roofline.seconds(RESNET, roofline.chip(chip_id), 1, stays=False))
    many = roofline.bounds(RETINANET, ["l4"], batch=64).loc["l4", "at_least_ms"]
    assert many == round(1000 * roofline.seconds(RETINANET, roofline.chip("l4"), 64), 3) > 10


# --- the fit -------------------------------------------------------------------------------------------


def test_the_fit_finds_the_numbers_that_made_its_cases():
    truth = Fit(0.31, 2.2e-6)  # not where the search begins
    made = []
    for case in CASES:
        if case.network == "resnet50":
            made.append(Case(**{**vars(case), "measured": case.predicted(truth)}))
    found = roofline.fitted(made)
    assert (found.utilisation, found.start) == pytest.approx((truth.utilisation, truth.start), rel=1e-8)


def test_leaving_one_out_reaches_what_the_text_promises():
    assert OFF["median"]["resnet50", "bulk"] <= 1.2
    assert OFF["worst"]["resnet50", "bulk"] <= 1.75
    assert OFF["worst"]["resnet50", "one"] <= 2
    assert OFF["results"]["resnet50", "bulk"] == 8
    assert (TESTED["off"] >= 1).all()
    assert np.allclose(np.log(TESTED["off"]), np.abs(np.log(TESTED["measured_ms"] / TESTED["predicted_ms"])))


def test_each_row_holds_its_case_beside_bound_and_prediction():
    for case, row in zip(CASES, TESTED.itertuples(), strict=True):
        assert (row.network, row.chip_id, row.scenario, row.images) == (
            case.network,
            case.chip_id,
            case.scenario,
            case.batch,
        )
        assert row.measured_ms == 1000 * case.measured
        assert row.bound_ms == 1000 * case.predicted(BOUND)
        assert row.factor == pytest.approx(row.measured_ms / row.predicted_ms)


def test_the_worst_of_each_kind_is_named_in_the_order_in_which_they_come():
    assert [*OFF.index] == [*dict.fromkeys(zip(TESTED["network"], TESTED["scenario"], strict=True))]
    assert [*OFF.index] != sorted(OFF.index)
    for kind, row in OFF.iterrows():
        rows = TESTED[(TESTED["network"] == kind[0]) & (TESTED["scenario"] == kind[1])]
        assert rows.set_index("chip_id")["off"].idxmax() == row["worst_chip"]


def test_a_chip_of_no_design_that_others_share_is_its_own():
    assert roofline.silicon("l4") == "l4"
    assert roofline.silicon("a30") == roofline.silicon("a100-sxm-80") == "GA100"


def test_eight_at_a_time_take_no_part_in_the_fit():
    resnet = [case for case in CASES if case.network == "resnet50"]
    assert roofline.fitted(case for case in resnet if case.scenario != "eight") == FIT


def test_the_fixed_time_is_nearly_half_of_one_small_picture_or_more():
    for case in CASES:
        if (case.network, case.scenario) == ("resnet50", "one"):
            assert FIT.start * case.steps > 0.45 * case.predicted(FIT)


def test_a_chip_and_others_of_its_design_take_no_part_in_their_own_prediction():
    spoiled = [
        Case(**{**vars(case), "measured": case.measured * 10}) if roofline.silicon(case.chip_id) == "GA100" else case
        for case in CASES
    ]
    ours, theirs = (
        roofline.calibrated(which).set_index(["network", "chip_id", "scenario"])["predicted_ms"]
        for which in (CASES, spoiled)
    )
    twins = ours.index.get_level_values("chip_id").isin(["a100-pcie-80", "a100-sxm-80", "a30"])
    assert set(roofline.SILICON) <= set(tables.load("chips").index)
    assert np.allclose(ours[twins], theirs[twins], rtol=1e-6)
    assert not np.allclose(ours[~twins], theirs[~twins], rtol=0.05)


def test_the_large_network_is_never_in_the_fit():
    spoiled = [
        Case(**{**vars(case), "measured": case.measured * 10}) if case.network == "retinanet" else case
        for case in CASES
    ]
    assert np.allclose(roofline.calibrated(spoiled)["predicted_ms"], TESTED["predicted_ms"], rtol=1e-6)
    assert (TESTED.query("network == 'retinanet'")["factor"] > 1).all()  # too fast throughout, says the title


#: MLPerf Inference v3.1, offline, ResNet-50, of parts that measured_results does not hold
UNSEEN = {"h100-pcie": 54_851, "orin-nx-16": 2_641}


@pytest.mark.parametrize("chip_id", UNSEEN)
def test_chips_that_are_not_in_the_record_are_predicted_too(chip_id):
    assert chip_id not in PARTS.index.get_level_values("chip_id")
    factor = roofline.bulk(RESNET, roofline.chip(chip_id), FIT) / UNSEEN[chip_id]
    assert 1 / 1.3 < factor < 1.3
