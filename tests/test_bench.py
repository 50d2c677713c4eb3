"""The race of those who execute notebooks: what it measures, and that a notebook which fails is no quick one."""

import subprocess
import sys
from importlib.metadata import version

import pytest
from test_publish import book

from dojo import tables, training
from publish import bench, bench_formats, kept
from publish.bench import Contestant, Took

#: uses a processor for some tenths of a second in a process of a process, and holds some memory meanwhile
BUSY = """
import subprocess, sys
code = "import time; held = bytes(range(1, 251)) * 320_000\\nwhile time.process_time() < 0.5: pass"
subprocess.run([sys.executable, "-c", code], check=True)
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "notebooks").mkdir()
    return tmp_path


def test_time_and_memory_of_all_that_is_started_are_counted(folder):
    took = bench.run([sys.executable, "-c", BUSY], folder, watched=True)
    assert 0.5 < took.cpu < 5
    assert took.wall > 0.4
    assert 80e6 < took.memory < 400e6


def test_what_is_over_at_once_is_not_charged_with_the_memory_of_who_measures(folder):
    took = bench.run([sys.executable, "-S", "-c", "import time; time.sleep(0.2)"], folder, watched=True)
    assert 1e6 < took.memory < 40e6


def test_who_fails_is_not_timed_and_says_why(folder):
    with pytest.raises(RuntimeError, match=r"failed:\n(.|\n)*ZeroDivisionError"):
        bench.run([sys.executable, "-c", "1 / 0"], folder)


def test_who_fails_is_left_out_and_the_others_go_on(monkeypatch, capsys):
    def run(one: Contestant, watched: bool = False) -> Took:
        if one.name == "bad":
            raise RuntimeError("broken")
        return Took(1.0, 2.0, 3_000_000 * watched)

    monkeypatch.setattr(bench, "once", run)
    found = bench.raced([Contestant(name, list, floor="good") for name in ("good", "bad")], 2)
    assert found == {"good": [Took(1.0, 2.0, 3_000_000), Took(1.0, 2.0)]}
    assert "bad is left out: broken" in capsys.readouterr().err


def test_rows_hold_medians_and_how_many_times_the_floor_that_is():
    floor, ours = Contestant("bare", list, floor="bare"), Contestant("ours", list, floor="bare", says="with pages")
    found = {
        "bare": [Took(2, 4, 50_000_000), Took(1, 2), Took(3, 6)],
        "ours": [Took(1, 6, 70_000_000), Took(1, 6), Took(9, 9)],
    }
    assert bench.rows([floor, ours], found) == [
        ["bare", "2.00 s", "1.00", "4.00", "1.00", "50", ""],
        ["ours", "1.00 s", "0.50", "6.00", "1.50", "70", "with pages"],
    ]
    lines = bench.table(bench.rows([floor, ours], found)).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert len(lines) == 4


def test_the_floor_runs_every_cell_and_stops_at_an_error(folder):
    good = book(folder / "notebooks", "01-good", ("one", "code", "x = 1"), ("two", "code", "open('two', 'w')\nx + 1"))
    bad = book(folder / "notebooks", "02-bad", ("bad", "code", "x"))
    assert bench.run(bench.bare(folder, "01-good"), folder).cpu > 0
    assert (good.parent / "two").exists()
    with pytest.raises(RuntimeError, match="NameError"):
        bench.run([*bench.bare(folder, "01-good"), bad], folder)


def test_the_changed_table_is_a_good_one_and_its_readers_are_those_that_read_it(folder, monkeypatch):
    bench.copy(folder / "suite")
    monkeypatch.setattr(bench, "built", lambda _: None)
    bench.changed(folder / "suite")
    was, now = (tables.read(place)["finance_figures"] for place in (tables.DATA, folder / "suite/data"))
    assert [row for row in now.rows if now.rows[row].cells != was.rows[row].cells] == [[*now.rows][-1]]


def test_a_copy_of_the_suite_builds(folder):
    bench.copy(folder / "suite")
    names = {path.name for path in bench.paths(folder / "suite")}
    assert names == {path.name for path in kept.notebooks.FOLDER.glob("*.ipynb")}
    done = subprocess.run([sys.executable, "-m", "publish", "--check"], cwd=folder / "suite", capture_output=True)
    assert done.returncode == 0, done.stderr


#: stays like a build: works a little in a process of its own when the table has changed
STAYS = """
import pathlib, subprocess, sys, time
path = pathlib.Path("data/story/finance_figures.csv")
print("open old\\nwaiting", flush=True)
while not path.read_text().endswith("Seen again.\\n"):
    time.sleep(0.01)
