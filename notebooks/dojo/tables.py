"""Loads and validates every table of data/, and answers "which row is this id?".

The contract of each table (columns, types, units, allowed values, keys) is written once, in
data/datapackage.json. Beside the Data Package standard it uses four properties of its own:

- `partialDate` on a column: its cells are dates as precise as their source (see `dojo.dates`);
  where it names another column, that column states the precision and must agree.
- `refersTo` on a column: its cells are ids of rows in these tables (a list column: each item).
- `maxWords` on a column: quotations stay this short.
- `ascending` on a table: in every row these columns must not decrease from left to right.
"""

from __future__ import annotations

import csv
import difflib
import io
import json
import math
import os
import re
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dojo import dates
from dojo.files import WHOLE, Problem, misshapen, parsed, shape, text

if TYPE_CHECKING:
    import pandas as pd

DATA = Path(__file__).resolve().parents[2] / "data"
NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")
INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}")
#: what the checks below know of the Data Package standard
TYPES = ("string", "integer", "number", "list")
CONSTRAINTS = ("required", "enum", "pattern", "minimum")
#: how files begin that are no table, and what they are
OTHERS = {
    "<<<<<<<": "a file with the marks of an unfinished merge",
    "<": "an HTML page",
    "version https://git-lfs": "a Git LFS pointer",
}


class DataError(ValueError):
    """Raised when the tables break their contract; `problems` holds every breach found."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__("\n".join([f"{count} in the data:", *map(str, problems)]))


@dataclass(frozen=True)
class Row:
    """One fact: its table, its id, the cells as written, and the line it stands on."""

    table: Table = field(repr=False)
    id: str
    cells: dict[str, str]
    line: int

    @property
    def place(self) -> str:
        """Where the row is, as links and messages name it: events.csv#dojo3-will-be-great."""
        return f"{self.table.path.name}#{self.id}"

    def items(self, column: str) -> list[str]:
        """The items of a list column."""
        return split(self.cells[column])

    def problem(self, column: str, expected: str) -> Problem:
        """What is wrong with one of its cells, placed as an editor wants it."""
        return Problem(self.table.file, self.line, column, self.cells[column], expected)


@dataclass(frozen=True)
class Table:
    """A table as its file holds it: contract, rows in file order."""

    name: str
    path: Path
    #: the table's entry in datapackage.json
    contract: dict[str, Any] = field(repr=False)
    rows: dict[str, Row] = field(repr=False, default_factory=dict)
    #: lines of the file that could not be read as a row of their own
    lost: list[int] = field(repr=False, default_factory=list)

    @property
    def file(self) -> str:
        """The file as messages name it: data/story/events.csv."""
        return f"data/{self.contract['path']}"

    @cached_property
    def fields(self) -> dict[str, dict[str, Any]]:
        """The contract of each column, by name, in file order."""
        return {f["name"]: f for f in self.contract["schema"]["fields"]}

    @property
    def key(self) -> list[str]:
        """The columns that identify a row."""
        return self.contract["schema"]["primaryKey"]


class Tables(Mapping[str, Table]):
    """Every table by name. `asked` holds the names of those that somebody looked at: what is made rests on these."""

    def __init__(self, tables: Mapping[str, Table]) -> None:
        self._tables = tables
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> Table:
        table = self._tables[name]
        self.asked.add(name)
        return table

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)


def split(cell: str) -> list[str]:
    """The items of a list cell; an empty cell has none."""
    return [item.strip() for item in cell.split(";")] if cell else []


# --- what notebooks call -------------------------------------------------------------------


