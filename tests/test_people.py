"""Who moved when: nobody counted twice, nothing blank taken for zero, and contradictions named."""

import matplotlib.dates as mdates
import numpy as np
import pandas as pd
import pytest
from matplotlib.patches import Polygon, Rectangle
from matplotlib.text import Text

from dojo import charts, dates, people, tables
from dojo.charts.people import INKED, PALEST, ROW
from publish import __main__

MOVES = people.moves()
FLOW = people.flow(MOVES)
CLOSED = pd.Timestamp("2025-08-07")
LEAVING = people.span(MOVES, "chang-leaves-2023", "twenty-to-densityai")
BOXES = {"twenty-to-densityai": (LEAVING, "no names")}
FILE = "data/story/people_moves.csv"


def drawn(rows: pd.DataFrame = FLOW):
    return charts.flow(rows, BOXES, CLOSED)


def marks(figure) -> dict:
    return {artist.get_gid(): artist for artist in figure.findobj() if artist.get_gid()}


# --- counting -----------------------------------------------------------------------------------


def test_drawn_marks_per_lane_equal_the_counts():
    found = marks(drawn())
    counts = people.counts(MOVES)
    for lane, count in counts.iterrows():
        rows = FLOW[(FLOW["lane"] == lane) & FLOW["part"].isin(["exit", "split"])]
        shown = {i: found[i] for i in rows.index}
        boxes = [a for a in shown.values() if isinstance(a, Rectangle) and not a.get_fill()]
        hatched = [a for a in shown.values() if a.get_hatch()]
        assert sum(rows["kind"] == "person") == count["named"]
        assert len(hatched) == count["not_reported"]
        if lane == "DensityAI":
            assert sum(abs(box.get_height()) for box in boxes) == count["low"] * ROW == count["high"] * ROW
        assert len(shown) == count["named"] + len(rows[rows["kind"] == "group"])
    assert counts["named"].sum() == sum(a.get_hatch() is None for i, a in found.items() if i in NAMED)


NAMED = FLOW.index[(FLOW["kind"] == "person") & (FLOW["part"] == "exit")]


def test_a_new_employer_gets_a_lane_and_a_mark():
    row = MOVES.loc["quinnell-leaves-2024"].copy()
    row["to_org"], row["label"] = "A New Firm", "somebody"
    more = pd.concat([MOVES, row.to_frame("somebody-leaves").T.astype(MOVES.dtypes)])
    assert people.counts(more)["named"]["A New Firm"] == 1
    figure = drawn(people.flow(more))
    assert "somebody-leaves" in marks(figure)
    assert "A New Firm" in [t.get_text() for t in figure.findobj(Text)]


def test_a_group_without_an_upper_limit_has_an_open_top():
    rows = FLOW.copy()
    rows.loc["twenty-to-densityai", ["headcount_low", "headcount_high"]] = [20, pd.NA]
    rows.loc["twenty-to-densityai", "label"] = "about 20 former Tesla employees"
    figure = drawn(rows)
    assert "at least 20 about 20 former Tesla employees" in [t.get_text() for t in figure.findobj(Text)]
    breaks = [line for line in figure.axes[0].lines if line.get_color() == "white"]
    assert len(breaks) == 2  # its left edge, and its top


def test_two_boxes_in_one_lane_stand_apart():
    rows = FLOW.copy()
    second = rows.loc["twenty-to-densityai"].copy()
    second["headcount_low"], second["headcount_high"], second["label"] = 6, 6, "six more"
    rows = pd.concat([rows, second.to_frame("six-more").T.astype(rows.dtypes)])
    found = marks(charts.flow(rows, BOXES | {"six-more": (LEAVING, "")}, CLOSED))
    upper, lower = (found[i].get_window_extent() for i in ("six-more", "twenty-to-densityai"))
    assert upper.y0 >= lower.y1


def test_the_box_shows_low_and_high_apart():
    rows = FLOW.copy()
    rows.loc["twenty-to-densityai", ["headcount_low", "headcount_high"]] = [18, 24]
    boxes = [a for a in drawn(rows).findobj(Rectangle) if not a.get_fill()]
    assert sorted((abs(b.get_height()) / ROW, b.get_linestyle()) for b in boxes) == [(18, "solid"), (24, "--")]


def test_nobody_stands_in_the_box():
    figure = drawn()
    box = marks(figure)["twenty-to-densityai"].get_window_extent()
    inside = [t.get_text() for t in figure.findobj(Text) if t.get_text() and box.contains(*t.get_window_extent().min)]
    assert [words for words in inside if any(name in words for name in FLOW["label"][NAMED])] == []
    assert not any(box.contains(*a.get_window_extent().min) for i, a in marks(figure).items() if i in NAMED)


