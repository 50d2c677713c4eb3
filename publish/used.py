"""Inside a kernel: what a notebook really uses of what may change, its tables, modules and other files of the suite.

Tables are read as a whole before the first cell, and each remembers who asked for it. So whatever is opened afterwards,
the notebook opens itself, and what was imported is known to Python. Not seen is what a cell only asks whether it is
there, and what it has other programs read.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Any

from dojo import tables

#: the events in which Python says that it looks at a file or lists a folder, the current one where it names none
LOOKS = {"open", "os.listdir", "os.scandir", "sqlite3.connect"}
_opened: set[str] = set()


def watch() -> None:
    """Begin, before the first cell."""
    with suppress(tables.DataError):  # whoever loads a table will say so
        tables.everything().asked.clear()
    sys.addaudithook(_note)


def _note(event: str, said: tuple[Any, ...]) -> None:
    if event in LOOKS and not isinstance(said[0], int):
        _opened.add(os.path.abspath(os.fsdecode(said[0] or ".")))


def told() -> list[str]:
    """The paths of all that was used, files and folders, below the suite's own folder or the notebook's."""
    known = tables.everything()
    asked = {str(known[name].path) for name in sorted(known.asked)}
    modules = {file for module in [*sys.modules.values()] if (file := getattr(module, "__file__", None))}
    found = {str(tables.DATA / "datapackage.json"), *asked, *modules, *_opened}
    return sorted(path for path in found if _ours(path))


def _ours(path: str) -> bool:
    """True for what belongs to the suite: no package of others, no byte-code, nothing that editors and tools hide."""
    ours = f"{tables.DATA.parent}{os.sep}"  # which may lie below a prefix, as in /usr/src
    others = [place for place in (f"{sys.prefix}{os.sep}", f"{sys.base_prefix}{os.sep}") if not ours.startswith(place)]
    if path.startswith(tuple(others)):
        return False
    near = next(
        (path[len(place) :] for place in (f"{tables.DATA.parent}", os.getcwd()) if path.startswith(place)), None
    )
    return near is not None and not any(part.startswith((".", "__pycache__")) for part in near.split(os.sep))
