"""Every table keeps its contract, and each way of breaking it is named as an editor wants it."""

import json
import shutil

import frictionless
import pandas as pd
import pytest

from dojo import dates, show, tables

EVENTS = "data/story/events.csv"

#: what is spoilt (table, row, column, value) and what the message must say
SPOILT = {
    "unknown source": ("events", 0, "source_ids", "electrek-2016-01-29", [f"{EVENTS}, line 2, column source_ids"]),
    "near miss": ("events", 0, "source_ids", "electrek-2016-01-2", ["did you mean 'electrek-2016-01-28'"]),
    "duplicate id": ("events", 1, "event_id", "keller-hired", ["line 3", "'keller-hired'", "line 2 has it"]),
    "impossible month": ("events", 1, "date", "2017-13-07", ["line 3, column date: '2017-13-07'", "a month from 01"]),
    "impossible day": ("events", 1, "date", "2017-02-29", ["'2017-02-29'", "a day from 01 to 28"]),
    "no date": ("events", 1, "date", "7 Dec 2017", ["'7 Dec 2017'", "a date like 2025-08-07"]),
    "interval backwards": ("people_moves", 11, "date", "2024-01/2023-12", ["whose first date comes before"]),
    "date finer than its precision": ("events", 0, "date", "2016-01-28", ["'2016-01-28'", "month", "finer"]),
    "date coarser than its precision": ("events", 1, "date", "2017-12", ["'2017-12'", "day", "coarser"]),
    "low above high": ("finance_figures", 6, "low", "9e12", ["column low: '9e12'", "the value of value"]),
    "outside enumeration": ("events", 1, "standing", "certain", ["'certain'", "one of claimed, confirmed, reported"]),
    "empty required cell": ("events", 2, "summary", "", ["line 4, column summary: ''", "may not be empty"]),
    "number with a unit": ("finance_figures", 3, "value", "10 MW", ["'10 MW'", "a number in plain digits"]),
    "thousands separator": ("finance_figures", 0, "value", "5,760", ["'5,760'", "thousands separator"]),
    "fraction of a person": ("people_moves", 1, "headcount_low", "1.5", ["'1.5'", "a whole number"]),
    "negative count": ("people_moves", 1, "headcount_low", "-1", ["'-1'", "at least 0"]),
    "other digits": ("finance_figures", 0, "value", "５７６０", ["a number in plain digits"]),
    "more than any number": ("finance_figures", 0, "value", "1e400", ["a number below 1.8e308"]),
    "leading zero": ("finance_figures", 0, "value", "007", ["leading zero"]),
    "three dates": ("people_moves", 11, "date", "2025/2026/2027", ["a date like"]),
    "year out of range": ("people", 0, "first_known_at_tesla", "0001", ["a date like"]),
    "invisible character": ("events", 1, "actor", "Elon\u200bMusk", ["invisible characters; it holds U+200B"]),
    "no web address": ("sources", 0, "url", "javascript:alert(1)", ["https?://"]),
    "space at the end": ("events", 1, "actor", "Elon Musk ", ["'Elon Musk '", "no space at its ends"]),
    "quotation too long": ("events", 1, "quote", "word " * 12 + "word", ["at most 12 words; this has 13"]),
    "dangling reference": ("promises", 0, "outcome_event_id", "hw3-enough", ["'hw3-enough'", "a row in events"]),
    "dangling in a list": ("article_claims", 0, "rests_on", "nothing", ["'nothing'", "events or promises"]),
    "empty list item": ("events", 1, "source_ids", "theregister-2017-12-08;;", ["items separated by single ';'"]),
    "id with a space": ("events", 1, "event_id", "custom chip", ["'custom chip'", "text of the form"]),
}


def test_the_record_keeps_its_contract():
    assert len(tables.everything()) == 31
    assert len(tables.load("events")) >= 100


@pytest.mark.parametrize("name", SPOILT)
def test_a_spoilt_cell_is_named(copy, name):
    table, row, column, value, expected = SPOILT[name]
    copy.cell(table, row, column, value)
    said = "\n".join(copy.problems())
    for words in expected:
        assert words in said


def test_a_source_that_nobody_uses_is_named(copy):
    records = copy.records("sources")
    copy.write("sources", [*records, ["lonely-2026", *records[1][1:]]])
    (said,) = copy.problems()
    assert f"data/sources.csv, line {len(records) + 1}, column source_id: 'lonely-2026'" in said
    assert "a source that some row names" in said


def test_missing_and_extra_columns_are_named(copy):
    records = copy.records("events")
    copy.write("events", [["event_id", "data", *records[0][2:]], *records[1:]])
    missing, extra = copy.problems()[:2]
    assert "line 1, column date" in missing
    assert "a column 'date'" in missing
    assert f"{EVENTS}, line 1: 'data'" in extra
    assert "did you mean 'date'?" in extra


def test_a_row_with_a_cell_too_many_is_named(copy):
    records = copy.records("events")
    records[5].append("more")
    copy.write("events", records)
    assert any("line 6" in said and "12 cells, found 13" in said for said in copy.problems())


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"<!DOCTYPE html><html></html>", "not an HTML page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "not a Git LFS pointer"),
        (b"\xff\xfee\x00v\x00", "without a byte order mark"),
        (b"", "the columns event_id, date, precision"),
        (b'event_id,date\n"open', "a column 'precision'"),
    ],
)
def test_a_file_that_is_no_table_is_named(copy, raw, expected):
    copy.path("events").write_bytes(raw)
    assert any(said.startswith(f"{EVENTS}, line 1") and expected in said for said in copy.problems())


