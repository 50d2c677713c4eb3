"""The precision study: one small network, trained many times under emulated formats, and recorded.

    python -m dojo.study                       record what is missing, on all cores
    python -m dojo.study --scheduler ADDRESS   the same on a Dask cluster
    python -m dojo.study --verify 20           repeat some recorded runs and compare

Every finished run goes into a journal, so a study that was interrupted goes on where it stopped; the
tables in data/measured/ are replaced only when all runs are there. A table of another version of the
study is refused. On one kind of processor, with one numpy, a run repeats exactly. Elsewhere sums are
taken in another order and a network may learn something a little different, so there a repeated run is
compared with the interval in which one more run is to be expected.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version as version_of
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pandas as pd

from dojo import formats, tables, training
from dojo.training import Recipe

#: counts up when recipes, rounding or training change what a run finds; recorded with every row
VERSION = 2
SEEDS = range(10)
MEASURED = tables.DATA / "measured"
JOURNAL = tables.DATA.parent / "build" / "precision_study.jsonl"
COMMAND = "python -m dojo.study"

#: confidence of the intervals that are shown
LEVEL = 0.95
#: large and small steps of each way of learning
RATES = {"sgd": (0.05, 0.005), "adam": (0.001, 0.0001)}
FLOATS = ("bf16", "fp16", "fp8-e4m3", "fp8-e5m2")
EIGHT_BITS = ("fp8-e4m3", "int8")
WHOLE = tuple(f"int{bits}" for bits in range(2, 17))
#: two hidden layers or five, in batches of few or many examples: what decides how large gradients are
NETWORKS = {"digits": Recipe.hidden, "deep": (64,) * 5}
BATCHES = {"small batches": Recipe.batch, "large batches": 128}
#: products, gradients, scaling, with the weights kept wide
MULTIPLIED = (
    ("bf16", "bf16", "none"),
    ("fp16", "fp16", "none"),
    ("fp8-e4m3", "fp8-e4m3", "none"),
    ("fp8-e4m3", "fp8-e5m2", "none"),
    ("cfloat8-1-4-3", "cfloat8-1-5-2", "fit"),
    ("int8", "int8", "fit"),
    ("int4", "int4", "fit"),
)
#: weights, products, gradients, scaling: eight bits for all of them at once
EVERYTHING = (("int8", "int8", "int8", "fit"), ("fp8-e4m3", "fp8-e4m3", "fp8-e5m2", "none"))
#: gradients, scaling, with all else in 32 bits
PASSED_BACK = (
    ("fp32", "none"),
    ("fp8-e4m3", "none"),
    ("fp8-e4m3", "loss"),
    ("fp8-e5m2", "none"),
    ("cfloat8-1-4-3", "fit"),
    ("cfloat8-1-5-2", "fit"),
)
#: epochs in which the sizes of gradients are kept, for how many seeds of the deep network with large steps
WATCHED, WATCHED_SEEDS = (1, 10, 30), range(3)
#: whole numbers in which the stored weights of a trained network are used; says so in `used_in`
STORED = "weights-"


# --- what is run ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """One network to be trained, and the formats it is then used in."""

    part: str
    recipe: Recipe
    seed: int
    uses: tuple[str, ...] = ()
    watched: tuple[int, ...] = ()

    @property
    def run_id(self) -> str:
        """A speaking id: data, optimizer and rate, then whatever differs from plain fp32, then the seed."""
        recipe = self.recipe
        words = [recipe.data if recipe.hidden == Recipe.hidden else "deep", recipe.optimizer, f"{recipe.rate:g}"]
        words += [f"batch{recipe.batch}"] if recipe.batch != Recipe.batch else []
        words += [recipe.weights] if recipe.weights != "fp32" else []
        words += ["coin"] if recipe.coin else []
        words += ["products", recipe.products] if recipe.products != "fp32" else []
        words += ["gradients", recipe.gradients] if recipe.gradients != "fp32" else []
        words += [recipe.scaling] if recipe.scaling != "none" else []
        return "-".join([*words, f"s{self.seed}"])

    def used_id(self, name: str) -> str:
        """The id of the row that tells how the trained network does when used in a format."""
        return self.run_id.removesuffix(f"s{self.seed}") + f"used-{name}-s{self.seed}"


def plan(seeds: Iterable[int] = SEEDS) -> list[Run]:
    """Every run of the study, seed by seed."""
    return [run for seed in seeds for run in _plan_of(seed)]


def _plan_of(seed: int) -> Iterator[Run]:
    stored = {("digits", "sgd"): (*FLOATS, *WHOLE), ("digits", "adam"): ("bf16", "fp16", "int16", *EIGHT_BITS)}
    stored[("cancer", "sgd")] = ("bf16", *EIGHT_BITS)
    fine = (*FLOATS, "cfloat8-1-4-3", *WHOLE[:7], *(f"{STORED}{name}" for name in WHOLE))
    for (data, optimizer), names in stored.items():
        for rate in RATES[optimizer]:
            used = fine if data == "digits" else EIGHT_BITS
            yield Run("storage", Recipe(data, optimizer=optimizer, rate=rate), seed, used if optimizer == "sgd" else ())
            for name, coin in product(names, (False, True)):
                yield Run("storage", Recipe(data, optimizer=optimizer, rate=rate, weights=name, coin=coin), seed)
    for rate, (products, gradients, scaling) in product(RATES["sgd"], MULTIPLIED):
        yield Run("products", Recipe(rate=rate, products=products, gradients=gradients, scaling=scaling), seed)
    for rate, (weights, products, gradients, scaling), coin in product(RATES["sgd"], EVERYTHING, (False, True)):
        recipe = Recipe(rate=rate, weights=weights, coin=coin, products=products, gradients=gradients, scaling=scaling)
        yield Run("everything", recipe, seed)
    networks = product(RATES["sgd"], NETWORKS.values(), BATCHES.values())
    for (rate, hidden, batch), (gradients, scaling) in product(networks, PASSED_BACK):
        recipe = Recipe(rate=rate, hidden=hidden, batch=batch, gradients=gradients, scaling=scaling)
        if recipe != Recipe(rate=rate):  # stands in the plan already
            shown = gradients == "fp32" and rate == RATES["sgd"][0] and hidden == NETWORKS["deep"]
            yield Run("range", recipe, seed, (), WATCHED if shown and seed in WATCHED_SEEDS else ())


@dataclass(frozen=True)
class Outcome:
    """What one run adds to precision_study.csv and to gradient_sizes.csv."""

    rows: list[dict[str, Any]]
    sizes: list[dict[str, Any]]
    #: where it was run; the workers of a cluster need not be alike
    machine: dict[str, str]


def perform(run: Run) -> Outcome:
    """Train one network, test it, and use it in the formats that the run names."""
    trained = training.train(run.recipe, run.seed, run.watched)
    data = training.split(run.recipe.data, run.seed)
    here = machine()
    fixed = {
        "part": run.part,
        "data": run.recipe.data,
        "hidden": "-".join(map(str, run.recipe.hidden)),
        "optimizer": run.recipe.optimizer,
        "rate": f"{run.recipe.rate:g}",
        "batch": run.recipe.batch,
        "weights": run.recipe.weights,
        "rounding": "coin" if run.recipe.coin else "none" if run.recipe.weights == "fp32" else "nearest",
        "products": run.recipe.products,
        "gradients": run.recipe.gradients,
        "scaling": run.recipe.scaling,
        "seed": run.seed,
    }
    found = {"applied": round(trained.applied, 4), "lost": round(trained.lost, 4), "flushed": round(trained.flushed, 4)}
    last = {"machine_id": here["machine_id"], "version": VERSION}

    def row(row_id: str, part: str, used_in: str, more: dict[str, Any]) -> dict[str, Any]:
        layers, form = trained.layers, used_in
        if used_in.startswith(STORED):
            layers, form = training.stored(layers, used_in.removeprefix(STORED)), run.recipe.products
        accuracy = round(training.accuracy(layers, data, form), 4)
        return {"run_id": row_id, **fixed, "part": part, "used_in": used_in, "accuracy": accuracy, **more, **last}

    rows = [row(run.run_id, run.part, run.recipe.products, found)]
    nothing = dict.fromkeys(found, "")
    rows += [row(run.used_id(name), "use", name, nothing) for name in run.uses]
    sizes = [
        {"size_id": f"{run.run_id}-{s.epoch}-{_signed(s.exponent)}", "run_id": run.run_id, **s._asdict()}
        for s in trained.sizes
    ]
    return Outcome(rows, [{**size, "share": f"{size['share']:.3g}"} for size in sizes], here)


def _signed(exponent: int) -> str:
    return f"minus{-exponent}" if exponent < 0 else str(exponent)


# --- where it is run --------------------------------------------------------------------------------------


def machine() -> dict[str, str]:
    """The kind of processor and the versions on which results depend, under an id made of them; no host, no user."""
    from threadpoolctl import threadpool_info

    # scipy brings an OpenBLAS of its own; numpy's is the one that multiplies here
    found = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    blas = next((pool for pool in found if "numpy" in pool["filepath"]), next(iter(found), {}))
    kernel = " ".join(filter(None, (blas.get("internal_api"), blas.get("version"), blas.get("architecture"))))
    words = [_processor(), blas.get("architecture") or "", "numpy", version_of("numpy")]
    return {
        "machine_id": re.sub(r"[^a-z0-9.]+", "-", " ".join(words).lower()).strip("-"),
        "processor": _processor(),
        "arithmetic": kernel or "unknown",
        "python": platform.python_version(),
        "numpy": version_of("numpy"),
        "ml_dtypes": version_of("ml_dtypes"),
        "scikit_learn": version_of("scikit-learn"),
    }


def _processor() -> str:
    """The name of the processor as the system tells it."""
    try:
        named = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text("utf-8"), re.MULTILINE)
    except OSError:
        named = None
    return named[1].strip() if named else platform.processor() or platform.machine()


# --- running and recording --------------------------------------------------------------------------------


def record(runs: Sequence[Run], folder: Path = MEASURED, journal: Path = JOURNAL, **where: Any) -> int:
    """Run what is not recorded yet and write the tables; returns how many runs were done now.

    `where` goes to `outcomes`. Raises ValueError, before anything is run or written, when the tables or
    the journal are of another version of the study, or when this machine has changed since it recorded.
    """
    old = _recorded(folder)
    kept = _journal(journal)
    wanted = [run for run in runs if run.run_id not in old.rows and run.run_id not in kept]
    if wanted:
        _same_machine(folder, old, machine())
    journal.parent.mkdir(parents=True, exist_ok=True)
    with open(journal, "a", encoding="utf-8") as file:
        for run, outcome in outcomes(wanted, **where):
            line = {"version": VERSION, "run_id": run.run_id, **asdict(outcome)}
            file.write(json.dumps(line) + "\n")
            file.flush()
            kept[run.run_id] = outcome
    if kept:
        _write_tables(folder, runs, old, kept)
    journal.unlink()
    return len(wanted)


def outcomes(
    runs: Sequence[Run], jobs: int = -1, scheduler: str = "", quiet: bool = False
) -> Iterator[tuple[Run, Outcome]]:
    """The outcomes of runs as they come in, with a progress bar on a terminal.

    On so many local processes (-1: one for each core), or on the Dask cluster with this address.
    """
    import joblib
    from tqdm import tqdm

    bar = tqdm(total=len(runs), unit="run", disable=True if quiet else None)
    with bar, _backend(joblib, scheduler):
        parallel = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=4)
        for result in parallel(joblib.delayed(_numbered)(run) for run in runs):
            bar.update()
            yield result


def _numbered(run: Run) -> tuple[Run, Outcome]:
    return run, perform(run)


@contextmanager
def _backend(joblib: Any, scheduler: str) -> Iterator[None]:
    """Where joblib runs: local processes, or the Dask cluster with this address; ValueError when it does not answer."""
    if not scheduler:
        from joblib.externals.loky import get_reusable_executor

        try:
            with joblib.parallel_config(backend="loky"):
                yield
        finally:  # else its processes wait five minutes for more work, also when the kernel has ended
            get_reusable_executor().shutdown(wait=True)
        return
    try:
        from distributed import Client

        client = Client(scheduler, timeout="5s")
    except ImportError:
        raise ValueError("a scheduler needs Dask: pip install 'why-did-tesla-stop-dojo[cluster]'") from None
    except (OSError, ValueError) as error:
        raise ValueError(f"no Dask scheduler answers at {scheduler!r} ({error})") from None
    with client, joblib.parallel_config(backend="dask"):
        yield


@dataclass(frozen=True)
class _Tables:
    """Rows of the tables as they are written, by id."""

    rows: dict[str, dict[str, Any]]
    sizes: dict[str, dict[str, Any]]
    machines: dict[str, dict[str, Any]]


def _recorded(folder: Path) -> _Tables:
    """What is recorded so far; ValueError for a table of another version."""
    rows, sizes, machines = (
        tables.records(folder / f"{name}.csv") for name in ("precision_study", "gradient_sizes", "machines")
    )
    for line, row in enumerate(rows.values(), start=2):
        if row["version"] != str(VERSION):
            where = f"{folder.name}/precision_study.csv, line {line}, column version"
            raise ValueError(
                f"{where}: {row['version']!r}; expected {VERSION}, the version of this study. "
                "Nothing was run or written: record into another folder with --out, then replace the table"
            )
    return _Tables(rows, sizes, machines)


def _same_machine(folder: Path, old: _Tables, now: dict[str, str]) -> None:
    """ValueError when a machine is recorded under the id of this one, but with other versions of something."""
    known = old.machines.get(now["machine_id"], now)
    for column, value in now.items():
        if known[column] != value:
            raise ValueError(
                f"{folder.name}/machines.csv, {now['machine_id']}, column {column}: {known[column]!r}; here it is "
                f"{value!r}, so results need not compare. Record into another folder with --out"
            )


def _journal(path: Path) -> dict[str, Outcome]:
    """Runs that an interrupted study has finished; a last line cut off in writing is run again."""
    if not path.exists():
        return {}
    text = path.read_text("utf-8")
    whole = text[: text.rfind("\n") + 1]
    kept = {}
    for number, line in enumerate(whole.splitlines(), start=1):
        where = f"{path.name}, line {number}"
        try:
            entry = json.loads(line)
            if (found := entry["version"]) != VERSION:
                raise ValueError(f"{where}: version {found}; expected {VERSION}; move the journal away")
            kept[entry["run_id"]] = Outcome(entry["rows"], entry["sizes"], entry["machine"])
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise ValueError(f"{where}: {line[:40]!r}; expected one finished run ({error})") from None
    if whole != text:
        tables.write(path, whole)
    return kept


def _write_tables(folder: Path, runs: Sequence[Run], old: _Tables, kept: dict[str, Outcome]) -> None:
    """The tables with the new rows, in the order of the plan; what was recorded for other runs stays at the end."""
    rows = old.rows | {row["run_id"]: row for outcome in kept.values() for row in outcome.rows}
    sizes = old.sizes | {size["size_id"]: size for outcome in kept.values() for size in outcome.sizes}
    for outcome in kept.values():
        _same_machine(folder, old, outcome.machine)
    now = {"recorded": f"{datetime.now(UTC):%Y-%m-%d}", "command": COMMAND}
    machines = old.machines | {o.machine["machine_id"]: {**o.machine, **now} for o in kept.values()}
    ids = [name for run in runs for name in (run.run_id, *map(run.used_id, run.uses))]
    order = {row_id: place for place, row_id in enumerate(ids)}
    by_plan = sorted(rows.values(), key=lambda row: order.get(row["run_id"], len(order)))
    by_run = sorted(sizes.values(), key=lambda s: (s["run_id"], int(s["epoch"]), int(s["exponent"])))
    found = {"machines": machines.values(), "precision_study": by_plan, "gradient_sizes": by_run}
    texts = {name: tables.as_csv(rows) for name, rows in found.items() if rows}
    for name, text in texts.items():
        tables.write(folder / f"{name}.csv", text)


# --- what was found -----------------------------------------------------------------------------------------


def load() -> pd.DataFrame:
    """The recorded runs."""
    return tables.load("precision_study")


def interval(values: Sequence[float], level: float = LEVEL) -> tuple[float, float]:
    """The interval that holds the mean with this confidence, by Student's t. Needs two values or more.

    It speaks of further starts with the same data; other data are another question.
    """
    found = np.asarray(values, float)
    half = _quantile(len(found) - 1, level) * found.std(ddof=1) / np.sqrt(len(found))
    return float(found.mean() - half), float(found.mean() + half)


def _quantile(freedom: int, level: float) -> float:
    """How many standard errors from the middle Student's t holds with this confidence."""
    from scipy.special import stdtrit  # takes an eighth of a second, and checking asks for no interval

    return stdtrit(freedom, (1 + level) / 2)


