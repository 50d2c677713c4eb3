"""Moves, tenures and destinations of people; low and high counts are kept apart, blank is not reported.

A row of the moves table that tells another row differently (`variant_of`) is shown as a telling and
never counted. Named people and counted groups are never added up: who is in a group is not known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import pairwise

import pandas as pd

from dojo import dates, tables, timeline
from dojo.tables import Problem, Row, Table

#: employers that name nobody: somebody who went there may turn up anywhere
NOBODY = ("unknown", "none", "various")
#: the lanes of the flow, from top to bottom; the Dojo team itself runs between the third and the fourth
LANES = (
    "OpenAI",
    "Google DeepMind",
    "Amazon Web Services",
    "Inside Tesla",
    "Not known",
    "DensityAI",
    "Tesla’s chip teams",
    "Neighbouring teams",
    "Hiring calls",
)
_TEAMS = {"chips": "Tesla’s chip teams", "neighbouring": "Neighbouring teams"}


def moves() -> pd.DataFrame:
    """Every move with the window of its date; DataError when a person's moves contradict each other."""
    if problems := check(tables.everything()):
        raise tables.DataError(problems)
    return timeline.dated(tables.load("people_moves"))


def own(moved: pd.DataFrame) -> pd.DataFrame:
    """The moves that are told once: without the variants."""
    return moved[moved["variant_of"] == ""]


def flow(moved: pd.DataFrame) -> pd.DataFrame:
    """What the flow shows, in its lanes: exits from Tesla, the split of Dojo's staff, the calls for applicants.

    `moved` as from `moves`. Adds lane (one of LANES) and part: exit, split, call, or founding for the
    second step of a founder who had left Tesla before. Rows without a date have no place in time and
    are left out.
    """
    rows = own(moved).dropna(subset="start")
    tesla = rows["from_org"] == "Tesla"
    part = pd.Series("", rows.index)
    part[tesla & (rows["to_org"] != "Tesla")] = "exit"
    part[tesla & (rows["to_org"] == "Tesla") & (rows["kind"] == "group")] = "split"
    part[rows["kind"] == "call"] = "call"
    part[(rows["from_org"] == "none") & (rows["to_role"] == "co-founder")] = "founding"
    lane = rows["to_org"].replace({"Tesla": "Inside Tesla", "none": "Not known", "unknown": "Not known"})
    lane = rows["circle"].map(_TEAMS).fillna(lane).mask(part == "call", "Hiring calls")
    return rows.assign(lane=lane, part=part)[part != ""].sort_values(["start", "days"], kind="stable")


def counts(moved: pd.DataFrame) -> pd.DataFrame:
    """Per lane of the flow: named people, the low and high counts of groups, and groups without a count.

    `low` adds up what the sources state; `high` is <NA> where a counted group has no upper limit or
    another group in the lane has no count. Variants are never counted.
    """
    rows = flow(moved).query("part in ('exit', 'split')")
    groups = rows[rows["kind"] == "group"]
    blank = groups[groups["headcount_low"].isna()]
    found = pd.DataFrame(
        {
            "named": rows[rows["kind"] == "person"].groupby("lane").size(),
            "low": groups.groupby("lane")["headcount_low"].sum(),
            "high": groups.groupby("lane")["headcount_high"].agg(lambda c: c.sum(skipna=False)),
            "not_reported": blank.groupby("lane").size(),
        }
    ).reindex(list(LANES))
    found["high"] = found["high"].where(groups.groupby("lane").size().reindex(list(LANES)).notna(), 0)
    return found.fillna({"named": 0, "low": 0, "not_reported": 0}).astype("Int64")


def span(moved: pd.DataFrame, first: str, last: str) -> dates.Window:
    """All the days from the first on which one move may have happened to the last of another."""
    return dates.Window(moved["start"][first].date(), moved["end"][last].date(), "interval")


def possible(words: str, first: str | date | None, last: str | date) -> pd.DataFrame:
    """A row for a chart: the days on which what nobody dates may have happened; None where no first day is known."""
    row = {"label": words, "start": pd.Timestamp(first) if first else pd.NaT, "end": pd.Timestamp(last)}
    return pd.DataFrame([row | {"standing": "reported"}], index=[words])


def orders(exits: dates.Window, decision: dates.Window) -> dict[str, bool]:
    """Which orders in time two windows allow: every exit before the decision, every one after it, or some of each."""
    before, after = exits.start < decision.end, decision.start < exits.end
    return {
        "every exit before the decision": before,
        "every exit after the decision": after,
        "some before and some after": before and after and exits.days > 1,
    }


