"""What did not change is not made again; what did is, with all that rests on it, and with nothing else."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest
from test_publish import book, build

from dojo import tables
from publish import __main__, beside, drafts, execute, kept, notebooks, used

#: notebooks of a small suite, by what they use: one table, another one, a file beside them
USE = {
    "01-events": ("events", "code", "from dojo import tables\nlen(tables.load('events'))"),
    "02-chips": ("chips", "code", "from dojo import chips, tables\ntables.value('chips', 'h100-sxm', 'name')"),
    "03-notes": ("notes", "code", "from pathlib import Path\nPath('notes.txt').read_text()"),
}
ALL = [*USE]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a suite that was built once, with a copy of it beside."""
    place = tmp_path_factory.mktemp("built") / "suite"
    shutil.copytree(tables.DATA, place / "data")
    shutil.copytree(kept.DOJO, place / "notebooks/dojo", ignore=shutil.ignore_patterns("__pycache__"))
    (place / "notebooks/notes.txt").write_text("mine")
    for name, cell in USE.items():
        book(place / "notebooks", name, cell, ("title", "markdown", f"# The {name[3:]}\n\nWords."))
    with pytest.MonkeyPatch.context() as patch:
        patched(patch, place)
        assert build("--out", place / "pages") == 0
    shutil.copytree(place, place.with_name("copy"))
    return place


def patched(patch: pytest.MonkeyPatch, place: Path) -> None:
    patch.setattr(tables, "DATA", place / "data")
    patch.setattr(notebooks, "FOLDER", place / "notebooks")
    patch.setattr(kept, "DOJO", place / "notebooks/dojo")
    patch.setattr(kept, "FOLDER", place / "kept")


class Suite:
    """The suite as it was built, and what a further build executes and renders; outputs come as they came first."""

    def __init__(self, place: Path, monkeypatch: pytest.MonkeyPatch):
        self.place = place
        self.executed: list[str] = []
        self.rendered: list[str] = []
        results = beside.results
        runs = {name: json.loads((place / f"kept/run-{name}.json").read_text("utf-8"))["made"] for name in ALL}

        def executing(books: list, done: Callable, _: object, meanwhile: list) -> AbstractContextManager[None]:
            self.executed += [one.name for one in books]
            for step in meanwhile:
                step()
            for one in books:
                done(one, execute.Run(**runs[one.name]), 0.0)
            return nullcontext()

        def rendering(work: Callable, pieces: list, size: Callable) -> list:
            found = results(work, pieces, size)
            done = zip(pieces, found, strict=True)
            self.rendered += [piece[1].name for piece, made in done if isinstance(made, tuple)]
            return found

        patched(monkeypatch, place)
        monkeypatch.setattr(execute, "run_all", executing)
        monkeypatch.setattr(beside, "results", rendering)

    def change(self, file: str, old: str, new: str) -> None:
        text = (self.place / file).read_text("utf-8")
        assert old in text
        (self.place / file).write_text(text.replace(old, new), "utf-8")

    def build(self, *options: str) -> tuple[list[str], list[str]]:
        """What a build executes, and what it renders."""
        self.executed, self.rendered = [], []
        tables.read.cache_clear()
        assert build(*options, "--out", self.place / "pages") == 0
        return self.executed, self.rendered

    def page(self, name: str) -> str:
        return (self.place / f"pages/{name}.html").read_text("utf-8")


@pytest.fixture
def suite(built: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Suite]:
    yield Suite(built, monkeypatch)
    shutil.rmtree(built)
    shutil.copytree(built.with_name("copy"), built)
    tables.read.cache_clear()


def test_where_nothing_changed_nothing_is_read_or_made(suite, monkeypatch, capfd):
    monkeypatch.setattr(notebooks, "everything", None)
    monkeypatch.setattr(drafts, "replace", None)
    assert suite.build() == ([], [])
    assert capfd.readouterr().out.startswith("nothing changed: open ")


def test_a_page_that_is_no_more_goes_from_exports_also_where_nothing_changed(suite, monkeypatch):
    monkeypatch.setattr(__main__, "EXPORTS", suite.place / "pages")
    suite.build("--refresh")
    suite.build("--stored")
    (suite.place / "pages/09-gone.html").write_text("old")
    assert suite.build("--stored") == ([], [])
    assert not (suite.place / "pages/09-gone.html").exists()
    assert suite.page("01-events")


