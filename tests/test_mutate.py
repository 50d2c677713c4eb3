"""One thing made wrong at a time, anywhere in the story: somebody notices. The full run is `make mutate`."""

import shutil

import pytest

from dojo import tables
from publish import check, mutate, notebooks

#: what only the reader of both could tell from what was meant: another true source, another known name
BEYOND_RULES = {
    "the row of a link, another",
    "a digit of a name",
    "an alt text, another word",
    "a standing, another",
    "a source id, another",
}


KINDS = BEYOND_RULES | {
    "a digit of a number or date",
    "a number word that counts",
    "a word of a quotation",
    "the file of a link, misspelled",
    "the row of a link, misspelled",
    "the cell of a link, misspelled",
    "the column or label of a link, misspelled",
    "a number typed into a title, caption or alt text",
    "an alt text, gone",
    "an alt text, cut short",
    "an alt text, the stock sentence",
    "an alt text, only the title",
    "a cited number or date",
    "a cited quotation",
    "a source id, misspelled",
    "a standing, misspelled",
    "a precision, misspelled",
    "a precision, another",
}


@pytest.fixture(scope="module")
def books():
    return notebooks.everything()


@pytest.fixture(scope="module")
def every(books):
    return mutate.mutants(books)


@pytest.fixture
def scratch(tmp_path):
    return shutil.copytree(tables.DATA, tmp_path / "data")


@pytest.mark.parametrize("count", [1, pytest.param(3, marks=pytest.mark.thorough)])
def test_a_sample_of_each_kind_is_noticed(books, every, scratch, count):
    trials = [mutate.attempt(mutant, books, scratch) for mutant in mutate.sample(every, count)]
    assert mutate.before(books) == []  # or it would be taken for noticing
    assert {trial.mutant.kind for trial in trials} == KINDS
    assert [str(trial.mutant) for trial in trials if trial.noticed_by == "nobody"] == []
    left_to_the_seal = {trial.mutant.kind for trial in trials if trial.noticed_by == "seal"}
    assert left_to_the_seal <= BEYOND_RULES
    assert _contents(scratch) == _contents(tables.DATA)  # nothing stays spoilt


def _contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in tables.files(folder)}


def test_the_sample_is_the_same_in_every_run_and_holds_each_kind(every):
    assert mutate.sample(every, 2) == mutate.sample(every, 2)
    assert mutate.sample(every, 2) != mutate.sample(every, 2, seed=1)
    assert {mutant.kind for mutant in mutate.sample(every, 1)} == {mutant.kind for mutant in every}


def test_every_mutant_differs_from_what_it_was(every):
    assert [str(mutant) for mutant in every if mutant.was == mutant.now] == []
    assert len(every) == len(set(every))


def test_where_nothing_checks_nobody_notices(books, every, scratch, monkeypatch):
    for name in ("contradictions", "stale", "check_page", "check_prose", "check_data"):
        monkeypatch.setattr(check, name, lambda *_: [])
    some = [
        m for m in mutate.sample(every, 1) if not m.kind.endswith("misspelled") or m.file not in tables.everything()
    ]
    trials = [mutate.attempt(mutant, books, scratch) for mutant in some if mutant.kind != "a precision, another"]
    assert {trial.noticed_by for trial in trials} == {"nobody"}


def test_nothing_is_tried_where_something_is_wrong_already(monkeypatch, capsys):
    monkeypatch.setattr(check, "check_prose", lambda _: ["README.md: says 63 days"])
    assert mutate.main(["--sample", "1"]) == 1
    assert capsys.readouterr() == ("", "README.md: says 63 days\nsettle this first\n")


def test_a_seal_alone_notices_what_no_rule_knows(books, every, scratch):
    other = next(m for m in every if m.kind == "a source id, another" and m.file == "glossary")
    trial = mutate.attempt(other, books, scratch)
    assert (trial.noticed_by, trial.said.partition(": ")[2]) == (
        "seal",
        "the data changed, so what the cells print is older: run make refresh",
    )


TEXT = """In [about 20](../data/sources.csv#dcd-chan "note") of `7` AI6 “[chips](../data/sources.csv#dcd-chan)”, 3 days.

1. See [there](#cell-id=days "label"), [out](https://example.org/2025) and[^4] [one](02-people.ipynb).
"""


def test_every_digit_word_and_link_is_changed_but_what_states_nothing():
    changed = [(kind, TEXT[start:end], now) for kind, start, end, now in mutate._changes(TEXT)]
    other = mutate._another("dcd-chan", tables.everything()["sources"].rows)
    assert changed == [
        ("a digit of a number or date", "2", "3"),
        ("a digit of a number or date", "0", "1"),
        ("a digit of a name", "6", "7"),
        ("a digit of a number or date", "3", "4"),
        ("the file of a link, misspelled", "../data/sources.csv", "../data/sources.cs"),
        ("the row of a link, misspelled", "dcd-chan", "dcd-cha"),
        ("the row of a link, another", "dcd-chan", other),
        ("the column or label of a link, misspelled", "note", "not"),
        ("a word of a quotation", "chips", "zebra"),
        ("the file of a link, misspelled", "../data/sources.csv", "../data/sources.cs"),
        ("the row of a link, misspelled", "dcd-chan", "dcd-cha"),
        ("the row of a link, another", "dcd-chan", other),
        ("the cell of a link, misspelled", "#cell-id=days", "#cell-id=day"),
        ("the column or label of a link, misspelled", "label", "labe"),
        ("the file of a link, misspelled", "02-people.ipynb", "02-people.ipyn"),
    ]


def test_the_command_says_how_many_were_noticed_and_names_the_rest(monkeypatch, capfd):
    missed = mutate.Mutant("a digit of a name", "README.md", "", "6", "7", "AI7")
    noticed = mutate.Mutant("a digit of a name", "README.md", "", "6", "9", "AI9")
    monkeypatch.setattr(mutate, "mutants", lambda books: [missed, noticed])
    monkeypatch.setattr(
        mutate, "_try", lambda some: [mutate.Trial(m, "rule" if m.now == "9" else "nobody") for m in some]
    )
    assert mutate.main([]) == 1
    said = capfd.readouterr()
    assert said.err == "noticed by nobody: a digit of a name: README.md, : '6' became '7'\n"
    assert [line.split()[-4:] for line in said.out.splitlines() if line.startswith(("a digit", "all"))] == [
        ["2", "1", "0", "1"],
        ["2", "1", "0", "1"],
    ]