def one_more(values: Sequence[float], grain: float, level: float = 0.999) -> tuple[float, float]:
    """The interval in which one more accuracy is to be expected, at least one `grain` (one test example) each way."""
    found = np.asarray(values, float)
    half = _quantile(len(found) - 1, level) * found.std(ddof=1) * np.sqrt(1 + 1 / len(found))
    low, high = found.mean() + np.array([-1, 1]) * max(half, grain)
    return float(max(low, 0)), float(min(high, 100))


#: columns that tell one kind of run from another; what is left is the seed
KIND = ["data", "hidden", "optimizer", "rate", "batch", "weights", "rounding"]
KIND += ["products", "gradients", "scaling", "used_in"]


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """One row for each kind of run: mean accuracy, its interval, the extremes, and points lost against fp32.

    `lost_points` compares each run with the plain fp32 run of the same seed, data, network, rate and batch (mean,
    and its interval in `lost_low`, `lost_high`); `applied` and `undone` are means. Indexed by the id
    of a run without its seed.
    """
    everything = load()
    same = ["data", "hidden", "optimizer", "rate", "batch", "seed"]
    wide = (everything[["weights", "products", "gradients", "used_in"]] == "fp32").all(axis=1)
    plain = everything[wide].set_index(same)["accuracy"]
    found = {}
    for kind, part in rows.groupby(KIND, sort=False):
        keys = part[same].itertuples(index=False, name=None)
        lost = np.array([plain[key] for key in keys]) - part["accuracy"].to_numpy()
        low, high = interval(part["accuracy"])
        lost_low, lost_high = interval(lost)
        found[part.index[0].rpartition("-s")[0]] = {
            **dict(zip(KIND, kind, strict=True)),
            "runs": len(part),
            "accuracy": part["accuracy"].mean(),
            "low": low,
            "high": high,
            "least": part["accuracy"].min(),
            "most": part["accuracy"].max(),
            "lost_points": lost.mean(),
            "lost_low": lost_low,
            "lost_high": lost_high,
            "applied": part["applied"].mean(),
            "undone": part["lost"].mean(),
            "flushed": part["flushed"].mean(),
        }
    return pd.DataFrame.from_dict(found, orient="index").rename_axis("kind")