def load(name: str) -> pd.DataFrame:
    """One table as a fresh DataFrame, indexed by its id.

    Whole numbers are Int64 (an empty cell is <NA>, never 0), numbers float, list columns tuples,
    everything else text as written, empty cells as "". Dates stay as written: see
    `dojo.timeline.dated`. Raises DataError when any table breaks its contract, KeyError for an
    unknown name.
    """
    import pandas as pd  # takes a quarter of a second, which a look at the tables alone need not wait for

    table = _named(name)
    frame = pd.DataFrame([row.cells for row in table.rows.values()])
    for column, contract in table.fields.items():
        match contract["type"]:
            case "integer":  # pandas itself would read them as floats where a cell is empty, and round the largest
                frame[column] = pd.array([int(cell) if cell else None for cell in frame[column]], dtype="Int64")
            case "number":  # some versions of pandas read the last digit of a float otherwise than Python
                frame[column] = [float(cell) if cell else math.nan for cell in frame[column]]
            case "list":
                frame[column] = [tuple(split(cell)) for cell in frame[column]]
    frame.index = pd.Index(table.rows.keys(), name=table.key[0] if len(table.key) == 1 else "id")
    return frame.drop(columns=table.key) if len(table.key) == 1 else frame


def find(row_id: str, table: str | None = None) -> list[Row]:
    """The rows with this id, in one table or in all; KeyError with near misses when there is none."""
    names = [table] if table else everything()
    found = [t.rows[row_id] for t in map(_named, names) if row_id in t.rows]
    if not found:
        known = [row for name in names for row in _named(name).rows]
        raise KeyError(f"no row {row_id!r}{' in ' + table if table else ''}{near_miss(row_id, known)}")
    return found


def value(table: str, row_id: str, column: str) -> str:
    """One cell as written; KeyError names what is missing."""
    row = find(row_id, table)[0]
    if column not in row.cells:
        raise KeyError(f"{table} has no column {column!r}{near_miss(column, row.cells)}")
    return row.cells[column]


def as_of() -> dates.Window:
    """The date as of which the facts stand: the latest date of any source read."""
    published = (row.cells["published"] for row in everything()["sources"].rows.values())
    return max(dates.window(text) for text in published if text)


def everything() -> Tables:
    """Every table of data/, validated, by name. Read once and kept."""
    return read(DATA)


def _named(name: str) -> Table:
    try:
        return everything()[name]
    except KeyError:
        raise KeyError(f"no table {name!r}{near_miss(name, everything())}") from None


