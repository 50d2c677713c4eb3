"""How long each notebook takes to read: the minutes beside it in the map and at the head of its page."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path

from dojo import facts

#: the notebooks stand beside the package
FOLDER = Path(__file__).resolve().parents[1]
#: words a minute
PACE = 220


def minutes(prose: Iterable[str]) -> int:
    """Minutes to read these texts in Markdown, begun ones counted whole; links without their addresses."""
    blocks = (block for text in prose for block in facts.blocks(text))
    words = sum(len((piece if isinstance(piece, str) else piece.text).split()) for block in blocks for piece in block)
    return math.ceil(words / PACE)


def path(folder: Path = FOLDER) -> dict[str, int]:
    """Minutes to read each notebook of a folder, by its name, in reading order: numbered first."""
    files = sorted(folder.glob("*.ipynb"), key=lambda file: (not file.name[0].isdigit(), file.name))
    return {file.stem: minutes(_prose(file)) for file in files}


def _prose(file: Path) -> Iterable[str]:
    cells = json.loads(file.read_text("utf-8"))["cells"]
    return ("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
