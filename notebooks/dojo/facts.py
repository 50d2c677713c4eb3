"""Given a text and the tables, says which numbers in it are linked, and whether each agrees.

A number or date in prose is a link, either to the row and column it is read from,

    [about 20](../data/story/people_moves.csv#twenty-to-densityai "headcount_low")

or to the cell that computed it, where the title is the label that stands beside the number in the
cell's output:

    [63 days](#cell-id=days-apart "praise to report")

The title may be left out where only one value could be meant; it may name a column for each number.
Linked text between quotation marks must stand in the row's `quote`; a quotation without a link is an
error. A name that holds a digit (AI6) is no number, but where it is linked the row must hold it. A second
mention of the same number in one paragraph needs no second link.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from html import unescape
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Any

import mistune

from dojo import dates, quantities, tables
from dojo.quantities import Quantity

#: nouns before which even a spelled number is a fact
COUNTED = re.compile(
    r"[\s-](?:\w+[\s-]){0,2}(?:people|person|members|workers|employees|engineers|chips|days?|weeks?|months?|years?)\b"
)
#: after these, even one day or one year is a fact
SINCE = re.compile(r"[\s-](?:ago|earlier|later|before|after)\b")
ROW_LINK = re.compile(r"(?:\.\./)?data/(?P<file>[\w/.-]+\.csv)#(?P<row>[\w./-]+)")
CELL_LINK = re.compile(r"(?:notebooks/)?(?P<page>[\w.-]+\.ipynb)?#cell-id=(?P<cell>[\w-]+)")
QUOTED = re.compile(r"[“\"«]([^”\"»]+)[”\"»]")

#: words in quotation marks up to this many are a turn of phrase, more are a quotation that needs its source
LONGEST_PHRASE = 3

#: gives the printed output of a cell: (notebook or "" for this one, cell id) -> text; KeyError if none
Printed = Callable[[str, str], str]


@dataclass(frozen=True)
class Disagreement:
    """One number of a text that is not backed, and why."""

    says: str
    why: str

    def __str__(self) -> str:
        return f"says {self.says}, {self.why}"


@dataclass(frozen=True)
class Link:
    """A link as Markdown holds it."""

    text: str
    url: str
    title: str


@dataclass(frozen=True)
class RowTarget:
    """The row and column a fact link points to."""

    row: tables.Row
    #: the columns named by the link's title, one for all numbers or one for each; () when it names none
    columns: tuple[str, ...]


# --- checking a text -------------------------------------------------------------------------


def check(markdown: str, printed: Printed) -> list[Disagreement]:
    """Every number, date or quotation of a Markdown text that is not backed by what it links to."""
    found: list[Disagreement] = []
    for block in blocks(markdown):
        linked: set[tuple] = set()
        for piece in _quoting(block):
            if isinstance(piece, Link):
                found += check_link(piece, printed)
                linked |= {q.key for q in quantities.read(mask(piece.text))}
            else:
                found += [
                    Disagreement(q.text.strip(), "which no link backs: point it to its row or its cell")
                    for q in bare(piece)
                    if q.key not in linked
                ]
        found += _check_quotations("".join(piece if isinstance(piece, str) else "\0" for piece in block))
    return found


def _check_quotations(plain: str) -> Iterator[Disagreement]:
    """Quotations of a paragraph, its links blanked, that no link backs or that go on beside their link."""
    for words in QUOTED.findall(plain):
        if "\0" in words and words.strip("\0"):
            yield Disagreement(f"“{words.replace(chr(0), '…')}”", "a quotation of which only a part is linked")
        elif len(words.split()) > LONGEST_PHRASE:
            yield Disagreement(f"“{words}”", "a quotation that no link backs: point it to its row")


def _quoting(block: list[str | Link]) -> Iterator[str | Link]:
    """The pieces of a block; a link that stands behind a quotation mark quotes, and gets marks of its own."""
    for before, piece in pairwise(["", *block]):
        quoted = isinstance(piece, Link) and isinstance(before, str) and before.endswith(("“", '"'))
        yield Link(f"“{piece.text}”", piece.url, piece.title) if quoted else piece


def bare(text: str) -> list[Quantity]:
    """The numbers and dates of a text that would have to be linked: digits, and counted nouns."""
    hidden = mask(text)
    read = quantities.read(hidden)
    found = [q for q in read if not q.spelled or _counts(q, hidden)]
    for q in read:
        hidden = hidden[: q.start] + "\0" * len(q.text) + hidden[q.start + len(q.text) :]
    # digits in a form that is not read, such as 3Q25, are no less a fact
    odd = [Quantity(match[0], match.start()) for match in re.finditer(r"[^\s\0]*[\d½¼¾][^\s\0]*", hidden)]
    return sorted([*found, *odd], key=lambda q: q.start)


def _counts(q: Quantity, text: str) -> bool:
    """A spelled number that counts people, chips or time; a month without a year counts nothing."""
    if q.number is None:
        return False
    start = q.start + len(q.text.rstrip())
    if q.number == 1:
        return bool(q.time) and bool(SINCE.match(text, start))
    return bool(q.time) or bool(COUNTED.match(text, start))


def check_link(link: Link, printed: Printed) -> list[Disagreement]:
    """What a link states that its target does not bear out; nothing for a link that leads elsewhere."""
    try:
        if target := row_target(link):
            return list(_check_row(link, target))
        if match := CELL_LINK.fullmatch(link.url):
            output = printed(match["page"] or "", match["cell"])
            return list(_check_cell(link, match["cell"], output))
    except KeyError as error:
        return [Disagreement(repr(link.text), f"but {error.args[0]}")]
    if link.text == link.url or link.url.endswith((f"{link.text}.ipynb", f"{link.text}.html")):
        return []  # the name of a page
    return [Disagreement(q.text, f"but {link.url} is neither a row nor a cell") for q in bare(link.text)]


def row_target(link: Link) -> RowTarget | None:
    """The row a link points to, or None when it points to no table; KeyError when the row is missing."""
    match = ROW_LINK.fullmatch(link.url)
    if not match:
        return None
    name = PurePosixPath(match["file"]).stem
    row = tables.find(match["row"], name)[0]
    if row.table.path.relative_to(tables.DATA).as_posix() != match["file"]:
        raise KeyError(f"the table {name} is at {row.table.path.relative_to(tables.DATA).as_posix()}")
    columns = tuple(link.title.split())
    for column in columns:
        if column not in row.cells:
            raise KeyError(f"{row.table.path.name} has no column {column!r}")
    return RowTarget(row, columns)


def _check_row(link: Link, target: RowTarget) -> Iterator[Disagreement]:
    row = target.row
    quote = row.cells.get("quote", "")
    for words in QUOTED.findall(link.text):
        if not re.search(rf"(?<!\w){re.escape(_folded(words))}(?!\w)", _folded(quote)):
            yield Disagreement(f"“{words}”", f"{row.place} quote says {quote!r}")
    for match in _names().finditer(link.text):
        name = re.sub(r"(s|’s|'s)$", "", match[0])
        whole = re.compile(rf"(?<!\w){re.escape(name)}s?(?!\w|\.\d)")  # HBM2e is no HBM2, Dojo 1.5 no Dojo 1
        if not any(whole.search(cell) for cell in row.cells.values()):
            yield Disagreement(name, f"{row.place} does not name it")
    if _spans(link, target):
        return
    for said, columns in cited(link, target):
        if len(columns) != 1:
            why = "no column holds such a value" if not columns else "name the column: " + ", ".join(columns)
            yield Disagreement(said.text, f"{row.place}: {why}")
        elif not _agrees(said, row, columns[0]):
            column = columns[0]
            unit = f" {row.cells['unit']}" if _is_number(row, column) and row.cells.get("unit") else ""
            yield Disagreement(said.text, f"{row.place} {column} says {row.cells[column]}{unit}")


def cited(link: Link, target: RowTarget) -> list[tuple[Quantity, list[str]]]:
    """Each number and date that a link to a row states, with the columns it could be read from, at best one."""
    stated = quantities.read(_unquoted(link))
    # "one of the reports" counts nothing
    stated = [q for q in stated if not (q.spelled and q.number == 1 and not q.time)]
    if target.columns and len(target.columns) == len(stated):
        return [(said, [column]) for said, column in zip(stated, target.columns, strict=True)]
    return [(said, list(target.columns) or _columns(target.row, said)) for said in stated]


def _unquoted(link: Link) -> str:
    return mask(QUOTED.sub("", link.text))


def _spans(link: Link, target: RowTarget) -> bool:
    """True when the link states the two ends of an interval that its row holds."""
    row, said = target.row, quantities.ends(_unquoted(link))
    dated = [c for c in target.columns or row.cells if row.table.fields[c].get("partialDate") and row.cells[c]]
    return bool(said) and any(quantities.spans(said, dates.window(row.cells[c])) for c in dated)


def _folded(text: str) -> str:
    return re.sub(r"[\s.,!;:]+", " ", text.replace("’", "'")).strip().casefold()


def _columns(row: tables.Row, said: Quantity) -> list[str]:
    """The columns of a row that could hold what was said."""
    filled = [column for column, cell in row.cells.items() if cell]
    dated = [c for c in filled if row.table.fields[c].get("partialDate")]
    numbers = [c for c in filled if _is_number(row, c)]
    return dated if said.is_date or (said.date and dated and not numbers) else numbers


def _is_number(row: tables.Row, column: str) -> bool:
    return row.table.fields[column]["type"] in ("integer", "number")


def _agrees(said: Quantity, row: tables.Row, column: str) -> bool:
    cell = row.cells[column]
    if not cell:
        return False
    if row.table.fields[column].get("partialDate"):
        return quantities.dated(said, dates.window(cell))
    if not _is_number(row, column):
        return any(quantities.same(said, other) for other in quantities.read(mask(cell)))
    unit = row.cells.get("unit") or row.table.fields[column].get("unit", "")
    if said.symbol and said.symbol != unit:
        return False
    if said.currency and not unit.startswith(said.currency):
        return False
    if said.percent and unit not in ("percent", "fraction"):
        return False
    factor = 100 if said.percent and unit == "fraction" else 1
    if said.scaled:  # "70 billion" states 70 in a row whose unit is "billion parameters"
        factor *= quantities.SCALES.get(unit.partition(" ")[0], 1)
    return quantities.states(said, float(cell) * factor, unit if unit in quantities.TIME else "")


def _check_cell(link: Link, cell: str, output: str) -> Iterator[Disagreement]:
    """Compare a link with the line of the output that carries its label, or with all of it when it names none."""
    lines = _labelled(output.splitlines(), link.title) if link.title else [output]
    if len(lines) != 1:
        several = "prints no" if not lines else "has several lines with"
        yield Disagreement(repr(link.text), f"but cell {cell} {several} {link.title!r}")
        return
    shown = quantities.read(mask(lines[0].replace(link.title, " ", 1)))
    stated = quantities.read(mask(link.text))
    for number, said in enumerate(stated):
        # "2.4 to 1" must not pass as "2.4 to 2": of several numbers, each states the one in its place
        among = [shown[number]] if len(stated) == len(shown) else shown
        options = [other for other in among if other.is_date == said.is_date or (other.date and said.date)]
        if not link.title and len({other.key for other in options}) > 1:
            yield Disagreement(said.text, f"cell {cell} prints several values: name the label")
        elif not any(quantities.same(said, other) for other in options):
            printed = ", ".join(other.text.strip() for other in options) or "no such value"
            yield Disagreement(said.text, f"cell {cell} prints {printed}")


def _labelled(lines: list[str], label: str) -> list[str]:
    """The line that begins with the label and a colon, else every line that holds it as whole words."""
    whole = re.compile(rf"(?<!\w){re.escape(label)}(?!\w)")
    return [line for line in lines if line.startswith(f"{label}:")] or [line for line in lines if whole.search(line)]


# --- names that hold digits ------------------------------------------------------------------


def mask(text: str) -> str:
    """The text with every name that holds a digit (AI6, H100, Dojo 2) blanked out."""
    return _names().sub(lambda match: "\0" * len(match[0]), text)


def _names() -> re.Pattern[str]:
    return _pattern(tables.DATA)


@lru_cache(maxsize=4)
def _pattern(root: Path) -> re.Pattern[str]:
    known = tables.read(root)
    names = [row.cells["term"] for row in known["glossary"].rows.values()]
    names += [alias for row in known["glossary"].rows.values() for alias in row.items("aliases")]
    for table in ("chips", "number_formats", "networks"):
        names += [row.cells["name"] for row in known[table].rows.values()]
    # backwards, so that "Dojo 1.5" is tried before "Dojo 1"
    with_digits = sorted({n for n in names if re.search(r"\d", n)}, reverse=True)
    # "Dojo 3 weeks later" and "AI6.5" hold a number beside the name, so the name ends earlier or not at all
    counted = "|".join((*quantities.TIME, *quantities.SCALES))
    ends = rf"(?![\w]|\.\d|,\d{{3}}|[\s-](?:{counted})s?\b)"
    return re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, with_digits))})(?:s|’s|'s)?{ends}")


# --- reading Markdown ------------------------------------------------------------------------

#: what is not prose: code, maths, footnote labels
_SKIPPED = {"codespan", "block_code", "inline_math", "block_math", "footnote_ref", "thematic_break"}
_markdown = mistune.create_markdown(renderer=None, plugins=["table", "footnotes", "math", "strikethrough"])


@lru_cache(maxsize=256)
def _parse(markdown: str) -> list[dict[str, Any]]:
    """The nodes of a text; many rules look at the same one, and none changes them."""
    return _markdown(markdown)


def blocks(markdown: str) -> Iterator[list[str | Link]]:
    """The paragraphs, headings, list items and table cells of a text, as pieces of text and links."""
    yield from _blocks(_parse(markdown))


def links(markdown: str) -> list[Link]:
    """Every link of a text; what it quotes stands between marks, also where the text has them around the link."""
    return [piece for block in blocks(markdown) for piece in _quoting(block) if isinstance(piece, Link)]


def formulas(markdown: str) -> list[str]:
    """The formulas of a text, as TeX."""
    return [node["raw"] for node in _nodes(markdown) if node["type"] in ("inline_math", "block_math")]


def images(markdown: str) -> list[str]:
    """The addresses of the images of a text."""
    return [node["attrs"]["url"] for node in _nodes(markdown) if node["type"] == "image"]


def headed(markdown: str) -> list[str]:
    """The words of headings that link to rows, where no note can stand beside them."""
    headings = [node for node in _nodes(markdown) if node["type"] == "heading"]
    links = [piece for node in headings for piece in _inline(node["children"]) if isinstance(piece, Link)]
    return [link.text for link in links if ROW_LINK.fullmatch(link.url)]


def _nodes(markdown: str) -> Iterator[dict[str, Any]]:
    todo = list(_parse(markdown))
    while todo:
        node = todo.pop(0)
        todo = node.get("children", []) + todo
        yield node


def _blocks(nodes: list[dict[str, Any]]) -> Iterator[list[str | Link]]:
    for node in nodes:
        kind, children = node["type"], node.get("children", [])
        if kind in _SKIPPED:
            continue
        if kind == "block_html":
            yield [_html(node["raw"])]
        elif kind in ("paragraph", "heading", "block_text", "table_cell"):
            yield list(_inline(children))
        else:
            yield from _blocks(children)


def _inline(nodes: list[dict[str, Any]]) -> Iterator[str | Link]:
    for node in nodes:
        match node["type"]:
            case kind if kind in _SKIPPED:
                yield "\0"
            case "text":
                yield unescape(node["raw"])
            case "softbreak" | "linebreak":
                yield " "
            case "link":
                text = "".join(map(str, _inline(node["children"])))  # no link holds another
                yield Link(text, node["attrs"]["url"], node["attrs"].get("title") or "")
            case "inline_html":
                yield _html(node["raw"])
            case "image":
                yield from _inline(node["children"])
                yield f" {node['attrs'].get('title') or ''} "
            case _:
                yield from _inline(node["children"])


def _html(raw: str) -> str:
    """The text of a piece of HTML, with what its alt and title attributes say."""
    said = re.findall(r"\b(?:alt|title)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')", raw)
    return unescape(" ".join([re.sub(r"<[^>]*>", " ", raw), *(one or two for one, two in said)]))


# --- reading code ----------------------------------------------------------------------------

#: arguments of the functions of `dojo.show` that readers see as prose
SEEN = {"title", "subtitle", "caption", "alt"}


def typed(code: str) -> list[Disagreement]:
    """Digits and dates typed into titles, captions, alt texts or shown numbers instead of computed.

    Raises SyntaxError for code that is no Python.
    """
    tree = ast.parse(code)
    found = [q for part in seen(tree) for text in _constants(part) for q in bare(text)]
    for call in _calls(tree):
        if getattr(call.func, "attr", getattr(call.func, "id", "")) == "numbers":
            values = [argument.value for argument in call.keywords if argument.arg not in SEEN]
            parts = [p for value in values if isinstance(value, ast.Constant | ast.JoinedStr) for p in _parts(value)]
            # "2.4 to 1" says odds: its last number is a unit
            found += [q for part in parts for text in _constants(part) for q in bare(text.removeprefix(" to 1"))]
    return [Disagreement(q.text.strip(), "typed into the code: compute it or leave it out") for q in found]


def seen(tree: ast.Module) -> list[ast.expr]:
    """The parts of a cell's code that make a text which readers see, as arguments or by a name given before."""
    values = [argument.value for call in _calls(tree) for argument in call.keywords if argument.arg in SEEN]
    named = {value.id for value in values if isinstance(value, ast.Name)}
    values += [value for name, value in _given(tree) if name in named]
    return [part for value in values for part in _parts(value)]


