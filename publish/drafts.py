"""Replaces files of a folder as a set: first all are written as drafts, then they change places in one short burst.

Who is killed meanwhile leaves the old files, or the new ones; within the burst, some milliseconds, some of each, all of
them whole. The folder of drafts that is then left says so, and the next set clears it away.
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
STOPS = (signal.SIGINT, signal.SIGTERM)


def replace(folder: Path, files: Mapping[str, str]) -> None:
    """Write files, by their paths in a folder, which is made where there is none.

    Raises OSError, which names the file; the old files are then as they were.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        drafts = folder / FOLDER
        shutil.rmtree(drafts, ignore_errors=True)
        try:
            for number, (name, text) in enumerate(files.items()):
                tables.write(drafts / name, text)
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                with suppress(OSError):  # to give up the old files takes longest; held here, that waits till after
                    os.link(folder / name, drafts / f"{number}.old")
        except BaseException:
            shutil.rmtree(drafts, ignore_errors=True)
            raise
        with _undisturbed():
            try:
                _burst(drafts, folder, list(files))
            finally:
                shutil.rmtree(drafts)


def _burst(drafts: Path, folder: Path, names: list[str]) -> None:
    """Put the drafts into place; where one cannot take its own, the old files take theirs again."""
    new = [name for name in names if not os.path.lexists(folder / name)]
    placed = 0
    try:
        for name in names:
            os.replace(drafts / name, folder / name)
            placed += 1
    except OSError:
        for number, name in enumerate(names[:placed]):
            if name in new:
                (folder / name).unlink()
            elif (old := drafts / f"{number}.old").exists():
                os.replace(old, folder / name)
        raise


def left(folder: Path) -> bool:
    """True where who wrote to a folder was killed meanwhile; not where one is just writing."""
    if not (folder / FOLDER).exists():
        return False
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # some network drives lock no folders
        pass
    finally:
        os.close(handle)
    return (folder / FOLDER).exists()


def check(folder: Path) -> None:
    """Raise OSError when nothing can be written to a folder, so that nobody works for it in vain."""
    place = next(path for path in (folder, *folder.absolute().parents) if os.path.lexists(path))
    if not place.is_dir():
        raise OSError(f"nothing can be written to {folder}, as {place} is no folder")
    try:
        tempfile.TemporaryFile(dir=place).close()
    except OSError as error:
        raise OSError(f"nothing can be written to {place}: {error.strerror}") from None


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
    """Put off Ctrl-C, or a request to end, until it is done."""
    came: list[int] = []
    before = {stop: signal.signal(stop, lambda number, _: came.append(number)) for stop in STOPS}
    try:
        yield
    finally:
        for stop, handler in before.items():
            signal.signal(stop, handler)
        for number in came[:1]:
            signal.raise_signal(number)
