"""Broken input, as a user meets it: every table, notebook and setting, with all that is then said, to the letter.

A case is one input with every line of its message. None of them may end in a traceback, and none may change a file.
"""

import csv
import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.kernelspec import KernelSpecManager

from conftest import Copy
from dojo import formats, show, tables
from publish import __main__, check, notebooks

Spoil = Callable[[Copy], object]


def held(folder: Path) -> dict[str, object]:
    """Everything that stands below a folder: what files hold, where links lead."""
    return {
        path.relative_to(folder).as_posix(): os.readlink(path) if path.is_symlink() else path.read_bytes()
        for path in folder.rglob("*")
        if path.is_symlink() or path.is_file()
    }


# --- tables ----------------------------------------------------------------------------------------


def cell(table: str, row_id: str, column: str, value: str) -> Spoil:
    """Another value in one cell."""
    return lambda copy: copy.cell(table, [row[0] for row in copy.records(table)].index(row_id) - 1, column, value)


def raw(table: str, change: Callable[[bytes], bytes]) -> Spoil:
    """Other bytes in one file."""
    return lambda copy: copy.path(table).write_bytes(change(copy.path(table).read_bytes()))


def swap(table: str, old: str, new: str) -> Spoil:
    """Other text in one place, the first, of a file."""
    return raw(table, lambda held: held.replace(old.encode(), new.encode(), 1))


def rows(table: str, change: Callable[[list[list[str]]], list[list[str]]]) -> Spoil:
    """Other rows in one table; row 0 is the header."""
    return lambda copy: copy.write(table, change(copy.records(table)))


def row(table: str, row_id: str, *cells: str) -> Spoil:
    """Other cells in one row, beside its id, however many."""
    return rows(table, lambda held: [[row_id, *cells] if record[0] == row_id else record for record in held])


#: the tables as they stand, in which messages are placed without the code that is tested
LIVE = Copy(tables.DATA)


def place(table: str, number: int) -> str:
    """A line of a table's file, as messages name it."""
    return f"data/{LIVE.path(table).relative_to(LIVE.root).as_posix()}, line {number}"


def line(table: str, row_id: str) -> int:
    """The line on which a row stands, wherever it is moved."""
    return [record[0] for record in LIVE.records(table)].index(row_id) + 1


def at(table: str, row_id: str) -> str:
    """The line of a row, as messages name it."""
    return place(table, line(table, row_id))


def below(table: str, number: int = 1) -> str:
    """The first line below all rows of a table, or one after it; the last row itself is number 0."""
    return place(table, len(LIVE.records(table)) + number)


def holds(table: str, row_id: str, column: str) -> str:
    """What one cell holds."""
    header, *records = LIVE.records(table)
    return next(record[header.index(column)] for record in records if record[0] == row_id)


