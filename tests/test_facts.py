"""Numbers and dates in prose agree with the row or cell they link to, and the checker sees when not."""

import random
import re
from dataclasses import replace
from unittest import mock

import pytest

from dojo import facts, quantities, tables
from publish import check, notebooks

CELL = {
    ("", "days-apart"): "praise to report: 63 days\ncall to report: 15 days",
    ("", "dated"): "7 August 2025: 63",
    ("", "pair"): "lowest and highest: 15 days, 20 days",
    ("", "one"): "41.5 %",
    ("", "bare"): "42",
    ("", "odds"): "buying: 2.4 to 1",
}
EVENTS = "../data/story/events.csv#"
MONEY = "../data/story/finance_figures.csv#"
MOVES = "../data/story/people_moves.csv#"


def printed(page: str, cell: str) -> str:
    try:
        return CELL[page, cell]
    except KeyError:
        raise KeyError(f"there is no cell {cell!r}") from None


#: the cells that the cases below speak of, as they were when these were written: a corrected fact breaks no test
AS_WAS = {
    ("events", "dojo-disbanded-report"): {"date": "2025-08-07"},
    ("events", "densityai-reported"): {"date": "2025-08-04/2025-08-07"},
    ("events", "order-dated-by-one-outlet"): {"date": "2025-07-28/2025-08-03"},
    ("events", "dojo1-8k-h100"): {"quote": "Not massive, but not trivial either."},
    ("events", "dojo-jobs-2025"): {
        "summary": "Tesla lists nearly 30 Dojo jobs and two summer internships, mostly in Palo Alto."
    },
    ("events", "cortex-50k-live"): {"date": "2024-Q4"},
    ("events", "evolutionary-dead-end-post"): {"quote": "all paths converged to AI6"},
    ("events", "keller-hired"): {"date": "2016-01"},
    ("people_moves", "twenty-to-densityai"): {"headcount_low": "20"},
    ("people_moves", "chan-leaves-2023"): {"date": "2023-12/2024-01"},
    ("people_moves", "venkataramanan-leads-dojo"): {"date": "2018/2019"},
    ("people_moves", "chang-to-densityai"): {"date": "2023-10/2025-08-07"},
    ("finance_figures", "samsung-contract"): {"value": "16500000000", "unit": "USD"},
    ("finance_figures", "samsung-contract-krw"): {"value": "22800000000000", "unit": "KRW"},
    ("finance_figures", "h100e-q1-2024"): {
        "value": "35000",
        "low": "35000",
        "high": "40000",
        "unit": "H100 equivalents",
    },
    ("finance_figures", "training-share-long-run"): {"value": "0.05", "unit": "fraction"},
    ("finance_figures", "cortex-h100e-q2-2025"): {"value": "67000", "unit": "H100 equivalents"},
    ("finance_figures", "cortex-power-2024"): {"value": "130", "unit": "MW"},
}


def find(row_id: str, table: str | None = None) -> list[tables.Row]:
    """As tables.find, with the cells as they were; a row withdrawn since stands where the first one does."""
    cells = AS_WAS.get((table, row_id))
    if cells is None:
        return FIND(row_id, table)
    rows = tables.everything()[table].rows
    row = rows.get(row_id) or next(iter(rows.values()))
    return [replace(row, id=row_id, cells=row.cells | cells)]


FIND = tables.find


def said(text: str) -> list[str]:
    with mock.patch.object(facts.tables, "find", find):
        return [str(found) for found in facts.check(text, printed)]


