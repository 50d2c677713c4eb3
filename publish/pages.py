"""Renders a notebook as a page that needs no network, no script and no second file."""

from __future__ import annotations

import base64
import hashlib
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from bs4 import BeautifulSoup, Tag
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from nbconvert import HTMLExporter
from rjsmin import jsmin

from dojo import facts, reading, show, tables
from publish import notebooks
from publish.execute import node
from publish.notebooks import Notebook

TEMPLATE = Path(__file__).with_name("template")
#: classes of highlighted code that the style sheet shades; the others would only weigh
SHADED = {"k", "kn", "ow", "s1", "s2", "sa", "c1"}


@dataclass(frozen=True)
class Note:
    """A source note at the foot of a page, to which fact links lead."""

    id: str
    html: str


def render(book: Notebook, books: Sequence[Notebook]) -> str:
    """The page of a notebook, its outputs as stored in it; `books` are all pages, in reading order."""
    body, _ = _exporter().from_notebook_node(node(book))
    soup = BeautifulSoup(body, "html.parser")
    notes = _resolve(soup, book)
    _tidy(soup)
    place = [b.name for b in books].index(book.name)
    style, script = _style(), _script() if soup.select_one(".weigh") else ""
    return _frame().render(
        name=book.name,
        title=book.title,
        description=_description(soup),
        pages=[{"name": b.name, "title": _short(b)} for b in books],
        previous=_neighbour(books, place - 1),
        next=_neighbour(books, place + 1),
        as_of=str(tables.as_of()),
        minutes=reading.minutes(notebooks.source(c) for c in book.cells if c["cell_type"] == "markdown"),
        contents=_contents(soup),
        body=str(soup).strip(),
        notes=notes,
        style=style,
        style_hash=_hash(style),
        script=script,
        script_hash=_hash(script),
    )


def figures(book: Notebook) -> dict[str, str]:
    """The charts of a notebook as SVG files, by file name: 01-timeline-strip-figure.svg."""
    found = {}
    for cell in book.code():
        images = BeautifulSoup(notebooks.output_html(cell), "html.parser").select('img[src^="data:image/svg+xml,"]')
        for number, image in enumerate(images):
            name = f"{book.name}-{cell['id']}{f'-{number + 1}' if number else ''}.svg"
            found[name] = unquote(image["src"].partition(",")[2]) + "\n"
    return found


def _raise_image() -> str:
    raise ValueError("an output holds a bare image, which has no alt text: show it with show.figure")


@lru_cache(maxsize=1)
def _exporter() -> HTMLExporter:
    exporter = HTMLExporter(template_name="template", extra_template_basedirs=[str(TEMPLATE.parent)])
    exporter.exclude_anchor_links = True
    exporter.environment.globals["raise_image"] = _raise_image
    return exporter


@lru_cache(maxsize=1)
def _frame() -> Any:
    loader = FileSystemLoader(TEMPLATE)
    return Environment(loader=loader, undefined=StrictUndefined, autoescape=True).get_template("page.html.j2")


@lru_cache(maxsize=1)
def _style() -> str:
    text = re.sub(r"/\*.*?\*/", "", (TEMPLATE / "style.css").read_text("utf-8"), flags=re.DOTALL)
    return re.sub(r"\s*\n\s*", "\n", text).strip()


@lru_cache(maxsize=1)
def _script() -> str:
    """The one script there is: it lets a reader weigh the evidence, on pages that hold the scales."""
    return jsmin((TEMPLATE / "weigh.js").read_text("utf-8"))


def _hash(text: str) -> str:
    """The digest by which a page's policy knows what may run or style it."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _neighbour(books: Sequence[Notebook], place: int) -> dict[str, str] | None:
    return {"name": books[place].name, "title": books[place].title} if 0 <= place < len(books) else None


def _short(book: Notebook) -> str:
    """The name of a page in the list of pages: Timeline for 01-timeline."""
    words = re.sub(r"^\d+-", "", book.name).replace("-", " ").capitalize()
    return re.sub(r"\b[a-z]+\d+\b", lambda name: name[0].upper(), words)  # a word with a digit is a name: AI6


def texts(block: list[str | facts.Link]) -> list[str]:
    """The pieces of a block of prose as a reader sees them, links without their addresses."""
    return [piece if isinstance(piece, str) else piece.text for piece in block]


def _description(soup: BeautifulSoup) -> str:
    """How the page begins, for search results and messengers."""
    paragraphs = [re.sub(r"\s+", " ", p.get_text().strip()) for p in soup.find_all("p", limit=2)]
    return textwrap.shorten(" ".join(paragraphs), 300, placeholder=" …")


def _contents(soup: BeautifulSoup) -> list[dict[str, str]]:
    """The second-level headings of the prose, each with the id it gets: its cell's, or one after it."""
    entries = []
    for section in soup.select("section.prose"):
        for number, heading in enumerate(section.find_all("h2")):
            if number:
                heading["id"] = f"{section['id']}-{number + 1}"
            entries.append({"id": heading.get("id", section["id"]), "text": heading.get_text()})
    return entries


# --- links -------------------------------------------------------------------------------------


