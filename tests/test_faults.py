"""Faults during a build: old pages or new ones, a message that says what happened, nothing left behind."""

import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from test_publish import GOOD, book, build, kernels

from publish import __main__, drafts, execute, keeper, notebooks
from publish import build as building

#: what other programs do with these notebooks: build them where the test says
BUILD = """
import signal, sys
from pathlib import Path
from publish import notebooks
notebooks.FOLDER = Path(sys.argv.pop(1))
sys.argv[0] = "publish"
signal.signal(signal.SIGINT, signal.default_int_handler)  # who is started in the background is deaf to it
import runpy
runpy.run_module("publish", run_name="__main__", alter_sys=True)
"""


class Builder:
    """A build in a process of its own, and whatever comes of it: known by a mark in the environment."""

    def __init__(self, place: Path, command: list[str], environment: dict[str, str], **options):
        self.mark = uuid.uuid4().hex
        self.said = place / f"said-{self.mark}.txt"
        with open(self.said, "w") as said:
            self.process = subprocess.Popen(
                command,
                env={**os.environ, "DOJO_TEST": self.mark, **environment},
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **options,
            )

    def lines(self) -> list[str]:
        """What it said so far."""
        return self.said.read_text("utf-8").splitlines()

    def writes(self, path: Path) -> str:
        """What a cell writes to a file, when it has done so."""
        wait(lambda: self.process.poll() is not None or (path.exists() and path.read_text()))
        assert self.process.poll() is None, self.lines()
        return path.read_text()

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
(Path.cwd().parent / os.environ["DOJO_TEST"]).write_text(os.environ["IPYTHONDIR"])
re.match(r"(a+)+$", "a" * 60 + "b")
"""


def test_a_builder_that_is_stopped_leaves_no_process_and_no_file(folder, tmp_path):
    book(folder, "01-stuck", ("stuck", "code", STUCK), ("title", "markdown", "# Stuck"))
    command = [sys.executable, "-c", BUILD, str(folder), "--out", str(tmp_path / "pages")]
    builders = {stop: Builder(tmp_path, command, {}) for stop in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)}
    try:
        for stop, builder in builders.items():
            kernel = Path(builder.writes(tmp_path / builder.mark))
            assert kernel.name.startswith("dojo-")
            assert len(builder.alive()) == 5  # builder, who forks its kernels, keeper, kernel, its child
            builder.process.send_signal(stop)
            wait(lambda builder=builder: not builder.alive(), 5)
            builder.process.wait()
            wait(lambda kernel=kernel: not kernel.exists(), 2)
    finally:
        for builder in builders.values():
            builder.process.kill()
    assert not (tmp_path / "pages").exists()
    for builder in [*builders.values()][1:]:
        said = builder.lines()
        assert said[-1] == "stopped"
        assert not any("died" in line or "Traceback" in line for line in said), said


@pytest.mark.parametrize("ended", [["stdout", "stdin"], ["stdin", "stdout"]])
def test_a_builder_that_ends_before_it_knows_the_folder_leaves_none(tmp_path, ended):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(["/bin/sh", "-c", keeper.KEEP, tmp_path], **pipes) as waiting:
        for pipe in ended:
            getattr(waiting, pipe).close()
    assert waiting.returncode == 0
    assert not [*tmp_path.iterdir()]


def test_a_kernel_whose_folder_cannot_be_made_says_where(folder, monkeypatch):
    path = book(folder, "01-good", GOOD[1])
    monkeypatch.setattr(keeper, "SOCKETS", "/proc")
    with pytest.raises(OSError, match=r"^nothing can be written to /proc, where a kernel needs a folder$"):
        execute.run(notebooks.read(path))


def test_what_a_cell_starts_ends_with_its_kernel(folder):
    code = "import subprocess\nprint(subprocess.Popen(['sleep', '1000']).pid)"
    path = book(folder, "01-child", ("child", "code", code))
    child = int(notebooks.output_text(execute.run(notebooks.read(path)).cells[0]))
    wait(lambda: not psutil.pid_exists(child), 2)


FLOODS = {
    "without end": "while True:\n    print('x' * 1000)",
    "at once": "from IPython.display import HTML, display\ndisplay(HTML('x' * 2_000_000))\nimport time\ntime.sleep(60)",
}


@pytest.mark.parametrize("name", FLOODS)
def test_a_cell_that_shows_too_much_is_named_and_stopped(folder, monkeypatch, name):
    monkeypatch.setattr(keeper, "FLOOD", 1_000_000)
    path = book(folder, "01-flood", ("fine", "code", "1"), ("flood", "code", FLOODS[name]))
    with pytest.raises(execute.Failure, match=r"01-flood\.ipynb, cell flood: shows more than 1 MB"):
        execute.run(notebooks.read(path), limit=50)
    assert kernels() == set()


#: what Python does first in every kernel that finds it
STARTS = {
    "dies": ("os._exit(3)", "the kernel died"),
    "hangs": ("time.sleep(600)", "still running after 2 s"),
}


@pytest.mark.parametrize("name", STARTS)
def test_a_kernel_that_does_not_start_is_named(folder, tmp_path, monkeypatch, name):
    code, said = STARTS[name]
    (tmp_path / "sitecustomize.py").write_text(f"import os, sys, time\nif '-f' in sys.orig_argv:\n    {code}\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    path = book(folder, "01-good", *GOOD)
    with pytest.raises(execute.Failure, match=rf"^notebooks/01-good\.ipynb: {said}"):
        execute.run(notebooks.read(path), limit=2 if name == "hangs" else 50)
    assert kernels() == set()


def test_what_readers_set_up_for_themselves_changes_no_page(folder, tmp_path, monkeypatch):
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


# --- files -----------------------------------------------------------------------------------------

OLD = {"one.html": "old one", "figures/two.svg": "old two", "three.html": "old three"}
NEW = {name: text.replace("old", "new") for name, text in OLD.items()}


def files(folder: Path) -> dict[str, str]:
    return {p.relative_to(folder).as_posix(): p.read_text("utf-8") for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def pages(tmp_path):
    drafts.replace(tmp_path / "pages", OLD)
    return tmp_path / "pages"


def test_files_are_replaced_as_a_set_and_others_stay(pages):
    (pages / "notes.txt").write_text("mine")
    drafts.replace(pages, NEW)
    assert files(pages) == {**NEW, "notes.txt": "mine"}


@contextmanager
def small_files(limit: int) -> Iterator[None]:
    """No file may grow beyond so many bytes, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_where_there_is_no_room_the_old_files_stay_and_the_file_is_named(pages):
    with small_files(100), pytest.raises(OSError, match=r"File too large: .*three\.html"):
        drafts.replace(pages, {**NEW, "three.html": "x" * 1000})
    assert files(pages) == OLD


