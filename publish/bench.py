"""Times the suite beside others that execute notebooks, and its parts beside their peers: python -m publish.bench.

    python -m publish.bench [ROUNDS]

Contestants are taken in turn within each round, so that a machine that slows down slows all of them. The floor is the
same cells in one bare Python process. Others are taken as they come, in an environment of their own in build/, with
the kernels of the suite's; who cannot be installed is named and left out. Each gets a fresh copy of the suite, its
byte-code included, which is made once. CPU time is that of all processes together; memory is the most that they held at
once, shared pages counted once, looked at in the first round, often at first, then four times a second. Prints one
table in Markdown.
"""

from __future__ import annotations

import compileall
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import venv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
import psutil

from dojo import tables, timeline
from publish import bench_board, bench_formats, notebooks, peers
from publish.__main__ import EXPORTS
from publish.bench_formats import turns

PYTHON = sys.executable
BUILD = notebooks.ROOT / "build"
#: where others are installed, and the one kernel that all use
OTHERS, KERNELS = BUILD / "others", BUILD / "kernels"
PACKAGES = ("papermill", "nbmake", "nbval", "jupyter-cache")
#: how many notebooks, and how many rows of a table, growth is measured with
BOOKS, ROWS = (8, 32), (100, 1_000, 10_000, 100_000)
FLOOR = "bare Python: the cells alone"


@dataclass(frozen=True)
class Took:
    """What one run took: seconds, seconds of all processors, bytes."""

    wall: float
    cpu: float
    memory: int = 0


@dataclass(frozen=True)
class Contestant:
    """Who executes the suite."""

    name: str
    #: what is called in a folder that holds a copy of the suite
    command: Callable[[Path], Sequence[str | Path]]
    #: what is done before, untimed
    prepare: Callable[[Path], None] = lambda _: None
    #: the row that this one is compared with
    floor: str = FLOOR
    #: version, or a word on what it does
    says: str = ""
    #: what runs the command and times it: `run`, if nothing else is said
    timed: Callable[[Sequence[str | Path], Path, bool], Took] | None = None


# --- running -------------------------------------------------------------------------------------


def environment(folder: Path) -> dict[str, str]:
    """The environment of a run: the copy's own package, and for all the same kernels."""
    ours = {"PYTHONPATH": f"{folder / 'notebooks'}{os.pathsep}{folder}", "JUPYTER_PATH": str(KERNELS)}
    return {**os.environ, **ours, "DOJO_STATIC": "1", "MPLBACKEND": "agg"}


