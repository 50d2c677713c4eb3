"""Every page on A4 paper, as the browser prints it: nothing cut, nothing split, the sources' addresses written out.

Where something lies on paper is read from the PDF itself; what should be there is asked of the page.
"""

import io
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from pypdf import PdfReader

from publish import __main__, audit

pytestmark = pytest.mark.thorough

PAGES = sorted(__main__.EXPORTS.glob("*.html"))
MARGIN = 10  # millimetres, as browsers propose
WIDTH, HEIGHT = (round((side - 2 * MARGIN) / 25.4 * 96) for side in (210, 297))  # of what is printed, in CSS pixels

# What must not be parted, with the pieces of text by which it is found on paper. The words of a chart are pieces too.
WHOLE = """() => {
    const seen = (element) => element.checkVisibility();
    const lines = (element) => element.innerText.split("\\n");
    const leaves = (element) => [...element.querySelectorAll("p, h2, h3, h4, h5, li, dt, dd, figcaption")]
        .filter((one) => seen(one) && !one.closest("table") && !one.querySelector("p, li, dt, dd, details, table"));
    const drawing = (image) => decodeURIComponent(image.src.replace(/^[^,]*,/, ""));
    const parse = (image) => new DOMParser().parseFromString(drawing(image), "image/svg+xml");
    const charts = (element) => [
        ...[...element.querySelectorAll("svg")].filter(seen),
        ...[...element.querySelectorAll("img[src^='data:image/svg+xml,']")].filter(seen).map(parse),
    ].flatMap((chart) => [...chart.querySelectorAll("text:not(.marks text)")]).map((text) => text.textContent);
    const thing = (kind, element, pieces) => ({ kind, height: element.getBoundingClientRect().height, pieces });
    const all = (selector) => [...document.querySelectorAll(selector)].filter(seen);
    return [
        ...all("figure").map((one) => thing("figure", one, [...leaves(one).flatMap(lines), ...charts(one)])),
        ...all("tr").map((one) => thing("row", one, [...one.cells].filter(seen).flatMap(lines))),
        ...all("pre").map((one) => thing("code", one, lines(one))),
    ];
}"""

# What is wider than the paper, and boxes that would scroll on a screen and cut on paper.
WIDE = """(width) => [...document.querySelectorAll("body *")].filter((one) => one.checkVisibility()).flatMap((one) => {
    const style = getComputedStyle(one), box = one.getBoundingClientRect();
    if (style.overflowX != "visible" && one.scrollWidth > one.clientWidth + 1)
        return [`cut at ${one.clientWidth} of ${one.scrollWidth}: ${audit.where(one)}`];
    return one.matches("img, svg, canvas") && box.right > width + 1 ? [`beyond the paper: ${audit.where(one)}`] : [];
})"""

# The addresses to which the notes on sources lead, however a page arranges its notes.
NOTED = """() => [...document.querySelectorAll(".side")]
    .flatMap((notes) => [...notes.querySelectorAll("a[href^=http]")].map((link) => link.getAttribute("href")))"""


@dataclass
class Printed:
    """A page on paper."""

    sheets: list[str]  # the text of each sheet, without its spaces
    whole: list[dict]  # what must not be parted
    wide: list[str]  # what does not fit
    noted: list[str]  # addresses of sources

    @property
    def parted(self) -> list[str]:
        """What no sheet holds in one piece, be it that it is split or that some of it is cut; and pictures too tall."""
        return [
            f"{one['kind']}: {' '.join(one['pieces'])[:60]}"
            for one in self.whole
            if one["height"] <= HEIGHT and not any(holds(sheet, one["pieces"]) for sheet in self.sheets)
        ]

    @property
    def lost(self) -> list[str]:
        """Lines of what is taller than a sheet, and so may be parted, that are on no sheet at all."""
        tall = [one for one in self.whole if one["height"] > HEIGHT]
        return [
            f"{one['kind']}: {piece[:60]}"
            for one in tall
            for piece in one["pieces"]
            if not any(holds(sheet, [piece]) for sheet in self.sheets)
        ]

    @property
    def unnamed(self) -> list[str]:
        """Addresses of sources that are not written out."""
        return [address for address in self.noted if not any(holds(sheet, [address]) for sheet in self.sheets)]


def holds(sheet: str, pieces: list[str]) -> bool:
    """Whether a sheet holds all these pieces of text."""
    return all(closed(piece) in sheet for piece in pieces)


def closed(text: str) -> str:
    """A text without spaces and hyphens, ligatures taken apart: how lines break does not matter."""
    return "".join(re.sub(r"[\s\u00ad\u2010-]+", "", unicodedata.normalize("NFKC", text)))


def printed(browser: Browser, path: Path) -> Printed:
    """Print a page, and ask it what should be on the paper."""
    with audit.opened(browser, path, audit.Seen(WIDTH), width=WIDTH, height=HEIGHT, scheme="light") as page:
        margin = dict.fromkeys(("top", "right", "bottom", "left"), f"{MARGIN}mm")
        pdf = page.pdf(format="A4", margin=margin, print_background=True)
        page.emulate_media(media="print")
        page.evaluate(audit.SCRIPT)
        taken = audit.taken(page)
        wide = [f"wide: {taken} of {WIDTH}"] * (taken > WIDTH) + page.evaluate(WIDE, WIDTH)
        whole, noted = page.evaluate(WHOLE), page.evaluate(NOTED)
    sheets = [closed(sheet.extract_text()) for sheet in PdfReader(io.BytesIO(pdf)).pages]
    return Printed(sheets, whole, wide, list(dict.fromkeys(noted)))