def test_times_have_no_say(suite):
    for path in suite.place.rglob("*"):
        os.utime(path, (1, 1))
    assert suite.build() == ([], [])


#: what changes, in a file of the suite: old, new, and which notebooks are then executed
CHANGES: dict[str, tuple[str, str, str, list[str]]] = {
    "a table that one reads": ("data/story/events.csv", "Tesla hires chip designer", "Tesla wins", ["01-events"]),
    "a table that another reads": ("data/chips/chips.csv", "H100 SXM5 80 GB", "H100 SXM5", ["02-chips"]),
    "a table that none reads": ("data/story/unknowns.csv", "How large was", "How big was", []),
    "the contract of the tables": ("data/datapackage.json", "Dojo? The record", "Dojo? A record", ALL),
    "code": ("notebooks/02-chips.ipynb", "'name')", "'vendor')", ["02-chips"]),
    "a module that one imports": ("notebooks/dojo/chips.py", '"""Figures of', '"""The figures of', ["02-chips"]),
    "a module that some import": ("notebooks/dojo/tables.py", '"""Loads', '"""Reads', ALL),
    "a module that none imports": ("notebooks/dojo/mlperf.py", '"""', '""" ', []),
    "a file that one reads": ("notebooks/notes.txt", "mine", "yours", ["03-notes"]),
    "prose": ("notebooks/01-events.ipynb", "Words.", "Other words.", []),
    "a page": ("pages/01-events.html", "Words.", "Wrong words.", []),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_rests_on_a_change_is_executed_and_nothing_else(suite, name):
    file, old, new, executed = CHANGES[name]
    suite.change(file, old, new)
    assert suite.build()[0] == executed
    assert suite.build() == ([], [])


def test_prose_that_changes_makes_its_page_anew_and_no_other(suite):
    suite.change("notebooks/01-events.ipynb", "Words.", "Other words.")
    assert suite.build() == ([], ["01-events"])
    assert "Other words." in suite.page("01-events")


def test_live_outputs_stay_as_stored_while_what_they_rest_on_is_as_it_was(suite):
    path = suite.place / "notebooks/01-events.ipynb"
    content = json.loads(path.read_text("utf-8"))
    content["cells"][0]["metadata"] = {"tags": ["live"], "nbreg": {"diff_ignore": ["/outputs"]}}
    path.write_text(json.dumps(content), "utf-8")
    suite.build("--refresh")
    stored = json.loads(path.read_text("utf-8"))
    stored["cells"][0]["outputs"][0]["data"]["text/plain"] = "as stored"
    path.write_text(json.dumps(stored), "utf-8")
    suite.change("data/chips/chips.csv", "H100 SXM5 80 GB", "H100 SXM5")
    assert suite.build() == (["02-chips"], ["01-events"])  # other outputs are stored, so another page
    assert "as stored" in suite.page("01-events")
    suite.change("data/story/events.csv", "Tesla hires chip designer", "Tesla wins")
    assert suite.build() == (["01-events"], ["01-events"])
    assert "as stored" not in suite.page("01-events")


def test_a_new_title_stands_on_every_page(suite):
    suite.change("notebooks/01-events.ipynb", "# The events", "# A new title")
    assert suite.build() == ([], ALL)
    assert "A new title" in suite.page("02-chips")


def test_a_source_stands_on_every_page(suite):
    (row,) = tables.find("electrek-2016-01-28", "sources")
    suite.change("data/sources.csv", row.cells["title"], "Another title")
    assert suite.build() == ([], ALL)


def test_a_page_that_somebody_changed_or_took_is_mended_without_executing(suite):
    good = suite.page("01-events")
    suite.change("pages/01-events.html", "Words.", "Wrong words.")
    (suite.place / "pages/02-chips.html").unlink()
    assert suite.build() == ([], [])
    assert suite.page("01-events") == good
    assert "The chips" in suite.page("02-chips")


def test_a_build_that_was_killed_while_it_wrote_is_done_again(suite):
    (suite.place / "pages" / drafts.FOLDER).mkdir()
    assert suite.build() == ([], [])
    assert not drafts.left(suite.place / "pages")


def test_a_build_that_was_killed_while_it_stored_outputs_is_done_again(suite):
    suite.build("--refresh")
    (suite.place / "notebooks" / drafts.FOLDER).mkdir()
    assert suite.build("--refresh") == ([], [])
    assert not drafts.left(suite.place / "notebooks")


def test_other_versions_make_all_anew(suite, monkeypatch):
    monkeypatch.setattr(kept, "versions", lambda: "others")
    assert suite.build() == (ALL, ALL)
    assert suite.build() == ([], [])


def test_a_package_that_is_installed_is_another_version(monkeypatch, tmp_path):
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path))
    before = kept.versions()
    (tmp_path / "numpy-9.9.dist-info").mkdir()
    assert kept.versions() != before


