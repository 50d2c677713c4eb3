"""Faults during a build: a message that says what happened, nothing left behind."""

import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import psutil
import pytest
from test_publish import GOOD, book, folder, kernels  # noqa: F401  (a fixture)

from publish import execute, keeper, notebooks

#: what other programs do with these notebooks: build them where the test says
BUILD = """
import sys
from pathlib import Path
from publish import notebooks
notebooks.FOLDER = Path(sys.argv.pop(1))
sys.argv[0] = "publish"
import runpy
runpy.run_module("publish", run_name="__main__", alter_sys=True)
"""


class Builder:
    """A build in a process of its own, and whatever comes of it: known by a mark in the environment."""

    def __init__(self, place: Path, *arguments: object, **environment: str):
        self.mark = uuid.uuid4().hex
        self.said = place.parent / f"said-{self.mark}.txt"
        with open(self.said, "w") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-c", BUILD, str(place), *map(str, arguments)],
                env={**os.environ, "DOJO_TEST": self.mark, **environment},
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def until(self, path: Path) -> None:
        """Wait for a file that a cell writes."""
        wait(lambda: path.exists() or self.process.poll() is not None)
        assert self.process.poll() is None, self.said.read_text()

    def alive(self) -> list[str]:
        """What still runs of it."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("DOJO_TEST") == self.mark and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(" ".join(process.cmdline()))
            except psutil.Error:
                continue  # ended meanwhile, or somebody else's
        return found


def wait(condition, seconds: float = 60) -> float:
    """Wait until a condition holds; returns the seconds it took."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < seconds, "waited in vain"
        time.sleep(0.05)
    return time.monotonic() - start


# --- kernels ---------------------------------------------------------------------------------------

#: holds Python's lock for years, so that no thread of the kernel gets a turn, and leaves a child
STUCK = """
import os, re, signal, subprocess
from pathlib import Path

for stop in (signal.SIGINT, signal.SIGTERM):
    signal.signal(stop, signal.SIG_IGN)
subprocess.Popen(["sleep", "1000"])
Path({place!r}).write_text(os.environ["IPYTHONDIR"])
re.match(r"(a+)+$", "a" * 60 + "b")
"""


@pytest.mark.parametrize(("stop", "within"), [(signal.SIGKILL, 5), (signal.SIGTERM, 15)])
def test_a_builder_that_is_stopped_leaves_no_process_and_no_file(folder, tmp_path, stop, within):  # noqa: F811
    begun, out = tmp_path / "begun", tmp_path / "pages"
    book(folder, "01-stuck", ("stuck", "code", STUCK.format(place=str(begun))), ("title", "markdown", "# Stuck"))
    builder = Builder(folder, "--out", out)
    builder.until(begun)
    kernel = Path(wait_for_text(begun))
    assert kernel.name.startswith("dojo-")
    assert len(builder.alive()) == 4  # builder, keeper, kernel, its child
    builder.process.send_signal(stop)
    wait(lambda: not builder.alive(), within)
    builder.process.wait()
    wait(lambda: not kernel.exists(), 2)
    assert not out.exists()
    assert stop == signal.SIGKILL or builder.said.read_text().endswith("stopped\n")


def wait_for_text(path: Path) -> str:
    wait(lambda: path.read_text())
    return path.read_text()


def test_what_a_cell_starts_ends_with_its_kernel(folder):  # noqa: F811
    code = "import subprocess\nprint(subprocess.Popen(['sleep', '1000']).pid)"
    path = book(folder, "01-child", ("child", "code", code))
    child = int(notebooks.output_text(execute.run(notebooks.read(path)).cells[0]))
    wait(lambda: not psutil.pid_exists(child), 2)


FLOODS = {
    "without end": "while True:\n    print('x' * 1000)",
    "at once": "print('x' * 2_000_000)\nimport time\ntime.sleep(60)",
    "as a picture of itself": "from IPython.display import HTML, display\ndisplay(HTML('x' * 2_000_000))",
}


@pytest.mark.parametrize("name", FLOODS)
def test_a_cell_that_shows_too_much_is_named_and_stopped(folder, monkeypatch, name):  # noqa: F811
    monkeypatch.setattr(keeper, "FLOOD", 1_000_000)
    path = book(folder, "01-flood", ("fine", "code", "1"), ("flood", "code", FLOODS[name]))
    with pytest.raises(execute.Failure, match=r"01-flood\.ipynb, cell flood: shows more than 1 MB"):
        execute.run(notebooks.read(path), limit=50)
    assert kernels() == set()


#: what Python does first in every kernel that finds it
STARTS = {"dies": ("os._exit(3)", "Kernel died"), "hangs": ("time.sleep(600)", "still running after 4 s")}


@pytest.mark.parametrize("name", STARTS)
def test_a_kernel_that_does_not_start_is_named(folder, tmp_path, monkeypatch, name):  # noqa: F811
    code, said = STARTS[name]
    (tmp_path / "sitecustomize.py").write_text(f"import os, sys, time\nif '-f' in sys.orig_argv:\n    {code}\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    path = book(folder, "01-good", *GOOD)
    with pytest.raises(execute.Failure, match=rf"^notebooks/01-good\.ipynb: {said}"):
        execute.run(notebooks.read(path), limit=4)
    assert kernels() == set()


def test_what_readers_set_up_for_themselves_changes_no_page(folder, tmp_path, monkeypatch):  # noqa: F811
    profile = tmp_path / ".ipython/profile_default"
    (profile / "startup").mkdir(parents=True)
    (profile / "startup/mine.py").write_text("print('mine')\nmine = 1")
    (profile / "ipython_config.py").write_text("get_config().InteractiveShell.ast_node_interactivity = 'all'")
    (tmp_path / "python.py").write_text("mine = 1")
    (tmp_path / "matplotlib").mkdir()
    (tmp_path / "matplotlib/matplotlibrc").write_text("lines.linewidth: 9\nno.such.key: 1\n")
    spec = tmp_path / ".local/share/jupyter/kernels/python3"
    spec.mkdir(parents=True)
    (spec / "kernel.json").write_text('{"argv": ["false"], "display_name": "mine", "language": "python"}')
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path / "matplotlib"))
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "0")
    monkeypatch.setenv("PYTHONSTARTUP", str(tmp_path / "python.py"))
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    code = "import matplotlib, sys\n1\nmatplotlib.rcParams['lines.linewidth'], 'mine' in dir(), sys.warnoptions"
    path = book(folder, "01-mine", ("mine", "code", code))
    assert notebooks.output_text(execute.run(notebooks.read(path)).cells[0]) == "(1.5, False, [])"