def near_miss(word: str, known: Iterable[str]) -> str:
    """What may have been meant by a word that is not known, as the end of a message; "" where nothing is like it."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


# --- reading and checking --------------------------------------------------------------------


@lru_cache(maxsize=4)
def read(root: Path) -> Tables:
    """Read and check every table described in root/datapackage.json.

    Raises DataError with all problems at once, in file and line order.
    """
    contracts = _contracts(root)
    problems: list[Problem] = []
    tables = {}
    for contract in contracts:
        table = Table(contract["name"], root / contract["path"], contract)
        problems += _fill(table)
        tables[table.name] = table
    described = {table.path for table in tables.values()}
    problems += [
        Problem(
            f"data/{path.relative_to(root).as_posix()}", 1, "", path.name, "to be described in data/datapackage.json"
        )
        for path in files(root)
        if path not in described
    ]
    problems += _check_references(tables)
    if problems:
        raise DataError(sorted(problems, key=lambda p: (p.file, p.line)))
    return Tables(tables)


def _contracts(root: Path) -> list[dict[str, Any]]:
    """The tables that datapackage.json describes; DataError when it is not what this module can check by."""
    file = "data/datapackage.json"
    try:
        package = parsed(root / "datapackage.json", file)
    except ValueError as error:
        raise DataError([error.args[0]]) from None
    breach = misshapen(package, _PACKAGE)
    breaches = [breach] if breach else list(_contract_breaches(package["resources"]))
    if breaches:
        raise DataError([Problem(file, 1, place, value, expected) for place, value, expected in breaches])
    return package["resources"]


def _contract_breaches(contracts: list[dict[str, Any]]) -> Iterator[tuple[str, str, str]]:
    """What is wrong with the contracts themselves: (table or column, value, what was expected)."""
    names = [contract["name"] for contract in contracts]
    if "sources" not in names:
        yield "resources", ", ".join(names), "a table named sources"
    elif twice := sorted({name for name in names if names.count(name) > 1}):
        yield from (("resources", name, "a name that only one table has") for name in twice)
    else:
        yield from (breach for contract in contracts for breach in _columns_breaches(contract, names))


def _columns_breaches(contract: dict[str, Any], names: list[str]) -> Iterator[tuple[str, str, str]]:
    schema, table = contract["schema"], contract["name"]
    fields = {column["name"]: column for column in schema["fields"]}
    if len(fields) < len(schema["fields"]):
        yield table, ", ".join(column["name"] for column in schema["fields"]), "fields with a name of their own each"
    named = [*schema["primaryKey"], *(c for columns in contract.get("ascending", []) for c in columns)]
    named += [f["partialDate"] for f in fields.values() if isinstance(f.get("partialDate"), str)]
    yield from ((table, column, "the name of one of its columns") for column in named if column not in fields)
    for column, rules in fields.items():
        place = f"{table}.{column}"
        if rules["type"] not in TYPES:
            yield place, rules["type"], f"a type: {', '.join(TYPES)}"
        yield from ((place, t, "the name of a table") for t in rules.get("refersTo", []) if t not in names)
        unknown = [rule for rule in rules.get("constraints", {}) if rule not in CONSTRAINTS]
        yield from ((place, rule, f"one of {', '.join(CONSTRAINTS)}") for rule in unknown)


_STRINGS = {"type": "array", "minItems": 1, "items": {"type": "string"}}
_NAME = {"type": "string", "pattern": "^[a-z][a-z0-9_]*$"}
_FIELD = {
    "type": "object",
    "required": ["name", "type", "description"],
    "properties": {
        "name": _NAME,
        "type": {"type": "string"},
        "description": {"type": "string", "format": WHOLE},
        "unit": {"type": "string", "format": WHOLE},
        "partialDate": {"type": ["boolean", "string"]},
        "refersTo": _STRINGS,
        "maxWords": {"type": "integer", "minimum": 1},
        "constraints": {
            "type": "object",
            "properties": {
                "required": {"type": "boolean"},
                "enum": _STRINGS,
                "pattern": {"type": "string", "format": "regex"},
                "minimum": {"type": "number"},
            },
        },
    },
}
_TABLE = {
    "type": "object",
    "required": ["name", "path", "title", "description", "schema"],
    "properties": {
        "name": _NAME,
        "path": {"type": "string", "pattern": "^([a-z0-9_-]+/)*[a-z0-9_-]+[.]csv$"},
        "title": {"type": "string", "format": WHOLE},
        "description": {"type": "string", "format": WHOLE},
        "ascending": {"type": "array", "items": _STRINGS},
        "schema": {
            "type": "object",
            "required": ["fields", "primaryKey"],
            "properties": {"fields": {"type": "array", "minItems": 1, "items": _FIELD}, "primaryKey": _STRINGS},
        },
    },
}
#: the shape of datapackage.json, as far as this module reads it
_PACKAGE = shape(
    {
        "type": "object",
        "required": ["title", "description", "resources"],
        "properties": {
            "title": {"type": "string", "format": WHOLE},
            "description": {"type": "string", "format": WHOLE},
            "resources": {"type": "array", "items": _TABLE},
        },
    }
)


def files(root: Path = DATA) -> list[Path]:
    """Every CSV file below root, except in hidden folders, where JupyterLab keeps its checkpoints."""
    return sorted(p for p in root.rglob("*.csv") if not any(part.startswith(".") for part in p.relative_to(root).parts))


def _fill(table: Table) -> Iterator[Problem]:
    """Read the table's file into table.rows, yielding what is wrong with it."""
    file = table.file
    try:
        lines = io.StringIO(text(table.path, file), newline="").readlines()
    except ValueError as error:
        yield error.args[0]
        return
    start = "".join(lines[:2]).lstrip()[:40]
    if other := next((other for begins, other in OTHERS.items() if start.startswith(begins)), ""):
        yield Problem(file, 1, "", start, f"a CSV table, not {other}")
        return
    reader = csv.reader(lines, strict=True)
    line = 1
    try:
        header = next(reader, [])
        wrong = list(_check_header(file, header, list(table.fields)))
        yield from wrong
        if wrong:
            return
        line = reader.line_num + 1
        if line > len(lines):
            yield Problem(file, 1, "", ",".join(header), "at least one row below the names of the columns")
        for record in reader:
            yield from _add(table, file, line, header, record)
            line = reader.line_num + 1
    except csv.Error as error:
        table.lost.append(line)
        yield Problem(file, line, "", lines[line - 1].strip(), f"a complete CSV record ({error})")


