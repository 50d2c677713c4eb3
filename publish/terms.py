"""Words of the glossary, explained where they first stand on a page."""

from __future__ import annotations

import re
from functools import lru_cache

from bs4 import BeautifulSoup, NavigableString, Tag

from dojo import tables

#: no word is explained inside these: they are names, ways to somewhere, or not prose
LEFT_ALONE = ["a", "code", "h1", "h2", "h3", "summary", "math", "dfn", "details"]
#: words that are used in their everyday sense too; where it is the glossary's, the text says so itself
EVERYDAY = {"account", "bulk", "exchange", "sample", "standing", "training-step", "variant", "weight"}


def explain(soup: BeautifulSoup) -> None:
    """Let the first mention of each word of the glossary show its definition when it is pointed at or focused."""
    pattern, known = _words()
    texts = soup.find_all("section", class_="prose", recursive=False)
    strong = (strong.get_text() for prose in texts for strong in prose.find_all("strong"))
    bold = (match[0] for words in strong for match in pattern.finditer(words))
    done = {known[word.casefold()][0] for word in bold}  # what is set in bold, the text itself explains
    for prose in texts:
        for text in prose.find_all(string=True):
            if pattern.search(text) and not text.find_parent(LEFT_ALONE):
                _explain(soup, text, done)


def _explain(soup: BeautifulSoup, text: NavigableString, done: set[str]) -> None:
    pattern, known = _words()
    pieces: list[str | Tag] = []
    last = 0
    for match in pattern.finditer(text):
        term, definition = known[match[0].casefold()]
        if term not in done:
            done.add(term)
            pieces += [text[last : match.start()], _term(soup, match[0], definition, len(done))]
            last = match.end()
    if pieces:
        text.replace_with(*pieces, text[last:])


def _term(soup: BeautifulSoup, word: str, definition: str, number: int) -> Tag:
    term = soup.new_tag("dfn", attrs={"tabindex": "0", "aria-describedby": f"t{number}"})
    said = soup.new_tag("span", attrs={"role": "tooltip", "id": f"t{number}"})
    said.string = definition
    term.extend([word, said])
    return term


@lru_cache(maxsize=1)
def _words() -> tuple[re.Pattern[str], dict[str, tuple[str, str]]]:
    """A pattern for all words of the glossary, longest first, and for each its term and definition."""
    known = {}
    for row in tables.everything()["glossary"].rows.values():
        for word in (row.cells["term"], *row.items("aliases")) if row.id not in EVERYDAY else ():
            for form in (word, f"{word}s"):
                known.setdefault(form.casefold(), (row.id, row.cells["definition"]))
    words = "|".join(re.escape(word) for word in sorted(known, key=len, reverse=True))
    return re.compile(rf"(?<![\w-])(?:{words})(?![\w-])", re.IGNORECASE), known
