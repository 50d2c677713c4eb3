"""Renders the pages: one for each notebook, an index, the whole story in one file, and its plain twin.

No page needs a network, a script to be read, or a second file.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any
from urllib.parse import quote

import yaml
from bs4 import BeautifulSoup, Tag
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdownify import MarkdownConverter
from rcssmin import cssmin
from rjsmin import jsmin

from dojo import dates, facts, reading, tables
from publish import chapter, notebooks
from publish.notebooks import Notebook

#: the tables on which every page rests, whatever it says: addresses of sources, words explained
ALWAYS = {"glossary", "sources"}
INDEX, EDITION, TWIN = "index.html", "whole-story.html", "story.md"
ICON = (
    "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'><path fill='#10457f' d='M1 1h3a3 3 0 0 1 0 6H1z'/></svg>"
)


@dataclass(frozen=True)
class Part:
    """What a notebook makes: files by path, its chapter of the whole story, and its part of the plain twin."""

    files: dict[str, str]
    chapter: dict[str, Any]
    plain: str


def ready() -> None:
    """Prepare what all pages are made with, templates and styles, so that processes forked from this one need not."""
    chapter.ready()
    for template in ("page.html.j2", "contents.html.j2", "edition.html.j2"):
        _frames().get_template(template)
    for scales in (False, True):
        _style(scales)


def part(book: Notebook, books: Sequence[Notebook]) -> Part:
    """All that is made of a notebook, its outputs as stored in it; `books` are all pages, in reading order.

    Made in one go, since the body, which all of it shares, is what takes longest.
    """
    names = {b.name for b in books}
    soup = chapter.body(book, books)
    tables_ = chapter.downloads(soup)
    plain = _told(copy.copy(soup), book, names)
    page = _page(soup, book, books)
    joined = _chapter(soup, book, names, tables_)
    return Part({f"{book.name}.html": page, **chapter.figures(book), **tables_}, joined, plain)


def render(book: Notebook, books: Sequence[Notebook]) -> str:
    """The page of a notebook alone."""
    return _page(chapter.body(book, books), book, books)


def together(books: Sequence[Notebook], parts: Sequence[Part]) -> dict[str, str]:
    """What all notebooks together make, by file name."""
    chapters, plain = [part.chapter for part in parts], [part.plain for part in parts]
    return {INDEX: index(books), EDITION: edition(books, chapters), TWIN: twin(plain)}


def _page(soup: BeautifulSoup, book: Notebook, books: Sequence[Notebook]) -> str:
    """The page of a notebook whose body is made; the body is changed."""
    chapter.give_once(soup)
    place = [b.name for b in books].index(book.name)
    return _framed(
        "page.html.j2",
        scales=_weighs(soup),
        name=book.name,
        title=book.title,
        part=f"page “{book.title}”",
        description=description(soup),
        pages=[{"name": b.name, "short": _short(b)} for b in books],
        previous=_neighbour(books, place - 1),
        next=_neighbour(books, place + 1),
        minutes=minutes(book),
        contents=chapter.contents(soup),
        body=chapter.as_html(soup),
    )


def _weighs(soup: BeautifulSoup) -> bool:
    """True for a body that holds the scales."""
    return any(chapter.called(figure, "weigh") for figure in soup.find_all("figure"))


def index(books: Sequence[Notebook]) -> str:
    """The page that leads to all others."""
    pages = [
        {"name": b.name, "title": b.title, "part": chapter.part(b), "minutes": minutes(b), "opening": _opening(b)}
        for b in books
    ]
    opening = "An explainer that can be checked: every number leads to where it comes from."
    return _framed(
        "contents.html.j2",
        title=citation()["title"],
        part="all pages",
        description=opening,
        opening=opening,
        pages=pages,
        edition=EDITION,
        twin=TWIN,
        minutes=sum(page["minutes"] for page in pages),
    )


def edition(books: Sequence[Notebook], chapters: Sequence[dict[str, Any]]) -> str:
    """All notebooks as one page that needs no other: its links lead within it, its tables travel with it."""
    return _framed(
        "edition.html.j2",
        title=citation()["title"],
        part="the whole story",
        description=f"The whole story in one file: {_opening(books[0])}",
        chapters=chapters,
        scales=any(chapter["scales"] for chapter in chapters),
        minutes=sum(map(minutes, books)),
    )


def twin(plain: Iterable[str]) -> str:
    """The story as plain Markdown: its text, what its figures show, its tables; for search, translation, machines."""
    parts = [f"# {citation()['title']}", f"Facts as of {tables.as_of()}. {citation()['authors']}. CC BY 4.0.", *plain]
    return re.sub(r"[ \t]+\n", "\n", re.sub(r"\n{3,}", "\n\n", "\n\n".join(parts))).strip() + "\n"


# --- the frame -----------------------------------------------------------------------------------


def _framed(template: str, *, scales: bool = False, **parts: Any) -> str:
    """A page with its frame; one that holds the scales gets their style and script."""
    style, weigh = _style(scales), script() if scales else ""
    return (
        _frames()
        .get_template(template)
        .render(
            as_of=str(tables.as_of()),
            cite=citation(),
            icon="data:image/svg+xml," + quote(ICON, safe=" '/=:.-"),
            style=style,
            style_hash=_hash(style),
            script=weigh,
            script_hash=_hash(weigh),
            **parts,
        )
    )


@lru_cache(maxsize=1)
def _frames() -> Environment:
    loader = FileSystemLoader(chapter.TEMPLATE)
    return Environment(loader=loader, undefined=StrictUndefined, autoescape=True, trim_blocks=True)


@lru_cache(maxsize=2)
def _style(scales: bool) -> str:
    names = ["style.css", "weigh.css"] if scales else ["style.css"]
    packed = cssmin("".join((chapter.TEMPLATE / name).read_text("utf-8") for name in names))
    return re.sub(r"(?<![\d.])0\.", ".", packed)


@lru_cache(maxsize=1)
def script() -> str:
    """The one script there is: it lets a reader weigh the evidence, on pages that hold the scales."""
    return jsmin((chapter.TEMPLATE / "weigh.js").read_text("utf-8"))


def _hash(text: str) -> str:
    """The digest by which a page's policy knows what may run or style it."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@lru_cache(maxsize=1)