def _check_header(file: str, header: list[str], expected: list[str]) -> Iterator[Problem]:
    if not set(header) & set(expected):
        yield Problem(file, 1, "", ",".join(header), f"the columns {', '.join(expected)}")
        return
    for column in expected:
        if column not in header:
            yield Problem(file, 1, column, ",".join(header), f"a column {column!r}")
    for column in header:
        if column not in expected:
            near = near_miss(column, expected)
            yield Problem(file, 1, "", column, f"only the columns {', '.join(expected)}{near}")
    if len(set(header)) < len(header):
        yield Problem(file, 1, "", ",".join(header), "each column once")


def _add(table: Table, file: str, line: int, header: list[str], record: list[str]) -> Iterator[Problem]:
    """Check one record and add it to the table."""
    if len(record) != len(header):
        table.lost.append(line)
        yield Problem(file, line, "", ",".join(record), f"{len(header)} cells, found {len(record)}")
        return
    cells = dict(zip(header, record, strict=True))
    row_id = "/".join(cells[column] for column in table.key)
    for column, contract in table.fields.items():
        if expected := _breach(cells, column, contract):
            yield Problem(file, line, column, cells[column], expected)
    yield from _check_order(table, file, line, cells)
    if row_id in table.rows:
        table.lost.append(line)
        yield Problem(file, line, table.key[0], row_id, f"an id used once; line {table.rows[row_id].line} has it")
    else:
        table.rows[row_id] = Row(table, row_id, {column: cells[column] for column in table.fields}, line)


def _breach(cells: dict[str, str], column: str, contract: dict[str, Any]) -> str | None:
    """What a cell was expected to be, or None when it is that."""
    cell = cells[column]
    rules = contract.get("constraints", {})
    if cell != cell.strip():
        return "no space at its ends"
    # almost every cell is printable, which is seen at once
    if not cell.isprintable() and (odd := next((c for c in cell if unicodedata.category(c).startswith("C")), "")):
        return f"text without invisible characters; it holds U+{ord(odd):04X}"
    precision = contract.get("partialDate")
    if precision in cells and (expected := _date_breach(cell, cells[precision])):
        return expected
    if not cell:
        return "a value: this column may not be empty" if rules.get("required") else None
    if precision is True and (expected := _date_breach(cell)):
        return expected
    if expected := _type_breach(cell, contract["type"], rules):
        return expected
    if "enum" in rules and cell not in rules["enum"]:
        return f"one of {', '.join(rules['enum'])}{near_miss(cell, rules['enum'])}"
    if "pattern" in rules and not re.fullmatch(rules["pattern"], cell):
        return f"text of the form {rules['pattern']}"
    if "maxWords" in contract and len(cell.split()) > contract["maxWords"]:
        return f"a quotation of at most {contract['maxWords']} words; this has {len(cell.split())}"
    return None


def _date_breach(cell: str, precision: str | None = None) -> str | None:
    if precision == "unknown":
        return "an empty date, as its precision is unknown" if cell else None
    if not cell:
        return f"a date of precision {precision}"
    try:
        found = dates.window(cell).precision
    except ValueError as error:
        return str(error)
    if precision is None or found == precision or precision not in dates.PRECISIONS:
        return None
    finer = dates.PRECISIONS.index(found) < dates.PRECISIONS.index(precision)
    return f"a date as precise as its precision says, {precision}; it is {'finer' if finer else 'coarser'}"


def _type_breach(cell: str, kind: str, rules: dict[str, Any]) -> str | None:
    if kind == "list" and not all(split(cell)):
        return "items separated by single ';'"
    if kind not in ("integer", "number"):
        return None
    form, name = (INTEGER, "a whole number of at most 18") if kind == "integer" else (NUMBER, "a number in")
    if not form.fullmatch(cell):
        return f"{name} plain digits, without unit, thousands separator or leading zero"
    if not math.isfinite(float(cell)):
        return "a number below 1.8e308, the largest that is kept"
    if "minimum" in rules and float(cell) < rules["minimum"]:
        return f"a number of at least {rules['minimum']}"
    return None


