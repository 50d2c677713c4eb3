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


def main(rounds: int = 5) -> None:
    """Time each way in turn and print medians in seconds."""
    runs = scaling.runs(tables.load("measured_results"))
    fit = scaling.fitted(runs)
    reached = scaling.work(runs, fit)["reached"]
    unknown = board.unknowns(tables.load("chip_specs"), (reached.min(), reached.max()))
    drawn = board.draws(unknown, AT_ONCE)
    first = [{name: float(values[i]) for name, values in drawn.items()} for i in range(ONE_BY_ONE)]
    jobs = {"large pictures": scaling.job("retinanet", 256), "language": board.language(1e9, 2**21)}
    for words, job in jobs.items():

        def speeds(chosen: object, job: board.Job = job) -> object:
            return board.speed(job, board.machine(chosen, 128, fit.start))

        found = turns({"at once": partial(speeds, drawn), "one by one": lambda f=speeds: [*map(f, first)]}, rounds)
        times = found["one by one"] * AT_ONCE / ONE_BY_ONE / found["at once"]
        print(
            f"\n{words}: {AT_ONCE:,} boards at once {found['at once']:.2f} s, {times:.0f} times as fast as one by one"
        )
    print(f"\nmost memory used: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