#: what prose calls the two learning rates of each way of learning
STEPS, ADAM_STEPS = (
    dict(zip(("large steps", "small steps"), (f"{rate:g}" for rate in RATES[optimizer]), strict=True))
    for optimizer in ("sgd", "adam")
)
#: what the lines of the comparison in eight bits are called, and what the ids of their runs add
LINES = {
    "learned and used in 32 bits": {"FP32": ""},
    "learned in 32 bits, used in 8": {"int8": "-used-int8", "FP8 E4M3": "-used-fp8-e4m3"},
    "weights kept in 8 bits, to nearest": {"int8": "-int8", "FP8 E4M3": "-fp8-e4m3"},
    "weights kept in 8 bits, coin": {"int8": "-int8-coin", "FP8 E4M3": "-fp8-e4m3-coin"},
}

#: formats in which the digits network multiplies, and what the ids of their runs add
MULTIPLIED_IN = {
    "BF16": "-products-bf16-gradients-bf16",
    "E4M3 forward, E5M2 back": "-products-fp8-e4m3-gradients-fp8-e5m2",
    "CFloat8, bias fitted": "-products-cfloat8-1-4-3-gradients-cfloat8-1-5-2-fit",
    "int8, scale fitted": "-products-int8-gradients-int8-fit",
    "E4M3 both ways": "-products-fp8-e4m3-gradients-fp8-e4m3",
    "int4, scale fitted": "-products-int4-gradients-int4-fit",
}
#: the same with weights stored in eight bits too
EVERYTHING_IN = {
    "all in int8, coin": "-int8-coin-products-int8-gradients-int8-fit",
    "all in int8, to nearest": "-int8-products-int8-gradients-int8-fit",
    "all in FP8, coin": "-fp8-e4m3-coin-products-fp8-e4m3-gradients-fp8-e5m2",
    "all in FP8, to nearest": "-fp8-e4m3-products-fp8-e4m3-gradients-fp8-e5m2",
}
#: what gradients are written in
GRADIENTS_IN = {
    "FP32": "",
    "E5M2": "-gradients-fp8-e5m2",
    "E4M3": "-gradients-fp8-e4m3",
    "E4M3, times 1,024": "-gradients-fp8-e4m3-loss",
    "CFloat8, bias fitted": "-gradients-cfloat8-1-4-3-fit",
}
#: networks and batches by what the ids of their runs begin and go on with
BATCHED = {
    "two layers, small batches": ("digits", ""),
    "two layers, large batches": ("digits", "-batch128"),
    "five layers, small batches": ("deep", ""),
    "five layers, large batches": ("deep", "-batch128"),
}