def test_a_full_disk_is_said_and_the_old_pages_stay(folder, tmp_path, capfd):
    book(folder, "01-good", GOOD[1])
    drafts.replace(tmp_path / "pages", {"01-good.html": "old"})
    with small_files(5_000):
        assert build("--stored", "--out", tmp_path / "pages") == 1
    assert "pages: OSError: [Errno 27] File too large:" in capfd.readouterr().err
    assert files(tmp_path / "pages") == {"01-good.html": "old"}


#: writes to a disk of 40 kB of its own, seen by nobody else, then lists what is on it
FULL = """
mount -t tmpfs -o size=40k none "$1" && mkdir "$1/pages" && echo old >"$1/pages/01-good.html" || exit 77
"$2" -c "$3" "$4" --stored --out "$1/pages"
echo "code $?"; ls -RA "$1"; cat "$1/pages/01-good.html"
"""


@pytest.mark.thorough
def test_a_disk_that_is_full_is_said_and_holds_the_old_pages(folder, tmp_path):
    book(folder, "01-good", GOOD[1])
    disk = tmp_path / "disk"
    disk.mkdir()
    shown = subprocess.run(
        ["unshare", "--mount", "sh", "-c", FULL, "sh", disk, sys.executable, BUILD, folder],
        capture_output=True,
        text=True,
    )
    if "unshare failed" in shown.stderr or shown.returncode == 77:
        pytest.skip(f"no disk can be mounted here: {shown.stderr}")
    assert "OSError: [Errno 28] No space left on device:" in shown.stderr
    assert shown.stdout.endswith(f"code 1\n{disk}:\npages\n\n{disk}/pages:\n01-good.html\nold\n")


@pytest.mark.parametrize("out", ["/proc/pages", "file", "file/below"])
def test_where_nothing_can_be_written_is_said_before_anything_runs(folder, tmp_path, capfd, monkeypatch, out):
    (tmp_path / "file").write_text("mine")
    book(folder, "01-good", *GOOD)
    monkeypatch.setattr(execute, "run_all", None)
    assert build("--out", tmp_path / out) == 1
    said = capfd.readouterr()
    assert re.fullmatch(
        r"nothing can be written to (/proc?|/.*/file(/below)?, as /.*/file is no folder)(: .*)?\n", said.err
    )
    assert "executing" not in said.out
    assert (tmp_path / "file").read_text() == "mine"


