"""Kernels that are forked: what starts cold shows the same, and none knows of another."""

import ast
import os
import re
import signal
from pathlib import Path

import pytest
from test_publish import book, kernels

from conftest import stock
from publish import execute, notebooks, warm

#: what a notebook may show, with pyplot as its users write it
FIGURES = (
    ("tools", "code", "%matplotlib inline\nimport matplotlib.pyplot as plt\nimport numpy as np"),
    ("left-open", "code", "plt.plot([1, 2, 3]);"),
    ("shown", "code", "plt.scatter([1, 2], [2, 1])\nplt.show()"),
    ("two", "code", "plt.figure()\nplt.plot([1, 2])\nplt.figure()\nplt.plot([2, 1]);"),
    ("given", "code", "figure, axes = plt.subplots()\naxes.bar([1, 2], [3, 4])\nfigure"),
    ("drawn", "code", "from IPython.display import display\ndisplay(figure)"),
)
#: figures that each of these cells shows
COUNT = {"tools": 0, "left-open": 1, "shown": 1, "two": 2, "given": 2, "drawn": 1}
#: other things that notebooks show, and what they may find of the process that runs them
SHOWS = (
    ("frame", "code", "import pandas as pd\npd.DataFrame({'a': [1.5, None], 'b': ['x', 'y']})"),
    ("printed", "code", "import sys\nprint('out')\nprint('err', file=sys.stderr)"),
    ("rounded", "code", "import numpy as np\nnp.linalg.eigvalsh(np.arange(900.0).reshape(30, 30)).sum()"),
    ("drawn", "code", "from dojo import charts, show, tables\nshow.why('dojo3-restart')"),
    (
        "own",
        "code",
        "import os\n[os.getpid() == os.getsid(0), os.getcwd(), os.environ['MPLBACKEND'], sys.stdin.read()]",
    ),
    (
        "main",
        "code",
        "import __main__\n[__main__.__dict__ is globals(), __name__, sys.argv[0].rpartition('/')[2][:18]]",
    ),
    ("path", "code", "[part.replace(os.getcwd(), '') for part in sys.path if part][:3]"),
    ("pyplot", "code", "'matplotlib.pyplot' in sys.modules"),
)


def run(paths: list[Path], stock: warm.Stock | None, limit: float = 60) -> list[notebooks.Notebook | Exception]:
    """Notebooks after a run, or why there was none."""
    found: list[notebooks.Notebook | Exception] = []

    def done(book: notebooks.Notebook, run: execute.Run | Exception, _: float) -> None:
        found.append(run if isinstance(run, Exception) else execute.executed(book, run))

    with execute.run_all([notebooks.read(path) for path in paths], done, stock, limit):
        return found


def outputs(book: notebooks.Notebook) -> dict[str, list[dict]]:
    return {cell["id"]: cell["outputs"] for cell in book.code()}


@pytest.mark.parametrize("cells", [FIGURES, SHOWS], ids=["figures", "shows"])
def test_a_forked_kernel_shows_what_a_cold_one_does(folder, cells):
    path = book(folder, "01-shows", *cells)
    (forked,) = run([path], stock())
    (cold,) = run([path], None)
    assert outputs(forked) == outputs(cold)


def test_no_figure_gets_lost(folder):
    path = book(folder, "01-figures", *FIGURES)
    (forked,) = run([path], stock())
    shown = {name: sum("image/png" in made.get("data", {}) for made in all_) for name, all_ in outputs(forked).items()}
    assert shown == COUNT


@pytest.mark.thorough
@pytest.mark.locked
def test_forked_kernels_make_of_every_notebook_what_is_stored():
    books = notebooks.everything()
    fresh = run([stored.path for stored in books], stock())
    figures = 0
    for stored, made in zip(books, fresh, strict=True):
        for before, after in zip(stored.code(), made.code(), strict=True):
            if not notebooks.live(before):
                assert notebooks.output_html(after) == notebooks.output_html(before), f"{stored.label}, {before['id']}"
                assert notebooks.output_text(after) == notebooks.output_text(before), f"{stored.label}, {before['id']}"
                figures += notebooks.output_html(after).count("<img ")
    assert figures > 30


LEAVES = "import os, numpy as np, pandas as pd\nos.environ['MINE'] = '1'\nos.chdir('/')\npd.mine = 1\nnp.mine = 1"
FINDS = (
    "import os, numpy, pandas\n['MINE' in os.environ, os.getcwd() == '/', 'mine' in dir(numpy), 'mine' in dir(pandas)]"
)
DRAWS = (
    "import random, numpy, tempfile, uuid\n[random.random(), numpy.random.rand(), tempfile.mktemp(), uuid.uuid4().hex]"
)


