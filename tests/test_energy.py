"""Watts, range and picojoules."""

import pytest

from dojo import energy, tables

LAYERS = tables.load("network_layers")
ENERGIES = tables.load("energy_per_op")


def test_a_load_shortens_the_range_by_its_share_of_all_that_is_used():
    assert energy.lost_range(300, 30, 290) == pytest.approx(10 / 300)
    assert energy.lost_range(0, 30, 290) == 0
    assert energy.lost_range(800, 15, 290) > energy.lost_range(800, 30, 290)
    car = tables.load("vehicle_energy")["value"]
    share = car["share-model3-ai5-2024-remark"] / 100  # of what driving takes, which is another ratio
    lost = energy.lost_range(800, car["mean-speed"], car["model3-2017-wall-consumption"])
    assert lost == pytest.approx(share / (1 + share), rel=1e-3)


@pytest.mark.parametrize(
    ("values", "said"), [((-1, 30, 290), "watts: -1"), ((1, 0, 290), "mph: 0"), ((1, 1, 0), "Wh: 0")]
)
def test_a_range_that_makes_no_sense_is_refused(values, said):
    with pytest.raises(ValueError, match=said):
        energy.lost_range(*values)


def test_a_year_in_a_hall_has_all_its_hours():
    assert energy.year_in_a_hall(1000, 0.10) == pytest.approx(876.6)


def test_the_table_of_car_and_hall():
    rows = energy.car_and_hall([100, 800], [15, 30], 267.5, 0.10)
    assert list(rows.columns) == ["15 mph (24 km/h)", "30 mph (48 km/h)", "in a data centre, $ a year"]
    assert list(rows.loc["800 W"]) == ["16.6%", "9.1%", "701"]


def test_fetching_is_counted_for_one_number_of_eight_bits():
    rows = energy.operations(ENERGIES)
    ordinary = rows.loc["fetch one from ordinary memory (DDR4)"]
    assert ordinary["picojoules"] == 1300 / 8
    assert ordinary["times"] == pytest.approx(1300 / 8 / 0.07)
    outside = rows.loc[[name for name in rows.index if "HBM2" in name or "DDR4" in name], "times"]
    assert outside.between(400, 2500).all()  # hundreds to thousands, says the title


def test_weights_are_shared_by_a_batch_and_arithmetic_is_not():
    rows = energy.picture(LAYERS, shared_by=64)
    small, large = rows["resnet50"], rows["retinanet"]
    assert small["arithmetic"] == pytest.approx(4.0892e9 * 0.1 / 1e9, rel=1e-3)
    alone = "weights, fetched for one picture"
    assert small[alone] == pytest.approx(25.503e6 * 1300 / 8 / 1e9, rel=1e-3)
    assert small["weights, fetched once for 64"] == pytest.approx(small[alone] / 64)
    assert large[alone] == pytest.approx(37.054e6 * 1300 / 8 / 1e9, rel=1e-3)  # those used in several places once
    assert small[alone] > 10 * small["arithmetic"]
    assert large[alone] < large["arithmetic"] / 3
    assert large["what layers hand on, if all of it travels"] == pytest.approx(474.6e6 * 1300 / 8 / 1e9, rel=0.02)
