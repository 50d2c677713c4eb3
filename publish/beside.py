"""Shares work among forked processes, one for each processor."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, BinaryIO, TypeVar

Piece = TypeVar("Piece")
Result = TypeVar("Result")


def processors() -> int:
    """How many processors this program may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def results(work: Callable[[Piece], Result], pieces: Sequence[Piece], size: Callable[[Piece], int]) -> list[Result]:
    """What some work makes of each piece, in order; `size` says which take longest.

    The work must not print, and what it makes must be such that it can be pickled. What a process that dies
    leaves undone is done here.
    """
    groups = _groups(pieces, size, processors() if sys.platform == "linux" else 1)
    others = [_forked(work, pieces, group) for group in groups[1:]]
    done: dict[int, Result] = {}
    try:
        done |= {number: work(pieces[number]) for number in groups[0]} if groups else {}
        for _, answer in others:
            with suppress(EOFError, pickle.UnpicklingError):
                done |= pickle.load(answer)
    finally:
        for process, answer in others:
            answer.close()
            os.kill(process, signal.SIGKILL)  # after its answer it has nothing to do
            os.waitpid(process, 0)
    return [done[number] if number in done else work(piece) for number, piece in enumerate(pieces)]


def _groups(pieces: Sequence[Any], size: Callable[[Any], int], count: int) -> list[list[int]]:
    """The numbers of the pieces in at most so many groups, about equally large together."""
    groups: list[list[int]] = [[] for _ in range(count)]
    for number in sorted(range(len(pieces)), key=lambda number: -size(pieces[number])):
        min(groups, key=lambda group: sum(size(pieces[other]) for other in group)).append(number)
    return [group for group in groups if group]


def _forked(work: Callable[[Any], Any], pieces: Sequence[Any], group: list[int]) -> tuple[int, BinaryIO]:
    """Fork a process that works on a group: its number, and where its answer will come from."""
    ours, theirs = os.pipe()
    parent = os.getpid()
    # Python warns of threads; those that libraries began are not needed in what is forked
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        process = os.fork()
    if process:
        os.close(theirs)
        return process, open(ours, "rb")
    try:
        os.close(ours)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        made = {number: work(pieces[number]) for number in group if os.getppid() == parent}
        with open(theirs, "wb") as answer:
            pickle.dump(made, answer)
    finally:
        os._exit(0)  # the rest of the program is not ours to go on with, whatever happened
