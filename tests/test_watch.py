"""Staying and building again: after each change what it concerns, and at the end nothing is left."""

import os
import signal
import sys
from pathlib import Path

import psutil
import pytest
from test_faults import STUCK, Builder, wait
from test_kept import USE
from test_publish import book

from dojo import tables
from publish import bench, pages, terms

#: what `python -m publish --watch` does in a terminal: who is started in the background is deaf to Ctrl-C
WATCH = """
import runpy, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.argv[1:] = ["--watch"]
runpy.run_module("publish", run_name="__main__", alter_sys=True)
"""


class Watch(Builder):
    """A build that stays, of a copy of the suite with other notebooks."""

    #: how many lines were heard already
    heard = 0

    def __init__(self, folder: Path):
        self.folder = folder
        command = [sys.executable, "-c", WATCH]
        super().__init__(folder.parent, command, {"PYTHONPATH": f"{folder / 'notebooks'}:{folder}"}, cwd=folder)

    def next(self) -> list[str]:
        """What it says of the next build, or of the first."""
        wait(lambda: any(line.startswith("waiting") for line in self.lines()[self.heard :]))
        said, self.heard = self.lines()[self.heard :], len(self.lines())
        return said

    def change(self, file: str, old: str, new: str) -> list[str]:
        """What it says when a file of the suite is changed."""
        text = (self.folder / file).read_text("utf-8")
        assert old in text
        tables.write(self.folder / file, text.replace(old, new))  # at once: half a file would be built, too
        return self.next()


@pytest.fixture
def suite(tmp_path):
    bench.copy(folder := tmp_path / "suite")
    for path in bench.paths(folder):
        path.unlink()
    (folder / "notebooks/notes.txt").write_text("mine")
    return folder


@pytest.fixture
def watch(suite):
    for name, cell in USE.items():
        book(suite / "notebooks", name, cell, ("title", "markdown", f"# The {name[3:]}\n\nWords."))
    watch = Watch(suite)
    yield watch
    watch.process.kill()
    watch.process.wait()


def executed(said: list[str]) -> str:
    return "".join(line.removeprefix("executing ") for line in said if line.startswith("executing"))


def test_after_each_change_what_it_concerns_is_built(watch):
    assert executed(watch.next()) == "01-events, 02-chips, 03-notes"
    assert executed(watch.change("notebooks/notes.txt", "mine", "yours")) == "03-notes"
    wrong = watch.change("data/story/events.csv", "2025-08-07", "2025-08-99")
    assert any("events.csv" in line and "2025-08-99" in line for line in wrong)
    assert executed(watch.change("data/story/events.csv", "2025-08-99", "2025-08-07")) == ""
    assert executed(watch.change("notebooks/01-events.ipynb", "Words.", "Other words.")) == ""
    assert "Other words." in (watch.folder / "build/pages/01-events.html").read_text("utf-8")
    # who makes the pages is changed, too
    assert executed(watch.change("publish/pages.py", "An explainer that can be", "A story that can be")) == ""
    assert "A story that can be" in (watch.folder / "build/pages/index.html").read_text("utf-8")


def test_what_is_prepared_before_any_build_rests_on_no_data(monkeypatch):
    rest_on_data = (pages.citation, terms._words)
    for made in rest_on_data:
        made.cache_clear()
    monkeypatch.setattr(tables, "read", None)
    pages.ready()
    assert [made.cache_info().currsize for made in rest_on_data] == [0, 0]


def test_when_what_kernels_are_forked_from_is_gone_it_begins_anew(watch):
    watch.next()
    (stock,) = (one for one in psutil.Process(watch.process.pid).children() if "publish.warm" in one.cmdline())
    stock.kill()
    wait(lambda: stock.status() == psutil.STATUS_ZOMBIE)  # nobody takes leave of it before the program begins anew
    assert executed(watch.change("notebooks/notes.txt", "mine", "yours")) == "03-notes"
    assert "yours" in (watch.folder / "build/pages/03-notes.html").read_text("utf-8")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_who_is_stopped_while_it_builds_leaves_nothing(suite, how):
    book(suite / "notebooks", "01-stuck", ("stuck", "code", STUCK), ("title", "markdown", "# Stuck"))
    watch = Watch(suite)
    try:
        kernel = Path(watch.writes(suite / watch.mark))
        if how == signal.SIGINT:
            os.killpg(watch.process.pid, how)  # as a terminal does
        else:
            watch.process.send_signal(how)
        wait(lambda: not watch.alive(), 5)
    finally:
        watch.process.kill()
        watch.process.wait()
    wait(lambda: not kernel.exists(), 2)
    assert not (suite / "build/pages").exists()
    said = watch.lines()
    assert said == ["executing 01-stuck"] + ["stopped"] * (how != signal.SIGKILL)
