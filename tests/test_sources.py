"""What the appendix counts: sources by use and kind, and the facts that go back to one origin."""

import re
from collections import Counter

import pandas as pd
import pytest

from dojo import sources, tables

LISTED = sources.by_use(tables.everything())
STORY = {name: tables.load(name) for name in sources.STORY}
FACTS = sources.origins(STORY, tables.load("sources"))

#: who restates whom, for the tests of origins: c and d go back to a, e to a and to b, which nothing restates
REPEATS = {"a": (), "b": (), "c": ("a",), "d": ("c",), "e": ("d", "b"), "f": ("c",)}
SOME = pd.DataFrame({"repeats": REPEATS})


# --- counted by use and kind -----------------------------------------------------------------------


def test_rows_are_those_in_which_the_source_is_named():
    named = Counter()
    for path in tables.files():
        for record in tables.records(path).values():
            named.update(tables.split(record.get("source_ids", "")))
    assert LISTED["rows"].to_dict() == {source: named[source] for source in LISTED.index}
    assert LISTED["rows"].is_monotonic_decreasing


def test_in_the_story_counts_the_tables_of_the_story_alone(copy):
    path = copy.path("events")
    text = path.read_text("utf-8")
    extra = text.splitlines()[-1]
    path.write_text(text + extra.replace(extra.split(",")[0], "one-event-more", 1) + "\n", "utf-8")
    more = sources.by_use(tables.read(copy.root))
    named = set(tables.split(tables.records(path)["one-event-more"]["source_ids"]))
    for column in ("rows", "in_the_story"):
        added = more[column] - LISTED[column]
        assert set(added.index[added == 1]) == named
        assert added.sum() == len(named)
    assert LISTED.loc["mlcommons-training-v5.0", "in_the_story"] == 0


def test_every_source_is_of_one_kind_and_read_in_one_way():
    kinds = sources.kinds(LISTED)
    assert kinds["sources"].sum() == len(LISTED)
    ways = kinds[["read_in_full", "opening_read", "known_through_others"]].sum(axis=1)
    assert ways.to_list() == kinds["sources"].to_list()
    assert kinds["copies"].sum() == (tables.load("sources")["address"] == "copy").sum()


def test_every_kind_and_every_table_of_the_story_has_its_words():
    known = tables.everything()
    assert set(sources.KINDS) == set(known["sources"].fields["kind"]["constraints"]["enum"])
    assert all("source_ids" in known[name].fields for name in sources.STORY)


def test_parts_hold_every_row_once_below_their_number():
    parts = sources.parts(LISTED, "kind", sources.KINDS)
    assert sorted(source for part in parts.values() for source in part.index) == sorted(LISTED.index)
    assert [int(re.search(r"(\d+)$", head)[1]) for head in parts] == [len(part) for part in parts.values()]


# --- one origin ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("named", "found"),
    [
        ("a", "a"),
        ("c", "c"),  # alone it is the origin of what it tells
        ("ac", "a"),
        ("ca", "a"),
        ("df", "c"),  # the nearest, not the end of the chain
        ("dc", "c"),
        ("ab", ""),
        ("bd", ""),
        ("e", ""),  # it goes back to two
        ("de", ""),
    ],
)
def test_the_origin_is_the_nearest_that_all_go_back_to(named, found):
    assert sources.origin(tuple(named), SOME) == found


def test_the_report_of_the_closure_has_one_origin():
    fact = FACTS.loc["dojo-disbanded-report"]
    assert fact["origin"] == "bloomberg-2025-08-07"
    assert fact["told_by"] > 1
    assert FACTS["origin"]["dojo3-restart"] == ""


def test_every_fact_of_the_story_is_asked_once_and_no_variant():
    moves = STORY["people_moves"]
    assert len(FACTS) == sum(map(len, STORY.values())) - (moves["variant_of"] != "").sum()
    assert set(FACTS.index) & set(moves.index[moves["variant_of"] != ""]) == set()


def test_retold_facts_stand_with_their_origin_the_one_with_most_facts_first():
    retold = sources.retold(FACTS)
    assert (retold["told_by"] > 1).all()
    assert list(retold["source_ids"]) == [(source,) for source in retold["origin"]]
    sizes = retold.groupby("origin", sort=False).size()
    assert sizes.is_monotonic_decreasing
    assert retold["origin"].ne(retold["origin"].shift()).sum() == len(sizes)  # each origin's facts together
    alone = FACTS[(FACTS["origin"] != "") & (FACTS["told_by"] == 1)]
    assert set(retold.index) | set(alone.index) == set(FACTS.index[FACTS["origin"] != ""])


@pytest.mark.parametrize(
    ("move_id", "words"),
    [
        ("bannon-takes-dojo-2023", "Peter Bannon, within Tesla: also head of Dojo"),
        ("karpathy-leaves-2022", "Andrej Karpathy, leaving Tesla"),
        ("viecha-advises-densityai", "Martin Viecha, to DensityAI: adviser"),
        ("wilson-leaves-2025", "Adam Wilson, from Tesla to OpenAI: data-centre design lead"),
    ],
)
def test_a_move_is_put_into_words(move_id, words):
    assert FACTS["fact"][move_id] == words


def test_a_call_for_applicants_names_no_former_employer():
    calls = STORY["people_moves"].query("kind == 'call'").index
    assert len(calls) > 0
    assert [fact for fact in FACTS["fact"][calls] if "from " in fact.partition(":")[0]] == []


@pytest.mark.parametrize(("column", "value"), [("address", "none"), ("url", "")])
def test_an_address_is_none_just_where_there_is_none(copy, column, value):
    row = list(tables.everything()["sources"].rows).index("electrek-2025-08")
    copy.cell("sources", row, column, value)
    (said,) = sources.check(tables.read(copy.root))
    assert (said.line, said.column, said.expected) == (
        row + 2,
        "address",
        "none where url is empty, else original or copy",
    )