def test_no_kernel_finds_what_another_left(folder):
    paths = [book(folder, f"0{number}-leaves", ("leaves", "code", LEAVES)) for number in range(3)]
    paths += [book(folder, f"0{number}-finds", ("finds", "code", FINDS)) for number in range(3, 6)]
    found = run(paths, stock())
    assert {notebooks.output_text(made.cells[0]) for made in found[3:]} == {"[False, False, False, False]"}


def test_no_two_kernels_draw_the_same_numbers(folder):
    paths = [book(folder, f"0{number}-draws", ("draws", "code", DRAWS)) for number in range(2)]
    one, other = (ast.literal_eval(notebooks.output_text(made.cells[0])) for made in run(paths, stock()))
    assert all(drawn != again for drawn, again in zip(one, other, strict=True))


def test_notebooks_come_in_their_order_whichever_ends_first(folder):
    paths = [
        book(folder, f"0{number}-waits", ("w", "code", f"import time\ntime.sleep({2 - number})")) for number in range(3)
    ]
    names = []
    books = [notebooks.read(path) for path in paths]
    with execute.run_all(books, lambda book, *_: names.append(book.name), stock()):
        pass
    assert names == ["00-waits", "01-waits", "02-waits"]


def test_of_several_notebooks_those_that_fail_are_named_and_none_stays(folder):
    paths = [
        book(folder, "01-dies", ("dies", "code", "import os\nos._exit(1)")),
        book(folder, "02-fails", ("fails", "code", "1 / 0")),
        book(folder, "03-sleeps", ("sleeps", "code", "import time\ntime.sleep(600)")),
        book(folder, "04-good", ("good", "code", "1 + 1")),
        book(folder, "05-leaves", ("leaves", "code", "import subprocess\nsubprocess.Popen(['sleep', '601']);")),
    ]
    run([paths[3]], stock())  # until kernels can be forked, which counts
    *failed, good, _ = run(paths, stock(), limit=4)
    assert [str(why) for why in failed] == [
        "notebooks/01-dies.ipynb, cell dies: the kernel died",
        "notebooks/02-fails.ipynb, cell fails, line 1: ZeroDivisionError: division by zero",
        "notebooks/03-sleeps.ipynb, cell sleeps: still running after 4 s, the limit for a notebook",
    ]
    assert notebooks.output_text(good.cells[0]) == "2"
    assert kernels() == set()


def test_what_came_of_a_notebook_is_said_before_its_kernel_has_ended(folder):
    deaf = "import signal, subprocess\nsubprocess.Popen(['sh', '-c', 'trap \"\" TERM; sleep 602']);"
    path, said = book(folder, "01-deaf", ("deaf", "code", deaf)), []
    before = kernels()
    with execute.run_all([notebooks.read(path)], lambda *what: said.append(what), stock()):
        assert said
        assert kernels() > before
    assert kernels() == before
    assert kernels() == set()


def test_that_no_kernel_can_be_forked_any_more_is_said(folder, capfd):
    path = book(folder, "01-good", ("good", "code", "1 + 1"))
    with warm.stock() as own:
        for ended in kernels():
            os.kill(ended, signal.SIGKILL)
        (why,) = run([path], own)
    assert re.fullmatch(r"notebooks/01-good\.ipynb: the process that kernels are forked from does not answer", str(why))


@pytest.mark.parametrize("start", ["forked", "cold"])
def test_an_environment_may_be_large(folder, monkeypatch, start):
    for name in ("LARGE", "LARGER"):
        monkeypatch.setenv(name, 120_000 * "x")
    monkeypatch.setenv("GONE", "1")
    with warm.stock() as own:
        monkeypatch.delenv("GONE")
        path = book(folder, "01-env", ("env", "code", "import os\nlen(os.environ['LARGE']), 'GONE' in os.environ"))
        (found,) = run([path], own if start == "forked" else None)
    assert notebooks.output_text(found.cells[0]) == "(120000, False)"


def test_a_kernel_that_dies_between_cells_is_noticed(folder):
    dies = "import os\nfrom publish import used\nused.told = lambda: os._exit(3)"
    path = book(folder, "01-dies", ("dies", "code", dies))
    (found,) = run([path], stock(), limit=20)
    assert str(found) == "notebooks/01-dies.ipynb, cell dies: the kernel died"