def same_bits(kinds: pd.DataFrame) -> pd.DataFrame:
    """The kinds of run that show what eight bits do to the digits network: steps, line and format beside `summary`."""
    words = {
        f"digits-sgd-{rate}{more}": {"steps": steps, "line": line, "format": name}
        for (steps, rate), (line, ids) in product(STEPS.items(), LINES.items())
        for name, more in ids.items()
    }
    return kinds.loc[list(words)].join(pd.DataFrame.from_dict(words, orient="index"))


def accuracies(rows: pd.DataFrame, kinds: Iterable[str]) -> dict[str, list[float]]:
    """The accuracy of every run of these kinds, seed by seed."""
    kind_of = rows.index.str.rpartition("-s").get_level_values(0)
    return {kind: rows["accuracy"][kind_of == kind].tolist() for kind in kinds}


def by_steps(kinds: pd.DataFrame, ids: Mapping[str, str]) -> pd.DataFrame:
    """Points lost by the digits network, in words: a line for each of `ids`, a column for each size of steps.

    `ids` says what the id of a run adds for each line. A cell says the mean and its interval.
    """
    columns = ["lost_points", "lost_low", "lost_high"]
    found = {
        words: {steps: _ranged(*kinds.loc[f"digits-sgd-{rate}{more}", columns]) for steps, rate in STEPS.items()}
        for words, more in ids.items()
    }
    return pd.DataFrame.from_dict(found, orient="index")


