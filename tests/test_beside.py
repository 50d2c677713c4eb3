"""Work that is shared among processes: every piece is done once, and in order, whatever becomes of who does it."""

import os
import signal
import time

import psutil
import pytest

from publish import beside


@pytest.fixture(params=[1, 2, 3], ids="{} processors".format)
def processors(request, monkeypatch):
    monkeypatch.setattr(beside, "processors", lambda: request.param)
    return request.param


@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_results_come_in_order(processors, count):
    assert beside.results(lambda piece: piece * 2, range(count), lambda piece: piece) == [2 * n for n in range(count)]


def test_the_pieces_are_shared(processors):
    who = beside.results(lambda _: os.getpid(), range(6), lambda _: 1)
    assert len(set(who)) == processors
    assert os.getpid() in who


def test_the_largest_are_not_given_to_one(monkeypatch):
    monkeypatch.setattr(beside, "processors", lambda: 2)
    sizes = [5, 1, 1, 1, 5, 1]
    assert sorted(sum(sizes[number] for number in group) for group in beside._groups(sizes, lambda size: size, 2)) == [
        7,
        7,
    ]


@pytest.mark.parametrize("ends", [lambda: os._exit(0), lambda: os.kill(os.getpid(), signal.SIGKILL), lambda: 1 / 0])
def test_what_a_process_that_dies_leaves_undone_is_done(monkeypatch, ends):
    monkeypatch.setattr(beside, "processors", lambda: 2)
    here = os.getpid()

    def work(piece: int) -> int:
        if os.getpid() != here and piece > 2:
            ends()
        return piece * 2

    before = psutil.Process().children()
    assert beside.results(work, range(6), lambda _: 1) == [0, 2, 4, 6, 8, 10]
    assert psutil.Process().children() == before


def test_an_error_here_ends_the_others(monkeypatch):
    monkeypatch.setattr(beside, "processors", lambda: 2)
    here = os.getpid()

    def work(_: int) -> None:
        if os.getpid() == here:
            raise KeyboardInterrupt
        time.sleep(60)

    before = psutil.Process().children()
    with pytest.raises(KeyboardInterrupt):
        beside.results(work, range(4), lambda _: 1)
    assert psutil.Process().children() == before