subprocess.run([sys.executable, "-c", "import time\\nwhile time.process_time() < 0.5: pass"])
print("{}waiting", flush=True)
time.sleep(60)
"""


def staying(folder, says):
    (folder / "data/story").mkdir(parents=True)
    (folder / "data/story/finance_figures.csv").write_text("a,b\n1,2\n", "utf-8")
    return bench.waiting([sys.executable, "-c", STAYS.format(says)], folder, settled=0)


def test_of_a_build_that_stays_the_time_from_change_to_pages_is_taken_and_its_work(folder):
    took = staying(folder, "open new\\n")
    assert 0.4 < took.wall < 10
    assert 0.4 < took.cpu < 5


def test_a_build_that_stays_and_fails_is_not_timed(folder):
    with pytest.raises(RuntimeError, match="a build that stays failed"):
        staying(folder, "")


def test_what_grows_is_the_same_notebook_many_times(folder):
    bench.copy(folder / "suite")
    bench.grown(8, folder / "suite")
    made = [kept.notebooks.read(path) for path in bench.paths(folder / "suite")]
    assert len(made) == 8
    assert len({str(one.content) for one in made}) == 1
    assert made[0].title == "People"


def test_each_second_of_a_build_belongs_to_a_phase():
    said = """0.5 executing 01-a, 02-b
    2.0 01-a executed 1.0 s
    3.0 02-b executed 2.0 s
    3.5 01-a page 0.1 s
    4.0 02-b page 0.1 s
    4.1 all together pages 0.0 s
    4.2 pages written 0.1 s
    4.5 open build/pages/01-a.html"""
    lines = [(float(line.split()[0]), line) for line in said.splitlines()]
    found = bench.phases(lines)
    assert found == {"started": 0.5, "executed": 2.5, "checked and rendered": 1.0, "written": 0.5}


def test_where_the_floor_failed_the_others_are_told_without_ratios():
    ours = Contestant("ours", list, floor="bare", says="with pages")
    assert bench.rows([ours], {"ours": [Took(1, 6, 70_000_000)]}) == [
        ["ours", "1.00 s", "", "6.00", "", "70", "with pages"]
    ]


def test_a_part_stands_beside_the_fastest_who_did_the_same():
    took = {"dojo": 1.0, "gfloat": 4.0, "ml_dtypes": 2.0, "ml_dtypes, without clip": 0.5}
    part = bench.beside_peer("rounding", took)
    assert part == bench.Part("rounding", "1.000 s", 0.5, f"ml_dtypes {version('ml_dtypes')}")


def test_where_nobody_did_the_same_it_says_what_was_left_out():
    part = bench.beside_peer("training", {"dojo": 1.0, "scikit-learn, without rounding": 0.5})
    assert (part.ratio, part.beside) == (2.0, f"scikit-learn {version('scikit-learn')}, without rounding")


def test_who_goes_by_another_name_than_its_package_is_found_by_that(monkeypatch):
    monkeypatch.setattr(bench, "version", {"torch": "2.13"}.__getitem__)
    assert bench.beside_peer("rounding", {"dojo": 1.0, "PyTorch": 4.0}).beside == "PyTorch 2.13"


def test_scikit_learn_trains_the_networks_that_the_study_trains():
    recipe = training.Recipe(epochs=3)
    network, layers = bench_formats.train_in_scikit_learn(recipe, 0), training.train(recipe, 0).layers
    assert network.n_iter_ == 3
    assert [(w.shape, w.dtype) for w in network.coefs_] == [(one.weights.shape, one.weights.dtype) for one in layers]
    data = training.split(recipe.data, 0)
    assert abs(100 * network.score(data.test_inputs, data.test_kinds) - training.accuracy(layers, data)) < 10
