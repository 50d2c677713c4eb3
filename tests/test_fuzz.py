"""Every table, the contract, notebooks and texts spoilt at random: they are read and all holds, or one clear error.

A few examples are tried in every run, the same each time, many more in the thorough tests.
"""

import copy as copies
import csv
import io
import json
import math
import re
import shutil
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dojo import dates, facts, formats, tables
from publish import check, notebooks, pages

#: the fixtures below are put right again after each example
many = settings(max_examples=25, suppress_health_check=list(HealthCheck))
few = settings(max_examples=5, suppress_health_check=list(HealthCheck))

PATHS = {name: table.contract["path"] for name, table in tables.everything().items()}
SEVERAL = 3  # rows of each table, to which come those that they name


# --- a small record ----------------------------------------------------------------------------------


def chosen() -> dict[str, set[str]]:
    """The first rows of each table, and all rows that these name, and so on: a record that keeps the contract."""
    known = tables.everything()
    most = {"number_formats": None, "sources": 0}  # the study needs every format, a source somebody who names it
    todo = [(name, row_id) for name in known for row_id in list(known[name].rows)[: most.get(name, SEVERAL)]]
    kept: dict[str, set[str]] = {name: set() for name in known}
    while todo:
        name, row_id = todo.pop()
        if row_id in kept[name]:
            continue
        kept[name].add(row_id)
        row = known[name].rows[row_id]
        for column, field in known[name].fields.items():
            for target in field.get("refersTo", []):
                todo += [(target, item) for item in row.items(column) if item in known[target].rows]
    return kept


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small record as a folder of data; tests leave it as it was."""
    place = tmp_path_factory.mktemp("small") / "data"
    for name, kept in chosen().items():
        table = tables.everything()[name]
        rows = [row.cells for row in table.rows.values() if row.id in kept]
        tables.write(place / table.contract["path"], tables.as_csv(rows))
    shutil.copy(tables.DATA / "datapackage.json", place)
    return place


@pytest.fixture
def root(small: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The small record, in place of the suite's."""
    monkeypatch.setattr(tables, "DATA", small)
    return small


# --- what must hold ----------------------------------------------------------------------------------


def judge(root: Path, file: Path, spoilt: bytes) -> None:
    """Put a spoilt file in its place, read all, and see that what is read holds or that all problems are placed."""
    good, before = file.read_bytes(), stamps(root)
    file.write_bytes(spoilt)
    forget()
    try:
        known, problems = tables.everything(), []
    except tables.DataError as error:
        known, problems = {}, error.problems
    try:
        assert known or problems
        for table in known.values():
            assert_named(table, known)
            if table.path == file or file.suffix == ".json":
                assert_as_promised(table)
                assert_as_written(table)
                assert_loaded(table)
        for problem in problems or check.check_data(known):
            assert_placed(problem, root)
    finally:
        assert file.read_bytes() == spoilt
        file.write_bytes(good)
        forget()
    assert {path: stamp for path, stamp in stamps(root).items() if path != file} == {
        path: stamp for path, stamp in before.items() if path != file
    }


def forget() -> None:
    """Let nothing be kept of tables that were read, nor of what was made of them."""
    tables.read.cache_clear()
    formats.known.cache_clear()


def stamps(root: Path) -> dict[Path, tuple[int, int]]:
    return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in root.rglob("*") if path.is_file()}


def assert_placed(problem: tables.Problem, root: Path) -> None:
    """A problem is one line that names a file of data, a line of it, a column of it or none, and what was due."""
    path = root.parent / problem.file
    lines = re.split(r"\r\n|\r|\n", path.read_bytes().decode("utf-8", "replace")) if path.exists() else [""]
    assert 1 <= problem.line <= len(lines), str(problem)
    if path.suffix == ".csv" and problem.column:
        contract = json.loads((root / "datapackage.json").read_text("utf-8"))["resources"]
        (fields,) = [t["schema"]["fields"] for t in contract if root / t["path"] == path]
        assert problem.column in [field["name"] for field in fields], str(problem)
    assert path.suffix == ".csv" or problem.file == "data/datapackage.json"
    assert isinstance(problem.value, str)
    assert problem.expected
    assert not re.search(r"[\r\n]", str(problem)), str(problem)