def citation() -> dict[str, str]:
    """How to cite, from CITATION.cff: title, authors, version and date."""
    said = yaml.safe_load((notebooks.ROOT / "CITATION.cff").read_text("utf-8"))
    return {
        "title": said["title"],
        "authors": ", ".join(author["name"] for author in said["authors"]),
        "version": said["version"],
        "date": str(dates.window(str(said["date-released"]))),
    }


def _neighbour(books: Sequence[Notebook], place: int) -> dict[str, str] | None:
    return {"name": books[place].name, "title": books[place].title} if 0 <= place < len(books) else None


def _short(book: Notebook) -> str:
    """The name of a page in the list of pages: Timeline for 01-timeline."""
    words = re.sub(r"^\d+-", "", book.name).replace("-", " ").capitalize()
    return re.sub(r"\b[a-z]+\d+\b", lambda name: name[0].upper(), words)  # a word with a digit is a name: AI6


def minutes(book: Notebook) -> int:
    """Minutes to read a notebook."""
    return reading.minutes(notebooks.source(c) for c in book.cells if c["cell_type"] == "markdown")


def texts(block: list[str | facts.Link]) -> list[str]:
    """The pieces of a block of prose as a reader sees them, links without their addresses."""
    return [piece if isinstance(piece, str) else piece.text for piece in block]


def description(soup: BeautifulSoup) -> str:
    """How a page begins, for search results and messengers."""
    paragraphs = (_text(p) for section in chapter.sections(soup, "prose") for p in section.find_all("p"))
    return textwrap.shorten(" ".join(islice(paragraphs, 2)), 300, placeholder=" …")


def _opening(book: Notebook) -> str:
    """How a notebook answers its question: the first sentences of its first paragraph, as many as fit a few lines."""
    prose = next(notebooks.source(cell) for cell in book.cells if cell["cell_type"] == "markdown")
    blocks = [re.sub(r"\s+", " ", "".join(texts(block))) for block in facts.blocks(prose)]
    first, *more = re.split(r"(?<=[.?!:]) ", blocks[1] if len(blocks) > 1 else blocks[0])
    for sentence in more:
        if len(first) + len(sentence) > 330:
            break
        first = f"{first} {sentence}"
    return textwrap.shorten(first.rstrip(":"), 330, placeholder=" …")


def _text(tag: Tag) -> str:
    """The text of a paragraph, without what only shows when it is asked for."""
    return re.sub(r"\s+", " ", chapter.told(tag)).strip()


# --- one file, and plain text --------------------------------------------------------------------

#: attributes that give an id, or name one
NAMING = {"id", "aria-labelledby", "aria-describedby"}
#: attributes by which a shape may refer to a definition in its drawing
LOOKS = {"fill", "stroke", "clip-path"}