def test_no_variant_is_ever_counted():
    rng = np.random.default_rng(3)
    for _ in range(60):
        some = MOVES[rng.random(len(MOVES)) < rng.uniform(0.2, 1)]
        pd.testing.assert_frame_equal(people.counts(some), people.counts(people.own(some)))
    only = MOVES[MOVES["variant_of"] != ""]
    assert len(only) > 0
    assert people.counts(only)[["named", "low", "high", "not_reported"]].eq(0).all(axis=None)


def test_named_people_and_counted_groups_are_kept_apart():
    rows = MOVES.loc[["floering-to-densityai", "twenty-to-densityai"]].copy()
    rows.loc["twenty-to-densityai", ["headcount_low", "headcount_high"]] = [18, 24]
    lane = people.counts(rows).loc["DensityAI"]
    assert (lane["named"], lane["low"], lane["high"]) == (1, 18, 24)


def test_blank_is_not_reported_and_never_zero():
    inside = ["dojo-firmware-to-brugada-2025", "dojo-rest-reassigned-2025"]
    inside += ["dojo-silicon-to-rodgers-2025", "dojo-software-to-elluswamy-2025"]
    counts = people.counts(MOVES.loc[[*inside, "autopilot-software-exits-2019", "chan-leaves-2023"]])
    assert counts["not_reported"]["Inside Tesla"] == 4
    assert pd.isna(counts["low"]["Inside Tesla"])
    assert pd.isna(counts["high"]["Inside Tesla"])
    assert pd.isna(counts["high"]["Neighbouring teams"])  # at least 11
    assert counts["high"]["OpenAI"] == 0  # no group at all


def test_the_seven_and_when_they_left():
    named = FLOW[(FLOW["circle"] == "dojo") & FLOW.index.isin(NAMED)]
    assert dict(zip(named["person"], named["date"], strict=True)) == {
        "Bill Chang": "2023-10",
        "Ganesh Venkataramanan": "2023-11",
        "Tim Zaman": "2023-12",
        "Clive Chan": "2023-12/2024-01",
        "Reza Khiabani": "2024-06",
        "Eric Quinnell": "2024-10-19",
        "Peter Bannon": "2025-08-07/2025-08-17",
    }


def test_neighbours_are_shown_by_role():
    names = set(FLOW["person"][(FLOW["circle"] == "neighbouring") & (FLOW["kind"] == "person")])
    assert len(names) == people.counts(MOVES)["named"]["Neighbouring teams"]
    words = " ".join(t.get_text() for t in drawn().findobj(Text))
    assert [name for name in names if name in words] == []


# --- as wide as it is known -----------------------------------------------------------------------


def strand(figure, first: str, last: str) -> Polygon:
    """The strand over these days, found by its edges."""
    wanted = mdates.date2num([pd.Timestamp(first), pd.Timestamp(last) + pd.Timedelta(days=1)])
    edges = {p: p.get_xy()[:, 0] for p in figure.findobj(Polygon) if len(p.get_xy()) == 5}
    (found,) = [p for p, x in edges.items() if np.allclose([x.min(), x.max()], wanted)]
    return found


def test_a_strand_is_as_wide_as_its_date_leaves_open_and_paler_the_wider():
    figure = drawn()
    month, two = strand(figure, "2023-12-01", "2023-12-31"), strand(figure, "2023-12-01", "2024-01-31")
    year = strand(figure, "2024-01-01", "2024-12-31")
    assert month.get_alpha() > two.get_alpha() > year.get_alpha() == PALEST
    width = np.ptp(figure.axes[0].transData.transform(month.get_xy())[:, 0])
    assert month.get_alpha() * width == pytest.approx(INKED)


# --- orders, tenures, retellings --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("exits", "decision", "allowed"),
    [
        ("2025-01/2025-03", "2025-02-10", [True, True, True]),
        ("2025-01", "2025-03", [True, False, False]),
        ("2025-05", "2025-03", [False, True, False]),
        ("2025-03-02", "2025-03", [True, True, False]),
        ("2025-01-01/2025-01-02", "2025-01-01/2025-01-02", [True, True, False]),
        ("2025-01-01/2025-01-03", "2025-01-02", [True, True, True]),
        ("2025-03-02", "2025-03-02", [False, False, False]),
    ],
)
def test_orders(exits, decision, allowed):
    assert list(people.orders(dates.window(exits), dates.window(decision)).values()) == allowed


