"""Times and energies of the machine at hand: what doing many at once brings, here.

    python -m dojo.measure             time this machine and add what was found to data/measured/
    python -m dojo.measure --dry-run   time it and print, writing nothing

A small network is used on one core with 1 to 1,024 examples at once. Where PyTorch finds a CUDA GPU, so
is a larger one there, and it is trained as well; matrix products are timed in every format that the GPU
offers, and energy is read from its own meter (NVML), which covers the board and not the wall socket. A
record names processor or GPU, versions and day, and no host and no user. It is checked against the
contract of the tables before anything is written, and takes a new id: no record is ever overwritten.

Times are the least of several calls: other work on the machine can only make a call slower. They are
never compared across machines by a test.
"""

from __future__ import annotations

import argparse
import platform
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version as version_of
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dojo import study, tables
from dojo.tables import Problem, Table

COMMAND = "python -m dojo.measure"
#: examples handled at once
BATCHES = tuple(2**n for n in range(11))
#: the small network of the processor and the larger one of the GPU: so many units in each of so many layers.
#: The weights of either are larger than most caches, so that they have to be fetched for each batch
WIDTH, LAYERS = 2048, 3
GPU_WIDTH, GPU_LAYERS = 4096, 4
#: a matrix product is timed with square matrices of this size, in the formats that PyTorch names so
GPU_MATRIX = 8192
GPU_FORMATS = ("fp32", "tf32", "bf16", "fp16", "fp8-e4m3", "int8")
#: calls and seconds that a timing takes at least, and seconds for a reading of energy
CALLS, SPAN, ENERGY_SPAN = 5, 0.15, 2.0

Note = Callable[[str], None]


@dataclass(frozen=True)
class Timing:
    """One result: what was done, in which format, on how many examples at once, and what it took."""

    work: str
    device: str
    format: str
    #: 0 where there is no batch: a matrix product
    batch: int
    metric: str
    value: float
    unit: str
    #: the middle one of the calls, NaN where `value` is no time
    median: float
    calls: int


# --- timing ------------------------------------------------------------------------------------------


def calls(action: Callable[[], Any], span: float = SPAN, least: int = CALLS) -> list[float]:
    """Seconds of each call, after one that is not counted, until both `span` and `least` calls are reached."""
    action()
    found: list[float] = []
    while len(found) < least or sum(found) < span:
        start = time.perf_counter()
        action()
        found.append(time.perf_counter() - start)
    return found


def timed(work: str, device: str, form: str, batch: int, metric: str, found: Sequence[float]) -> Timing:
    """The seconds of several calls as one result in milliseconds."""
    least, median = 1e3 * min(found), 1e3 * float(np.median(found))
    return Timing(work, device, form, batch, metric, least, "ms", median, len(found))


def network(width: int = WIDTH, layers: int = LAYERS, seed: int = 0) -> list[np.ndarray]:
    """The weights of a network whose layers are all equally wide, in 32 bits."""
    draw = np.random.default_rng(seed)
    return [draw.standard_normal((width, width), np.float32) * np.float32((2 / width) ** 0.5) for _ in range(layers)]


def use(weights: Iterable[np.ndarray], examples: np.ndarray) -> np.ndarray:
    """The answers of the network to a batch of examples, one a column."""
    for layer in weights:
        examples = np.maximum(layer @ examples, 0)
    return examples


def processor(batches: Iterable[int] = BATCHES, span: float = SPAN) -> list[Timing]:
    """Time for a batch in the small network, on one core."""
    from threadpoolctl import threadpool_limits

    weights, work = network(), f"mlp-{LAYERS}x{WIDTH}"
    draw = np.random.default_rng(1)
    found = []
    with threadpool_limits(1):
        for batch in batches:
            examples = draw.standard_normal((WIDTH, batch), np.float32)
            spans = calls(lambda examples=examples: use(weights, examples), span)
            found.append(timed(work, "cpu", "fp32", batch, "inference_time", spans))
    return found


# --- the GPU -----------------------------------------------------------------------------------------


def cuda() -> Any:
    """PyTorch where it finds a CUDA GPU, or None; what is missing is not an error."""
    with suppress(ImportError):
        import torch

        if torch.cuda.is_available():
            return torch
    return None


