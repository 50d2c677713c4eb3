"""Puts a figure, a table, a few numbers or a slider on the page, with what a reader needs to trust it.

Everything shown is plain HTML without script or style, the only form whose alt text reaches the
reader in JupyterLab, in nbconvert and after JupyterLab's sanitiser. Each function returns an object
that displays itself when it is the last line of a cell.
"""

from __future__ import annotations

import inspect
import io
import os
import re
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pandas as pd

from dojo import completion, dates, slim, tables

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: an alt text says kind, axes, range and finding; shorter ones say nothing, longer ones are not heard out
ALT_LENGTH = range(40, 301)
#: columns that carry ids or sources and are shown in their own way
_OWN = ("source_ids",)


@dataclass(frozen=True)
class Shown:
    """HTML for readers, and the same in plain text for terminals, diffs and the fact checker."""

    html: str
    text: str

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.html, "text/plain": self.text}

    def __repr__(self) -> str:
        return self.text

    @classmethod
    def plain(cls, text: str) -> Shown:
        """A paragraph of nothing but this text."""
        return cls(f"<p>{escape(text)}</p>", text)


# --- figures ---------------------------------------------------------------------------------


def figure(
    drawn: Figure,
    *,
    title: str,
    alt: str,
    data: pd.DataFrame,
    subtitle: str = "",
    caption: str = "",
    sources: Iterable[str] = (),
    names: Mapping[str, str] | None = None,
) -> Shown:
    """A chart with its finding as title, metric and condition as subtitle, and its data folded below.

    Sources are the ids in the `source_ids` column of `data`, then any given. `names` says what marks are
    called, by the names they were drawn with: pages then let a reader point at them. Raises ValueError for
    an alt text outside ALT_LENGTH or one that only repeats the title, and for a name that no mark or several have.
    """
    if len(alt) not in ALT_LENGTH:
        raise ValueError(f"alt text of {len(alt)} characters; expected {ALT_LENGTH[0]} to {ALT_LENGTH[-1]}")
    if alt.strip().casefold() == title.strip().casefold():
        raise ValueError("the alt text repeats the title; say what the chart shows")
    wide = drawn.get_figwidth() * 96 > WIDE
    # a wide chart scrolls in its own box, or its words would shrink with the window; pages do the same in their style
    box, size = (' style="overflow-x: auto"', ' style="max-width: none"') if wide else ("", "")
    image = (
        f'<img src="{address(svg(drawn, names))}" width="{width(drawn.get_figwidth() * 96)}" alt="{escape(alt)}"{size}>'
    )
    html = (
        f'<figure class="{"wide" if wide else "narrow"}{" interactive" if names else ""}" style="margin: 0">'
        + _heading(title, subtitle)
        + f'<div class="picture"{box}>{image}</div>'
        + f"<figcaption>{_paragraph(caption)}{_credits(data, sources)}"
        + folded(data, f"The data behind this figure: {len(data)} rows")
        + "</figcaption></figure>"
    )
    return Shown(html, "\n".join(filter(None, [title, subtitle, alt, caption])))


#: a chart wider than so many pixels is shown as drawn, in a box that scrolls; a narrower one shrinks with the page
WIDE = 500


def width(drawn: float) -> int:
    """How many pixels wide a chart is shown where there is room: one drawn for a phone is enlarged."""
    return round(drawn if drawn > WIDE else 1.5 * drawn)


def svg(drawn: Figure, names: Mapping[str, str] | None = None) -> str:
    """The figure as SVG, equal to the byte in every run: no date, no random ids, no creator.

    Marks in `names` get areas with these words as titles. ValueError for a name that no mark or several have.
    """
    import matplotlib.style  # takes a third of a second, and checking draws nothing

    from dojo import marks

    buffer = io.StringIO()
    with matplotlib.style.context(marks.STYLE):
        drawn.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    drawn_names = Counter(name for artist in drawn.findobj() if (name := artist.get_gid()))
    if wrong := [name for name in names or {} if drawn_names[name] != 1]:
        raise ValueError(f"names for marks that are not drawn exactly once: {', '.join(wrong)}")
    return slim.slim(buffer.getvalue(), drawn_names, names)


#: what a mark is, is heard as a whole, so it is short
NAME = 120


def names(rows: pd.DataFrame, *says: str) -> dict[str, str]:
    """What to call the mark of each row: what it is, in the columns `says`, then its date, standing and source.

    What it is has a line of its own. Columns date, standing and source_ids are used where there are any; what is longer
    than NAME is cut.
    """
    return {str(index): _called(row, says) for index, row in rows.iterrows()}


