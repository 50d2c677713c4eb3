"""What was stated wrongly, by others and by our own tables: are the corrections still right, and are they all told?

A correction is right only as long as what it presumes is. So each names cells in its column `expect`,

    events#dojo-disbanded-report/date=2025-08-07      the cell holds just this; nothing after = for an empty one
    events#might-not-need-dojo/summary~might not      the cell holds this part, as where it holds ';' itself
    people#chang/note!~2026                           the cell does not hold this part

and when one of them changes, the check asks to read the correction again. What our own tables got wrong
is also told in CHANGELOG.md, whose part on facts is compared with them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from dojo import files, tables
from dojo.tables import Problem, Row, Table

FORM = re.compile(r"(?P<table>\w+)#(?P<row>[\w./-]+)/(?P<column>\w+)(?P<how>=|!?~(?=.))(?P<value>.*)")
#: a table or a row as CHANGELOG.md names it; `#row` alone is a row of the table named before it
PLACE = re.compile(r"`(?:(?P<table>\w+)\.csv)?(?:#(?P<row>[\w./-]+))?`(?P<after>[^`]*)")


@dataclass(frozen=True)
class Guard:
    """A cell that a correction names, and what it presumes of it."""

    table: str
    row: str
    column: str
    #: "=" for all of the cell, "~" for a part that it holds, "!~" for one that it does not
    how: str
    value: str

    def holds(self, cell: str) -> bool:
        """True when the cell is as presumed."""
        return {"=": cell == self.value, "~": self.value in cell, "!~": self.value not in cell}[self.how]

    @property
    def expected(self) -> str:
        """What the cell was expected to be, in words."""
        words = {"=": self.value or "an empty cell", "~": f"text with {self.value!r}", "!~": f"no {self.value!r} in it"}
        return words[self.how]


@dataclass(frozen=True)
class Place:
    """A table, a row of it or a cell, as CHANGELOG.md names it; "" for what is left open."""

    table: str
    row: str
    column: str

    def __str__(self) -> str:
        return f"{self.table}.csv" + (f"#{self.row}" if self.row else "") + (f" {self.column}" if self.column else "")

    def covers(self, guard: Guard) -> bool:
        """True when the guarded cell lies in this place."""
        pairs = ((self.table, guard.table), (self.row, guard.row), (self.column, guard.column))
        return all(mine in ("", its) for mine, its in pairs)


@dataclass(frozen=True)
class Entry:
    """One bullet of the part on facts: where it stands, its day, its kind and its words."""

    line: int
    #: the heading above it: 2026-11-23
    day: str
    #: the first word of the line above the list: Added, Corrected or Withdrawn
    kind: str
    text: str

    @property
    def head(self) -> str:
        """What stands before its first colon."""
        return self.text.partition(": ")[0]

    def about(self, known: Mapping[str, Table]) -> list[Place]:
        """What the bullet is about: the places in its head; of a table, the rows whose ids come after it."""
        words = set(re.findall(r"[\w.-]*\w", self.text.removeprefix(self.head)))
        return [narrow for place in places(self.head, known) for narrow in _narrowed(place, words, known)]

    def named(self, known: Mapping[str, Table]) -> list[Place]:
        """What the bullet is about, and every other row that it names as one."""
        return [*self.about(known), *(place for place in places(self.text, known) if place.row)]


# --- what notebooks call -------------------------------------------------------------------


def told(corrections: pd.DataFrame, own: bool) -> pd.DataFrame:
    """What was said, what the record shows and what that changes: our own corrections, or those of others."""
    rows = corrections[(corrections["about"] == "data") == own]
    rows = rows.rename(columns={"statement": "said", "record": "the_record_shows", "effect": "what_that_changes"})
    return rows.set_index("said")[["the_record_shows", "what_that_changes", "source_ids"]]


# --- reading -------------------------------------------------------------------------------


def guard(item: str) -> Guard:
    """Read one item of `expect`; ValueError says what was expected when it is none."""
    match = FORM.fullmatch(item)
    if not match:
        raise ValueError("table#row/column=value, or ~part, or !~part")
    return Guard(**match.groupdict())


def entries(changelog: str) -> list[Entry]:
    """The bullets of the part "## Facts" of a change log, in order; a bullet may go on, indented, below its line."""
    found: list[Entry] = []
    part = day = kind = ""
    for number, line in enumerate(changelog.splitlines(), 1):
        if line.startswith("## "):
            part, day, kind = line[3:], "", ""
        elif line.startswith("### "):
            day, kind = line[4:], ""
        elif part == "Facts" and line.startswith("- "):
            found.append(Entry(number, day, kind, line[2:]))
        elif found and line.startswith("  "):
            last = found.pop()
            found.append(Entry(last.line, last.day, last.kind, f"{last.text} {line.strip()}"))
        elif line:
            kind = next(iter(re.findall("[A-Za-z]+", line)), "")  # *Corrected* and #### Corrected are as good
    return found


def places(text: str, known: Mapping[str, Table]) -> list[Place]:
    """The tables and rows that a text names between backticks, each with the column that follows, if one does."""
    found, table = [], ""
    for match in PLACE.finditer(text):
        if not (match["table"] or match["row"]):
            continue  # other code
        table = match["table"] or table
        columns = known[table].fields if table in known else ()
        named = (c for c in columns if re.match(rf" {c.replace('_', ' ')}\b", match["after"]))
        found.append(Place(table, match["row"] or "", next(named, "")))
    return found


def _narrowed(place: Place, words: set[str], known: Mapping[str, Table]) -> list[Place]:
    """The rows of a table that are among these words; the place itself where none is, or where it is a row."""
    rows = known[place.table].rows if place.table in known and not place.row else ()
    return [Place(place.table, row, place.column) for row in rows if row in words] or [place]


# --- checking ------------------------------------------------------------------------------


def check(everything: Mapping[str, Table], changelog: Path | None = None) -> list[Problem]:
    """Corrections to read again because a cell they name has changed, and what the change log and they tell apart.

    A bullet under "Corrected" begins with the table or row it is about, with a column if it is about one, and
    a colon; a table may be followed by the ids of the rows meant. For each of these places a correction about
    data, found on the day of the heading, guards a cell in it; and each such correction guards a cell in a
    place that a bullet of its day, corrected or withdrawn, names. Every row named must exist, unless a bullet
    under "Withdrawn" begins with it and names no column: then it must not. `changelog` is the file beside
    data/; where there is none, nothing is compared. ValueError says where it is no text.
    """
    path = changelog or tables.DATA.parent / "CHANGELOG.md"
    guarded = {row.id: list(_guards(row)) for row in everything["corrections"].rows.values()}
    found = [problem for row in everything["corrections"].rows.values() for problem in _check_row(row, everything)]
    if path.exists():
        found += _check_told(entries(files.text(path, path.name)), guarded, everything)
    return sorted(found, key=lambda p: (p.file, p.line))


def _guards(row: Row) -> Iterator[Guard]:
    yield from (guard(item) for item in row.items("expect") if FORM.fullmatch(item))


def _check_row(row: Row, known: Mapping[str, Table]) -> Iterator[Problem]:
    """What is wrong with a correction, and with the cells it names."""
    if row.cells["about"] != "data":
        for column in ("rests_on", "source_ids"):
            if not row.cells[column]:
                yield row.problem(column, "a value: what others stated is corrected by rows and sources")
    for item in row.items("expect"):
        if expected := _misnamed(item, known):
            yield Problem(row.table.file, row.line, "expect", item, expected)
            continue
        named = guard(item)
        found = known[named.table].rows[named.row]
        if not named.holds(found.cells[named.column]):
            again = f"as {row.place} presumes: read that correction again, then put what holds now into its expect"
            yield found.problem(named.column, f"{named.expected}, {again}")


def _misnamed(item: str, known: Mapping[str, Table]) -> str:
    """What was expected in place of an item that names no cell; "" when it names one."""
    try:
        named = guard(item)
    except ValueError as error:
        return str(error)
    if named.table not in known:
        return f"the name of a table{tables.near_miss(named.table, known)}"
    table = known[named.table]
    if named.row not in table.rows:
        return f"the id of a row in {named.table}{tables.near_miss(named.row, table.rows)}"
    if named.column not in table.fields:
        return f"a column of {named.table}{tables.near_miss(named.column, table.fields)}"
    return ""


def _check_told(
    bullets: list[Entry], guarded: Mapping[str, list[Guard]], known: Mapping[str, Table]
) -> Iterator[Problem]:
    """Where the change log and our own corrections do not tell the same."""
    withdrawn = [place for b in bullets if b.kind == "Withdrawn" for place in places(b.head, known)]
    gone = {(place.table, place.row) for place in withdrawn if place.row and not place.column}
    own = [row for row in known["corrections"].rows.values() if row.cells["about"] == "data"]
    for bullet in bullets:
        for place in places(bullet.text, known):
            if expected := _unlike(place, gone, known):
                yield _at(bullet, str(place), expected)
        if bullet.kind == "Corrected":
            cells = [cell for row in own if row.cells["found_on"] == bullet.day for cell in guarded[row.id]]
            yield from _check_bullet(bullet, bullet.about(known), cells, gone)
    told: dict[str, list[Place]] = {}
    for bullet in bullets:
        if bullet.kind in ("Corrected", "Withdrawn"):
            told.setdefault(bullet.day, []).extend(bullet.named(known))
    for row in own:
        day = row.cells["found_on"]
        named = told.get(day, ())
        if not any(place.covers(cell) for place in named for cell in guarded[row.id]):
            cells = dict.fromkeys(f"`{cell.table}.csv#{cell.row}`" for cell in guarded[row.id])
            line = f"a line that begins with {' or '.join(cells)} and a colon"
            yield row.problem("correction_id", f"in CHANGELOG.md, below ### {day} and Corrected:, {line}")


def _unlike(place: Place, gone: set[tuple[str, str]], known: Mapping[str, Table]) -> str:
    """What was expected in place of a row that is not there, or is there though withdrawn; "" when all is well."""
    if place.table not in known:
        return f"the name of a table{tables.near_miss(place.table, known)}"
    rows = known[place.table].rows
    if (place.table, place.row) in gone:
        return "a row that is gone: it was withdrawn" if place.row in rows else ""
    if not place.row or place.row in rows:
        return ""
    return f"a row of this table{tables.near_miss(place.row, rows)}, or a line under Withdrawn that begins with it"


def _check_bullet(
    bullet: Entry, about: list[Place], cells: list[Guard], gone: set[tuple[str, str]]
) -> Iterator[Problem]:
    """What a correction told is about and no correction of its day guards; rows withdrawn since are let be."""
    if not about:
        yield _at(
            bullet,
            bullet.text,
            "to begin with the table or row it is about, as in `events.csv#dojo3-restart`, and a colon",
        )
    for place in about:
        if (place.table, place.row) not in gone and not any(place.covers(cell) for cell in cells):
            when = f"found on {bullet.day}" if bullet.day else "below the heading of its day"
            yield _at(
                bullet, str(place), f"a row of corrections.csv about data, {when}, whose expect names a cell of it"
            )


def _at(bullet: Entry, value: str, expected: str) -> Problem:
    return Problem("CHANGELOG.md", bullet.line, "", value, expected)
