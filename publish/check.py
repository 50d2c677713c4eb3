"""Follows every fact link and looks at what is stored, executing nothing."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from bs4 import BeautifulSoup

from dojo import chips, corrections, facts, files, formats, measure, people, show, sources, study, verdict
from dojo.tables import Problem, Table
from publish import notebooks, prose
from publish.notebooks import Notebook

SPEAKING = re.compile(r"[a-z]+[a-z0-9]*(-[a-z0-9]+)*")
RANDOM = re.compile(r"[0-9a-f]{8}")
#: ids that the pages give to parts of their own
TAKEN = re.compile(r"content|footnotes|all-code|([nstf]|table-|footnote-|footnote-ref-)\d+(-[\w-]*)?")
#: what nbconvert, Jupyter Book and people put where a description belongs
STOCK_ALTS = re.compile(r"no description has been provided|\.(png|svg|jpe?g)$|^(image|figure|chart|plot)\W*$", re.I)
#: a table, as far as its first end
TABLE = re.compile(r"<table\b.*?</table>", re.DOTALL)
#: what pages show of an output
SHOWN = ("text/html", "text/plain")
#: pages outside notebooks/ whose prose is checked too
PROSE = ("README.md", "CONTRIBUTING.md")


def check(books: list[Notebook], known: list[Notebook] | None = None) -> list[str]:
    """Every disagreement in these notebooks, as lines ready to print; `known` are all there are.

    What is older than the data comes first: until it is made anew, a cell may be said to print an old number.
    """
    return [*stale(books), *contradictions(books, known)]


def contradictions(books: list[Notebook], known: list[Notebook] | None = None) -> list[str]:
    """What a notebook says that its links, tables or outputs do not bear out, or that it may not hold."""
    by_name = {book.path.name: book for book in known or books}
    return [problem for book in books for problem in _check(book, by_name)]


def stale(books: list[Notebook]) -> list[str]:
    """What changed since the outputs and pages were made, right or wrong."""
    found = ((book.label, cell_id, why) for book in books for cell_id, why in notebooks.stale(book))
    return [f"{label}{f', cell {cell_id}' if cell_id else ''}: {why}" for label, cell_id, why in found]


def check_data(known: Mapping[str, Table]) -> list[Problem]:
    """Every row that cannot be true beside the others."""
    parts = (people, sources, verdict, chips, formats, study, measure, corrections)
    return [problem for part in parts for problem in part.check(known)]


def check_prose(known: list[Notebook], root: Path = notebooks.ROOT) -> list[str]:
    """Every disagreement in the prose outside the notebooks."""
    paths = (root / name for name in PROSE if (root / name).exists())
    return [problem for path in paths for problem in _check_file(path, known)]


def _check_file(path: Path, known: list[Notebook]) -> list[str]:
    try:
        return check_page(path, files.text(path, path.name), known)
    except ValueError as error:
        return [str(error)]


def check_page(path: Path, text: str, known: list[Notebook]) -> list[str]:
    """Every disagreement in a text that is, or is to be, in this file."""
    by_name = {book.path.name: book for book in known}
    found = [*map(str, facts.check(text, printed(by_name, None))), *_check_links(text, path.parent)]
    found += _check_listed(text, known)
    return [f"{path.name}: {problem}" for problem in found]


#: a row of a table of notebooks: name, question, answer
LISTED = re.compile(r"^\| \[[\w-]+\]\((?:notebooks/)?(?P<name>[\w-]+)\.ipynb\) \| (?P<says>[^|]+ \| [^|]+) \|", re.M)


def _check_listed(text: str, known: list[Notebook]) -> Iterator[str]:
    """A page that lists the notebooks lists them all, and says of each what the map of the notebooks says."""
    listed = {row["name"]: row["says"] for row in LISTED.finditer(text)}
    prose = "\n".join(notebooks.source(cell) for book in known for cell in book.cells)
    mapped = {row["name"]: row["says"] for row in LISTED.finditer(prose)}
    for book in known if listed else []:
        if book.name not in listed:
            yield f"does not list {book.label}"
        elif book.name in mapped and listed[book.name] != mapped[book.name]:
            yield f"says of {book.name}: {listed[book.name]}; the map says: {mapped[book.name]}"


def _check(book: Notebook, by_name: dict[str, Notebook]) -> Iterator[str]:
    texts = printed(by_name, book)
    seen: set[str] = set()
    opening = next((notebooks.source(cell) for cell in book.cells if cell["cell_type"] == "markdown"), "")
    if not any(facts.blocks(opening)):
        yield f"{book.label}: begins without a text: let its first cell of text say what it is about"
    for cell in book.cells:
        where = f"{book.label}, cell {cell.get('id', '?')}"
        for problem in _check_id(cell.get("id", ""), seen):
            yield f"{where}: {problem}"
        if cell["cell_type"] == "markdown":
            yield from (f"{where}: {found}" for found in facts.check(notebooks.source(cell), texts))
            yield from (f"{where}: {found}" for found in _check_links(notebooks.source(cell), book.path.parent))
            yield from (f"{where}: {found}" for found in _check_forms(notebooks.source(cell)))
        elif cell["cell_type"] == "code":
            yield from (f"{where}: {found}" for found in _check_code(cell))


def printed(by_name: dict[str, Notebook], here: Notebook | None) -> facts.Printed:
    """Looks up what a cell prints, in this notebook or another; KeyError says why it cannot be cited."""

    def look_up(page: str, cell_id: str) -> str:
        book = by_name.get(Path(page).name) if page else here
        if book is None:
            raise KeyError(f"there is no notebook {page!r}")
        for cell in book.cells:
            if cell.get("id") == cell_id:
                if notebooks.live(cell):
                    raise KeyError(f"cell {cell_id} is live: its output differs by machine")
                return notebooks.output_text(cell)
        raise KeyError(f"{book.path.name} has no cell {cell_id!r}")

    return look_up


def _check_id(cell_id: str, seen: set[str]) -> Iterator[str]:
    if not SPEAKING.fullmatch(cell_id) or RANDOM.fullmatch(cell_id) or TAKEN.fullmatch(cell_id):
        yield "give the cell a speaking id, such as days-apart; links lead to it"
    if cell_id in seen:
        yield "another cell has the same id"
    seen.add(cell_id)


def _check_links(markdown: str, folder: Path) -> Iterator[str]:
    """Links to files and to places in them must lead somewhere; facts.check follows those to rows and cells."""
    for link in facts.links(markdown):
        path, _, part = link.url.partition("#")
        if re.match(r"[a-z]+:", link.url):
            continue
        if path and not os.path.exists(folder / path):  # which takes a path that no file can have
            yield f"links to {path}, which does not exist"
        elif (not path or path.endswith(".ipynb")) and part and not facts.CELL_LINK.fullmatch(link.url):
            yield f"links to {link.url}: lead to a cell (#cell-id=...) instead"
        elif path.endswith(".csv") and part and not facts.ROW_LINK.fullmatch(link.url):
            yield f"links to {link.url}: lead to a row (../data/...csv#id) instead"


def _check_forms(markdown: str) -> Iterator[str]:
    """Images, which have no alternative text that is checked; rows cited in headings; formulas that cannot be shown."""
    for address in facts.images(markdown):
        yield f"holds the image {address}: show a figure with show.figure, which asks for an alt text"
    for words in facts.headed(markdown):
        yield f"cites a row in a heading, where no note can stand: say {words} in a paragraph"
    for tex in facts.formulas(markdown):
        if tex.strip()[:1].isdigit():  # two amounts of money in one text look like a formula
            yield f"reads ${tex}$ as a formula: write \\$ for dollars, or {{2}} for a number that begins one"
        else:
            try:
                prose.formula(tex)
            except ValueError as error:
                yield str(error)


def _check_code(cell: dict) -> Iterator[str]:
    try:
        yield from map(str, facts.typed(notebooks.source(cell)))
    except SyntaxError as error:
        yield f"line {error.lineno or 1} is no Python: {error.msg}"
    except (RecursionError, MemoryError):
        yield "is nested too deep to be read as Python"
    if notebooks.live(cell) and "/outputs" not in cell["metadata"].get("nbreg", {}).get("diff_ignore", []):
        yield 'is live, so give it the metadata {"nbreg": {"diff_ignore": ["/outputs"]}}, or its output is compared'
    for output in cell.get("outputs", []):
        if output["output_type"] == "error":
            yield _line(f"stores an error: {output['ename']}: {output['evalue']}")
        if output.get("name") == "stderr":
            yield _line(f"stores a warning: {notebooks.joined(output['text']).strip()[-200:]}")
        if any("widget" in kind for kind in output.get("data", {})):
            yield "stores a slider, whose id is random: run make refresh"
        elif any(kind.startswith("image/") for kind in output.get("data", {})):
            yield "shows an image without alt text: use show.figure"
        elif "data" in output and not set(output["data"]) & set(SHOWN):
            yield _line(
                f"shows {', '.join(output['data']) or 'nothing'}, which pages cannot: show {' or '.join(SHOWN)}"
            )
    if "<img" in (html := notebooks.output_html(cell)):  # parsing is what takes longest here
        yield from _check_alts(html)


def _line(text: str) -> str:
    """A text of any number of lines as one, for a message."""
    return " ".join(text.split())


def _check_alts(html: str) -> Iterator[str]:
    # a figure holds its data, and they are most of it: without pictures they need not be read
    soup = BeautifulSoup(TABLE.sub(lambda table: table[0] * ("<img" in table[0]), html), "html.parser")
    for image in soup.find_all("img"):
        alt = (image.get("alt") or "").strip()
        figure = image.find_parent("figure")
        title = figure.find(class_="title") if figure else None
        if len(alt) not in show.ALT_LENGTH:
            yield f"alt text of {len(alt)} characters; expected {show.ALT_LENGTH[0]} to {show.ALT_LENGTH[-1]}"
        elif STOCK_ALTS.search(alt) or (title and alt.casefold() == title.get_text().strip().casefold()):
            yield f"alt text {alt!r} does not say what the picture shows"