def test_with_force_all_is_made_anew(suite):
    assert suite.build("--force") == (ALL, ALL)


def test_names_choose_and_the_others_stay_kept(suite):
    suite.change("data/chips/chips.csv", "H100 SXM5 80 GB", "H100 SXM5")
    assert suite.build("01-events") == ([], [])
    assert suite.build()[0] == ["02-chips"]


def test_what_is_stored_needs_no_second_rendering(suite):
    assert suite.build("--refresh") == ([], [])
    assert suite.build("--stored") == ([], [])
    assert (
        notebooks.output_text(notebooks.read(suite.place / "notebooks/02-chips.ipynb").cells[0]) == "'H100 SXM5 80 GB'"
    )


def test_a_notebook_that_fails_is_executed_again_and_the_others_are_not(suite, monkeypatch, capfd):
    suite.change("notebooks/02-chips.ipynb", "'name')", "'nane')")

    def failing(books: list, done: Callable, _: object, meanwhile: list) -> AbstractContextManager[None]:
        suite.executed += [one.name for one in books]
        for step in meanwhile:
            step()
        for one in books:
            done(one, execute.Failure(one.label, "failed"), 0.0)
        return nullcontext()

    monkeypatch.setattr(execute, "run_all", failing)
    for _ in range(2):
        suite.executed = []
        assert build("--out", suite.place / "pages") == 1
        assert suite.executed == ["02-chips"]
    assert "notebooks/02-chips.ipynb: failed" in capfd.readouterr().err


def test_prose_that_is_wrong_costs_no_second_execution(suite):
    suite.change("notebooks/02-chips.ipynb", "'name')", "'vendor')")
    suite.change("notebooks/02-chips.ipynb", "Words.", "There were 63 days.")
    for names in (["02-chips"], []):
        suite.executed = []
        assert build(*names, "--out", suite.place / "pages") == 1
        assert suite.executed == names  # kept though nothing was written, and taken the second time
    suite.change("notebooks/02-chips.ipynb", "There were 63 days.", "Words.")
    assert suite.build()[0] == []


@pytest.mark.parametrize("spoilt", ["", "{", "[]", '{"key": 1}'])
def test_an_entry_that_cannot_be_read_is_made_anew(suite, spoilt):
    for entry in (suite.place / "kept").iterdir():
        entry.write_text(spoilt)
    assert suite.build() == (ALL, ALL)


def test_what_changed_during_a_build_is_not_kept(suite, monkeypatch):
    suite.change("notebooks/02-chips.ipynb", "'name')", "'vendor')")
    run_all = execute.run_all

    def changing(*given: object, **options: object) -> AbstractContextManager[None]:
        suite.change("data/chips/chips.csv", "NVIDIA", "Nvidia")
        return run_all(*given, **options)

    with monkeypatch.context() as patch:
        patch.setattr(execute, "run_all", changing)
        assert build("--out", suite.place / "pages") == 1
    assert suite.build()[0] == ["02-chips"]