class Meter:
    """The energy that a GPU has taken by its own meter, in millijoules, if it has one.

    It covers the board with its memory, not the computer around it, so it is no reading at the wall. `uuid`
    is the GPU's, or None where it is not known: PyTorch and NVML number them differently. A meter that fails
    later raises RuntimeError.
    """

    def __init__(self, uuid: str | None, nvml: Any = None) -> None:
        self._uuid, self._nvml, self._handle = uuid, nvml, None

    def __enter__(self) -> Meter:
        if self._nvml is None:
            with suppress(ImportError):
                import pynvml

                self._nvml = pynvml
        if self._nvml is not None and self._uuid:
            try:
                self._nvml.nvmlInit()
                self._handle = self._nvml.nvmlDeviceGetHandleByUUID(self._uuid)
                self._read()
            except (self._nvml.NVMLError, RuntimeError):
                self._handle = None
        return self

    def __exit__(self, *_: object) -> None:
        if self._nvml is not None:
            with suppress(self._nvml.NVMLError):
                self._nvml.nvmlShutdown()

    @property
    def there(self) -> bool:
        """True when energy can be read."""
        return self._handle is not None

    def per_call(self, action: Callable[[], Any], span: float = ENERGY_SPAN) -> tuple[float, int]:
        """Millijoules of one call and the number of calls, from one step of the meter to another `span` seconds on."""
        self._step(action)
        start, before, done = time.perf_counter(), self._read(), 0
        while not done or time.perf_counter() - start < span:
            action()
            done += 1
        done += self._step(action)
        return (self._read() - before) / done, done

    def _step(self, action: Callable[[], Any]) -> int:
        """Go on until the meter shows another figure, a second at most; how many calls that took."""
        start, before, done = time.perf_counter(), self._read(), 0
        while self._read() == before and time.perf_counter() - start < 1:
            action()
            done += 1
        return done

    def _read(self) -> float:
        try:
            return float(self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._handle))
        except self._nvml.NVMLError as error:
            raise RuntimeError(f"the meter of the GPU failed: {error}") from error


def products(torch: Any, device: str, note: Note, size: int = GPU_MATRIX, span: float = SPAN) -> Iterator[Timing]:
    """Rates of a square matrix product in each format that the device offers, in 10^12 operations a second."""
    for form in GPU_FORMATS:
        try:
            with _tf32(torch, form == "tf32"):
                spans = calls(_synchronous(torch, device, _product(torch, device, form, size)), span)
        except (RuntimeError, AttributeError, TypeError, ValueError) as error:
            note(f"{form}: left out ({str(error).splitlines()[0][:80]})")
            continue
        operations, unit = 2 * size**3, "TOP/s" if form == "int8" else "TFLOP/s"
        rates = (operations / np.array([min(spans), float(np.median(spans))]) / 1e12).tolist()
        yield Timing(f"matrix-{size}", _kind(device), form, 0, "matrix_rate", rates[0], unit, rates[1], len(spans))


