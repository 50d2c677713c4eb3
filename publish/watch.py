"""Stays, and builds again whenever something changed: in a child, forked when all that a build needs is imported.

A build reads everything anew, and forks its kernels from a stock that stays too. Where code or versions changed, or
the stock no longer serves, the program begins anew as a whole. On other systems than Linux nothing is forked, so there
it only saves calling it.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import stat
import sys
import threading
import time
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import partial
from typing import NoReturn

from publish import kept, notebooks, warm

#: seconds between two looks at whether something was written
PAUSE = 0.2
Builds = Callable[[warm.Stock | None], int]


def stay(builds: Builds) -> NoReturn:
    """Build now, then after each change; Ctrl-C ends it."""
    versions, seen = kept.versions(), _written()
    with _stock() as stock:
        from publish import check, execute, pages  # noqa: F401  all that takes long to import; no data are read

        notebooks.shape()
        pages.ready()
        gc.freeze()  # or the first collection in each child would copy all of it
        while True:
            _in_a_child(partial(_build, builds, stock))
            print("waiting for changes; Ctrl-C ends this", flush=True)
            while (now := _written()) == seen:
                time.sleep(PAUSE)
            if _code(now) != _code(seen) or kept.versions() != versions or (stock and not stock.serves()):
                break
            seen = now
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def _stock() -> AbstractContextManager[warm.Stock | None]:
    return warm.stock() if sys.platform == "linux" else nullcontext()


Written = dict[str, tuple[int, int]]


def _written() -> Written:
    """When each input was written, and its size. That something was written says only that it is time to look."""
    found = {}
    for path in map(str, kept.files()):
        with suppress(OSError):  # it is gone, or was never there
            status = os.stat(path)
            if not stat.S_ISDIR(status.st_mode):
                found[path] = (status.st_mtime_ns, status.st_size)
    return found


def _code(written: Written) -> Written:
    """The part of it that is code, which this program has imported."""
    places = (f"{kept.DOJO}{os.sep}", f"{kept.PUBLISH}{os.sep}")
    return {path: when for path, when in written.items() if path.startswith(places)}


def _in_a_child(work: Callable[[], None]) -> None:
    """Do some work in a process of its own, which ends before this one does."""
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    child = context.Process(target=work)
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # of threads that no child needs
        child.start()
    try:
        child.join()
    finally:
        if child.is_alive():
            child.terminate()
            child.join()


def _build(builds: Builds, stock: warm.Stock | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches who waits for us, who then asks us to end
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        builds(stock)
    except KeyboardInterrupt:
        sys.exit(1)


def _end_with_parent() -> None:
    multiprocessing.parent_process().join()
    os.kill(os.getpid(), signal.SIGTERM)
