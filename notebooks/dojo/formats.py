"""Number formats as data, and rounding to them: to the nearest value, or up and down by a weighted coin.

A format spends its bits on a sign, an exponent (which stretch between two powers of two) and a
mantissa (which of the equal steps within that stretch). Whole numbers are the format without an
exponent. Rounding is emulated: the result is an array of the type that came in whose values all exist
in the format, so ordinary arithmetic goes on with them.

Rounding saturates: what lies beyond the largest value becomes the largest value, infinity too. NaN
stays NaN, in formats without one as well, so that a calculation gone wrong stays visible. bfloat16 is
rounded by ml_dtypes; everything else by one quantiser that works on the exponent field of the array.

Tesla's paper on its configurable formats prints the rule for denormals, the values below the smallest
full exponent, as 0.f x 2^-bias. That leaves a gap below the smallest normal value, 2^(1-bias).
Used here is the reading of IEEE 754, 0.f x 2^(1-bias), without a gap; `printed_rule=True` is the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import ml_dtypes
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dojo import tables

Floats = NDArray[np.float32] | NDArray[np.float64]

#: what the highest exponent code holds: infinity and NaN; numbers and one NaN; numbers; there is none
TOPS = ("ieee", "fn", "full", "none")
#: rows of number_formats.csv that are no numbers of their own: a scale shared by a block
_SCALES = ("e8m0",)
#: limits of the table, each with the property that must agree with it
_LIMITS = {"max_finite": "largest", "min_normal": "smallest_normal", "min_subnormal": "smallest"}


@dataclass(frozen=True)
class Format:
    """A number format: how many bits for what, and the exponent bias, which shifts its range.

    Without a bias it is that of IEEE 754, 2^(exponent_bits - 1) - 1. Without exponent bits the values
    are whole numbers, alike on both sides of zero; a bias then makes their step 2^(1 - bias - mantissa_bits).
    Raises ValueError for a format that cannot exist or cannot be emulated.
    """

    name: str
    exponent_bits: int
    mantissa_bits: int
    bias: int | None = None
    signed: bool = True
    top: str = "ieee"
    #: the lowest and highest bias, where it can be chosen
    biases: tuple[int, int] | None = None
    #: denormals as Tesla's paper prints them, with a gap above
    printed_rule: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.exponent_bits <= 11:
            raise ValueError(f"{self.name}: {self.exponent_bits} exponent bits; expected 0 to 11")
        if not (0 if self.exponent_bits else 1) <= self.mantissa_bits <= 52:
            raise ValueError(f"{self.name}: {self.mantissa_bits} mantissa bits; expected 0 to 52, at least 1 of both")
        if self.top not in TOPS:
            raise ValueError(f"{self.name}: top exponent {self.top!r}; expected one of {', '.join(TOPS)}")
        if self.top == "fn" and not self.mantissa_bits:
            raise ValueError(f"{self.name}: no mantissa bit to tell its NaN from a number; expected another top")
        if not self.exponent_bits:
            object.__setattr__(self, "top", "none")
        elif self.exponent_bits == 1 and self.top == "ieee":
            raise ValueError(f"{self.name}: its only exponent above zero would hold infinity; expected 2 or more bits")
        if self.bias is None:
            bias = 2 ** (self.exponent_bits - 1) - 1 if self.exponent_bits else 1 - self.mantissa_bits
            object.__setattr__(self, "bias", bias)
        if self.biases and not self.biases[0] <= self.bias <= self.biases[1]:
            raise ValueError(f"{self.name}: bias {self.bias}; expected {self.biases[0]} to {self.biases[1]}")
        if self.lowest - self.mantissa_bits < -1074 or self.highest > 1023:
            raise ValueError(f"{self.name}: bias {self.bias}; expected values within the range of float64")

    @property
    def bits(self) -> int:
        """Bits of one value."""
        return self.signed + self.exponent_bits + self.mantissa_bits

    @property
    def lowest(self) -> int:
        """The exponent of the smallest normal value; the steps below are as wide as those above."""
        return 1 - self.bias

    @property
    def highest(self) -> int:
        """The exponent of the largest value."""
        return 2**self.exponent_bits - 1 - (self.top == "ieee") - self.bias

    @cached_property
    def largest(self) -> float:
        """The largest value."""
        missing = 2.0 ** -(self.mantissa_bits - (self.exponent_bits == 0))
        if self.top == "fn":
            missing *= 2
        return (2.0 - missing) * 2.0**self.highest

    @property
    def smallest_normal(self) -> float:
        """The smallest value with a full mantissa; for whole numbers the step."""
        return 2.0**self.lowest if self.exponent_bits else self.smallest

    @property
    def smallest(self) -> float:
        """The smallest value above zero."""
        return 2.0 ** (self.lowest - self.printed_rule - self.mantissa_bits)

    @property
    def values_from_one(self) -> int:
        """How many values lie from 1 up to, but below, 2; with the printed rule as in `values`."""
        if self.printed_rule:
            values = self.values()
            return int(np.count_nonzero((values >= 1) & (values < 2)))
        step = 2.0 ** (max(self.lowest, 0) - self.mantissa_bits)  # from 1 to 2
        return max(int((min(self.largest, 2 - step) - 1) // step) + 1, 0)

    def with_bias(self, bias: int) -> Format:
        """The same format with its range shifted: a bias one higher halves every value."""
        return replace(self, bias=bias)

    def values(self) -> NDArray[np.float64]:
        """Every value from zero up, in order. For formats of up to 16 bits; ValueError for others."""
        if self.bits > 16:
            raise ValueError(f"{self.name} has too many values to list")
        below = np.arange(2**self.mantissa_bits) * self.smallest
        fractions = 1 + np.arange(2**self.mantissa_bits) / 2**self.mantissa_bits
        exponents = range(self.lowest, self.highest + 1)  # of whole numbers there are none
        found = np.concatenate([below, *(fractions * 2.0**e for e in exponents)])
        return found[found <= self.largest]


# --- known formats --------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def known() -> dict[str, Format]:
    """The formats of number_formats.csv by id, as far as they are number formats of their own."""
    rows = tables.everything()["number_formats"].rows
    return {row_id: _from_row(row) for row_id, row in rows.items() if row_id not in _SCALES}


def _from_row(row: tables.Row) -> Format:
    cells = row.cells
    return Format(
        cells["name"],
        int(cells["exponent_bits"]),
        int(cells["mantissa_bits"]),
        int(cells["bias"]) if cells["bias"] else None,
        cells["sign_bits"] == "1",
        cells["top_exponent"],
        (int(cells["bias_min"]), int(cells["bias_max"])) if cells["bias_min"] else None,
    )


def named(name: str | Format) -> Format:
    """A known format by its id, `int5` for whole numbers of any width, or a format as it is.

    ValueError for an unknown name lists the known ones.
    """
    if isinstance(name, Format):
        return name
    if name in known():
        return known()[name]
    if name.startswith("int") and name[3:].isdecimal() and 2 <= int(name[3:]) <= 24:
        return Format(name, 0, int(name[3:]) - 1)
    raise ValueError(f"no format {name!r}; there are {', '.join(known())}, and int2 to int24")


def check(known_tables: dict[str, tables.Table]) -> list[tables.Problem]:
    """Rows of number_formats whose limits are not those that follow from their bits."""
    found = []
    for row_id, row in known_tables["number_formats"].rows.items():
        if row_id in _SCALES:
            continue
        try:
            form = _from_row(row)
        except ValueError as error:
            found.append(row.problem("exponent_bits", f"a format that can be ({error})"))
            continue
        if row.cells["bits"] != str(form.bits):
            found.append(row.problem("bits", f"{form.bits}, the sum of its parts"))
        for column, limit in _LIMITS.items():
            computed = getattr(form, limit)
            if row.cells[column] and not np.isclose(float(row.cells[column]), computed, rtol=1e-12, atol=0):
                found.append(row.problem(column, f"{computed:.17g}, which follows from its bits and bias"))
    return found


def table(forms: Mapping[str, Format]) -> pd.DataFrame:
    """What each format can hold, under the names of the mapping."""
    columns = ["bits", "exponent_bits", "mantissa_bits", "bias", "values_from_one", "smallest", "largest"]
    rows = {name: {column: getattr(form, column) for column in columns} for name, form in forms.items()}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("format")


# --- rounding ---------------------------------------------------------------------------------------


#: a signalling NaN is passed on like any other
_quietly = np.errstate(invalid="ignore")


@_quietly
def nearest(x: Floats, form: str | Format) -> Floats:
    """Each value of `x` rounded to the nearest in the format; a tie goes to the even mantissa.

    `x`: float32 or float64, any shape; the result has the same type and shape. TypeError for others.
    """
    form = named(form)
    x = _floats(x)
    if form is known()["bf16"] and x.dtype == np.float32:  # from float64, ml_dtypes would round twice
        return np.clip(x, -form.largest, form.largest).astype(ml_dtypes.bfloat16).astype(np.float32)
    if form.printed_rule:
        return _by_list(x, form, lambda share, odd: (share > 0.5) | ((share == 0.5) & odd))
    return _blockwise(x, form, lambda steps: np.rint(steps, out=steps))


@_quietly
def stochastic(x: Floats, form: str | Format, rng: np.random.Generator) -> Floats:
    """Each value of `x` rounded up or down by chance, the nearer neighbour being the likelier.

    A value a quarter of the way up is rounded up one time in four, so rounding is right on average.
    The coin has 24 bits (53 for float64). The same `rng` state gives the same result. See `nearest`.
    """
    form = named(form)
    x = _floats(x)
    if form.printed_rule:
        return _by_list(x, form, lambda share, odd: rng.random(share.shape) < share)

    def toss(steps: Floats) -> None:
        down = np.floor(steps)
        up = rng.random(steps.shape, dtype=steps.dtype.type) < steps - down
        np.copysign(down + up, steps, out=steps)  # minus zero stays what it was

    return _blockwise(x, form, toss)


def fitted(form: str | Format, x: Floats) -> Format:
    """The format with the highest bias, and so the finest steps, at which no value of `x` is cut off.

    For formats whose bias can be chosen; others come back as they are.
    """
    form = named(form)
    if not form.biases or not 0 < (top := float(np.max(np.abs(x), initial=0.0))) < np.inf:
        return form
    room = int(np.floor(np.log2(form.largest / top)))
    return form.with_bias(min(max(form.bias + room, form.biases[0]), form.biases[1]))


def absmax_scale(form: str | Format, x: Floats) -> float:
    """The scale at which the largest value of `x` becomes the largest value of the format; 1 for zeros."""
    top = float(np.max(np.abs(x), initial=0.0))
    return top / named(form).largest if top else 1.0


#: per type: the unsigned integer of its bits, mantissa bits, exponent bias
_LAYOUTS = {np.dtype(np.float32): (np.uint32, 23, 127), np.dtype(np.float64): (np.uint64, 52, 1023)}
#: elements worked on at a time: their few copies stay in a core's cache
BLOCK = 16384


def _floats(x: Floats) -> Floats:
    if not isinstance(x, np.ndarray) or x.dtype not in _LAYOUTS:
        kind = f"an array of {x.dtype}" if isinstance(x, np.ndarray) else type(x).__name__
        raise TypeError(f"{kind} cannot be rounded to a format; expected a numpy array of float32 or float64")
    return x


def _blockwise(x: Floats, form: Format, whole: Callable[[Floats], object]) -> Floats:
    """Round by `whole`, which turns steps of the format into whole steps in place, block by block."""
    _, mantissa, bias = _LAYOUTS[x.dtype]
    lowest = -form.largest if form.signed else 0
    if form.mantissa_bits >= mantissa and form.lowest <= 1 - bias:  # every value of the type exists in the format
        return np.clip(x, lowest, form.largest)
    if form.lowest - form.mantissa_bits < 1 - bias or form.highest - form.mantissa_bits > bias - 1:
        return _blockwise(x.astype(np.float64), form, whole).astype(x.dtype)  # it has no steps so small or so large
    out = np.empty(x.shape, x.dtype)
    flat, given = out.ravel(), np.ravel(x)
    for start in range(0, flat.size, BLOCK):
        part = flat[start : start + BLOCK]
        np.clip(given[start : start + BLOCK], lowest, form.largest, out=part)
        _round_block(part, form, whole)
    return out


def _round_block(part: Floats, form: Format, whole: Callable[[Floats], object]) -> None:
    """Round clipped values in place: measure them in steps of the format, take whole steps, measure back."""
    unsigned, mantissa, bias = _LAYOUTS[part.dtype]
    # a step is 2^(exponent - mantissa bits), the exponent being at least the lowest; written as the bits of a float
    step = part.view(unsigned) & unsigned((2 * bias + 1) << mantissa)
    np.maximum(step, unsigned((form.lowest + bias) << mantissa), out=step)
    step -= unsigned(form.mantissa_bits << mantissa)
    inverse = unsigned((2 * bias) << mantissa) - step
    np.multiply(part, inverse.view(part.dtype), out=part)
    whole(part)
    np.multiply(part, step.view(part.dtype), out=part)
    if not form.exponent_bits:
        part += 0  # whole numbers know no minus zero


def _by_list(x: Floats, form: Format, up: Callable[[Floats, NDArray[np.bool_]], NDArray[np.bool_]]) -> Floats:
    """Round by looking up the neighbours in the list of all values; slower, for formats with a gap."""
    values = form.values()
    size = np.minimum(np.abs(x), values[-1]).astype(np.float64)
    below = np.clip(np.searchsorted(values, size) - 1, 0, len(values) - 2)
    share = (size - values[below]) / (values[below + 1] - values[below])
    rounded = values[below + up(share, below % 2 == 1)]
    return np.copysign(np.where(np.isnan(x), np.nan, rounded), x).astype(x.dtype)
