"""Rounding equals ml_dtypes and gfloat bit for bit, a coin is fair, and no impossible format passes."""

from functools import cache
from itertools import pairwise

import gfloat
import ml_dtypes
import numpy as np
import pytest
from gfloat.types import Domain, FormatInfo

from dojo import formats, tables
from dojo.formats import Format

#: the numpy type that is the reference for a format, and the power of two between the two (see number_formats.csv)
REFERENCE = {
    "bf16": ml_dtypes.bfloat16,
    "fp16": np.float16,
    "fp8-e4m3": ml_dtypes.float8_e4m3fn,
    "fp8-e5m2": ml_dtypes.float8_e5m2,
    "mxfp6-e3m2": ml_dtypes.float6_e3m2fn,
    "mxfp6-e2m3": ml_dtypes.float6_e2m3fn,
    "fp4-e2m1": ml_dtypes.float4_e2m1fn,
}
#: CFloat8 as a power of two times a type whose highest exponent holds numbers too
STAND_INS = {"cfloat8-1-4-3": (ml_dtypes.float8_e4m3fnuz, 8), "cfloat8-1-5-2": (ml_dtypes.float8_e5m2fnuz, 16)}


def bits(x):
    return x.view(np.uint32 if x.dtype == np.float32 else np.uint64)


def same(found, expected):
    """Equal bit for bit; every NaN counts as the same."""
    return np.array_equal(np.isnan(found), np.isnan(expected)) and np.array_equal(
        bits(found)[~np.isnan(found)], bits(expected)[~np.isnan(expected)]
    )


@cache
def inputs() -> np.ndarray:
    """All 16-bit floats of both kinds, a million random bit patterns, a million sizes evenly over all powers of two."""
    rng = np.random.default_rng(5)
    codes = np.arange(2**16, dtype=np.uint32)
    wide = (codes << 16).view(np.float32)
    half = codes.astype(np.uint16).view(np.float16).astype(np.float32)
    patterns = rng.integers(0, 2**32, 1_000_000, dtype=np.uint32).view(np.float32)
    sizes = (2.0 ** rng.uniform(-140, 127, 1_000_000) * rng.choice([-1, 1], 1_000_000)).astype(np.float32)
    edges = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-45, -1e-45], np.float32)
    return np.concatenate([wide, half, patterns, sizes, edges])


def ties(form: Format, dtype=np.float32) -> np.ndarray:
    """Each value of a format, each middle between two, their neighbours in the type, of both signs."""
    values = form.values() if form.bits <= 16 else np.array([form.smallest, 1.0, form.largest])
    middles = (values[1:] + values[:-1]) / 2
    beyond = [values[-1] + (values[-1] - values[-2]) / 2]
    with np.errstate(over="ignore"):
        found = np.concatenate([values, middles, beyond]).astype(dtype)
        found = np.concatenate([found, np.nextafter(found, dtype(np.inf)), np.nextafter(found, dtype(0))])
    return np.concatenate([found, -found])


def clipped(x, form):
    return np.clip(x, -form.largest, form.largest)


# --- to nearest ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", REFERENCE)
def test_nearest_is_the_cast_of_the_reference(name):
    form = formats.named(name)
    x = np.concatenate([inputs(), ties(form)])
    x = x[~np.isnan(x)]  # some of these types have no NaN
    assert same(formats.nearest(x, form), clipped(x, form).astype(REFERENCE[name]).astype(np.float32))


@pytest.mark.parametrize("name", STAND_INS)
def test_cfloat8_is_its_stand_in_at_every_bias(name):
    kind, offset = STAND_INS[name]
    few = inputs()[::40]
    for bias in range(64):
        form = formats.named(name).with_bias(bias)
        x = np.concatenate([few, ties(form)])
        x = x[~np.isnan(x)]
        factor = 2.0 ** (bias - offset)
        expected = (clipped(x, form).astype(np.float64) * factor).astype(kind).astype(np.float64) / factor
        # the stand-in has no minus zero
        assert same(formats.nearest(x, form) + np.float32(0), expected.astype(np.float32)), bias


