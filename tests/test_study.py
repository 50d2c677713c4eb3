"""The study is complete, goes on after an interruption, refuses other versions, and repeats."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from itertools import product
from random import Random

import numpy as np
import pandas as pd
import pytest

from dojo import study, tables
from dojo.study import Run
from dojo.training import Recipe

#: a study that takes a second: the breast cancer runs of two seeds
SMALL = [run for run in study.plan(range(2)) if run.recipe.data == "cancer" and run.recipe.weights != "fp8-e4m3"]


def test_every_run_of_the_plan_is_recorded():
    assert study.check(tables.everything()) == []
    ids = [name for run in study.plan() for name in (run.run_id, *map(run.used_id, run.uses))]
    assert len(ids) == len(set(ids)) == len(study.load())


@pytest.mark.parametrize("count", [4, pytest.param(16, marks=pytest.mark.thorough)])  # 04-number-formats repeats more
def test_a_recorded_run_repeats(count):
    """Equal on the recorded kind of machine; elsewhere where one more run is to be expected."""
    runs = [run for run in study.plan() if not run.watched]
    used = next(run for run in runs if run.uses)
    found = study.repeat([used, *Random(11).sample(runs, count)], jobs=1)
    assert set(map(used.used_id, used.uses)) < set(found.index)
    assert found[~found["agrees"]].to_string() == found.iloc[:0].to_string()


def test_the_interval_for_one_more_run_can_be_missed():
    low, high = study.one_more([50, 52, 51, 49, 50, 53, 51, 50, 52, 51], grain=0.2)
    assert low < 49
    assert high < 60
    assert study.one_more([97.0] * 10, grain=0.2) == pytest.approx((96.8, 97.2))


def test_the_interval_of_the_mean_is_students():
    low, high = study.interval([1, 2, 3, 4, 5])
    half = 2.7764451051977987 * math.sqrt(2.5) / math.sqrt(5)  # t for 4 degrees of freedom, from tables
    assert (low, high) == pytest.approx((3 - half, 3 + half))


def test_differences_are_paired_by_seed():
    rows = study.load()
    found = study.summary(rows[rows["part"] == "storage"])
    plain = rows.loc[[f"digits-sgd-0.05-s{seed}" for seed in study.SEEDS], "accuracy"].to_numpy()
    int8 = rows.loc[[f"digits-sgd-0.05-int8-s{seed}" for seed in study.SEEDS], "accuracy"].to_numpy()
    assert found["lost_points"]["digits-sgd-0.05-int8"] == pytest.approx(np.mean(plain - int8))
    assert found["lost_points"]["digits-sgd-0.05"] == 0
    assert (found["runs"] == len(study.SEEDS)).all()


def test_runs_that_differ_have_ids_of_their_own():
    """What differs between two recipes of the plan shows in the id; no two runs are alike."""
    runs = study.plan([0])
    assert len({run.run_id for run in runs}) == len({run.recipe for run in runs}) == len(runs)


def test_each_network_is_compared_with_fp32_in_batches_of_its_own():
    found, rows = study.summary(study.load()), study.load()
    for batch in ("", "-batch128"):
        ids = [f"deep-sgd-0.005{batch}{more}-s" for more in ("", "-gradients-fp8-e4m3")]
        plain, short = (rows.loc[[f"{begin}{seed}" for seed in study.SEEDS], "accuracy"].to_numpy() for begin in ids)
        lost = found.loc[f"deep-sgd-0.005{batch}-gradients-fp8-e4m3", "lost_points"]
        assert lost == pytest.approx(np.mean(plain - short))


def points(way, *lost):
    """Rows as `study.by_bits` gives them, from two bits up, the interval half a point each way."""
    found = pd.DataFrame({"lost_points": lost, "bits": range(2, 2 + len(lost))}).assign(way=way, steps="large steps")
    return found.assign(lost_low=found["lost_points"] - 0.5, lost_high=found["lost_points"] + 0.5)


@pytest.mark.parametrize(
    ("lost", "expected"),
    [
        ((9, 3, 0.7, 0.2, 0.1), (4, 4, 5)),
        ((9, 1.2, 0.7, 0.2, 0.1), (4, 3, 5)),
        ((0.1, 2, 0.1, 0.0, 0.0), (4, 4, 4)),  # what does by luck with fewer bits does not count
        ((0, 0, 0, 0, 0), (2, 2, 2)),
    ],
)
def test_the_fewest_bits_are_those_from_which_on_little_is_lost(lost, expected):
    found = study.fewest_bits(points("used", *lost)).loc[("used", "large steps")]
    assert (found["fewest"], found["least"], found["most"]) == expected


def test_the_sample_holds_runs_of_every_experiment():
    chosen = study.sample(2)
    assert {run.part for run in chosen} == {"storage", "products", "everything", "range"}
    assert {run.seed for run in chosen} == {0, 1}
    assert {run.recipe.coin for run in chosen} == {False, True}
    assert all(run.run_id in study.load().index for run in chosen)


def every_start(one, two):
    """From how many starts the second kind of run was better than the first."""
    first, second = study.accuracies(study.load(), [one, two]).values()
    return sum(b > a for a, b in zip(first, second, strict=True))


def test_what_the_text_says_of_every_start_holds():
    """Recorded anew, the runs may say something else; then the text has to as well."""
    short = {"int8": study.EVERYTHING_IN["all in int8, coin"], "fp8-e4m3": study.EVERYTHING_IN["all in FP8, coin"]}
    for rate, (name, coin) in product(study.STEPS.values(), short.items()):
        assert every_start(f"digits-sgd-{rate}-{name}", f"digits-sgd-{rate}-{name}-coin") == len(study.SEEDS)
        near = coin.replace("-coin", "")
        assert every_start(f"digits-sgd-{rate}{near}", f"digits-sgd-{rate}{coin}") == len(study.SEEDS)
    assert every_start("cancer-sgd-0.005-int8", "cancer-sgd-0.005-int8-coin") == len(study.SEEDS)


def test_what_the_text_calls_no_loss_is_none_that_shows():
    kinds = study.summary(study.load())
    shown = {
        words: [kinds.loc[f"digits-sgd-{rate}{more}", "lost_low"] > 0 for rate in study.STEPS.values()]
        for words, more in (study.MULTIPLIED_IN | study.EVERYTHING_IN).items()
    }
    lossy = {"E4M3 both ways", "int4, scale fitted", "all in int8, to nearest", "all in FP8, to nearest"}
    assert {words for words, losses in shown.items() if any(losses)} == lossy


def test_what_the_text_says_of_the_range_holds():
    """Plain E4M3 fails in large batches, in three of four cases; scaled, moved or wider, eight bits lose hardly any."""
    kinds = study.summary(study.load())
    lost = {
        (network, batch, steps, name): kinds.loc[f"{network}-sgd-{rate}{batch}{more}", ["lost_points", "lost_low"]]
        for network, batch in study.BATCHED.values()
        for steps, rate in study.STEPS.items()
        for name, more in study.GRADIENTS_IN.items()
    }
    large = [
        kinds.loc[f"{n}-sgd-{r}-batch128-gradients-fp8-e4m3"] for n in study.NETWORKS for r in study.STEPS.values()
    ]
    assert sum(case["lost_low"] > 10 for case in large) == 3
    assert all(case["lost_points"] < 2 for (_, batch, _, name), case in lost.items() if name == "E4M3" and not batch)
    assert all(case["lost_points"] < 0.2 for (*_, name), case in lost.items() if name != "E4M3")


def recorded(folder):
    return {name: (folder / f"{name}.csv").read_text("utf-8") for name in ("precision_study", "gradient_sizes")}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A small study recorded in one go; one run keeps the sizes of its gradients."""
    folder = tmp_path_factory.mktemp("whole")
    assert study.record(runs(), folder, folder / "journal", jobs=1, quiet=True) == len(runs())
    return folder