def _called(row: pd.Series, says: Sequence[str]) -> str:
    told = [f"{name} {number(cell)}" if isinstance(cell := row[name], int | float) else str(cell) for name in says]
    known = [when(row["date"])] if row.get("date") else []
    known += [row["standing"]] if row.get("standing") else []
    first, *more = row.get("source_ids") or [""]
    publisher = tables.find(first, "sources")[0].cells["publisher"] if first else ""
    what = textwrap.shorten(", ".join(filter(None, told)), NAME, placeholder=" …")
    parts = [what, ", ".join(known), f"{publisher} and {len(more)} more" if more else publisher]
    what, *rest = (part if part.endswith((".", "…", "?", "!")) else f"{part}." for part in parts if part)
    return f"{what}\n{' '.join(rest)}".strip()


def address(picture: str) -> str:
    """An SVG as the address of an image: readable text, a quarter smaller than base64."""
    plain = picture.replace("'", "&#39;").replace('"', "'")
    # what would end the address or the attribute it stands in; browsers encode letters beyond ASCII themselves
    return "data:image/svg+xml," + re.sub(r"[\x00-\x1f%#<>&\\`]", lambda match: quote(match[0]), plain)


def _heading(title: str, subtitle: str) -> str:
    return f'<p class="title"><strong>{escape(title)}</strong></p>' + _paragraph(subtitle, "subtitle")


def _paragraph(text: str, name: str = "") -> str:
    return f"<p{f' class={name!r}' if name else ''}>{escape(text)}</p>" if text else ""


# --- tables and numbers ----------------------------------------------------------------------


def table(frame: pd.DataFrame, *, title: str, caption: str = "", sources: Iterable[str] = ()) -> Shown:
    """A table with its finding as title; a column `source_ids` becomes links to the sources."""
    text = frame.drop(columns=[c for c in _OWN if c in frame]).to_string(max_colwidth=None)
    html = (
        '<figure class="table" style="margin: 0">'
        + _heading(title, "")
        + f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(title)}">{grid(frame)}</div>'
        + f"<figcaption>{_paragraph(caption)}{_credits(frame.drop(columns='source_ids', errors='ignore'), sources)}"
        + "</figcaption></figure>"
    )
    return Shown(html, "\n".join(filter(None, [title, text, caption])))


#: JupyterLab lets labels float, and one of two lines would push the next aside
ROW = ' style="display: flex"'


def numbers(**labelled: str | float) -> Shown:
    """Computed numbers under the labels by which prose cites them; `_` in a name reads as a space."""
    lines = {name.replace("_", " "): str(value) for name, value in labelled.items()}
    rows = "".join(f"<div{ROW}><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in lines.items())
    return Shown(f'<dl class="numbers">{rows}</dl>', "\n".join(f"{k}: {v}" for k, v in lines.items()))


def aside(shown: Shown, summary: str) -> Shown:
    """What is shown, folded under a line that opens it: for numbers that only back the text."""
    return Shown(f"<details><summary>{escape(summary)}</summary>{shown.html}</details>", shown.text)


def folded(frame: pd.DataFrame, summary: str) -> str:
    """The rows of a table, folded under a line that opens them."""
    inner = f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(summary)}">{grid(frame)}</div>'
    return f"<details><summary>{escape(summary)}</summary>{inner}</details>"


#: JupyterLab sets the cells of tables flush right, which suits numbers alone; pages have a style of their own
LEFT = ' style="text-align: left"'


def grid(frame: pd.DataFrame) -> str:
    """A table as HTML with headings that name their column and row; empty cells stay empty."""
    named = bool(frame.index.name)
    sides = {c: "" if pd.api.types.is_numeric_dtype(frame[c]) else LEFT for c in frame.columns}
    heads = [f'<th scope="col"{LEFT}>{escape(str(frame.index.name).replace("_", " "))}</th>'] if named else []
    heads += [f'<th scope="col"{sides[c]}>{escape(_heading_of(c))}</th>' for c in frame.columns]
    rows = []
    for index, row in zip(frame.index, frame.itertuples(index=False), strict=True):
        cells = [f'<th scope="row"{LEFT}>{escape(str(index))}</th>'] if named else []
        cells += [f"<td{sides[c]}>{_cell(c, cell)}</td>" for c, cell in zip(frame.columns, row, strict=True)]
        rows.append(f"<tr>{''.join(cells)}</tr>")
    return f"<table><thead><tr>{''.join(heads)}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _heading_of(column: str) -> str:
    return "sources" if column == "source_ids" else column.replace("_", " ")


def _cell(column: str, cell: Any) -> str:
    if column == "source_ids":
        return ", ".join(map(source_link, cell))
    if isinstance(cell, tuple):
        return escape(", ".join(map(str, cell)))
    if pd.isna(cell):
        return ""
    if isinstance(cell, pd.Timestamp):
        return dates.day(cell)
    if isinstance(cell, int | float):
        return number(cell)
    return escape(str(cell))


def number(value: float) -> str:
    """A number as tables show it: 16,500,000,000, but 2025 and 8192."""
    return f"{value:,.15g}" if abs(value) >= 10_000 else f"{value:.15g}"