def info(form: Format) -> FormatInfo:
    """The format as gfloat describes formats, without infinity, as rounding here saturates."""
    high = {"ieee": 2**form.mantissa_bits, "fn": 1, "full": 0}[form.top]
    return FormatInfo(
        name=form.name,
        k=form.bits,
        precision=form.mantissa_bits + 1,
        bias=form.bias,
        is_signed=True,
        domain=Domain.Finite,
        has_nz=True,
        num_high_nans=high,
        has_subnormals=True,
        is_twos_complement=False,
    )


FLOATS = [name for name, form in formats.known().items() if form.exponent_bits and form.signed and name != "fp64"]


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nearest_is_what_gfloat_finds(name, dtype):
    form = formats.named(name)
    few = inputs()[::8]
    x = np.concatenate([few[~np.isnan(few)].astype(dtype), ties(form, dtype)])
    expected = gfloat.round_ndarray(info(form), x.astype(np.float64), gfloat.RoundMode.TiesToEven, sat=True)
    assert same(formats.nearest(x, form), expected.astype(dtype))


def test_float64_is_rounded_once():
    """Just above the middle of two bf16 values, by less than float32 can tell: up, not to even."""
    above = np.array([1 + 2.0**-8 + 2.0**-40])
    assert formats.nearest(above, "bf16")[0] == 1 + 2.0**-7
    assert formats.nearest(above.astype(np.float32), "bf16")[0] == 1


@pytest.mark.parametrize("width", [2, 4, 8, 16])
def test_whole_numbers_are_rounded_alike_on_both_sides(width):
    form = formats.named(f"int{width}")
    x = np.concatenate([inputs(), ties(form)])
    x = x[~np.isnan(x)]
    most = 2 ** (width - 1) - 1
    assert same(formats.nearest(x, form), np.rint(np.clip(x, -most, most)) + np.float32(0))
    grid = form.with_bias(1)
    assert grid.largest == 1 - 2.0 ** (1 - width)
    assert same(formats.nearest(x, grid), formats.nearest(clipped(x, grid) * np.float32(most + 1), form) / (most + 1))


@pytest.mark.parametrize("name", formats.known())
def test_values_of_a_format_stay_as_they_are(name):
    form = formats.named(name)
    if form.bits > 16:
        values = np.array([0.0, form.smallest, form.smallest_normal, 1.0, form.largest])
    else:
        values = form.values()
        assert values[-1] == form.largest
        assert values[1] == form.smallest
        assert len(values) == len(np.unique(values))
        assert np.array_equal(np.sort(values), values)
    rng = np.random.default_rng(1)
    assert np.array_equal(formats.nearest(values, form), values)
    assert np.array_equal(formats.stochastic(values, form, rng), values)


@pytest.mark.parametrize("name", formats.known())
def test_the_ends_are_as_promised(name):
    form = formats.named(name)
    x = np.array([np.inf, -np.inf, np.nan, 1e300, -1e300, 0.0, -0.0])
    rng = np.random.default_rng(1)
    for rounded in (formats.nearest(x, form), formats.stochastic(x, form, rng)):
        low = -form.largest if form.signed else 0.0
        assert rounded[:2].tolist() == [form.largest, low]
        if name != "fp64":
            assert rounded[3:5].tolist() == [form.largest, low]
        assert np.isnan(rounded[2])
        assert not rounded[5:].any()
        assert np.signbit(rounded[6]) == bool(form.exponent_bits)


def test_shape_type_and_input_are_kept():
    for x in (np.ones((3, 4), np.float32), np.ones((4, 6), np.float64)[:, ::2], np.array(0.3, np.float32)):
        before = x.copy()
        for rounded in (formats.nearest(x, "fp8-e4m3"), formats.stochastic(x, "int8", np.random.default_rng(0))):
            assert rounded.shape == x.shape
            assert rounded.dtype == x.dtype
        assert np.array_equal(x, before)
    assert formats.nearest(np.zeros(0, np.float32), "fp8-e4m3").size == 0


