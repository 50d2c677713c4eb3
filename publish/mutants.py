"""A plugin for pytest that tries every change of a module with its tests: see `publish.mutate_code`.

All changes of a function stand beside it in a copy of the module, where mutmut wrote them; `switched` calls the one
that is chosen. Each is tried in a process of its own, split off when all is imported, by the tests that call the
function until one fails: the one that failed last, then the quickest first. What a test file calls while it is imported
counts as called by each of its tests, and is called anew for each change.
"""

from __future__ import annotations

import functools
import gc
import importlib
import json
import math
import multiprocessing
import os
import resource
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

#: the variable that names the folder of the copy
FOLDER = "DOJO_MUTATION"
#: changes tried at the same time
WORKERS = 2
#: seconds of processor time for a change: so many, and so many times what its tests take without it
SECONDS, TIMES = 10, 5
#: memory for a change, so that one which never stops collecting does not take all there is
MEMORY = 8 * 2**30
#: what became of a change, as the process that tried it ends
FAILED, PASSED, LATE = 1, 0, -signal.SIGXCPU

#: the change that is tried, by name
_chosen = ""
#: functions called since this was last emptied
_noted: set[Callable[..., Any]] = set()
#: those called while a test file was imported
_on_import: dict[ModuleType, set[str]] = {}


def switched(made: dict[str, Callable[..., Any]]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator that calls what mutmut made of a function: the change that is chosen, or the function as it was."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*arguments: Any, **named: Any) -> Any:
            original = made["_mutmut_orig"]
            _noted.add(original)
            return made.get(_chosen, original)(*arguments, **named)

        return call

    return decorate


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Note what a test file calls while it is imported."""
    _noted.clear()
    report = yield
    if isinstance(collector, pytest.Module):
        _on_import[collector.module] = _called()
    return report


def pytest_runtestloop(session: pytest.Session) -> bool:
    """Run the tests as they are, then for each change, and write down how those runs ended."""
    folder = Path(os.environ[FOLDER])
    module = importlib.import_module(f"dojo.{folder.name}")
    callers: dict[str, list[pytest.Item]] = defaultdict(list)
    seconds = {}
    for item in session.items:
        _forget(module)
        _noted.clear()
        began = time.process_time()
        if _fails(item):
            pytest.exit(f"{item.nodeid} fails without any change", returncode=1)
        seconds[item] = time.process_time() - began
        for function in _called() | _on_import[item.getparent(pytest.Module).module]:
            callers[function].append(item)
    if not callers:
        pytest.exit(f"no test calls the copy of {module.__name__} in {folder}", returncode=1)
    for items in callers.values():
        items.sort(key=lambda item: seconds[item])

    last = multiprocessing.Value("i", 0)  # the place of the test that failed last

    def attempt(change: str) -> bool:
        global _chosen
        _chosen = change
        _forget(module)
        for file in [file for file, functions in _on_import.items() if _function(change) in functions]:
            importlib.reload(file)
        for item in sorted(callers[_function(change)], key=lambda item: item is not session.items[last.value]):
            if _fails(item):
                last.value = session.items.index(item)
                return True
        return False

    def limit(change: str) -> int:
        return math.ceil(SECONDS + TIMES * sum(seconds[item] for item in callers[_function(change)]))

    changes = json.loads((folder / "changes.json").read_text("utf-8"))
    gc.freeze()  # no process looks again and again through what it was born with
    with open(folder / "ended.jsonl", "w", encoding="utf-8", buffering=1) as lines:
        for change, code in _side_by_side(changes, attempt, limit):
            print(json.dumps([change, code]), file=lines)
    return True


def _function(change: str) -> str:
    """The function that a change is one of, as mutmut writes its name: x_mask for x_mask__mutmut_7."""
    return change.partition("__mutmut")[0]


def _called() -> set[str]:
    return {_function(function.__name__) for function in _noted}


def _forget(changed: ModuleType) -> None:
    """Drop every result that functions keep, but what `dojo.tables` read when it is not the module that is changed."""
    for name, module in sys.modules.items():
        if name.startswith("dojo.") and (module is changed or name != "dojo.tables"):
            for value in vars(module).values():
                if hasattr(value, "cache_clear"):
                    value.cache_clear()


def _fails(item: pytest.Item) -> bool:
    before = item.session.testsfailed
    item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
    return item.session.testsfailed > before


def _side_by_side(
    changes: Iterable[str], attempt: Callable[[str], bool], limit: Callable[[str], int]
) -> Generator[tuple[str, int], None, None]:
    """Each change with the way in which its process ended, WORKERS at a time."""
    running: dict[int, str] = {}
    for change in changes:
        if len(running) == WORKERS:
            yield _next_of(running)
        if not (process := os.fork()):
            try:
                resource.setrlimit(resource.RLIMIT_CPU, (limit(change), limit(change) + 5))
                resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
                failed = attempt(change)
            except BaseException:  # a test file that cannot be imported, or a test that ends pytest
                failed = True
            os._exit(FAILED if failed else PASSED)
        running[process] = change
    while running:
        yield _next_of(running)


def _next_of(running: dict[int, str]) -> tuple[str, int]:
    process, status = os.wait()
    return running.pop(process), os.waitstatus_to_exitcode(status)
