"""Every table keeps its contract and says what is promised; how broken ones are named stands in test_bad_input."""

import json
import os
import shutil
from pathlib import Path

import frictionless
import pandas as pd
import pytest

from dojo import dates, show, tables

EVENTS = "data/story/events.csv"


def test_the_record_keeps_its_contract():
    files = {str(path.relative_to(tables.DATA)) for path in tables.DATA.rglob("*.csv") if ".ipynb" not in str(path)}
    assert {table.contract["path"] for table in tables.everything().values()} == files
    assert all(table.rows for table in tables.everything().values())


def test_what_jupyterlab_keeps_beside_an_opened_table_is_no_table(copy):
    hidden = copy.root / "story" / ".ipynb_checkpoints"
    hidden.mkdir(exist_ok=True)
    (hidden / "events-checkpoint.csv").write_text("event_id\n", "utf-8")
    tables.read.cache_clear()
    assert len(tables.read(copy.root)) == len(tables.everything())


def test_an_emptied_table_is_named_and_hides_nothing_else(copy):
    copy.write("unknowns", copy.records("unknowns")[:1])
    copy.cell("promises", 0, "outcome_event_id", "nope")
    said = "\n".join(copy.problems())
    assert "unknowns.csv, line 1: 'unknown_id,question,closest,why_open,source_ids'; expected at least one row" in said
    assert "'nope'; expected the id of a row in events" in said


def test_what_else_a_row_names_is_checked_where_one_table_cannot_be_read(copy):
    copy.write("events", copy.records("events")[:1])
    copy.cell("promises", 0, "source_ids", "nope")
    said = copy.problems()
    assert "data/story/promises.csv, line 2, column source_ids: 'nope'; expected the id of a row in sources" in said
    assert not any("column outcome_event_id" in line for line in said)


def test_two_ids_where_one_may_stand_are_refused(copy):
    copy.cell("promises", 0, "outcome_event_id", "hw3-not-enough;dojo3-restart")
    place = "data/story/promises.csv, line 2, column outcome_event_id: 'hw3-not-enough;dojo3-restart'"
    assert f"{place}; expected the id of a row in events (did you mean 'hw3-not-enough'?)" in copy.problems()


def test_a_source_is_not_used_because_an_event_of_its_name_is(copy):
    assert tables.value("promises", "hw-for-full-self-driving", "outcome_event_id") == "hw3-not-enough"
    records = copy.records("sources")
    copy.write("sources", [*records, ["hw3-not-enough", *records[1][1:]]])
    place = f"data/sources.csv, line {len(records) + 1}, column source_id: 'hw3-not-enough'"
    assert copy.problems() == [f"{place}; expected a source that some row names"]


def test_an_independent_reader_agrees(copy):
    """Frictionless reads the same contract: it accepts the record and rejects a spoilt copy."""
    assert frictionless.validate(str(tables.DATA / "datapackage.json"), type="package").valid
    copy.cell("events", 1, "standing", "certain")
    report = frictionless.validate(str(copy.root / "datapackage.json"), type="package")
    errors = [error for task in report.tasks for error in task.errors]
    assert [error.row_number for error in errors] == [3]


def test_the_dictionary_is_up_to_date():
    assert (tables.DATA / "README.md").read_text("utf-8") == tables.dictionary()


def test_every_column_is_described():
    fields = [(t.name, name, f) for t in tables.everything().values() for name, f in t.fields.items()]
    assert [place for *place, f in fields if len(f["description"]) < 10] == []


def test_an_empty_count_is_unknown_and_not_zero():
    moves, written = tables.load("people_moves"), tables.everything()["people_moves"].rows
    cells = {row_id: row.cells["headcount_low"] for row_id, row in written.items()}
    assert "" in cells.values()
    for row_id, cell in cells.items():
        count = moves["headcount_low"][row_id]
        assert count == int(cell) if cell else pd.isna(count)


def test_a_whole_number_is_loaded_as_written(copy, monkeypatch):
    copy.cell("people_moves", 1, "headcount_high", "123456789012345678")  # more than a float holds
    monkeypatch.setattr(tables, "DATA", copy.root)
    (row_id,) = tables.load("people_moves").index[[1]]
    assert tables.load("people_moves")["headcount_high"][row_id] == 123456789012345678


