"""Corrections stand only while what they presume does, and our own are told in the change log."""

import shutil

import pytest

from dojo import corrections, tables
from publish import __main__

EVENTS = "data/story/events.csv"
FILE = "data/corrections.csv"
CHANGELOG = tables.DATA.parent / "CHANGELOG.md"


def row_of(copy, table: str, row_id: str) -> int:
    return [record[0] for record in copy.records(table)].index(row_id) - 1


def spoil(copy, table: str, row_id: str, column: str, value: str) -> list[str]:
    """What the check says once one cell is changed."""
    copy.cell(table, row_of(copy, table, row_id), column, value)
    return [str(problem) for problem in corrections.check(tables.read(copy.root))]


def check_log(tmp_path, old: str, new: str, known=None) -> list[str]:
    """What the check says once one part of the change log reads differently."""
    text = CHANGELOG.read_text("utf-8")
    assert text.count(old) == 1
    path = tmp_path / "CHANGELOG.md"
    path.write_text(text.replace(old, new), "utf-8")
    return [str(problem) for problem in corrections.check(known or tables.everything(), path)]


def test_the_record_is_as_its_corrections_presume():
    assert corrections.check(tables.everything()) == []


# --- what a correction presumes --------------------------------------------------------------------


def test_a_changed_cell_is_named_with_the_correction_to_read_again(copy):
    line = row_of(copy, "events", "compute-chart-2023") + 2
    (said,) = spoil(copy, "events", "compute-chart-2023", "summary", "A chart of Dojo.")
    assert said == (
        f"{EVENTS}, line {line}, column summary: 'A chart of Dojo.'; expected text with 'total training compute', "
        "as corrections.csv#hundred-exaflops-of-dojo presumes: read that correction again, "
        "then put what holds now into its expect"
    )


#: a cell that a correction guards (table, row, column), what it becomes, and what is then expected
CHANGED = {
    "all of a cell": ("finance_figures", "h100e-q3-2025", "value", "82000", "expected 81000, as"),
    "an empty cell": ("promises", "ai5-volume-mid-2027", "note", "said again", "expected an empty cell, as"),
    "a part that must not be there": ("people", "chang", "note", "Back in 2026.", "expected no '2026' in it, as"),
    "an item of a list": (
        *("people_moves", "twenty-v2-dojo-workers", "source_ids", "bloomberg-2025-08-07"),
        "expected text with 'techcrunch-2026-01-20', as",
    ),
    "a source": ("sources", "upi-2025-07-28", "published", "2025-07-29", "expected 2025-07-28, as"),
}


@pytest.mark.parametrize("name", CHANGED)
def test_each_way_of_guarding_notices_a_change(copy, name):
    *place, expected = CHANGED[name]
    (said,) = spoil(copy, *place)
    assert expected in said


def test_a_cell_that_two_corrections_presume_sends_to_both(copy):
    row = row_of(copy, "corrections", "h100e-81000-base")
    copy.cell("corrections", row, "expect", "sources#upi-2025-07-28/published=2025-07-28")
    said = spoil(copy, "sources", "upi-2025-07-28", "published", "2025-07-29")
    assert [name for name in ("samsung-saturday", "h100e-81000-base") for words in said if f"#{name} " in words] == [
        "samsung-saturday",
        "h100e-81000-base",
    ]


def test_all_come_at_once_in_the_order_of_the_tables(copy):
    guarded = {"dojo3-will-be-great": "praise-month-before", "compute-chart-2023": "hundred-exaflops-of-dojo"}
    copy.cell("events", row_of(copy, "events", "dojo3-will-be-great"), "date", "2025-06-06")
    said = spoil(copy, "events", "compute-chart-2023", "summary", "A chart of Dojo.")
    first, second = sorted(guarded, key=lambda row_id: row_of(copy, "events", row_id))
    assert [guarded[first] in said[0], guarded[second] in said[1]] == [True, True]


#: an item of `expect` that names no cell, and what was expected
MISNAMED = {
    "event#hw3-enough/date=2019": "the name of a table (did you mean 'events'?)",
    "events#compute-chart-2032/date=2023": "the id of a row in events (did you mean 'compute-chart-2023'?)",
    "events#compute-chart-2023/dates=2023": "a column of events (did you mean 'date'?)",
    "events#compute-chart-2023=2023": "table#row/column=value, or ~part, or !~part",
    "events#compute-chart-2023/summary~": "table#row/column=value, or ~part, or !~part",
}


