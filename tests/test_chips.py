"""Unlike figures are never compared, and figures told twice agree."""

import pytest

from dojo import chips, tables
from publish import __main__

SPECS = "data/chips/chip_specs.csv"


def ratio(one: str, other: str, **options) -> float:
    return chips.ratio(chips.quantity(one), chips.quantity(other), **options)


def line(row_id: str) -> int:
    return tables.find(row_id)[0].line


# --- comparing ----------------------------------------------------------------------------------


def test_like_is_compared_with_like():
    assert ratio("dojo-d1-on-chip-sram", "hw3-fsd-on-chip-sram") == 440 / 64
    assert ratio("dojo-d1-tdp", "hw3-fsd-tdp") == 10
    formats = ratio("multiply-bf16-7nm", "multiply-int8-7nm", across=["format"])
    assert formats == pytest.approx(3)
    wall = ratio("train40-h100-sxmx8-retinanet-train-3", WALL)
    assert wall == pytest.approx(6861 / 22.27, rel=1e-4)


WALL = "inf31-agx-orinx1-retinanet-bulk-maxeff"
MIXED = {
    "a tile with a chip": (
        "dojo-tile-bf16-dense",
        "dojo-d1-bf16-dense",
        [("dojo-d1-bf16-dense", "scope", "'chip'; expected 'tile', the scope of")],
    ),
    "sparse with dense": (
        "agx-thor-fp4-dense",
        "agx-thor-fp4-sparse",
        [
            ("agx-thor-fp4-sparse", "comparable", "'no'; expected a dense rate in a stated format"),
            ("agx-thor-fp4-sparse", "sparsity", "'sparse'; expected 'dense', the sparsity of"),
        ],
    ),
    "bf16 with int8": (
        "tpu-v4-bf16-dense",
        "tpu-v4-int8-dense",
        [
            ("tpu-v4-int8-dense", "format", "'int8'; expected 'bf16', the format of"),
            ("tpu-v4-int8-dense", "unit", "'TOP/s'; expected 'TFLOP/s', the unit of"),
        ],
    ),
    "power with delivery and without": (
        "hw3-fsd-computer-power-limit",
        "hw3-fsd-tdp",
        [
            ("hw3-fsd-tdp", "scope", "'chip'; expected 'vehicle'"),
            ("hw3-fsd-tdp", "basis", "'design'; expected 'design with delivery'"),
        ],
    ),
    "design power with wall power": (
        "agx-orin-tdp",
        "inf31-agx-orinx1-retinanet-bulk-maxeff",
        [
            (
                "inf31-agx-orinx1-retinanet-bulk-maxeff",
                "power_scope",
                "'system_wall', that is 'node'; expected 'board'",
            ),
            (
                "inf31-agx-orinx1-retinanet-bulk-maxeff",
                "power_scope",
                "'system_wall', that is 'at the wall'; expected 'design'",
            ),
        ],
    ),
    "one direction with both": (
        "tpu-v5p-interconnect-bandwidth",
        "tpu-v5e-interconnect-bandwidth",
        [("tpu-v5e-interconnect-bandwidth", "basis", "'both directions'; expected 'one direction'")],
    ),
    "a direction that is not stated": (
        "dojo-tile-off-tile-bandwidth",
        "dojo-tile-off-tile-bandwidth",
        [("dojo-tile-off-tile-bandwidth", "basis", "'not stated'; expected a kind of power or a direction")] * 2,
    ),
    "two kinds of process": (
        "multiply-int8-45nm",
        "multiply-int8-7nm",
        [("multiply-int8-7nm", "process_nm", "'7', that is '7 nm'; expected '45 nm'")],
    ),
}


@pytest.mark.parametrize("what", MIXED)
def test_the_error_says_what_was_mixed_and_where(what):
    one, other, expected = MIXED[what]
    with pytest.raises(chips.MixedError) as caught:
        ratio(one, other)
    head, *said = str(caught.value).splitlines()
    assert head == f"{one} and {other} cannot be compared:"
    assert len(said) == len(expected)
    for message, (row_id, column, words) in zip(said, expected, strict=True):
        row = tables.find(row_id)[0]
        assert message.startswith(f"{row.table.file}, line {row.line}, column {column}: {words}"), message


def test_only_format_and_attribute_may_be_crossed():
    with pytest.raises(ValueError, match="no comparison may cross scope, basis; only attribute or format"):
        ratio("dojo-tile-power", "hw3-fsd-tdp", across=["scope", "basis"])
    # crossing the format does not let a sparse rate through
    with pytest.raises(chips.MixedError, match="column sparsity"):
        ratio("agx-thor-fp8-dense", "agx-thor-fp4-sparse", across=["format"])


