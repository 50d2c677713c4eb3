"""The areas of marks: large enough, on their marks, and none in another's way."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dojo import hits

PAGE = (0, 0, 30000, 30000)
#: dots whose middles are at least a pixel and a half apart
DOTS = st.lists(st.tuples(st.integers(10, 280), st.integers(10, 280)), min_size=1, max_size=12, unique=True)


def dot(x, y, size=40):
    return (x - size, y - size, x + size, y + size)


@given(DOTS)
def test_each_dot_keeps_its_middle_to_itself(places):
    drawn = {f"{x} {y}": dot(100 * x, 100 * y) for x, y in places}
    areas = hits.areas(drawn, PAGE)
    for name, (left, top, right, bottom) in areas.items():
        x, y = (100 * int(n) for n in name.split())
        assert left <= x <= right
        assert top <= y <= bottom
    for one, other in combinations(areas, 2):
        a, b = areas[one], areas[other]
        assert not (a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]), "two areas overlap"


def test_a_lonely_mark_is_large_enough_and_stays_in_the_page():
    (area,) = hits.areas({"a": dot(5000, 5000)}, PAGE).values()
    assert (area[2] - area[0], area[3] - area[1]) == (1050, 1050)
    (area,) = hits.areas({"a": dot(100, 29900)}, PAGE).values()
    assert area[0] == 0
    assert area[3] == 30000


def test_two_marks_in_one_place_share_it():
    areas = hits.areas({"a": dot(5000, 5000), "b": dot(5000, 5000)}, PAGE)
    assert areas["a"][2] == areas["b"][0] == 5000


@pytest.mark.parametrize("names", [("dot", "band"), ("band", "dot")])
def test_a_band_behind_a_dot_stays_whole_and_comes_first(names):
    drawn = {"band": (0, 4000, 30000, 8000), "dot": dot(9000, 5000)}
    areas = hits.areas({name: drawn[name] for name in names}, PAGE)
    assert [*areas] == ["band", "dot"]
    assert areas["band"] == drawn["band"]


def test_marks_come_from_left_to_right():
    places = {"late": (9000, 100), "early": (3000, 9000), "middle": (6000, 5000)}
    assert [*hits.areas({k: dot(*v) for k, v in places.items()}, PAGE)] == ["early", "middle", "late"]