TRUE = [
    f'[about 20]({MOVES}twenty-to-densityai "headcount_low")',
    f"[7 August 2025]({EVENTS}dojo-disbanded-report)",
    f"[7 Aug]({EVENTS}dojo-disbanded-report)",
    f"[August 2025]({EVENTS}dojo-disbanded-report)",
    f"in [2025]({EVENTS}dojo-disbanded-report)",
    f"[4 to 7 August 2025]({EVENTS}densityai-reported)",
    f"[28 July to 3 August 2025]({EVENTS}order-dated-by-one-outlet)",
    f"[between 28 July and 3 August 2025]({EVENTS}order-dated-by-one-outlet)",
    f"[December 2023 or January 2024]({MOVES}chan-leaves-2023)",
    f"[2018 to 2019]({MOVES}venkataramanan-leads-dojo)",
    f"“[Not massive]({EVENTS}dojo1-8k-h100)”, [28 July to 3 August 2025]({EVENTS}order-dated-by-one-outlet)",
    f'[nearly 30]({EVENTS}dojo-jobs-2025 "summary")',
    f"[Q4 2024]({EVENTS}cortex-50k-live)",
    f'[$16.5 billion]({MONEY}samsung-contract "value")',
    f'[16.5bn]({MONEY}samsung-contract "value")',
    f'[22.8 trillion]({MONEY}samsung-contract-krw "value")',
    f'[35,000 to 40,000]({MONEY}h100e-q1-2024 "low high")',
    f'[under 5%]({MONEY}training-share-long-run "value")',
    f'[5 per cent]({MONEY}training-share-long-run "value")',
    '[63 days](#cell-id=days-apart "praise to report")',
    '[sixty-three days](#cell-id=days-apart "praise to report")',
    '[nine weeks](#cell-id=days-apart "praise to report")',
    '[two weeks](#cell-id=days-apart "call to report")',
    "[41.5 %](#cell-id=one)",
    '[2.4 to 1](#cell-id=odds "buying")',
    f"[what AI6s, or AI6's boards, can do]({EVENTS}evolutionary-dead-end-post)",
    "[about 40%](#cell-id=one)",
    "[42 of them](#cell-id=bare)",
    f"“[all paths converged to AI6]({EVENTS}evolutionary-dead-end-post)”",
    "Dojo 2, AI6, H100s and FP8 E4M3 are names. `x = 12` is code, $x_1 = 3$ is mathematics.",
    '[63 days](#cell-id=days-apart "praise to report") are many; once linked, 63 days may stand bare.',
    f"[7th August 2025]({EVENTS}dojo-disbanded-report)",
    f"[August 7, 2025]({EVENTS}dojo-disbanded-report)",
    f'[35–40 thousand]({MONEY}h100e-q1-2024 "low high")',
    f'[130 MW]({MONEY}cortex-power-2024 "value")',
    "AI7 and the H100s of Dojo 3's rivals.",
    "1. A list may be numbered.\n2. Twice.",
    "A note.[^1]\n\n[^1]: Below the line.",
    "The H100 PCIe 80 GB is a longer name than H100 PCIe.",
    "[7 August 2025](#cell-id=dated)",
    f'[2023]({MONEY}d1-order-2023 "date")',
    f"“[all paths, converged to AI6]({EVENTS}evolutionary-dead-end-post)”",
    f"“[we’ve really got to make Dojo work]({EVENTS}double-down)”",
    "[63\ndays](#cell-id=days-apart) or [63  \ndays](#cell-id=days-apart)".replace(")", ' "praise to report")'),
    "[01-timeline](01-timeline.ipynb) or [01-timeline](https://example.org/01-timeline.html)",
    '[63 days](#cell-id=days-apart "praise to report"), [42](#cell-id=bare): 63 days, 42.',
]