def lines_of(raw: bytes) -> list[str]:
    return io.StringIO(raw.decode("utf-8", "replace"), newline="").readlines()


def assert_named(table: tables.Table, known: dict[str, tables.Table]) -> None:
    """Every id that a row names is that of a row."""
    for column, field in table.fields.items():
        for row in table.rows.values() if field.get("refersTo") else ():
            assert all(any(item in known[target].rows for target in field["refersTo"]) for item in row.items(column))


def assert_as_promised(table: tables.Table) -> None:
    """Every cell is what the contract says, every row under its key, every order kept."""
    for row in table.rows.values():
        assert row.id == "/".join(row.cells[column] for column in table.key)
        for column, field in table.fields.items():
            assert_cell(row.cells[column], field)
            if field.get("partialDate"):
                assert_date(row.cells[column], row.cells.get(field["partialDate"], ""))
        for columns in table.contract.get("ascending", []):
            values = [float(row.cells[column]) for column in columns if row.cells[column]]
            assert values == sorted(values)


def assert_cell(cell: str, field: dict[str, Any]) -> None:
    rules = field.get("constraints", {})
    assert cell == cell.strip()
    assert not any(unicodedata.category(letter).startswith("C") for letter in cell)
    assert cell or not rules.get("required")
    if not cell:
        return
    if field["type"] in ("integer", "number"):
        assert math.isfinite(float(cell))
        assert float(cell) >= rules.get("minimum", -math.inf)
        assert cell.isascii()
    if field["type"] == "integer":
        assert str(int(cell)) == cell
    if field["type"] == "list":
        assert all(tables.split(cell))
    assert cell in rules.get("enum", [cell])
    assert re.fullmatch(rules.get("pattern", ".*"), cell)
    assert len(cell.split()) <= field.get("maxWords", math.inf)


def assert_date(cell: str, precision: str) -> None:
    if cell:
        window = dates.window(cell)
        assert window.start <= window.end
        assert precision in ("", window.precision) or precision not in dates.PRECISIONS
    else:
        assert precision in ("", "unknown")


def assert_as_written(table: tables.Table) -> None:
    """Each row stands on the line it names; another reader finds the same cells; written anew they are the same."""
    lines = lines_of(table.path.read_bytes())
    header = next(csv.reader(lines[:1]))
    other = pd.read_csv(table.path, dtype=str, keep_default_na=False, encoding="utf-8")
    assert len(other) == len(table.rows)
    for place, row in enumerate(table.rows.values()):
        assert dict(zip(header, next(csv.reader([lines[row.line - 1]])), strict=True)) == row.cells
        assert dict(other.iloc[place]) == row.cells
    again = csv.DictReader(io.StringIO(tables.as_csv([row.cells for row in table.rows.values()]), newline=""))
    assert list(again) == [row.cells for row in table.rows.values()]


def assert_loaded(table: tables.Table) -> None:
    """As a DataFrame each column has the type that is promised, and says what the cells say."""
    frame = tables.load(table.name)
    assert list(frame.index) == list(table.rows)
    for column, field in table.fields.items():
        if column not in frame:
            assert table.key == [column]
            continue
        cells = [row.cells[column] for row in table.rows.values()]
        match field["type"]:
            case "integer":
                assert frame[column].dtype == "Int64"
                assert ["" if pd.isna(value) else str(value) for value in frame[column]] == cells
            case "number":
                assert frame[column].dtype == "float64"
                assert [value if value == value else None for value in frame[column]] == [
                    float(cell) if cell else None for cell in cells
                ]
            case "list":
                assert list(frame[column]) == [tuple(tables.split(cell)) for cell in cells]
            case _:
                assert list(frame[column]) == cells