@pytest.mark.parametrize("name", ["tf32", "bf16", "fp16", "fp8-e4m3", "int8"])
def test_a_nan_of_any_kind_stays_nan(name):
    quiet_and_signalling = np.array([0x7FC00000, 0x7F800001, 0xFFFFFFFF, 0xFFBFFFFF], np.uint32).view(np.float32)
    assert np.isnan(formats.nearest(quiet_and_signalling, name)).all()
    assert np.isnan(formats.stochastic(quiet_and_signalling, name, np.random.default_rng(0))).all()


@pytest.mark.parametrize("form", [*formats.known().values(), *(formats.named("int8").with_bias(b) for b in (-6, 0, 1))])
def test_values_from_one_are_counted(form):
    """Going from 1 to the next value and the next, by way of the middle of the gap, until 2 or the largest."""
    if form.bits > 16:
        assert form.values_from_one == 2**form.mantissa_bits
        return
    values = form.values()
    assert form.values_from_one == np.count_nonzero((values >= 1) & (values < 2))
    inside = {v for v in formats.nearest(np.linspace(1, 2, 2**14 + 1), form) if 1 <= v < 2}
    assert form.values_from_one == len(inside)


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        ((8, 8), 2**8),
        ((8, 15, -100), 0),  # all of them small
        ((8, 15, -3), 2**11),  # 1 to 2 lies among the denormals, of which the first is 2^-11
        ((8, 15, -20), 0),  # and here below the first of them
        ((4, 15, 15, True, "full"), 2**15),  # 1 has the highest exponent
        ((4, 15, 15, True, "fn"), 2**15 - 1),  # whose last value is NaN
        ((4, 15, 16, True, "full"), 0),  # all of them below 1
        ((0, 20, -18), 2),
        ((0, 20, 0), 2**19),
        ((0, 20, 1), 0),
        ((0, 20, -20), 0),
    ],
)
def test_values_from_one_are_counted_also_where_they_cannot_be_listed(arguments, count):
    form = Format("mine", *arguments)
    assert form.values_from_one == count
    with pytest.raises(ValueError, match=r"^mine has too many values to list$"):
        form.values()


def test_whole_numbers_have_no_exponent_and_a_step_of_one():
    assert [formats.named(name).bits for name in ("int2", "int24")] == [2, 24]
    assert formats.named("int5") == Format("int5", 0, 4, -3, True, "none")
    assert formats.named("int8").smallest == formats.named("int8").smallest_normal == 1


@pytest.mark.parametrize(("bits", "bias"), [((2, 3), 1), ((5, 10), 15), ((8, 23), 127), ((11, 52), 1023)])
def test_without_a_bias_it_is_that_of_ieee_754(bits, bias):
    assert Format("mine", *bits).bias == bias


def test_the_widest_format_is_listed_to_its_end():
    form = Format("mine", 11, 4)
    assert form.values()[-1] == form.largest == (2 - 2.0**-4) * 2.0**1023


@pytest.mark.parametrize("name", ["cfloat8-1-4-3", "fp16", "fp64", "int8"])
def test_the_table_holds_what_each_format_can(name):
    form = formats.named(name)
    row = formats.table({"mine": form, "other": formats.named("bf16")}).loc["mine"]
    assert row.to_dict() == {
        "bits": form.bits,
        "exponent_bits": form.exponent_bits,
        "mantissa_bits": form.mantissa_bits,
        "bias": form.bias,
        "values_from_one": form.values_from_one,
        "smallest": form.smallest,
        "largest": form.largest,
    }
    assert formats.table({"mine": form}).index.name == "format"


@pytest.mark.parametrize(
    "form",
    [
        Format("powers of two", 8, 0),
        Format("as fine as float32 and narrower", 5, 23),
        Format("as fine as float32, and its smallest values left out", 7, 23, 126),
        Format("finer than float32 and narrower", 7, 30),
    ],
    ids=lambda form: form.name,
)
def test_float32_and_float64_are_rounded_alike_up_to_the_ends_of_float32(form):
    rng = np.random.default_rng(11)
    sizes = 2.0 ** np.arange(-149, 128)
    x = np.concatenate([sizes, 1.5 * sizes, sizes * rng.uniform(1, 2, sizes.size)]).astype(np.float32)
    assert same(formats.nearest(x, form), formats.nearest(x.astype(np.float64), form).astype(np.float32))
    assert same(formats.nearest(-x, form), -formats.nearest(x, form))