FALSE = {
    '[2.4 to 2](#cell-id=odds "buying")': "says 2, cell odds prints 1",
    f'[about 21]({MOVES}twenty-to-densityai "headcount_low")': "#twenty-to-densityai headcount_low says 20",
    f"[8 August 2025]({EVENTS}dojo-disbanded-report)": "events.csv#dojo-disbanded-report date says 2025-08-07",
    f"[7 July 2025]({EVENTS}dojo-disbanded-report)": "date says 2025-08-07",
    f"[7 August 2024]({EVENTS}dojo-disbanded-report)": "date says 2025-08-07",
    f"[28 January 2016]({EVENTS}keller-hired)": "date says 2016-01",
    f"[28 July to 4 August 2025]({EVENTS}order-dated-by-one-outlet)": "date says 2025-07-28/2025-08-03",
    f"[29 July to 3 August 2025]({EVENTS}order-dated-by-one-outlet)": "date says 2025-07-28/2025-08-03",
    f"[28 July 2025]({EVENTS}order-dated-by-one-outlet)": "date says 2025-07-28/2025-08-03",
    f"[28 July and 3 August 2025]({EVENTS}order-dated-by-one-outlet)": "date says 2025-07-28/2025-08-03",
    f"[October to August 2025]({MOVES}chang-to-densityai)": "date says 2023-10/2025-08-07",
    f"[October 2023 to August]({MOVES}chang-to-densityai)": "date says 2023-10/2025-08-07",
    f'[28 July to 3 August 2025]({EVENTS}order-dated-by-one-outlet "note")': "note says",
    f"[December 2023 to February 2024]({MOVES}chan-leaves-2023)": "date says 2023-12/2024-01",
    f'[nearly 31]({EVENTS}dojo-jobs-2025 "summary")': "summary says",
    f"[Q3 2024]({EVENTS}cortex-50k-live)": "date says 2024-Q4",
    f'[$16.4 billion]({MONEY}samsung-contract "value")': "value says 16500000000 USD",
    f'[16.5 million]({MONEY}samsung-contract "value")': "value says 16500000000 USD",
    f'[€16.5 billion]({MONEY}samsung-contract "value")': "value says 16500000000 USD",
    f'[67%]({MONEY}cortex-h100e-q2-2025 "value")': "value says 67000",
    f'[35,000 to 45,000]({MONEY}h100e-q1-2024 "low high")': "high says 40000",
    f"[the sum of 16.5 billion]({MONEY}nothing)": "no row 'nothing'",
    f'[16.5 billion]({MONEY}samsung-contract "price")': "no column 'price'",
    f"[35,000]({MONEY}h100e-q1-2024)": "name the column",
    '[62 days](#cell-id=days-apart "praise to report")': "cell days-apart prints 63 days",
    '[63 weeks](#cell-id=days-apart "praise to report")': "cell days-apart prints 63 days",
    '[three weeks](#cell-id=days-apart "call to report")': "cell days-apart prints 15 days",
    "[43 of them](#cell-id=bare)": "cell bare prints 42",
    "[63 days](#cell-id=days-apart)": "name the label",
    '[63 days](#cell-id=days-apart "praise to end")': "prints no 'praise to end'",
    "[63 days](#cell-id=days-gone)": "there is no cell 'days-gone'",
    f"“[most paths converged to AI6]({EVENTS}evolutionary-dead-end-post)”": "quote says",
    "He said “we really must make it work”.": "a quotation that no link backs",
    f"“[all paths converged to AI]({EVENTS}evolutionary-dead-end-post)”": "quote says",
    f"“[all paths converged to AI6]({EVENTS}evolutionary-dead-end-post) by June”": "only a part is linked",
    f'[20 days]({MOVES}twenty-to-densityai "headcount_low")': "headcount_low says 20",
    f'[20 MW]({MOVES}twenty-to-densityai "headcount_low")': "headcount_low says 20",
    f'[130 GW]({MONEY}cortex-power-2024 "value")': "value says 130",
    f'[16.5 billion days]({MONEY}samsung-contract "value")': "value says 16500000000",
    f'[-16.5 billion]({MONEY}samsung-contract "value")': "value says 16500000000",
    f'[almost 20]({MOVES}twenty-to-densityai "headcount_low")': "headcount_low says 20",
    f'[a dozen]({MOVES}twenty-to-densityai "headcount_low")': "headcount_low says 20",
    f"[4 August 2025]({EVENTS}densityai-reported)": "date says 2025-08-04/2025-08-07",
    f"[1 December 2023]({MOVES}chan-leaves-2023)": "date says 2023-12/2024-01",
    '[a month](#cell-id=days-apart "call to report")': "prints 15 days",
    '[more than 63 days](#cell-id=days-apart "praise to report")': "prints 63 days",
    '[63 days](#cell-id=days-apart "report")': "several lines with 'report'",
    f'[$16.5 billion]({MONEY}samsung-contract "value") or €16.5 billion': "says €16.5 billion",
    '63 came before [63 days](#cell-id=days-apart "praise to report")': "says 63",
    "Musk shut Dojo 3 weeks later.": "says 3 weeks",
    "AI6.5 came next.": "AI6.5",
    "It fell in 3Q25.": "says 3Q25",
    "A twenty-person team.": "says twenty",
    "It came a week later.": "says a week",
    "Twenty former Dojo members.": "says Twenty",
    '<img alt="63 days">': "says 63 days",
    '![strip](x.png "63 days")': "says 63 days",
    "[63](https://example.org/63)": "neither a row nor a cell",
    "There were 63 of them.": "no link backs",
    "It ended on 7 August 2025.": "no link backs",
    "It ended in August 2025.": "no link backs",
    "About twenty people left.": "no link backs",
    "It took nine more months.": "no link backs",
    "It cost $16.5 billion.": "no link backs",
    "A quarter, 25 %, was lost.": "no link backs",
    "## The 63 days": "no link backs",
    "| a | b |\n|---|---|\n| x | 17 |": "no link backs",
    "[16 chips](https://example.org)": "neither a row nor a cell",
    "Above the line.\n\n---\n\nThere were 63 of them.": "says 63",
    'A picture <img alt="63 days"> in a line.': "says 63 days",
    f'"[most paths converged to AI6]({EVENTS}evolutionary-dead-end-post)"': "quote says",
    f"“X[all paths converged to AI6]({EVENTS}evolutionary-dead-end-post)”": "only a part is linked",
    f"[2023]({MONEY}d1-order-2023)": "value says 5000 count",
    f"[Dojo 1]({EVENTS}dojo-roadmap-jan-2024)": "does not name it",
    "[HBM2](../data/chips/chip_specs.csv#h100-pcie-memory-bandwidth)": "does not name it",
    "[FP6](../data/glossary.csv#fp32)": "does not name it",
    f'[16.5 billion]({MONEY}samsung-contract "low")': "low says",
    f'[130 kW]({MONEY}cortex-power-2024 "value")': "value says 130 MW",
    f'[42 %]({MONEY}h100e-q1-2024 "value")': "value says 35000 H100 equivalents",
}

