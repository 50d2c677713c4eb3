"""Minutes to read: words as a reader sees them, begun minutes counted whole."""

import json

from dojo import reading
from publish import notebooks


def test_a_begun_minute_counts_and_an_address_does_not():
    assert reading.minutes(["word " * reading.PACE]) == 1
    assert reading.minutes(["word " * reading.PACE, "more"]) == 2
    link = "[one](../data/story/events.csv#a-very-long-address)"
    assert reading.minutes([f"{link} " * reading.PACE]) == 1


def test_only_prose_is_read_and_the_appendix_comes_last(tmp_path):
    prose = {"cell_type": "markdown", "source": ["word " * 300]}
    code = {"cell_type": "code", "source": ["x = 1 " * 900]}
    for name in ("appendix", "02-b", "01-a"):
        (tmp_path / f"{name}.ipynb").write_text(json.dumps({"cells": [prose, code]}), "utf-8")
    assert [*reading.path(tmp_path).items()] == [("01-a", 2), ("02-b", 2), ("appendix", 2)]


def test_the_path_is_that_of_the_notebooks():
    assert [*reading.path()] == [book.name for book in notebooks.everything()]