def test_a_tenure_without_a_reported_end_stays_open():
    posts = {"post": {"A": ("keller-joins-2016", "keller-leaves-2018"), "B": ("bannon-heads-hardware-2018", None)}}
    closed, still = people.tenures(MOVES, posts).itertuples()
    assert (closed.begin_first, closed.begin_last) == (pd.Timestamp("2016-01-01"), pd.Timestamp("2016-12-31"))
    assert (closed.end_first, closed.end_last) == (pd.Timestamp("2018-04-01"), pd.Timestamp("2018-04-30"))
    assert pd.isna(still.end_first)
    assert "reuters-2018-04-26" in closed.source_ids


def test_the_tree_follows_who_repeats_whom():
    told = [*MOVES.index[MOVES.index.str.startswith("twenty")], "dojo-rest-v2-twenty"]
    tree = people.retellings(MOVES, tables.load("sources"), told)
    assert set(tree.index) == {source for move in told for source in MOVES["source_ids"][move]}
    assert tree.index[0] == "bloomberg-2025-08-densityai"
    verge, cool = tree.loc["theverge-2025-08"], tree.loc["thecooldown-2025-08"]
    assert (verge["parent"], verge["changed"], cool["parent"], cool["changed"]) == (
        "bloomberg-2025-08-07",
        True,
        "theverge-2025-08",
        False,
    )
    assert cool["depth"] == verge["depth"] + 1
    assert list(tree.index[tree["apart"]]) == ["newsbytes-2025-08-08", "techcrunch-2026-01-20"]
    assert not tree["changed"][tree["parent"] == ""].any()


# --- contradictions ---------------------------------------------------------------------------------


def row_of(copy, move_id: str, table: str = "people_moves") -> int:
    return [record[0] for record in copy.records(table)].index(move_id) - 1


