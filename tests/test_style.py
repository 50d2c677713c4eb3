"""One style of code, and nothing in the repository that speaks of the machine it was made on."""

import re
import subprocess
import sys

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
