"""The pages as a browser shows them; and the browser itself: which is taken, and that none is left behind."""

import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, Error

from publish import __main__, audit, browsers, pages

PAGES = sorted(__main__.EXPORTS.glob("*.html"))


def faults(browser: Browser, path: Path, views: Sequence[tuple[int, str]]) -> list[str]:
    """What goes wrong when a page is opened from disk without a network, in views of a width and a scheme."""
    return [
        f"{fault}, {width} {scheme}"
        for width, scheme in views
        for fault in audit.look(browser, path, width, scheme).faults
    ]


#: the whole story has the same text as all others together, so the thorough tests look at it
EACH = [pytest.param(p, id=p.stem, marks=[pytest.mark.thorough] * (p.name == pages.EDITION)) for p in PAGES]


@pytest.mark.parametrize("path", EACH)
def test_a_page_opens_without_complaint_fits_its_window_and_keeps_nobody_out(browser, path):
    assert faults(browser, path, [(1280, "light"), (375, "dark")]) == []


@pytest.mark.thorough
@pytest.mark.parametrize("path", EACH)
def test_nor_does_it_in_the_other_views(browser, path):
    assert faults(browser, path, [(1280, "dark"), (375, "light")]) == []


@pytest.mark.parametrize("name", ["01-timeline", pages.EDITION.removesuffix(".html")])
def test_one_switch_shows_all_code(browser, name):
    shown = "nodes => nodes.filter(node => node.checkVisibility({ contentVisibilityAuto: true })).length"
    with closing(browser.new_page()) as page:
        page.goto((__main__.EXPORTS / f"{name}.html").as_uri())
        code = page.locator(".source pre")
        assert code.evaluate_all(shown) == 0
        page.get_by_label("Show all code").check()
        assert code.evaluate_all(shown) == code.count() > 0


@pytest.mark.parametrize(
    ("body", "fault", "view"),
    [
        ("<script>console.warn('odd')</script>", "warning: odd", (1280, "light")),
        ("<script>console.error('bad')</script>", "error: bad", (375, "light")),
        ("<script>throw new Error('lost')</script>", "script: lost", (1280, "light")),
        ("<img src='https://example.org/a.png' alt=''>", "asks: https://example.org/a.png", (1280, "light")),
        ("<p style='width: 376px'>x", "wide: 376 of 375", (375, "dark")),
        ("<details><summary>s</summary><p style='width: 376px'>x</details>", "wide: 376 of 375", (375, "dark")),
        (
            "<style>@media (prefers-color-scheme: dark) { p { width: 1300px } }</style><p>x",
            "wide: 1300 of 1280",
            (1280, "dark"),
        ),
    ],
)
def test_a_page_with_a_fault_is_noticed(browser, tmp_path, body, fault, view):
    page = tmp_path / "page.html"
    page.write_text(f"<!doctype html><title>t</title><style>body {{ margin: 0 }}</style>{body}", "utf-8")
    assert f"{fault}, {view[0]} {view[1]}" in faults(browser, page, [view])


# --- which browser ------------------------------------------------------------------------------

DOWNLOAD = "playwright install --only-shell chromium"
INSTALL = "apt-get install -y --no-install-recommends chromium"
UPDATE = "apt-get update"
OWN = "Playwright's own"


class Machine:
    """A machine that has some programs, and on which some commands bring a browser."""

    def __init__(self, monkeypatch, *programs: str, root: bool = True, brings: dict | None = None, broken: str = ""):
        self.programs, self.brings, self.broken = set(programs), brings or {}, broken
        self.called = []
        monkeypatch.setattr(browsers, "is_root", lambda: root)
        monkeypatch.setattr(browsers.shutil, "which", lambda name: name if name in self.programs else None)
        monkeypatch.setattr(browsers, "quietly", self.call)

    def call(self, *command: str) -> bool:
        """Note a command, and do what it brings, if it brings anything."""
        called = " ".join(command).removeprefix(f"{sys.executable} -m ")
        self.called.append(called)
        self.programs |= self.brings.get(called, set())
        return called in self.brings

    def launch(self, args: list[str], executable_path: str = "", channel: str = "", **_) -> str:
        """Start as Playwright would, and say which browser it is."""
        wanted = executable_path or channel or OWN
        if wanted not in self.programs or wanted == self.broken:
            raise Error("does not start")
        return wanted