def in_range(kinds: pd.DataFrame) -> pd.DataFrame:
    """Accuracy in words, with the least and the most of the starts: networks by the format of their gradients."""
    columns = ["accuracy", "least", "most"]
    found = {
        f"{words}, {steps}": {
            name: _ranged(*kinds.loc[f"{network}-sgd-{rate}{batch}{more}", columns])
            for name, more in GRADIENTS_IN.items()
        }
        for steps, rate in STEPS.items()
        for words, (network, batch) in BATCHED.items()
    }
    return pd.DataFrame.from_dict(found, orient="index")


def _ranged(mean: float, low: float, high: float) -> str:
    return f"{mean:.1f} ({low:.1f} to {high:.1f})".replace("-", "−").replace("−0.0", "0.0")


#: ways of using the bits of a weight on the fixed grid, and what the ids of their runs add
WAYS = {"used": "-used-weights-int{}", "trained, to nearest": "-int{}", "trained, by coin": "-int{}-coin"}


def by_bits(kinds: pd.DataFrame) -> pd.DataFrame:
    """The kinds of run that keep weights as whole numbers: way, steps and bits beside `summary`."""
    words = {
        f"digits-sgd-{rate}{more.format(bits)}": {"way": way, "steps": steps, "bits": bits}
        for (way, more), (steps, rate) in product(WAYS.items(), STEPS.items())
        for bits in range(2, 17)
    }
    return kinds.loc[list(words)].join(pd.DataFrame.from_dict(words, orient="index"))


