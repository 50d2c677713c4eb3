"""A notebook as the body of a page: prose and outputs in order, tidied, numbered, with notes and downloads."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from html import escape
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from bs4 import BeautifulSoup, SoupStrainer, Tag
from IPython.lib.lexers import IPython3Lexer
from nbconvert.exporters import HTMLExporter, TemplateExporter
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from pygments.token import Token

from dojo import facts
from publish import clean, inline, notebooks, notes, prose, terms
from publish.execute import node
from publish.notebooks import Notebook

TEMPLATE = Path(__file__).with_name("template")
#: what the style sheet shades in code, by the kinds of the highlighter; the others would only weigh
SHADES = {
    Token.Keyword: "b",
    Token.Keyword.Namespace: "b",
    Token.Operator.Word: "b",
    Token.String.Single: "u",
    Token.String.Double: "u",
    Token.String.Affix: "u",
    Token.Comment.Single: "i",
}
#: a cell of numbers, which is set flush right: 16,500,000,000, -3.5, 52 %, 1.2×
NUMBER = re.compile(r"[-−+]?\d[\d,]*(\.\d+)?\s?[%×]?")
#: how a spreadsheet would tell a formula from a text
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def body(book: Notebook, books: Sequence[Notebook]) -> BeautifulSoup:
    """The prose and outputs of a notebook as sections, one for each cell, under the ids of the cells.

    Raises ValueError for a picture without alternative text and for a formula that is none.
    """
    html, _ = _exporter().from_notebook_node(node(book))
    soup = BeautifulSoup(html, "html.parser")
    figures = numbers(books)
    _number(soup, book, figures)
    for section in sections(soup, "prose"):
        for link in section.find_all("a", href=True):
            _lead(link, book, figures)
    _gather_footnotes(soup)
    notes.attach(soup)
    for section in sections(soup, "prose"):
        for left in section.find_all("a", href=re.compile(r"\.csv#")):
            left.unwrap()  # in a heading no note can stand; the check says so
    terms.explain(soup)
    _head(soup)
    _tidy_code(soup)
    _tidy_tables(soup)
    _set_in(soup, book)
    _offer(soup, book)
    _give_focus(soup)
    return soup


def sections(soup: BeautifulSoup, kind: str) -> list[Tag]:
    """The sections of a body that hold prose, or steps: code and what it shows. None stands within another."""
    return soup.find_all("section", class_=kind, recursive=False)


def called(tag: Tag, kind: str) -> bool:
    """True for an element of this class.

    To find all of a name and ask each takes a tenth of what a selector takes, and what selectors begin with.
    """
    return kind in tag.get("class", ())


def as_html(soup: BeautifulSoup) -> str:
    """A body as text, with empty shapes that close themselves: a hundredth less."""
    return re.sub(r"></(?:path|rect|circle|use)>", "/>", str(soup).strip())


def contents(soup: BeautifulSoup) -> list[dict[str, str]]:
    """The second-level headings of a body, each with the id that leads to it."""
    links = (link for heading in soup.find_all("h2") for link in heading.find_all("a", recursive=False))
    return [{"id": link["href"][1:], "text": link.get_text()} for link in links]


def downloads(soup: BeautifulSoup) -> dict[str, str]:
    """The tables that a body offers, as CSV, by the path that its links name."""
    return {link["href"]: as_csv(link.find_previous("table")) for link in soup.find_all("a", download=True)}


def figures(book: Notebook) -> dict[str, str]:
    """The charts of a notebook as SVG files, by path: figures/01-timeline-strip-figure.svg."""
    found = {}
    for cell in book.code():
        if "<img" not in (html := notebooks.output_html(cell)):
            continue
        images = BeautifulSoup(html, "html.parser", parse_only=SoupStrainer("img")).find_all("img")
        drawn = (image for image in images if image.get("src", "").startswith(clean.PICTURE))
        for number, image in enumerate(drawn, 1):
            path = f"figures/{book.name}-{cell['id']}{f'-{number}' if number > 1 else ''}.svg"
            try:
                found[path] = inline.plain(_svg(image)) + "\n"
            except ValueError as error:
                raise ValueError(f"{book.label}, cell {cell['id']}: {error}") from None
    return found


def ready() -> None:
    """Prepare what bodies of all notebooks are made with, so that processes forked from this one need not."""
    _exporter().from_notebook_node(new_notebook(cells=[new_markdown_cell("prose"), new_code_cell("code")]))


class _Exporter(HTMLExporter):
    """Leaves out what nbconvert does last: read all of a page anew, to describe pictures that nobody described."""

    def from_notebook_node(self, nb: NotebookNode, resources: Any = None, **options: Any) -> tuple[str, Any]:
        return TemplateExporter.from_notebook_node(self, nb, resources, **options)


@lru_cache(maxsize=1)
def _exporter() -> _Exporter:
    exporter = _Exporter(template_name="template", extra_template_basedirs=[str(TEMPLATE.parent)])
    exporter.register_filter("highlight_code", _shaded)
    exporter.register_filter("prose", prose.render)
    exporter.register_filter("clean", clean.clean)
    exporter.environment.globals["raise_image"] = _raise_image
    return exporter


def _shaded(code: str, **_: Any) -> str:
    """Code as HTML, shaded where the style sheet shades it."""
    kinds = ((SHADES.get(kind), text) for kind, text in IPython3Lexer().get_tokens(code))
    pieces = ((shade, escape("".join(text for _, text in near))) for shade, near in groupby(kinds, itemgetter(0)))
    shaded = (f"<{shade}>{text}</{shade}>" if shade else text for shade, text in pieces)
    return f"<pre>{''.join(shaded)}</pre>"


def _raise_image() -> str:
    raise ValueError("an output holds a bare image, which has no alt text: show it with show.figure")


# --- numbers and links ---------------------------------------------------------------------------


def part(book: Notebook) -> str:
    """The number of a notebook, by which its figures are counted: 1 for 01-timeline, A for the appendix."""
    return str(int(book.name[:2])) if book.name[:2].isdigit() else "A"


def numbers(books: Sequence[Notebook]) -> dict[tuple[str, str], list[str]]:
    """What each cell shows: Figure 1.2 is the second figure of notebook 01, Table A.1 the first of the appendix."""
    found: dict[tuple[str, str], list[str]] = {}
    for book in books:
        count = {"Figure": 0, "Table": 0}
        for cell in book.code():
            for shown in re.findall(r"<figure\b.*?</figure>", notebooks.output_html(cell), re.DOTALL):
                kind = "Figure" if "<img " in shown else "Table"
                count[kind] += 1
                found.setdefault((book.name, cell["id"]), []).append(f"{kind} {part(book)}.{count[kind]}")
    return found


def _number(soup: BeautifulSoup, book: Notebook, known: Mapping[tuple[str, str], list[str]]) -> None:
    """Name each figure and table by its title, with its number before it as a link."""
    for section in sections(soup, "step"):
        figures, names = section.find_all("figure"), known.get((book.name, section["id"]), [])
        if len(figures) != len(names):
            raise ValueError(f"{book.label}, cell {section['id']}: a figure within another, or one that does not end")
        for shown, name in zip(figures, names, strict=True):
            number = soup.new_tag("a", attrs={"class": "number", "href": f"#{section['id']}"}, string=name)
            title = shown.find(class_="title")
            if title is None:
                raise ValueError(
                    f"{book.label}, cell {section['id']}: a figure without a title: show it with dojo.show"
                )
            title.insert(0, number, " ")
            title.name, title["id"] = "div", f"{name.replace(' ', '-').lower()}"
            shown["aria-labelledby"] = title["id"]


def _lead(link: Tag, book: Notebook, known: Mapping[tuple[str, str], list[str]]) -> None:
    """Point a link of the prose to cells and notebooks at their pages; one to a figure names its number."""
    if match := facts.CELL_LINK.fullmatch(link["href"]):
        page = Path(match["page"]).stem if match["page"] else ""
        link["href"] = f"{f'{page}.html' if page else ''}#{match['cell']}"
        if link.get("title"):
            del link["title"]
        elif shown := known.get((page or book.name, match["cell"])):
            link.append(f" ({shown[0]})")
    elif re.fullmatch(r"[\w.-]+\.ipynb", link["href"]):
        link["href"] = f"{Path(link['href']).stem}.html"


def _gather_footnotes(soup: BeautifulSoup) -> None:
    """Number the footnotes of all cells in one row, each with the way there and back; they stand at the end."""
    gathered, marked = soup.new_tag("ol"), set()
    for section in sections(soup, "prose"):
        before = len(gathered.find_all("li", recursive=False))
        for mark in section.find_all("sup", class_="footnote", attrs={"data-number": re.compile(r"^\d+$")}):
            number = before + int(mark["data-number"])
            mark.replace_with(BeautifulSoup(_mark(number, first=number not in marked), "html.parser"))
            marked.add(number)
        for held in section.find_all("ol", class_="footnotes"):
            for number, item in enumerate(held.find_all("li", recursive=False), before + 1):
                item["id"] = f"footnote-{number}"
                back = f' <a href="#footnote-ref-{number}" aria-label="Back to the text">↩</a>'
                (item.find_all("p") or [item])[-1].append(BeautifulSoup(back, "html.parser"))
                gathered.append(item.extract())
            held.decompose()
    if gathered.contents:
        section = BeautifulSoup('<section class="prose" id="footnotes"><h2>Footnotes</h2></section>', "html.parser")
        section.section.append(gathered)
        soup.append(section)


def _mark(number: int, first: bool) -> str:
    place = f' id="footnote-ref-{number}"' if first else ""
    return f'<sup><a{place} href="#footnote-{number}" aria-label="Footnote {number}">{number}</a></sup>'


def _head(soup: BeautifulSoup) -> None:
    """Make each second-level heading a link to itself: to its cell's section, or to an id after that."""
    for section in sections(soup, "prose"):
        for number, heading in enumerate(section.find_all("h2"), 1):
            target = section["id"] if number == 1 else f"{section['id']}-{number}"
            if number > 1:
                heading["id"] = target
            link = soup.new_tag("a", attrs={"href": f"#{target}"})
            link.extend(heading.contents[:])
            heading.append(link)


