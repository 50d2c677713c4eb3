"""Unpacked anywhere, the package not installed, in any order: the notebooks say the same, and change no file."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from dojo import tables
from publish import notebooks


def call(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Python with the libraries of requirements.txt, but not this project: what pip put there for it is not read."""
    bare = {name: value for name, value in os.environ.items() if name not in ("DOJO_STATIC", "VIRTUAL_ENV")}
    libraries = os.pathsep.join({sysconfig.get_path(name) for name in ("purelib", "platlib")})
    env = bare | {"PYTHONPATH": libraries, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [getattr(sys, "_base_executable", sys.executable), *arguments]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def shown(book: notebooks.Notebook) -> dict[str, tuple[str, str]]:
    cells = (cell for cell in book.code() if not notebooks.live(cell))
    return {cell["id"]: (notebooks.output_text(cell), notebooks.output_html(cell)) for cell in cells}


@pytest.mark.parametrize("start", ["lab/start", ".binder/start"])
def test_the_start_script_adds_to_what_the_reader_has_set(tmp_path, start):
    layouts = tmp_path / "layouts"
    env = {"PATH": os.environ["PATH"], "JUPYTER_CONFIG_PATH": "/mine", "JUPYTERLAB_WORKSPACES_DIR": str(layouts)}
    told = [sys.executable, "-c", "import os; print(os.environ['JUPYTER_CONFIG_PATH'])"]

    def starts() -> str:
        command = [notebooks.ROOT / start, *told]
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=True).stdout.strip()

    assert starts() == f"{notebooks.ROOT / 'lab'}:/mine"
    (layout,) = layouts.iterdir()
    assert layout.name.startswith("dojo-")
    layout.write_text("as the reader left it", "utf-8")
    starts()
    assert layout.read_text("utf-8") == "as the reader left it"


@pytest.mark.thorough
def test_unpacked_without_installing_in_reverse_order_all_say_the_same(tmp_path):
    folder = tmp_path / "an unpacked suite"
    for source in (notebooks.FOLDER, tables.DATA):
        shutil.copytree(
            source, folder / source.name, ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
        )
    assert "No module named 'dojo'" in call(folder, "-c", "import dojo").stderr
    before = files(folder)
    backwards = [book.path.name for book in reversed(notebooks.everything())]
    done = call(
        folder / "notebooks", "-m", "nbconvert", "--to=notebook", "--execute", "--output-dir=../run", *backwards
    )
    assert done.returncode == 0, done.stderr
    for book in notebooks.everything():
        assert shown(notebooks.read(folder / "run" / book.path.name)) == shown(book)
    assert {name: content for name, content in files(folder).items() if not name.startswith("run")} == before
