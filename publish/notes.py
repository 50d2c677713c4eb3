"""Source notes: beside each paragraph, how well its facts are supported and where they were read."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from bs4 import BeautifulSoup, Tag

from dojo import facts, show, tables

#: what takes notes beside it, as a whole
BLOCKS = {"p", "ul", "ol", "blockquote", "table"}
#: how many sources a note names
MOST = 3
#: the columns that add to what the words say, best first
ADDS = ("note", "closest", "why", "reason", "statement", "title")


def attach(soup: BeautifulSoup) -> None:
    """Set notes beside each block of prose that cites rows of tables; its links lead to them.

    A row is told in full where it is cited first; beside later blocks a short line leads there.
    """
    numbers: dict[str, int] = {}  # of each row's note
    given: dict[str, int] = {}  # the note that gives a source's address
    for block in [
        found for prose in soup.find_all("section", class_="prose", recursive=False) for found in _blocks(prose)
    ]:
        notes = []
        for row, links in _cited(block):
            known = row.place in numbers
            number = numbers.setdefault(row.place, len(numbers) + 1)
            words = "; ".join(dict.fromkeys(link.get_text() for link in links))
            notes.append(_again(row, number, words) if known else note(row, number, words, given))
            for link in links:
                link["href"] = f"#n{number}"
                del link["title"]
        if notes:
            _set_beside(block, notes)


def _blocks(parent: Tag) -> Iterator[Tag]:
    for child in parent.find_all(True, recursive=False):
        if child.name in BLOCKS:
            yield child
        elif not child.name.startswith("h"):
            yield from _blocks(child)


def _cited(block: Tag) -> list[tuple[tables.Row, list[Tag]]]:
    """The rows that a block cites, in order, each with the links that lead to it."""
    found: dict[str, tuple[tables.Row, list[Tag]]] = {}
    for link in block.find_all("a", href=True):
        target = facts.row_target(facts.Link(link.get_text(), link["href"], link.get("title", "")))
        if target:
            found.setdefault(target.row.place, (target.row, []))[1].append(link)
    return list(found.values())


def _set_beside(block: Tag, notes: list[str]) -> None:
    """Put the notes after the block, folded, in a box of both; the style sets them beside it where there is room."""
    block.wrap(BeautifulSoup('<div class="noted"></div>', "html.parser").div)
    folded = f'<details class="side"><summary>Sources ({len(notes)})</summary><ul>{"".join(notes)}</ul></details>'
    block.parent.append(BeautifulSoup(folded, "html.parser"))


def note(row: tables.Row, number: int, words: str, given: dict[str, int]) -> str:
    """A row as a note on the words that rest on it: its standing, its first source; then the others, and the row.

    Further sources lead to the note that has `given` their address.
    """
    cells = row.cells
    ids = [row.id] if row.table.name == "sources" else row.items("source_ids") if cells.get("source_ids") else []
    first = show.source_link(ids[0]) if ids else ""
    for source_id in ids:
        given.setdefault(source_id, number)
    others = [show.source_link(i, "" if given[i] == number else f"#n{given[i]}") for i in ids[1:MOST]]
    others += [f"and {len(ids) - MOST} more with the row"] if len(ids) > MOST else []
    standing = f"{escape(cells['standing'].capitalize())}." if cells.get("standing") else ""
    adds = _sentence(next((cells[column] for column in ADDS if cells.get(column)), ""))
    seen = " ".join(filter(None, [standing, first])) or adds or _place(row)
    more = [f"{'; '.join(others)}." if others else "", adds, _place(row)]
    return (
        f'<li id="n{number}"><a href="#n{number}">{escape(words)}</a> {seen}'
        f"<span>{' '.join(part for part in more if part and part != seen)}</span></li>"
    )


def _again(row: tables.Row, number: int, words: str) -> str:
    """A row that was told before: the words that rest on it, and the way to its note."""
    ids = row.items("source_ids") if row.cells.get("source_ids") else []
    source = tables.find(ids[0], "sources")[0].cells if ids else None
    said = f"{source['publisher']}, {show.when(source['published'])}" if source else "the note above"
    return f'<li><b>{escape(words)}</b> <a href="#n{number}">{escape(said)}</a></li>'


def _place(row: tables.Row) -> str:
    return f"<code>{escape(row.place)}</code>"


def _sentence(text: str) -> str:
    """A text with a full stop at its end, unless it ends in another mark."""
    text = text.strip()
    return escape(text if text.endswith(("?", "!")) or not text else f"{text[0].upper()}{text[1:].rstrip('.')}.")