@pytest.mark.parametrize("item", MISNAMED)
def test_an_item_that_names_no_cell_is_named_with_a_near_one(copy, item):
    line = row_of(copy, "corrections", "hundred-exaflops-of-dojo") + 2
    (said,) = spoil(copy, "corrections", "hundred-exaflops-of-dojo", "expect", item)
    assert said == f"{FILE}, line {line}, column expect: '{item}'; expected {MISNAMED[item]}"


def test_a_row_of_two_keys_is_named_by_both():
    (row_id,) = [i for i in tables.everything()["evidence_hypotheses"].rows if i.startswith("saturdays-on-ai5/ai5")]
    assert corrections.guard(f"evidence_hypotheses#{row_id}/source=a=b").row == row_id
    assert corrections.guard(f"evidence_hypotheses#{row_id}/source=a=b").value == "a=b"


def test_a_correction_that_presumes_nothing_is_refused(copy):
    copy.cell("corrections", 0, "expect", "")
    (said,) = copy.problems()
    assert said == f"{FILE}, line 2, column expect: ''; expected a value: this column may not be empty"


@pytest.mark.parametrize("column", ["rests_on", "source_ids"])
def test_others_are_corrected_by_rows_and_sources(copy, column):
    (said,) = spoil(copy, "corrections", "samsung-saturday", column, "")
    assert f"column {column}: ''; expected a value" in said


# --- told in the change log ------------------------------------------------------------------------


def test_a_correction_that_the_change_log_does_not_tell_is_named(tmp_path):
    line = list(tables.everything()["corrections"].rows).index("job-cuts-reported") + 2
    bullet = next(b for b in CHANGELOG.read_text("utf-8").splitlines() if "#chip-design-terminations-2025` st" in b)
    added = next(
        b for b in CHANGELOG.read_text("utf-8").splitlines() if b.startswith("Added with the notebook on number")
    )
    text = CHANGELOG.read_text("utf-8").replace(bullet, "").replace(added, f"{added}\n\n{bullet}")
    (tmp_path / "CHANGELOG.md").write_text(text, "utf-8")
    said = corrections.check(tables.everything(), tmp_path / "CHANGELOG.md")
    assert [str(problem) for problem in said] == [
        f"{FILE}, line {line}, column correction_id: 'job-cuts-reported'; "
        "expected in CHANGELOG.md, below ### 2026-11-23 and Corrected:, a line that begins with "
        "`people_moves.csv#chip-design-terminations-2025` and a colon"
    ]


def test_a_correction_told_that_is_no_row_is_named(copy):
    records = copy.records("corrections")
    copy.write("corrections", [r for r in records if r[0] not in ("might-not-need", "job-cuts-reported")])
    lines = CHANGELOG.read_text("utf-8").splitlines()
    said = corrections.check(tables.read(copy.root))
    assert [(p.file, p.value) for p in said] == [
        ("CHANGELOG.md", "events.csv#might-not-need-dojo summary"),
        ("CHANGELOG.md", "people_moves.csv#chip-design-terminations-2025 standing"),
    ]
    assert [lines[p.line - 1].startswith(f"- `{p.value.split()[0]}`") for p in said] == [True, True]
    assert (
        said[0].expected == "a row of corrections.csv about data, found on 2026-11-23, whose expect names a cell of it"
    )


def test_each_row_that_a_bullet_is_about_needs_its_guard(copy):
    (said,) = spoil(copy, "corrections", "tpu-split-before", "expect", "evidence#google-splits-tpu8/date=2026-04-22")
    assert "'clusters.csv#google-tpu8'" in said


def test_each_row_that_follows_a_table_needs_its_guard(copy):
    guards = (
        "people_moves#bannon-leaves-2025/date=2025-08-07/2025-08-17;people_moves#twenty-to-densityai/precision=interval"
    )
    (said,) = spoil(copy, "corrections", "moves-as-wide-as-known", "expect", guards)
    assert "'people_moves.csv#wilson-leaves-2025'" in said


def test_a_guard_of_another_column_does_not_cover_the_one_told(copy):
    (said,) = spoil(copy, "corrections", "seven-exapods-open", "expect", "promises#seven-exapods/made_on=2022-09-30")
    assert "'promises.csv#seven-exapods outcome'" in said


