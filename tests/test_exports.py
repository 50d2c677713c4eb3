"""The pages: nothing asked of a network, nothing dropped, and equal to what the notebooks make."""

import base64
import csv
import hashlib
import io
import re
from functools import cache
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import mistune
import nbformat
import pandas as pd
import pytest
from bs4 import BeautifulSoup

from dojo import facts, show, tables
from publish import __main__, chapter, notebooks, notes, pages, terms

BOOKS = notebooks.everything()
NAMES = [book.name for book in BOOKS]
#: every page there is: one for each notebook, the index, the whole story
PAGES = sorted(path.name for path in __main__.EXPORTS.glob("*.html"))


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """Everything built once more, in a folder of its own."""
    out = tmp_path_factory.mktemp("pages")
    assert __main__.main(["--stored", "--out", str(out)]) == 0
    return out


@pytest.fixture(params=BOOKS, ids=lambda book: book.name)
def book(request):
    return request.param


def parsed(name: str) -> BeautifulSoup:
    """A page, to change as one likes."""
    return BeautifulSoup((__main__.EXPORTS / name).read_text("utf-8"), "html.parser")


#: a page, which all share: only to look at
shared = cache(parsed)


@cache
def ids(name: str) -> set[str]:
    return {tag["id"] for tag in shared(name).find_all(id=True)}


@pytest.fixture(scope="module", params=PAGES)
def soup(request):
    """Any page."""
    return shared(request.param)


@pytest.fixture(scope="module")
def whole():
    return shared(pages.EDITION)


@pytest.fixture
def page(book):
    """The page of a notebook."""
    return shared(f"{book.name}.html")


@pytest.mark.locked
def test_what_is_committed_is_what_the_notebooks_make_to_the_byte(built):
    def files(folder: Path) -> dict[str, bytes]:
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    made, kept = files(built), files(__main__.EXPORTS)
    assert sorted(made) == sorted(kept)
    assert [path for path in made if made[path] != kept[path]] == []


def test_there_is_a_page_for_each_notebook_an_index_and_the_whole_story():
    assert {f"{name}.html" for name in NAMES} | {pages.INDEX, pages.EDITION} == set(PAGES)


def test_a_page_asks_nothing_of_a_network(soup):
    assert soup.find_all(["iframe", "object", "embed", "video", "audio", "base"]) == []
    assert [script.attrs for script in soup.find_all("script")] == ([{}] if soup.select(".weigh") else [])
    assert soup.find_all("source") == []
    addresses = [tag["href"] for tag in soup.find_all("link")] + [tag["src"] for tag in soup.find_all(src=True)]
    assert [address[:40] for address in addresses if not address.startswith("data:image/svg+xml,")] == []
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
    for figure in soup.find_all("figure"):
        pictures = figure.select(".picture > img, .picture > svg")
        assert bool(pictures) == ("table" not in figure.get("class", []) and not figure.find("table", role="table"))
        for picture in pictures:
            alt = picture.get("alt") or picture["aria-label"]
            assert len(alt) in show.ALT_LENGTH
            assert alt not in figure.select_one(".title").get_text()


def test_every_link_within_the_pages_leads_somewhere(soup):
    here = {tag["id"] for tag in soup.find_all(id=True)}
    for link in soup.select("a[href]:not([download])"):
        path, _, part = link["href"].partition("#")
        if path.startswith(("https:", "http:")):
            continue
        assert not path or (__main__.EXPORTS / path).is_file(), link
        assert not part or part in (ids(path) if path else here), link


def test_ids_are_used_once_and_what_names_one_finds_it(soup):
    used = [tag["id"] for tag in soup.find_all(id=True)]
    assert len(used) == len(set(used))
    for reference in ("for", "aria-labelledby", "aria-describedby"):
        assert {tag[reference] for tag in soup.find_all(attrs={reference: True})} <= set(used)
    values = [value for tag in soup.select("svg *") for value in tag.attrs.values() if isinstance(value, str)]
    assert {match[1] for value in values if (match := re.fullmatch(r"url\(#(.*)\)", value))} <= set(used)
    assert {use["href"].removeprefix("#") for use in soup.find_all("use")} <= set(used)