def fewest_bits(rows: pd.DataFrame, within: float = 1.0) -> pd.DataFrame:
    """The fewest bits from which on no more than so many points are lost, by way and steps of `by_bits`.

    `fewest` goes by the mean over the starts, `least` and `most` by the ends of its interval.
    """
    columns = {"fewest": "lost_points", "least": "lost_low", "most": "lost_high"}
    found = {
        of: {name: int(part["bits"].where(part[column] > within, 1).max()) + 1 for name, column in columns.items()}
        for of, part in rows.groupby(["way", "steps"], sort=False)
    }
    return pd.DataFrame.from_dict(found, orient="index")


def sample(starts: int) -> list[Run]:
    """Some runs of each experiment with the digits, from so many starts."""
    small, large = STEPS["small steps"], STEPS["large steps"]
    kinds = {f"digits-sgd-{rate}{more}" for rate in STEPS.values() for ids in LINES.values() for more in ids.values()}
    kinds |= {f"digits-sgd-{small}{MULTIPLIED_IN['int8, scale fitted']}"}
    kinds |= {f"digits-sgd-{small}{EVERYTHING_IN['all in int8, coin']}"}
    kinds |= {f"deep-sgd-{large}-batch128{more}" for more in GRADIENTS_IN.values()}
    return [run for run in plan(range(starts)) if run.run_id.rpartition("-s")[0] in kinds]