#: where a number stands and what it should have been, whole
MESSAGES = {
    f"[to HW4 and the HW3s]({EVENTS}evolutionary-dead-end-post)": [
        "says HW4, events.csv#evolutionary-dead-end-post does not name it",
        "says HW3, events.csv#evolutionary-dead-end-post does not name it",
    ],
    "Shut in 3Q25 and 63 days later.": [
        "says 3Q25, which no link backs: point it to its row or its cell",
        "says 63 days, which no link backs: point it to its row or its cell",
    ],
    "Built for AI`-`6.": ["says 6, which no link backs: point it to its row or its cell"],
    "<div>63 days</div>": ["says 63 days, which no link backs: point it to its row or its cell"],
    "He said “we really must make it work”.": [
        "says “we really must make it work”, a quotation that no link backs: point it to its row"
    ],
    f"“[all paths converged to AI6]({EVENTS}evolutionary-dead-end-post) by June”": [
        "says “… by June”, a quotation of which only a part is linked"
    ],
    "[63](https://example.org/63)": ["says 63, but https://example.org/63 is neither a row nor a cell"],
    "[63 days](#cell-id=days-gone)": ["says '63 days', but there is no cell 'days-gone'"],
    '[63 days](#cell-id=days-apart "praise to end")': ["says '63 days', but cell days-apart prints no 'praise to end'"],
    '[63 days](#cell-id=days-apart "report")': ["says '63 days', but cell days-apart has several lines with 'report'"],
    "[63 days](#cell-id=days-apart)": ["says 63 days, cell days-apart prints several values: name the label"],
    '[62 days](#cell-id=pair "lowest and highest")': ["says 62 days, cell pair prints 15 days, 20 days"],
    "[7 August 2025](#cell-id=bare)": ["says 7 August 2025, cell bare prints no such value"],
    f'[21]({MOVES}twenty-to-densityai "headcount_low")': [
        "says 21, people_moves.csv#twenty-to-densityai headcount_low says 20"
    ],
    f'[140 MW]({MONEY}cortex-power-2024 "value")': [
        "says 140 MW, finance_figures.csv#cortex-power-2024 value says 130 MW"
    ],
    f"[63]({EVENTS}dojo-disbanded-report)": ["says 63, events.csv#dojo-disbanded-report: no column holds such a value"],
    f"[35,000]({MONEY}h100e-q1-2024)": [
        "says 35,000, finance_figures.csv#h100e-q1-2024: name the column: value, low, high"
    ],
    f"“[not massive]({MONEY}samsung-contract)”": [
        "says “not massive”, finance_figures.csv#samsung-contract quote says ''"
    ],
    "[Q4](../data/events.csv#keller-hired)": ["says 'Q4', but the table events is at story/events.csv"],
}