#: what stands in place of a table, or is missing there
TABLE_FILES: dict[str, tuple[Spoil, str]] = {
    "missing": (
        lambda c: c.path("unknowns").unlink(),
        "data/story/unknowns.csv, line 1: 'unknowns.csv'; expected this file to exist",
    ),
    "under another name": (
        lambda c: c.path("unknowns").rename(c.root / "story/unknown.csv"),
        "data/story/unknown.csv, line 1: 'unknown.csv'; expected to be described in "
        "data/datapackage.json\n"
        "data/story/unknowns.csv, line 1: 'unknowns.csv'; expected this file to exist",
    ),
    "one more": (
        lambda c: (c.root / "story/rumours.csv").write_text("rumour_id\n"),
        "data/story/rumours.csv, line 1: 'rumours.csv'; expected to be described in data/datapackage.json",
    ),
    "a folder of its name": (
        lambda c: (c.path("unknowns").unlink(), (c.root / "story/unknowns.csv").mkdir()),
        "data/story/unknowns.csv, line 1: 'unknowns.csv'; expected a file that can be read (Is a directory)",
    ),
    "a link to itself": (
        lambda c: (c.path("unknowns").unlink(), (c.root / "story/unknowns.csv").symlink_to("unknowns.csv")),
        "data/story/unknowns.csv, line 1: 'unknowns.csv'; expected a file that can be read (Too many "
        "levels of symbolic links)",
    ),
    "empty": (
        raw("unknowns", lambda held: b""),
        "data/story/unknowns.csv, line 1: ''; expected the columns unknown_id, question, closest, why_open, source_ids",
    ),
    "only a header": (
        rows("unknowns", lambda held: held[:1]),
        "data/story/unknowns.csv, line 1: 'unknown_id,question,closest,why_open,source_ids'; expected "
        "at least one row below the names of the columns",
    ),
    "a header without an end of line": (
        raw("unknowns", lambda held: held.splitlines()[0]),
        "data/story/unknowns.csv, line 1: 'unknown_id,question,closest,why_open,source_ids'; expected "
        "at least one row below the names of the columns",
    ),
    "a byte order mark": (
        raw("unknowns", lambda held: b"\xef\xbb\xbf" + held),
        "data/story/unknowns.csv, line 1: 'ï»¿unknown_i'; expected UTF-8 without a byte order mark",
    ),
    "UTF-16": (
        raw("unknowns", lambda held: held.decode().encode("utf-16")),
        "data/story/unknowns.csv, line 1: 'ÿþu\\x00n\\x00k\\x00n\\x00o\\x00'; expected UTF-8 without a byte order mark",
    ),
    "UTF-16 without a mark": (
        raw("machines", lambda held: held.decode().encode("utf-16-le")),
        "data/measured/machines.csv, line 1: "
        "'m\\x00a\\x00c\\x00h\\x00i\\x00n\\x00e\\x00_\\x00i\\x00d\\x00,\\x00p\\x00r\\x00o\\x00c\\x00e\\"
        "x00s\\x00s\\x00o\\x00r\\x00,\\x00a\\x00r\\x00i\\x00t\\x00h\\x00m\\x00e\\x00t\\x00i\\x00c\\x00,"
        "\\x00p\\x00y\\x00t\\x00h\\x00o\\x00n\\x00,...'; expected the columns machine_id, processor, "
        "arithmetic, python, numpy, ml_dtypes, scikit_learn, recorded, command",
    ),
    "Latin-1": (
        raw("events", lambda held: held.replace(b"\n", b"\na,2016-01,month,people,T\xe9sla,ai3,,Tesla hires him\n", 1)),
        "data/story/events.csv, line 2: '16-01,month,people,T�sla,ai3,,Tesla hires'; expected text encoded as UTF-8",
    ),
    "a web page": (
        raw("unknowns", lambda held: b"\n<!DOCTYPE html>\n<html>"),
        "data/story/unknowns.csv, line 1: '<!DOCTYPE html>\\n'; expected a CSV table, not an HTML page",
    ),
    "a Git LFS pointer": (
        raw("unknowns", lambda held: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
        "data/story/unknowns.csv, line 1: 'version https://git-lfs.github.com/spec/'; expected a CSV "
        "table, not a Git LFS pointer",
    ),
    "a merge not finished, at the top": (
        raw("unknowns", lambda held: b"<<<<<<< HEAD\n" + held),
        "data/story/unknowns.csv, line 1: '<<<<<<< HEAD\\nunknown_id,question,closest'; expected a CSV "
        "table, not a file with the marks of an unfinished merge",
    ),
    "a merge not finished, below": (
        raw("unknowns", lambda held: held + b"<<<<<<< HEAD\n=======\n>>>>>>> branch\n"),
        f"{below('unknowns')}: '<<<<<<< HEAD'; expected 5 cells, found 1\n"
        f"{below('unknowns', 2)}: '======='; expected 5 cells, found 1\n"
        f"{below('unknowns', 3)}: '>>>>>>> branch'; expected 5 cells, found 1",
    ),
    "semicolons for commas": (
        raw("machines", lambda held: held.replace(b",", b";")),
        "data/measured/machines.csv, line 1: "
        "'machine_id;processor;arithmetic;python;numpy;ml_dtypes;scikit_learn;recorded;...'; expected "
        "the columns machine_id, processor, arithmetic, python, numpy, ml_dtypes, scikit_learn, "
        "recorded, command",
    ),
    "JSON": (
        raw("unknowns", lambda held: b'{"unknown_id": 1}'),
        "data/story/unknowns.csv, line 1: '{\"unknown_id\": 1}'; expected the columns unknown_id, "
        "question, closest, why_open, source_ids",
    ),
    "a zip archive": (
        raw("unknowns", lambda held: b"PK\x03\x04\x14\x00\x08\x00"),
        "data/story/unknowns.csv, line 1: 'PK\\x03\\x04\\x14\\x00\\x08\\x00'; expected the columns "
        "unknown_id, question, closest, why_open, source_ids",
    ),
    "a quotation mark not closed": (
        raw("unknowns", lambda held: held + b'"open,a,b,c,d\n'),
        f"{below('unknowns')}: '\"open,a,b,c,d'; expected a complete CSV record (unexpected end of data)",
    ),
    "text after a closing quotation mark": (
        raw("unknowns", lambda held: held + b'a,"b" c,d,e,f\n'),
        f"{below('unknowns')}: 'a,\"b\" c,d,e,f'; expected a complete CSV record (',' expected after '\"')",
    ),
    "a cell of a novel's length": (
        raw("unknowns", lambda held: held + b"a," + b"word " * 30_000 + b",c,d,e\n"),
        f"{below('unknowns')}: 'a,word word word word word word word word word word word "
        "word word word word ...'; expected a complete CSV record (field larger than field limit "
        "(131072))",
    ),
    "an empty line": (
        raw("unknowns", lambda held: held + b"\n"),
        f"{below('unknowns')}: ''; expected 5 cells, found 0",
    ),
}

#: the lines of two events of which one takes the id of the other
FIRST, SECOND = sorted(line("events", row_id) for row_id in ("custom-ai-chip-confirmed", "keller-hired"))
#: what is wrong with columns and rows
ROWS: dict[str, tuple[Spoil, str]] = {
    "a column missing": (
        swap("unknowns", ",question,", ","),
        "data/story/unknowns.csv, line 1, column question: 'unknown_id,closest,why_open,source_ids'; "
        "expected a column 'question'",
    ),
    "a column too many": (
        swap("unknowns", "source_ids\n", "source_ids,remark\n"),
        "data/story/unknowns.csv, line 1: 'remark'; expected only the columns unknown_id, question, "
        "closest, why_open, source_ids",
    ),
    "a column twice": (
        swap("unknowns", "unknown_id,", "unknown_id,unknown_id,"),
        "data/story/unknowns.csv, line 1: "
        "'unknown_id,unknown_id,question,closest,why_open,source_ids'; expected each column once",
    ),
    "a column misspelt": (
        swap("unknowns", "closest", "closets"),
        "data/story/unknowns.csv, line 1, column closest: "
        "'unknown_id,question,closets,why_open,source_ids'; expected a column 'closest'\n"
        "data/story/unknowns.csv, line 1: 'closets'; expected only the columns unknown_id, question, "
        "closest, why_open, source_ids (did you mean 'closest'?)",
    ),
    "a cell too few": (
        row("unknowns", "decision-date", "When was it decided?", "Reports of 7 August 2025", "word " * 9),
        f"{at('unknowns', 'decision-date')}: 'decision-date,When was it decided?,Reports of 7 August 2025,word word "
        "word wo...'; expected 5 cells, found 4",
    ),
    "a cell too many": (
        row("events", "autonomy-day-first-dojo-mention", *["cell"] * 11, "more"),
        f"{at('events', 'autonomy-day-first-dojo-mention')}: 'autonomy-day-first-dojo-mention,"
        "cell,cell,cell,cell,cell,cell,cell,cell,cell,...'; expected 12 cells, found 13",
    ),
    "a row twice": (
        rows("unknowns", lambda held: [*held, *(record for record in held if record[0] == "decision-date")]),
        f"{below('unknowns')}, column unknown_id: 'decision-date'; expected an id used once; "
        f"line {line('unknowns', 'decision-date')} has it",
    ),
    "an id twice": (
        cell("events", "custom-ai-chip-confirmed", "event_id", "keller-hired"),
        f"{place('events', SECOND)}, column event_id: 'keller-hired'; expected an id used once; line {FIRST} has it",
    ),
    "an id misspelt where it is named": (
        cell("observations", "exits-before", "unknown_id", "exit-date"),
        f"{at('observations', 'exits-before')}, column unknown_id: 'exit-date'; expected the id of a row "
        "in unknowns (did you mean 'exit-dates'?)",
    ),
    "a source misspelt": (
        swap("events", "hothardware-2016-01", "hothardware-2016-1"),
        f"{at('sources', 'hothardware-2016-01')}, column source_id: 'hothardware-2016-01'; "
        "expected a source that some row names\n"
        f"{at('events', 'keller-hired')}, column source_ids: 'hothardware-2016-1'; expected the id of a row in sources "
        "(did you mean 'hothardware-2016-01'?)",
    ),
    "an id of nothing in a list": (
        cell("article_claims", "musk-ended-dojo", "rests_on", "nothing-of-the-kind"),
        f"{at('article_claims', 'musk-ended-dojo')}, column rests_on: 'nothing-of-the-kind'; expected the "
        "id of a row in events or promises or people_moves or finance_figures or claims",
    ),
    "a source that nobody names": (
        rows("sources", lambda held: [*held, ["lonely-2026", *held[1][1:]]]),
        f"{below('sources')}, column source_id: 'lonely-2026'; expected a source that some row names",
    ),
    "several at once, in order": (
        lambda c: (
            c.cell("events", len(c.records("events")) - 2, "standing", "perhaps"),
            c.cell("events", 0, "standing", "sure"),
            cell("claims", "convergence-before-departures", "date", "soon")(c),
        ),
        f"{at('claims', 'convergence-before-departures')}, column date: 'soon'; "
        "expected a date like 2025-08-07, 2025-08, 2025-Q3, 2025 or 2025-08-04/2025-08-07\n"
        "data/story/events.csv, line 2, column standing: 'sure'; expected one of claimed, confirmed, reported\n"
        f"{below('events', 0)}, column standing: 'perhaps'; expected one of claimed, confirmed, reported",
    ),
}

#: what is wrong with one cell
CELLS: dict[str, tuple[Spoil, str]] = {
    "a zero byte": (
        cell("events", "keller-hired", "actor", "Tes\0la"),
        f"{at('events', 'keller-hired')}, column actor: 'Tes\\x00la'; expected text without invisible "
        "characters; it holds U+0000",
    ),
    "a line break": (
        cell("events", "keller-hired", "actor", "Tesla\nInc."),
        f"{at('events', 'keller-hired')}, column actor: 'Tesla\\nInc.'; expected text without invisible "
        "characters; it holds U+000A",
    ),
    "a space of no width": (
        cell("events", "keller-hired", "actor", "Elon\u200bMusk"),
        f"{at('events', 'keller-hired')}, column actor: 'Elon\\u200bMusk'; expected text without "
        "invisible characters; it holds U+200B",
    ),
    "a letter that turns the text": (
        cell("events", "keller-hired", "actor", "Tesla\u202e"),
        f"{at('events', 'keller-hired')}, column actor: 'Tesla\\u202e'; expected text without invisible "
        "characters; it holds U+202E",
    ),
    "a space at its end": (
        cell("events", "keller-hired", "actor", "Tesla "),
        f"{at('events', 'keller-hired')}, column actor: 'Tesla '; expected no space at its ends",
    ),
    "a space that does not break": (
        cell("events", "keller-hired", "actor", "\u00a0Tesla"),
        f"{at('events', 'keller-hired')}, column actor: '\\xa0Tesla'; expected no space at its ends",
    ),
    "nothing where something is needed": (
        cell("events", "keller-hired", "summary", ""),
        f"{at('events', 'keller-hired')}, column summary: ''; expected a value: this column may not be empty",
    ),
    "an id with a space": (
        cell("events", "keller-hired", "event_id", "keller hired"),
        f"{at('events', 'keller-hired')}, column event_id: 'keller hired'; "
        "expected text of the form [a-z0-9][a-z0-9.-]*",
    ),
    "a word not among those allowed": (
        cell("events", "keller-hired", "standing", "confirmd"),
        f"{at('events', 'keller-hired')}, column standing: 'confirmd'; expected one of claimed, "
        "confirmed, reported (did you mean 'confirmed'?)",
    ),
    "a word in capitals": (
        cell("events", "keller-hired", "track", "People"),
        f"{at('events', 'keller-hired')}, column track: 'People'; expected one of deal, finance, "
        "hardware, people, product, programme, statement (did you mean 'people'?)",
    ),
    "an address that runs": (
        cell("sources", "aiwiki-wse3", "url", "javascript:alert(1)"),
        f"{at('sources', 'aiwiki-wse3')}, column url: 'javascript:alert(1)'; expected text of the form https?://\\S+",
    ),
    "a quotation too long": (
        cell("events", "keller-hired", "quote", "word " * 12 + "word"),
        f"{at('events', 'keller-hired')}, column quote: 'word word word word word word word word word "
        "word word word word'; expected a quotation of at most 12 words; this has 13",
    ),
    "two semicolons in a list": (
        cell("article_claims", "musk-ended-dojo", "rests_on", "keller-hired;;dojo3-restart"),
        f"{at('article_claims', 'musk-ended-dojo')}, column rests_on: 'keller-hired;;dojo3-restart'; "
        "expected items separated by single ';'",
    ),
    "a number with its unit": (
        cell("finance_figures", "a100-cluster-2021", "value", "10 MW"),
        f"{at('finance_figures', 'a100-cluster-2021')}, column value: '10 MW'; expected a number in plain "
        "digits, without unit, thousands separator or leading zero",
    ),
    "a thousands separator": (
        cell("finance_figures", "a100-cluster-2021", "value", "5,760"),
        f"{at('finance_figures', 'a100-cluster-2021')}, column value: '5,760'; expected a number in plain "
        "digits, without unit, thousands separator or leading zero",
    ),
    "a decimal comma": (
        cell("finance_figures", "a100-cluster-2021", "value", "5760,0"),
        f"{at('finance_figures', 'a100-cluster-2021')}, column value: '5760,0'; expected a number in plain "
        "digits, without unit, thousands separator or leading zero",
    ),
    "a leading zero": (
        cell("finance_figures", "a100-cluster-2021", "value", "05760"),
        f"{at('finance_figures', 'a100-cluster-2021')}, column value: '05760'; expected a number in plain "
        "digits, without unit, thousands separator or leading zero",
    ),
    "not a number": (
        cell("finance_figures", "a100-cluster-2021", "value", "NaN"),
        f"{at('finance_figures', 'a100-cluster-2021')}, column value: 'NaN'; expected a number in plain "
        "digits, without unit, thousands separator or leading zero",
    ),
    "infinity": (
        cell("finance_figures", "a100-cluster-2021", "value", "inf"),
        f"{at('finance_figures', 'a100-cluster-2021')}, column value: 'inf'; expected a number in plain "
        "digits, without unit, thousands separator or leading zero",
    ),
    "a number too large": (
        cell("finance_figures", "a100-cluster-2021", "value", "1e999"),
        f"{at('finance_figures', 'a100-cluster-2021')}, column value: '1e999'; expected a number below "
        "1.8e308, the largest that is kept",
    ),
    "digits of full width": (
        cell("finance_figures", "a100-cluster-2021", "value", "５７６０"),
        f"{at('finance_figures', 'a100-cluster-2021')}, column value: '５７６０'; expected a number in plain "
        "digits, without unit, thousands separator or leading zero",
    ),
    "Arabic digits": (
        cell("people_moves", "keller-joins-2016", "headcount_low", "١"),
        f"{at('people_moves', 'keller-joins-2016')}, column headcount_low: '١'; expected a whole number of at "
        "most 18 plain digits, without unit, thousands separator or leading zero",
    ),
    "half a person": (
        cell("people_moves", "keller-joins-2016", "headcount_low", "0.5"),
        f"{at('people_moves', 'keller-joins-2016')}, column headcount_low: '0.5'; expected a whole number of "
        "at most 18 plain digits, without unit, thousands separator or leading zero",
    ),
    "fewer than nobody": (
        cell("people_moves", "keller-joins-2016", "headcount_low", "-1"),
        f"{at('people_moves', 'keller-joins-2016')}, column headcount_low: '-1'; expected a number of at least 0",
    ),
    "more people than can be counted": (
        cell("people_moves", "keller-joins-2016", "headcount_high", "9" * 30),
        f"{at('people_moves', 'keller-joins-2016')}, column headcount_high: '999999999999999999999999999999'; "
        "expected a whole number of at most 18 plain digits, without unit, thousands separator or "
        "leading zero",
    ),
    "a lowest above the highest": (
        cell("likelihoods", "adjacent-exits-2024-25-departures-a", "lr_low", "200"),
        f"{at('likelihoods', 'adjacent-exits-2024-25-departures-a')}, column lr_low: '200'; "
        f"expected at most {holds('likelihoods', 'adjacent-exits-2024-25-departures-a', 'lr_mode')}, "
        "the value of lr_mode",
    ),
    "no date": (
        cell("events", "keller-hired", "date", "January 2016"),
        f"{at('events', 'keller-hired')}, column date: 'January 2016'; expected a date like 2025-08-07, "
        "2025-08, 2025-Q3, 2025 or 2025-08-04/2025-08-07",
    ),
    "a date in the order of days": (
        cell("events", "custom-ai-chip-confirmed", "date", "07.12.2017"),
        f"{at('events', 'custom-ai-chip-confirmed')}, column date: '07.12.2017'; expected a date like 2025-08-07, "
        "2025-08, 2025-Q3, 2025 or 2025-08-04/2025-08-07",
    ),
    "a thirteenth month": (
        cell("events", "custom-ai-chip-confirmed", "date", "2017-13-07"),
        f"{at('events', 'custom-ai-chip-confirmed')}, column date: '2017-13-07'; expected a month from 01 to 12",
    ),
    "the thirtieth of February": (
        cell("events", "custom-ai-chip-confirmed", "date", "2025-02-30"),
        f"{at('events', 'custom-ai-chip-confirmed')}, column date: '2025-02-30'; "
        "expected a day from 01 to 28, for February 2025",
    ),
    "a leap day in another year": (
        cell("events", "custom-ai-chip-confirmed", "date", "2017-02-29"),
        f"{at('events', 'custom-ai-chip-confirmed')}, column date: '2017-02-29'; "
        "expected a day from 01 to 28, for February 2017",
    ),
    "a fifth quarter": (
        cell("events", "custom-ai-chip-confirmed", "date", "2017-Q5"),
        f"{at('events', 'custom-ai-chip-confirmed')}, column date: '2017-Q5'; expected a date like 2025-08-07, "
        "2025-08, 2025-Q3, 2025 or 2025-08-04/2025-08-07",
    ),
    "a year of another age": (
        cell("people", "bannon", "first_known_at_tesla", "0216"),
        f"{at('people', 'bannon')}, column first_known_at_tesla: '0216'; expected a date like "
        "2025-08-07, 2025-08, 2025-Q3, 2025 or 2025-08-04/2025-08-07",
    ),
    "a date finer than its precision": (
        cell("events", "keller-hired", "date", "2016-01-28"),
        f"{at('events', 'keller-hired')}, column date: '2016-01-28'; expected a date as precise as its "
        "precision says, month; it is finer",
    ),
    "a date coarser than its precision": (
        cell("events", "custom-ai-chip-confirmed", "date", "2017-12"),
        f"{at('events', 'custom-ai-chip-confirmed')}, column date: '2017-12'; expected a date as precise as its "
        "precision says, day; it is coarser",
    ),
    "a date where none is known": (
        cell("people_moves", "talpes-joins", "date", "2025"),
        f"{at('people_moves', 'talpes-joins')}, column date: '2025'; expected an empty date, as its "
        "precision is unknown",
    ),
    "no date where one is known": (
        cell("people_moves", "keller-joins-2016", "date", ""),
        f"{at('people_moves', 'keller-joins-2016')}, column date: ''; expected a date of precision "
        f"{holds('people_moves', 'keller-joins-2016', 'precision')}",
    ),
    "an interval backwards": (
        cell("people_moves", "wilson-leaves-2025", "date", "2025-08/2025-07"),
        f"{at('people_moves', 'wilson-leaves-2025')}, column date: '2025-08/2025-07'; expected an interval "
        "whose first date comes before its last",
    ),
    "an interval of three": (
        cell("people_moves", "wilson-leaves-2025", "date", "2025/2026/2027"),
        f"{at('people_moves', 'wilson-leaves-2025')}, column date: '2025/2026/2027'; expected a date like "
        "2025-08-07, 2025-08, 2025-Q3, 2025 or 2025-08-04/2025-08-07",
    ),
}


def one_time_short(copy: Copy) -> None:
    """A record of its own that has all times of the first but those for 1,024 at once."""
    records, times = copy.records("speed_records"), copy.records("speed_results")
    batch = times[0].index("batch")
    kept = [time for time in times if time[1] == records[1][0] and time[batch] != "1024"]
    copy.write("speed_records", [*records, ["short", *records[1][1:]]])
    copy.write("speed_results", [*times, *([f"short-{time[0]}", "short", *time[2:]] for time in kept)])


#: the formats once a row has another id; e8m0 is a scale alone
RENAMED = [record[0].replace("cfloat8-1-4-3", "cfloat8") for record in LIVE.records("number_formats")[1:]]
RENAMED.remove("e8m0")
#: rows that cannot be true beside the others
DOMAIN: dict[str, tuple[Spoil, str]] = {
    "a person under another name": (
        cell("people_moves", "bannon-joins-2016", "person", "Pete Bannon"),
        f"{at('people_moves', 'bannon-joins-2016')}, column person: 'Pete Bannon'; expected "
        f"{holds('people', 'bannon', 'name')}, as people.csv#bannon writes it",
    ),
    "sources older than what they tell": (
        cell("events", "keller-hired", "date", "2016-03"),
        f"{at('events', 'keller-hired')}, column date: '2016-03'; expected a date not after "
        f"{holds('sources', 'informationweek-2016-02-01', 'published')}, when the last of its sources came out",
    ),
    "a source that is still to come out": (
        cell("sources", "electrek-2025-08", "published", "2095-08-07"),
        f"{at('sources', 'electrek-2025-08')}, column published: '2095-08-07'; expected no day that is still to come",
    ),
    "a correction found in days to come": (
        cell("corrections", "praise-month-before", "found_on", "2096-11-23"),
        f"{at('corrections', 'praise-month-before')}, column found_on: '2096-11-23'; "
        "expected no day that is still to come",
    ),
    "a count that is not its label's": (
        cell("people_moves", "twenty-v5-at-least", "headcount_low", "30"),
        f"{at('people_moves', 'twenty-v5-at-least')}, column headcount_low: '30'; expected a count that agrees with "
        "the 20 in its words",
    ),
    "a requirement that is not its row's": (
        cell("requirements", "on-chip-memory", "number_training", "404"),
        f"{at('requirements', 'on-chip-memory')}, column number_training: '404'; expected a figure of "
        "dojo-d1-on-chip-sram, hw3-fsd-on-chip-sram: 64, 440",
    ),
    "a largest number that the bits do not give": (
        cell("number_formats", "fp8-e4m3", "max_finite", "240"),
        f"{at('number_formats', 'fp8-e4m3')}, column max_finite: '240'; expected 448, which follows "
        "from its bits and bias",
    ),
    "a format that cannot be": (
        cell("number_formats", "fp8-e4m3", "exponent_bits", "20"),
        f"{at('number_formats', 'fp8-e4m3')}, column exponent_bits: '20'; expected a format that can be "
        "(OCP FP8 E4M3: 20 exponent bits; expected 0 to 11)",
    ),
    "a format of the study under another name": (
        cell("number_formats", "cfloat8-1-4-3", "format_id", "cfloat8"),
        "data/chips/number_formats.csv, line 1, column format_id: ''; expected every format of the study (no format "
        f"'cfloat8-1-4-3'; there are {', '.join(RENAMED)}, and int2 to int24)",
    ),
    "a run of another version": (
        cell("precision_study", "digits-sgd-0.05-s0", "version", "9"),
        f"{at('precision_study', 'digits-sgd-0.05-s0')}, column version: '9'; expected 2, the version of "
        "dojo.study; record anew with make study\n"
        f"{at('precision_study', 'digits-sgd-0.05-s0')}, column version: '9'; expected 2, as "
        "corrections.csv#depth-or-batch presumes: read that correction again, then put what holds now into its expect",
    ),
    "a record that lost a time": (
        one_time_short,
        f"{below('speed_records')}, column record_id: 'short'; expected a time on one core with 1,024 at once in "
        "speed_results",
    ),
    "what a correction presumes": (
        cell("events", "compute-chart-2023", "summary", "A chart of Dojo."),
        f"{at('events', 'compute-chart-2023')}, column summary: 'A chart of Dojo.'; expected text with 'total "
        "training compute', as corrections.csv#hundred-exaflops-of-dojo presumes: read that correction "
        "again, then put what holds now into its expect",
    ),
    "a correction of no cell": (
        cell("corrections", "hundred-exaflops-of-dojo", "expect", "event#x/date=1"),
        f"{at('corrections', 'hundred-exaflops-of-dojo')}, column expect: 'event#x/date=1'; "
        "expected the name of a table (did you mean 'events'?)",
    ),
}


def number(listed: list[dict], name: str) -> int:
    """Where a table or a column stands among others."""
    return [item["name"] for item in listed].index(name)


def described(table: str, column: str = "") -> str:
    """Where datapackage.json describes a table or a column, as messages name it."""
    resources = json.loads((LIVE.root / "datapackage.json").read_text("utf-8"))["resources"]
    found = number(resources, table)
    fields = resources[found]["schema"]["fields"]
    return f"resources[{found}]" + (f".schema.fields[{number(fields, column)}]" if column else "")


def contract(place: str, value: Any) -> Spoil:
    """Another value in one place of datapackage.json, where tables and columns go by their names; None takes it out."""

    def change(copy: Copy) -> None:
        path = copy.root / "datapackage.json"
        package = json.loads(path.read_text("utf-8"))
        *way, last = place.split("/")
        inner = package
        for part in way:
            inner = inner[number(inner, part) if isinstance(inner, list) else part]
        if value is None:
            del inner[last]
        else:
            inner[last] = value
        path.write_text(json.dumps(package, indent=1), "utf-8")

    return change


def package(held: bytes) -> Spoil:
    """Other bytes in datapackage.json."""
    return lambda copy: (copy.root / "datapackage.json").write_bytes(held)


FIELD = "resources/events/schema/fields/event_id"
#: a table that needs no other
SPRINGS = {
    "name": "springs",
    "path": "springs.csv",
    "title": "Springs",
    "description": "One row is one spring.",
    "schema": {"fields": [{"name": "id", "type": "string", "description": "Its name."}], "primaryKey": ["id"]},
}
#: what is wrong with the contract of the tables
CONTRACT: dict[str, tuple[Spoil, str]] = {
    "missing": (
        lambda c: (c.root / "datapackage.json").unlink(),
        "data/datapackage.json, line 1: 'datapackage.json'; expected this file to exist",
    ),
    "no folder of data at all": (
        lambda c: shutil.rmtree(c.root),
        "data/datapackage.json, line 1: 'datapackage.json'; expected this file to exist",
    ),
    "empty": (
        package(b""),
        "data/datapackage.json, line 1: ''; expected JSON (Expecting value)",
    ),
    "a comma too many": (
        package(b'{\n "resources": [,]\n}'),
        "data/datapackage.json, line 2: ',]'; expected JSON (Expecting value)",
    ),
    "a merge not finished": (
        package(b"{\n<<<<<<< HEAD\n"),
        "data/datapackage.json, line 2: '<<<<<<< HEAD'; expected JSON (Expecting property name "
        "enclosed in double quotes)",
    ),
    "Latin-1": (
        package(b'{\n "title": "\xe9"}'),
        'data/datapackage.json, line 2: \'{\\n "title": "�"}\'; expected text encoded as UTF-8',
    ),
    "a list": (
        package(b"[]"),
        "data/datapackage.json, line 1: '[]'; expected to be object",
    ),
    "brackets without end": (
        package(b"[" * 100_000),
        "data/datapackage.json, line 1: '[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[['; expected JSON "
        "without thousands of digits in a number, or of brackets within each other",
    ),
    "a number without end": (
        package(b"1" * 5000),
        "data/datapackage.json, line 1: '1111111111111111111111111111111111111111'; expected JSON "
        "without thousands of digits in a number, or of brackets within each other",
    ),
    "no tables": (
        contract("resources", None),
        'data/datapackage.json, line 1: \'{"$schema": '
        '"https://datapackage.org/profiles/2.0/datapackage.json", "name": ...\'; expected to contain '
        "['resources'] properties",
    ),
    "no table of sources": (
        contract("resources", [SPRINGS, SPRINGS | {"name": "wells"}]),
        "data/datapackage.json, line 1, column resources: 'springs, wells'; expected a table named sources",
    ),
    "a table without a name": (
        contract("resources/events/name", None),
        f"data/datapackage.json, line 1, column {described('events')}: "
        '\'{"title": "Events", "description": "One '
        "row is one dated happening or public ...'; expected to contain ['name'] properties",
    ),
    "two tables of one name": (
        contract("resources/people/name", "unknowns"),
        "data/datapackage.json, line 1, column resources: 'unknowns'; expected a name that only one table has",
    ),
    "a table outside": (
        contract("resources/events/path", "../events.csv"),
        f"data/datapackage.json, line 1, column {described('events')}.path: '\"../events.csv\"'; expected to "
        "match pattern ^([a-z0-9_-]+/)*[a-z0-9_-]+[.]csv$",
    ),
    "a table without columns": (
        contract("resources/events/schema/fields", []),
        f"data/datapackage.json, line 1, column {described('events')}.schema.fields: '[]'; "
        "expected to contain at least 1 items",
    ),
    "two columns of one name": (
        contract(f"{FIELD}/name", "date"),
        "data/datapackage.json, line 1, column events: 'date, date, precision, track, actor, subject, "
        "label, summary, quote, standing...'; expected fields with a name of their own each\n"
        "data/datapackage.json, line 1, column events: 'event_id'; expected the name of one of its "
        "columns",
    ),
    "a key that is no list": (
        contract("resources/events/schema/primaryKey", "event_id"),
        f"data/datapackage.json, line 1, column {described('events')}.schema.primaryKey: '\"event_id\"'; "
        "expected to be array",
    ),
    "a key that is no column": (
        contract("resources/events/schema/primaryKey", ["id"]),
        "data/datapackage.json, line 1, column events: 'id'; expected the name of one of its columns",
    ),
    "a type that is none": (
        contract(f"{FIELD}/type", "date"),
        "data/datapackage.json, line 1, column events.event_id: 'date'; expected a type: string, integer, number, list",
    ),
    "a rule that is none": (
        contract(f"{FIELD}/constraints/unique", True),
        "data/datapackage.json, line 1, column events.event_id: 'unique'; expected one of required, "
        "enum, pattern, minimum",
    ),
    "a pattern that is none": (
        contract(f"{FIELD}/constraints/pattern", "["),
        f"data/datapackage.json, line 1, column {described('events', 'event_id')}.constraints.pattern: "
        "'\"[\"'; expected to be a valid regex",
    ),
    "a least number in words": (
        contract("resources/people_moves/schema/fields/headcount_low/constraints/minimum", "none"),
        f"data/datapackage.json, line 1, column {described('people_moves', 'headcount_low')}.constraints.minimum: "
        "'\"none\"'; expected to be number",
    ),
    "allowed words that are no list": (
        contract("resources/events/schema/fields/precision/constraints/enum", "day"),
        f"data/datapackage.json, line 1, column {described('events', 'precision')}.constraints.enum: "
        "'\"day\"'; expected to be array",
    ),
    "ids of no table": (
        contract("resources/events/schema/fields/source_ids/refersTo", ["source"]),
        "data/datapackage.json, line 1, column events.source_ids: 'source'; expected the name of a table",
    ),
    "a precision in no column": (
        contract("resources/events/schema/fields/date/partialDate", "precise"),
        "data/datapackage.json, line 1, column events: 'precise'; expected the name of one of its columns",
    ),
    "half a letter": (
        package(json.dumps({"title": "\ud83d", "description": "", "resources": []}).encode()),
        "data/datapackage.json, line 1, column title: '\"\\\\ud83d\"'; expected to be text of whole letters",
    ),
}

DATA = {
    f"{part}: {name}": case
    for part, cases in {
        "file": TABLE_FILES,
        "rows": ROWS,
        "cell": CELLS,
        "beside the others": DOMAIN,
        "contract": CONTRACT,
    }.items()
    for name, case in cases.items()
}


def lighten(copy: Copy) -> None:
    """Leave one run of the study: what is wrong elsewhere is seen in half the time."""
    sizes, runs = copy.records("gradient_sizes"), copy.records("precision_study")
    copy.write("gradient_sizes", sizes[:2])
    copy.write("precision_study", [runs[0], *(run for run in runs if run[0] == sizes[1][1])])


@pytest.mark.parametrize("name", DATA)
def test_broken_data_are_named_and_nothing_is_written(copy, monkeypatch, capsys, name):
    spoil, says = DATA[name]
    csv.field_size_limit(131_072)  # as Python has it; frictionless, in another test, lifts it for all
    if not name.startswith("beside"):
        lighten(copy)
    spoil(copy)
    before = held(copy.root.parent)
    monkeypatch.setattr(tables, "DATA", copy.root)
    formats.known.cache_clear()
    # --check goes on where tables contradict each other, to the sentences that do too; a build does not
    assert __main__.main(["--stored", "--out", str(copy.root.parent / "pages")]) == 1
    told = capsys.readouterr()
    count = says.count("\n") + 1
    head = "1 problem in the data:" if count == 1 else f"{count} problems in the data:"
    formats.known.cache_clear()
    assert (told.out, told.err) == ("", f"{head}\n{says}\n")
    assert held(copy.root.parent) == before


# --- notebooks -------------------------------------------------------------------------------------

TEXT = {"id": "says", "cell_type": "markdown", "metadata": {}, "source": "# Good\n\nOne and one."}
CODE = {"id": "sum", "cell_type": "code", "metadata": {}, "source": "1 + 1", "execution_count": None, "outputs": []}
BOOK = {"cells": [TEXT, CODE], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
SHOWN = {"output_type": "display_data", "metadata": {}, "data": {"text/plain": "2"}}


def book(**changed: Any) -> dict:
    """A good notebook in which something is changed."""
    return BOOK | changed


def text(**changed: Any) -> dict:
    """A notebook whose cell of text is changed."""
    return book(cells=[TEXT | changed, CODE])


def code(**changed: Any) -> dict:
    """A notebook whose cell of code is changed."""
    return book(cells=[TEXT, CODE | changed])


def without(name: str, cell: dict) -> dict:
    return {key: value for key, value in cell.items() if key != name}


def shows(**changed: Any) -> dict:
    """A notebook whose output is changed."""
    return code(outputs=[SHOWN | changed])


#: what a file holds that is no notebook
NOTEBOOK_FILES: dict[str, tuple[bytes, str]] = {
    "empty": (
        b"",
        "notebooks/01-odd.ipynb, line 1: ''; expected JSON (Expecting value)",
    ),
    "cut off": (
        json.dumps(BOOK, indent=1).encode()[:120],
        "notebooks/01-odd.ipynb, line 8: ''; expected JSON (Expecting ',' delimiter)",
    ),
    "a web page": (
        b"<!DOCTYPE html>\n",
        "notebooks/01-odd.ipynb, line 1: '<!DOCTYPE html>'; expected JSON (Expecting value)",
    ),
    "zero bytes": (
        b"\0" * 8,
        "notebooks/01-odd.ipynb, line 1: '\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00'; expected JSON (Expecting value)",
    ),
    "Latin-1": (
        b'{"cells": "\xe9"}',
        'notebooks/01-odd.ipynb, line 1: \'{"cells": "�"}\'; expected text encoded as UTF-8',
    ),
    "a byte order mark": (
        b"\xef\xbb\xbf" + json.dumps(BOOK).encode(),
        "notebooks/01-odd.ipynb, line 1: 'ï»¿{\"cells\":'; expected UTF-8 without a byte order mark",
    ),
    "a merge not finished": (
        json.dumps(BOOK, indent=1).replace('"metadata"', '<<<<<<< HEAD\n"metadata"', 1).encode(),
        "notebooks/01-odd.ipynb, line 6: '<<<<<<< HEAD'; expected JSON (Expecting property name "
        "enclosed in double quotes)",
    ),
    "a comma too many": (
        b'{"cells": [],,}',
        "notebooks/01-odd.ipynb, line 1: ',}'; expected JSON (Expecting property name enclosed in double quotes)",
    ),
    "brackets without end": (
        b"[" * 100_000,
        "notebooks/01-odd.ipynb, line 1: '[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[['; expected JSON "
        "without thousands of digits in a number, or of brackets within each other",
    ),
    "a number without end": (
        b'{"cells": ' + b"1" * 5000 + b"}",
        "notebooks/01-odd.ipynb, line 1: '{\"cells\": 111111111111111111111111111111'; expected JSON "
        "without thousands of digits in a number, or of brackets within each other",
    ),
}

#: JSON that is no notebook, or not one of the present kind
SHAPES: dict[str, tuple[Any, str]] = {
    "a list": (
        [],
        "notebooks/01-odd.ipynb: '[]'; expected to be object, as JupyterLab saves it",
    ),
    "nothing": (
        None,
        "notebooks/01-odd.ipynb: 'null'; expected to be object, as JupyterLab saves it",
    ),
    "no cells": (
        without("cells", BOOK),
        'notebooks/01-odd.ipynb: \'{"metadata": {}, "nbformat": 4, "nbformat_minor": 5}\'; expected to '
        "contain ['cells'] properties, as JupyterLab saves it",
    ),
    "cells that are no list": (
        book(cells={"says": TEXT}),
        'notebooks/01-odd.ipynb, cells: \'{"says": {"id": "says", "cell_type": "markdown", "metadata": '
        '{}, "source": "#...\'; expected to be array, as JupyterLab saves it',
    ),
    "a version of old": (
        {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": []},
        "notebooks/01-odd.ipynb, nbformat: '3'; expected to be one of [4], as JupyterLab saves it",
    ),
    "a version before cells had ids": (
        book(nbformat_minor=4),
        "notebooks/01-odd.ipynb, nbformat_minor: '4'; expected to be bigger than or equal to 5, as JupyterLab saves it",
    ),
    "a cell that is a word": (
        book(cells=["1 + 1"]),
        "notebooks/01-odd.ipynb, cell number 1: '\"1 + 1\"'; expected to be object, as JupyterLab saves it",
    ),
    "a cell without a kind": (
        book(cells=[without("cell_type", TEXT)]),
        'notebooks/01-odd.ipynb, cell says: \'{"id": "says", "metadata": {}, "source": "# '
        "Good\\\\n\\\\nOne and one.\"}'; expected to contain ['cell_type'] properties, as JupyterLab "
        "saves it",
    ),
    "a cell of no kind": (
        text(cell_type="heading"),
        "notebooks/01-odd.ipynb, cell says, cell_type: '\"heading\"'; expected to be one of ['code', "
        "'markdown', 'raw'], as JupyterLab saves it",
    ),
    "a cell without an id": (
        book(cells=[TEXT, without("id", CODE)]),
        'notebooks/01-odd.ipynb, cell number 2: \'{"cell_type": "code", "metadata": {}, "source": "1 + '
        "1\", \"execution_count\": n...'; expected to contain ['id'] properties, as JupyterLab saves it",
    ),
    "an id that is a number": (
        code(id=5),
        "notebooks/01-odd.ipynb, cell number 2, id: '5'; expected to be string, as JupyterLab saves it",
    ),
    "an id that is nothing": (
        code(id=""),
        "notebooks/01-odd.ipynb, cell number 2, id: '\"\"'; expected to be longer than or equal to 1 "
        "characters, as JupyterLab saves it",
    ),
    "an id with a space": (
        code(id="the sum"),
        "notebooks/01-odd.ipynb, cell number 2, id: '\"the sum\"'; expected to match pattern "
        "^[a-zA-Z0-9-_]+$, as JupyterLab saves it",
    ),
    "a source that is a number": (
        code(source=2),
        "notebooks/01-odd.ipynb, cell sum, source: '2'; expected to be string or array, as JupyterLab saves it",
    ),
    "a source with a line that is none": (
        text(source=["# Good\n", None]),
        "notebooks/01-odd.ipynb, cell says, source[1]: 'null'; expected to be string, as JupyterLab saves it",
    ),
    "half a letter": (
        text(source="# Good \ud83d"),
        "notebooks/01-odd.ipynb, cell says, source: '\"# Good \\\\ud83d\"'; expected to be text of "
        "whole letters, as JupyterLab saves it",
    ),
    "no metadata": (
        book(cells=[without("metadata", TEXT)]),
        'notebooks/01-odd.ipynb, cell says: \'{"id": "says", "cell_type": "markdown", "source": "# '
        "Good\\\\n\\\\nOne and one.\"}'; expected to contain ['metadata'] properties, as JupyterLab "
        "saves it",
    ),
    "metadata that are none": (
        code(metadata=None),
        "notebooks/01-odd.ipynb, cell sum, metadata: 'null'; expected to be object, as JupyterLab saves it",
    ),
    "a tag that is no list": (
        code(metadata={"tags": "live"}),
        "notebooks/01-odd.ipynb, cell sum, metadata.tags: '\"live\"'; expected to be array, as JupyterLab saves it",
    ),
    "what to ignore, in a word": (
        code(metadata={"nbreg": {"diff_ignore": "/outputs"}}),
        "notebooks/01-odd.ipynb, cell sum, metadata.nbreg.diff_ignore: '\"/outputs\"'; expected to be "
        "array, as JupyterLab saves it",
    ),
    "a stamp that is none": (
        book(metadata={"dojo": {"cells": [["sum"]]}}),
        "notebooks/01-odd.ipynb, metadata.dojo.cells[0]: '[\"sum\"]'; expected to contain at least 2 "
        "items, as JupyterLab saves it",
    ),
    "a colour": (
        code(color="red"),
        'notebooks/01-odd.ipynb, cell sum: \'{"id": "sum", "cell_type": "code", "metadata": {}, '
        '"source": "1 + 1", "execut...\'; expected to not contain {\'color\'} properties, as '
        "JupyterLab saves it",
    ),
    "no outputs": (
        book(cells=[TEXT, without("outputs", CODE)]),
        'notebooks/01-odd.ipynb, cell sum: \'{"id": "sum", "cell_type": "code", "metadata": {}, '
        '"source": "1 + 1", "execut...\'; expected to contain [\'outputs\'] properties, as JupyterLab '
        "saves it",
    ),
    "outputs that are no list": (
        code(outputs={}),
        "notebooks/01-odd.ipynb, cell sum, outputs: '{}'; expected to be array, as JupyterLab saves it",
    ),
    "an output that is a number": (
        code(outputs=[2]),
        "notebooks/01-odd.ipynb, cell sum, outputs[0]: '2'; expected to be object, as JupyterLab saves it",
    ),
    "an output of no kind": (
        shows(output_type="picture"),
        "notebooks/01-odd.ipynb, cell sum, outputs[0].output_type: '\"picture\"'; expected to be one "
        "of ['stream', 'display_data', 'execute_result', 'error'], as JupyterLab saves it",
    ),
    "an output without a kind": (
        code(outputs=[without("output_type", SHOWN)]),
        'notebooks/01-odd.ipynb, cell sum, outputs[0]: \'{"metadata": {}, "data": {"text/plain": '
        "\"2\"}}'; expected to contain ['output_type'] properties, as JupyterLab saves it",
    ),
    "an output without data": (
        code(outputs=[without("data", SHOWN)]),
        'notebooks/01-odd.ipynb, cell sum, outputs[0]: \'{"output_type": "display_data", "metadata": '
        "{}}'; expected to contain ['data'] properties, as JupyterLab saves it",
    ),
    "data that are a word": (
        shows(data="2"),
        "notebooks/01-odd.ipynb, cell sum, outputs[0].data: '\"2\"'; expected to be object, as JupyterLab saves it",
    ),
    "HTML that is a number": (
        shows(data={"text/html": 2}),
        "notebooks/01-odd.ipynb, cell sum, outputs[0].data.text/html: '2'; expected to be string or "
        "array, as JupyterLab saves it",
    ),
    "HTML in lines that are none": (
        shows(data={"text/html": ["<p>", 2]}),
        "notebooks/01-odd.ipynb, cell sum, outputs[0].data.text/html[1]: '2'; expected to be string, "
        "as JupyterLab saves it",
    ),
    "a kind of data with a line break, that is nothing": (
        shows(data={"text/\nplain": None}),
        "notebooks/01-odd.ipynb, cell sum, outputs[0].data.text/ plain: 'null'; expected to be string or array, as "
        "JupyterLab saves it",
    ),
    "text that is nothing": (
        code(outputs=[{"output_type": "stream", "name": "stdout", "text": None}]),
        "notebooks/01-odd.ipynb, cell sum, outputs[0].text: 'null'; expected to be string or array, as "
        "JupyterLab saves it",
    ),
    "an error without a name": (
        code(outputs=[{"output_type": "error"}]),
        'notebooks/01-odd.ipynb, cell sum, outputs[0]: \'{"output_type": "error"}\'; expected to '
        "contain ['ename', 'evalue', 'traceback'] properties, as JupyterLab saves it",
    ),
}

#: notebooks that may not be published
CONTENTS: dict[str, tuple[dict, str]] = {
    "no text": (
        book(cells=[CODE]),
        "notebooks/01-odd.ipynb: begins without a text: let its first cell of text say what it is about",
    ),
    "an id twice": (
        book(cells=[TEXT, CODE, CODE]),
        "notebooks/01-odd.ipynb: its cells were moved or taken out since the outputs were stored: run "
        "make refresh\n"
        "notebooks/01-odd.ipynb, cell sum: another cell has the same id",
    ),
    "an id that says nothing": (
        code(id="3f2a9c1e"),
        "notebooks/01-odd.ipynb, cell 3f2a9c1e: give the cell a speaking id, such as days-apart; links lead to it",
    ),
    "magic": (
        code(source="import math\n%matplotlib inline"),
        "notebooks/01-odd.ipynb, cell sum: line 2 is no Python: invalid syntax",
    ),
    "a zero byte in code": (
        code(source="x = 1\0"),
        "notebooks/01-odd.ipynb, cell sum: line 1 is no Python: source code string cannot contain null bytes",
    ),
    "a bracket not closed": (
        code(source="x = (1,\n"),
        "notebooks/01-odd.ipynb, cell sum: line 1 is no Python: '(' was never closed",
    ),
    "code nested too deep": (
        code(source="-" * 50_000 + "1"),
        "notebooks/01-odd.ipynb, cell sum: is nested too deep to be read as Python",
    ),
    "a formula that is none": (
        text(source="# Good\n\nSo $\\frac{$."),
        "notebooks/01-odd.ipynb, cell says: the formula '\\\\frac{' cannot be shown: a brace or a command may be wrong",
    ),
    "a link to a path that no file can have": (
        text(source=f"# Good\n\n[this]({'x' * 300}.md)"),
        "notebooks/01-odd.ipynb, cell says: links to "
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
        "xxxxxxxxxxxxxxxxxx.md, which does not exist",
    ),
    "a stored error": (
        code(outputs=[{"output_type": "error", "ename": "KeyError", "evalue": "'x'", "traceback": []}]),
        "notebooks/01-odd.ipynb, cell sum: stores an error: KeyError: 'x'",
    ),
    "a script": (
        shows(data={"application/javascript": "alert(1)"}),
        "notebooks/01-odd.ipynb, cell sum: shows application/javascript, which pages cannot: show "
        "text/html or text/plain",
    ),
    "an output of nothing": (
        shows(data={}),
        "notebooks/01-odd.ipynb, cell sum: shows nothing, which pages cannot: show text/html or text/plain",
    ),
    "a picture without words": (
        shows(data={"image/png": "iVBO"}),
        "notebooks/01-odd.ipynb, cell sum: shows an image without alt text: use show.figure",
    ),
}

FIGURE = (
    '<figure class="{}"><p class="title"><strong>Two</strong></p><div class="picture">'
    '<img src="data:image/svg+xml,{}" alt="A chart of one and one, drawn as two bars of one height"></div></figure>'
)
SVG = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {}'>{}</svg>"
#: stored outputs that would spoil a page
OUTPUTS: dict[str, tuple[str, str]] = {
    "a figure without a title": (
        "<figure><table></table></figure>",
        "notebooks/01-odd.ipynb, cell sum: a figure without a title: show it with dojo.show",
    ),
    "a figure within a figure": (
        "<figure><figure><p class='title'>Two</p></figure></figure>",
        "notebooks/01-odd.ipynb, cell sum: a figure within another, or one that does not end",
    ),
    "a chart that is none": (
        FIGURE.format("", "two"),
        "notebooks/01-odd.ipynb, cell sum: no SVG: a chart's file begins with <svg",
    ),
    "a chart that runs": (
        FIGURE.format("", SVG.format("9 9", "<script>alert(1)</script>")),
        "notebooks/01-odd.ipynb, cell sum: an SVG with a <script> that no chart needs",
    ),
    "a chart to point at that is none": (
        FIGURE.format("interactive", "two"),
        "notebooks/01-odd.ipynb, cell sum: a chart that cannot be set in: f1: no SVG: syntax error: line 1, column 0",
    ),
    "a chart to point at that lies elsewhere": (
        FIGURE.format("interactive", "").replace("data:image/svg+xml,", "https://example.org/two.svg"),
        "notebooks/01-odd.ipynb, cell sum: a chart that cannot be set in: f1: no SVG: no element found: "
        "line 1, column 0",
    ),
    "a chart of no size": (
        FIGURE.format("interactive", SVG.format("0 0", "")),
        "notebooks/01-odd.ipynb, cell sum: a chart that cannot be set in: f1: no SVG with a viewBox that begins at 0 0",
    ),
    "a mark at no place": (
        FIGURE.format("interactive", SVG.format("9 9", "<g class='marks'><rect x='left'/></g>")),
        "notebooks/01-odd.ipynb, cell sum: a chart that cannot be set in: could not convert string to float: 'left'",
    ),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of notebooks in place of the suite's; what the suite says of its own in README is not looked at."""
    place = tmp_path / "notebooks"
    place.mkdir()
    monkeypatch.setattr(notebooks, "FOLDER", place)
    monkeypatch.setattr(check, "PROSE", ())
    return place


def stored(folder: Path, content: dict) -> None:
    """Store a notebook, stamped as make refresh leaves it."""
    content = content | {"metadata": {"dojo": notebooks.stamp(content)}}
    (folder / "01-odd.ipynb").write_text(json.dumps(content), "utf-8")


FILES = NOTEBOOK_FILES | {name: (json.dumps(content).encode(), says) for name, (content, says) in SHAPES.items()}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_notebook_is_named_by_cell_and_place(folder, capsys, name):
    raw, says = FILES[name]
    (folder / "01-odd.ipynb").write_bytes(raw)
    assert __main__.main(["--check"]) == 1
    assert capsys.readouterr() == ("", f"{says}\n")


#: what stands where a notebook would, and what is then said of it
PLACES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a folder": (Path.mkdir, "a file that can be read (Is a directory)"),
    "a link to itself": (
        lambda place: place.symlink_to(place.name),
        "a file that can be read (Too many levels of symbolic links)",
    ),
    "a link to nowhere": (lambda place: place.symlink_to("02-gone.ipynb"), "this file to exist"),
}


@pytest.mark.parametrize("name", PLACES)
def test_what_is_no_file_is_named(folder, capsys, name):
    make, expected = PLACES[name]
    make(folder / "01-odd.ipynb")
    assert __main__.main(["--check"]) == 1
    assert capsys.readouterr() == ("", f"notebooks/01-odd.ipynb, line 1: '01-odd.ipynb'; expected {expected}\n")


@pytest.mark.parametrize("name", CONTENTS)
def test_a_notebook_that_may_not_be_published_is_named(folder, capsys, name):
    content, says = CONTENTS[name]
    stored(folder, content)
    before = held(folder)
    assert __main__.main(["--check"]) == 1
    assert capsys.readouterr() == ("", f"{says}\n{says.count(chr(10)) + 1} to settle\n")
    assert held(folder) == before


@pytest.mark.parametrize("name", OUTPUTS)
def test_an_output_that_would_spoil_its_page_is_named_and_no_page_is_left(folder, tmp_path, capsys, name):
    html, says = OUTPUTS[name]
    stored(folder, shows(data={"text/html": html, "text/plain": "Two"}))
    assert __main__.main(["--stored", "--out", str(tmp_path / "pages")]) == 1
    assert capsys.readouterr() == ("", f"{says}\n1 of 1 notebooks failed and stay as they were: 01-odd\n")
    assert not (tmp_path / "pages").exists()


# --- environment -----------------------------------------------------------------------------------

USAGE = (
    "usage: python -m publish [-h] [--check | --stored | --refresh | --watch]\n"
    "                         [--force] [--cold] [--out DIR]\n"
    "                         [NAME ...]\n"
)
#: arguments that cannot be followed, and what is said of them; `{}` stands for the folder of the test
ARGUMENTS: dict[str, tuple[list[str], int, str]] = {
    "two ways at once": (
        ["--check", "--stored"],
        2,
        f"{USAGE}python -m publish: error: argument --stored: not allowed with argument --check\n",
    ),
    "an option that is none": (
        ["--stroed"],
        2,
        f"{USAGE}python -m publish: error: unrecognized arguments: --stroed\n",
    ),
    "no folder to write to": (
        ["--out"],
        2,
        f"{USAGE}python -m publish: error: argument --out: expected one argument\n",
    ),
    "a folder to check into": (
        ["--check", "--out", "{}/pages"],
        2,
        "--check writes nothing, so --out has no meaning with it\n",
    ),
    "a notebook that is none": (["02-gone"], 1, "no notebook 02-gone; there are 01-odd\n"),
    "a file for a folder": (
        ["--stored", "--out", "{}/file"],
        1,
        "nothing can be written to {}/file, as {}/file is no folder\n",
    ),
    "a folder in a file": (
        ["--out", "{}/file/pages"],
        1,
        "nothing can be written to {}/file/pages, as {}/file is no folder\n",
    ),
    "a link to nowhere": (["--out", "{}/link"], 1, "nothing can be written to {}/link, as {}/link is no folder\n"),
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_what_cannot_be_done_as_asked_is_said_before_anything_is(folder, tmp_path, capsys, name):
    arguments, code, says = ARGUMENTS[name]
    stored(folder, BOOK)
    (tmp_path / "file").write_text("mine", "utf-8")
    (tmp_path / "link").symlink_to("nowhere")
    before = held(tmp_path)
    try:
        returned = __main__.main([part.replace("{}", str(tmp_path)) for part in arguments])
    except SystemExit as ended:
        returned = ended.code
    assert (returned, *capsys.readouterr()) == (code, "", says.replace("{}", str(tmp_path)))
    assert held(tmp_path) == before


def test_no_notebooks_are_said_to_be_missing(folder, tmp_path, capsys):
    assert __main__.main(["--out", str(tmp_path / "pages")]) == 1
    assert capsys.readouterr() == ("", "there is no notebook to build\n1 to settle\n")


def test_a_reader_s_own_kernel_that_does_not_start_is_not_asked_to(folder, tmp_path, monkeypatch, capsys):
    (tmp_path / "kernels/python3").mkdir(parents=True)
    spec = {"argv": ["no-such-python"], "display_name": "Python 3", "language": "python"}
    (tmp_path / "kernels/python3/kernel.json").write_text(json.dumps(spec), "utf-8")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    stored(folder, BOOK)
    assert __main__.main(["--out", str(tmp_path / "pages")]) == 0
    assert capsys.readouterr().err == ""


def test_a_kernel_that_is_not_installed_is_said_to_be_missing(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(KernelSpecManager, "ensure_native_kernel", False)
    monkeypatch.setattr(KernelSpecManager, "_find_spec_directory", lambda *_: None)
    stored(folder, BOOK)
    assert __main__.main(["--out", str(tmp_path / "pages")]) == 1
    assert capsys.readouterr().err == (
        "notebooks/01-odd.ipynb: No such kernel named python3: set up anew what requirements.lock lists\n"
        "1 of 1 notebooks failed and stay as they were: 01-odd\n"
    )
    assert not (tmp_path / "pages").exists()


#: files that may not be read, and what is then said
UNREADABLE = {
    "unknowns.csv": "1 problem in the data:\ndata/story/unknowns.csv, line 1: 'unknowns.csv'",
    "datapackage.json": "1 problem in the data:\ndata/datapackage.json, line 1: 'datapackage.json'",
    "CHANGELOG.md": "CHANGELOG.md, line 1: 'CHANGELOG.md'",
    "01-odd.ipynb": "notebooks/01-odd.ipynb, line 1: '01-odd.ipynb'",
    "README.md": "README.md, line 1: 'README.md'",
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_file_that_may_not_be_read_is_named(folder, tmp_path, monkeypatch, capsys, name):
    stored(folder, BOOK)
    monkeypatch.setattr(check, "PROSE", ("README.md",) if name == "README.md" else ())
    read = Path.read_bytes

    def refuse(path: Path) -> bytes:  # as the system does it for those who are not its administrator
        if path.name == name:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    tables.read.cache_clear()
    assert __main__.main(["--check"]) == 1
    says = f"{UNREADABLE[name]}; expected a file that can be read (Permission denied)\n"
    assert capsys.readouterr() == ("", f"{says}1 to settle\n" if name == "README.md" else says)
    if name != "README.md":  # no page is made of it
        assert __main__.main(["--stored", "--out", str(tmp_path / "pages")]) == 1
        assert capsys.readouterr() == ("", says)
        assert not (tmp_path / "pages").exists()


def test_a_change_log_in_another_encoding_is_placed(copy, monkeypatch, capsys):
    (copy.root.parent / "CHANGELOG.md").write_bytes("# Changes\n\n## Facts\n\n- été\n".encode("latin-1"))
    monkeypatch.setattr(tables, "DATA", copy.root)
    assert __main__.main(["--check"]) == 1
    says = "CHANGELOG.md, line 5: 'hanges\\n\\n## Facts\\n\\n- \ufffdt\ufffd\\n'; expected text encoded as UTF-8\n"
    assert capsys.readouterr() == ("", says)


def test_a_readme_in_another_encoding_is_placed(tmp_path):
    (tmp_path / "README.md").write_bytes("# Why?\n".encode("utf-16"))
    (said,) = check.check_prose([], tmp_path)
    assert said == "README.md, line 1: 'ÿþ#\\x00 \\x00W\\x00h\\x00y\\x00'; expected UTF-8 without a byte order mark"


#: calls of the package by which a reader asks for what is not there, and what each says
CALLS = {
    "a table": (lambda: tables.load("event"), "no table 'event' (did you mean 'events'?)"),
    "a table unlike any": (lambda: tables.load("rumours"), "no table 'rumours'"),
    "a row": (lambda: tables.find("dojo3-restar"), "no row 'dojo3-restar' (did you mean 'dojo3-restart'?)"),
    "a row of one table": (
        lambda: tables.value("events", "dojo3-restar", "date"),
        "no row 'dojo3-restar' in events (did you mean 'dojo3-restart'?)",
    ),
    "a row of no table": (
        lambda: tables.find("dojo3-restart", "evnts"),
        "no table 'evnts' (did you mean 'events'?)",
    ),
    "a column": (
        lambda: tables.value("events", "dojo3-restart", "dat"),
        "events has no column 'dat' (did you mean 'date'?)",
    ),
    "why": (lambda: show.why("dojo3-restar"), "no row 'dojo3-restar' (did you mean 'dojo3-restart'?)"),
}


@pytest.mark.parametrize("name", CALLS)
def test_what_is_not_there_is_named_with_a_near_one(name):
    call, says = CALLS[name]
    with pytest.raises(KeyError) as caught:
        call()
    assert caught.value.args == (says,)


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The suite in a folder of its own, one cell of its tables broken by letters beyond ASCII."""
    place = tmp_path_factory.mktemp("suite")
    for part in ("notebooks", "data", "publish"):
        shutil.copytree(notebooks.ROOT / part, place / part, ignore=shutil.ignore_patterns("__pycache__"))
    cell("events", "keller-hired", "standing", "öffentlich")(Copy(place / "data"))
    return place


#: settings of a machine: what is changed of its environment, and options of Python
SETTINGS = {
    "no home": ({"HOME": None}, []),
    "a terminal that knows ASCII only": ({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, []),
    "no assertions": ({}, ["-OO"]),  # which compiles every library anew
    "nowhere for matplotlib to write": ({"MPLCONFIGDIR": os.devnull}, []),
}


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.thorough] if name == "no assertions" else []) for name in SETTINGS],
)
def test_the_same_is_said_whatever_the_machine_is_set_to(suite, tmp_path, name):
    changed, options = SETTINGS[name]
    environment = os.environ | {"PYTHONPATH": f"{suite / 'notebooks'}{os.pathsep}{suite}"} | changed
    done = subprocess.run(
        [sys.executable, "-B", *options, "-m", "publish", "--check"],
        cwd=tmp_path,  # from any folder
        env={key: value for key, value in environment.items() if value is not None},
        capture_output=True,
        check=False,
    )
    word = "öffentlich" if name != "a terminal that knows ASCII only" else "\\xf6ffentlich"
    says = (
        "1 problem in the data:\n"
        f"{at('events', 'keller-hired')}, column standing: '{word}'; expected one of claimed, confirmed, reported\n"
    )
    assert (done.returncode, done.stdout, done.stderr.decode()) == (1, b"", says)