def test_nothing_of_the_notebook_is_dropped(book):
    page = parsed(f"{book.name}.html")
    for added in page.main.select("[role=tooltip]"):
        added.decompose()
    for formula in page.find_all("math"):
        formula.replace_with("\0")
    text = squeezed(page.main.get_text(" "))
    for cell in book.cells:
        if cell["cell_type"] == "markdown":
            for block in facts.blocks(notebooks.source(cell)):
                for piece in pages.texts(block):
                    assert squeezed(piece) in text
            assert len(page.find(id=cell["id"]).select("math")) == 0
        else:
            assert squeezed(notebooks.source(cell)) in text
            shown = BeautifulSoup(notebooks.output_html(cell), "html.parser")
            for heading in shown.select(".title"):
                assert squeezed(heading.get_text()) in text
            for row in shown.find_all(["tr", "dd", "figcaption"]):
                for said in row.find_all(string=True):
                    assert squeezed(said) in text
    figures = sum(notebooks.output_html(cell).count("<figure") for cell in book.code())
    assert len(page.find_all("figure")) == figures


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text.replace("\0", ""))


def test_every_fact_link_has_its_note_beside_it(book, page):
    for cell in book.cells:
        if cell["cell_type"] == "markdown":
            section = page.find(id=cell["id"])
            rows = [t.row for link in facts.links(notebooks.source(cell)) if (t := facts.row_target(link))]
            for row in rows:
                note = next(code for code in page.select(".side code") if code.get_text() == row.place).find_parent(
                    "li"
                )
                assert section.select(f'a[href="#{note["id"]}"]')
                for source_id in row.items("source_ids")[:1] if row.cells.get("source_ids") else []:
                    assert tables.find(source_id, "sources")[0].cells["publisher"] in note.get_text()
                assert row.cells.get("standing", "").capitalize() in note.get_text()


def test_a_note_says_how_its_source_was_read(page):
    for note in page.select(".side li[id]"):
        row = tables_row(note.code.get_text())
        ids = (
            [row.id] if row.table.name == "sources" else row.items("source_ids") if row.cells.get("source_ids") else []
        )
        read = [tables.find(i, "sources")[0].cells for i in filter(None, ids[: notes.MOST])]
        assert note.get_text().count("read in a copy") == sum(source["address"] == "copy" for source in read)


def tables_row(place: str) -> tables.Row:
    file, _, row_id = place.partition("#")
    return tables.find(row_id, file.removesuffix(".csv"))[0]


def test_figures_and_tables_are_numbered_in_order(book, page):
    part = "A" if not book.name[0].isdigit() else str(int(book.name[:2]))
    for kind in ("Figure", "Table"):
        said = [a.get_text() for a in page.select("figure .title > a.number") if a.get_text().startswith(kind)]
        assert said == [f"{kind} {part}.{number}" for number in range(1, len(said) + 1)]
    assert len(page.select("figure .title > a.number")) == len(page.find_all("figure"))


def test_a_link_to_a_figure_names_its_number():
    start = shared("00-start-here.html")
    link = start.select_one('a[href="07-verdict.html#stability-figure"]')
    assert link.get_text() == "changes with what you count (Figure 7.2)"
    assert "Figure 7.2" in shared("07-verdict.html").find(id="stability-figure").get_text()


def test_a_page_is_light(book):
    page = __main__.EXPORTS / f"{book.name}.html"
    appendix = not book.name[0].isdigit()
    assert page.stat().st_size < (300_000 if appendix else 250_000)
    soup = parsed(page.name)
    assert len(soup.style.string.encode()) < 8_000
    for data in soup.select("figure, dl.numbers"):
        data.decompose()
    assert len(str(soup).encode()) < (150_000 if appendix else 60_000)


def test_the_whole_story_is_light():
    assert (__main__.EXPORTS / pages.EDITION).stat().st_size < 2_000_000


def test_a_notebook_is_light(book):
    assert book.path.stat().st_size < 500_000


