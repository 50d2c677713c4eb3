"""One function per chart: a table in, a matplotlib Figure out. No reading, no printing.

What all charts share, the marks, the key and the axes of time, is in `dojo.marks`.
"""

from dojo.charts.board import binding, by_chips, deciding, links, swings
from dojo.charts.deadline import by_batch, deadline, joules, left_of_bulk, off
from dojo.charts.number_formats import by_bits, let_through, reach, rulers, same_bits, walks
from dojo.charts.people import before_or_after, flow, tenures, tree
from dojo.charts.start import VERDICTS, claims
from dojo.charts.timeline import (
    RESULTS,
    UNSETTLED,
    compute,
    long_timeline,
    promise_dots,
    said_and_happened,
    strip,
)
from dojo.charts.two_jobs import borders, budgets, many_chips, needs, one_frame
from dojo.charts.verdict import matrix, stability, together

__all__ = [
    "RESULTS",
    "UNSETTLED",
    "VERDICTS",
    "before_or_after",
    "binding",
    "borders",
    "budgets",
    "by_batch",
    "by_bits",
    "by_chips",
    "claims",
    "compute",
    "deadline",
    "deciding",
    "flow",
    "joules",
    "left_of_bulk",
    "let_through",
    "links",
    "long_timeline",
    "many_chips",
    "matrix",
    "needs",
    "off",
    "one_frame",
    "promise_dots",
    "reach",
    "rulers",
    "said_and_happened",
    "same_bits",
    "stability",
    "strip",
    "swings",
    "tenures",
    "together",
    "tree",
    "walks",
]
