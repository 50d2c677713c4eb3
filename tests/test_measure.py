"""A record of one's own machine: what is timed, what is written, and that nothing is lost."""

import platform
import time
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from dojo import measure, tables
from dojo.measure import Timing
from publish import __main__

ABOUT = {
    "processor": "Some CPU", "arithmetic": "blas 1", "gpu": "", "python": "3.11", "numpy": "2", "torch": "", "cuda": "",
}  # fmt: skip


def timings(**changed) -> list[Timing]:
    found = [
        Timing("mlp-3x2048", "cpu", "fp32", batch, "inference_time", 1.0 * batch, "ms", 1.5 * batch, 5)
        for batch in measure.BATCHES
    ]
    return [*found[:-1], Timing(**{**vars(found[-1]), **changed})]


# --- timing --------------------------------------------------------------------------------------------


def test_the_network_is_three_products_and_what_is_below_zero_is_silent():
    weights = measure.network(4, 2)
    examples = np.ones((4, 3), np.float32)
    by_hand = np.maximum(weights[1] @ np.maximum(weights[0] @ examples, 0), 0)
    assert np.array_equal(measure.use(weights, examples), by_hand)
    assert measure.use(weights, examples).shape == (4, 3)
    assert all(weight.dtype == np.float32 for weight in measure.network(8, 1))


def test_calls_go_on_until_there_are_enough_and_the_first_is_not_counted(monkeypatch):
    clock = iter(np.arange(0, 100, 0.5))  # each reading half a second later
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    done = []
    found = measure.calls(lambda: done.append(1), span=2.0, least=3)
    assert found == [0.5] * 4
    assert len(done) == 5
    assert len(measure.calls(lambda: None, span=0.1, least=3)) == 3


def test_the_processor_is_timed_in_every_batch():
    found = measure.processor(batches=(1, 2), span=0.001)
    rates = measure.rates(found)
    assert list(rates.index) == [1, 2]
    assert (rates["ms"] > 0).all()
    assert list(rates["rate"]) == pytest.approx([1000 * b / ms for b, ms in rates["ms"].items()])
    assert all(timing.value <= timing.median for timing in found)


# --- the GPU, with stand-ins ---------------------------------------------------------------------------