def test_the_frame_is_whole(soup):
    assert soup.html["lang"] == "en"
    assert len(soup.find_all("main")) == len(soup.find_all("h1")) == 1
    assert soup.select_one("a.skip")["href"] == "#content"
    levels = [int(h.name[1]) for h in soup.main.find_all(re.compile("^h[1-6]$"))]
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
    assert re.search(r"Facts as of \d+ \w+ 20\d\d · \d+ minutes? to read", soup.header.get_text())
    assert 40 < len(soup.find("meta", {"name": "description"})["content"]) <= 300
    footer = soup.footer.get_text()
    assert pages.citation()["title"] in footer
    assert pages.citation()["version"] in footer
    assert "corrections.csv" in footer
    assert "CC BY 4.0" in footer


def test_a_page_leads_to_its_sections_and_its_neighbours(book, page):
    sections = [
        facts_text
        for cell in book.cells
        if cell["cell_type"] == "markdown"
        for facts_text in re.findall(r"^## (.+)$", notebooks.source(cell), re.MULTILINE)
    ]
    assert [a.get_text() for a in page.select(".contents a")] == sections
    assert [a["href"] for a in page.select("h2 > a")] == [a["href"] for a in page.select(".contents a")]
    place = NAMES.index(book.name)
    around = NAMES[place - 1 : place] * (place > 0) + NAMES[place + 1 : place + 2]
    assert [a["href"] for a in page.select(".steps a")] == [f"{name}.html" for name in around]
    assert [a["href"] for a in page.select("header nav a")][1:] == [f"{name}.html" for name in NAMES]


def test_every_table_names_itself_its_columns_and_its_box(soup):
    for table in soup.find_all("table"):
        assert table.caption.get_text(strip=True)
        assert all(th.get("scope") in ("col", "row") for th in table.find_all("th"))
        box = table.find_parent(class_="scroll")
        assert (box["tabindex"], box["role"]) == ("0", "region")
        assert box["aria-labelledby"] == table.caption["id"]


def test_columns_of_numbers_are_set_flush_right():
    row = shared("01-timeline.html").find(id="compute-figure").select_one("tbody tr")
    assert [bool("n" in cell.get("class", [])) for cell in row.find_all(["th", "td"])][:5] == [
        False,
        False,
        True,
        True,
        True,
    ]


def test_a_word_of_the_glossary_is_explained_once_and_not_where_the_text_explains_it(page):
    said = [term["aria-describedby"] for term in page.select("dfn")]
    assert len(said) == len(set(said))
    known = {row.cells["definition"] for row in tables.everything()["glossary"].rows.values()}
    explained = [term.span.get_text() for term in page.select("dfn")]
    assert set(explained) <= known
    assert len(explained) == len(set(explained))
    assert page.select("h1 dfn, h2 dfn, a dfn, code dfn, strong dfn") == []


# --- data to take along --------------------------------------------------------------------------


def test_every_table_of_a_figure_can_be_taken_along_and_says_the_same(page):
    shown = page.select("figure:not(.weigh) table")
    links = page.select("a[download]")
    assert len(links) == len(shown)
    for link, table in zip(links, shown, strict=True):
        rows = list(csv.reader((__main__.EXPORTS / link["href"]).read_text("utf-8").splitlines(keepends=True)))
        assert len(rows) == len(table.find_all("tr"))
        assert len({len(row) for row in rows}) == 1
        for row, cells in zip(rows, table.find_all("tr"), strict=True):
            for text, cell in zip(row, cells.find_all(["th", "td"], recursive=False), strict=True):
                assert re.sub(r" <[^<>]*>|[,']", "", text) == re.sub(r"[,']", "", cell.get_text())


