"""Times the model of a board of chips: python -m publish.bench_board [ROUNDS].

How long a number of boards takes at once, beside the same one after another, and the most memory used.
"""

from __future__ import annotations

import resource
import sys
from functools import partial

from dojo import board, scaling, tables
from publish.bench_formats import turns

#: boards at once, and one after another
AT_ONCE, ONE_BY_ONE = 1_000_000, 1_000


def speeds(rounds: int) -> dict[str, tuple[float, float]]:
    """Seconds for AT_ONCE boards, by job: all at once, and as many one by one."""
    fit = scaling.fitted(runs := scaling.runs(tables.load("measured_results")))
    reached = scaling.work(runs, fit)["reached"]
    drawn = board.draws(board.unknowns(tables.load("chip_specs"), (reached.min(), reached.max())), AT_ONCE)
    first = [{name: float(values[i]) for name, values in drawn.items()} for i in range(ONE_BY_ONE)]
    found = {}
    for words, job in {"large pictures": scaling.job("retinanet", 256), "language": board.language(1e9, 2**21)}.items():

        def speed(chosen: object, job: board.Job = job) -> object:
            return board.speed(job, board.machine(chosen, 128, fit.start))

        took = turns({"at once": partial(speed, drawn), "one by one": lambda f=speed: [*map(f, first)]}, rounds)
        found[words] = took["at once"], took["one by one"] * AT_ONCE / ONE_BY_ONE
    return found


def main(rounds: int = 5) -> None:
    """Time each way in turn and print medians in seconds."""
    for words, (at_once, singly) in speeds(rounds).items():
        print(
            f"\n{words}: {AT_ONCE:,} boards at once {at_once:.2f} s, {singly / at_once:.0f} times as fast as one by one"
        )
    print(f"\nmost memory used: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