def _given(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Each name that is given a value, with the expression."""
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)):
                pairs = list(zip(targets, values, strict=False))
            case ast.Assign(targets=targets, value=value):
                pairs = [(target, value) for target in targets]
            case ast.AnnAssign(target=target, value=ast.expr() as value) | ast.AugAssign(target=target, value=value):
                pairs = [(target, value)]
            case _:
                pairs = []
        yield from ((target.id, value) for target, value in pairs if isinstance(target, ast.Name))


def _calls(tree: ast.Module) -> list[ast.Call]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


def _parts(node: ast.expr) -> Iterator[ast.expr]:
    """The literal texts of an expression, and what is put into them, from left to right."""
    match node:
        case ast.Constant() | ast.FormattedValue():
            yield node
        case ast.NamedExpr(value=value):
            yield from _parts(value)
        case ast.JoinedStr(values=parts):
            yield from (inner for part in parts for inner in _parts(part))
        case ast.BinOp(left=left, right=right):
            yield from (*_parts(left), *_parts(right))
        case ast.IfExp(body=body, orelse=orelse):
            yield from (*_parts(body), *_parts(orelse))
        case ast.Call(func=ast.Attribute(value=text)):  # "...".format(n)
            yield from _parts(text)


def _constants(part: ast.expr) -> Iterator[str]:
    """What is typed in such a part: a text, or what a text is filled with, as it is or as one of two."""
    if isinstance(part, ast.Constant):
        yield str(part.value)
    elif isinstance(part, ast.FormattedValue) and not isinstance(part.value, ast.Call | ast.BinOp):
        yield from (text for inner in _parts(part.value) for text in _constants(inner))