def repeat(runs: Sequence[Run], **where: Any) -> pd.DataFrame:
    """Runs done again and used again, their accuracies in `again` beside what is recorded, in `recorded`.

    On the recorded kind of machine a run agrees when it is equal; elsewhere when it lies in the interval
    in which one more run is to be expected, `low` to `high`. KeyError for a run that is not recorded.
    """
    rows, here = load(), machine()["machine_id"]
    found = {}
    for run, outcome in outcomes(runs, quiet=True, **where):
        example = 100 / len(training.split(run.recipe.data, run.seed).test_kinds)
        for row_id, again in ((row["run_id"], row["accuracy"]) for row in outcome.rows):
            recorded = rows.loc[row_id]
            kin = rows[(rows[KIND] == recorded[KIND]).all(axis=1)]["accuracy"]
            low, high = one_more(kin, example)
            same = recorded["machine_id"] == here
            agrees = again == recorded["accuracy"] if same else low <= again <= high
            found[row_id] = (recorded["accuracy"], again, low, high, same, agrees)
    columns = ["recorded", "again", "low", "high", "same_machine", "agrees"]
    return pd.DataFrame.from_dict(found, orient="index", columns=columns).rename_axis("run")


def check(known: dict[str, tables.Table]) -> list[tables.Problem]:
    """Recorded rows of another version of the study, and runs of the plan that are not recorded."""
    table = known["precision_study"]
    expected = f"{VERSION}, the version of dojo.study; record anew with make study"
    found = [row.problem("version", expected) for row in table.rows.values() if row.cells["version"] != str(VERSION)]
    try:
        wanted = {name for run in plan() for name in (run.run_id, *map(run.used_id, run.uses))}
    except ValueError as error:
        if not formats.check(known):  # which says itself what is wrong with a format
            missing = f"every format of the study ({error})"
            found.append(tables.Problem(known["number_formats"].file, 1, "format_id", "", missing))
        return found
    if missing := sorted(wanted - set(table.rows)):
        more = f" (and {len(missing) - 1:,} more)" if missing[1:] else ""
        found.append(tables.Problem(table.file, 1, "run_id", missing[0], f"to be recorded{more}: make study"))
    return found


# --- the command line -----------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; 0 when all went well."""
    options = _parser().parse_args(arguments)
    where = {"jobs": options.jobs, "scheduler": options.scheduler}
    try:
        if options.verify:
            return _verify(options.verify, where)
        runs = plan(range(options.seeds))
        journal = JOURNAL if options.out == MEASURED else options.out / JOURNAL.name
        done = record(runs, options.out, journal, **where)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; finished runs are kept, the same command goes on from here", file=sys.stderr)
        return 130
    print(f"{done} runs done now; all {len(runs)} are in {options.out.name}/precision_study.csv")
    return 0


def _verify(count: int, where: dict[str, Any]) -> int:
    known = load().index
    runs = [run for run in plan() if run.run_id in known]
    found = repeat(Random(VERSION).sample(runs, min(count, len(runs))), **where)
    print(found.round(2).to_string())
    same = "the recorded kind of machine" if found["same_machine"].all() else "another kind of machine"
    print(f"{int(found['agrees'].sum())} of {len(found)} results agree, on {same}")
    return 0 if found["agrees"].all() else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=COMMAND, description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--jobs", type=int, default=-1, metavar="N", help="local processes (default: one for each core)"
    )
    parser.add_argument("--scheduler", default="", metavar="ADDRESS", help="run on the Dask cluster with this address")
    parser.add_argument(
        "--seeds", type=int, default=len(SEEDS), metavar="N", help="how many seeds (default: %(default)s)"
    )
    parser.add_argument("--out", type=Path, default=MEASURED, metavar="DIR", help="write the tables here instead")
    parser.add_argument("--verify", type=int, metavar="N", help="repeat N recorded runs, compare, write nothing")
    return parser


if __name__ == "__main__":
    sys.exit(main())