@pytest.fixture(scope="module")
def papers(browser) -> dict[str, Printed]:
    return {path.stem: printed(browser, path) for path in PAGES}


each_page = pytest.mark.parametrize("name", [path.stem for path in PAGES])


@each_page
def test_nothing_is_wider_than_the_paper(papers, name):
    assert papers[name].wide == []


@each_page
def test_no_figure_row_or_code_is_split_or_cut(papers, name):
    assert papers[name].parted == []
    assert papers[name].lost == []


@each_page
def test_the_addresses_of_the_sources_are_written_out(papers, name):
    assert papers[name].unnamed == []


def test_most_pages_have_notes_that_lead_to_sources(papers):
    assert sum(bool(paper.noted) for paper in papers.values()) > len(PAGES) / 2


# --- that it would be noticed -------------------------------------------------------------------

FRAME = "<!doctype html><title>A page</title><style>body {{ margin: 0 }} p {{ margin: 0 }}</style>{}"
CHART = (
    "<svg xmlns='http://www.w3.org/2000/svg' width='500' height='{}' viewBox='0 0 500 {}'>"
    "<text x='9' y='20'>uppermost</text><text x='9' y='{}'>lowest</text></svg>"
)


@pytest.fixture
def sheet(browser, tmp_path):
    """Prints a page that holds this, after so many pixels of nothing."""

    def write(body: str, above: int = 0) -> Printed:
        path = tmp_path / "page.html"
        path.write_text(FRAME.format(f"<div style='height: {above}px'></div>{body}"), "utf-8")
        return printed(browser, path)

    return write


def figure(style: str = "", height: int = 300) -> str:
    """A figure with a chart as an image."""
    chart = CHART.format(height, height, height - 9).replace("#", "%23").replace("<", "%3C").replace(">", "%3E")
    picture = f'<img style="display: block" src="data:image/svg+xml,{chart}" alt="">'
    return (
        f"<figure style='{style}'><p>The title</p>{picture}<figcaption><p>The first caption</p></figcaption></figure>"
    )


def test_what_lies_on_one_sheet_is_whole(sheet):
    table = "<table><tr><td>one<br>two<td>three</table>"
    seen = sheet(figure() + table + "<pre>one line\nand another</pre><p id='efficient'>ﬁne")
    assert (seen.parted, seen.lost, seen.wide, seen.unnamed) == ([], [], [], [])
    assert [len(one["pieces"]) for one in seen.whole] == [4, 3, 2]


@pytest.mark.parametrize("above", [800, 1000])
def test_a_figure_over_two_sheets_is_noticed_unless_it_is_kept_together(sheet, above):
    assert [one[:17] for one in sheet(figure(), above).parted] == ["figure: The title"]
    assert sheet(figure("break-inside: avoid"), above).parted == []


def test_a_figure_taller_than_a_sheet_may_be_parted_but_must_lose_nothing(sheet):
    tall = "<figure style='height: 1200px'><p>The title</p><p style='height: 1100px'>one</p><p>two</p></figure>"
    assert (sheet(tall).parted, sheet(tall).lost) == ([], [])
    cut = tall.replace("<p>two", "<p style='position: relative; left: 900px'>two")
    assert sheet(cut).lost == ["figure: two"] or sheet(cut).wide


def test_a_row_over_two_sheets_is_noticed(sheet):
    row = "<table><tr style='break-inside: {}'><td>" + "<br>".join(f"line {number}" for number in range(9)) + "</table>"
    assert [one[:11] for one in sheet(row.format("auto"), HEIGHT - 60).parted] == ["row: line 0"]
    assert sheet(row.format("avoid"), HEIGHT - 60).parted == []


def test_code_over_two_sheets_is_noticed(sheet):
    code = (
        "<pre style='break-inside: {}; orphans: 1; widows: 1'>" + "\n".join(f"x{n} = {n}" for n in range(9)) + "</pre>"
    )
    assert [one[:12] for one in sheet(code.format("auto"), HEIGHT - 60).parted] == ["code: x0 = 0"]
    assert sheet(code.format("avoid"), HEIGHT - 60).parted == []


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("<p style='width: 900px'>wide", f"wide: 900 of {WIDTH}"),
        ("<div style='overflow: auto'><p style='width: 900px'>wide</div>", f"cut at {WIDTH} of 900: div “wide”"),
        ("<pre style='overflow: hidden'>" + "x" * 200 + "</pre>", f"cut at {WIDTH} of "),
        ("<img style='width: 900px; height: 9px' src='data:,' alt=''>", "beyond the paper: img “”"),
    ],
)
def test_what_is_wider_than_the_paper_is_noticed(sheet, body, fault):
    assert any(one.startswith(fault) for one in sheet(body).wide)


def test_an_address_that_is_not_written_out_is_noticed(sheet):
    note = "<ol class='side'><li><a href='https://example.org/a'>{}</a></ol>"
    assert sheet(note.format("A paper")).unnamed == ["https://example.org/a"]
    assert sheet(note.format("A paper, https://example.org/a")).unnamed == []