def test_whole_numbers_that_nobody_knows_are_still_whole_numbers(copy, monkeypatch):
    for row in range(len(tables.everything()["people_moves"].rows)):
        copy.cell("people_moves", row, "headcount_high", "")
    monkeypatch.setattr(tables, "DATA", copy.root)
    assert tables.load("people_moves")["headcount_high"].dtype == "Int64"


def test_facts_stand_as_of_the_latest_source():
    latest = max(row.cells["published"] for row in tables.everything()["sources"].rows.values())
    assert tables.as_of() == dates.window(latest)


def test_why_shows_the_row_its_sources_and_its_standing():
    shown = show.why("dojo-disbanded-report")
    row, listed = tables.load("events").loc["dojo-disbanded-report"], tables.load("sources")
    assert row["standing"] in shown.html
    assert shown.html.count("<a href=") == (listed.loc[[*row["source_ids"]], "url"] != "").sum() > 0
    assert "events.csv#dojo-disbanded-report" in shown.text


def test_the_glossary_explains_what_the_article_left_unexplained():
    terms = {row.cells["term"].lower() for row in tables.everything()["glossary"].rows.values()}
    needed = """Dojo|Dojo 2|Dojo 3|AI6|SoC|board|training|inference|training compute|custom silicon|
        chip architect|data type|numerical precision|latency|throughput|throughput per watt|DensityAI|
        tape-out|H100 equivalent|foundry"""
    assert {term.strip().lower() for term in needed.split("|")} <= terms


@pytest.mark.parametrize(
    ("text", "start", "end", "words"),
    [
        ("2025-08-07", "2025-08-07", "2025-08-07", "7 August 2025"),
        ("2024-02", "2024-02-01", "2024-02-29", "February 2024"),
        ("2024-Q4", "2024-10-01", "2024-12-31", "Q4 2024"),
        ("2025", "2025-01-01", "2025-12-31", "2025"),
        ("2023-12/2024-01", "2023-12-01", "2024-01-31", "December 2023 to January 2024"),
        ("2018/2019", "2018-01-01", "2019-12-31", "2018 to 2019"),
        ("2025-07-28/2025-08-03", "2025-07-28", "2025-08-03", "28 July 2025 to 3 August 2025"),
        ("2025-08-04/2025-08-07", "2025-08-04", "2025-08-07", "4 to 7 August 2025"),
        ("2023-11/2025-08-07", "2023-11-01", "2025-08-07", "1 November 2023 to 7 August 2025"),
    ],
)
def test_a_date_is_the_window_it_stands_for(text, start, end, words):
    window = dates.window(text)
    assert (window.start.isoformat(), window.end.isoformat(), str(window)) == (start, end, words)


def test_the_data_has_no_second_home(tmp_path):
    """A copy elsewhere reads the same: nothing depends on where the repository stands."""
    shutil.copytree(tables.DATA, tmp_path / "elsewhere")
    tables.read.cache_clear()
    moved = tables.read(tmp_path / "elsewhere")
    assert {name: list(t.rows) for name, t in moved.items()} == {
        name: list(t.rows) for name, t in tables.everything().items()
    }


def test_a_column_that_stands_twice_is_named(copy):
    records = copy.records("unknowns")
    copy.write("unknowns", [[*record, record[0]] for record in records])
    header = ",".join([*records[0], records[0][0]])
    assert f"data/story/unknowns.csv, line 1: {header!r}; expected each column once" in copy.problems()


def test_a_file_that_is_cut_off_lacks_columns(copy):
    copy.path("events").write_bytes(b'event_id,date\n"open')
    assert f"{EVENTS}, line 1, column precision: 'event_id,date'; expected a column 'precision'" in copy.problems()


HEADER = "unknown_id,question,closest,why_open,source_ids"
#: what a file holds in place of its table, and what is then said
NO_TABLES = {
    "other columns": ("a,b\n1,2\n", f"line 1: 'a,b'; expected the columns {HEADER.replace(',', ', ')}"),
    "one column more": (
        f"{HEADER},other\n1,2,3,4,5,6\n",
        f"line 1: 'other'; expected only the columns {HEADER.replace(',', ', ')}",
    ),
    "too few cells": (f"{HEADER}\nfew,cells\n", "line 2: 'few,cells'; expected 5 cells, found 2"),
    "a record that is torn": (
        f'{HEADER}\n"torn"off,2,3,4,5\n',
        "line 2: '\"torn\"off,2,3,4,5'; expected a complete CSV record (',' expected after '\"')",
    ),
    "columns that are torn": (
        '"torn"off,2\n',
        "line 1: '\"torn\"off,2'; expected a complete CSV record (',' expected after '\"')",
    ),
    "a page": ("<html>\n", "line 1: '<html>\\n'; expected a CSV table, not an HTML page"),
}