#: replaces files and is killed, or asked to stop, after it moved so many into place
STOPPED = """
import os, signal, sys
from pathlib import Path
from publish import drafts

signal.signal(signal.SIGINT, signal.default_int_handler)  # who is started in the background is deaf to it
moves, replace = 0, os.replace
def counted(draft, path):
    global moves
    replace(draft, path)
    if Path(draft).parent.name in (drafts.FOLDER, "figures") and not Path(draft).name.startswith("."):
        moves += 1
        if moves == int(sys.argv[2]):
            os.kill(os.getpid(), signal.Signals[sys.argv[3]])
os.replace = counted
drafts.replace(Path(sys.argv[1]), dict(pair.split("=") for pair in sys.argv[4:]))
"""


def stopped(pages: Path, moves: int, how: str) -> None:
    pairs = [f"{name}={text}" for name, text in NEW.items()]
    ended = subprocess.run([sys.executable, "-c", STOPPED, pages, str(moves), how, *pairs], capture_output=True)
    assert ended.returncode == -signal.Signals[how], ended.stderr


def test_a_kill_between_two_files_leaves_each_whole_and_is_noticed_and_healed(pages, monkeypatch, capfd):
    stopped(pages, 2, "SIGKILL")
    one, two, three = OLD
    left = files(pages)
    assert (left[one], left[two], left[three]) == (NEW[one], NEW[two], OLD[three])
    monkeypatch.setattr(__main__, "EXPORTS", pages)
    assert build("--check") == 1
    assert f"{pages}: a build was killed while it wrote here: run make refresh" in capfd.readouterr().err
    drafts.replace(pages, NEW)
    assert files(pages) == NEW
    assert build("--check") == 0


def test_who_is_asked_to_stop_between_two_files_writes_the_rest_first(pages):
    stopped(pages, 1, "SIGINT")
    assert files(pages) == NEW


def test_two_builds_write_one_after_the_other(pages):
    code = "import sys\nfrom pathlib import Path\nfrom publish import drafts\nprint('begun', flush=True)\n"
    code += "drafts.replace(Path(sys.argv[1]), {'one.html': 'second'})"
    with drafts._alone(pages):
        second = subprocess.Popen([sys.executable, "-c", code, pages], stdout=subprocess.PIPE)
        assert second.stdout.readline() == b"begun\n"
        with pytest.raises(subprocess.TimeoutExpired):
            second.communicate(timeout=0.5)
        assert files(pages) == OLD
    second.communicate(timeout=30)
    assert files(pages) == {**OLD, "one.html": "second"}


@pytest.mark.parametrize("how", ["--stored", "--refresh"])
def test_what_changes_during_a_build_is_named_and_nothing_is_written(folder, tmp_path, monkeypatch, capfd, how):
    path = book(folder, "01-good", GOOD[1])
    together = building._together

    def meanwhile(*books: object) -> dict[str, str]:
        path.write_text(path.read_text() + "\n")  # as an editor does, or another build
        return together(*books)

    monkeypatch.setattr(building, "_together", meanwhile)
    assert build(how, "--out", tmp_path / "pages") == 1
    assert f"{path} changed during the build, so nothing was written" in capfd.readouterr().err
    assert path.read_text().endswith("}\n")
    assert not (tmp_path / "pages").exists()


# --- the whole suite ---------------------------------------------------------------------------------

#: two notebooks, built alone, for what has little time
SELECTION = ("00-start-here", "01-timeline")
#: what a build writes
WRITTEN = ("notebooks/*.ipynb", "build/pages/**/*", "exports/**/*", "data/README.md")
#: words that change, and with them every notebook, every page and the dictionary of the data
CHANGES = {
    "data/datapackage.json": ("Dojo? The record", "Dojo? What is recorded"),
    "CITATION.cff": ('title: "Why did Tesla stop', 'title: "Why did Tesla end'),
}
#: a build that is killed after it moved so many files into place
KILLED = """
import os, runpy, signal, sys

moves, replace = int(sys.argv.pop(1)), os.replace
def counted(draft, path):
    global moves
    replace(draft, path)
    moves -= ".drafts" in str(draft) and ".drafts" not in str(path)
    if not moves:
        os.kill(os.getpid(), signal.SIGKILL)
os.replace = counted
sys.argv[0] = "publish"
runpy.run_module("publish", run_name="__main__", alter_sys=True)
"""