def test_a_wrong_encoding_is_placed(copy):
    path = copy.path("events")
    lines = path.read_bytes().splitlines(keepends=True)
    lines[3] = lines[3].replace(b"Tesla", b"T\xe9sla", 1)
    path.write_bytes(b"".join(lines))
    (said,) = [said for said in copy.problems() if "UTF-8" in said]
    assert f"{EVENTS}, line 4" in said


def test_an_unclosed_quotation_mark_is_placed(copy):
    text = copy.path("unknowns").read_text("utf-8")
    copy.path("unknowns").write_text(text + '"open,a,b,c\n', "utf-8")
    assert any("unknowns.csv, line 16" in said and "CSV record" in said for said in copy.problems())


def test_a_missing_file_and_one_that_nobody_describes_are_named(copy):
    copy.path("unknowns").rename(copy.root / "story" / "unknown.csv")
    said = copy.problems()
    assert any("unknowns.csv" in line and "to exist" in line for line in said)
    assert any("data/story/unknown.csv" in line and "to be described" in line for line in said)


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


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('"resources": [', '"resources": [,', "datapackage.json, line"),
        ('"name": "sources"', '"name": "springs"', "a table named sources"),
        ('"type": "list"', '"type": "lost"', "'lost'; expected a type: string, integer, number, list"),
        ('"required": true', '"requird": true', "'requird'; expected one of"),
        (
            '"partialDate": "precision"',
            '"partialDate": "precise"',
            "'precise'; expected the name of one of its columns",
        ),
        ('"events"\n', '"event"\n', "'event'; expected the name of a table"),
    ],
)
def test_a_contract_that_cannot_be_checked_by_is_named(copy, old, new, expected):
    path = copy.root / "datapackage.json"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    assert expected in "\n".join(copy.problems())


def test_all_problems_come_at_once_in_order(copy):
    copy.cell("events", 0, "standing", "sure")
    copy.cell("events", 5, "date", "soon")
    copy.cell("claims", 0, "date", "soon")
    said = copy.problems()
    assert [line.partition(":")[0] for line in said] == [
        "data/story/claims.csv, line 2, column date",
        f"{EVENTS}, line 2, column standing",
        f"{EVENTS}, line 7, column date",
    ]


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
    moves = tables.load("people_moves")
    assert pd.isna(moves["headcount_low"]["dojo-layoffs-2024"])
    assert moves["headcount_low"]["twenty-to-densityai"] == 20


def test_a_whole_number_is_loaded_as_written(copy, monkeypatch):
    copy.cell("people_moves", 1, "headcount_high", "123456789012345678")  # more than a float holds
    monkeypatch.setattr(tables, "DATA", copy.root)
    (row_id,) = tables.load("people_moves").index[[1]]
    assert tables.load("people_moves")["headcount_high"][row_id] == 123456789012345678


def test_a_row_is_found_by_its_id():
    (row,) = tables.find("dojo3-restart")
    assert row.place == "events.csv#dojo3-restart"
    assert row.cells["date"] == "2026-01-18"
    with pytest.raises(KeyError, match="did you mean 'dojo3-restart'"):
        tables.find("dojo3-restar")


def test_facts_stand_as_of_the_latest_source():
    latest = max(row.cells["published"] for row in tables.everything()["sources"].rows.values())
    assert tables.as_of() == dates.window(latest)


def test_why_shows_the_row_its_sources_and_its_standing():
    shown = show.why("dojo-disbanded-report")
    assert "reported" in shown.html
    assert shown.html.count("<a href=") == 4
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


def test_a_record_without_sources_is_refused(copy):
    path = copy.root / "datapackage.json"
    package = json.loads(path.read_text("utf-8"))
    package["resources"] = package["resources"][:2]
    path.write_text(json.dumps(package), "utf-8")
    first = "data/datapackage.json, line 1, column resources: 'events, promises'; expected a table named sources"
    assert copy.problems()[0] == first


def test_columns_have_the_type_that_their_contract_names():
    moves, figures = tables.load("people_moves"), tables.load("finance_figures")
    assert moves["headcount_low"].dtype == "Int64"
    assert figures["value"].dtype == "float64"
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
    assert str(row.problem("date", "later")) == f"{EVENTS}, line {row.line}, column date: '2026-01-18'; expected later"


def test_rows_are_written_as_they_are_read(tmp_path):
    path = tmp_path / "new" / "some.csv"
    assert tables.records(path) == {}
    rows = [{"id": "one", "text": "a, “b”\nc"}, {"id": "two", "text": ""}]
    text = tables.as_csv(iter(rows))
    assert text == 'id,text\none,"a, “b”\nc"\ntwo,\n'
    tables.write(path, text)
    assert path.read_bytes() == text.encode("utf-8")
    assert path.stat().st_mode & 0o777 == 0o644
    assert tables.records(path) == {"one": rows[0], "two": rows[1]}
    path.write_text("", "utf-8")
    assert tables.records(path) == {}
