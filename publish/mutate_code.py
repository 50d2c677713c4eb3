"""Changes one thing in the code at a time and sees whether a test fails: python -m publish.mutate_code [MODULE...].

mutmut writes all changes into a copy of the package below build/; `publish.mutants` tries them. As mutmut passes over
decorated functions, the copy calls their decorators instead; and as it leaves the texts of f-strings alone, which most
messages are, these are changed here. What stands outside functions is not changed.

Prints a line for each module. Fails where no test notices a change and tests/survivors.toml does not say why, or where
that file names a change that a test does notice.
"""

from __future__ import annotations

import ast
import difflib
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import libcst
from mutmut.mutation.file_mutation import MutatedFile, mutate_file_contents
from mutmut.mutation.mutators import mutation_operators

from dojo import tables
from publish import mutants, notebooks

#: which tests judge which module: the quick ones that are about it
TESTS = {
    "facts": ["tests/test_facts.py"],
    "formats": ["tests/test_formats.py"],
    "roofline": ["tests/test_roofline.py"],
    "tables": ["tests/test_data.py", "tests/test_bad_input.py", "tests/test_sources.py"],
    "verdict": ["tests/test_verdict.py"],
}
FOLDER = notebooks.ROOT / "build" / "mutation"
EXPLAINED = notebooks.ROOT / "tests" / "survivors.toml"


def _reworded(text: libcst.FormattedStringText) -> Iterator[libcst.FormattedStringText]:
    yield text.with_changes(value=f"XX{text.value}XX")


mutation_operators.append((libcst.FormattedStringText, _reworded))


#: how a copy calls a function as it was or as it is changed: by mutmut, and more quickly
CALLS = "from mutmut.mutation.trampoline import wrap_in_trampoline as _mutmut_mutated, MutantDict"
CALLS_HERE = "from publish.mutants import switched as _mutmut_mutated"


class Change(NamedTuple):
    """A change of the code: in which function, the lines before and after."""

    function: str
    was: str
    becomes: str

    def __str__(self) -> str:
        return f"{self.function}\n  - {self.was}\n  + {self.becomes}"


def main(names: list[str]) -> int:
    """Try every change of these modules, or of all; 0 where those unnoticed are the explained ones."""
    failed = False
    for module in names or TESTS:
        changes = lay_out(module, FOLDER / module)
        ended = run(module, FOLDER / module)
        print(summary(module, ended), flush=True)
        for problem in differences([(changes[name], code) for name, code in ended.items()], explained(module)):
            print(problem, flush=True)
            failed = True
    return int(failed)


def lay_out(module: str, folder: Path) -> dict[str, Change]:
    """Copy the package, with every change of one module in it, and name the changes."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(notebooks.FOLDER / "dojo", folder / "src" / "dojo", ignore=shutil.ignore_patterns("__pycache__"))
    for beside in (tables.DATA, tables.DATA.parent / "CHANGELOG.md"):
        (folder / beside.name).symlink_to(beside)
    path = folder / "src" / "dojo" / f"{module}.py"
    changed = mutate_file_contents(path.name, undecorated(path.read_text("utf-8")))
    path.write_text(changed.code.replace(CALLS, CALLS_HERE), "utf-8")
    changes = {name: change(changed, name) for name in changed.mutant_names}
    (folder / "changes.json").write_text(json.dumps(list(changes)), "utf-8")
    return changes


def undecorated(code: str) -> str:
    """The same program with `f = decorator(f)` below a function in place of `@decorator` above it."""
    lines = code.splitlines()
    functions = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.FunctionDef)]
    for node in sorted(functions, key=lambda node: node.lineno, reverse=True):
        indent = " " * node.col_offset
        calls = [f"{indent}{node.name} = {ast.unparse(d)}({node.name})" for d in reversed(node.decorator_list)]
        lines[node.end_lineno : node.end_lineno] = calls
        for decorator in reversed(node.decorator_list):
            del lines[decorator.lineno - 1 : decorator.end_lineno]
    return "\n".join(lines) + "\n"


def change(changed: MutatedFile, name: str) -> Change:
    """A change as people read it."""
    lines, place = changed.code.splitlines(), name.partition("__mutmut_")[0]
    both = {n: changed.line_span_by_function_name[n] for n in (f"{place}__mutmut_orig", name)}
    before, after = ([line.replace(n, place) for line in lines[s.start - 1 : s.end]] for n, s in both.items())
    compared = [*difflib.unified_diff(before, after, lineterm="", n=0)][2:]
    was, becomes = (" ".join(line[1:].strip() for line in compared if line[0] == sign) for sign in "-+")
    return Change(place.removeprefix("x_").removeprefix("xǁ").replace("ǁ", "."), was, becomes)


def run(module: str, folder: Path) -> dict[str, int]:
    """How the tests ended for each change. RuntimeError where they could not be run."""
    environment = os.environ | {"PYTHONPATH": str(folder / "src"), mutants.FOLDER: str(folder)}
    options = ["-p", "publish.mutants", "--tb=native", "-o", "tmp_path_retention_policy=none"]
    options.append(f"--basetemp={folder / 'temporary'}")  # the usual place is cleared by other runs of pytest
    with open(folder / "log.txt", "w") as log:
        command = [sys.executable, "-m", "pytest", *options, *TESTS[module]]
        done = subprocess.run(command, cwd=notebooks.ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)
    if done.returncode:
        raise RuntimeError(f"{module}: the tests could not be run: {(folder / 'log.txt').read_text('utf-8')}")
    return dict(map(json.loads, (folder / "ended.jsonl").read_text("utf-8").splitlines()))


def summary(module: str, ended: dict[str, int]) -> str:
    """How many changes there were, and how many of them a test noticed."""
    left, late = (list(ended.values()).count(code) for code in (mutants.PASSED, mutants.LATE))
    return (
        f"{module:9}{len(ended):5} changes, {len(ended) - late - left:4} noticed, {late:2} ended by the clock, "
        f"{left:3} survived: {1 - left / len(ended):.1%}"
    )


def explained(module: str) -> set[Change]:
    """The changes of which tests/survivors.toml says why no test notices them."""
    reasons = tomllib.loads(EXPLAINED.read_text("utf-8")).get(module, [])
    return {Change(*change) for reason in reasons for change in reason["changes"]}


def differences(ended: list[tuple[Change, int]], known: set[Change]) -> Iterator[str]:
    """Survivors that nobody explained, and explained ones that did not survive."""
    survived = {change for change, code in ended if code == mutants.PASSED}
    late = {change for change, code in ended if code == mutants.LATE}
    for found in sorted(survived - known):
        yield f"no test notices a change that {EXPLAINED.name} does not explain: {found}"
    for found in sorted(known - survived - late):
        yield f"{EXPLAINED.name} explains a change that does not survive: {found}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
