import csv
import gc
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings
from playwright.sync_api import Browser

from dojo import tables
from publish import browsers, kept, notebooks, warm

# the same examples in every run, no store of failures, and no limit of time on a loaded machine
settings.register_profile("repeatable", derandomize=True, database=None, deadline=None)
settings.load_profile("repeatable")


def pytest_collection_finish() -> None:
    """Pages, tables and charts are made of many small parts, among which garbage is sought in vain: seek it less."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)


class Copy:
    """A copy of data/ that a test may spoil."""

    def __init__(self, root: Path):
        self.root = root

    def cell(self, table: str, row: int, column: str, value: str) -> None:
        """Change one cell; row 0 is the first below the header, which stands on line 2."""
        records = self.records(table)
        records[row + 1][records[0].index(column)] = value
        self.write(table, records)

    def records(self, table: str) -> list[list[str]]:
        with open(self.path(table), newline="", encoding="utf-8") as file:
            return list(csv.reader(file))

    def write(self, table: str, records: list[list[str]]) -> None:
        with open(self.path(table), "w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(records)

    def path(self, table: str) -> Path:
        return next(self.root.rglob(f"{table}.csv"))

    def problems(self) -> list[str]:
        """What validation says of the copy, line by line."""
        tables.read.cache_clear()
        with pytest.raises(tables.DataError) as caught:
            tables.read(self.root)
        for problem in caught.value.problems:
            assert {type(part) for part in (problem.file, problem.column, problem.value, problem.expected)} == {str}
        return [str(problem) for problem in caught.value.problems]


_ends = ExitStack()


@cache
def stock() -> warm.Stock:
    """What tests fork kernels from, unless they need one of their own: one for all tests of a process."""
    return _ends.enter_context(warm.stock())


def pytest_sessionfinish() -> None:
    """End what all tests shared."""
    _ends.close()


@pytest.fixture(autouse=True)
def anew(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is kept of builds before the test, and nothing of those in it for builds after."""
    monkeypatch.setattr(kept, "FOLDER", tmp_path_factory.mktemp("kept"))


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    root = tmp_path / "data"
    shutil.copytree(tables.DATA, root)
    return Copy(root)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is taken for the one of the notebooks."""
    place = tmp_path / "notebooks"
    place.mkdir()
    monkeypatch.setattr(notebooks, "FOLDER", place)
    return place


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real browser for the tests of one module; asyncio works again in the next."""
    try:
        with browsers.opened() as browser:
            yield browser
    except browsers.NoBrowserError as error:
        pytest.fail(str(error), pytrace=False)