# --- Tesla's denormals ------------------------------------------------------------------------------


def test_the_printed_rule_leaves_a_gap():
    form = formats.named("cfloat8-1-4-3")
    printed = Format(**{**vars_of(form), "printed_rule": True})
    row = tables.find("cfloat8-1-4-3", "number_formats")[0].cells
    assert form.smallest == float(row["min_subnormal"])
    assert printed.smallest == float(row["min_subnormal_printed_rule"])
    assert max(b - a for a, b in pairwise(form.values()[:10])) == 0.25
    assert max(b - a for a, b in pairwise(printed.values()[:9])) == 2 - 0.875
    x = np.array([0.1, 1.4, 1.5, -1.9, 2.1, 0.3], np.float32)
    assert formats.nearest(x, printed).tolist() == [0.125, 0.875, 2.0, -2.0, 2.0, 0.25]
    assert formats.nearest(x, form).tolist() == [0.0, 1.5, 1.5, -2.0, 2.0, 0.25]
    ends = np.array([0.0, -0.0, 1e-9, np.nan, -np.inf], np.float32)
    for rounded in (formats.nearest(ends, printed), formats.stochastic(ends, printed, np.random.default_rng(3))):
        assert same(rounded, np.array([0.0, -0.0, 0.0, np.nan, -printed.largest], np.float32))
    drawn = formats.stochastic(np.full(100_000, 1.4, np.float32), printed, np.random.default_rng(3))
    assert set(np.unique(drawn)) == {0.875, 2.0}
    assert drawn.mean() == pytest.approx(1.4, abs=4 * float(drawn.std()) / 100_000**0.5)


@pytest.mark.parametrize(("bias", "count"), [(7, 8), (1, 8), (0, 0), (-2, 2), (-3, 1), (-4, 0)])
def test_values_from_one_are_counted_below_the_gap_too(bias, count):
    printed = Format(**{**vars_of(formats.named("cfloat8-1-4-3")), "printed_rule": True, "biases": None, "bias": bias})
    assert printed.values_from_one == count


def test_the_two_readings_differ_below_the_smallest_normal_only():
    form = formats.named("cfloat8-1-5-2").with_bias(31)
    printed = Format(**{**vars_of(form), "printed_rule": True})
    x = inputs()[::20]
    x = x[np.abs(x) >= form.smallest_normal]
    assert same(formats.nearest(x, form), formats.nearest(x, printed))


def vars_of(form: Format) -> dict:
    return {name: getattr(form, name) for name in form.__dataclass_fields__}


# --- by coin -----------------------------------------------------------------------------------------

DRAWS = 1_000_000


@pytest.mark.parametrize("share", [0.01, 0.25, 0.5, 0.7, 0.999])
@pytest.mark.parametrize(
    ("name", "low"),
    [
        ("fp8-e4m3", 1.0),
        ("fp8-e4m3", -416.0),  # beside the largest
        ("fp8-e4m3", 0.0),  # among the denormals
        ("fp8-e5m2", 2.0**-15),
        ("cfloat8-1-4-3", 15.0),
        ("bf16", 1.0),
        ("fp16", 1000.0),
        ("tf32", -3.0),
        ("int8", 3.0),
        ("int8", -4.0),
    ],
)
def test_the_coin_is_fair(name, low, share):
    form = formats.named(name)
    if name.startswith("int"):
        step = 1.0
    else:
        step = 2.0 ** (max(np.floor(np.log2(abs(low))) if low else form.lowest, form.lowest) - form.mantissa_bits)
    step = step if low >= 0 else -step
    x = np.float32(low + share * step)
    drawn = formats.stochastic(np.full(DRAWS, x), form, np.random.default_rng([7, int(share * 1000)]))
    assert set(np.unique(drawn)) == {np.float32(low), np.float32(low + step)}
    true = (float(x) - low) / step  # what float32 holds of the share
    error = (true * (1 - true) / DRAWS) ** 0.5
    assert abs(np.mean(drawn != np.float32(low)) - true) < 4 * error