def _check_order(table: Table, file: str, line: int, cells: dict[str, str]) -> Iterator[Problem]:
    for columns in table.contract.get("ascending", []):
        filled = [c for c in columns if NUMBER.fullmatch(cells[c])]
        for low, high in pairwise(filled):
            if float(cells[low]) > float(cells[high]):
                yield Problem(file, line, low, cells[low], f"at most {cells[high]}, the value of {high}")


def _check_references(tables: dict[str, Table]) -> Iterator[Problem]:
    """Every id that is named must exist, and every source must be named by some row.

    What could not be read is reported once, not for each id that names it or each source that it named.
    """
    whole = {name for name, table in tables.items() if table.rows and not table.lost}
    used: set[str] = set()
    for table in tables.values():
        for column, contract in table.fields.items():
            if targets := contract.get("refersTo"):
                if not whole.issuperset(targets):
                    continue
                known = {row_id for target in targets for row_id in tables[target].rows}
                for row in table.rows.values():
                    named = row.items(column) if contract["type"] == "list" else [row.cells[column]]
                    used |= set(named) if "sources" in targets else set()
                    for row_id in filter(None, named):
                        if row_id not in known:
                            expected = f"the id of a row in {' or '.join(targets)}{near_miss(row_id, known)}"
                            yield Problem(table.file, row.line, column, row_id, expected)
    for row in tables["sources"].rows.values():
        if len(whole) == len(tables) and row.id not in used:
            yield Problem(row.table.file, row.line, "source_id", row.id, "a source that some row names")


def write(path: Path, text: str) -> None:
    """Replace a file in one step, so that no reader ever finds half of it.

    Raises OSError, which names the file; the old one is then as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.chmod(draft, 0o644)
        os.replace(draft, path)
    except BaseException as error:
        os.unlink(draft)
        if isinstance(error, OSError) and error.errno and not error.filename:  # a full disk names no file
            error.filename = str(path)
        raise


def records(path: Path) -> dict[str, dict[str, str]]:
    """The rows of a CSV file as it stands, unchecked, by their first cell; none where there is no file."""
    if not path.exists():
        return {}
    with open(path, encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        first = (reader.fieldnames or [""])[0]
        return {row[first]: row for row in reader}


def as_csv(rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows with the same columns as CSV, in the form in which tables are kept. Needs one row or more."""
    rows = list(rows)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


# --- the data dictionary ------------------------------------------------------------------------


def dictionary(root: Path = DATA) -> str:
    """data/README.md, generated from datapackage.json: every table and column, in plain words."""
    package = json.loads((root / "datapackage.json").read_text("utf-8"))
    parts = [f"# {package['title']}", package["description"], DICTIONARY_HEAD]
    for resource in package["resources"]:
        count = len(read(root)[resource["name"]].rows)
        parts.append(f"## {resource['title']}: `{resource['path']}` ({count} rows)")
        parts.append(resource["description"])
        lines = ["| column | type | meaning |", "|---|---|---|"]
        lines += [f"| `{f['name']}` | {_kind(f)} | {f['description']} |" for f in resource["schema"]["fields"]]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


DICTIONARY_HEAD = (
    "Generated from `datapackage.json` by `make refresh`; change it there. An empty cell means "
    "*not known* or *not applicable*, never zero. `;` separates the items of a list."
)


def _kind(contract: dict[str, Any]) -> str:
    rules = contract.get("constraints", {})
    kind = "date, as precise as known" if contract.get("partialDate") else contract["type"]
    if contract.get("refersTo"):
        kind = f"{'ids' if contract['type'] == 'list' else 'id'} in {', '.join(contract['refersTo'])}"
    if "enum" in rules:
        kind = "one of " + ", ".join(f"`{v}`" for v in rules["enum"])
    if "unit" in contract:
        kind += f", in {contract['unit']}"
    return kind + ("" if rules.get("required") else ", may be empty")