@pytest.mark.parametrize("name", NO_TABLES)
def test_what_is_no_table_is_named(copy, name):
    text, said = NO_TABLES[name]
    copy.path("unknowns").write_text(text, "utf-8")
    assert f"data/story/unknowns.csv, {said}" in copy.problems()


def test_a_table_that_nobody_describes_is_named(copy):
    shutil.copy(copy.path("unknowns"), copy.root / "more.csv")
    assert copy.problems() == ["data/more.csv, line 1: 'more.csv'; expected to be described in data/datapackage.json"]


def test_an_order_among_columns_names_columns_of_the_table(copy):
    path = copy.root / "datapackage.json"
    package = json.loads(path.read_text("utf-8"))
    (moves,) = (table for table in package["resources"] if table["name"] == "people_moves")
    moves["ascending"] = [["headcount_low", "headcount_hihg"]]
    path.write_text(json.dumps(package), "utf-8")
    (said,) = copy.problems()
    assert said == (
        "data/datapackage.json, line 1, column people_moves: 'headcount_hihg'; expected the name of one of its columns"
    )


def test_a_space_that_does_not_break_is_no_invisible_character(copy):
    copy.cell("unknowns", 0, "question", "Why\N{NO-BREAK SPACE}then?")
    tables.read.cache_clear()
    first = next(iter(tables.read(copy.root)["unknowns"].rows.values()))
    assert first.cells["question"] == "Why\N{NO-BREAK SPACE}then?"


def test_a_record_without_sources_is_refused(copy):
    path = copy.root / "datapackage.json"
    package = json.loads(path.read_text("utf-8"))
    named = {table["name"]: table for table in package["resources"]}
    package["resources"] = [named["events"], named["promises"]]
    path.write_text(json.dumps(package), "utf-8")
    first = "data/datapackage.json, line 1, column resources: 'events, promises'; expected a table named sources"
    assert copy.problems()[0] == first


def test_columns_have_the_type_that_their_contract_names():
    moves, figures = tables.load("people_moves"), tables.load("finance_figures")
    assert moves["headcount_low"].dtype == "Int64"
    assert figures["value"].dtype == "float64"
    assert figures["value"]["a100-cluster-2021"] == 5760
    assert pd.isna(figures["low"]["a100-cluster-2021"])
    assert moves["source_ids"]["twenty-to-densityai"][:2] == ("bloomberg-2025-08-densityai", "bloomberg-tv-2025-08-07")
    assert moves["date"]["talpes-joins"] == ""
    assert moves.index.name == "move_id"
    assert "move_id" not in moves
    assert [*moves.columns] == [*tables.everything()["people_moves"].fields][1:]


def test_a_table_with_a_key_of_two_columns_keeps_them():
    rated = tables.load("evidence_hypotheses")
    assert rated.index.name == "id"
    first = rated.iloc[0]
    assert rated.index[0] == f"{first['evidence_id']}/{first['hypothesis_id']}"


def test_items_of_a_list_stand_without_the_spaces_around_them():
    assert tables.split("one; two ;three") == ["one", "two", "three"]
    assert tables.split("") == []


def test_a_row_is_found_by_its_id():
    (row,) = tables.find("dojo3-restart")
    assert row.place == "events.csv#dojo3-restart"
    assert row.cells["date"] == tables.load("events")["date"]["dojo3-restart"]
    assert tables.find("dojo3-restart", "events") == [row]
    assert {found.table.name for found in tables.find("might-not-need-dojo")} == {"events", "evidence"}
    assert tables.value("events", "dojo3-restart", "date") == row.cells["date"]
    assert tables.value("evidence", "might-not-need-dojo", "cluster_id") != ""