def test_the_small_record_holds_every_table_and_keeps_its_contract(root):
    known = tables.everything()
    assert list(known) == list(PATHS)
    assert all(known[name].rows for name in PATHS)
    contract = root / "datapackage.json"
    judge(root, contract, contract.read_bytes())


# --- tables ------------------------------------------------------------------------------------------

#: cells that a table may get from a spreadsheet, a script, a paste or a slip
ODD = [
    *(
        "",
        " ",
        "\t",
        "\n",
        "\r",
        "a\r\nb",
        "\0",
        "\x1b[31m",
        "\u200b",
        "\ufeff",
        "\u00a0",
        "\u2028",
        "\u202e",
        "\u0378",
    ),
    *("NaN", "inf", "-inf", "1e999", "-1e999", "1e308", "1e-999", "0", "-0", "-0.0", "007", "1_000", "１２", "٣", "+5"),
    *(
        "9" * 30,
        "123456789012345678",
        "-123456789012345678",
        "9007199254740993",
        "0.1",
        ".5",
        "5.",
        "1,5",
        "1 000",
        "10 W",
    ),
    *(
        "2025-02-30",
        "2024-02-29",
        "2025-02-29",
        "2025-13",
        "2025-00",
        "2025-Q5",
        "2025-Q1",
        "2025",
        "2025-08",
        "2025-08-07",
    ),
    *(
        "2025/2024",
        "2024/2025",
        "2025/",
        "/",
        "2024/2025/2026",
        "0001",
        "9999",
        "1900",
        "2099-12-31",
        "7 Aug 2025",
        "２０２５",
    ),
    *(
        ";",
        "a;",
        ";a",
        "a;;b",
        "a; b",
        "a,b",
        '"',
        '""',
        '"a',
        "'",
        "=1+1",
        "<b>x</b>",
        "#",
        "\\",
        "{}",
        "[x](y)",
        "x" * 999,
    ),
    *(
        "word " * 12 + "word",
        "é",
        "e\u0301",
        "\U0001f600",
        "true",
        "None",
        "null",
        "unknown",
        "day",
        "interval",
        "Tesla",
    ),
]


@st.composite
def cells(draw: st.DrawFn, records: list[list[str]]) -> str:
    """A cell: an odd one, one of this table, one of any letters, or one of this table slightly changed."""
    there = st.sampled_from([cell for record in records[1:] for cell in record] or [""])
    cell = draw(st.one_of(st.sampled_from(ODD), there, st.text(max_size=12)))
    change = draw(
        st.sampled_from([str, str, str.upper, lambda c: c + " ", lambda c: c * 2, lambda c: c[:-1], lambda c: f"-{c}"])
    )
    joined = draw(st.one_of(st.none(), st.none(), there))
    return change(cell) if joined is None else f"{change(cell)};{joined}"


@st.composite
def spoilt(draw: st.DrawFn, records: list[list[str]]) -> bytes:
    """The rows of a table with one to three things done to them."""
    records = copies.deepcopy(records)
    for _ in range(draw(st.integers(1, 3))):
        row = draw(st.integers(0, len(records) - 1))
        record = records[row]
        at = draw(st.integers(0, max(0, len(record) - 1)))
        column = draw(st.integers(0, max(0, len(records[0]) - 1)))
        match draw(
            st.sampled_from(["cell"] * 6 + ["gone", "twice", "swap", "turn", "cut", "more", "drop", "same", "name"])
        ):
            case "cell" if row and record:
                record[at] = draw(cells(records))
            case "gone" if len(records) > 1:
                del records[row]
            case "twice":
                records.insert(row, list(record))
            case "swap":
                other = draw(st.integers(0, len(records) - 1))
                records[row], records[other] = records[other], records[row]
            case "turn":
                records[row] = draw(st.permutations(record))
            case "cut":
                del record[at:]
            case "more":
                record.insert(at, draw(cells(records)) if len(records) > 1 else "")
            case "drop":
                for each in records:
                    del each[column : column + 1]
            case "same":
                for each in records:
                    each[column : column + 1] *= 2
            case "name" if records[0]:
                records[0][column] = draw(st.one_of(st.sampled_from(records[0]), st.text(max_size=9)))
    text = io.StringIO()
    csv.writer(text, lineterminator=draw(st.sampled_from(["\n", "\n", "\r\n"]))).writerows(records)
    return text.getvalue().encode("utf-8")