def _chapter(soup: BeautifulSoup, book: Notebook, names: set[str], tables_: Mapping[str, str]) -> dict[str, Any]:
    """A body, as it stands in its page, as a chapter of the whole story, with its tables; the body is changed."""
    contents, scales = chapter.contents(soup), _weighs(soup)
    for link in soup.find_all("a", download=True):
        path = link["href"]
        link.attrs |= {"href": chapter.embedded(tables_[path]), "download": path.rpartition("/")[2]}
    _join(soup, book.name, names)
    return {
        "name": book.name,
        "part": chapter.part(book),
        "title": book.title,
        "contents": [entry | {"id": f"{book.name}.{entry['id']}"} for entry in contents],
        "body": chapter.as_html(soup),
        "scales": scales,
    }


def _join(soup: BeautifulSoup, name: str, names: set[str]) -> None:
    """Make a body a chapter among others: its ids get its name before them, its headings go one level down."""
    for tag in soup.find_all(True):
        for naming in tag.attrs.keys() & NAMING:
            tag[naming] = f"{name}.{tag[naming]}"
        for look in tag.attrs.keys() & LOOKS:
            tag[look] = re.sub(r"^url\(#", f"url(#{name}.", tag[look])
    for link in soup.find_all(["a", "use"], href=True):
        page, _, part = link["href"].partition("#")
        if not page and part:
            link["href"] = f"#{name}.{part}"
        elif page.removesuffix(".html") in names:
            link["href"] = "#" + ".".join(filter(None, (page.removesuffix(".html"), part)))
    _lower(soup)


def _lower(soup: BeautifulSoup) -> None:
    """Headings go one level down, below the title of the whole."""
    for heading in soup.find_all(["h1", "h2", "h3", "h4", "h5"]):
        heading.name = f"h{int(heading.name[1]) + 1}"


class _Plain(MarkdownConverter):
    """What markdownify leaves open: code that holds a fence or a blank line, and attributes, which it does not escape.

    Other programs that read the twin may let raw HTML through, so none stands where one of them would see it.
    """

    def convert_pre(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        if {"a", "em", "i", "strong", "b", "del", "td", "th"} & set(parent_tags):  # where no block can stand
            return self.escape(" ".join(text.split()), set())
        fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
        return f"\n\n{fence}\n{text}\n{fence}\n\n" if text else ""

    def convert_code(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        if "pre" in parent_tags:
            return text
        words = re.sub(r"\s+", " ", text)
        return self.escape(words, set()) if "<" in words else super().convert_code(el, words, parent_tags)

    def convert_a(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        el["href"] = re.sub(r"[()<>\\]", lambda sign: quote(sign[0]), el.get("href", ""))
        el.attrs.pop("title", None)
        return super().convert_a(el, text, parent_tags)

    def convert_img(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        return self.escape(re.sub(r"\s+", " ", el.get("alt", "")), parent_tags)


def _told(soup: BeautifulSoup, book: Notebook, names: set[str]) -> str:
    """A body as plain Markdown; the body is changed."""
    _plain(soup, names)
    try:
        return _Plain(heading_style="ATX", escape_misc=True, bullets="-").convert_soup(soup)
    except RecursionError:
        raise ValueError(f"{book.label}: nested too deep to be written as plain text") from None


def _left_out(tag: Tag) -> bool:
    """True for what plain text does without: notes, code, hints, names of tables, words that are explained."""
    beside = any(chapter.called(tag, kind) for kind in ("side", "source", "hint"))
    return beside or tag.name == "caption" or tag.get("role") == "tooltip"


def _plain(soup: BeautifulSoup, names: set[str]) -> None:
    """Leave of a body what plain text can say."""
    for folded in [folded for caption in soup.find_all("figcaption") for folded in caption.find_all("details")]:
        folded.replace_with(folded.find(class_="csv") or "")
    for tag in soup.find_all(_left_out):
        tag.decompose()
    _lower(soup)
    pictures = [
        found for figure in soup.find_all("figure") for found in figure.find_all(class_="picture", recursive=False)
    ]
    for picture in pictures:
        if image := picture.find(["img", "svg"]):
            picture.replace_with(soup.new_tag("p", string=image.get("alt") or image.get("aria-label") or ""))
    for formula in soup.find_all("math"):
        formula.replace_with(f"${formula['alttext']}$" if formula.get("alttext") else formula.get_text())
    for link in soup.find_all("a", href=True):
        page, _, _ = link["href"].partition("#")
        if not page or page.removesuffix(".html") in names:
            link.unwrap()