@pytest.mark.parametrize(
    ("look_up", "said"),
    [
        (lambda: tables.find("dojo3-restar"), "no row 'dojo3-restar' (did you mean 'dojo3-restart'?)"),
        (
            lambda: tables.find("dojo3-restar", "events"),
            "no row 'dojo3-restar' in events (did you mean 'dojo3-restart'?)",
        ),
        (lambda: tables.find("dojo3-restart", "networks"), "no row 'dojo3-restart' in networks"),
        (lambda: tables.value("events", "dojo3-restart", "dat"), "events has no column 'dat' (did you mean 'date'?)"),
        (lambda: tables.load("event"), "no table 'event' (did you mean 'events'?)"),
    ],
)
def test_what_is_not_there_is_named_with_what_may_have_been_meant(look_up, said):
    with pytest.raises(KeyError) as caught:
        look_up()
    assert caught.value.args == (said,)


def test_a_message_cuts_what_is_long_and_counts_what_there_is():
    short = tables.Problem("data/x.csv", 3, "", "a" * 80, "less")
    assert str(short) == f"data/x.csv, line 3: '{'a' * 80}'; expected less"
    long = tables.Problem("data/x.csv", 3, "y", "a" * 81, "less")
    assert str(long) == f"data/x.csv, line 3, column y: '{'a' * 77}...'; expected less"
    assert str(tables.DataError([short])) == f"1 problem in the data:\n{short}"
    both = tables.DataError([short, long])
    assert str(both) == f"2 problems in the data:\n{short}\n{long}"
    assert both.problems == [short, long]


def test_a_row_tells_of_its_problems_as_reading_does():
    (row,) = tables.find("dojo3-restart")
    expected = f"{EVENTS}, line {row.line}, column date: '{row.cells['date']}'; expected later"
    assert str(row.problem("date", "later")) == expected


def test_a_draft_stands_hidden_beside_its_file(tmp_path, monkeypatch):
    drafts, replace = [], os.replace

    def noting(draft: str, path: Path) -> None:
        drafts.append(Path(draft))
        replace(draft, path)

    monkeypatch.setattr(os, "replace", noting)
    tables.write(tmp_path / "some.csv", "id\n")
    (draft,) = drafts
    assert draft.parent == tmp_path
    assert draft.name.startswith(".some.csv.")


@pytest.mark.parametrize(
    ("error", "named"),
    [
        (lambda: OSError(28, "No space left on device"), "some.csv"),
        (lambda: OSError(13, "Permission denied", "elsewhere.csv"), "elsewhere.csv"),
        (lambda: OSError("no number, no name"), None),
        (KeyboardInterrupt, None),
    ],
)
def test_what_cannot_be_written_is_named_and_leaves_no_draft(tmp_path, monkeypatch, error, named):
    path = tmp_path / "some.csv"
    path.write_text("before", "utf-8")

    def fail(*_: object) -> None:
        raise error()

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises((OSError, KeyboardInterrupt)) as caught:
        tables.write(path, "after")
    name = getattr(caught.value, "filename", None)
    assert (name and Path(name).name) == named
    assert {p.name: p.read_text("utf-8") for p in tmp_path.iterdir()} == {"some.csv": "before"}


def test_rows_are_written_as_they_are_read(tmp_path):
    path = tmp_path / "quite" / "new" / "some.csv"
    assert tables.records(path) == {}
    rows = [{"id": "one", "text": "a, “b”\r\nc"}, {"id": "two", "text": ""}]
    text = tables.as_csv(iter(rows))
    assert text == 'id,text\none,"a, “b”\r\nc"\ntwo,\n'
    assert tables.as_csv(rows[1:]) == "id,text\ntwo,\n"
    tables.write(path, text)
    assert path.read_bytes() == text.encode("utf-8")
    assert path.stat().st_mode & 0o777 == 0o644
    assert tables.records(path) == {"one": rows[0], "two": rows[1]}
    path.write_text("", "utf-8")
    assert tables.records(path) == {}


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_lines_may_end_as_other_machines_end_them(copy, end):
    text = copy.path("unknowns").read_text("utf-8")
    copy.path("unknowns").write_text(text, "utf-8", newline=end)
    tables.read.cache_clear()
    table = tables.read(copy.root)["unknowns"]
    assert {i: (row.cells, row.line) for i, row in table.rows.items()} == {
        i: (row.cells, row.line) for i, row in tables.everything()["unknowns"].rows.items()
    }


def test_the_end_of_a_line_within_a_cell_is_named_as_it_is(copy):
    copy.cell("events", 1, "actor", "Elon\r\nMusk")
    said = (
        f"{EVENTS}, line 3, column actor: 'Elon\\r\\nMusk'; expected text without invisible characters; it holds U+000D"
    )
    assert said in copy.problems()