#: bytes that break files
BAD = [
    b"\0",
    b"\xff",
    b"\xfe\xff",
    b"\xef\xbb\xbf",
    b"\xe2\x80",
    b"\xed\xa0\x80",
    b'"',
    b"\r",
    b"\n",
    b",",
    b";",
    b"<",
    b"\x85",
]


@st.composite
def scratched(draw: st.DrawFn, raw: bytes) -> bytes:
    """Bytes with one to three places deleted, changed or added to, at times cut off there."""
    for _ in range(draw(st.integers(1, 3))):
        at, length = draw(st.integers(0, len(raw))), draw(st.sampled_from([0, 0, 1, 2, 40]))
        put = draw(st.one_of(st.sampled_from(BAD), st.binary(max_size=3)))
        rest = b"" if draw(st.integers(0, 9)) == 0 else raw[at + length :]
        raw = raw[:at] + put + rest
    return raw


def read_spoilt(root: Path, name: str, data: st.DataObject) -> None:
    file = root / PATHS[name]
    records = list(csv.reader(io.StringIO(file.read_text("utf-8"), newline="")))
    judge(root, file, data.draw(spoilt(records)))


def read_scratched(root: Path, name: str, data: st.DataObject) -> None:
    file = root / PATHS[name]
    judge(root, file, data.draw(scratched(file.read_bytes())))


@pytest.mark.parametrize("name", PATHS)
@few
@given(data=st.data())
def test_a_table_spoilt_is_read_as_promised_or_placed(root, name, data):
    read_spoilt(root, name, data)
    read_scratched(root, name, data)


@pytest.mark.thorough
@pytest.mark.parametrize("name", PATHS)
@many
@given(data=st.data())
def test_a_table_spoilt_in_many_ways_is_read_as_promised_or_placed(root, name, data):
    read_spoilt(root, name, data)
    read_scratched(root, name, data)


# --- JSON: the contract, notebooks -------------------------------------------------------------------

leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.floats(),
    st.text(max_size=9),
    st.sampled_from(
        ["", "sources", "events", "date", "live", "[", "\ud800", "../x.csv", "{x}", "{", "%s", "a.b[0]", "\n"]
    ),
)
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2)
)


def ways(value: Any, way: tuple = ()) -> Iterator[tuple]:
    """Every place in a JSON value, as the keys that lead there."""
    yield way
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from ways(inner, (*way, key))


@st.composite
def replaced(draw: st.DrawFn, value: Any, places: list[tuple]) -> Any:
    """A JSON value in which one place holds another value, or what stands elsewhere in it, or nothing, or more."""
    value = copies.deepcopy(value)
    way = draw(st.sampled_from(places))
    if not way:
        return draw(values)
    inner = value
    for key in way[:-1]:
        inner = inner[key]
    match draw(st.sampled_from(["value", "value", "other", "gone", "key"])):
        case "gone":
            del inner[way[-1]]
        case "key" if isinstance(inner, dict):
            inner[
                draw(st.one_of(st.text(max_size=5), st.sampled_from(["text/html", "tags", "name", "{x}", "a\nb"])))
            ] = draw(values)
        case "other":
            other: Any = value
            for key in draw(st.sampled_from(places)):
                other = other[key]
            inner[way[-1]] = copies.deepcopy(other)
        case _:
            inner[way[-1]] = draw(values)
    return value