@pytest.mark.parametrize(
    ("programs", "taken"),
    [
        (["chromium", "google-chrome", "microsoft-edge", "msedge", OWN], "google-chrome"),
        (["chromium", "microsoft-edge", "msedge", OWN], "chromium"),
        (["microsoft-edge", "chrome", OWN], "microsoft-edge"),
        (["msedge", OWN], "msedge"),
        ([OWN, "apt-get"], OWN),
    ],
)
def test_what_is_there_is_taken_in_order_and_nothing_fetched(monkeypatch, programs, taken):
    machine = Machine(monkeypatch, *programs)
    assert browsers.started(machine) == taken
    assert machine.called == []


def test_a_browser_that_does_not_start_is_passed_over(monkeypatch):
    machine = Machine(monkeypatch, "google-chrome", "chromium", broken="google-chrome")
    assert browsers.started(machine) == "chromium"


@pytest.mark.parametrize(
    ("brings", "taken", "called"),
    [
        ({DOWNLOAD: {OWN}}, OWN, [DOWNLOAD]),
        ({INSTALL: {"chromium"}}, "chromium", [DOWNLOAD, INSTALL]),
        ({DOWNLOAD: set(), INSTALL: {"chromium"}}, "chromium", [DOWNLOAD, INSTALL]),
    ],
    ids=["download", "package", "download that does not start"],
)
def test_what_is_missing_is_fetched_once(monkeypatch, brings, taken, called):
    machine = Machine(monkeypatch, "apt-get", brings=brings)
    assert browsers.started(machine) == taken
    assert machine.called == called


def test_a_new_machine_learns_first_which_packages_there_are(monkeypatch):
    machine = Machine(monkeypatch, "apt-get", brings={UPDATE: set()})
    with pytest.raises(browsers.NoBrowserError):
        browsers.started(machine)
    assert machine.called == [DOWNLOAD, INSTALL, UPDATE, INSTALL]


@pytest.mark.parametrize(("programs", "root"), [(["apt-get"], False), ([], True)], ids=["not root", "no apt-get"])
def test_no_package_is_installed_where_that_cannot_be(monkeypatch, programs, root):
    machine = Machine(monkeypatch, *programs, root=root, brings={INSTALL: {"chromium"}})
    with pytest.raises(browsers.NoBrowserError, match=r"^no browser starts: install Chrome, Chromium or Edge.*$"):
        browsers.started(machine)
    assert machine.called == [DOWNLOAD]


@pytest.mark.parametrize("root", [True, False])
def test_the_sandbox_is_off_for_root_alone(monkeypatch, root):
    Machine(monkeypatch, "chromium", root=root)
    assert {way["chromium_sandbox"] for way in browsers.installed()} == {not root}


# --- nothing left behind ------------------------------------------------------------------------


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}


def left(pids: set[int]) -> list[int]:
    """Those that still run after ten seconds; what was told to end needs a moment."""
    for _ in range(100):
        if not any(map(runs, pids)):
            return []
        time.sleep(0.1)
    return sorted(filter(runs, pids))


def runs(pid: int) -> bool:
    """Whether a process runs. A zombie does not: it has ended, and whoever adopted it has not looked yet."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_no_process_of_the_browser_stays():
    def while_open() -> set[int]:
        with browsers.opened() as browser:
            browser.new_page()
            return children() - before

    before = children()
    with ThreadPoolExecutor(1) as pool:  # a thread of its own, since the fixture may be open in this one
        started = pool.submit(while_open).result()
    assert len(started) > 1
    assert left(started) == []


def test_a_command_past_its_time_ends_with_all_that_it_started(tmp_path):
    note = tmp_path / "child"
    child = f"import os, pathlib, time; pathlib.Path({str(note)!r}).write_text(str(os.getpid())); time.sleep(60)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-S', '-c', {child!r}])"
    assert not browsers.quietly(sys.executable, "-S", "-c", parent, seconds=2)
    assert left({int(note.read_text())}) == []


def test_a_command_says_whether_it_succeeded():
    assert browsers.quietly(sys.executable, "-c", "")
    assert not browsers.quietly(sys.executable, "-c", "raise SystemExit(1)")
