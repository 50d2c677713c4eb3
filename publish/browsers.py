"""A real browser: one that is installed, else Playwright's own, else one that is fetched."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psutil
from playwright.sync_api import Browser, BrowserType, Error, sync_playwright

NAMES = (
    "google-chrome",
    "google-chrome-stable",
    "chromium",
    "chromium-browser",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "microsoft-edge",
    "microsoft-edge-stable",
)
CHANNELS = ("chrome", "msedge")  # Playwright knows where each system keeps these two

# what a browser does of its own accord must not be taken for something a page asked for
FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
LIMIT = 300  # seconds for a command that fetches a browser
ADVICE = (
    "no browser starts: install Chrome, Chromium or Edge, or call python -m playwright install --with-deps chromium"
)


class NoBrowserError(Exception):
    """No browser starts here, and none could be fetched; the message says what to install."""


@contextmanager
def opened() -> Iterator[Browser]:
    """A browser, closed at the end. While it is open, an event loop runs in this thread: no asyncio beside it."""
    with sync_playwright() as playwright:
        browser = started(playwright.chromium)
        try:
            yield browser
        finally:
            browser.close()


def executable(browser: Browser) -> str:
    """The file that a browser was started from, for programs that start one of their own."""
    processes = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    return next(psutil.Process(one["id"]).exe() for one in processes if one["type"] == "browser")


def started(chromium: BrowserType) -> Browser:
    """The first browser that starts; one that is found but does not start is passed over."""
    for way in ways():
        try:
            return chromium.launch(args=FLAGS, **way)
        except Error:
            continue
    raise NoBrowserError(ADVICE)


def ways() -> Iterator[dict[str, Any]]:
    """Ways to start a browser. Nothing is fetched before all ways without it were tried."""
    yield from installed()
    yield {}  # Playwright's own, if it is there already
    if fetched_by_playwright():
        yield {}
    if fetched_by_debian():
        yield from installed()


def installed() -> Iterator[dict[str, Any]]:
    """Chrome, Chromium or Edge of this machine; its sandbox stays on unless root runs it, for whom it refuses."""
    sandbox = {"chromium_sandbox": not is_root()}
    yield from ({"executable_path": path} | sandbox for name in NAMES if (path := shutil.which(name)))
    yield from ({"channel": channel} | sandbox for channel in CHANNELS)


def fetched_by_playwright() -> bool:
    """Whether Playwright could download its own; the part without windows is enough."""
    return quietly(sys.executable, "-m", "playwright", "install", "--only-shell", "chromium")


def fetched_by_debian() -> bool:
    """Whether the package could be installed; a new machine has no list of packages yet."""
    if not (is_root() and shutil.which("apt-get")):
        return False
    install = ("apt-get", "install", "-y", "--no-install-recommends", "chromium")
    return quietly(*install) or (quietly("apt-get", "update") and quietly(*install))


def is_root() -> bool:
    """Whether root runs the tests; Windows has no such user."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def quietly(*command: str, seconds: float = LIMIT) -> bool:
    """Whether a command succeeds in time. Past it, the command ends with all that it started."""
    silent = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"}, **silent) as process:
        try:
            return process.wait(seconds) == 0
        except subprocess.TimeoutExpired:
            for one in [*psutil.Process(process.pid).children(recursive=True), process]:
                with suppress(psutil.NoSuchProcess):
                    one.kill()
            return False