class Suite:
    """A copy of the suite, with a home and a folder for temporary files of its own."""

    def __init__(self) -> None:
        self.place = Path(tempfile.mkdtemp(prefix="f-", dir="/tmp"))  # the path of a socket must be short
        self.root, self.temporary, self.home = self.place / "suite", self.place / "t", self.place / "home"
        self.temporary.mkdir()
        self.home.mkdir()
        self.reset()

    def reset(self) -> None:
        """As it stands in the repository."""
        shutil.rmtree(self.root, ignore_errors=True)
        ignored = shutil.ignore_patterns(".*", "__pycache__", "build", "*.egg-info")
        shutil.copytree(notebooks.ROOT, self.root, ignore=ignored)
        shutil.copytree(self.root / "exports", self.root / "build/pages")

    def change(self) -> None:
        """Change what the pages say."""
        for name, (old, new) in CHANGES.items():
            text = (self.root / name).read_text("utf-8")
            assert text.count(old) == 1, name
            (self.root / name).write_text(text.replace(old, new), "utf-8")

    def write(self, files: dict[str, bytes]) -> None:
        for name, content in files.items():
            (self.root / name).write_bytes(content)

    def files(self) -> dict[str, bytes]:
        """What a build writes, as it is now."""
        found = (path for pattern in WRITTEN for path in self.root.glob(pattern) if path.is_file())
        names = {path.relative_to(self.root).as_posix(): path for path in found}
        return {name: path.read_bytes() for name, path in names.items() if drafts.FOLDER not in name}

    def build(self, *arguments: str, moves: int = 0, before: tuple[str, ...] = (), **options) -> Builder:
        """A build that has begun; `moves` as in KILLED, `before` are words before the command."""
        start = ["-c", KILLED, str(moves)] if moves else ["-m", "publish"]
        places = {"PYTHONPATH": f"{self.root / 'notebooks'}:{self.root}", "HOME": self.home, "TMPDIR": self.temporary}
        environment = {**{name: str(path) for name, path in places.items()}, **options.pop("environment", {})}
        command = [*before, sys.executable, *start, "--force", *arguments]  # what is killed must be at work
        self.last = Builder(self.place, command, environment, **{"cwd": self.root, **options})
        return self.last

    def refresh(self, *names: str, **options) -> dict[str, list[float]]:
        """Do what make refresh does; returns when each line was said, in seconds from the start."""
        return {how: self.followed(self.build(how, *names, **options)) for how in ("--refresh", "--stored")}

    def followed(self, builder: Builder) -> list[float]:
        start, times = time.monotonic(), []
        while builder.process.poll() is None:
            times += [time.monotonic() - start] * (len(builder.lines()) - len(times))
            time.sleep(0.02)
        assert builder.process.returncode == 0, builder.said.read_text()
        return times

    def left(self) -> list[str]:
        """What lies in the folder for temporary files and in the one where Jupyter keeps what runs."""
        places = (self.temporary, self.home / ".local/share/jupyter/runtime")
        return [path.name for place in places if place.exists() for path in place.iterdir()]


@pytest.fixture
def suite():
    made = Suite()
    yield made
    made.last.process.kill()  # which runs only where the test failed
    made.last.process.wait()
    shutil.rmtree(made.place)


def killed(suite: Suite, how: str, names: tuple[str, ...], times: list[float], moment: float) -> Builder:
    """A build killed at a moment, measured on an undisturbed one from the line that was said last."""
    builder = suite.build(how, *names)
    said = sum(time <= moment for time in times)
    wait(lambda: len(builder.lines()) >= said, 900)
    end = time.monotonic() + moment - max([0, *times[:said]])
    while time.monotonic() < end and len(builder.lines()) == said:  # a quicker build is killed at its next line
        time.sleep(0.005)
    builder.process.kill()
    return builder


def ages(now: dict[str, bytes], old: dict[str, bytes], new: dict[str, bytes]) -> dict[str, set[str]]:
    """How old the files of each folder are: old, new, or else their names."""
    found: dict[str, set[str]] = {}
    for name in old.keys() | new.keys() | now.keys():
        if not now.get(name) == old.get(name) == new.get(name):
            age = {new.get(name): "new", old.get(name): "old"}.get(now.get(name), name)
            found.setdefault(name.split("/")[0], set()).add(age)
    return found