def runs():
    watched = Run("range", Recipe(hidden=study.NETWORKS["deep"], batch=128, epochs=2), 0, (), (1, 2))
    return [*SMALL, watched]


def test_what_is_recorded_is_not_run_again(whole):
    before = recorded(whole)
    assert study.record(runs(), whole, whole / "journal", jobs=1, quiet=True) == 0
    assert recorded(whole) == before
    assert not (whole / "journal").exists()


def test_an_interrupted_study_goes_on(whole, tmp_path, monkeypatch):
    real, done = study.perform, []

    def stop_after_five(run):
        if len(done) == 5:
            raise KeyboardInterrupt
        done.append(run)
        return real(run)

    monkeypatch.setattr(study, "perform", stop_after_five)
    with pytest.raises(KeyboardInterrupt):
        study.record(runs(), tmp_path, tmp_path / "journal", jobs=1, quiet=True)
    assert [p.name for p in tmp_path.iterdir()] == ["journal"]
    kept = (tmp_path / "journal").read_text("utf-8")
    (tmp_path / "journal").write_text(kept + '{"version": 1, "run_id": "cut o', "utf-8")
    monkeypatch.setattr(study, "perform", real)
    assert study.record(runs(), tmp_path, tmp_path / "journal", jobs=1, quiet=True) == len(runs()) - 5
    assert recorded(tmp_path) == recorded(whole)


def test_a_study_that_is_killed_goes_on(tmp_path):
    command = [sys.executable, "-m", "dojo.study", "--seeds", "1", "--jobs", "1", "--out", str(tmp_path)]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    journal = tmp_path / study.JOURNAL.name
    deadline = time.monotonic() + 60
    while not (journal.exists() and journal.read_bytes().count(b"\n") >= 3):
        assert time.monotonic() < deadline, "no run finished"
        time.sleep(0.05)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    assert [p.name for p in tmp_path.iterdir()] == [journal.name]
    assert len(study._journal(journal)) >= 3