@pytest.mark.parametrize("text", TRUE)
def test_what_agrees_passes(text):
    assert said(text) == []


@pytest.mark.parametrize("text", FALSE)
def test_what_disagrees_is_named(text):
    found = said(text)
    assert found
    assert FALSE[text] in "\n".join(found)


@pytest.mark.parametrize("text", MESSAGES)
def test_a_message_says_what_stands_there_and_what_is_wrong_with_it(text):
    assert said(text) == MESSAGES[text]


@pytest.mark.parametrize(
    ("value", "unit", "right", "wrong"),
    [
        ("63", "day", "63 days", "62 days"),
        ("63", "day", "nine weeks", "63 weeks"),
        ("10", "fraction", "one thousand per cent", "two thousand per cent"),
    ],
)
def test_a_value_is_stated_in_its_unit_or_in_one_that_people_know(monkeypatch, value, unit, right, wrong):
    was = AS_WAS["finance_figures", "samsung-contract"]
    monkeypatch.setitem(AS_WAS, ("finance_figures", "samsung-contract"), was | {"value": value, "unit": unit})
    assert said(f'[{right}]({MONEY}samsung-contract "value")') == []
    assert len(said(f'[{wrong}]({MONEY}samsung-contract "value")')) == 1


def test_a_masked_text_keeps_its_length():
    assert facts.mask("AI6, Dojo 2 and 63") == "\0\0\0, \0\0\0\0\0\0 and 63"


def test_formulas_images_and_rows_cited_in_headings_are_found_wherever_they_stand():
    text = f"# By [7 August]({EVENTS}dojo-disbanded-report) [and on](https://example.org)\n\n"
    text += "> *Here $x_1$ and ![a strip](strip.png)*\n\n$$\ny = 2\n$$"
    assert facts.headed(text) == ["7 August"]
    assert facts.images(text) == ["strip.png"]
    assert facts.formulas(text) == ["x_1", "y = 2"]
    assert list(facts.blocks("![a strip](strip.png)")) == [["a strip", "  "]]


@pytest.mark.parametrize("text", ["63 *days*", "63\ndays", "63  \ndays", "~~63~~ **days**"])
def test_a_link_says_its_words_in_one_line(text):
    assert facts.links(f'[{text}](u "t")') == [facts.Link("63 days", "u", "t")]


