"""Figures of chips with what they cover, and comparison that refuses to mix unlike ones.

A tile is no chip, a sparse rate no dense one, the design power of a chip not what a meter at the
wall shows. Two quantities are compared only when all their terms agree.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import pandas as pd

from dojo import tables
from dojo.tables import Problem, Row, Table

#: the only terms that a comparison may cross, and only when it says so
CROSSABLE = ("attribute", "format")


class MixedError(ValueError):
    """Two quantities that must not be compared; the message says what was mixed, and where it stands."""


@dataclass(frozen=True)
class Quantity:
    """One figure of a chip, a machine or an operation, with the terms under which it may be compared."""

    row: Row = field(repr=False)
    value: float
    unit: str
    #: what is given: power, memory_bandwidth, peak_rate, multiply
    attribute: str
    #: what it covers: core, die, chip, board, node, tile, tray, pod, vehicle, or "operation"
    scope: str
    #: number format of a rate or an operation, "none" for anything else
    format: str = "none"
    #: dense or sparse, "none" for anything but a rate
    sparsity: str = "none"
    #: kind of power, direction of a link, manufacturing process of an operation
    basis: str = "none"

    def __str__(self) -> str:
        return f"{self.value:,.6g} {self.unit}"


#: the terms that must agree, in the order in which a message names them
TERMS = ("attribute", "scope", "format", "sparsity", "basis", "unit")


def quantity(row_id: str) -> Quantity:
    """The figure in this row of chip_specs or energy_per_op, or the power of one in measured_results.

    Raises KeyError for an unknown id, ValueError for a measured result without a power reading.
    """
    for name, read in (("chip_specs", _spec), ("energy_per_op", _energy), ("measured_results", _measured)):
        if row_id in tables.everything()[name].rows:
            return read(tables.find(row_id, name)[0])
    return _spec(tables.find(row_id, "chip_specs")[0])


def _spec(row: Row) -> Quantity:
    cells = row.cells
    terms = {term: cells[term] for term in ("unit", "scope", "format", "sparsity", "basis")}
    return Quantity(row, float(cells["value"]), attribute=_attribute(cells["attribute"], cells["unit"]), **terms)


def _attribute(attribute: str, unit: str) -> str:
    """What is given; all figures in watts are powers, told apart by their basis."""
    return "power" if unit == "W" else attribute


def _energy(row: Row) -> Quantity:
    cells = row.cells
    process = f"{cells['process_nm']} nm" if cells["process_nm"] else "process not stated"
    energy = float(cells["energy_pj"])
    return Quantity(row, energy, "pJ", cells["operation"], "operation", cells["format"], basis=process)


#: what the power readings of measured_results cover
METERED = {"system_wall": "node", "node_ac": "node"}


def _measured(row: Row) -> Quantity:
    cells = row.cells
    if not cells["power_w"]:
        raise ValueError(str(row.problem("power_w", "a reading of power; this result has none")))
    return Quantity(row, float(cells["power_w"]), "W", "power", METERED[cells["power_scope"]], basis="at the wall")


def each(total: Quantity, count: Quantity) -> Quantity:
    """The share of one chip in a figure for several: 15 kW for a tile, divided by its 25 chips.

    Raises MixedError unless both are of one machine and `count` counts its chips.
    """
    if count.attribute != "chips":
        raise MixedError(f"{_place(count, 'attribute')}: {count.attribute!r}; expected a count of chips")
    for column in ("chip_id", "scope"):
        one, other = total.row.cells[column], count.row.cells[column]
        if one != other:
            raise MixedError(f"{_place(count, column)}: {other!r}; expected {one!r}, as {_place(total, column)}")
    return replace(total, value=total.value / count.value, scope="chip")


def ratio(one: Quantity, other: Quantity, across: Collection[str] = ()) -> float:
    """How many times `other` goes into `one`, if both are of a kind.

    `across` names the terms on which they may differ because that difference is the question: the
    format when formats are compared, the attribute when two names mean the same thing. Scope,
    sparsity, basis and unit may never differ. Raises MixedError with everything that was mixed.
    """
    if wrong := [term for term in across if term not in CROSSABLE]:
        raise ValueError(f"no comparison may cross {', '.join(wrong)}; only {' or '.join(CROSSABLE)}")
    if mixed := list(_mixed(one, other, across)):
        raise MixedError("\n".join([f"{one.row.id} and {other.row.id} cannot be compared:", *mixed]))
    return one.value / other.value


def _mixed(one: Quantity, other: Quantity, across: Collection[str]) -> Iterator[str]:
    for quantity_ in (one, other):
        if quantity_.row.cells.get("comparable") == "no":
            yield f"{_place(quantity_, 'comparable')}: 'no'; expected a dense rate in a stated format"
        if quantity_.basis == "not stated":
            yield f"{_place(quantity_, 'basis')}: 'not stated'; expected a kind of power or a direction"
    for term in TERMS:
        a, b = getattr(one, term), getattr(other, term)
        if a != b and term not in across:
            yield f"{_stated(other, term)}; expected {a!r}, the {term} of {_place(one, term)}"


#: where a term stands in tables whose columns have other names
COLUMNS = {
    "energy_per_op": {
        **dict.fromkeys(("attribute", "scope", "sparsity"), "operation"),
        "basis": "process_nm",
        "unit": "energy_pj",
    },
    "measured_results": {
        **dict.fromkeys(("attribute", "unit", "format", "sparsity"), "power_w"),
        **dict.fromkeys(("basis", "scope"), "power_scope"),
    },
}


def _place(one: Quantity, term: str) -> str:
    """Where a term stands: file, line and column."""
    return f"{one.row.table.file}, line {one.row.line}, column {_column(one, term)}"


def _column(one: Quantity, term: str) -> str:
    return COLUMNS.get(one.row.table.name, {}).get(term, term)


def _stated(one: Quantity, term: str) -> str:
    """Where a term stands, what is written there, and how it is read where that differs."""
    cell, read = one.row.cells[_column(one, term)], getattr(one, term)
    return f"{_place(one, term)}: {cell!r}" + (f", that is {read!r}" if cell != read else "")


# --- what one example costs ----------------------------------------------------------------------


def passes(layers: pd.DataFrame) -> dict[str, float]:
    """Multiplications for one example on the way forward and on the two ways back, in billions.

    `layers` are the rows of one network in network_layers, in order. The way back needs as many
    multiplications as the way forward for the error of each weight, and as many again to pass the
    error on, except at the first layer with weights, which has nobody to pass it to.
    """
    macs = layers["macs"][layers["macs"] > 0].astype(float) / 1e9
    forward = float(macs.sum())
    return {"forward": forward, "errors of weights": forward, "passed on": float(macs.iloc[1:].sum())}


# --- six needs -----------------------------------------------------------------------------------

#: what the needs are called in the figure
NEEDS = {
    "state-per-weight": "State kept per weight",
    "arithmetic-per-example": "Arithmetic per example",
    "energy-multiply-7nm": "Energy of one multiplication",
    "on-chip-memory": "Memory on the chip",
    "external-bandwidth-tesla": "Bandwidth to the outside",
    "power-budget-tesla": "Power with delivery",
    "link-bandwidth-tesla": "Links to other chips",
}
_OF_NEEDS = [
    "need",
    "everyday",
    "training",
    "inference",
    "unit",
    "ratio",
    "up_to",
    "basis",
    "second_hand",
    "source_ids",
]
#: the tile whose chips are counted, and the computer whose chips are
_TILE, _COMPUTER = "dojo-tile-chips", "hw3-fsd-chips"


def needs(requirements: pd.DataFrame) -> pd.DataFrame:
    """Six needs as ratios, training over inference, and a seventh, links, that has none.

    `requirements` as the table is loaded. Where a machine's figure stands for its chips, each chip has
    its share. Columns: need, everyday, training, inference, unit, ratio, up_to (the ratio of another
    common recipe, NaN where none is given), basis, second_hand (a figure known only through others) and
    source_ids. Raises MixedError when two figures are not of a kind.
    """
    tile, computer = quantity(_TILE), quantity(_COMPUTER)
    pairs = {
        "energy-multiply-7nm": (quantity("multiply-bf16-7nm"), quantity("multiply-int8-7nm")),
        "on-chip-memory": (quantity("dojo-d1-on-chip-sram"), quantity("hw3-fsd-on-chip-sram")),
        "external-bandwidth-tesla": (
            each(quantity("dojo-tile-memory-feed-bandwidth"), tile),
            quantity("hw3-fsd-memory-bandwidth"),
        ),
        "power-budget-tesla": (
            each(quantity("dojo-tile-power"), tile),
            each(quantity("hw3-fsd-computer-power-limit"), computer),
        ),
    }
    crossed = {"energy-multiply-7nm": ["format"], "external-bandwidth-tesla": ["attribute"]}
    found = requirements.loc[[*NEEDS]].assign(need=pd.Series(NEEDS), second_hand=False, up_to=float("nan"))
    found = found.assign(training=found["number_training"], inference=found["number_inference"])
    for name, (one, other) in pairs.items():
        ratio(one, other, crossed.get(name, ()))  # refuses unlike figures
        found.loc[name, ["training", "inference"]] = one.value, other.value
        found.loc[name, "second_hand"] = "reported" in (one.row.cells.get("standing"), other.row.cells.get("standing"))
    link = quantity("dojo-tile-off-tile-bandwidth")
    found.loc["link-bandwidth-tesla", ["training", "inference"]] = each(link, tile).value, 0
    recipe = requirements.loc["state-per-weight-fp32-gradients"]
    found["ratio"] = (found["training"] / found["inference"]).where(found["inference"] > 0)
    found.loc["state-per-weight", "up_to"] = recipe["number_training"] / recipe["number_inference"]
    return found[_OF_NEEDS]


#: what a figure covers, as a reader says it
COVERS = {
    "chip": "a chip",
    "board": "a board",
    "tile": "a tile",
    "node": "a server",
    "pod": "a cluster of machines",
    "vehicle": "a car",
}


def side_by_side(requirements: pd.DataFrame) -> pd.DataFrame:
    """Every requirement in words, training beside inference, each with its figure and what that covers.

    `requirements` as the table is loaded; columns training, inference, why and source_ids, by requirement.
    """
    sides = {
        side: [_with_figure(row, side) for _, row in requirements.iterrows()] for side in ("training", "inference")
    }
    frame = requirements.assign(**sides).set_index("requirement")
    return frame[["training", "inference", "why", "source_ids"]]


def _with_figure(row: pd.Series, side: str) -> str:
    """The words of one side, then its figure with unit and what it covers, where there is one."""
    words, figure, scope = row[f"{side}_need"], row[f"number_{side}"], row[f"scope_{side}"]
    if pd.isna(figure) or (words and figure in (0, 1)):  # the words say none, or one
        return words
    number = (
        f"{figure:,.0f}" if figure >= 1000 else f"{figure:.4g}" if figure > 0.001 or not figure else f"{figure:.8f}"
    )
    stated = f"{number} {row['unit']}"
    if stated in words:
        return words
    return f"{words}{': ' if words else ''}{stated}{f', for {COVERS[scope]}' if scope else ''}"


# --- consistency of the tables ---------------------------------------------------------------------


def check(known: Mapping[str, Table]) -> list[Problem]:
    """Figures in requirements that differ from the rows they rest on."""
    return [problem for row in known["requirements"].rows.values() for problem in _differing(row, known)]


def _differing(row: Row, known: Mapping[str, Table]) -> Iterator[Problem]:
    names = row.items("rests_on")
    figures = {figure for name in names for figure in _figures(name, known)}
    for column in ("number_training", "number_inference"):
        cell = row.cells[column]
        alone = cell in ("0", "1")  # none fitted, or one of it: no row says so
        if names and cell and not alone and not any(_same(float(cell), figure) for figure in figures):
            stated = ", ".join(f"{figure:.10g}" for figure in sorted(figures))
            yield row.problem(column, f"a figure of {', '.join(names)}: {stated}")


def _same(stated: float, figure: float) -> bool:
    """True when they agree to the last place that matters in prose, one part in ten thousand."""
    return abs(stated - figure) <= 1e-4 * abs(figure)


#: the columns of figures in the tables on which requirements rest
FIGURES = ("value", "energy_pj", "bits", "min_subnormal", "accelerators_count", "power_w")


def _figures(row_id: str, known: Mapping[str, Table]) -> Iterable[float]:
    for name in ("chip_specs", "energy_per_op", "measured_results", "number_formats"):
        if row := known[name].rows.get(row_id):
            return [float(row.cells[column]) for column in FIGURES if row.cells.get(column)]
    return []
