"""Times the steps of building the pages, step by step in turn: python -m publish.bench [ROUNDS].

Steps are taken in turn within each round, so that a machine that slows down slows all of them.
Prints the median, the fastest and the slowest of each, in seconds, and the most memory used.
"""

from __future__ import annotations

import resource
import statistics
import sys
import time
from collections.abc import Callable

from dojo import tables
from publish import check, execute, notebooks, pages


def steps() -> dict[str, Callable[[], object]]:
    """What is timed: a name and what to call."""
    books = notebooks.everything()
    found: dict[str, Callable[[], object]] = {
        "read and check the tables": lambda: (tables.read.cache_clear(), tables.everything()),
        "follow every fact link": lambda: check.check(books) + check.check_prose(books),
    }
    for book in books:
        found[f"execute {book.name}"] = lambda book=book: execute.run(book)
        found[f"render {book.name}"] = lambda book=book: pages.render(book, books)
    return found


def main(rounds: int = 5) -> None:
    """Time every step so many times, after one round that is not counted, and print the table."""
    todo = steps()
    seconds: dict[str, list[float]] = {name: [] for name in todo}
    for number in range(rounds + 1):
        for name, step in todo.items():
            start = time.perf_counter()
            step()
            if number:
                seconds[name].append(time.perf_counter() - start)
    print(f"{'step':32} {'median':>8} {'fastest':>8} {'slowest':>8}   ({rounds} rounds, seconds)")
    for name, taken in seconds.items():
        print(f"{name:32} {statistics.median(taken):8.3f} {min(taken):8.3f} {max(taken):8.3f}")
    for who, what in ((resource.RUSAGE_SELF, "this process"), (resource.RUSAGE_CHILDREN, "largest kernel")):
        print(f"most memory, {what:19} {resource.getrusage(who).ru_maxrss / 1024:8.0f} MiB")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