def test_in_the_whole_story_the_tables_travel_with_it(whole):
    links = whole.select("a[download]")
    kept = {path.name: path.read_text("utf-8") for path in (__main__.EXPORTS / "data").iterdir()}
    assert {
        link["download"]: unquote(link["href"].removeprefix("data:text/csv;charset=utf-8,")) for link in links
    } == kept


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("<td>=1+1</td>", "'=1+1"),
        ("<td>@SUM(A1)</td>", "'@SUM(A1)"),
        ("<td>-cmd</td>", "'-cmd"),
        ('<td class="n">-3,500</td>', "-3500"),
        ('<td class="n">=1+1</td>', "'=1+1"),
        ("<td>16,500</td>", "16,500"),
        ('<td><a href="https://e.org/a">A, May</a> (copy)</td>', "A, May <https://e.org/a> (copy)"),
        ('<td>a "b"<br>c</td>', 'a "b"c'),
    ],
)
def test_cells_of_a_csv_file(cell, text):
    table = BeautifulSoup(f"<table><tr>{cell}</tr></table>", "html.parser").table
    assert list(csv.reader(io.StringIO(chapter.as_csv(table)))) == [[text]]


# --- the whole story, the plain twin -------------------------------------------------------------


def test_the_whole_story_holds_every_page(whole):
    for name in NAMES:
        article = squeezed(whole.find("article", id=name).get_text())
        body = shared(f"{name}.html").main
        for part in body.select("section"):
            assert squeezed(part.get_text()) in article, part["id"]


def test_the_whole_story_needs_no_other_file(whole):
    leading = [a["href"] for a in whole.select("a[href]")]
    assert [href for href in leading if not href.startswith(("#", "http", "data:text/csv"))] == []


def test_the_whole_story_has_all_in_its_contents(whole):
    assert [a["href"] for a in whole.select(".contents > ul > li > a")] == [f"#{name}" for name in NAMES]
    assert len(whole.select(".contents ul ul a")) == sum(
        len(shared(f"{name}.html").select(".contents a")) for name in NAMES
    )


def test_the_plain_twin_says_all_the_text_and_what_figures_show():
    text = plain((__main__.EXPORTS / pages.TWIN).read_text("utf-8"))
    for book in BOOKS:
        for cell in book.cells:
            if cell["cell_type"] == "markdown":
                for block in facts.blocks(notebooks.source(cell)):
                    for piece in pages.texts(block):
                        assert plain(piece) in text
            else:
                shown = BeautifulSoup(notebooks.output_html(cell), "html.parser")
                for image in shown.find_all("img"):
                    assert plain(image["alt"]) in text
                for said in shown.select("figure.table td"):
                    assert plain(said.find(string=True) or "") in text


def plain(text: str) -> str:
    return re.sub(r"[\s\\\0]+", "", text)


@pytest.mark.parametrize(
    "html",
    [
        "<pre>a\n```\n\n{}</pre>", "<a href='https://x'><pre>\n\n{}</pre></a>", "<code>a\n\n{}</code>",
        "<table><tr><th>a<th>b<tr><td><code>|{}</code></table>", 
        "<img src='data:image/svg+xml,%3Csvg /%3E' alt='](x)\n\n{}'>",
        "<a href='https://x/' title='\n\n{}'>x</a>", "<a href='https://x/){}'>x</a>", "<code>`</code>{}<code>`</code>",
    ],
)  # fmt: skip
def test_no_markup_stands_in_the_plain_twin(html):
    cell = nbformat.v4.new_code_cell("1", id="c", outputs=[output(html=html.format("&lt;script>1&lt;/script>"))])
    content = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# T", id="title"), cell])
    one = notebooks.Notebook(notebooks.FOLDER / "09-test.ipynb", content)
    twin = pages.twin([pages.part(one, [one]).plain])
    read = mistune.create_markdown(escape=False, plugins=["table", "footnotes", "math"])(twin)
    assert BeautifulSoup(read, "html.parser").script is None


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


@pytest.mark.parametrize("kind", [None, "", "text/html", "text/restructuredtext"])
def test_a_raw_cell_is_text(kind):
    metadata = {} if kind is None else {"raw_mimetype": kind}
    raw = nbformat.v4.new_raw_cell("<script>alert(1)</script>", id="raw", metadata=metadata)
    content = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# T", id="title"), raw])
    one = notebooks.Notebook(notebooks.FOLDER / "09-test.ipynb", content)
    soup = BeautifulSoup(pages.render(one, [one]), "html.parser")
    assert soup.select_one("#raw pre").get_text() == "<script>alert(1)</script>"
    assert soup.script is None


