"""The command line: a failing notebook is named, the others finish, nothing is half-written."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from conftest import stock
from dojo import tables
from publish import __main__, check, drafts, execute, notebooks


def book(folder: Path, name: str, *cells: tuple[str, str, str]) -> Path:
    """Write a notebook of (id, type, source) cells."""
    made = [{"id": i, "cell_type": kind, "metadata": {}, "source": text} for i, kind, text in cells]
    for cell in made:
        if cell["cell_type"] == "code":
            cell |= {"execution_count": None, "outputs": []}
    path = folder / f"{name}.ipynb"
    path.write_text(json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}), "utf-8")
    return path


GOOD = ("sum", "code", "1 + 1"), ("says", "markdown", "# Good\n\nOne and one.")
BAD = ("first", "code", "x = 1"), ("second", "code", "y = 2\n\n1 / 0"), ("title", "markdown", "# Bad")


def build(*arguments) -> int:
    """Build, with kernels forked from the stock of all tests."""
    return __main__.once(__main__.parser().parse_args([*map(str, arguments)]), stock())


def test_one_failing_notebook_is_named_and_the_others_finish(folder, tmp_path, capfd):
    book(folder, "01-bad", *BAD)
    book(folder, "02-good", *GOOD)
    out = tmp_path / "pages"
    out.mkdir()
    (out / "01-bad.html").write_text("the good page of yesterday")
    assert build("--out", out) == 1
    said = capfd.readouterr()
    assert "notebooks/01-bad.ipynb, cell second, line 3: ZeroDivisionError: division by zero" in said.err
    assert "1 of 2 notebooks failed and stay as they were: 01-bad" in said.err
    assert "02-good" in said.out
    assert (out / "01-bad.html").read_text() == "the good page of yesterday"
    assert "One and one." in (out / "02-good.html").read_text()
    assert sorted(p.name for p in out.iterdir()) == ["01-bad.html", "02-good.html"]


def test_an_id_that_two_cells_have_is_said_once(folder, tmp_path, capfd):
    cell = ("twice", "code", "1")
    book(folder, "01-odd", ("title", "markdown", "# Odd\n\nWords."), cell, cell)
    assert build("--stored", "--out", tmp_path / "pages") == 1
    said = capfd.readouterr().err.splitlines()
    assert [line for line in said if "same id" in line or "DuplicateCellId" in line] == [
        "notebooks/01-odd.ipynb, cell twice: another cell has the same id"
    ]


def test_a_notebook_that_disagrees_with_the_record_is_not_published(folder, tmp_path, capfd):
    book(folder, "01-odd", ("title", "markdown", "# Odd\n\nThere were 63 days."))
    assert build("--out", tmp_path / "pages") == 1
    assert "notebooks/01-odd.ipynb, cell title: says 63 days" in capfd.readouterr().err
    assert not (tmp_path / "pages").exists()


def test_names_select_notebooks(folder, tmp_path):
    book(folder, "01-bad", *BAD)
    book(folder, "02-good", *GOOD)
    assert build("02-good", "--out", tmp_path) == 0
    assert [p.name for p in tmp_path.glob("*.html")] == ["02-good.html"]


def test_an_unknown_name_is_named(folder, tmp_path, capfd):
    book(folder, "02-good", *GOOD)
    assert build("03-gone", "--out", tmp_path) == 1
    assert "no notebook 03-gone; there are 02-good" in capfd.readouterr().err


def test_a_file_that_is_no_notebook_is_named(folder, capfd):
    (folder / "01-broken.ipynb").write_text("{", "utf-8")
    assert build("--check") == 1
    said = "notebooks/01-broken.ipynb, line 1: ''; expected JSON (Expecting property name enclosed in double quotes)\n"
    assert capfd.readouterr().err == said


def test_a_notebook_over_its_time_is_stopped(folder):
    path = book(folder, "01-slow", ("sleep", "code", "import time\ntime.sleep(600)"))
    before = kernels()
    with pytest.raises(execute.Failure, match=r"01-slow\.ipynb, cell sleep: still running after 6 s"):
        execute.run(notebooks.read(path), limit=6)
    assert kernels() == before


def test_a_dying_kernel_is_named(folder):
    path = book(folder, "01-dies", ("fine", "code", "1"), ("dies", "code", "import os\nos._exit(1)"))
    before = kernels()
    with pytest.raises(execute.Failure, match=r"01-dies\.ipynb, cell dies: the kernel died"):
        execute.run(notebooks.read(path))
    assert kernels() == before


def kernels() -> set[int]:
    """The kernels that this process started and that still run, and what it forks them from but the stock of all."""
    children = psutil.Process().children(recursive=True)
    found = {child.pid for child in children if re.search(r"ipykernel|publish\.warm", " ".join(child.cmdline()))}
    return found - {stock().process}


def test_refresh_stores_outputs_and_stored_renders_them(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(drafts, "replace", _only_below(tmp_path))
    path = book(folder, "02-good", *GOOD)
    assert build("--refresh", "--out", tmp_path / "executed") == 0
    stored = notebooks.read(path)
    assert notebooks.output_text(stored.cells[0]) == "2"
    assert list(notebooks.stale(stored)) == []
    assert build("--stored", "--out", tmp_path / "stored") == 0
    assert (tmp_path / "executed/02-good.html").read_bytes() == (tmp_path / "stored/02-good.html").read_bytes()


@pytest.mark.parametrize(
    ("code", "folded"),
    [
        ("import math", True),
        ("from dojo import show\n\nrows = [1]", True),
        ("from dojo import show\n\nshow.numbers(rows=1)", False),
        ("rows = [1]\nshow.figure(rows)", True),
        ("show.aside(show.numbers(rows=1), 'Rows')", True),
        ("show.numbers(rows=1)", False),
        ("show.why('x')", False),
        ("other.table(rows)", False),
        ("x = 1", False),
        ("", False),
        ("%time x", False),
    ],
)
def test_what_brings_tools_or_only_shows_is_plumbing(code, folded):
    assert notebooks.plumbing(code) is folded


def test_plumbing_is_folded_when_outputs_are_stored_and_nothing_else_is(folder):
    path = book(folder, "01-good", ("tools", "code", "import math"), ("sum", "code", "1 + 1"), GOOD[1])
    before = notebooks.read(path)
    before.cells[1]["metadata"] = {"jupyter": {"source_hidden": True}}  # as somebody left it
    after = execute.run(before)
    assert [cell["metadata"] for cell in after.cells] == [{"jupyter": {"source_hidden": True}}, {}, {}]


def test_every_stored_notebook_folds_its_plumbing():
    for stored in notebooks.everything():
        for cell in stored.code():
            hidden = cell["metadata"].get("jupyter", {}).get("source_hidden", False)
            assert hidden is notebooks.plumbing(notebooks.source(cell)), f"{stored.label}, cell {cell['id']}"


def test_pages_and_figures_that_are_no_more_are_removed(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(drafts, "replace", _only_below(tmp_path))
    monkeypatch.setattr(__main__, "EXPORTS", tmp_path / "exports")
    book(folder, "02-good", *GOOD)
    assert build("--refresh") == 0
    kept = ["02-good.html", "index.html", "whole-story.html", "story.md", "notes.txt", "kept/page.html"]
    for name in (*kept, "01-gone.html", "an-old-appendix.html", "figures/01-gone-strip.svg", "data/01-gone.csv"):
        (tmp_path / "exports" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "exports" / name).write_text("old", "utf-8")
    assert build("--stored") == 0
    left = {p.relative_to(tmp_path / "exports").as_posix() for p in (tmp_path / "exports").rglob("*") if p.is_file()}
    assert left == set(kept)


def _only_below(place: Path):
    replace = drafts.replace

    def guarded(folder: Path, files: dict[str, str]) -> None:
        if folder.is_relative_to(place):
            replace(folder, files)

    return guarded


def test_a_changed_cell_makes_its_output_stale(folder, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(drafts, "replace", _only_below(tmp_path))
    path = book(folder, "02-good", *GOOD)
    build("--refresh", "--out", tmp_path)
    path.write_text(path.read_text("utf-8").replace("1 + 1", "1 + 2"), "utf-8")
    assert build("--check") == 1
    assert (
        "notebooks/02-good.ipynb, cell sum: its code or its output changed since it was stored"
        in capfd.readouterr().err
    )


def test_a_changed_output_or_order_is_stale(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(drafts, "replace", _only_below(tmp_path))
    path = book(folder, "02-good", ("one", "code", "1"), ("two", "code", "2"), ("t", "markdown", "# Good"))
    build("--refresh", "--out", tmp_path)
    content = json.loads(path.read_text("utf-8"))
    one, two, title = content["cells"]
    one["outputs"][0]["data"]["text/plain"] = ["3"]
    assert [cell for cell, _ in notebooks.stale(notebooks.Notebook(path, content))] == ["one"]
    one["outputs"][0]["data"]["text/plain"] = ["1"]
    assert list(notebooks.stale(notebooks.Notebook(path, content))) == []
    for cells in ([two, one, title], [two, title], [title, one, two], [one, two]):
        ((cell, why),) = notebooks.stale(notebooks.Notebook(path, content | {"cells": cells}))
        assert (cell, "moved or taken out" in why) == ("", True)


def test_a_changed_text_is_older_than_its_page(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(drafts, "replace", _only_below(tmp_path))
    path = book(folder, "02-good", *GOOD)
    build("--refresh", "--out", tmp_path)
    content = json.loads(path.read_text("utf-8"))
    one, title = content["cells"]
    changes = (
        (title | {"source": "# Better"}, ("says", "its text changed since it was stored: run make refresh")),
        (title | {"cell_type": "raw"}, ("says", "its text changed since it was stored: run make refresh")),
        (title | {"id": "title"}, ("title", "is on no page yet: run make refresh")),
    )
    for changed, expected in changes:
        assert expected in list(notebooks.stale(notebooks.Notebook(path, content | {"cells": [one, changed]})))


def test_a_live_cell_keeps_its_stored_output_and_is_not_cited(folder, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(drafts, "replace", _only_below(tmp_path))
    path = book(folder, "02-live", ("clock", "code", "import time\ntime.time_ns()"), ("t", "markdown", "# Live"))
    content = json.loads(path.read_text("utf-8"))
    content["cells"][0]["metadata"] = {"tags": ["live"], "nbreg": {"diff_ignore": ["/outputs"]}}
    path.write_text(json.dumps(content), "utf-8")
    assert build("--refresh", "--out", tmp_path) == 0
    first = notebooks.output_text(notebooks.read(path).cells[0])
    assert build("--refresh", "--out", tmp_path) == 0
    assert notebooks.output_text(notebooks.read(path).cells[0]) == first
    with monkeypatch.context() as patch:
        patch.setattr(notebooks, "live_digest", lambda *_: "another")
        assert notebooks.output_text(execute.run(notebooks.read(path)).cells[0]) != first
    content = json.loads(path.read_text("utf-8"))
    content["cells"][1]["source"] = f"# Live\n\n[{first} ns](#cell-id=clock)"
    path.write_text(json.dumps(content), "utf-8")
    assert build("--check") == 1
    assert "cell clock is live: its output differs by machine" in capfd.readouterr().err


def test_live_outputs_rest_on_what_their_notebook_used_of_data_and_package():
    known = tables.everything()
    events, chips, module = (str(path) for path in (known["events"].path, known["chips"].path, tables.__file__))

    def digest(*used: str) -> str:
        return notebooks.live_digest({"cells": []}, used)

    assert len({digest(), digest(events), digest(chips), digest(events, chips), digest(module)}) == 5
    assert digest(events, chips, json.__file__, str(tables.DATA)) == digest(chips, events)
    package = map(str, Path(tables.__file__).parent.rglob("*.py"))
    data = [str(table.path) for table in known.values()]
    assert notebooks.live_digest({"cells": []}, None) == digest(*package, *data, f"{tables.DATA}/datapackage.json")


@pytest.mark.parametrize("cites", ["00-cites", "02-cites"])
def test_a_notebook_that_fails_its_check_lends_its_numbers_to_nobody(folder, tmp_path, monkeypatch, capfd, cites):
    monkeypatch.setattr(drafts, "replace", _only_below(tmp_path))
    book(folder, "01-odd", ("n", "code", "40 + 2"), ("title", "markdown", "# Odd\n\nThere were 63 days."))
    book(folder, cites, ("title", "markdown", "# Cites\n\n[42 of them](01-odd.ipynb#cell-id=n)"))
    assert build("--refresh", "--out", tmp_path / "pages") == 1
    assert not (tmp_path / "pages" / f"{cites}.html").exists()
    said = capfd.readouterr().err
    assert f"2 of 2 notebooks failed and stay as they were: {', '.join(sorted([cites, '01-odd']))}" in said


def test_code_that_is_no_python_is_named_and_the_others_finish(folder, tmp_path, capfd):
    book(folder, "01-magic", ("magic", "code", "%matplotlib inline"), ("title", "markdown", "# Magic"))
    book(folder, "02-good", *GOOD)
    assert build("--out", tmp_path) == 1
    assert "notebooks/01-magic.ipynb, cell magic: line 1 is no Python" in capfd.readouterr().err
    assert (tmp_path / "02-good.html").exists()


def test_a_page_that_cannot_be_written_is_named_and_the_others_finish(folder, tmp_path, capfd):
    book(folder, "01-good", *GOOD)
    book(folder, "02-good", *GOOD)
    (tmp_path / "01-good.html").mkdir()
    assert build("--out", tmp_path) == 1
    assert "notebooks/01-good.ipynb: IsADirectoryError" in capfd.readouterr().err
    assert (tmp_path / "02-good.html").exists()


def test_a_notebook_without_a_page_lends_its_numbers_to_nobody(folder, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(drafts, "replace", _only_below(tmp_path))
    number = tmp_path / "number"
    number.write_text("41")
    book(folder, "01-lends", ("n", "code", f"print(open({str(number)!r}).read())"), ("title", "markdown", "# Lends"))
    book(folder, "02-cites", ("cites", "markdown", "# Cites\n\nIt was [41](01-lends.ipynb#cell-id=n)."))
    assert build("--refresh", "--out", tmp_path / "pages") == 0
    number.write_text("42")
    shutil.rmtree(tmp_path / "pages")
    (tmp_path / "pages" / "01-lends.html").mkdir(parents=True)
    capfd.readouterr()
    path = folder / "02-cites.ipynb"
    path.write_text(path.read_text("utf-8").replace("[41]", "[42]"), "utf-8")
    assert build("--refresh", "--out", tmp_path / "pages") == 1
    said = capfd.readouterr().err
    assert "notebooks/01-lends.ipynb: IsADirectoryError" in said
    assert "notebooks/02-cites.ipynb, cell cites: says 42, cell n prints 41" in said
    assert "2 of 2 notebooks failed and stay as they were: 01-lends, 02-cites" in said


def test_a_set_that_cannot_take_its_place_leaves_the_old_files(tmp_path):
    (tmp_path / "a.html").write_text("old")
    (tmp_path / "c.html").mkdir()
    before = {path.name for path in tmp_path.iterdir()}
    with pytest.raises(IsADirectoryError, match=r"c\.html"):
        drafts.replace(tmp_path, {"a.html": "new", "b.html": "new", "c.html": "new", "d.html": "new"})
    assert {path.name for path in tmp_path.iterdir()} == before
    assert (tmp_path / "a.html").read_text() == "old"


def test_where_a_build_is_writing_none_was_killed(tmp_path):
    assert not drafts.left(tmp_path)
    (tmp_path / drafts.FOLDER).mkdir()
    assert drafts.left(tmp_path)
    with drafts._alone(tmp_path):
        assert not drafts.left(tmp_path)
    assert drafts.left(tmp_path)


def test_a_stored_error_is_not_blamed_for_a_new_one(folder):
    path = book(folder, "01-two", ("first", "code", "1"), ("second", "code", "import os\nos._exit(1)"))
    content = json.loads(path.read_text("utf-8"))
    content["cells"][0]["outputs"] = [{"output_type": "error", "ename": "Old", "evalue": "old", "traceback": []}]
    path.write_text(json.dumps(content), "utf-8")
    with pytest.raises(execute.Failure, match="cell second: the kernel died"):
        execute.run(notebooks.read(path))


def test_no_notebook_at_all_is_said(folder, capfd):
    assert build() == 1
    assert "there is no notebook to build" in capfd.readouterr().err


def test_changed_data_makes_outputs_stale(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(drafts, "replace", _only_below(tmp_path))
    path = book(folder, "02-good", *GOOD)
    build("--refresh", "--out", tmp_path)
    monkeypatch.setattr(notebooks, "data_digest", lambda: "another")
    assert list(notebooks.stale(notebooks.read(path))) == [
        ("", "the data changed, so what the cells print is older: run make refresh")
    ]


def test_what_is_older_than_the_data_is_said_before_what_it_prints(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(drafts, "replace", _only_below(tmp_path))
    path = book(folder, "02-good", GOOD[0], ("says", "markdown", "# Good\n\nIt was [2](#cell-id=sum)."))
    assert build("--refresh", "--out", tmp_path) == 0
    path.write_text(path.read_text("utf-8").replace("[2]", "[3]"), "utf-8")
    monkeypatch.setattr(notebooks, "data_digest", lambda: "another")
    said = check.check([notebooks.read(path)])
    assert ["run make refresh" in problem for problem in said] == [True, True, False]
    assert said[-1].endswith("cell says: says 3, cell sum prints 2")


def test_rows_and_sentences_that_disagree_are_named_together(folder, monkeypatch, capfd):
    book(folder, "01-odd", ("title", "markdown", "# Odd\n\nThere were 63 days."))
    problem = tables.Problem("data/story/events.csv", 2, "date", "2036", "a date not after 2016")
    monkeypatch.setattr(check, "check_data", lambda _: [problem])
    assert build("--check") == 1
    said = capfd.readouterr().err
    assert str(problem) in said
    assert "notebooks/01-odd.ipynb, cell title: says 63 days" in said


def test_rows_that_disagree_stop_a_build(folder, tmp_path, monkeypatch, capfd):
    book(folder, "02-good", *GOOD)
    problem = tables.Problem("data/story/events.csv", 2, "date", "2036", "a date not after 2016")
    monkeypatch.setattr(check, "check_data", lambda _: [problem])
    assert build("--out", tmp_path / "pages") == 1
    assert str(problem) in capfd.readouterr().err
    assert not (tmp_path / "pages").exists()


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    target = tmp_path / "page.html"
    tables.write(target, "before")

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        tables.write(target, "after")
    assert target.read_text() == "before"
    assert [p.name for p in tmp_path.iterdir()] == ["page.html"]


#: a cell of a stored notebook, and what the check says of it
SPOILT = {
    "random id": ({"id": "3f2a9c1e"}, "give the cell a speaking id"),
    "id of a note": ({"id": "n12"}, "give the cell a speaking id"),
    "id of a table": ({"id": "table-3"}, "give the cell a speaking id"),
    "id of a row": ({"id": "f1-dojo"}, "give the cell a speaking id"),
    "stored error": (
        {"outputs": [{"output_type": "error", "ename": "KeyError", "evalue": "'x'", "traceback": []}]},
        "KeyError",
    ),
    "stored warning": ({"outputs": [{"output_type": "stream", "name": "stderr", "text": "old\n"}]}, "stores a warning"),
    "bare image": (
        {"outputs": [{"output_type": "display_data", "metadata": {}, "data": {"image/png": "iVBO"}}]},
        "an image without alt text",
    ),
    "stored slider": (
        {
            "outputs": [
                {
                    "output_type": "display_data",
                    "metadata": {},
                    "data": {"application/vnd.jupyter.widget-view+json": {}},
                }
            ]
        },
        "stores a slider",
    ),
    "stock alt": (
        {
            "outputs": [
                {
                    "output_type": "display_data",
                    "metadata": {},
                    "data": {"text/html": '<img alt="No description has been provided for this image">'},
                }
            ]
        },
        "does not say what the picture shows",
    ),
    "no alt": (
        {
            "outputs": [
                {
                    "output_type": "display_data",
                    "metadata": {},
                    "data": {"text/html": "<figure><img src='data:,'></figure>"},
                }
            ]
        },
        "alt text of 0 characters",
    ),
    "no alt, in a table": (
        {
            "outputs": [
                {
                    "output_type": "display_data",
                    "metadata": {},
                    "data": {"text/html": "<table><td>1</table>\n<table>\n<td><img src='data:,'></table>"},
                }
            ]
        },
        "alt text of 0 characters",
    ),
}


@pytest.mark.parametrize("name", SPOILT)
def test_what_a_stored_notebook_must_not_hold(folder, name):
    change, expected = SPOILT[name]
    cell = {
        "id": "sum",
        "cell_type": "code",
        "metadata": {},
        "source": "1",
        "outputs": [],
        "execution_count": 1,
    } | change
    content = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (folder / "01-spoilt.ipynb").write_text(json.dumps(content), "utf-8")
    found = check.check(notebooks.everything())
    assert any(expected in problem for problem in found), found


def test_a_link_to_a_page_that_is_not_there_is_named(folder):
    book(
        folder,
        "01-links",
        (
            "links",
            "markdown",
            "[on](02-gone.ipynb), [there](02-gone.ipynb#cell-id=sum), [up](#top), [n](../data/story/nothing.csv)",
        ),
    )
    found = check.check(notebooks.everything())
    assert [problem.partition(": ")[2] for problem in found] == [
        "says 'there', but there is no notebook '02-gone.ipynb'",
        "links to 02-gone.ipynb, which does not exist",
        "links to 02-gone.ipynb, which does not exist",
        "links to #top: lead to a cell (#cell-id=...) instead",
        "links to ../data/story/nothing.csv, which does not exist",
    ]


def test_the_command_explains_itself():
    shown = subprocess.run(
        [sys.executable, "-m", "publish", "--help"], capture_output=True, text=True, check=True
    ).stdout
    for option in ("--check", "--stored", "--refresh", "--watch", "--force", "--cold", "--out DIR", "NAME"):
        assert option in shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Pay $5 or 6$.", "write \\$ for dollars"),
        ("So $a_{b}_{c}$.", "cannot be shown"),
        ("See ![a chart](chart.png).", "holds the image chart.png"),
        ("## Of [7 August 2025](../data/story/events.csv#dojo-disbanded-report)", "cites a row in a heading"),
    ],
)
def test_what_a_text_must_not_hold(folder, text, expected):
    book(folder, "01-odd", ("says", "markdown", f"# Odd\n\n{text}"))
    assert [problem for problem in check.check(notebooks.everything()) if expected in problem]
