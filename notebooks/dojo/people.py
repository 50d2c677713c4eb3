"""Moves, tenures and destinations of people; low and high counts are kept apart, blank is not reported.

A row of the moves table that tells another row differently (`variant_of`) is shown as a telling and
never counted. Named people and counted groups are never added up: who is in a group is not known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise

import pandas as pd

from dojo import dates, facts, quantities, tables, timeline
from dojo.tables import Problem, Row, Table

#: employers that name nobody: somebody who went there may turn up anywhere
NOBODY = ("unknown", "none", "various")
#: the lanes of the flow below the Dojo team; above it stands one lane for each employer its people went to
LANES = ("Inside Tesla", "No employer known", "DensityAI", "Tesla’s chip teams", "Neighbouring teams", "Hiring calls")
_TEAMS = {"chips": "Tesla’s chip teams", "neighbouring": "Neighbouring teams"}


def moves() -> pd.DataFrame:
    """Every move with the window of its date; DataError when moves contradict each other."""
    if problems := check(tables.everything()):
        raise tables.DataError(problems)
    return timeline.dated(tables.load("people_moves"))


def own(moved: pd.DataFrame) -> pd.DataFrame:
    """The moves that are told once: without the variants."""
    return moved[moved["variant_of"] == ""]


def flow(moved: pd.DataFrame) -> pd.DataFrame:
    """What the flow shows, in its lanes: exits from Tesla, the split of Dojo's staff, the calls for applicants.

    `moved` as from `moves`. Adds lane and part: exit, split, call, or founding for the second step of a
    founder who had left Tesla before. Earliest first, at the same start the wider window first.
    """
    rows = own(moved)
    tesla = rows["from_org"] == "Tesla"
    part = pd.Series("", rows.index)
    part[tesla & (rows["to_org"] != "Tesla")] = "exit"
    part[tesla & (rows["to_org"] == "Tesla") & (rows["kind"] == "group")] = "split"
    part[rows["kind"] == "call"] = "call"
    part[(rows["from_org"] == "none") & (rows["to_role"] == "co-founder")] = "founding"
    lane = rows["to_org"].replace({"Tesla": "Inside Tesla"} | dict.fromkeys(NOBODY, "No employer known"))
    lane = rows["circle"].map(_TEAMS).where(lane != "DensityAI").fillna(lane).mask(part == "call", "Hiring calls")
    rows = rows.assign(lane=lane, part=part)[part != ""]
    return rows.sort_values(["start", "days"], ascending=[True, False], kind="stable")


def lanes(rows: pd.DataFrame) -> list[str]:
    """The lanes of a flow from top to bottom: employers, the earliest first exit on top, then LANES."""
    employers = [lane for lane in dict.fromkeys(rows["lane"]) if lane not in LANES]
    return [*employers, *LANES]


def counts(moved: pd.DataFrame) -> pd.DataFrame:
    """Per lane of the flow: named people who left, low and high counts of groups, and groups without a count.

    `low` and `high` add up what the sources state, 0 where a lane has no group. `low` is <NA> where no
    group has a count, `high` where any group has none or no upper limit. Variants are never counted,
    nor is the second step of a founder.
    """
    rows = flow(moved).query("part in ('exit', 'split')")
    groups = rows[rows["kind"] == "group"]
    by_lane = groups.groupby("lane")
    order = lanes(rows)
    found = pd.DataFrame(
        {
            "named": rows[rows["kind"] == "person"].groupby("lane").size().reindex(order, fill_value=0),
            "low": by_lane["headcount_low"].sum(min_count=1).reindex(order),
            "high": by_lane["headcount_high"].agg(lambda c: c.sum(skipna=False)).reindex(order),
            "not_reported": by_lane["headcount_low"].agg(lambda c: c.isna().sum()).reindex(order, fill_value=0),
        }
    )
    empty = ~found.index.isin(groups["lane"])
    return found.assign(low=found["low"].mask(empty, 0), high=found["high"].mask(empty, 0)).astype("Int64")


def span(moved: pd.DataFrame, first: str, last: str) -> dates.Window:
    """All the days from the first on which one move may have happened to the last of another."""
    begin, end = _named(moved, first)["start"], _named(moved, last)["end"]
    if pd.isna(begin) or pd.isna(end) or end < begin:
        raise ValueError(f"no days lie between {first} and {last}: one is undated, or the second comes first")
    return dates.Window(begin.date(), end.date(), "interval")


def possible(words: str, first: str | date | None, last: str | date) -> pd.DataFrame:
    """A row for a chart: the days on which what nobody dates may have happened; None where no first day is known."""
    row = {"label": words, "start": pd.Timestamp(first) if first else pd.NaT, "end": pd.Timestamp(last)}
    return pd.DataFrame([row | {"standing": "reported"}], index=[words.replace(" ", "-")])


def orders(exits: dates.Window, decision: dates.Window) -> dict[str, bool]:
    """Which orders in time two windows allow: every exit before the decision, every one after it, or some of each."""
    day = timedelta(days=1)
    between = max(decision.start, exits.start + day) <= min(decision.end, exits.end - day)
    return {
        "every exit before the decision": exits.start < decision.end,
        "every exit after the decision": decision.start < exits.end,
        "some before and some after": between,
    }


def tenures(moved: pd.DataFrame, posts: Mapping[str, Mapping[str, tuple[str, str | None]]]) -> pd.DataFrame:
    """Who held which post: one row per tenure, from the moves by which it began and ended.

    `posts` maps each post to its holders, and each holder to the ids of the two moves; None for an
    end that no source reports. Adds first and last day of either end's window (NaT for an open end).
    KeyError for an unknown move, ValueError for a tenure that ends before it begins.
    """
    rows = {}
    for post, holders in posts.items():
        for holder, (begin, end) in holders.items():
            begun = _named(moved, begin)
            ended = _named(moved, end) if end else pd.Series({"start": pd.NaT, "end": pd.NaT, "source_ids": ()})
            if ended["end"] < begun["start"]:
                raise ValueError(f"{holder}, {post}: {end} comes before {begin}")
            rows[f"{begin}/{end or ''}"] = {
                "post": post,
                "holder": holder,
                "begin_first": begun["start"],
                "begin_last": begun["end"],
                "end_first": ended["start"],
                "end_last": ended["end"],
                "standing": begun["standing"],
                "source_ids": tuple(dict.fromkeys([*begun["source_ids"], *ended["source_ids"]])),
            }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("tenure")


def _named(moved: pd.DataFrame, move_id: str) -> pd.Series:
    if move_id not in moved.index:
        tables.find(move_id, "people_moves")  # says what it may have been meant for
        raise KeyError(f"move {move_id!r} is not among these")
    return moved.loc[move_id]


def retellings(moved: pd.DataFrame, sources: pd.DataFrame, told: Sequence[str]) -> pd.DataFrame:
    """Who says what and who repeats whom: one row per source of the moves `told`, below the one it repeats.

    In the order of the tree, a source followed by those that repeat it, earliest first. Adds words (how it
    tells the move), parent (the nearest of these sources that it goes back to), changed (its words are not
    its parent's), apart (no origin is recorded, and nobody repeats it) and depth (steps from the top).
    ValueError when a source stands in two of the moves.
    """
    tellers = [source for move in told for source in _named(moved, move)["source_ids"]]
    if twice := sorted({source for source in tellers if tellers.count(source) > 1}):
        raise ValueError(f"{', '.join(twice)}: tells the same thing in two ways; name it in one of {', '.join(told)}")
    words = {source: moved["label"][move] for move in told for source in moved["source_ids"][move]}
    frame = timeline.dated(sources.loc[list(words)], "published").assign(words=pd.Series(words))
    frame["parent"] = [next((s for s in above(source, sources) if s in words), "") for source in frame.index]
    frame["changed"] = [bool(up) and words[up] != words[str(source)] for source, up in frame["parent"].items()]
    frame["apart"] = (frame["repeats"].map(len) == 0) & ~frame.index.isin(frame["parent"])
    order = list(_below("", frame.sort_values(["apart", "end", "days"], kind="stable"), 0))
    return frame.loc[[source for source, _ in order]].assign(depth=[depth for _, depth in order])


def above(source: str, sources: pd.DataFrame) -> list[str]:
    """The sources that this one goes back to, nearest first."""
    found = list(sources["repeats"][source])
    for other in found:  # grows while it is read
        found += [s for s in sources["repeats"][other] if s not in found]
    return found


def _below(parent: str, frame: pd.DataFrame, depth: int) -> Iterator[tuple[str, int]]:
    for source in frame.index[frame["parent"] == parent]:
        yield source, depth
        yield from _below(source, frame, depth + 1)


# --- contradictions -----------------------------------------------------------------------------


def check(everything: Mapping[str, Table]) -> list[Problem]:
    """Every row that cannot be true beside the others: at most one problem for each, in file order.

    A person must leave the employer that the last move led to, and neither leave before arriving nor be
    seen at Tesla after leaving. A move that is drawn has words, an exit a date; a variant tells a row
    that is no variant itself; sources do not repeat each other in a circle.
    """
    moved, known = everything["people_moves"], everything["people"]
    found = [*_check_people(known), *_check_circles(everything["sources"])]
    for row in moved.rows.values():
        found += [*_check_kind(row, known), *_check_move(row, moved)]
    for person_id, person in known.rows.items():
        chain = [row for row in moved.rows.values() if row.cells["person_id"] == person_id]
        found += _check_chain([r for r in chain if r.cells["date"] and not r.cells["variant_of"]], person)
    return sorted({(p.file, p.line): p for p in reversed(found)}.values(), key=lambda p: (p.file, p.line))


def _check_people(people: Table) -> Iterator[Problem]:
    for row in people.rows.values():
        first, last = row.cells["first_known_at_tesla"], row.cells["last_known_at_tesla"]
        if first and last and dates.window(last).end < dates.window(first).start:
            yield row.problem("last_known_at_tesla", f"a date not before {first}, when the person is first known there")


def _check_circles(sources: Table) -> Iterator[Problem]:
    for row in sources.rows.values():
        above = row.items("repeats")
        for source in above:  # grows while it is read
            above += [s for s in sources.rows[source].items("repeats") if s not in above]
        if row.id in above:
            yield row.problem("repeats", "a source that does not go back to this one")


def _check_kind(row: Row, known: Table) -> Iterator[Problem]:
    """A person is one and has a name, a group has none, and nobody counts applicants; a high count needs a low one."""
    cells, person = row.cells, known.rows.get(row.cells["person_id"])
    counted = (cells["headcount_low"], cells["headcount_high"])
    if (cells["kind"] == "person") != (person is not None):
        yield row.problem("person_id", "the id of a person" if cells["kind"] == "person" else "no id: it is no person")
    elif person and not cells["variant_of"] and cells["person"] != person.cells["name"]:
        yield row.problem("person", f"{person.cells['name']}, as {person.place} writes it")
    elif (person and counted != ("1", "1")) or (cells["kind"] == "call" and any(counted)):
        yield row.problem("headcount_low", "1, and 1 in headcount_high" if person else "nothing: nobody is counted")
    elif counted[1] and not counted[0]:
        yield row.problem("headcount_low", "a number, as headcount_high has one")
    elif counted[0] and cells["kind"] == "group" and (said := _miscounted(row)):
        yield row.problem("headcount_low", f"a count that agrees with the {said} in its words")


def _miscounted(row: Row) -> str:
    """The numbers in the words of a group, where none is its count; one who is named beside it may be counted in."""
    low = int(row.cells["headcount_low"])
    high = int(row.cells["headcount_high"] or low)
    words = facts.mask(f"{row.cells['person']}; {row.cells['label']}")
    said = [q for q in quantities.read(words) if q.number and not (q.date or q.time or q.spelled)]
    agrees = any(low - 1 <= q.number <= high for q in said)
    return "" if agrees else ", ".join(dict.fromkeys(f"{q.number:g}" for q in said))


def _check_move(row: Row, moved: Table) -> Iterator[Problem]:
    cells, told = row.cells, moved.rows.get(row.cells["variant_of"])
    leaves = cells["from_org"] == "Tesla" and (cells["to_org"] != "Tesla" or cells["kind"] == "group")
    if told and (told is row or told.cells["variant_of"]):
        yield row.problem("variant_of", "the id of a move that is no variant itself")
    elif leaves and not cells["date"]:
        yield row.problem("date", "a date: an exit has one, if only an interval up to the report of it")
    elif (leaves or cells["kind"] == "call") and not told and not cells["label"]:
        yield row.problem("label", "a few words: the move is drawn in a figure")


def _check_chain(moves_of_one: list[Row], person: Row) -> Iterator[Problem]:
    """What is wrong with the dated moves of one person."""
    chain = _ordered(moves_of_one)
    wrong = [problem for row in chain for problem in _check_tesla(row, chain, person)]
    yield from wrong
    flagged = {problem.line for problem in wrong}
    for before, row in pairwise(chain):
        if not _follows(before, row) and not flagged & {before.line, row.line}:
            came = before.cells["to_org"]
            there = f"not {row.cells['from_org']}, which the person had left" if came in NOBODY else came
            yield row.problem("from_org", f"{there}, by {before.id} of {before.cells['date']}: nobody is in two places")


def _check_tesla(row: Row, chain: list[Row], person: Row) -> Iterator[Problem]:
    """An exit from Tesla fits the arrivals and the dates at which the person is known there, and so does an arrival."""
    when = _window(row)
    first, last = person.cells["first_known_at_tesla"], person.cells["last_known_at_tesla"]
    came = [r for r in chain if r.cells["to_org"] == "Tesla" != r.cells["from_org"]]
    new = not any(r.cells["from_org"] == "Tesla" for r in chain[: chain.index(row)])
    if row in came and new and first and when.start > dates.window(first).end:
        yield row.problem("date", f"a date not after {first}, when {person.place} is first known at Tesla")
    if row.cells["from_org"] != "Tesla" or row.cells["to_org"] == "Tesla":
        return
    begun = [(r.cells["date"], r.id) for r in came] + ([(first, person.place)] if first else [])
    if begun and all(when.end < dates.window(text).start for text, _ in begun):
        yield row.problem("date", f"a date not before {begun[0][0]}, the arrival at Tesla by {begun[0][1]}")
    elif last and when.end < dates.window(last).start and not any(_window(r).end >= when.start for r in came):
        yield row.problem("date", f"a date not before {last}, when {person.place} is last known at Tesla")


def _ordered(moves_of_one: list[Row]) -> list[Row]:
    """The moves of one person in an order that their dates and employers allow, else by date alone."""
    by_date = sorted(moves_of_one, key=lambda row: (_window(row).start, _window(row).end))
    return next(_orders([], by_date, date.min), by_date)


def _orders(done: list[Row], rest: list[Row], earliest: date) -> Iterator[list[Row]]:
    if not rest:
        yield done
    for row in rest:
        begin = max(earliest, _window(row).start)
        if begin <= _window(row).end and (not done or _follows(done[-1], row)):
            yield from _orders([*done, row], [r for r in rest if r is not row], begin)


def _follows(before: Row, row: Row) -> bool:
    """True when whoever made one move may make the other next: from where it led, or where that is open."""
    came, left = before.cells["to_org"], row.cells["from_org"]
    return left == came or (came in NOBODY and left != before.cells["from_org"])


def _window(row: Row) -> dates.Window:
    return dates.window(row.cells["date"])