def test_a_changed_table_is_read_anew(suite, monkeypatch):
    monkeypatch.undo()
    with pytest.MonkeyPatch.context() as patch:  # with a kernel, where the others take what came first
        patched(patch, suite.place)
        suite.change("data/chips/chips.csv", "H100 SXM5 80 GB", "H100 SXM5")
        tables.read.cache_clear()
        assert build("--out", suite.place / "pages") == 0
    (entry,) = (suite.place / "kept").glob("run-02-chips.json")
    (cell,) = json.loads(entry.read_text("utf-8"))["made"]["cells"]
    assert notebooks.output_text(cell) == "'H100 SXM5'"


def test_where_nothing_can_be_kept_a_build_goes_on(suite, monkeypatch):
    (suite.place / "file").write_text("")
    monkeypatch.setattr(kept, "FOLDER", suite.place / "file/below")
    assert suite.build() == (ALL, ALL)


def test_every_notebook_says_what_it_uses(suite):
    used = {name: json.loads((suite.place / f"kept/run-{name}.json").read_text())["used"] for name in ALL}
    names = {name: {Path(path).name for path in paths} for name, paths in used.items()}
    assert {"events.csv", "tables.py", "datapackage.json"} <= names["01-events"]
    assert not names["01-events"] & {"chips.csv", "chips.py", "notes.txt"}
    assert {"chips.csv", "chips.py"} <= names["02-chips"]
    assert "notes.txt" in names["03-notes"]
    assert not any(path.endswith((".pyc", ".ipynb")) for paths in names.values() for path in paths)


#: reads the suite as a build does, and prints what of it was opened or listed
READS = """
import json, os, sys
opened = set()
def note(event, said):
    if event in ("open", "os.listdir", "os.scandir") and isinstance(said[0], (str, os.PathLike)):
        opened.add(os.path.abspath(said[0]))
sys.addaudithook(note)
from publish.__main__ import main
main(["--stored", "--force", "--out", sys.argv[1]])
print(json.dumps(sorted(opened)))
"""


def test_whatever_a_build_reads_of_the_suite_it_looks_at_next_time(tmp_path):
    done = subprocess.run([sys.executable, "-c", READS, tmp_path], capture_output=True, text=True, check=True)
    read = {Path(path) for path in json.loads(done.stdout.splitlines()[-1]) if Path(path).is_file()}
    ours = {path for path in read if path.is_relative_to(notebooks.ROOT)}
    here = {path for path in ours if path.relative_to(notebooks.ROOT).parts[0] not in ("build", ".venv")}
    assert len(here) > 50
    assert {path for path in here if "__pycache__" not in path.parts} <= kept.inputs().keys()


@pytest.mark.parametrize("files", [None, [notebooks.ROOT / "README.md"]], ids=["unknown", "elsewhere"])
def test_what_rests_on_what_no_build_looks_at_is_never_kept(suite, files):
    store = kept.Kept()
    store.put("known", "key", 1, [tables.DATA / "sources.csv", notebooks.FOLDER, tables.DATA / "missing.csv"])
    assert store.get("known", "key") == 1
    assert store.whole
    store.put("odd", "key", 1, files)
    store.write()
    kept.settle("build", suite.place / "pages", {}, store)
    assert {path.stem for path in kept.FOLDER.iterdir()} >= {"known"}
    assert not {path.stem for path in kept.FOLDER.iterdir()} & {"odd", "build"}


#: looks at files and folders in all the ways that Python tells
LOOKS = """import os, sqlite3
os.listdir()
os.listdir(b'deep')
open(b'notes.txt').close()
sqlite3.connect('some.db').close()"""


def test_all_that_a_cell_looks_at_is_noted(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "notes.txt").write_text("")
    found = []
    path = book(tmp_path, "01-looks", ("looks", "code", LOOKS))
    with execute.run_all([notebooks.read(path)], lambda _, run, __: found.append(run)):
        pass
    near = {os.path.relpath(path, tmp_path) for path in found[0].used if path.startswith(str(tmp_path))}
    assert near == {".", "deep", "notes.txt", "some.db"}


def test_a_suite_below_the_folder_of_python_is_no_part_of_it(monkeypatch):
    monkeypatch.setattr(sys, "base_prefix", str(tables.DATA.parent.parent))
    assert used._ours(str(tables.DATA / "sources.csv"))
    assert not used._ours(f"{sys.prefix}/lib/python3/site-packages/numpy/__init__.py")