def read_under_another_contract(root: Path, data: st.DataObject) -> None:
    file = root / "datapackage.json"
    contract = json.loads(file.read_text("utf-8"))
    new = data.draw(st.one_of(replaced(contract, list(ways(contract))), st.none()))
    raw = json.dumps(new, indent=1).encode() if new is not None else data.draw(scratched(file.read_bytes()))
    judge(root, file, raw)


@settings(few, max_examples=40)
@given(data=st.data())
def test_a_contract_spoilt_is_refused_in_its_place_or_kept(root, data):
    read_under_another_contract(root, data)


@pytest.mark.thorough
@settings(many, max_examples=250)
@given(data=st.data())
def test_a_contract_spoilt_in_many_ways_is_refused_in_its_place_or_kept(root, data):
    read_under_another_contract(root, data)


PROSE = """# Two sizes

The [closure](../data/story/events.csv#dojo-disbanded-report) came after [9 days](#cell-id=days "days"),[^1] and $x^2$.

| size | of |
|---|---|
| small | a |

[^1]: As counted.

## What is known

- **Dojo** ended; see the [data](../data/README.md)."""
CHART = (
    "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 90 60'><style>.a{fill:%23333}</style>"
    "<path class='a' d='M0 0h9v9z'/><g class='marks'><rect data-mark='one' x='1' y='1' width='9' height='9'>"
    "<title>One%0Aconfirmed</title></rect><path data-mark='two' d='M1 1L9 9' stroke-width='9'/></g></svg>"
)
FIGURE = (
    '<figure class="wide interactive" style="margin: 0"><p class="title"><strong>One and two</strong></p>'
    f'<div class="picture"><img src="{CHART}" width="90" alt="A chart of one and two, as two bars of one height"></div>'
    '<figcaption><p class="sources">Sources: <a href="https://example.org/">A</a>.</p><details><summary>Data</summary>'
    '<div class="scroll" role="region" tabindex="0" aria-label="Data"><table><thead><tr><th scope="col">mark</th>'
    '<th scope="col">n</th></tr></thead><tbody><tr><th scope="row">one</th><td>1</td></tr></tbody></table></div>'
    "</details></figcaption></figure>"
)
NUMBERS = '<dl class="numbers"><div style="display: flex"><dt>days</dt><dd>9 days</dd></div></dl>'


def _code(cell_id: str, source: str, html: str, plain: str) -> dict[str, Any]:
    shown = {"output_type": "execute_result", "execution_count": 1, "metadata": {}}
    shown["data"] = {"text/html": [html], "text/plain": [plain]}
    cell = {"id": cell_id, "cell_type": "code", "metadata": {"tags": ["kept"]}, "source": [source]}
    return cell | {"execution_count": 1, "outputs": [shown]}


