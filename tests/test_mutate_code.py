"""Changes of the code reach also what is decorated, and survivors are compared with those explained."""

import pytest

from publish import mutants, mutate_code, notebooks
from publish.mutate_code import Change

CODE = """from functools import lru_cache


class Point:
    def __init__(self, x):
        self.x = x

    @property
    def twice(self):
        return 2 * self.x


def loud(f):
    return lambda: f() + "!"


@loud
@lru_cache(
    maxsize=1,
)
def word():
    return "go"
"""


def test_a_function_without_its_decorators_does_the_same():
    code = mutate_code.undecorated(CODE)
    assert "@" not in code
    names = {}
    exec(code, names)
    assert (names["Point"](3).twice, names["word"]()) == (6, "go!")


def test_code_without_decorators_stays_as_it_is():
    assert mutate_code.undecorated("def f():\n    return 1\n") == "def f():\n    return 1\n"


def test_changes_are_laid_out_side_by_side_also_of_what_is_decorated(tmp_path):
    changes = mutate_code.lay_out("formats", tmp_path / "formats")
    assert Change("Format.lowest", "return 1 - self.bias", "return 1 + self.bias") in changes.values()
    assert any(change.function == "nearest" for change in changes.values())
    words = 'raise ValueError(f"{self.name} has too many values to list")'
    assert (
        Change("Format.values", words, words.replace(" has", "XX has").replace('list"', 'listXX"')) in changes.values()
    )
    text = (tmp_path / "formats" / "src" / "dojo" / "formats.py").read_text("utf-8")
    assert all(f"def {name}(" in text for name in changes)
    assert mutate_code.CALLS_HERE in text
    assert "mutmut.mutation" not in text


def test_survivors_are_compared_with_those_explained():
    one, two, three, four = (Change("f", "a", letter) for letter in "bcde")
    ended = [(one, mutants.PASSED), (two, mutants.PASSED), (three, mutants.FAILED), (four, mutants.LATE)]
    found = [*mutate_code.differences(ended, {two, three, four})]
    assert found == [
        "no test notices a change that survivors.toml does not explain: f\n  - a\n  + b",
        "survivors.toml explains a change that does not survive: f\n  - a\n  + d",
    ]
    assert mutate_code.summary("facts", {str(c): code for c, code in ended}).endswith("2 survived: 50.0%")


@pytest.mark.parametrize("module", mutate_code.TESTS)
def test_lines_that_are_explained_still_stand_in_their_module(module):
    text = " ".join((notebooks.FOLDER / "dojo" / f"{module}.py").read_text("utf-8").split())
    explained = mutate_code.explained(module)
    assert [change for change in explained if " ".join(change.was.split()) not in text] == []