# --- tidying what others wrote -------------------------------------------------------------------


def _tidy_code(soup: BeautifulSoup) -> None:
    """What a step shows comes before how it was made."""
    for section in sections(soup, "step"):
        for code in section.find_all(class_="source", recursive=False):
            section.append(code.extract())


def _tidy_tables(soup: BeautifulSoup) -> None:
    """Tables say what they hold and what heads what; numbers are set flush right; each scrolls in its own box."""
    known: Counter[str] = Counter()
    for number, table in enumerate(soup.find_all("table"), 1):
        for row in _rows(table, "thead"):
            _scope(row, "col")
        for row in _rows(table, "tbody"):
            _scope(row, "row")
        _align(table)
        box = table.find_parent(class_="scroll") or table.wrap(soup.new_tag("div", attrs={"class": "scroll"}))
        words = _caption(table, box)
        known[words] += 1
        words += f" ({known[words]})" if known[words] > 1 else ""  # what has a box has a name of its own
        table.insert(0, soup.new_tag("caption", attrs={"id": f"table-{number}"}, string=words))
        box.attrs |= {"role": "region", "tabindex": "0", "aria-labelledby": f"table-{number}"}
        del box["aria-label"]
        if table.find_parent(class_=["table", "prose"]):
            _stackable(table)


