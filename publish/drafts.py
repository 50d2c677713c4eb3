"""Replaces files of a folder as a set: first all are written as drafts, then they change places in one short burst.

Who is killed meanwhile leaves the old files, or the new ones; within the burst, some milliseconds, some of each, and
each of them whole. The drafts that are then left say so: `left` finds them, and the next set clears them away.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from dojo import tables

FOLDER = ".drafts"


def replace(folder: Path, files: Mapping[str, str]) -> None:
    """Write files, by their paths in a folder, which is made where there is none.

    Raises OSError, which names the file; the old files are then as they were.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        drafts = folder / FOLDER
        shutil.rmtree(drafts, ignore_errors=True)
        try:
            for name, text in files.items():
                tables.write(drafts / name, text)
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
        except BaseException:
            shutil.rmtree(drafts, ignore_errors=True)
            raise
        with _undisturbed():
            for name in files:
                os.replace(drafts / name, folder / name)
            shutil.rmtree(drafts)


def left(folder: Path) -> bool:
    """True where a build was killed while it wrote; the files of the folder may be of two ages."""
    return (folder / FOLDER).exists()


def check(folder: Path) -> None:
    """Raise OSError when nothing can be written to a folder, so that nobody works for it in vain."""
    place = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        raise OSError(error.errno, f"nothing can be written here: {error.strerror}", str(place)) from None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until no other build writes here. The lock leaves no file, and goes with its process however that ends."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network drives lock no folders
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Put off Ctrl-C and the wish to end until it is done."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