def run(command: Sequence[str | Path], folder: Path, watched: bool = False) -> Took:
    """Run a command in a copy of the suite. RuntimeError with the end of what it says when it fails."""
    with tempfile.TemporaryFile("w+") as said:
        start = time.perf_counter()
        process = subprocess.Popen(
            [*map(str, command)],
            cwd=folder,
            env=environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        most = [0]
        if watched:
            threading.Thread(target=_watch, args=(process.pid, most), daemon=True).start()
        _, status, used = os.wait4(process.pid, 0)
        wall, process.returncode = time.perf_counter() - start, os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise RuntimeError(f"{command[0]} failed:\n{said.read()[-2000:]}")
    return Took(wall, used.ru_utime + used.ru_stime, most[0])


def _watch(process: int, most: list[int]) -> None:
    """Note the most memory that a process and all below it hold at once, until it is gone."""
    pause = 0.01
    try:
        while True:
            all_ = [first := psutil.Process(process), *first.children(recursive=True)]
            most[0] = max(most[0], sum(_held(one) for one in all_))
            time.sleep(pause := min(1.5 * pause, 0.25))
    except psutil.Error:
        pass


def _held(process: psutil.Process) -> int:
    try:
        held = process.memory_full_info()
        return getattr(held, "pss", held.uss)  # which Linux alone says
    except psutil.Error:  # it has ended meanwhile
        return 0


def copy(folder: Path) -> None:
    """A copy of the suite: all that a build needs."""
    for part in ("data", "notebooks", "publish"):
        shutil.copytree(notebooks.ROOT / part, folder / part, ignore=shutil.ignore_patterns(".*"))
    for name in ("CITATION.cff", "CHANGELOG.md", "requirements.lock"):
        shutil.copy(notebooks.ROOT / name, folder / name)


def once(contestant: Contestant, watched: bool = False) -> Took:
    """One run in a fresh copy."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "suite"
        copy(folder)
        contestant.prepare(folder)
        return (contestant.timed or run)(contestant.command(folder), folder, watched)


# --- who executes --------------------------------------------------------------------------------


def paths(folder: Path) -> list[Path]:
    """The notebooks of a copy."""
    return sorted((folder / "notebooks").glob("*.ipynb"))


def bare(folder: Path, *names: str) -> list[str | Path]:
    """All cells in one process, or those of the named notebooks."""
    chosen = [path for path in paths(folder) if not names or path.stem in names]
    return [PYTHON, Path(__file__).with_name("bare.py"), *chosen]


def ours(folder: Path, *options: str) -> list[str | Path]:
    """Our build, checks and pages included."""
    return [PYTHON, "-m", "publish", *options]


def built(folder: Path) -> None:
    """Build once, so that the build which is timed finds what was made."""
    run(ours(folder), folder)


def changed(folder: Path) -> None:
    """Build once, then change a table."""
    built(folder)
    change(folder)


def change(folder: Path) -> None:
    """Add a note to the last row of a table."""
    path = folder / "data/story/finance_figures.csv"
    path.write_text(path.read_text("utf-8").rstrip() + "Seen again.\n", "utf-8")


def waiting(command: Sequence[str | Path], folder: Path, watched: bool = False, settled: float = 3) -> Took:
    """Change a table while a build that stays waits for it: until the pages are there; work until it waits again.

    Nobody changes a table in the second in which a build begins to wait, so it has some seconds until it is `settled`.
    """
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen([*map(str, command)], cwd=folder, env=environment(folder), **pipes) as process:
        try:
            _until(process, "waiting")
            time.sleep(settled)
            all_ = psutil.Process(process.pid), *psutil.Process(process.pid).children()
            before, start, most = _work(all_), time.perf_counter(), [0]
            if watched:
                threading.Thread(target=_watch, args=(process.pid, most), daemon=True).start()
            change(folder)
            _until(process, "open")
            wall = time.perf_counter() - start
            _until(process, "waiting")
            return Took(wall, _work(all_) - before, most[0])
        finally:
            process.terminate()


def _until(process: subprocess.Popen[str], word: str) -> None:
    """Wait until it says so. RuntimeError when it ends, or waits for the next change, without."""
    for line in process.stdout:
        if line.startswith(word):
            return
        if line.startswith("waiting"):
            break
    raise RuntimeError("a build that stays failed")


def _work(processes: Sequence[psutil.Process]) -> float:
    """Seconds of all processors that these took, with those that ended below them."""
    return sum(sum(process.cpu_times()[:4]) for process in processes)


#: the notebooks that look at that table: two show all tables, one draws it
READERS = ("00-start-here", "01-timeline", "sources-and-glossary")


def suite() -> list[Contestant]:
    """This suite, and the floors it is compared with."""
    few, watch = "bare Python: the readers of a table", lambda folder: ours(folder, "--watch")
    return [
        Contestant(FLOOR, bare),
        Contestant(few, lambda folder: bare(folder, *READERS)),
        Contestant("this suite, all anew", ours, says="checked, with pages"),
        Contestant("... each kernel started cold", lambda folder: ours(folder, "--cold"), says="checked, with pages"),
        Contestant("... nothing changed", ours, built),
        Contestant("... one table changed", ours, changed, few, f"{len(READERS)} notebooks executed"),
        Contestant("... one table changed, --watch", watch, built, few, f"{len(READERS)} notebooks executed", waiting),
        Contestant("... --check", lambda folder: ours(folder, "--check"), says="executes nothing"),
    ]


#: what tells pytest-notebook which files to run
CONFIG = notebooks.ROOT / "pyproject.toml"
#: how jupyter-cache and papermill are called, with the notebooks as arguments
CACHE = 'yes | "$0" notebook add "$@" >add.txt && "$0" project execute >run.txt && ! grep -q Excepted run.txt'
MILL = 'cd notebooks; for book; do "$0" --log-level ERROR --no-progress-bar "$book" "$book.out" || exit 1; done'
CONVERT = (PYTHON, "-m", "nbconvert", "--to", "html", "--execute")


def others() -> list[Contestant]:
    """Others that execute notebooks, as far as they can be installed; nothing is configured but what they need."""
    convert, compare = f"nbconvert {version('nbconvert')}", f"pytest-notebook {version('pytest-notebook')}"
    plain = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-c")
    found = [
        Contestant("nbconvert --execute", lambda folder: [*CONVERT, *paths(folder)], says=f"{convert}, with pages"),
        Contestant("pytest-notebook", lambda folder: [PYTHON, *plain, CONFIG, *paths(folder)], says=compare),
    ]
    tests = (OTHERS / "bin/python", *plain, os.devnull)
    calls = {
        "papermill": lambda folder: ["sh", "-c", MILL, OTHERS / "bin/papermill", *paths(folder)],
        "nbmake": lambda folder: [*tests, "--nbmake", *paths(folder)],
        "nbval": lambda folder: [*tests, "--nbval-lax", *paths(folder)],
        "jupyter-cache": lambda folder: ["sh", "-c", CACHE, OTHERS / "bin/jcache", *paths(folder)],
    }
    found += [Contestant(name, calls[name], says=f"{name} {number}") for name, number in installed().items()]
    if book := peers.book_version():
        found.append(Contestant("Jupyter Book 1", a_book, says=f"Jupyter Book {book}, with pages"))
    return found


def installed() -> dict[str, str]:
    """The versions of the others, installed if need be; none, with a word why, where that fails."""
    python = OTHERS / "bin" / "python"
    try:
        if not python.exists():
            venv.create(OTHERS, with_pip=False, clear=True)
            pip = [Path(PYTHON).with_name("uv"), "pip", "install", "--quiet", "--python", python]
            peers.call(*pip, "-c", notebooks.ROOT / "constraints.txt", "ipykernel", *PACKAGES)
        code = f"from importlib.metadata import version as v\nfor name in {PACKAGES}: print(name, v(name))"
        return dict(line.split() for line in peers.call(python, "-c", code).splitlines())
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"papermill and others could not be installed and are left out: {error}", file=sys.stderr)
        return {}


def a_book(folder: Path) -> list[str | Path]:
    """A book of the notebooks, which it executes itself."""
    names = [f"notebooks/{path.stem}" for path in paths(folder)]
    (folder / "_config.yml").write_text(
        "title: Notebooks\nexecute:\n  execute_notebooks: force\n  timeout: 300\n"
        "sphinx:\n  config:\n    nb_execution_raise_on_error: true\n"
    )
    chapters = "".join(f"- file: {name}\n" for name in names[1:])
    (folder / "_toc.yml").write_text(f"format: jb-book\nroot: {names[0]}\nchapters:\n{chapters}")
    return [peers.BOOK_PROGRAM, "build", folder, "--all", "--quiet"]


def with_kernel() -> None:
    """Write the kernel that all use: of the Python that runs this."""
    spec = {"argv": [PYTHON, "-m", "ipykernel_launcher", "-f", "{connection_file}"], "display_name": "Python 3"}
    tables.write(KERNELS / "kernels/python3/kernel.json", json.dumps({**spec, "language": "python"}))


# --- growth --------------------------------------------------------------------------------------


def grown(count: int, folder: Path) -> None:
    """Replace the notebooks of a copy by so many of one kind: the code of 02-people under a title."""
    content = json.loads((folder / "notebooks/02-people.ipynb").read_text("utf-8"))
    title = {"id": "title", "cell_type": "markdown", "metadata": {}, "source": "# People\n\nWho left."}
    content["cells"] = [title, *(cell for cell in content["cells"] if cell["cell_type"] == "code")]
    for path in paths(folder):
        path.unlink()
    for number in range(count):
        (folder / f"notebooks/{number:02}-people.ipynb").write_text(json.dumps(content), "utf-8")


def growth() -> list[Contestant]:
    """With more notebooks: bare Python, and we."""
    found = []
    for count in BOOKS:
        floor, before = f"{count} notebooks, bare Python", partial(grown, count)
        found.append(Contestant(floor, bare, before, floor))
        found.append(Contestant(f"{count} notebooks, this suite", ours, before, floor, "checked, with pages"))
    return found


def with_events(count: int, rounds: int) -> float:
    """Seconds to place so many events in time, from a table to windows of days."""
    events = tables.load("events")
    frame = events.iloc[np.arange(count) % len(events)]
    return turns({"": lambda: timeline.dated(frame)}, rounds)[""]


# --- parts ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Part:
    """A part of the suite: what it takes, how many times what its peer takes or its limit allows, and which that is."""

    name: str
    took: str
    ratio: float | None
    beside: str


def beside_peer(name: str, took: Mapping[str, float]) -> Part:
    """What `dojo` took, beside the fastest who did the same; beside one that left something out where nobody did."""
    peer = min(took.keys() - {"dojo"}, key=lambda peer: ("without" in peer, took[peer]))
    who, *left_out = peer.split(", ")
    says = ", ".join([f"{who} {version({'PyTorch': 'torch'}.get(who, who))}", *left_out])
    return Part(name, f"{took['dojo']:.3f} s", took["dojo"] / took[peer], says)


def parts(rounds: int) -> list[Part]:
    """Rounding, training, the model of a board, growth of a table, sizes of pages."""
    found = []
    x = np.random.default_rng(1).standard_normal(2**22, np.float32)
    for words, contest in bench_formats.roundings(x):
        found.append(beside_peer(f"rounding 4 million numbers to FP8 {words}", turns(contest, rounds)))
    for words, contest in bench_formats.trainings():
        found.append(beside_peer(f"study: one network, {words}", turns(contest, rounds)))
    for words, (at_once, singly) in bench_board.speeds(rounds).items():
        found.append(Part(f"a million boards, {words}", f"{at_once:.2f} s", at_once / singly, "the same one by one"))
    for count in ROWS:
        found.append(Part(f"{count:,} events placed in time", f"{1e3 * with_events(count, rounds):.1f} ms", None, ""))
    return [*profiled(rounds), *found, *sizes()]


#: the phases of a build, each with the word that its last line has
PHASES = {"started": "executing", "executed": "executed", "checked and rendered": "page", "written": "open"}


def phases(lines: Sequence[tuple[float, str]]) -> dict[str, float]:
    """Seconds of each phase of a build, by the lines that it says, each with the seconds since it began."""
    ends = [max((when for when, line in lines if word in line.split()), default=0.0) for word in PHASES.values()]
    return {name: end - start for name, start, end in zip(PHASES, [0.0, *ends], ends, strict=False)}


def profiled(rounds: int) -> list[Part]:
    """Where the seconds of one build go, all made anew."""
    found = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as place:
            copy(folder := Path(place) / "suite")
            start = time.perf_counter()
            command = [*map(str, ours(folder))]
            with subprocess.Popen(
                command, cwd=folder, env=environment(folder), stdout=subprocess.PIPE, text=True
            ) as build:
                found.append(phases([(time.perf_counter() - start, line) for line in build.stdout]))
            if build.returncode:
                raise RuntimeError("a build failed")
    medians = {name: statistics.median(one[name] for one in found) for name in PHASES}
    whole = sum(medians.values())
    return [
        Part(f"a build, {name}", f"{took:.2f} s", took / whole, "the whole build") for name, took in medians.items()
    ]


def sizes() -> list[Part]:
    """The largest page and the whole story, beside the limits that tests hold them to."""
    pages = {path.name: path.stat().st_size / 1e3 for path in EXPORTS.glob("*.html")}
    whole = pages.pop("whole-story.html")
    largest = max(pages.values())
    return [
        Part("the largest page", f"{largest:.0f} kB", largest / 250, "a limit of 250 kB"),
        Part("the whole story", f"{whole:.0f} kB", whole / 2000, "a limit of 2,000 kB"),
    ]


# --- the table -----------------------------------------------------------------------------------


def raced(contestants: Sequence[Contestant], rounds: int) -> dict[str, list[Took]]:
    """What each took, round by round, taken in turn; in the first round memory is watched. Who fails is left out."""
    found: dict[str, list[Took]] = {one.name: [] for one in contestants}
    for number in range(rounds):
        for one in contestants:
            if found[one.name] or not number:
                try:
                    found[one.name].append(once(one, watched=not number))
                except (RuntimeError, OSError) as error:
                    found.pop(one.name)
                    print(f"{one.name} is left out: {error}", file=sys.stderr)
                    found[one.name] = []
        print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
    return {name: took for name, took in found.items() if took}


def rows(contestants: Sequence[Contestant], found: Mapping[str, list[Took]]) -> list[list[str]]:
    """Medians, and how many times those of the floor."""
    made = []
    medians = {
        name: (statistics.median(t.wall for t in took), statistics.median(t.cpu for t in took))
        for name, took in found.items()
    }
    for one in contestants:
        if one.name in medians:
            wall, cpu = medians[one.name]
            floor, least = medians.get(one.floor, (None, None))
            ratios = (f"{wall / floor:.2f}", f"{cpu / least:.2f}") if floor and least else ("", "")
            memory = f"{found[one.name][0].memory / 1e6:.0f}"
            made.append([one.name, f"{wall:.2f} s", ratios[0], f"{cpu:.2f}", ratios[1], memory, one.says])
    return made


def table(rows_: Sequence[Sequence[str]]) -> str:
    """Rows as a table of Markdown; its columns are even, so that it reads as it is too."""
    head = ["", "took", "times", "CPU, s", "times", "MB", "beside, with"]
    whole = [head, [""] * len(head), *rows_]
    widths = [max(map(len, column)) for column in zip(*whole, strict=True)]
    whole[1] = ["-" * width for width in widths]
    lines = (" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in whole)
    return "\n".join(f"| {line} |" for line in lines)


def main(rounds: int = 5) -> None:
    """Race all, and print the table."""
    with_kernel()
    for part in ("notebooks", "publish"):
        compileall.compile_dir(notebooks.ROOT / part, quiet=2)
    contestants = [*suite(), *others(), *growth()]
    found = raced(contestants, rounds)
    made = rows(contestants, found)
    for part in parts(rounds):
        ratio = f"{part.ratio:.2g}" if part.ratio else ""
        made.append([part.name, part.took, ratio, "", "", "", part.beside])
    print(f"\n{os.cpu_count()} processors, Python {platform.python_version()}, medians of {rounds} rounds.\n")
    print(table(made))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