#: a notebook with a bit of all that notebooks hold
BOOK = {
    "cells": [
        {"id": "opening", "cell_type": "markdown", "metadata": {}, "source": PROSE.splitlines(keepends=True)},
        _code("days", "from dojo import show\n\nshow.numbers(days=days)", NUMBERS, "days: 9 days"),
        _code("sizes", 'show.figure(drawn, title=f"One and {two}", alt=words, data=rows)', FIGURE, "One and two"),
    ],
    "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of notebooks with the data beside it."""
    place = tmp_path_factory.mktemp("suite") / "notebooks"
    place.mkdir()
    (place.parent / "data").symlink_to(tables.DATA)
    return place


def test_the_notebook_to_spoil_is_a_good_one(folder):
    (folder / "01-odd.ipynb").write_text(json.dumps(BOOK), "utf-8")
    book = notebooks.read(folder / "01-odd.ipynb")
    assert check.contradictions([book]) == []
    assert list(pages.part(book, [book]).files) == ["01-odd.html", "figures/01-odd-sizes.svg", "data/01-odd-sizes.csv"]


def read_notebook(folder: Path, data: st.DataObject) -> None:
    """A spoilt notebook is read and checked, or refused, in lines that name it; so is one that makes no page."""
    path = folder / "01-odd.ipynb"
    new = data.draw(st.one_of(replaced(BOOK, list(ways(BOOK))), st.none()))
    raw = json.dumps(new, indent=1).encode() if new is not None else data.draw(scratched(json.dumps(BOOK).encode()))
    path.write_bytes(raw)
    try:
        book = notebooks.read(path)
    except ValueError as error:
        assert_names("notebooks/01-odd.ipynb", str(error))
        return
    for line in check.check([book]):
        assert_names(book.label, line)
    if not check.contradictions([book]):
        try:
            pages.together([book], [pages.part(book, [book])])
        except ValueError as error:
            assert_names(book.label, str(error))
    assert path.read_bytes() == raw


def assert_names(label: str, said: str) -> None:
    assert said.startswith(label)
    assert not re.search(r"[\r\n]", said), said


@settings(few, max_examples=40)
@given(data=st.data())
def test_a_notebook_spoilt_is_checked_or_refused_by_name(folder, data):
    read_notebook(folder, data)


@pytest.mark.thorough
@settings(many, max_examples=250)
@given(data=st.data())
def test_a_notebook_spoilt_in_many_ways_is_checked_or_refused_by_name(folder, data):
    read_notebook(folder, data)


# --- texts -------------------------------------------------------------------------------------------

PARTS = [
    *(
        "# ",
        "\n\n",
        "- ",
        "1. ",
        "> ",
        "| a | b |\n|---|---|\n| 1 | 2 |\n",
        "```\n",
        "$",
        "$$",
        "`",
        "*",
        "**",
        "~~",
        "<b>",
    ),
    *("[", "](", ")", "![", "[^1]", "[^1]: ", '"', "“", "”", "«", "\\", "&amp;", "&#0;", "<img alt='", "<!--", "-->"),
    *(
        "63 days",
        "about 20",
        "$5",
        "5,760",
        "1e9",
        "7 August 2025",
        "2025-08-07",
        "Q3 2025",
        "twenty people",
        "3Q25",
        "½",
    ),
    *(
        "AI6",
        "H100",
        "Dojo 2",
        "one year ago",
        "5 %",
        "10^18",
        "−3",
        "１２",
        "٣",
        "²",
        "40 to 50",
        "4 to 7 August 2025",
    ),
    *("[20](../data/story/people_moves.csv#twenty-to-densityai)", '[20](../data/story/events.csv#x "date")'),
    *(
        "[63](#cell-id=days)",
        '[63 days](01-timeline.ipynb#cell-id=days "praise to report")',
        "[x](http://[)",
        "[y](%zz)",
    ),
]
texts = st.lists(st.one_of(st.sampled_from(PARTS), st.text(max_size=8)), max_size=12).map("".join)


def printed(page: str, cell_id: str) -> str:
    """A cell that prints numbers, and one that there is not."""
    if cell_id == "days":
        return "praise to report: 63 days\nfrom 2025-06-05 to 2025-08-07, 5 %, 1e9"
    raise KeyError(f"{page} has no cell {cell_id!r}")


def read_text(text: str) -> None:
    """Whatever a text holds, what is wrong with it is said, each in a line."""
    for found in facts.check(text, printed):
        assert str(found).startswith("says ")
        assert not re.search(r"[\r\n]", str(found)), str(found)
    check.check_page(Path("README.md"), text, [])


@settings(few, max_examples=200)
@given(text=texts)
def test_a_text_of_anything_is_checked(text):
    read_text(text)


@pytest.mark.thorough
@settings(many, max_examples=1500)
@given(text=texts)
def test_many_texts_of_anything_are_checked(text):
    read_text(text)