def _rows(table: Tag, part: str) -> list[Tag]:
    """The rows of the head or the body of a table."""
    return [row for group in table.find_all(part) for row in group.find_all("tr")]


def _scope(row: Tag, scope: str) -> None:
    for cell in row.find_all("th"):
        if cell.get_text(strip=True):
            cell["scope"] = scope
        else:
            cell.name = "td"


def _align(table: Tag) -> None:
    """Mark the columns in which every cell is a number."""
    rows = [row.find_all(["th", "td"], recursive=False) for row in _rows(table, "tbody")]
    for column in zip(*rows, strict=False):
        texts = [cell.get_text(strip=True) for cell in column]
        if any(texts) and all(NUMBER.fullmatch(text) for text in texts if text):
            for cell in column:
                cell["class"] = [*cell.get("class", []), "n"]


def _caption(table: Tag, box: Tag) -> str:
    """What a table is about: what its box is called, with the number of its figure; or the heading above it."""
    figure = table.find_parent("figure")
    if figure and (words := box.get("aria-label")) and (number := figure.find(class_="number")):
        return f"{number.get_text()}: {words}"
    heading = table.find_previous(["h1", "h2", "h3"])
    return heading.get_text() if heading else "Table"


#: what the parts of a table are, said again for readers' software, because stacking them takes it away
ROLES = {"table": "table", "thead": "rowgroup", "tbody": "rowgroup", "tr": "row", "td": "cell"}


def _stackable(table: Tag) -> None:
    """Let a phone show the cells of a row one below the other, each with the name of its column."""
    for tag in [table, *table.find_all(list(ROLES))]:
        tag["role"] = ROLES[tag.name]
    for heading in table.find_all("th"):
        heading["role"] = "rowheader" if heading.get("scope") == "row" else "columnheader"
    names = [told(heading) for row in _rows(table, "thead") for heading in row.find_all(["th", "td"])]
    for row in _rows(table, "tbody"):
        for name, cell in zip(names, row.find_all(["th", "td"], recursive=False), strict=False):
            cell["data-name"] = name


def told(tag: Tag) -> str:
    """The text of an element, without what only shows when it is asked for."""
    return "".join(text for text in tag.strings if not text.find_parent(role="tooltip"))


HINT = (
    '<p class="hint">Point at a mark, or reach it with the Tab key, to see what it is; '
    "most lead to a row of the data.</p>"
)


