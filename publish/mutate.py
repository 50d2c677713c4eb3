"""Makes one thing wrong at a time, in memory or in a copy of data/, and counts what `make check` notices.

Two things can notice. A rule names the contradiction. A seal only says that outputs and pages are older than what
they were made from. What no rule can know, such as which of two sources was meant, is left to the seal and counted
apart. `python -m publish.mutate` tries every mutant, with `--sample 5` so many of each kind.
"""

from __future__ import annotations

import argparse
import ast
import copy
import random
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from html import escape, unescape
from pathlib import Path

import joblib
import pandas as pd

from dojo import facts, quantities, tables
from publish import check, notebooks
from publish.notebooks import Notebook

CODE = re.compile(r"^```.*?^```|`[^`]*`", re.M | re.S)
#: what else states nothing: addresses with their titles, maths, labels of footnotes and of lists, attributes of images
UNSAID = re.compile(r"\]\([^)]*\)|\$[^$]*\$|https?://\S+|\[\^[^\]]*\]|^\d+\.(?= )|\b(?:src|width)=\"[^\"]*\"", re.M)
LINK = re.compile(r"\[(?P<text>[^\[\]]*)\]\((?P<url>[^)\s]+)(?: \"(?P<title>[^\"]*)\")?\)")
#: stands in for a word; no table holds it
ODD = "zebra"
SEED = 20250807


@dataclass(frozen=True)
class Mutant:
    """One thing made wrong: where it stands, what it was and what it is now."""

    kind: str
    #: the file name of a notebook or of another page, or the name of a table
    file: str
    #: the id of the cell; of the row, a slash, the column
    place: str
    was: str
    now: str
    #: all of the changed cell, page or output
    whole: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.file}, {self.place}: {self.was!r} became {self.now!r}"


def mutants(books: Sequence[Notebook]) -> list[Mutant]:
    """Every mutant there is, in the order of the files."""
    return [*_of_prose(books), *_of_code(books), *_of_tables(books)]


# --- prose -----------------------------------------------------------------------------------

#: what a text may turn into: the kind of change, from where to where, and what stands there then
Change = tuple[str, int, int, str]


def _of_prose(books: Sequence[Notebook]) -> Iterator[Mutant]:
    for file, place, text in _texts(books):
        for kind, start, end, now in _changes(text):
            if text[start:end] != now:
                yield Mutant(kind, file, place, text[start:end], now, text[:start] + now + text[end:])


def _texts(books: Sequence[Notebook]) -> Iterator[tuple[str, str, str]]:
    """The prose: file, id of the cell, text."""
    for book in books:
        for cell in book.cells:
            if cell["cell_type"] == "markdown":
                yield book.path.name, cell["id"], notebooks.source(cell)
    yield from ((name, "", _page(name)) for name in check.PROSE)


def _page(name: str) -> str:
    return (notebooks.ROOT / name).read_text("utf-8")


def _changes(text: str) -> Iterator[Change]:
    text = _blanked(CODE, text)
    said = _blanked(UNSAID, text)
    yield from _digits(said)
    yield from _counting(said)
    for link in LINK.finditer(text):
        yield from _quoted(text, link)
        yield from _target(link)


def _blanked(unsaid: re.Pattern[str], text: str) -> str:
    """The text with spaces, in place, for what states nothing."""
    return unsaid.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


def _digits(said: str) -> Iterator[Change]:
    numbers = facts.mask(said)
    for match in re.finditer(r"\d", said):
        in_name = numbers[match.start()] == "\0"
        yield f"a digit of a {'name' if in_name else 'number or date'}", *match.span(), _next(match[0])


def _next(digit: str) -> str:
    return str((int(digit) + 1) % 10)


def _counting(said: str) -> Iterator[Change]:
    """Number words before people, chips, days and the like, which have to be linked."""
    for q in facts.bare(said):
        word = next((w for w in re.finditer(r"[A-Za-z]+", q.text) if w[0].lower() in quantities.WORDS), None)
        if q.spelled and word:
            start = q.start + word.start()
            yield "a number word that counts", start, start + len(word[0]), "nine" if word[0] != "nine" else "six"