#: what is spoilt (table, row, column, value), and all that must be said of it
SPOILT = {
    "in two places": (
        ("people_moves", "keller-leaves-2018", "from_org", "Apple"),
        [FILE, "column from_org: 'Apple'", "expected Tesla, by keller-joins-2016 of 2016"],
    ),
    "leaving twice": (
        ("people_moves", "venkataramanan-founds-densityai", "from_org", "Tesla"),
        [FILE, "column from_org: 'Tesla'", "not Tesla, which the person had left", "venkataramanan-leaves-2023"],
    ),
    "leaving before arriving": (
        ("people_moves", "keller-leaves-2018", "date", "2015-04"),
        [FILE, "column date: '2015-04'", "a date not before 2016, the arrival at Tesla"],
    ),
    "leaving before being known there": (
        ("people_moves", "khiabani-leaves-2024", "date", "2020-06"),
        [FILE, "column date: '2020-06'", "2022", "people.csv#khiabani"],
    ),
    "seen after leaving": (
        ("people", "quinnell", "last_known_at_tesla", "2025-03"),
        [FILE, "column date: '2024-10-19'", "a date not before 2025-03, when people.csv#quinnell is last known"],
    ),
    "known last before first": (
        ("people", "talpes", "last_known_at_tesla", "2019-01"),
        ["data/story/people.csv", "column last_known_at_tesla: '2019-01'", "a date not before 2020-02"],
    ),
    "arriving after being known there": (
        ("people_moves", "bannon-joins-2016", "date", "2016-09"),
        [FILE, "column date: '2016-09'", "a date not after 2016-03"],
    ),
    "an exit without a date": (
        ("people_moves", "chan-leaves-2023", "date+precision", "+unknown"),
        [FILE, "column date: ''", "an exit has one"],
    ),
    "a mark without words": (
        ("people_moves", "zaman-leaves-2023", "label", ""),
        [FILE, "column label: ''", "the move is drawn in a figure"],
    ),
    "a person without an id": (
        ("people_moves", "zaman-leaves-2023", "person_id", ""),
        [FILE, "column person_id: ''", "the id of a person"],
    ),
    "another name": (
        ("people_moves", "zaman-leaves-2023", "person", "T. Zaman"),
        [FILE, "column person: 'T. Zaman'", "Tim Zaman, as people.csv#zaman writes it"],
    ),
    "a person of five": (
        ("people_moves", "zaman-leaves-2023", "headcount_high", "5"),
        [FILE, "column headcount_low", "1, and 1 in headcount_high"],
    ),
    "applicants counted": (
        ("people_moves", "dojo3-hiring-call-2026", "headcount_low", "9"),
        [FILE, "column headcount_low: '9'", "nobody is counted"],
    ),
    "high without low": (
        ("people_moves", "dojo-layoffs-2024", "headcount_high", "9"),
        [FILE, "column headcount_low: ''", "a number, as headcount_high has one"],
    ),
    "repeating itself": (
        ("sources", "theverge-2025-08", "repeats", "theverge-2025-08"),
        ["data/sources.csv", "column repeats", "a source that does not go back to this one"],
    ),
    "variant of a variant": (
        ("people_moves", "twenty-v4-senior-engineers", "variant_of", "twenty-v3-before-disbanding"),
        [FILE, "column variant_of: 'twenty-v3-before-disbanding'", "a move that is no variant itself"],
    ),
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_contradiction_is_named_once(copy, name):
    (table, row_id, column, value), expected = SPOILT[name]
    for one, new in zip(column.split("+"), value.split("+"), strict=True):
        copy.cell(table, row_of(copy, row_id, table), one, new)
    (problem,) = people.check(tables.read(copy.root))
    for words in expected:
        assert words in str(problem)
    if table == "people_moves":
        assert f"line {row_of(copy, row_id) + 2}," in str(problem)


#: careers that are possible: moves added for one person, as from, to, date
CAREERS = {
    "a return": ("khiabani", [("OpenAI", "Tesla", "2025-06"), ("Tesla", "Apple", "2026-01")]),
    "a return from nowhere known": ("bannon", [("Apple", "Tesla", "2026-02")]),
    "a promotion in the year of leaving": ("lau", [("Tesla", "Tesla", "2025-04")]),
    "two moves within one window": ("chan", [("OpenAI", "Anthropic", "2023-12/2024-01")]),
}


@pytest.mark.parametrize("name", CAREERS)
def test_a_possible_career_is_accepted(copy, name):
    person_id, steps = CAREERS[name]
    records = copy.records("people_moves")
    columns, first = records[0], next(r for r in records if r[1] == person_id)
    for number, (left, joined, when) in enumerate(steps):
        cells = dict(zip(columns, first, strict=True)) | {"move_id": f"step-{number}", "from_org": left}
        cells |= {"to_org": joined, "date": when, "precision": dates.window(when).precision, "label": "somebody"}
        records.append(list(cells.values()))
    copy.write("people_moves", records)
    assert people.check(tables.read(copy.root)) == []


def test_two_sources_that_repeat_each_other_are_both_named(copy):
    copy.cell("sources", row_of(copy, "bloomberg-2025-08-densityai", "sources"), "repeats", "reuters-2025-08-07")
    named = {problem.value for problem in people.check(tables.read(copy.root))}
    assert "reuters-2025-08-07" in named


def test_an_unknown_move_is_named_with_a_near_one():
    with pytest.raises(KeyError, match="did you mean 'keller-leaves-2018'"):
        people.span(MOVES, "keller-joins-2016", "keller-leaves-2019")
    with pytest.raises(ValueError, match="the second comes first"):
        people.span(MOVES, "keller-leaves-2018", "keller-joins-2016")
    with pytest.raises(ValueError, match="A, post: keller-joins-2016 comes before keller-leaves-2018"):
        people.tenures(MOVES, {"post": {"A": ("keller-leaves-2018", "keller-joins-2016")}})


def test_a_source_tells_one_thing():
    sources = tables.load("sources")
    with pytest.raises(ValueError, match="theverge-2025-08: tells the same thing in two ways"):
        people.retellings(MOVES, sources, ["twenty-v7-with-bannon", "bannon-v3-to-densityai"])


def test_an_outlet_that_goes_back_to_one_outside_the_tree_is_not_without_origin():
    sources = tables.load("sources")
    sources.at["newsbytes-2025-08-08", "repeats"] = ("cnbc-2025-08-07",)
    tree = people.retellings(MOVES, sources, ["twenty-v8-with-founder"])
    assert not tree["apart"]["newsbytes-2025-08-08"]


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("variant_of", "twenty-to-densityia", ["column variant_of", "did you mean 'twenty-to-densityai'?"]),
        ("headcount_high", "12", ["column headcount_low: '20'", "at most 12, the value of headcount_high"]),
    ],
)
def test_a_missing_origin_and_high_below_low_are_named_once(copy, column, value, expected):
    copy.cell("people_moves", row_of(copy, "twenty-v2-dojo-workers"), column, value)
    (said,) = copy.problems()
    assert [words for words in [FILE, *expected] if words not in said] == []


def test_the_record_contradicts_nobody():
    assert people.check(tables.everything()) == []


def test_publish_says_so_before_anything_is_built(copy, monkeypatch, capsys):
    copy.cell("people_moves", row_of(copy, "keller-leaves-2018"), "date", "2015-04")
    monkeypatch.setattr(tables, "DATA", copy.root)
    assert __main__.main(["--check"]) == 1
    assert "leaves" not in capsys.readouterr().out
    with pytest.raises(tables.DataError, match="keller-joins-2016"):
        people.moves()
