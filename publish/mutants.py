"""A plugin for pytest that tries every change of a module with its tests: see `publish.mutate_code`.

All changes stand side by side in a copy of the module, where mutmut wrote them; one at a time is switched on by name.
Each is tried in a process of its own, split off when all is imported, by the tests that call the changed function, the
quickest first, until one fails. What a test file calls while it is imported counts as called by each of its tests, and
is called anew for each change.
"""

from __future__ import annotations

import gc
import importlib
import json
import math
import os
import resource
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from types import ModuleType

import pytest
from _pytest.runner import runtestprotocol
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.state import state

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

_on_import: dict[ModuleType, set[str]] = {}


def pytest_configure() -> None:
    """From here on mutmut notes each call of a function that has changes."""
    set_mutant_under_test("stats")


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Note what a test file calls while it is imported."""
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
        began = time.process_time()
        if _fails(item):
            raise session.Failed(f"{item.nodeid} fails without any change")
        seconds[item] = time.process_time() - began
        for function in _called() | _on_import[item.getparent(pytest.Module).module]:
            callers[function].append(item)
    for items in callers.values():
        items.sort(key=lambda item: seconds[item])

    def attempt(change: str) -> bool:
        function = change.partition("__mutmut")[0]
        set_mutant_under_test(change)
        _forget(module)
        for file in [file for file, functions in _on_import.items() if function in functions]:
            importlib.reload(file)
        return any(map(_fails, callers[function]))

    def limit(change: str) -> int:
        return math.ceil(SECONDS + TIMES * sum(seconds[item] for item in callers[change.partition("__mutmut")[0]]))

    set_mutant_under_test("fail")  # each call of a function that has changes now fails
    if not any(map(_fails, session.items)):
        raise session.Failed(f"the tests do not call the copy of {module.__name__} in {folder}")
    changes = json.loads((folder / "changes.json").read_text("utf-8"))
    gc.freeze()  # no process looks again and again through what it was born with
    with open(folder / "ended.jsonl", "w", encoding="utf-8", buffering=1) as lines:
        for change, code in _side_by_side(changes, attempt, limit):
            print(json.dumps([change, code]), file=lines)
    return True


def _called() -> set[str]:
    """The functions called since this was last asked, among those that have changes."""
    found = set(state()._stats)
    state()._stats.clear()
    return found


def _forget(changed: ModuleType) -> None:
    """Drop every result that functions keep, but what `dojo.tables` read when it is not the module that is changed."""
    for name, module in sys.modules.items():
        if name.startswith("dojo.") and (module is changed or name != "dojo.tables"):
            for value in vars(module).values():
                if hasattr(value, "cache_clear"):
                    value.cache_clear()


def _fails(item: pytest.Item) -> bool:
    return any(report.failed for report in runtestprotocol(item, log=False))


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