def test_a_share_of_one_chip_needs_the_count_of_that_machine():
    tile = chips.each(chips.quantity("dojo-tile-power"), chips.quantity("dojo-tile-chips"))
    assert (tile.value, tile.scope, tile.basis) == (600, "chip", "design with delivery")
    with pytest.raises(chips.MixedError) as caught:
        chips.each(chips.quantity("dojo-tile-power"), chips.quantity("hw3-fsd-chips"))
    assert str(caught.value) == (
        f"{SPECS}, line {line('hw3-fsd-chips')}, column chip_id: 'hw3-fsd'; expected 'dojo-tile', "
        f"as {SPECS}, line {line('dojo-tile-power')}, column chip_id"
    )
    with pytest.raises(chips.MixedError, match=r"column attribute: 'cores'; expected a count of chips"):
        chips.each(chips.quantity("dojo-tile-power"), chips.quantity("dojo-d1-cores"))


def test_a_figure_that_is_not_there_is_named():
    with pytest.raises(KeyError, match="dojo-d1-tdp"):
        chips.quantity("dojo-d1-tpd")
    no_power = "inf20-a100-sxm-80x1-bert-99-bulk-maxper"
    with pytest.raises(ValueError, match=rf"line {line(no_power)}, column power_w: ''; expected a reading of power"):
        chips.quantity(no_power)


def test_every_figure_of_a_chip_can_be_read():
    for name in ("chip_specs", "energy_per_op"):
        for row_id, row in tables.everything()[name].rows.items():
            assert chips.quantity(row_id).row is row
    metered = [i for i, row in tables.everything()["measured_results"].rows.items() if row.cells["power_w"]]
    assert {chips.quantity(row_id).basis for row_id in metered} == {"at the wall"}


# --- one example --------------------------------------------------------------------------------


def test_the_way_back_costs_twice_the_way_forward_but_for_the_first_layer():
    layers = tables.load("network_layers")
    resnet = layers[layers.index.str.startswith("resnet50-")]
    ways = chips.passes(resnet)
    assert ways["forward"] == ways["errors of weights"]
    first = resnet["macs"][resnet["macs"] > 0].iloc[0] / 1e9
    assert ways["forward"] - ways["passed on"] == pytest.approx(first)
    row = tables.find("arithmetic-per-example")[0].cells
    assert ways["forward"] == pytest.approx(float(row["number_inference"]), rel=1e-4)
    assert sum(ways.values()) == pytest.approx(float(row["number_training"]), rel=1e-4)


# --- needs --------------------------------------------------------------------------------------


def test_needs_are_ratios_of_single_chips():
    needs = chips.needs(tables.load("requirements"))
    assert needs["ratio"].round(2).to_dict() == pytest.approx(
        {
            "state-per-weight": 8,
            "arithmetic-per-example": 2.97,
            "energy-multiply-7nm": 3,
            "on-chip-memory": 6.88,
            "external-bandwidth-tesla": 2.64,
            "power-budget-tesla": 12,
            "link-bandwidth-tesla": float("nan"),
        },
        nan_ok=True,
    )
    assert needs["up_to"].dropna().to_dict() == {"state-per-weight": 20}
    assert needs["training"]["power-budget-tesla"] == 15_000 / 25
    assert needs["inference"]["power-budget-tesla"] == 100 / 2
    assert list(needs.index[needs["second_hand"]]) == [
        "on-chip-memory",
        "external-bandwidth-tesla",
        "power-budget-tesla",
    ]


def test_words_and_figures_stand_side_by_side():
    sides = chips.side_by_side(tables.load("requirements"))
    power = sides.loc["Power of the machine, measured"]
    assert power["training"] == "Eight H100, training RetinaNet: 6,861 W, for a server"
    assert power["inference"].endswith("running RetinaNet: 22.27 W, for a board")
    assert sides["training"]["Bandwidth to other chips"] == "All outer links of Dojo: 36,000 GB/s, for a tile"
    assert sides["inference"]["Traffic to agree on gradients"] == "No gradients"
    assert sides["inference"]["Cooling"] == "Air or the car's own coolant"
    assert sides["inference"]["Share of peak rate reached, PaLM"] == ""
    assert sides["training"]["Smallest number that survives"].endswith(": 0.00000006 smallest FP16 value")
    assert sides["training"]["On-chip memory"] == "440 MB per Dojo D1"


# --- figures told twice -------------------------------------------------------------------------


def test_the_tables_agree():
    assert chips.check(tables.everything()) == []


def test_a_requirement_that_differs_from_its_row_is_named(copy):
    row = [record[0] for record in copy.records("requirements")[1:]].index("on-chip-memory")
    copy.cell("requirements", row, "number_training", "404")
    problems = chips.check(tables.read(copy.root))
    assert [str(problem) for problem in problems] == [
        f"data/chips/requirements.csv, line {row + 2}, column number_training: '404'; "
        "expected a figure of dojo-d1-on-chip-sram, hw3-fsd-on-chip-sram: 64, 440"
    ]


def test_a_chip_whose_figure_changes_is_named_too(copy, monkeypatch, capsys):
    row = [record[0] for record in copy.records("chip_specs")[1:]].index("hw3-fsd-memory-bandwidth")
    copy.cell("chip_specs", row, "value", "34")
    monkeypatch.setattr(tables, "DATA", copy.root)
    assert __main__.main(["--check"]) == 1
    message = "column number_inference: '68.3'; expected a figure of dojo-tile-memory-feed-bandwidth, "
    assert message in capsys.readouterr().err
