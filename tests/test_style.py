"""One style of code, and nothing in the repository that speaks of the machine it was made on."""

import getpass
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from publish import notebooks


@pytest.mark.parametrize("task", [["check"], ["format", "--check"]], ids=["lint", "format"])
def test_code_follows_one_style(task):
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *task, "--no-cache", "--quiet", "."],
        cwd=notebooks.ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def stored() -> Iterator[tuple[str, str]]:
    """Everything that a program wrote and the repository keeps: pages, outputs, records."""
    for folder in ("exports", "notebooks", "data/measured"):
        for path in sorted((notebooks.ROOT / folder).rglob("*")):
            if path.suffix in (".html", ".md", ".svg", ".csv", ".ipynb") and ".ipynb_checkpoints" not in path.parts:
                yield path.relative_to(notebooks.ROOT).as_posix(), path.read_text("utf-8")


def test_nothing_stored_tells_when_it_was_made_or_on_whose_machine():
    names = {socket.gethostname(), socket.gethostname().partition(".")[0], getpass.getuser(), Path.home().name}
    # a name that is also a word says nothing
    names = {name for name in names if re.search(r"[\d_-]", name) and name != "localhost"}
    told = "|".join([r"20\d\d-\d\d-\d\d[T ]\d\d:\d\d", r"localhost|127\.0\.0\.1", *map(re.escape, names)])
    found = [(name, match[0]) for name, text in stored() if (match := re.search(told, text))]
    assert found == []


@pytest.mark.skipif(not (notebooks.ROOT / ".git").exists(), reason="an unpacked archive has no list of its files")
def test_no_path_of_a_machine_is_stored():
    listed = subprocess.run(["git", "ls-files"], cwd=notebooks.ROOT, capture_output=True, text=True, check=True)
    machine = re.compile(r"/(?:tmp|root|home|Users|usr/local)/[\w.-]+")
    found = [
        (name, machine.search(text)[0])
        for name in listed.stdout.split()
        if (path := notebooks.ROOT / name).is_file()
        and (text := path.read_text("utf-8", errors="replace"))
        and machine.search(text)
    ]
    assert found == []