# --- sources ---------------------------------------------------------------------------------


#: what a reader should know about how a source was read; nothing is said of those read in full
READ = {"copy": "read in a copy", "via": "known through others", "opening": "opening read"}


def source_link(source_id: str, address: str = "") -> str:
    """A source as a link: publisher and date, and how it was read where that was not in full, in place.

    Leads to its own address, or to the one given; to no other place than the web or the page.
    """
    source = tables.find(source_id, "sources")[0].cells
    words = escape(f"{source['publisher']}, {when(source['published'])}")
    if (url := address or source["url"]).startswith(("https://", "http://", "#")):
        words = f'<a href="{escape(url)}">{words}</a>'
    hint = ", ".join(filter(None, (READ.get(source["address"]), READ.get(source["seen"]))))
    return f"{words} ({hint})" if hint else words


def when(date: str) -> str:
    """A date of the tables as prose writes it; "undated" for an empty one."""
    return str(dates.window(date)) if date else "undated"


def _credits(data: pd.DataFrame, extra: Iterable[str]) -> str:
    """The line of sources: each in full when few, otherwise counted, as the data below links them."""
    named = [s for cell in data["source_ids"] for s in cell] if "source_ids" in data else []
    ids = list(dict.fromkeys([*named, *extra]))
    if not ids:
        return ""
    if len(ids) <= 8:
        return f'<p class="sources">Sources: {"; ".join(map(source_link, ids))}.</p>'
    return f'<p class="sources">{len(ids)} sources, each linked in the data below.</p>'


def why(row_id: str, table: str | None = None) -> Shown:
    """The row behind a fact: every cell, its sources and how well it is supported. Tab completes its id.

    Shows every table's row when several share the id; KeyError with a near miss when none has it.
    """
    parts, texts = [], []
    for row in tables.find(row_id, table):
        cells = {c: v for c, v in row.cells.items() if v and row.table.fields[c].get("refersTo") != ["sources"]}
        lines = "".join(
            f'<tr><th scope="row"{LEFT}>{escape(c.replace("_", " "))}</th><td{LEFT}>{escape(v)}</td></tr>'
            for c, v in cells.items()
        )
        links = "; ".join(map(source_link, row.items("source_ids"))) if row.cells.get("source_ids") else "none named"
        parts.append(
            f'<section><p class="title"><strong>{escape(row.place)}</strong></p>'
            f"<table><tbody>{lines}</tbody></table>"
            f"<p>{escape(row.table.contract['description'])}</p><p>Sources: {links}.</p></section>"
        )
        texts.append("\n".join([row.place, *(f"  {c}: {v}" for c, v in row.cells.items() if v)]))
    return Shown("".join(parts), "\n".join(texts))


completion.offer()  # the ids, on Tab

# --- sliders ---------------------------------------------------------------------------------


def live() -> bool:
    """True in a front end where a reader moves sliders: JupyterLab, Notebook, a hub, Binder, VS Code.

    Jupyter's server names its session to the kernels it starts, VS Code sets a switch of the debugger for its
    own; programs that only execute notebooks (publish, nbconvert, pytest-notebook) do neither. DOJO_STATIC=1
    forces no.
    """
    here = "JPY_SESSION_NAME" in os.environ or "PYDEVD_IPYTHON_COMPATIBLE_DEBUGGING" in os.environ
    return here and not os.environ.get("DOJO_STATIC")


def explore(
    function: Callable[..., Shown],
    *,
    start: Mapping[str, Any] | None = None,
    groups: Mapping[str, Sequence[str]] | None = None,
    **choices: tuple[float, ...] | Sequence[Any],
) -> Any:
    """A function of a few parameters with a slider or a list for each; elsewhere its result for the defaults.

    `choices` gives each parameter (low, high), in whole steps, (low, high, step), or a list of options; one of
    numbers becomes a slider over them. Every parameter needs a default, because that is what pages show; `start`
    gives those of parameters that the function takes as keywords of any name. `groups` folds controls away under
    headings, below the result, by their names. Raises TypeError when a choice names no parameter or a parameter
    has no default, ValueError when a default is none of the choices.
    """
    parameters = inspect.signature(function).parameters
    values = {n: p.default for n, p in parameters.items() if p.kind is not p.VAR_KEYWORD} | dict(start or {})
    if unknown := set(choices) - set(values):
        raise TypeError(f"{function.__name__} has no parameter {', '.join(sorted(unknown))}")
    if bare := [name for name, value in values.items() if value is inspect.Parameter.empty]:
        raise TypeError(f"{function.__name__} needs a default for {', '.join(bare)}")
    if not live():
        return function(**(start or {}))
    from dojo import controls  # takes half a second and is of use to live readers alone

    return controls.Explorer(function, values, choices, groups or {})