def test_a_correction_of_another_day_is_told_on_that_day(copy, tmp_path):
    said = spoil(copy, "corrections", "seven-exapods-open", "found_on", "2026-12-01")
    assert ["promises.csv#seven-exapods" in said[0], "seven-exapods-open" in said[1]] == [True, True]
    bullet = next(b for b in CHANGELOG.read_text("utf-8").splitlines() if b.startswith("- `promises.csv#seven-exa"))
    newer = f"## Facts\n\n### 2026-12-01\n\nCorrected:\n\n{bullet}\n"
    path = tmp_path / "CHANGELOG.md"
    path.write_text(CHANGELOG.read_text("utf-8").replace(bullet, "").replace("## Facts\n", newer), "utf-8")
    assert corrections.check(tables.read(copy.root), path) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "`events.csv#might-not-need-dojo` summary",
            "The summary of a call",
            "to begin with the table or row it is about, as in `events.csv#dojo3-restart`, and a colon",
        ),
        (
            "(`events.csv#ai5-saturdays`",
            "(`events.csv#ai5-saturday`",
            "'events.csv#ai5-saturday'; expected a row of this table (did you mean 'ai5-saturdays'?), or a line",
        ),
        ("`unknowns.csv#team-size`", "`unknown.csv#team-size`", "the name of a table (did you mean 'unknowns'?)"),
        (
            "- `promises.csv#ai5-volume-mid-2027` note:",
            "- `promises.csv#ai5-volume-mid-2027`:",
            "'promises.csv#ai5-volume-mid-2027'; expected a row that is gone: it was withdrawn",
        ),
    ],
)
def test_a_bullet_that_fits_no_row_is_named(tmp_path, old, new, expected):
    line = next(i for i, b in enumerate(CHANGELOG.read_text("utf-8").splitlines(), 1) if old in b)
    said = check_log(tmp_path, old, new)
    assert f"CHANGELOG.md, line {line}: " in said[0]
    assert expected in said[0]


def test_a_row_withdrawn_may_be_told_and_need_not_be_guarded(tmp_path):
    gone = (
        "- `promises.csv#never-kept` outcome: open is now missed.\n\nWithdrawn:\n\n- `promises.csv#never-kept`: gone.\n"
    )
    first = "Withdrawn:\n\n- `events.csv#densityai-out-of-stealth` note"  # of the lists of that kind one is enough
    others = first.removeprefix("Withdrawn:\n\n")
    assert check_log(tmp_path, first, gone + others) == []
    (said,) = check_log(tmp_path, first, gone.rpartition("- ")[0] + others)[:1]
    assert "'promises.csv#never-kept outcome'; expected a row of this table" in said


def test_a_row_spoken_of_where_others_were_withdrawn_stays(tmp_path):
    old = "- `promises.csv`: two goals for Cortex 2"
    assert check_log(tmp_path, old, f"{old}, beside seven-exapods") == []


def test_a_bullet_may_go_on_below_its_line():
    log = "# Log\n\n## Facts\n\n### 2026-12-01\n\nCorrected so:\n\n- one\n  and more\n- two\n\n## Code\n\n- three\n"
    assert corrections.entries(log) == [
        corrections.Entry(9, "2026-12-01", "Corrected", "one and more"),
        corrections.Entry(11, "2026-12-01", "Corrected", "two"),
    ]


def test_data_without_a_change_log_is_checked_all_the_same(copy, monkeypatch):
    monkeypatch.setattr(tables, "DATA", copy.root)
    assert corrections.check(tables.read(copy.root)) == []
    shutil.copy(CHANGELOG, copy.root.parent)
    copy.write("corrections", copy.records("corrections")[:9])
    tables.read.cache_clear()
    assert {p.file for p in corrections.check(tables.read(copy.root))} == {"CHANGELOG.md"}


def test_publish_says_so_before_anything_is_built(copy, monkeypatch, capsys):
    copy.cell("events", row_of(copy, "events", "compute-chart-2023"), "summary", "A chart of Dojo.")
    monkeypatch.setattr(tables, "DATA", copy.root)
    assert __main__.main(["--check"]) == 1
    assert "as corrections.csv#hundred-exaflops-of-dojo presumes" in capsys.readouterr().err


# --- shown -----------------------------------------------------------------------------------------


def test_every_correction_is_shown_once_by_whose_statement_it_is():
    listed = tables.load("corrections")
    others, own = corrections.told(listed, own=False), corrections.told(listed, own=True)
    assert (set(others.index), set(own.index)) == (
        set(listed["statement"][listed["about"] != "data"]),
        set(listed["statement"][listed["about"] == "data"]),
    )
    assert len(others) + len(own) == len(listed)


@pytest.mark.parametrize(
    "heading", ["Corrected:", "*Corrected*", "**Corrected:**", "#### Corrected", "Corrected today:"]
)
def test_the_kind_of_a_list_is_its_first_word_however_it_is_set(heading):
    (entry,) = corrections.entries(f"## Facts\n\n### 2026-12-01\n\n{heading}\n\n- `events.csv`: one.\n")
    assert (entry.day, entry.kind) == ("2026-12-01", "Corrected")