@pytest.mark.parametrize("name", ["precision_study.csv", "journal"])
def test_another_version_is_refused_and_kept(whole, tmp_path, name, monkeypatch):
    for path in whole.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    if name == "journal":
        line = {"version": 0, "run_id": "cancer-sgd-0.05-s0", "rows": [], "sizes": []}
        (tmp_path / name).write_text(json.dumps(line) + "\n", "utf-8")
        expected = f"journal, line 1: version 0; expected {study.VERSION}"
    else:
        text = (tmp_path / name).read_text("utf-8").splitlines(keepends=True)
        text[4] = text[4].rpartition(",")[0] + ",0\n"
        (tmp_path / name).write_text("".join(text), "utf-8")
        expected = "precision_study.csv, line 5, column version: '0'; expected 2"
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    monkeypatch.setattr(study, "perform", lambda run: pytest.fail("nothing may be run"))
    with pytest.raises(ValueError, match=expected):
        study.record(runs(), tmp_path, tmp_path / "journal", jobs=1, quiet=True)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_journal_that_is_none_is_refused(tmp_path):
    (tmp_path / "journal").write_text("a letter\n", "utf-8")
    with pytest.raises(ValueError, match="journal, line 1: 'a letter'; expected one finished run"):
        study.record(runs(), tmp_path, tmp_path / "journal", jobs=1, quiet=True)


def test_a_missing_run_and_another_version_are_named(copy):
    records = copy.records("precision_study")
    missing = records.pop(40)
    records[3][-1] = "9"
    copy.write("precision_study", records)
    said = "\n".join(map(str, study.check(tables.read(copy.root))))
    assert f"column run_id: {missing[0]!r}; expected to be recorded: make study" in said
    assert "precision_study.csv, line 4, column version: '9'; expected 2, the version of dojo.study" in said


def test_many_missing_runs_are_one_problem(copy):
    records = copy.records("precision_study")
    gone = [run.pop(0) for run in (records.pop(7) for _ in range(12))]
    copy.write("precision_study", records)
    problems = study.check(tables.read(copy.root))
    assert len(problems) == 1
    assert f"{min(gone)!r}; expected to be recorded (and 11 more): make study" in str(problems[0])


@pytest.mark.thorough
def test_two_processes_and_a_cluster_record_the_same(whole, tmp_path):
    """The same tables from two local processes, and from a Dask cluster of two worker processes."""
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        places = {"processes": {"jobs": 2}, "cluster": {"scheduler": cluster.scheduler_address}}
        for name, where in places.items():
            folder = tmp_path / name
            folder.mkdir()
            study.record(runs(), folder, folder / "journal", quiet=True, **where)
            assert recorded(folder) == recorded(whole)


def test_the_machine_that_ran_is_recorded(tmp_path, monkeypatch):
    """The workers of a cluster need not be alike, nor like the machine that collects what they found."""
    real, places = study.machine, iter(["one", "two"] * len(SMALL))
    monkeypatch.setattr(study, "machine", lambda: {**real(), "machine_id": next(places)})
    study.record(SMALL[:4], tmp_path, tmp_path / "journal", jobs=1, quiet=True)
    machines = pd.read_csv(tmp_path / "machines.csv").set_index("machine_id")
    assert sorted(machines.index) == ["one", "two"]
    assert set(pd.read_csv(tmp_path / "precision_study.csv")["machine_id"]) == {"one", "two"}


def test_a_machine_that_changed_is_refused(whole, tmp_path, monkeypatch):
    for path in whole.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    real = study.machine()
    monkeypatch.setattr(study, "machine", lambda: real | {"python": "3.99.0"})
    monkeypatch.setattr(study, "perform", lambda run: pytest.fail("nothing may be run"))
    assert study.record(runs(), tmp_path, tmp_path / "journal", jobs=1, quiet=True) == 0  # nothing to run: no matter
    expected = rf"machines\.csv, {real['machine_id']}, column python: '{real['python']}'; here it is '3\.99\.0'"
    with pytest.raises(ValueError, match=expected):
        study.record([*runs(), Run("storage", Recipe(), 99)], tmp_path, tmp_path / "journal", jobs=1, quiet=True)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {p.name: p.read_bytes() for p in whole.iterdir()}


def test_the_arithmetic_is_that_of_numpy():
    """scipy, imported first, brings a library of its own that trains nothing."""
    import numpy

    told = study.machine()["arithmetic"]
    built = numpy.show_config(mode="dicts")["Build Dependencies"]["blas"]
    if "openblas" in built["name"]:
        assert f"openblas {built['version']} " in told


def test_a_cluster_that_does_not_answer_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"no Dask scheduler answers at 'tcp://127\.0\.0\.1:1'"):
        study.record(SMALL, tmp_path, tmp_path / "journal", scheduler="tcp://127.0.0.1:1")


def test_the_machine_is_described_without_its_name():
    import getpass
    import platform

    told = " ".join(study.machine().values()).lower()
    assert platform.node().lower() not in told.split()
    assert getpass.getuser().lower() not in told.split()
    assert "/" not in told