def _resolve(soup: BeautifulSoup, book: Notebook) -> list[Note]:
    """Point every link at its place in the pages; links to rows lead to notes, which are returned."""
    notes: dict[str, Note] = {}
    for link in soup.find_all("a", href=True):
        target = facts.row_target(facts.Link(link.get_text(), link["href"], link.get("title", "")))
        if target:
            row = target.row
            note_id = f"note-{row.table.name}-{row.id.replace('/', '-')}"
            note = notes.setdefault(row.place, Note(note_id, _note(row)))
            link["href"], link["class"] = f"#{note.id}", "fact"
            link["title"] = _hint(target)
        elif match := facts.CELL_LINK.fullmatch(link["href"]):
            page = f"{Path(match['page']).stem}.html" if match["page"] else ""
            link["href"], link["class"], link["title"] = f"{page}#{match['cell']}", "fact", "computed on this page"
            if page:
                link["title"] = "computed on another page"
        elif re.fullmatch(r"[\w.-]+\.ipynb", link["href"]):
            link["href"] = f"{Path(link['href']).stem}.html"
    return list(notes.values())


def _hint(target: facts.RowTarget) -> str:
    """What a reader sees who rests on a fact link: the standing and the first source."""
    cells = target.row.cells
    ids = target.row.items("source_ids") if cells.get("source_ids") else []
    source = tables.find(ids[0], "sources")[0].cells if ids else None
    parts = [cells.get("standing", ""), f"{source['publisher']}, {show.when(source['published'])}" if source else ""]
    return ", ".join(filter(None, parts)) or target.row.place


#: the columns that say what a row is about, best first
SAYS = (
    "summary", "promise", "what", "claim", "statement", "question", "fact", "requirement", "definition",
    "about", "person", "name", "operation", "attribute", "why", "reason", "title", "layer", "benchmark",
)  # fmt: skip


def _note(row: tables.Row) -> str:
    """A row as a note: what it says, how well it is supported, and where it was read."""
    cells = row.cells
    if row.table.name == "sources":
        return f"{escape(cells['title'])}. {show.source_link(row.id)}. {escape(cells['note'])}".strip()
    parts = [_sentence(next((cells[c] for c in SAYS if cells.get(c)), row.id))]
    if cells.get("value"):
        parts.append(_sentence(f"{show.number(float(cells['value']))} {cells.get('unit', '')}"))
    if cells.get("closest"):
        parts += [_sentence(f"Closest: {cells['closest']}"), _sentence(cells["why_open"])]
    if when := cells.get("date") or cells.get("made_on"):
        parts.append(_sentence(show.when(when)))
    if cells.get("standing"):
        parts.append(f"<em>{escape(cells['standing'].capitalize())}.</em>")
    if cells.get("note"):
        parts.append(_sentence(f"Note: {cells['note']}"))
    if cells.get("source_ids"):
        parts.append(f"Sources: {'; '.join(map(show.source_link, row.items('source_ids')))}.")
    return " ".join(parts) + f" <code>{escape(row.place)}</code>"


def _sentence(text: str) -> str:
    """A text with a full stop at its end, unless it ends in another mark."""
    text = text.strip()
    return escape(text if text.endswith(("?", "!")) else text.rstrip(".") + ".")


# --- tidying what others wrote -------------------------------------------------------------------


def _tidy(soup: BeautifulSoup) -> None:
    """Headings of tables name what they head; styles, which the page's policy would block, are dropped."""
    for style in soup.find_all("style"):
        style.decompose()
    for tag in soup.find_all(True):
        for name in ("style", "border", "align"):
            del tag[name]
    for code in soup.select(".step > .source"):
        code.parent.append(code.extract())  # what a step shows comes before how it was made
    for span in soup.select(".highlight span"):
        if not SHADED & set(span.get("class", [])):
            span.unwrap()
    for cell in soup.select("thead th:not([scope])"):
        _scope(cell, "col")
    for cell in soup.select("tbody th:not([scope])"):
        _scope(cell, "row")
    for table in soup.find_all("table"):
        if not table.find_parent(class_="scroll"):
            label = table.find_parent("section")
            name = label.find(["h2", "h1", "h4"]) if label else None
            box = soup.new_tag("div", attrs={"class": "scroll", "role": "region", "tabindex": "0"})
            box["aria-label"] = name.get_text() if name else "Table"
            table.wrap(box)
    for table in soup.select(".table table"):
        _stackable(table)
    for picture in soup.select(".wide .picture"):
        picture["role"], picture["tabindex"] = "region", "0"
        picture["aria-label"] = f"Chart: {picture.find_previous(class_='title').get_text()}"


#: what the parts of a table are, said again for readers' software, because stacking them takes it away
ROLES = {"table": "table", "thead": "rowgroup", "tbody": "rowgroup", "tr": "row", "td": "cell"}


def _stackable(table: Tag) -> None:
    """Let a phone show the cells of a row one below the other, each with the name of its column."""
    for tag in [table, *table.find_all(list(ROLES))]:
        tag["role"] = ROLES[tag.name]
    for heading in table.find_all("th"):
        heading["role"] = "rowheader" if heading["scope"] == "row" else "columnheader"
    names = [heading.get_text() for heading in table.select("thead th, thead td")]
    for row in table.select("tbody tr"):
        for name, cell in zip(names, row.find_all(["th", "td"], recursive=False), strict=True):
            cell["data-name"] = name


def _scope(cell: Tag, scope: str) -> None:
    if cell.get_text(strip=True):
        cell["scope"] = scope
    else:
        cell.name = "td"
