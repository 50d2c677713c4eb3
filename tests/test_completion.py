"""Tab inside show.why("…") offers the ids of rows, and nothing anywhere else."""

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

from dojo import completion, tables


@pytest.mark.parametrize(
    "call", ['show.why("{}', "why('{}", 'x = show.why( "{}', 'show.why(row_id="{}', 'print(1); show.why("{}']
)
def test_ids_that_begin_so_are_offered(call):
    typed, offered = completion.ids(call.format("dojo-disb"))
    assert (typed, offered) == ("dojo-disb", ["dojo-disbanded-report"])


@pytest.mark.parametrize("line", ["", 'show.table("dojo-disb', 'show.why("dojo-disbanded-report")', 'show.why("a b'])
def test_elsewhere_nothing_is(line):
    assert completion.ids(line)[1] == []


def test_every_row_of_every_table_can_be_found():
    assert set(completion.ids('show.why("')[1]) == {row for table in tables.everything().values() for row in table.rows}


@pytest.fixture
def shell(monkeypatch):
    """IPython, as in a kernel; gone afterwards."""
    monkeypatch.setattr(InteractiveShell, "_instance", None)
    shell = InteractiveShell.instance()
    yield shell
    InteractiveShell.clear_instance()


def test_ipython_takes_them_up_once_and_before_everything_else(shell):
    completion.offer()
    completion.offer()
    assert len(shell.Completer.custom_matchers) == 1
    line = 'show.why("evolutionary-'
    with provisionalcompleter():
        (found,) = shell.Completer.completions(line, len(line))
    assert (line[found.start : found.end], found.text) == ("evolutionary-", "evolutionary-dead-end-post")
