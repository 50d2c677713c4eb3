"""The pages: nothing asked of a network, nothing dropped, and equal to what the notebooks make."""

import base64
import hashlib
import re
from itertools import pairwise

import nbformat
import pandas as pd
import pytest
from bs4 import BeautifulSoup

from dojo import facts, show
from publish import __main__, notebooks, pages

BOOKS = notebooks.everything()
PAGES = {book.name: pages.render(book, BOOKS) for book in BOOKS}


@pytest.fixture(params=BOOKS, ids=lambda book: book.name)
def book(request):
    return request.param


@pytest.fixture
def soup(book):
    return BeautifulSoup(PAGES[book.name], "html.parser")


def test_the_committed_page_is_what_the_notebook_makes(book):
    assert (__main__.EXPORTS / f"{book.name}.html").read_text("utf-8") == PAGES[book.name]


def test_the_committed_figures_are_those_of_the_notebooks():
    made = {name: picture for book in BOOKS for name, picture in pages.figures(book).items()}
    kept = {path.name: path.read_text("utf-8") for path in (__main__.EXPORTS / "figures").iterdir()}
    assert kept == made


def test_no_page_without_its_notebook():
    assert {path.stem for path in __main__.EXPORTS.glob("*.html")} == set(PAGES)


def test_a_page_asks_nothing_of_a_network(soup):
    assert soup.find_all(["iframe", "object", "embed", "video", "audio", "base"]) == []
    assert [script.attrs for script in soup.find_all("script")] == ([{}] if soup.select(".weigh") else [])
    assert soup.find_all(["link", "source"]) == []
    assert [i["src"][:40] for i in soup.find_all("img") if not i["src"].startswith("data:image/svg+xml,")] == []
    assert "url(" not in soup.style.string
    assert "@import" not in soup.style.string


def test_the_policy_allows_the_style_and_the_one_script_by_their_digest(soup):
    policy = soup.find("meta", {"http-equiv": "Content-Security-Policy"})["content"]
    assert policy.startswith("default-src 'none'; img-src data:;")
    for kind, tags in (("style", soup.find_all("style")), ("script", soup.find_all("script"))):
        digests = [base64.b64encode(hashlib.sha256(tag.string.encode()).digest()).decode() for tag in tags]
        assert re.findall(rf"{kind}-src ([^;]*)", policy) == [f"'sha256-{digest}'" for digest in digests]
    assert soup.find_all(style=True) == []


def test_every_picture_says_what_it_shows(soup):
    for image in soup.find_all("img"):
        assert len(image["alt"]) in show.ALT_LENGTH
        assert image["alt"] != image.find_parent("figure").select_one(".title").get_text()


def test_every_link_within_the_pages_leads_somewhere(soup):
    ids = {
        name: {tag["id"] for tag in BeautifulSoup(html, "html.parser").find_all(id=True)}
        for name, html in PAGES.items()
    }
    here = {tag["id"] for tag in soup.find_all(id=True)}
    for link in soup.find_all("a", href=True):
        path, _, part = link["href"].partition("#")
        if path.startswith(("https:", "http:")):
            continue
        assert not path or path.removesuffix(".html") in PAGES, link
        assert not part or part in (ids[path.removesuffix(".html")] if path else here), link


def test_ids_are_used_once(soup):
    used = [tag["id"] for tag in soup.find_all(id=True)]
    assert len(used) == len(set(used))


def test_nothing_of_the_notebook_is_dropped(book, soup):
    text = squeezed(soup.main.get_text(" "))
    for cell in book.cells:
        if cell["cell_type"] == "markdown":
            for block in facts.blocks(notebooks.source(cell)):
                for piece in pages.texts(block):
                    assert squeezed(piece) in text
        else:
            assert squeezed(notebooks.source(cell)) in text
            shown = BeautifulSoup(notebooks.output_html(cell), "html.parser")
            assert squeezed(shown.get_text(" ")) in text
    figures = sum(notebooks.output_html(cell).count("<figure") for cell in book.code())
    assert len(soup.find_all("figure")) == figures


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text.replace("\0", ""))


def test_every_fact_link_has_its_note(book, soup):
    linked = [
        link
        for cell in book.cells
        if cell["cell_type"] == "markdown"
        for link in facts.links(notebooks.source(cell))
        if facts.row_target(link)
    ]
    assert len(soup.select('a.fact[href^="#note-"]')) == len(linked)
    rows = {facts.row_target(link).row.place for link in linked}
    notes = [note.get_text() for note in soup.select("#notes li")]
    assert len(notes) == len(rows)
    for place in rows:
        assert any(place in note for note in notes) or place.startswith("sources.csv")


def test_a_page_is_light(book):
    assert len(PAGES[book.name].encode()) < 300_000


def test_a_notebook_is_light(book):
    assert book.path.stat().st_size < 500_000


def test_the_frame_is_whole(soup):
    assert soup.html["lang"] == "en"
    assert len(soup.find_all("main")) == len(soup.find_all("h1")) == 1
    assert soup.select_one("a.skip")["href"] == "#content"
    levels = [int(h.name[1]) for h in soup.main.find_all(re.compile("^h[1-6]$")) if not h.find_parent("nav")]
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
    assert re.search(r"Facts as of \d+ \w+ 20\d\d", soup.header.get_text())
    assert soup.find("meta", {"name": "description"})["content"]


def test_every_table_names_its_columns(soup):
    for table in soup.find_all("table"):
        assert all(th.get("scope") in ("col", "row") for th in table.find_all("th"))
        box = table.find_parent(class_="scroll")
        assert (box["tabindex"], box["role"]) == ("0", "region") if box else not table.find_parent("figure")


# --- what a notebook may hold --------------------------------------------------------------------


def rendered(*outputs) -> str:
    cell = nbformat.v4.new_code_cell("show()", outputs=list(outputs), id="shows")
    content = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# T", id="title"), cell])
    one = notebooks.Notebook(notebooks.FOLDER / "09-test.ipynb", content)
    return pages.render(one, [one])


def output(**data) -> dict:
    kinds = {"html": "text/html", "plain": "text/plain", "markdown": "text/markdown", "png": "image/png"}
    return nbformat.v4.new_output("execute_result", {kinds[k]: v for k, v in data.items()})


def test_a_plain_dataframe_survives_with_headings_that_name():
    frame = pd.DataFrame({"a": [1, 2]}, index=["x", "y"])
    soup = BeautifulSoup(rendered(output(html=frame._repr_html_(), plain=str(frame))), "html.parser")
    assert [(th.get_text(), th["scope"]) for th in soup.main.find_all("th")] == [
        ("a", "col"),
        ("x", "row"),
        ("y", "row"),
    ]
    assert soup.main.find("table").get("border") is None
    assert soup.main.find("style") is None


def test_printed_text_and_markdown_survive():
    page = rendered(nbformat.v4.new_output("stream", text="a < b\n"), output(plain="repr <x>"), output(markdown="*m*"))
    assert "a &lt; b" in page
    assert "repr &lt;x&gt;" in page
    assert "<em>m</em>" in page


def test_a_bare_image_is_refused():
    with pytest.raises(ValueError, match=r"show it with show\.figure"):
        rendered(output(png="iVBORw0KGgo=", plain="<Figure>"))