class Nvml:
    """A meter that shows ten millijoules more after every third call of `act`."""

    NVMLError = OSError

    def __init__(self, broken: bool = False):
        self.broken, self.calls, self.closed = broken, 0, 0

    def act(self):
        self.calls += 1

    def nvmlInit(self):
        pass

    def nvmlDeviceGetHandleByUUID(self, uuid):
        assert uuid == "GPU-1"
        return "handle"

    def nvmlDeviceGetTotalEnergyConsumption(self, handle):
        if self.broken:
            raise OSError("not supported")
        return 10 * (self.calls // 3)

    def nvmlShutdown(self):
        self.closed += 1


def test_energy_is_read_from_one_step_of_the_meter_to_another():
    nvml = Nvml()
    nvml.act()  # the meter stands between two steps
    with measure.Meter("GPU-1", nvml) as meter:
        assert meter.there
        assert meter.per_call(nvml.act, span=0.0) == (10 / 3, 3)
    assert nvml.calls == 6  # those before the first step are not counted
    assert nvml.closed == 1


def test_a_gpu_without_a_meter_is_no_error():
    with measure.Meter("GPU-1", Nvml(broken=True)) as meter:
        assert not meter.there


def test_a_format_that_is_not_offered_is_said_and_left_out(monkeypatch):
    def product(torch, device, form, size):
        if form in ("fp8-e4m3", "tf32"):
            raise RuntimeError(f"no {form} here\nand more")
        return lambda: None

    torch = SimpleNamespace(get_float32_matmul_precision=lambda: "highest", set_float32_matmul_precision=lambda _: None)
    monkeypatch.setattr(measure, "_product", product)
    said: list[str] = []
    found = list(measure.products(torch, "cpu", said.append, size=4, span=0.001))
    assert [timing.format for timing in found] == ["fp32", "bf16", "fp16", "int8"]
    assert [timing.unit for timing in found] == ["TFLOP/s"] * 3 + ["TOP/s"]
    assert all(timing.value >= timing.median for timing in found)  # the highest rate
    assert said == ["tf32: left out (no tf32 here)", "fp8-e4m3: left out (no fp8-e4m3 here)"]


class Matrix:
    """Stands for a matrix and remembers how it lies."""

    def __init__(self, kind="fp32", columns=False):
        self.kind, self.columns = kind, columns

    def __rmul__(self, factor):
        return self

    def clamp(self, low, high):
        return self

    def to(self, kind):
        return Matrix(kind, self.columns)

    def t(self):
        return Matrix(self.kind, not self.columns)


def test_eight_bits_are_multiplied_with_the_second_matrix_by_columns():
    seen = []
    torch = SimpleNamespace(
        randn=lambda *_, device: Matrix(), ones=lambda *_, device: 1, int8="int8", float8_e4m3fn="fp8", bfloat16="bf16",
        _int_mm=lambda *pair: seen.append(pair), _scaled_mm=lambda *pair, **_: seen.append(pair),
    )  # fmt: skip
    for form in ("int8", "fp8-e4m3"):
        measure._product(torch, "cuda", form, 4)()
    assert [(one.kind, one.columns, other.kind, other.columns) for one, other in seen] == [
        ("int8", False, "int8", True),
        ("fp8", False, "fp8", True),
    ]


def test_a_rate_is_two_operations_for_each_multiplication(monkeypatch):
    monkeypatch.setattr(measure, "calls", lambda action, span: [1e-3, 2e-3, 4e-3])
    monkeypatch.setattr(measure, "_product", lambda *_: lambda: None)
    precisions = []
    torch = SimpleNamespace(
        get_float32_matmul_precision=lambda: "medium", set_float32_matmul_precision=precisions.append
    )
    found = next(iter(measure.products(torch, "cpu", print, size=1000)))
    assert (found.value, found.median, found.unit, found.calls) == (2.0, 1.0, "TFLOP/s", 3)
    list(measure.products(torch, "cpu", print, size=10))
    assert precisions[:2] == ["highest", "medium"]
    assert precisions[-12:] == ["highest", "medium", "high", "medium", *["highest", "medium"] * 4]


class Cuda:
    """Stands for torch.cuda and remembers what was called."""

    def __init__(self, uuid="1"):
        self.log, self.uuid = [], uuid

    def __getattr__(self, name):
        def called(*_):
            self.log.append(name)
            return {"max_memory_allocated": 2e6, "get_device_properties": SimpleNamespace(uuid=self.uuid)}.get(name)

        return called


def test_a_gpu_is_waited_for_and_its_memory_counted_anew_for_each_job(monkeypatch):
    cuda = Cuda()
    for name in ("_used", "_trained"):
        monkeypatch.setattr(measure, name, lambda torch, *_, name=name: lambda: torch.cuda.log.append(name))
    monkeypatch.setattr(measure, "calls", lambda action, span: (action(), [0.001])[1])
    meter = SimpleNamespace(there=False)
    found = list(measure.both_jobs(SimpleNamespace(cuda=cuda), "cuda", meter, batches=(4,)))
    assert cuda.log == [
        step
        for job in ("_used", "_trained")
        for step in (
            job, "synchronize", "reset_peak_memory_stats", job, "synchronize", "max_memory_allocated", "empty_cache"
        )
    ]  # fmt: skip
    assert [(t.metric, t.value, t.unit, t.device) for t in found] == [
        ("inference_time", 1.0, "ms", "gpu"),
        ("inference_memory", 2.0, "MB", "gpu"),
        ("training_time", 1.0, "ms", "gpu"),
        ("training_memory", 2.0, "MB", "gpu"),
    ]


@pytest.mark.parametrize(("uuid", "asked"), [("1", "GPU-1"), (None, None)])
def test_what_was_timed_is_kept_when_the_gpu_gives_up(monkeypatch, uuid, asked):
    first, second = timings()[:2]
    asked_for = []

    def jobs(*_):
        yield second
        raise RuntimeError("out of memory")

    class Watched(measure.Meter):
        def __init__(self, uuid):
            asked_for.append(uuid)
            super().__init__(uuid, Nvml())

    monkeypatch.setattr(measure, "products", lambda *_: iter([first]))
    monkeypatch.setattr(measure, "both_jobs", jobs)
    monkeypatch.setattr(measure, "Meter", Watched)
    said: list[str] = []
    assert measure.gpu(SimpleNamespace(cuda=Cuda(uuid)), said.append) == [first, second]
    assert asked_for == [asked]
    assert said[-1] == "stopped: out of memory"
    assert (len(said) == 2) == (uuid is None)  # then it also says that there is no meter


def test_a_meter_that_fails_later_is_one_error():
    nvml = Nvml()
    with measure.Meter("GPU-1", nvml) as meter:
        nvml.broken = True
        with pytest.raises(RuntimeError, match="the meter of the GPU failed: not supported"):
            meter.per_call(nvml.act, span=0.0)


def test_one_core_is_used(monkeypatch):
    import threadpoolctl

    limits = []
    limited = threadpoolctl.threadpool_limits
    monkeypatch.setattr(threadpoolctl, "threadpool_limits", lambda count: (limits.append(count), limited(count))[1])
    measure.processor(batches=(1,), span=0.001)
    assert limits == [1]


def test_both_jobs_are_timed_and_metered_for_each_batch(monkeypatch):
    nvml = Nvml()
    monkeypatch.setattr(measure, "_used", lambda *_: nvml.act)
    monkeypatch.setattr(measure, "_trained", lambda *_: nvml.act)
    with measure.Meter("GPU-1", nvml) as meter:
        found = list(measure.both_jobs(None, "cpu", meter, batches=(1, 8), span=0.001, energy_span=0.001))
    metrics = ["inference_time", "inference_energy", "training_time", "training_energy"]
    assert [(timing.batch, timing.metric) for timing in found] == [(b, m) for b in (1, 8) for m in metrics]


def test_a_gpu_is_shown_used_and_trained_side_by_side_and_by_format():
    columns = ["record_id", "device", "batch", "format", "metric", "value"]
    rows = [
        ("one", "gpu", batch, "bf16", f"{job}_time", batch * factor)
        for batch in (1, 8)
        for job, factor in (("inference", 1.0), ("training", 3.0))
    ]
    rows += [("one", "gpu", None, form, "matrix_rate", rate) for form, rate in (("bf16", 900.0), ("int8", 1800.0))]
    by_batch, by_format = measure.on_gpu(pd.DataFrame(rows, columns=columns)).values()
    assert [list(row) for row in by_batch.to_numpy()] == [["one", 1, 1.0, 3.0], ["one", 8, 8.0, 24.0]]
    assert [list(row) for row in by_format.to_numpy()] == [["one", "bf16", 900.0], ["one", "int8", 1800.0]]
    assert len(measure.on_gpu(pd.DataFrame(rows[:4], columns=columns))) == 1  # by batch alone
    assert measure.on_gpu(tables.load("speed_results").query("device == 'cpu'")) == {}


# --- the record ----------------------------------------------------------------------------------------


@pytest.fixture
def folder(copy):
    return copy.root / "measured"


def test_a_record_is_added_and_none_is_overwritten(folder):
    names = ("speed_records.csv", "speed_results.csv")
    before = {name: (folder / name).read_text("utf-8") for name in names}
    first = measure.add(timings(), ABOUT, folder)
    second = measure.add(timings(), ABOUT, folder)
    assert first.startswith("some-cpu-")
    assert (first[-2:], second[-2:]) == ("-1", "-2")
    assert all((folder / name).read_text("utf-8").startswith(before[name]) for name in names)
    tables.read.cache_clear()
    known = tables.read(folder.parent)
    assert {first, second} < set(known["speed_records"].rows)
    row = known["speed_results"].rows[f"{second}-cpu-mlp-3x2048-fp32-inference-time-1024"]
    assert (row.cells["value"], row.cells["median"], row.cells["unit"]) == ("1024", "1536", "ms")
    assert measure.check(known) == []


@pytest.mark.parametrize(
    ("changed", "column", "expected"),
    [
        ({"value": -1.0}, "value", "a number of at least 0"),
        ({"value": float("inf")}, "value", "a number in plain digits"),
        ({"format": "fp4"}, "format", "one of bf16"),
        ({"batch": 512}, "result_id", "an id used once"),
    ],
)
def test_what_breaks_the_contract_is_named_and_nothing_is_written(folder, changed, column, expected):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(tables.DataError) as caught:
        measure.add(timings(**changed), ABOUT, folder)
    assert f"data/measured/speed_results.csv, line 23, column {column}" in str(caught.value)
    assert expected in str(caught.value)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("missing", [0, 5, -1])
def test_a_record_without_a_batch_is_refused(folder, missing):
    found = timings()
    lost = found.pop(missing)
    with pytest.raises(tables.DataError, match=f"a time on one core with {lost.batch:,} at once"):
        measure.add(found, ABOUT, folder)


def test_a_record_that_lost_a_time_is_named(copy, monkeypatch, capsys):
    records = copy.records("speed_results")
    copy.write("speed_results", records[:-1])
    monkeypatch.setattr(tables, "DATA", copy.root)
    tables.read.cache_clear()
    assert __main__.main(["--check"]) == 1
    assert "data/measured/speed_records.csv, line 2, column record_id" in capsys.readouterr().err


def test_the_machine_is_described_without_its_name():
    about = measure.machine()
    assert about["gpu"] == about["torch"] == about["cuda"] == ""
    assert set(about) | {"record_id", "recorded", "command"} == set(tables.everything()["speed_records"].fields)
    assert not platform.node() or platform.node() not in " ".join(about.values())


# --- the command line ------------------------------------------------------------------------------------


def test_without_a_gpu_it_says_so_and_records_the_processor(folder, monkeypatch, capsys):
    monkeypatch.setattr(measure, "cuda", lambda: None)
    monkeypatch.setattr(measure, "processor", timings)
    assert measure.main(["--dry-run", "--out", str(folder)]) == 0
    assert "recorded" not in capsys.readouterr().out
    assert measure.main(["--out", str(folder)]) == 0
    out = capsys.readouterr()
    assert "no CUDA GPU found through PyTorch: the processor alone is timed" in out.err
    assert "recorded as" in out.out


def test_a_folder_that_is_none_is_refused_before_anything_is_timed(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(measure, "processor", lambda: pytest.fail("timed"))
    assert measure.main(["--out", str(tmp_path)]) == 1
    assert "no speed_records.csv; expected the folder measured/ of a data folder" in capsys.readouterr().err


def test_a_failed_record_is_one_message(folder, monkeypatch, capsys):
    monkeypatch.setattr(measure, "cuda", lambda: None)
    monkeypatch.setattr(measure, "processor", lambda: timings(value=-1.0))
    assert measure.main(["--out", str(folder)]) == 1
    assert "speed_results.csv, line 23, column value" in capsys.readouterr().err