def test_the_fairness_test_can_fail():
    """Three random bits instead of 24 tip the scales by far more than four standard errors."""
    rng = np.random.default_rng(7)
    up = rng.integers(0, 8, DRAWS) / 8 < 0.3
    assert abs(up.mean() - 0.3) > 4 * (0.3 * 0.7 / DRAWS) ** 0.5


def test_a_seed_repeats_every_flip():
    x = np.random.default_rng(0).standard_normal(50_000).astype(np.float32)
    one, two, other = (formats.stochastic(x, "int8", np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


class Nought:
    """A coin that always shows the least it can."""

    def random(self, shape, dtype=float):
        return np.zeros(shape, dtype)


@pytest.mark.parametrize("printed", [False, True])
def test_a_value_of_the_format_never_moves_whatever_the_coin_shows(printed):
    form = Format(**{**vars_of(formats.named("cfloat8-1-4-3")), "printed_rule": printed})
    x = np.concatenate([form.values(), -form.values()])
    assert same(formats.stochastic(x, form, Nought()), x)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_each_value_tosses_one_coin_of_its_own_type(dtype):
    used, other = np.random.default_rng(4), np.random.default_rng(4)
    formats.stochastic(np.ones((8, 9), dtype), "fp8-e4m3", used)
    other.random((8, 9), dtype)
    assert used.bit_generator.state == other.bit_generator.state


@pytest.mark.parametrize("name", ["fp8-e4m3", "fp8-e5m2", "bf16", "fp16", "cfloat8-1-4-3", "mxfp6-e2m3", "int5"])
def test_a_coin_chooses_between_the_two_neighbours(name):
    form = formats.named(name)
    x = inputs()[::4]
    x = clipped(x[~np.isnan(x)], form)
    drawn = formats.stochastic(x, form, np.random.default_rng(2))
    values = form.values()
    below = np.searchsorted(values, np.abs(x).astype(np.float64), side="right") - 1
    above = values[np.minimum(below + (values[below] != np.abs(x)), len(values) - 1)]
    size = np.abs(drawn).astype(np.float64)
    assert ((size == values[below]) | (size == above)).all()
    assert (np.signbit(drawn) == np.signbit(x))[drawn != 0].all()


def test_a_bias_is_fitted_to_the_largest_value():
    form = formats.named("cfloat8-1-5-2")
    for top in (1e-6, 0.3, 1.0, 1.75, 1.76, 1e5, 1e9):
        chosen = formats.fitted(form, np.array([0.0, -top]))
        assert top <= chosen.largest
        assert top > chosen.with_bias(chosen.bias + 1).largest if chosen.bias < 63 else True
    for nothing in (np.zeros(3), np.zeros(0), np.array([1.0, np.inf]), np.array([np.nan])):
        assert formats.fitted(form, nothing) == form
    assert formats.fitted("fp8-e4m3", np.array([1e9])) == formats.named("fp8-e4m3")


def test_a_scale_takes_the_largest_value_to_the_largest_of_the_format():
    assert formats.absmax_scale("int8", np.array([[0.5], [-254.0]])) == 2
    assert formats.absmax_scale("int8", np.array([0.25])) == 0.25 / 127
    assert formats.absmax_scale("int8", np.zeros(3)) == formats.absmax_scale("int8", np.zeros(0)) == 1


# --- bad input and the record ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((12, 3), "12 exponent bits; expected 0 to 11"),
        ((-1, 3), "-1 exponent bits; expected 0 to 11"),
        ((4, 53), "53 mantissa bits; expected 0 to 52, at least 1 of both"),
        ((0, 0), "0 mantissa bits; expected 0 to 52, at least 1 of both"),
        ((4, -1), "-1 mantissa bits; expected 0 to 52, at least 1 of both"),
        ((4, 3, 1073), "bias 1073; expected values within the range of float64"),
        ((4, 3, -1010), "bias -1010; expected values within the range of float64"),
        ((4, 3, None, True, "open"), "top exponent 'open'; expected one of ieee, fn, full, none"),
        ((4, 0, None, True, "fn"), "no mantissa bit to tell its NaN from a number; expected another top"),
        ((1, 3), "its only exponent above zero would hold infinity; expected 2 or more bits"),
        ((4, 3, 64, True, "full", (0, 63)), "bias 64; expected 0 to 63"),
        ((4, 3, -1, True, "full", (0, 63)), "bias -1; expected 0 to 63"),
    ],
)
def test_a_format_that_cannot_exist_is_refused(arguments, expected):
    with pytest.raises(ValueError, match="mine: ") as caught:
        Format("mine", *arguments)
    assert str(caught.value) == f"mine: {expected}"


