"""The notebooks as files: reading, writing, and the stamp that says from what their outputs came.

Read with json alone: importing nbformat takes over a second, and checking has to be quick.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dojo import tables

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "notebooks"


@dataclass(frozen=True)
class Notebook:
    """A notebook as its file holds it."""

    path: Path
    content: dict[str, Any]

    @property
    def name(self) -> str:
        """The name of its page: 01-timeline."""
        return self.path.stem

    @property
    def label(self) -> str:
        """How messages name it: notebooks/01-timeline.ipynb."""
        return f"notebooks/{self.path.name}"

    @property
    def cells(self) -> list[dict[str, Any]]:
        """Its cells, in order."""
        return self.content["cells"]

    @property
    def title(self) -> str:
        """Its first heading."""
        for cell in self.cells:
            if match := re.search(r"^# (.+)$", source(cell), re.MULTILINE):
                return match[1]
        return self.name

    def code(self) -> Iterator[dict[str, Any]]:
        """Its code cells."""
        return (cell for cell in self.cells if cell["cell_type"] == "code")


def source(cell: Mapping[str, Any]) -> str:
    """The text of a cell, which files hold as a string or as lines."""
    return joined(cell["source"])


def joined(text: str | list[str]) -> str:
    """A text that files hold as a string or as lines."""
    return text if isinstance(text, str) else "".join(text)


def output_html(cell: Mapping[str, Any]) -> str:
    """The HTML that a code cell shows."""
    return "".join(joined(output.get("data", {}).get("text/html", "")) for output in cell.get("outputs", []))


def output_text(cell: Mapping[str, Any]) -> str:
    """What a code cell prints or shows, as plain text."""
    parts = (joined(o.get("text", "") or o.get("data", {}).get("text/plain", "")) for o in cell.get("outputs", []))
    return "\n".join(parts)


def read(path: Path) -> Notebook:
    """Read one notebook; ValueError names the file when it is none."""
    try:
        return Notebook(path, json.loads(path.read_text("utf-8")))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"notebooks/{path.name}: no notebook can be read here: {error}") from None


def everything(folder: Path | None = None) -> list[Notebook]:
    """All notebooks in reading order: numbered first, the appendix last."""
    paths = sorted((folder or FOLDER).glob("*.ipynb"), key=lambda p: (not p.name[0].isdigit(), p.name))
    return [read(path) for path in paths]


def write(path: Path, text: str) -> None:
    """Replace a file in one step, so that no reader ever finds half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.chmod(draft, 0o644)
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise


# --- from what the outputs came ------------------------------------------------------------------


def stamp(content: Mapping[str, Any]) -> dict[str, Any]:
    """What the outputs rest on: a digest of each code cell and one of the data."""
    cells = {cell["id"]: _digest(source(cell)) for cell in content["cells"] if cell["cell_type"] == "code"}
    return {"cells": cells, "data": data_digest()}


def data_digest() -> str:
    """A digest of every table."""
    return _digest("".join(_digest(path.read_text("utf-8")) for path in tables.files()))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def stale(notebook: Notebook) -> Iterator[tuple[str, str]]:
    """The cells whose stored output is older than what it rests on, each with the reason."""
    kept = notebook.content.get("metadata", {}).get("dojo", {"cells": {}, "data": ""})
    for cell in notebook.code():
        if kept["cells"].get(cell["id"]) != _digest(source(cell)):
            yield cell["id"], "its code changed since its output was stored: run make refresh"
    if kept["cells"] and kept["data"] != data_digest():
        yield "", "the data changed since the outputs were stored: run make refresh"