def kills(suite: Suite, names: tuple[str, ...], counts: dict[str, int]) -> None:
    """Kill builds at random points: pages are old or new, nothing is left but drafts, the next build heals all."""
    chance = random.Random("faults")
    first = suite.files()
    suite.change()
    times = suite.refresh(*names)
    new = suite.files()
    print({how: f"{said[-1]:.0f} s undisturbed" for how, said in times.items()})
    starts = {"--refresh": first, "--stored": {n: first[n] if n.startswith("exports/") else new[n] for n in first}}
    assert ages(new, first, new) == {place: {"new"} for place in ("notebooks", "build", "exports", "data")}
    for how, count in counts.items():
        moments = [(place + chance.random()) / count * times[how][-1] for place in range(count)]
        for moment in (*moments, None):
            suite.reset()
            suite.change()
            suite.write(starts[how])
            if moment is None:  # in the midst of the pages, which no chance hits
                builder = suite.build(how, *names, moves=chance.randint(1, 10))
            else:
                builder = killed(suite, how, names, times[how], moment)
            assert builder.process.wait(900) == -signal.SIGKILL, builder.said.read_text()
            seconds = wait(lambda builder=builder: not builder.alive(), 5)
            unfinished = {path.relative_to(suite.root).parts[0] for path in suite.root.rglob(drafts.FOLDER)}
            found = ages(suite.files(), starts[how], new)
            print(f"{how} killed: {moment or -1:5.1f} s, gone {seconds:.2f} s later; {found}, drafts: {unfinished}")
            assert suite.left() == []
            assert all(age <= {"old", "new"} for age in found.values())
            assert {place for place, age in found.items() if len(age) > 1} <= unfinished
    suite.refresh(*names)
    assert suite.files() == new
    assert suite.left() == []
    assert not list(suite.root.rglob(drafts.FOLDER))


@pytest.mark.thorough
def test_a_few_kills_of_a_short_build(suite):
    kills(suite, SELECTION, {"--refresh": 2, "--stored": 1})


@pytest.mark.faults
def test_twenty_kills_of_the_whole_build(suite):
    kills(suite, (), {"--refresh": 12, "--stored": 8})


# --- elsewhere ---------------------------------------------------------------------------------------


def can(*command: str, **options) -> bool:
    """Whether this machine and user can do so."""
    try:
        return subprocess.run(command, capture_output=True, **options).returncode == 0
    except OSError:
        return False


#: an hour, a language, a chance, a home, a count of threads; which are said, and how strict new files are
ELSEWHERE = {
    "a bare machine": (
        {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "TZ": "Asia/Kathmandu"}
        | {"PYTHONHASHSEED": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        {"umask": 0o077, "cwd": "/"},
    ),
    "another one": (
        {"LC_ALL": "C.UTF-8", "TZ": "America/St_Johns", "PYTHONHASHSEED": "4242", "HOME": "/proc/nobody"}
        | {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2", "COLUMNS": "30", "FORCE_COLOR": "1"},
        {"umask": 0},
    ),
}


def elsewhere(suite: Suite, names: tuple[str, ...], name: str) -> None:
    """Build under other circumstances; all must come out as it stands in the repository."""
    environment, options = ELSEWHERE[name]
    before: tuple[str, ...] = ()
    if name == "a bare machine":
        before = (*(("unshare", "--net") if can("unshare", "--net", "true") else ()), "env", "-u", "HOME")
        nobody = {"user": 65534, "group": 65534, "extra_groups": []}
        if os.getuid() == 0 and can(sys.executable, "-c", "import publish", **nobody):
            options = {**options, **nobody}
            for path in (suite.place, *suite.place.rglob("*")):
                os.chown(path, 65534, 65534)
    expected = suite.files()
    for path in (path for pattern in WRITTEN[1:] for path in suite.root.glob(pattern) if path.is_file()):
        path.unlink()  # so that all that is compared is made
    suite.refresh(*names, before=before, environment=environment, **options)
    made = suite.files()
    assert names or made.keys() == expected.keys()
    for path in made:
        assert made[path] == expected[path], path
        assert (suite.root / path).stat().st_mode & 0o777 == 0o644 or path.startswith("notebooks/"), path
    assert suite.left() == []


@pytest.mark.thorough
def test_a_short_build_is_the_same_elsewhere(suite):
    elsewhere(suite, SELECTION, "a bare machine")


@pytest.mark.faults
@pytest.mark.parametrize("name", ELSEWHERE)
def test_the_whole_build_is_the_same_elsewhere(suite, name):
    elsewhere(suite, (), name)