def _quoted(text: str, link: re.Match[str]) -> Iterator[Change]:
    """Every word of a quotation, whose marks stand within its link or around it."""
    start, end = link.span("text")
    within = facts.QUOTED.search(link["text"])
    if not within and text[link.start() - 1 : link.start()] not in ("“", '"'):
        return
    if within:
        start, end = (link.start("text") + place for place in within.span(1))
    for word in re.finditer(r"\w[\w’']*", text[start:end]):
        yield "a word of a quotation", start + word.start(), start + word.end(), ODD


def _target(link: re.Match[str]) -> Iterator[Change]:
    """Where a link leads: its file, its row or cell, and the column or label that it names."""
    path, _, part = link["url"].partition("#")
    if re.match(r"[a-z]+:", link["url"]):
        return
    begin = link.start("url")
    if path:
        yield "the file of a link, misspelled", begin, begin + len(path), path[:-1]
    if row := facts.ROW_LINK.fullmatch(link["url"]):
        start, end = begin + row.start("row"), begin + row.end("row")
        yield "the row of a link, misspelled", start, end, row["row"][:-1]
        others = tables.everything()[Path(row["file"]).stem].rows
        yield "the row of a link, another", start, end, _another(row["row"], others)
    elif part:
        yield "the cell of a link, misspelled", begin, link.end("url"), link["url"][:-1]
    if link["title"]:
        yield "the column or label of a link, misspelled", *link.span("title"), link["title"][:-1]


def _another(one: str, among: Iterable[str]) -> str:
    """One of the others, the same in every run."""
    return random.Random(one).choice([name for name in among if name != one])


# --- code and what it shows ------------------------------------------------------------------------


def _of_code(books: Sequence[Notebook]) -> Iterator[Mutant]:
    for book in books:
        for cell in book.code():
            for was, whole in _typed(notebooks.source(cell)):
                kind = "a number typed into a title, caption or alt text"
                yield Mutant(kind, book.path.name, cell["id"], was, "7", whole)
            for shown in re.finditer(r'<img [^>]*?alt="([^"]*)"', notebooks.output_html(cell)):
                title = re.search(r'class="title"><strong>(.*?)</strong>', notebooks.output_html(cell))
                for kind, now in _alts(shown[1], title[1] if title else ""):
                    whole = notebooks.output_html(cell).replace(f'alt="{shown[1]}"', f'alt="{now}"')
                    yield Mutant(kind, book.path.name, cell["id"], unescape(shown[1]), unescape(now), whole)


def _typed(code: str) -> Iterator[tuple[str, str]]:
    """Each computed part of what readers see, as it was, and the code with a digit typed in its place."""
    for number, part in enumerate(_computed(ast.parse(code))):
        tree = ast.parse(code)
        spoilt = _computed(tree)[number]
        spoilt.value, spoilt.format_spec, spoilt.conversion = ast.Constant(7), None, -1
        yield ast.unparse(part.value), ast.unparse(tree)


def _computed(tree: ast.Module) -> list[ast.FormattedValue]:
    return [part for part in facts.seen(tree) if isinstance(part, ast.FormattedValue)]


def _alts(alt: str, title: str) -> Iterator[tuple[str, str]]:
    yield "an alt text, gone", ""
    yield "an alt text, cut short", escape(unescape(alt)[:39])
    yield "an alt text, the stock sentence", "No description has been provided for this image"
    yield "an alt text, only the title", title
    yield "an alt text, another word", ODD + alt.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")


# --- tables ----------------------------------------------------------------------------------------


def _of_tables(books: Sequence[Notebook]) -> Iterator[Mutant]:
    yield from dict.fromkeys(_cited(books))
    for table in tables.everything().values():
        for row in table.rows.values():
            for column, field in table.fields.items():
                for kind, was, now in _cell(row, column, field):
                    whole = row.cells[column].replace(was, now, 1) if was else now
                    yield _in_table(kind, row, column, whole)


def _in_table(kind: str, row: tables.Row, column: str, now: str) -> Mutant:
    return Mutant(kind, row.table.name, f"{row.id}/{column}", row.cells[column], now, now)


def _cell(row: tables.Row, column: str, field: dict) -> Iterator[tuple[str, str, str]]:
    """What may go wrong with one cell that says how a fact is known: the kind, what was there, what is there now."""
    cell = row.cells[column]
    if "sources" in field.get("refersTo", []):
        for source in row.items(column):
            yield "a source id, misspelled", source, source[:-1]
            yield "a source id, another", source, _another(source, tables.everything()["sources"].rows)
    elif column in ("standing", "precision") and cell:
        yield f"a {column}, misspelled", cell, cell[:-1]
        yield f"a {column}, another", cell, _another(cell, field["constraints"]["enum"])


