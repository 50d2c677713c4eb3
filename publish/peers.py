"""Who makes pages of notebooks: we, nbconvert and Jupyter Book 1; and two notebooks that are not the suite's.

Others are taken as they come, with nothing configured. Jupyter Book gets an environment of its own in build/, because
it needs other versions of what the suite uses; where it cannot be installed it is named and left out.
"""

from __future__ import annotations

import base64
import io
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from nbformat import NotebookNode, v4

from dojo import show, tables
from publish import notebooks, pages

BOOK_ENVIRONMENT = notebooks.ROOT / "build" / "jupyter-book-1"
BOOK_PROGRAM = BOOK_ENVIRONMENT / "bin" / "jupyter-book"

#: one within a sentence and one on a line of its own
FORMULAS = r"\sqrt{x^2 + 1}", r"\frac{1}{n} \sum_{i=1}^{n} x_i"


# --- who makes pages -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Maker:
    """Who makes pages: `build` takes a folder of notebooks and one to write to, and returns that of the site."""

    name: str
    build: Callable[[Path, Path], Path]
    version: str = ""


def makers() -> list[Maker]:
    """Ours, and those to compare with that are here."""
    found = [Maker("ours", ours)]
    for template in ("lab", "classic", "basic"):
        found.append(Maker(f"nbconvert {template}", partial(nbconvert, template), f"nbconvert {version('nbconvert')}"))
    if book := book_version():
        found.append(Maker("Jupyter Book 1", jupyter_book, f"Jupyter Book {book}"))
    return found


def ours(folder: Path, out: Path) -> Path:
    """Our pages, by the command of the README; of notebooks that are not the suite's, by the function it calls."""
    if folder == notebooks.FOLDER:
        call(sys.executable, "-m", "publish", "--stored", "--force", "--out", out)
        return out
    books = notebooks.everything(folder)
    for book in books:
        with suppress(ValueError):  # what we refuse has no page
            tables.write(out / f"{book.name}.html", pages.render(book, books))
    return out


def nbconvert(template: str, folder: Path, out: Path) -> Path:
    """The pages of one of nbconvert's templates."""
    options = ("--to", "html", "--template", template, "--output-dir", out, "--log-level", "ERROR")
    call(sys.executable, "-m", "nbconvert", *options, *sorted(folder.glob("*.ipynb")))
    return out


def jupyter_book(folder: Path, out: Path) -> Path:
    """A book of the notebooks, which finds the data where their links say."""
    source = out / "source"
    names = [book.name for book in notebooks.everything(folder)]
    shutil.copytree(folder, source / "notebooks", ignore=lambda _, all_: [n for n in all_ if not n.endswith(".ipynb")])
    shutil.copytree(tables.DATA, source / "data")
    tables.write(source / "_config.yml", 'title: Notebooks\nexecute:\n  execute_notebooks: "off"\n')
    first, *others = (f"notebooks/{name}" for name in names)
    chapters = "".join(f"- file: {other}\n" for other in others)
    tables.write(source / "_toc.yml", f"format: jb-book\nroot: {first}\nchapters:\n{chapters}")
    call(BOOK_PROGRAM, "build", source, "--all", "--quiet", "--path-output", out)
    return out / "_build" / "html"


def book_version() -> str:
    """The version of Jupyter Book 1, installed if need be; empty, with a word why, where that fails."""
    try:
        if not BOOK_PROGRAM.exists():
            venv.create(BOOK_ENVIRONMENT, with_pip=True, clear=True)
            call(BOOK_ENVIRONMENT / "bin" / "python", "-m", "pip", "install", "--quiet", "jupyter-book<2")
        said = call(BOOK_PROGRAM, "--version")
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"Jupyter Book 1 could not be installed and is left out: {error}", file=sys.stderr)
        return ""
    return re.search(r"Jupyter Book\s*: (\S+)", said)[1]


def call(*command: str | Path) -> str:
    """What a command prints; its complaints stay unseen unless it fails."""
    done = subprocess.run([*map(str, command)], cwd=notebooks.ROOT, capture_output=True, text=True)
    if done.returncode:
        print(done.stderr[-2000:], file=sys.stderr)
        done.check_returncode()
    return done.stdout


# --- notebooks of no one's -----------------------------------------------------------------------


def write_plain(folder: Path) -> Path:
    """Write two notebooks that nobody made for our pages; returns their folder.

    The probe has what the suite has not: formulas, a wide table as pandas shows it, a picture without a frame.
    The other one has a picture as matplotlib leaves it: without alt text.
    """
    inline, display = FORMULAS
    frame = pd.DataFrame(np.arange(48).reshape(4, 12), columns=[f"measurement {i}" for i in range(12)])
    described = f'<img src="{show.address(show.svg(drawn()))}" alt="A line that rises from nothing to two.">'
    probe = [
        v4.new_markdown_cell(f"# A probe\n\nA root, ${inline}$, and a mean:\n\n$$\n{display}\n$$", id="formulas"),
        step("table", {"text/html": frame._repr_html_()}),
        step("chart", {"text/html": described}),
    ]
    bare = [v4.new_markdown_cell("# A picture", id="opening"), step("bare", {"image/png": png(drawn())})]
    write_notebook(folder / "probe.ipynb", probe)
    write_notebook(folder / "bare.ipynb", bare)
    return folder


def png(figure: Figure) -> str:
    """A picture as notebooks hold it."""
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return base64.b64encode(file.getvalue()).decode()


def drawn() -> Figure:
    """Any chart."""
    figure = Figure()
    figure.subplots().plot([0, 1, 2])
    return figure


def step(name: str, data: dict[str, str]) -> NotebookNode:
    """A code cell that shows something."""
    shown = v4.new_output("execute_result", data | {"text/plain": name}, execution_count=1)
    return v4.new_code_cell(name, id=name, execution_count=1, outputs=[shown])


def write_notebook(path: Path, cells: list[NotebookNode]) -> None:
    """Write a notebook of Python with these cells."""
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    tables.write(path, nbformat.writes(v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})))
