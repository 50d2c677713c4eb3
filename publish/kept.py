"""Keeps what was made, so that nothing is made twice: outputs of notebooks, parts of pages, and that all is as it was.

An entry says from what it was made, by hashes of contents: what had to be the same, and the files that were really
used. It holds as long as these do; no time has a say. Nobody needs the entries: `--force` takes none, and without the
folder all is made anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from dojo import tables
from publish import notebooks

FOLDER = notebooks.ROOT / "build" / "kept"
DOJO, PUBLISH = Path(tables.__file__).parent, Path(__file__).parent
#: what kernels are made by; a change of the rest of publish/ changes no output
KERNELS = [PUBLISH / f"{name}.py" for name in ("execute", "keeper", "warm", "used")]


def digest(*parts: str | bytes) -> str:
    """A hash of contents."""
    found = hashlib.sha256()
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        found.update(b"%d:" % len(raw) + raw)
    return found.hexdigest()[:24]


def inputs() -> dict[Path, str]:
    """What pages are made of, each with its hash."""
    return {path: look(path) for path in sorted(files()) if path.is_file()}


def files() -> set[Path]:
    """What pages are made of: data, notebooks, the package beside them, who makes the pages; with their folders."""
    found = {path for place in _places() for path in place.rglob("*") if not _hidden(path.relative_to(place))}
    return found | {notebooks.ROOT / name for name in ("CITATION.cff", "CHANGELOG.md", "requirements.lock")}


def _places() -> tuple[Path, ...]:
    return tables.DATA, notebooks.FOLDER, DOJO, PUBLISH


def _hidden(name: Path) -> bool:
    return any(part.startswith((".", "__pycache__")) for part in name.parts)


def look(path: Path) -> str:
    """The hash of a file, or of what a folder lists; "" where there is none that can be read."""
    with suppress(OSError):
        if path.is_dir():
            return digest(*sorted(name for name in os.listdir(path) if not _hidden(Path(name))))
        return digest(path.read_bytes())
    return ""


def versions() -> str:
    """A hash of what stands around the suite: Python, machine, the packages that are installed and those wanted."""
    installed = [name for name in os.listdir(sysconfig.get_path("purelib")) if name.endswith(".dist-info")]
    return digest(sys.version, os.uname().machine, *sorted(installed), look(notebooks.ROOT / "requirements.lock"))


class Kept:
    """The entries, and the hashes of the inputs, taken once when a build begins."""

    def __init__(self, force: bool = False) -> None:
        self.force = force
        self.inputs = inputs()
        self.versions = versions()
        #: False once something was made of what no later build would look at
        self.whole = True
        self._new: dict[Path, dict[str, Any]] = {}

    def hash(self, path: Path) -> str:
        """The hash of a file or folder as the build began."""
        return self.inputs.get(path) or look(path)

    def kernels(self) -> str:
        """A hash of what kernels are made by."""
        return digest(self.versions, *map(self.hash, KERNELS))

    def pages(self) -> str:
        """A hash of what pages are made by: all code and templates, how to cite."""
        places = (DOJO, PUBLISH, notebooks.ROOT / "CITATION.cff")
        ours = [path for path in self.inputs if any(path.is_relative_to(place) for place in places)]
        return digest(self.versions, *map(self.hash, ours))

    def get(self, name: str, key: str) -> Any:
        """What was made under this name, if it was from the same and all that it used is as it was; else None."""
        with suppress(OSError, ValueError, KeyError, TypeError):  # what cannot be read is made anew
            path = FOLDER / f"{name}.json"
            entry = self._new.get(path) or json.loads(path.read_text("utf-8"))
            if (path in self._new or not self.force) and entry["key"] == key and self._same(entry["used"]):
                return entry["made"]
        return None

    def _same(self, used: Mapping[str, str]) -> bool:
        return all(self.hash(notebooks.ROOT / path) == was for path, was in used.items())

    def put(self, name: str, key: str, made: Any, used: Iterable[Path] | None) -> None:
        """Have something kept; `write` does it, once it is known that nothing changed meanwhile.

        Not kept is what rests on files that are no inputs, or on nobody knows what (None).
        """
        used = None if used is None else list(used)
        if used is None or not all(map(self._seen, used)):
            self.whole = False
            return
        hashes = {os.path.relpath(path, notebooks.ROOT): self.hash(path) for path in used}
        self._new[FOLDER / f"{name}.json"] = {"key": key, "used": hashes, "made": made}

    def _seen(self, path: Path) -> bool:
        """True for what `inputs` holds, and for folders beside it, or files that are missing there."""
        return path in self.inputs or (not path.is_file() and any(map(path.is_relative_to, _places())))

    def write(self) -> None:
        """Write the new entries. That there is no room for them is no reason to fail."""
        for path, entry in self._new.items():
            with suppress(OSError):
                tables.write(path, json.dumps(entry, ensure_ascii=False))


# --- all is as it was ----------------------------------------------------------------------------


def unchanged(name: str, out: Path) -> set[Path] | None:
    """What a build of this name wrote there, if it went well and that, and what it was made of, is all as it was."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        entry = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
        same = entry["key"] == _key(versions(), inputs())
        if same and all(look(out / path) == was for path, was in entry["wrote"].items()):
            return {out / path for path in entry["wrote"]}
    return None


def settle(name: str, out: Path, written: Mapping[Path, str], store: Kept) -> None:
    """Note that a build of this name went well: what it was made of, and what it wrote, there and into its inputs.

    Not where some of it was made of what a later build would not look at.
    """
    if not store.whole:
        return
    hashes = {path: digest(text) for path, text in written.items()}
    known = {path: hashes.get(path, was) for path, was in store.inputs.items()}
    wrote = {path.relative_to(out).as_posix(): was for path, was in hashes.items() if path.is_relative_to(out)}
    with suppress(OSError):
        tables.write(FOLDER / f"{name}.json", json.dumps({"key": _key(store.versions, known), "wrote": wrote}))


def _key(around: str, known: Mapping[Path, str]) -> str:
    return digest(around, *(part for path in sorted(known) for part in (str(path), known[path])))