@contextmanager
def _tf32(torch: Any, allowed: bool) -> Iterator[None]:
    """Products of fp32 numbers in full, or in tf32."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if allowed else "highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def _product(torch: Any, device: str, form: str, size: int) -> Callable[[], Any]:
    """A product of two square matrices of random numbers in one format."""
    if form == "tf32" and device == "cpu":
        raise RuntimeError("a processor has no tf32")
    one, other = (torch.randn(size, size, device=device) for _ in range(2))
    match form:
        case "fp32" | "tf32":
            return lambda: one @ other
        case "bf16" | "fp16":
            kind = torch.bfloat16 if form == "bf16" else torch.float16
            one, other = one.to(kind), other.to(kind)
            return lambda: one @ other
        case "int8":
            one, other = ((16 * matrix).clamp(-127, 127).to(torch.int8) for matrix in (one, other))
            return lambda: torch._int_mm(one, other.t())  # the second by columns, as its fast path wants it
    unit = torch.ones((), device=device)
    one, other = one.to(torch.float8_e4m3fn), other.to(torch.float8_e4m3fn).t()
    more = {"scale_a": unit, "scale_b": unit, "out_dtype": torch.bfloat16, "use_fast_accum": True}
    return lambda: torch._scaled_mm(one, other, **more)


def _synchronous(torch: Any, device: str, action: Callable[[], Any]) -> Callable[[], Any]:
    """The action, ended only when the device has finished."""
    if device == "cpu":
        return action

    def run() -> None:
        action()
        torch.cuda.synchronize()

    return run


def _kind(device: str) -> str:
    return "cpu" if device == "cpu" else "gpu"


def both_jobs(
    torch: Any,
    device: str,
    meter: Meter,
    batches: Iterable[int] = BATCHES,
    width: int = GPU_WIDTH,
    layers: int = GPU_LAYERS,
    span: float = SPAN,
    energy_span: float = ENERGY_SPAN,
) -> Iterator[Timing]:
    """One network used and trained: time, memory and energy for a batch.

    Every call is waited for and started from Python, as most programs do, so that small batches show what
    starting costs. Used: weights in bf16. Trained: the common recipe of mixed precision, products in bf16, weights and
    their running averages in 32 bits, one step of SGD with momentum.
    """
    for batch in batches:
        for job, made in (("inference", _used), ("training", _trained)):
            name = (f"mlp-{layers}x{width}", _kind(device), "bf16", batch)
            action = _synchronous(torch, device, made(torch, device, batch, width, layers))
            action()  # what only the first call needs is not counted
            if device != "cpu":
                torch.cuda.reset_peak_memory_stats()
            yield timed(*name, f"{job}_time", calls(action, span))
            if device != "cpu":
                held = torch.cuda.max_memory_allocated() / 1e6
                yield Timing(*name, f"{job}_memory", held, "MB", float("nan"), 1)
            if meter.there:
                energy, done = meter.per_call(action, energy_span)
                yield Timing(*name, f"{job}_energy", energy, "mJ", float("nan"), done)
            del action  # or its network would count in the memory of the next
            if device != "cpu":
                torch.cuda.empty_cache()


def _model(torch: Any, width: int, layers: int, **kind: Any) -> Any:
    linear = [torch.nn.Linear(width, width, bias=False, **kind) for _ in range(layers)]
    return torch.nn.Sequential(*(part for layer in linear for part in (layer, torch.nn.ReLU())))


def _used(torch: Any, device: str, batch: int, width: int, layers: int) -> Callable[[], Any]:
    model = _model(torch, width, layers, device=device, dtype=torch.bfloat16)
    examples = torch.randn(batch, width, device=device, dtype=torch.bfloat16)

    def step() -> None:
        with torch.inference_mode():
            model(examples)

    return step


def _trained(torch: Any, device: str, batch: int, width: int, layers: int) -> Callable[[], Any]:
    model = _model(torch, width, layers, device=device)
    rule = torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.9)
    examples, answers = (torch.randn(batch, width, device=device) for _ in range(2))

    def step() -> None:
        rule.zero_grad(set_to_none=True)
        with torch.autocast(device.partition(":")[0], dtype=torch.bfloat16):
            loss = torch.nn.functional.mse_loss(model(examples), answers)
        loss.backward()
        rule.step()

    return step


def gpu(torch: Any, note: Note) -> list[Timing]:
    """Everything that is timed on the GPU."""
    uuid = getattr(torch.cuda.get_device_properties(0), "uuid", None)
    with Meter(f"GPU-{uuid}" if uuid else None) as meter:
        if not meter.there:
            note("no meter of energy (NVML) found: times and memory only")
        found = list(products(torch, "cuda", note))
        try:
            for timing in both_jobs(torch, "cuda", meter):
                found.append(timing)
        except RuntimeError as error:  # out of memory, or the meter failed; what was timed before is kept
            note(f"stopped: {str(error).splitlines()[0][:80]}")
        return found


# --- the record --------------------------------------------------------------------------------------


def machine(torch: Any = None) -> dict[str, str]:
    """The kind of processor and GPU and the versions on which times depend; no host, no user."""
    here = study.machine()
    return {
        "processor": here["processor"],
        "arithmetic": here["arithmetic"],
        "gpu": torch.cuda.get_device_name() if torch else "",
        "python": platform.python_version(),
        "numpy": here["numpy"],
        "torch": version_of("torch") if torch else "",
        "cuda": str(torch.version.cuda) if torch else "",
    }


def add(found: Iterable[Timing], about: Mapping[str, str], folder: Path = study.MEASURED) -> str:
    """Add one record to the tables in `folder` and return its id.

    The tables with the new rows are checked against their contract before either is written; raises
    DataError, and leaves both as they were, when they break it. `folder` is the measured/ of a data folder.
    """
    old = {name: tables.records(folder / f"{name}.csv") for name in ("speed_records", "speed_results")}
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    stem = re.sub(r"[^a-z0-9.]+", "-", " ".join([about["gpu"] or about["processor"], day]).lower()).strip("-")
    record = next(f"{stem}-{n}" for n in count(1) if f"{stem}-{n}" not in old["speed_records"])
    new = {
        "speed_records": [{"record_id": record, **about, "recorded": day, "command": COMMAND}],
        "speed_results": [_row(record, timing) for timing in found],
    }
    texts = {name: tables.as_csv([*old[name].values(), *rows]) for name, rows in new.items()}
    with tempfile.TemporaryDirectory() as draft:
        root = shutil.copytree(folder.parent, Path(draft) / "data")
        for name, text in texts.items():
            tables.write(root / folder.name / f"{name}.csv", text)
        known = tables.read(root)
        if problems := check(known):
            raise tables.DataError(problems)
    for name, text in texts.items():
        tables.write(folder / f"{name}.csv", text)
    return record


def _row(record: str, timing: Timing) -> dict[str, Any]:
    batch = f"-{timing.batch}" if timing.batch else ""
    metric = timing.metric.replace("_", "-")
    return {
        "result_id": f"{record}-{timing.device}-{timing.work}-{timing.format}-{metric}{batch}",
        "record_id": record,
        "work": timing.work,
        "device": timing.device,
        "format": timing.format,
        "batch": timing.batch or "",
        "metric": timing.metric,
        "value": f"{timing.value:.6g}",
        "unit": timing.unit,
        "median": "" if np.isnan(timing.median) else f"{timing.median:.6g}",
        "calls": timing.calls,
    }


def check(known: Mapping[str, Table]) -> list[Problem]:
    """Records without the times that each must have: the small network on one core, in every batch."""
    rows = known["speed_results"].rows.values()
    timed = {
        (row.cells["record_id"], int(row.cells["batch"]))
        for row in rows
        if row.cells["device"] == "cpu" and row.cells["metric"] == "inference_time"
    }
    return [
        record.problem("record_id", f"a time on one core with {batch:,} at once in speed_results")
        for record in known["speed_records"].rows.values()
        for batch in BATCHES
        if (record.id, batch) not in timed
    ]


# --- what was found ----------------------------------------------------------------------------------


def rates(found: Iterable[Timing] | pd.DataFrame) -> pd.DataFrame:
    """Time and rate by batch, of the processor: ms for a batch, rate in examples a second, by batch.

    `found` are timings, or the rows of one record in speed_results.
    """
    rows = found if isinstance(found, pd.DataFrame) else pd.DataFrame([vars(timing) for timing in found])
    own = rows[(rows["device"] == "cpu") & (rows["metric"] == "inference_time")]
    ms = pd.Series(own["value"].to_numpy(float), index=pd.Index(own["batch"].astype(int), name="batch"))
    return pd.DataFrame({"ms": ms, "rate": 1000 * ms.index / ms})


def on_gpu(results: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """What is recorded of GPUs, as tables by their titles; none while no record has a GPU.

    `results` as speed_results is loaded. By batch: using a network beside training it, in ms, mJ and MB. By
    format: the rate of a matrix product in 10^12 operations a second.
    """
    own = results[results["device"] == "gpu"]
    kinds = {
        "One network used and trained on a GPU: ms, mJ by its own meter, MB": ("batch", own["batch"].notna()),
        "Matrix products on a GPU: trillions of operations a second": ("format", own["metric"] == "matrix_rate"),
    }
    return {
        title: own[chosen].pivot(index=["record_id", by], columns="metric", values="value").reset_index()
        for title, (by, chosen) in kinds.items()
        if chosen.any()
    }


# --- the command line --------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; 0 when all went well."""
    options = _parser().parse_args(arguments)

    def note(words: str) -> None:
        print(words, file=sys.stderr)

    if not options.dry_run and not (options.out / "speed_records.csv").is_file():
        note(f"{options.out}: no speed_records.csv; expected the folder measured/ of a data folder")
        return 1
    torch = cuda()
    if torch is None:
        note("no CUDA GPU found through PyTorch: the processor alone is timed")
    found = processor()
    print(rates(found).round(3).to_string())
    if torch is not None:
        found += gpu(torch, note)
        print(pd.DataFrame([vars(timing) for timing in found if timing.device == "gpu"]).to_string(index=False))
    if options.dry_run:
        return 0
    try:
        record = add(found, machine(torch), options.out)
    except (tables.DataError, OSError) as error:
        note(str(error))
        return 1
    print(f"recorded as {record}; make refresh brings notebooks and pages up to date")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=COMMAND, description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--dry-run", action="store_true", help="print what was found and write nothing")
    parser.add_argument(
        "--out", type=Path, default=study.MEASURED, metavar="DIR", help="the measured/ of another data folder"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