def _cited(books: Sequence[Notebook]) -> Iterator[Mutant]:
    """Every cell that a link states, made untrue: another leading digit, year, month or day, another word."""
    for _, _, text in _texts(books):
        for link in facts.links(text):
            if target := facts.row_target(link):
                for said, columns in facts.cited(link, target):
                    for now in _untrue(target.row, columns[0], said):
                        yield _in_table("a cited number or date", target.row, columns[0], now)
                for words in facts.QUOTED.findall(link.text):
                    quote = target.row.cells.get("quote", "")
                    if spoilt := _misquoted(quote, words):
                        yield _in_table("a cited quotation", target.row, "quote", spoilt)


def _untrue(row: tables.Row, column: str, said: quantities.Quantity) -> Iterator[str]:
    """The cell with each part that the text states changed, so that the text is no longer true."""
    cell, field = row.cells[column], row.table.fields[column]
    if field.get("partialDate"):
        year, _, month, _, day = said.date
        if year:
            yield re.sub(r"\b(\d{4})", lambda found: str(int(found[0]) + 1), cell)
        if month:
            yield re.sub(r"\b(\d{4}-)(\d\d)", lambda found: f"{found[1]}{int(found[2]) % 12 + 1:02}", cell)
        if day:
            yield re.sub(r"(-\d\d-)(\d\d)", lambda found: f"{found[1]}{int(found[2]) % 28 + 1:02}", cell)
    elif field["type"] in ("integer", "number"):
        yield re.sub(r"[1-9]", lambda digit: str(int(digit[0]) % 9 + 1), cell, count=1)
    else:
        same = [q for q in quantities.read(facts.mask(cell)) if quantities.same(said, q) and not q.spelled]
        for q in reversed(same):
            text = re.sub(r"\d", lambda digit: str(int(digit[0]) % 9 + 1), q.text, count=1)
            cell = cell[: q.start] + text + cell[q.start + len(q.text) :]
        yield from [cell] if same else []


def _misquoted(quote: str, words: str) -> str:
    first = re.search(rf"\b{re.escape(words.split()[0])}", quote, re.I)
    return quote[: first.start()] + ODD + quote[first.end() :] if first else ""


# --- trying ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trial:
    """A mutant and who noticed it: "rule", "seal" or "nobody"."""

    mutant: Mutant
    noticed_by: str
    #: the first thing that was said of it
    said: str = ""


def attempt(mutant: Mutant, books: Sequence[Notebook], scratch: Path) -> Trial:
    """Make one thing wrong and run the checks. `scratch` is a copy of data/, whole again afterwards."""
    if mutant.file in tables.everything():
        # a text rests on the rows it names and on no other
        citing = [book for book in books if mutant.place.rsplit("/", 1)[0] in _text(book)]
        with _spoilt(mutant, scratch) as broken:
            found = broken or check.contradictions(citing, list(books)) + check.check_prose(list(books))
            return _noticed(mutant, found, books[:1])
    if mutant.file in check.PROSE:
        return _noticed(mutant, check.check_page(notebooks.ROOT / mutant.file, mutant.whole, list(books)), [])
    spoilt = [_spoilt_book(book, mutant) if book.path.name == mutant.file else book for book in books]
    changed = [book for book in spoilt if book.path.name == mutant.file]
    return _noticed(mutant, check.contradictions(changed, spoilt), changed)


def _text(book: Notebook) -> str:
    return "\n".join(notebooks.source(cell) for cell in book.cells)


def _noticed(mutant: Mutant, rules: Sequence[str], sealed: Sequence[Notebook]) -> Trial:
    if rules:
        return Trial(mutant, "rule", rules[0])
    seals = check.stale(list(sealed))
    return Trial(mutant, "seal", seals[0]) if seals else Trial(mutant, "nobody")


def _spoilt_book(book: Notebook, mutant: Mutant) -> Notebook:
    content = copy.deepcopy(book.content)
    cell = next(cell for cell in content["cells"] if cell["id"] == mutant.place)
    if mutant.kind.startswith("an alt text"):
        holder = next(output for output in cell["outputs"] if "<img" in notebooks.output_html({"outputs": [output]}))
        holder["data"]["text/html"] = mutant.whole
    else:
        cell["source"] = mutant.whole
    return replace(book, content=content)


