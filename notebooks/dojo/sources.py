"""Where facts come from: what each source is, how far it was read, how many rows name it, and who goes back to whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta

import pandas as pd

from dojo import dates, people
from dojo.tables import Problem, Row, Table

#: kinds of source, with the words that name them, nearest to the matter first
KINDS = {
    "primary": "the parties’ own papers, filings, posts and results",
    "reporting": "news reports",
    "analysis": "comment and retrospect",
    "reference": "databases, specifications, transcripts",
}
#: tables whose rows are facts of the story, with the words for their rows
STORY = {
    "events": "events",
    "people_moves": "moves of people",
    "promises": "promises",
    "finance_figures": "figures on money, size and power",
}
#: the column that says what a row is about; moves are put into words below
_SAYS = {"events": "summary", "promises": "promise", "finance_figures": "what"}


def by_use(everything: Mapping[str, Table]) -> pd.DataFrame:
    """Every source with the number of rows that name it, in all tables and in those of the story, most-named first.

    Of the table of sources itself nothing counts: a source that another restates is not named by a fact.
    """
    every, story = Counter(_named(everything, "")), Counter(_named(everything, "story/"))
    rows = {
        source: row.cells | {"rows": every[source], "in_the_story": story[source], "source_ids": (source,)}
        for source, row in everything["sources"].rows.items()
    }
    frame = pd.DataFrame.from_dict(rows, orient="index").rename_axis("source_id")
    return frame.sort_values("rows", ascending=False, kind="stable")


def _named(everything: Mapping[str, Table], folder: str) -> Iterator[str]:
    """The sources that the rows of the tables in a folder name, each as often as it is named."""
    for table in everything.values():
        if table.contract["path"].startswith(folder) and "source_ids" in table.fields:
            yield from (source for row in table.rows.values() for source in row.items("source_ids"))


def kinds(listed: pd.DataFrame) -> pd.DataFrame:
    """How many sources there are of each kind, how far they were read and how many at the address of a copy.

    `listed` as from `by_use`.
    """
    groups = {words: listed[listed["kind"] == kind] for kind, words in KINDS.items()}
    rows = {
        words: {
            "sources": len(some),
            "read_in_full": int((some["seen"] == "full").sum()),
            "opening_read": int((some["seen"] == "opening").sum()),
            "known_through_others": int((some["seen"] == "via").sum()),
            "copies": int((some["address"] == "copy").sum()),
        }
        for words, some in groups.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("kind")


def parts(rows: pd.DataFrame, column: str, words: Mapping[str, str]) -> dict[str, pd.DataFrame]:
    """The rows that have each of these values in a column, under the words for it and how many they are."""
    found = {name: rows[rows[column] == value] for value, name in words.items()}
    return {f"{name}: {len(part)}": part for name, part in found.items()}


# --- who goes back to whom -----------------------------------------------------------------------


def origin(source_ids: Iterable[str], sources: pd.DataFrame) -> str:
    """The one source that all of these go back to, the nearest if there are several; "" when they have no such source.

    A source without an entry in `repeats` goes back to itself alone, so one source by itself is its origin. When
    one of several goes back to two that do not repeat each other, there is no single origin.
    """
    chains = [[source, *people.above(source, sources)] for source in source_ids]
    ends = {source for chain in chains for source in chain if not sources["repeats"][source]}
    if len(ends) != 1:
        return ""
    return next(source for source in chains[0] if all(source in chain for chain in chains))


def origins(story: Mapping[str, pd.DataFrame], sources: pd.DataFrame) -> pd.DataFrame:
    """The facts of the story, each with the one source that all its sources go back to, "" where there is no such one.

    `story` holds the tables named in STORY; rows that retell another row (`variant_of`) are left out, as they are
    no facts of their own. Adds table, fact (what it says), told_by (how many sources) and origin.
    """
    parts = []
    for name in STORY:
        rows = story[name]
        rows = rows[rows["variant_of"] == ""] if "variant_of" in rows else rows
        fact = rows[_SAYS[name]] if name in _SAYS else [_moved(row) for _, row in rows.iterrows()]
        origin_of = [origin(ids, sources) for ids in rows["source_ids"]]
        parts.append(rows.assign(table=name, fact=fact, told_by=rows["source_ids"].map(len), origin=origin_of))
    return pd.concat(parts)[["table", "fact", "told_by", "origin", "source_ids"]]


def retold(facts: pd.DataFrame) -> pd.DataFrame:
    """The facts that several sources tell and that still have one origin, which stands for their sources.

    `facts` as from `origins`. The origin with most facts comes first.
    """
    several = facts[(facts["origin"] != "") & (facts["told_by"] > 1)]
    several = several.assign(source_ids=[(source,) for source in several["origin"]])
    order = several["origin"].map(several["origin"].value_counts())
    return several.assign(order=-order).sort_values(["order", "origin"], kind="stable").drop(columns="order")


def _moved(row: pd.Series) -> str:
    """A move in words: who, from where to where, as what."""
    left, came = row["from_org"], row["to_org"]
    if left == came:
        where = f"within {left}"
    elif came in people.NOBODY:
        where = f"leaving {left}"
    else:
        where = f"to {came}" if left in (*people.NOBODY, "open-call") else f"from {left} to {came}"
    return f"{row['person']}, {where}" + (f": {row['to_role']}" if row["to_role"] else "")


# --- contradictions -----------------------------------------------------------------------------

#: tables whose rows say what happened, with the column of its date
HAPPENED = {"events": "date", "people_moves": "date", "promises": "made_on"}
#: tables whose rows tell of what was read or found, with the column that says when
PAST = {"sources": "published", "corrections": "found_on"}
#: what a standing says of the sources: at least one is of one of these kinds
NEEDS = {"paper": ("primary",), "datasheet": ("primary", "reference"), "measured": ("primary", "reference")}


def check(everything: Mapping[str, Table]) -> list[Problem]:
    """Every row that its sources cannot bear: all came out before it happened, or none is of a kind it speaks of.

    A source says `none` of its address just where it has none, and none was published in days to come.
    """
    sources = everything["sources"].rows
    unlike = [row for row in sources.values() if (row.cells["address"] == "none") != (row.cells["url"] == "")]
    rows = [row for table in everything.values() if "source_ids" in table.fields for row in table.rows.values()]
    wrong = [problem for row in rows for problem in (*_too_early(row, sources), *_other_kind(row, sources))]
    wrong += [row.problem("address", "none where url is empty, else original or copy") for row in unlike]
    return [*wrong, *_ahead(everything)]


def _ahead(everything: Mapping[str, Table]) -> Iterator[Problem]:
    latest = date.today() + timedelta(days=1)  # where the day begins earlier than here, it is tomorrow already
    for name, column in PAST.items():
        for row in everything[name].rows.values():
            if row.cells[column] and dates.window(row.cells[column]).start > latest:
                yield row.problem(column, "no day that is still to come")


def _too_early(row: Row, sources: Mapping[str, Row]) -> Iterator[Problem]:
    column = HAPPENED.get(row.table.name, "")
    published = [text for source in row.items("source_ids") if (text := sources[source].cells["published"])]
    if column and row.cells[column] and published:
        last = max(published, key=lambda text: dates.window(text).end)
        if dates.window(last).end < dates.window(row.cells[column]).start:
            yield row.problem(column, f"a date not after {last}, when the last of its sources came out")


def _other_kind(row: Row, sources: Mapping[str, Row]) -> Iterator[Problem]:
    kinds = NEEDS.get(row.cells.get("standing", ""), ())
    if kinds and not any(sources[source].cells["kind"] in kinds for source in row.items("source_ids")):
        yield row.problem("standing", f"another standing, or a source whose kind is {' or '.join(kinds)}")