def tenures(moved: pd.DataFrame, posts: Mapping[str, Mapping[str, tuple[str, str | None]]]) -> pd.DataFrame:
    """Who held which post: one row per tenure, from the moves by which it began and ended.

    `posts` maps each post to its holders, and each holder to the ids of the two moves; None for an
    end that no source reports. Adds first and last day of either end's window (NaT for an open end).
    """
    rows = []
    for post, holders in posts.items():
        for name, (begin, end) in holders.items():
            begun, ended = moved.loc[begin], moved.loc[end] if end else None
            rows.append(
                {
                    "tenure": f"{begin}/{end or ''}",
                    "post": post,
                    "holder": name,
                    "begin_first": begun["start"],
                    "begin_last": begun["end"],
                    "end_first": ended["start"] if end else pd.NaT,
                    "end_last": ended["end"] if end else pd.NaT,
                    "standing": begun["standing"],
                    "source_ids": tuple(dict.fromkeys([*begun["source_ids"], *(ended["source_ids"] if end else ())])),
                }
            )
    return pd.DataFrame(rows).set_index("tenure")


def retellings(moved: pd.DataFrame, sources: pd.DataFrame, told: Sequence[str]) -> pd.DataFrame:
    """Who says what and who repeats whom: one row per source of the moves `told`, below the one it repeats.

    In the order of the tree, a source followed by those that repeat it, earliest first. Adds words (how it
    tells the move), parent (the one it repeats), changed (its words are not its parent's), apart (it names
    no origin, and nobody repeats it) and depth (steps from a source that repeats nobody).
    """
    words = {source: moved["label"][move] for move in told for source in moved["source_ids"][move]}
    frame = timeline.dated(sources.loc[list(words)], "published").assign(words=pd.Series(words))
    frame["parent"] = [next((source for source in ids if source in words), "") for ids in frame["repeats"]]
    frame["changed"] = [bool(up) and words[up] != words[str(source)] for source, up in frame["parent"].items()]
    frame["apart"] = (frame["parent"] == "") & ~frame.index.isin(frame["parent"])
    order = list(_below("", frame.sort_values(["apart", "end", "days"], kind="stable"), 0))
    return frame.loc[[source for source, _ in order]].assign(depth=[depth for _, depth in order])


def _below(parent: str, frame: pd.DataFrame, depth: int) -> Iterator[tuple[str, int]]:
    for source in frame.index[frame["parent"] == parent]:
        yield source, depth
        yield from _below(source, frame, depth + 1)


# --- contradictions -----------------------------------------------------------------------------


def check(everything: Mapping[str, Table]) -> list[Problem]:
    """Every move that cannot be true beside another: at most one problem for each row, in file order.

    A person must leave the employer that the last move led to, must not leave before arriving, and
    must not be seen at Tesla after leaving; a variant must tell a row that is no variant itself.
    """
    moved, known = everything["people_moves"], everything["people"]
    found = [*_check_people(known), *_check_variants(moved)]
    for person_id in dict.fromkeys(row.cells["person_id"] for row in moved.rows.values()):
        chain = [row for row in moved.rows.values() if person_id and row.cells["person_id"] == person_id]
        chain = [row for row in chain if row.cells["date"] and not row.cells["variant_of"]]
        chain.sort(key=lambda row: (_window(row).start, _window(row).end))
        found += _check_chain(chain, known.rows[person_id]) if chain else []
    return sorted({(p.file, p.line): p for p in reversed(found)}.values(), key=lambda p: (p.file, p.line))


def _check_people(people: Table) -> Iterator[Problem]:
    for row in people.rows.values():
        first, last = row.cells["first_known_at_tesla"], row.cells["last_known_at_tesla"]
        if first and last and dates.window(last).end < dates.window(first).start:
            yield row.problem("last_known_at_tesla", f"a date not before {first}, when the person is first known there")


def _check_variants(moved: Table) -> Iterator[Problem]:
    for row in moved.rows.values():
        told = moved.rows.get(row.cells["variant_of"])
        if told and (told is row or told.cells["variant_of"]):
            yield row.problem("variant_of", "the id of a move that is no variant itself")


def _check_chain(chain: list[Row], person: Row) -> Iterator[Problem]:
    """What is wrong with the dated moves of one person, earliest first."""
    for row in chain:
        if row.cells["from_org"] == "Tesla" != row.cells["to_org"]:
            yield from _check_exit(row, chain, person)
    for before, row in pairwise(chain):
        came, left = before.cells["to_org"], row.cells["from_org"]
        again = left == before.cells["from_org"] != came
        if (came in NOBODY and again) or (came not in NOBODY and left != came):
            there = came if came not in NOBODY else f"not {left}, which the person had left"
            yield row.problem("from_org", f"{there}, by {before.id} of {before.cells['date']}: nobody is in two places")


def _check_exit(row: Row, chain: list[Row], person: Row) -> Iterator[Problem]:
    left, last = _window(row), person.cells["last_known_at_tesla"]
    arrivals = [r for r in chain if r.cells["to_org"] == "Tesla" != r.cells["from_org"]]
    begun = [(r.id, r.cells["date"]) for r in arrivals if left.end < _window(r).start]
    first = person.cells["first_known_at_tesla"]
    if first and left.end < dates.window(first).start:
        begun.append((person.place, first))
    if begun:
        yield row.problem("date", f"a date not before {begun[0][1]}, the arrival at Tesla by {begun[0][0]}")
    elif last and left.end < dates.window(last).start:
        yield row.problem("date", f"a date not before {last}, when {person.place} is last known at Tesla")


def _window(row: Row) -> dates.Window:
    return dates.window(row.cells["date"])