@contextmanager
def _spoilt(mutant: Mutant, scratch: Path) -> Iterator[list[str]]:
    """Run with one cell of the tables changed; gives what the tables themselves say of it."""
    table = tables.everything()[mutant.file]
    row_id, column = mutant.place.rsplit("/", 1)
    rows = [row.cells | ({column: mutant.whole} if row.id == row_id else {}) for row in table.rows.values()]
    path = scratch / table.contract["path"]
    before, kept = tables.DATA, path.read_text("utf-8")
    try:
        path.write_text(tables.as_csv(rows), "utf-8")
        tables.DATA = scratch
        _forget()
        try:
            yield [str(problem) for problem in check.check_data(tables.everything())]
        except tables.DataError as error:
            yield [str(error.problems[0])]
    finally:
        path.write_text(kept, "utf-8")
        tables.DATA = before
        _forget()


def _forget() -> None:
    """Read the tables anew, and the names in them."""
    tables.read.cache_clear()
    facts._pattern.cache_clear()


def sample(every: Iterable[Mutant], size: int, seed: int = SEED) -> list[Mutant]:
    """So many mutants of each kind, chosen at random, the same in every run."""
    kinds: dict[str, list[Mutant]] = {}
    for mutant in every:
        kinds.setdefault(mutant.kind, []).append(mutant)
    rng = random.Random(seed)
    return [mutant for some in kinds.values() for mutant in rng.sample(some, min(size, len(some)))]


def counted(trials: Sequence[Trial]) -> pd.DataFrame:
    """For each kind how many were tried, and by whom they were noticed."""
    frame = pd.DataFrame([(trial.mutant.kind, trial.noticed_by) for trial in trials], columns=["made wrong", "by"])
    counts = pd.crosstab(frame["made wrong"], frame["by"]).reindex(columns=["rule", "seal", "nobody"], fill_value=0)
    counts = counts.loc[frame["made wrong"].unique()]
    counts.insert(0, "tried", counts.sum(axis="columns"))
    counts.loc["all"] = counts.sum()
    return counts.rename(columns={"rule": "a rule", "seal": "only the seal"}).rename_axis(None, axis="columns")


def before(books: Sequence[Notebook]) -> list[str]:
    """What the checks find when nothing is made wrong; until that is settled it would be taken for noticing."""
    known = list(books)
    return [*map(str, check.check_data(tables.everything())), *check.check(known), *check.check_prose(known)]


def _try(some: Sequence[Mutant]) -> list[Trial]:
    """Try mutants one after the other, in a copy of data/ of their own."""
    books = notebooks.everything()
    with tempfile.TemporaryDirectory(prefix="dojo-") as folder:
        scratch = Path(shutil.copytree(tables.DATA, Path(folder) / "data"))
        return [attempt(mutant, books, scratch) for mutant in some]


def main(arguments: Sequence[str] | None = None) -> int:
    """Try all mutants or a sample, print a table, and every mutant that nobody noticed; 1 when there is one.

    Tries none, and says why, where something is wrong already.
    """
    parser = argparse.ArgumentParser(prog="python -m publish.mutate", description=__doc__)
    parser.add_argument("--sample", type=int, metavar="N", help="only so many of each kind")
    parser.add_argument("--seals", action="store_true", help="also list what only the seal noticed")
    options = parser.parse_args(arguments)
    if problems := before(notebooks.everything()):
        print(*problems, "settle this first", sep="\n", file=sys.stderr)
        return 1
    every = mutants(notebooks.everything())
    some = sample(every, options.sample) if options.sample else every
    jobs = max(1, min(joblib.cpu_count(), len(some) // 20))
    parts = joblib.Parallel(n_jobs=jobs)(joblib.delayed(_try)(some[i :: 8 * jobs]) for i in range(8 * jobs))
    trials = sorted((trial for part in parts for trial in part), key=lambda trial: some.index(trial.mutant))
    print(counted(trials).to_string())
    listed = [t for t in trials if t.noticed_by == "nobody" or (options.seals and t.noticed_by == "seal")]
    for trial in listed:
        print(f"noticed by {trial.noticed_by}: {trial.mutant}", file=sys.stderr)
    return 1 if any(trial.noticed_by == "nobody" for trial in trials) else 0


if __name__ == "__main__":
    sys.exit(main())
