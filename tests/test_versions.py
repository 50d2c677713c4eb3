"""The versions that CI installs are whole, hashed and allowed; what readers install by hand are the same."""

import re
from importlib import metadata

import pytest
from packaging.requirements import Requirement

from publish import notebooks

REQUIREMENTS = [
    Requirement(line.partition("#")[0].strip())
    for line in (notebooks.ROOT / "requirements.txt").read_text("utf-8").splitlines()
    if re.match(r"\w", line)
]
PINS = [Requirement(line) for line in (notebooks.ROOT / "constraints.txt").read_text("utf-8").splitlines()]
LOCK = (notebooks.ROOT / "requirements.lock").read_text("utf-8")


def key(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_lock_and_the_constraints_name_the_same_versions():
    locked = re.findall(r"^([\w.-]+==[^ ;\\]+)", LOCK, re.M)
    assert locked == [f"{pin.name}{pin.specifier}" for pin in PINS]


def test_each_file_that_may_be_installed_has_its_hash():
    for entry in re.split(r"\n(?=\w)", LOCK.strip()):
        name, *hashes = re.split(r" \\\n\s+", entry)
        assert "==" in name
        assert hashes
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", found) for found in hashes), name


@pytest.mark.parametrize("wanted", REQUIREMENTS, ids=lambda wanted: wanted.name)
def test_each_requirement_names_its_oldest_version_and_the_lock_is_no_older(wanted):
    assert [rule.operator for rule in wanted.specifier] == [">="]
    pins = [pin for pin in PINS if key(pin.name) == key(wanted.name)]
    assert pins
    for pin in pins:
        (rule,) = pin.specifier
        assert rule.version in wanted.specifier


@pytest.mark.locked
def test_what_is_installed_is_what_the_lock_names():
    installed = {key(found.name): found.version for found in metadata.distributions()}
    here = [pin for pin in PINS if pin.marker is None or pin.marker.evaluate()]
    assert {key(pin.name): installed.get(key(pin.name)) for pin in here} == {
        key(pin.name): next(iter(pin.specifier)).version for pin in here
    }