def test_code_in_a_line_parts_what_stands_beside_it():
    assert list(facts.blocks("AI`-`6")) == [["AI", "\0", "6"]]


def test_a_second_mention_counts_only_within_its_paragraph():
    link = '[63 days](#cell-id=days-apart "praise to report")'
    assert said(f"{link}. Yes, 63 days.") == []
    assert len(said(f"{link}.\n\nYes, 63 days.")) == 1


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("about 20", 20),
        ("$16.5 billion", 16.5e9),
        ("16.5bn", 16.5e9),
        ("100,000", 1e5),
        ("two hundred thousand", 2e5),
        ("sixty-three", 63),
        ("a dozen", 12),
        ("3.5m", 3.5e6),
        ("12k", 12e3),
    ],
)
def test_numbers_are_read_as_prose_writes_them(text, number):
    (found,) = quantities.read(text)
    assert found.number == pytest.approx(number)


@pytest.mark.parametrize(
    ("text", "number", "right"),
    [
        ("more than 60", 63, True),
        ("more than 50", 63, False),
        ("nearly 30", 28, True),
        ("up to 65", 63, True),
        ("up to 80", 63, False),
        ("about 8.6", 8.61, True),
        ("about 8.5", 8.61, False),
        ("81,000", 81_000.4, True),
        ("81,000", 81_001, False),
        ("about 100", 63, False),
        ("nearly 30", 31, False),
        ("more than 100", 199, False),
        ("two billion", 2.1e9, True),
        ("up to 1 billion", 1e7, False),
    ],
)
def test_rounding_is_judged_by_the_last_digit_stated(text, number, right):
    assert quantities.states(quantities.read(text)[0], number) is right


def test_digits_typed_into_titles_and_alt_texts_are_seen():
    assert facts.typed('show.figure(f, title=f"{days} days to the end", alt="Dots for Dojo 3 and AI6")') == []
    found = facts.typed('show.figure(f, title="63 days to the end", caption=f"{n} of 35 promises, 7 August 2025")')
    assert [f.says for f in found] == ["63 days", "35", "7 August 2025"]
    assert [f.says for f in facts.typed('f(alt=f"{63} of {n}/35 {x:,.0f}"); show.numbers(days=63)')] == [
        "63",
        "35",
        "63",
    ]
    assert facts.typed('df.query("days > 10"); f(title=f"{counts[3]} {n:.1f}")') == []
    assert [*map(str, facts.typed("numbers(days=63)"))] == ["says 63, typed into the code: compute it or leave it out"]


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ('f(title="63 days" + " and " + f"{n} of 35")', ["63 days", "35"]),
        ('f(title="63 days" if late else "35 days")', ["63 days", "35 days"]),
        ("""f(title=f"{'63' if late else '35'} days")""", ["63", "35"]),
        ('f(title="{} of 35".format(n))', ["35"]),
        ('words = "63 days"\nother = "35 days"\nf(title=words)', ["63 days"]),
        ('def f(n):\n    words = f"{n} of 63"\n    return show.table(n, title=words)', ["63"]),
        ('words: str = "63 days"\nf(title=words)', ["63 days"]),
        ('words: str\nwords = "then"\nwords += "63 days"\nf(title=words)', ["63 days"]),
        ('f(title=(words := "63 days"))', ["63 days"]),
        ('words, other = "63 days", 35\nf(title=words)', ["63 days"]),
        ('words, *other = "63 days", 35, 4\nf(title=words)', ["63 days"]),
        ('words, other = both("63 days", 35)\n(words, *other), n = both("35 days")\nf(title=words)', []),
        ('show.numbers(days=f"63 days of {n}", odds=f"{n:.1f} to 1", all="3 to 1", less=n - 1)', ["63 days", "3", "1"]),
    ],
)
def test_digits_are_seen_in_whatever_way_a_text_is_put_together(code, says):
    assert [found.says for found in facts.typed(code)] == says