def test_formats_up_to_the_ends_of_float64_are_taken():
    assert Format("mine", 4, 3, 1072).smallest == 2.0**-1074
    assert Format("mine", 4, 3, -1009).largest == 1.875 * 2.0**1023
    assert Format("mine", 4, 0).bits == Format("mine", 1, 3, 0, True, "full").bits == 5


@pytest.mark.parametrize("name", ["fp9", "int1", "int25", "int-4", "int²", "", "FP16", "e8m0"])
def test_an_unknown_format_lists_the_known_ones(name):
    with pytest.raises(ValueError, match="no format ") as caught:
        formats.named(name)
    assert str(caught.value) == f"no format {name!r}; there are {', '.join(formats.known())}, and int2 to int24"


@pytest.mark.parametrize(
    ("x", "said"),
    [
        (np.ones(3, int), "an array of int64"),
        (np.ones(3, np.float16), "an array of float16"),
        ([1.0, 2.0], "list"),
        (1.5, "float"),
    ],
)
def test_a_wrong_array_is_refused(x, said):
    for rounding in (
        lambda: formats.nearest(x, "fp8-e4m3"),
        lambda: formats.stochastic(x, "bf16", np.random.default_rng(0)),
    ):
        with pytest.raises(TypeError, match=rf"^{said} cannot be rounded to a format; expected a"):
            rounding()


def test_limits_in_the_record_follow_from_the_bits():
    assert formats.check(tables.everything()) == []


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("max_finite", "240", "448, which follows from its bits and bias"),
        ("min_normal", "0.02", "0.015625, which follows from its bits and bias"),
        ("min_subnormal", "0.0019531250001", "0.001953125, which follows from its bits and bias"),
        ("bits", "9", "8, the sum of its parts"),
        ("exponent_bits", "20", "a format that can be (OCP FP8 E4M3: 20 exponent bits; expected 0 to 11)"),
    ],
)
def test_a_limit_that_does_not_follow_is_named(copy, column, value, expected):
    row = list(tables.everything()["number_formats"].rows).index("fp8-e4m3")
    copy.cell("number_formats", row, column, value)
    (said,) = formats.check(tables.read(copy.root))
    place = f"data/chips/number_formats.csv, line {row + 2}, column {column}"
    assert str(said) == f"{place}: {value!r}; expected {expected}"


def test_neither_a_shared_scale_nor_a_row_that_is_no_format_hides_those_below_it(copy):
    rows = list(tables.everything()["number_formats"].rows)
    assert rows.index("fp8-e4m3") < rows.index("fp8-e5m2") < rows.index("e8m0") < rows.index("int4")
    copy.cell("number_formats", rows.index("fp8-e4m3"), "exponent_bits", "20")
    copy.cell("number_formats", rows.index("fp8-e5m2"), "bits", "9")
    copy.cell("number_formats", rows.index("int4"), "bits", "5")
    found = formats.check(tables.read(copy.root))
    assert [(problem.column, problem.value) for problem in found] == [
        ("exponent_bits", "20"),
        ("bits", "9"),
        ("bits", "5"),
    ]
