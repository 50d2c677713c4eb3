"""Reads files as text and as JSON, and says where one is broken."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fastjsonschema

#: a format of strings in shapes: what can be written to a file. JSON can hold one half of a letter, UTF-8 cannot
WHOLE = "text of whole letters"


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a file, placed as an editor wants it; line 0 is the file as a whole."""

    file: str
    line: int
    column: str
    value: str
    expected: str

    def __str__(self) -> str:
        value = self.value if len(self.value) <= 80 else self.value[:77] + "..."
        where = self.file + (f", line {self.line}" if self.line else "")
        where += f", column {self.column}" if self.column else ""
        return f"{where}: {value!r}; expected {self.expected}"


def text(path: Path, file: str) -> str:
    """A file as text; `file` is its name in messages. ValueError holds the Problem of one that is none."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise ValueError(Problem(file, 1, "", path.name, "this file to exist")) from None
    except OSError as error:
        expected = f"a file that can be read ({error.strerror})"
        raise ValueError(Problem(file, 1, "", path.name, expected)) from None
    if raw.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise ValueError(Problem(file, 1, "", raw[:12].decode("latin-1"), "UTF-8 without a byte order mark"))
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        bad = raw[max(0, error.start - 20) : error.end + 20].decode("utf-8", "replace")
        raise ValueError(Problem(file, line, "", bad, "text encoded as UTF-8")) from None


def parsed(path: Path, file: str) -> Any:
    """What a JSON file holds. ValueError holds the Problem with one that is none, placed as in `text`."""
    written = text(path, file)
    try:
        return json.loads(written)
    except json.JSONDecodeError as error:
        found = written[error.pos : error.pos + 40].partition("\n")[0]
        raise ValueError(Problem(file, error.lineno, "", found, f"JSON ({error.msg})")) from None
    except (ValueError, RecursionError):
        expected = "JSON without thousands of digits in a number, or of brackets within each other"
        raise ValueError(Problem(file, 1, "", written[:40], expected)) from None


def shape(schema: dict[str, Any]) -> Callable[[Any], Any]:
    """A JSON Schema to compare with, which may use the format WHOLE."""
    return fastjsonschema.compile(schema, formats={WHOLE: lambda said: not re.search("[\ud800-\udfff]", said)})


def misshapen(content: Any, wanted: Callable[[Any], Any]) -> tuple[str, str, str] | None:
    """Where the content of a JSON file first is not of its shape, what stands there and what was expected."""
    try:
        wanted(content)
    except fastjsonschema.JsonSchemaValueException as error:
        place = error.name.removeprefix("data").removeprefix(".")
        return (
            " ".join(place.split()),
            json.dumps(error.value),
            f"to {error.message.removeprefix(f'{error.name} must ')}",
        )
    return None