def test_the_stored_notebooks_agree_with_the_record():
    books = notebooks.everything()
    assert check.check(books) == []
    assert check.check_prose(books) == []


# --- random changes ---------------------------------------------------------------------------

DIGIT = re.compile(r"\d")
LINK = re.compile(r"(?<=\[)([^\]]*\d[^\]]*)(?=\]\((?:\.\./data|#cell-id|01-))")


def changed(rng: random.Random, text: str, start: int, end: int) -> str:
    """The text with one digit between start and end replaced by another."""
    hidden = facts.mask(text[start:end])
    place = start + rng.choice([m.start() for m in DIGIT.finditer(hidden)])
    other = rng.choice([d for d in "0123456789" if d != text[place]])
    return text[:place] + other + text[place + 1 :]


def test_random_changes_of_digits_are_caught(record_property, capsys):
    """One digit changed at random, in the prose or in the output it cites: every change must be seen."""
    rng = random.Random(20250807)
    books = notebooks.everything()
    by_name = {book.path.name: book for book in books}
    spots = [
        (book, cell, match.span())
        for book in books
        for cell in book.cells
        if cell["cell_type"] == "markdown"
        for match in LINK.finditer(notebooks.source(cell))
        if DIGIT.search(facts.mask(match[0]))
    ]
    assert len(spots) >= 30
    tried, missed = 0, []
    for _ in range(100):
        book, cell, span = rng.choice(spots)
        text = changed(rng, notebooks.source(cell), *span)
        tried += 1
        if not facts.check(text, check.printed(by_name, book)):
            missed.append((book.name, cell["id"], text[slice(*span)]))
    cited = [
        (book, cell, link, facts.CELL_LINK.fullmatch(link.url))
        for book in books
        for cell in book.cells
        if cell["cell_type"] == "markdown"
        for link in facts.links(notebooks.source(cell))
        if facts.CELL_LINK.fullmatch(link.url) and DIGIT.search(facts.mask(link.text))
    ]
    for _ in range(60):
        book, cell, link, match = rng.choice(cited)
        output = check.printed(by_name, book)(match["page"] or "", match["cell"])
        line = next(line for line in output.splitlines() if link.title in line)
        spoilt = changed(rng, line, line.index(link.title) + len(link.title), len(line))
        tried += 1
        if not facts.check_link(link, lambda page, cell_id, spoilt=spoilt: spoilt):
            missed.append((book.name, cell["id"], link.text, spoilt))
    share = 1 - len(missed) / tried
    record_property("share_caught", share)
    with capsys.disabled():
        print(f"\nchanged digits caught: {tried - len(missed)} of {tried} ({share:.0%})")
    assert missed == []


def test_random_changes_of_the_tables_are_caught(monkeypatch):
    """The other direction: a fact corrected in its table makes the prose that states it wrong."""
    books = notebooks.everything()
    links = {
        (target.row.table.name, target.row.id, link)
        for book in books
        for cell in book.cells
        if cell["cell_type"] == "markdown"
        for link in facts.links(notebooks.source(cell))
        if (target := facts.row_target(link)) and DIGIT.search(facts.mask(link.text)) and "“" not in link.text
    }
    checked = 0
    for table, row_id, link in sorted(links, key=str):
        row = tables.find(row_id, table)[0]
        if not quantities.read(facts.mask(link.text)):
            continue
        spoilt = {
            c: DIGIT.sub(lambda m: str((int(m[0]) + 1) % 10), v) if c != "precision" else v
            for c, v in row.cells.items()
        }
        spoilt = {c: "2031-01-31" if row.table.fields[c].get("partialDate") and v else v for c, v in spoilt.items()}
        other = tables.Row(row.table, row.id, spoilt, row.line)
        with monkeypatch.context() as patch:
            patch.setattr(tables, "find", lambda *_, other=other: [other])
            assert facts.check_link(link, printed), f"{link.text} still agrees with {spoilt}"
        checked += 1
    assert checked >= 20