def _set_in(soup: BeautifulSoup, book: Notebook) -> None:
    """Set charts whose marks can be pointed at into the page; a mark leads to its row in the data below."""
    shown = [
        (image, figure)
        for figure in _figures(soup, "interactive")
        for image in figure.find_all("img")
        if called(image.parent, "picture")
    ]
    for number, (image, figure) in enumerate(shown, 1):
        prefix = f"f{number}"
        rows = {heading.get_text(): heading.parent for heading in figure.find_all("th", scope="row")}
        try:
            chart = inline.inline(_svg(image), prefix, image["alt"], set(rows))
        except (ValueError, RecursionError) as error:
            cell = image.find_parent(class_="step")["id"]
            raise ValueError(f"{book.label}, cell {cell}: a chart that cannot be set in: {error}") from None
        drawn = BeautifulSoup(chart, "html.parser").svg
        for place, mark in enumerate(drawn.find("g", class_="marks").find_all("a", recursive=False), 1):
            row = rows[mark["href"].removeprefix(f"#{prefix}-")]
            row["id"] = f"{prefix}-{place}"
            mark["href"] = f"#{row['id']}"
        image.replace_with(drawn)
        drawn.find_parent(class_="picture").insert_before(BeautifulSoup(HINT, "html.parser"))


def _figures(soup: BeautifulSoup, kind: str) -> list[Tag]:
    """The figures of this class that steps show."""
    shown = (figure for section in sections(soup, "step") for figure in section.find_all("figure"))
    return [figure for figure in shown if called(figure, kind)]


def _svg(image: Tag) -> str:
    return unquote(image.get("src", "").partition(",")[2])


def _give_focus(soup: BeautifulSoup) -> None:
    """Whatever scrolls can be reached without a mouse, under a name."""
    for picture in (picture for figure in _figures(soup, "wide") for picture in figure.find_all(class_="picture")):
        title = picture.find_previous(class_="title")
        words = (title.find("strong") or title).get_text()
        picture.attrs |= {"role": "region", "tabindex": "0", "aria-label": f"Chart: {words}"}


def give_once(soup: BeautifulSoup) -> None:
    """Give each address once: where folded data name a source again, they lead to where its address stands."""
    given: dict[str, tuple[Tag, str]] = {}
    for link in soup.find_all("a"):
        if not link.get("href", "").startswith("http") or not (folded := link.find_parent("details")):
            continue
        if not called(folded, "side") and not link.find_parent("td"):
            continue
        note = link.find_parent("li", id=True)  # unfolds as a whole when it is led to
        first, place = given.setdefault(link["href"], (note or link, note["id"] if note else f"s{len(given)}"))
        if first not in (link, note) and link.find_parent("td"):
            first["id"], link["href"] = place, f"#{place}"


# --- data to take along --------------------------------------------------------------------------


def _offer(soup: BeautifulSoup, book: Notebook) -> None:
    """Offer each table of a figure as a file of its own; it stands beside the pages."""
    for section in sections(soup, "step"):
        shown = ((table, table.find_parent("figure")) for table in section.find_all("table"))
        tables = [table for table, figure in shown if figure and not called(figure, "weigh")]
        for number, table in enumerate(tables, 1):
            path = f"data/{book.name}-{section['id']}{f'-{number}' if number > 1 else ''}.csv"
            link = soup.new_tag("a", attrs={"href": path, "download": ""}, string="Download as CSV")
            table.find_parent(class_="scroll").insert_after(link)
            link.wrap(soup.new_tag("p", attrs={"class": "csv"}))


def as_csv(table: Tag) -> str:
    """A table as CSV: its cells as a reader sees them, links with their addresses, numbers without commas.

    A text that a spreadsheet would take for a formula gets an apostrophe before it.
    """
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    for row in table.find_all("tr"):
        writer.writerow([_csv_cell(cell) for cell in row.find_all(["th", "td"], recursive=False)])
    return written.getvalue()


def _csv_cell(cell: Tag) -> str:
    text = "".join(_csv_text(cell))
    if "n" in cell.get("class", []) and NUMBER.fullmatch(text.strip()):
        return text.replace(",", "")
    return f"'{text}" if text.startswith(FORMULA) else text


def _csv_text(cell: Tag) -> Iterator[str]:
    links = cell.find_all("a")
    for part in cell.strings:
        link = part.find_parent("a", href=True) if links else None
        yield f"{part} <{link['href']}>" if link else part


def embedded(text: str) -> str:
    """A CSV file as the address of a download, for a page that stands alone."""
    return "data:text/csv;charset=utf-8," + quote(text, safe=" !$()*+,-./:;=?@_'~")