def test_a_bare_image_is_refused():
    with pytest.raises(ValueError, match=r"show it with show\.figure"):
        rendered(output(png="iVBORw0KGgo=", plain="<Figure>"))


def written(*markdown: str) -> BeautifulSoup:
    cells = [nbformat.v4.new_markdown_cell(text, id=f"c{number}") for number, text in enumerate(markdown, 1)]
    one = notebooks.Notebook(notebooks.FOLDER / "09-test.ipynb", nbformat.v4.new_notebook(cells=cells))
    return BeautifulSoup(pages.render(one, [one]), "html.parser")


def test_formulas_are_mathml_and_keep_their_tex():
    math = written("# T\n\nWhere $a < b$:\n\n$$t = \\frac{a}{b}$$").find_all("math")
    assert [(m["display"], m["alttext"]) for m in math] == [("inline", "a < b"), ("block", "t = \\frac{a}{b}")]
    assert math[1].mfrac.get_text() == "ab"


def test_footnotes_of_all_cells_are_numbered_in_one_row_with_the_way_there_and_back():
    soup = written("# T\n\nOne[^a], two[^b].\n\n[^a]: First.\n[^b]: Second.", "Three[^a], again[^a].\n\n[^a]: Third.")
    marks = soup.select("sup a")
    assert [(m.get_text(), m["href"]) for m in marks] == [
        ("1", "#footnote-1"), ("2", "#footnote-2"), ("3", "#footnote-3"), ("3", "#footnote-3"),
    ]  # fmt: skip
    told = soup.select("#footnotes li")
    assert [item.p.get_text().strip(" ↩") for item in told] == ["First.", "Second.", "Third."]
    for number, item in enumerate(told, 1):
        assert item["id"] == f"footnote-{number}"
        assert soup.find(id=item.a["href"][1:]).get_text() == str(number)


def test_a_second_heading_of_a_cell_can_be_reached():
    soup = written("# T\n\n## A\n\nx\n\n## B\n\ny")
    assert [a["href"] for a in soup.select(".contents a")] == ["#c1", "#c1-2"]
    assert soup.find(id="c1-2").get_text() == "B"


def test_a_plural_and_an_alias_are_explained_too():
    soup = BeautifulSoup(
        '<section class="prose"><p>Two exaflops of graphics processors, and an exaflop.</p></section>', "html.parser"
    )
    terms.explain(soup)
    assert [term.find(string=True) for term in soup.find_all("dfn")] == ["exaflops", "graphics processors"]


def test_the_name_of_a_column_is_without_what_explains_it():
    soup = written("# T\n\n| ExaPOD | b |\n|---|---|\n| 1 | 2 |")
    assert soup.select_one("th dfn [role=tooltip]")
    assert [cell["data-name"] for cell in soup.select("td")] == ["ExaPOD", "b"]


def test_words_of_everyday_are_left_alone_and_are_words_of_the_glossary():
    assert set(tables.everything()["glossary"].rows) >= terms.EVERYDAY
    soup = BeautifulSoup('<section class="prose"><p>By one account the weight of a step.</p></section>', "html.parser")
    terms.explain(soup)
    assert soup.find_all("dfn") == []


def test_a_row_cited_in_a_box_has_its_note_and_one_in_a_heading_is_text():
    link = "[then](../data/story/events.csv#dojo-disbanded-report)"
    soup = written(f"# T\n\n## It was {link}\n\n<div>\n\nSo {link}.\n\n</div>")
    assert [a["href"] for a in soup.select(".prose a:not(h2 > a, .side a)")] == ["#n1"]
    assert soup.h2.get_text() == "It was then"


def test_a_row_cited_in_a_footnote_has_its_note_beside_the_footnotes():
    soup = written("# T\n\nSo[^a].\n\n[^a]: As [then](../data/story/events.csv#dojo-disbanded-report).")
    assert soup.select("#c1 .noted") == []
    assert soup.select_one("#footnotes .side li")["id"] == "n1"
    assert soup.select_one("#footnotes li a")["href"] == "#n1"
