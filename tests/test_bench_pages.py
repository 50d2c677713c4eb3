"""The comparison of the pages: each of its measures can come out bad."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from bs4 import BeautifulSoup

from publish import bench_pages, peers

HEAD = "<!doctype html><html lang=en><title>t</title><meta name=viewport content='width=device-width'>"
PLAIN = f"{HEAD}<style>body {{ margin: 0; background: white }}</style>"
WORDS = "many words in one line " * 20


@pytest.fixture
def page(tmp_path):
    """Writes a page with this body and returns its path."""

    def write(body: str, name: str = "page.html", head: str = PLAIN):
        path = tmp_path / name
        path.write_text(f"{head}<main>{body}</main>", "utf-8")
        return path

    return write


def soup(html: str) -> BeautifulSoup:
    return BeautifulSoup(html, "html.parser")


# --- from the file ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attributes", "count"),
    [
        ("", 1),
        ("alt", 1),
        ("alt=' '", 1),
        ("alt='../_images/0a1b.png'", 1),
        ("alt='No description has been provided for this image'", 1),
        ("alt='A line that rises in two steps.'", 0),
    ],
)
def test_an_alt_text_that_says_nothing_counts_as_none(attributes, count):
    assert bench_pages.without_alt(soup(f"<img src=a {attributes}>")) == count


def test_figures_and_tables_weigh_nothing_in_a_lean_page():
    rest = "<p>é</p>"
    heavy = f"<table><tr><td>1</td></tr></table><svg></svg><img src='data:image/png;base64,AA=='/>{rest}"
    assert bench_pages.lean(soup(heavy)) == bench_pages.lean(soup(rest)) == len(rest.encode())


@pytest.mark.parametrize(
    ("href", "dead"),
    [
        ("#here", False),
        ("#cell-id=here", True),
        ("page.html#here", False),
        ("#", False),
        ("data.csv", False),
        ("data.csv#row", True),
        ("../outside.csv", True),
        ("01-timeline.ipynb#here", True),
        ("#caf%C3%A9", False),
    ],
)
def test_a_link_must_lead_to_a_place_on_the_site(page, tmp_path, href, dead):
    (tmp_path / "data.csv").write_text("id", "utf-8")
    (tmp_path.parent / "outside.csv").write_text("id", "utf-8")
    path = page("<p id=here>x<a name=café></a>")
    assert bench_pages.is_dead(href, path, tmp_path) is dead


def test_links_to_elsewhere_are_not_followed():
    elsewhere = "<a href='https://example.org/a'>a</a><a href='//example.org'>b</a><a href='mailto:a@example.org'>c</a>"
    assert bench_pages.links(soup(f"{elsewhere}<a href='#d'>d</a><a>e</a>")) == ["#d"]


# --- in the browser -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "cut"),
    [
        (f"<div style='overflow: hidden; white-space: nowrap'>{WORDS}</div>", 1),
        (f"<div style='overflow: clip'><div style='overflow: hidden'><pre>{WORDS}</pre></div></div>", 1),
        (f"<div style='overflow: auto; white-space: nowrap'>{WORDS}</div>", 0),
        (f"<div style='overflow: hidden'><div style='overflow: auto'><pre>{WORDS}</pre></div></div>", 0),
        (f"<div style='overflow: hidden; white-space: nowrap; width: 1px'>{WORDS}</div>", 0),
        (f"<div style='overflow: hidden; white-space: nowrap; display: none'>{WORDS}</div>", 0),
    ],
)
def test_what_nobody_can_scroll_to_is_cut_off(browser, page, body, cut):
    view = bench_pages.seen(browser, page(body), 375, "light")
    assert (view.cut, view.width) == (cut, 375)


def test_a_good_page_comes_out_good(browser, page, tmp_path):
    dark = "<style>:root { color-scheme: light dark }</style>"
    seen = bench_pages.look(browser, page("<h1>A</h1><p>b</p>", head=HEAD + dark), tmp_path)
    assert (seen.asked, seen.violations, seen.width, seen.cut, seen.is_dark, seen.dead) == (0, {}, 375, 0, True, 0)
    assert (seen.sheets, seen.code, seen.formulas, seen.loaded) == (1, (), 0, seen.bytes)


def test_a_bad_page_comes_out_bad(browser, page, tmp_path):
    (tmp_path / "style.css").write_text("p { color: #ccc }", "utf-8")
    bad = (
        "<h1>A</h1><script src='https://example.org/a.js'></script><link rel=stylesheet href=style.css>"
        f"<p style='width: 500px'>pale words</p><img src=''><a href='#lost'>c</a><pre>{WORDS}</pre>"
        "<p style='break-before: page'>d</p>"
    )
    seen = bench_pages.look(browser, page(bad), tmp_path)
    assert (seen.asked, seen.is_dark, seen.links, seen.dead, seen.without_alt) == (1, False, 1, 1, 1)
    assert {"color-contrast", "image-alt"} <= set(seen.violations)
    assert seen.width > 375
    assert seen.sheets == 2
    assert seen.code == (True,)
    assert seen.loaded == seen.bytes + len("p { color: #ccc }")


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ("<p>$" + peers.FORMULAS[0] + "$", 0),
        ("<math><msqrt><mi>x</mi></msqrt></math>", 1),
        ("<math><msqrt><mi>x</mi></msqrt></math><math><mi>x</mi></math><math><mi>x</mi></math>", 2),
        ("<math><mi>x</mi></math><p>$" + "$ $".join(peers.FORMULAS) + "$", 0),
        ("<math style='display: none'><mi>x</mi></math>", 0),
    ],
)
def test_a_formula_counts_where_it_is_set_and_its_source_is_not_shown(browser, page, body, count):
    with bench_pages.opened(browser, page(body), 1280) as (shown, _):
        assert bench_pages.typeset(shown) == count


def test_the_first_paint_waits_for_a_script(browser, page):
    wait = "<script>for (const end = performance.now() + 400; performance.now() < end;);</script>"
    assert bench_pages.first_paint(browser, page("a", "slow.html", f"{PLAIN}{wait}")) > 400


def test_a_page_that_computes_takes_more_work(browser, page):
    busy = "<script>for (const end = performance.now() + 3000; performance.now() < end;);</script>"
    idle = bench_pages.work(browser, page("a", "idle.html", PLAIN))
    assert bench_pages.work(browser, page("a", "busy.html", f"{PLAIN}{busy}")) > idle + 500


# --- what is compared ---------------------------------------------------------------------------


def test_our_pages_of_plain_notebooks_have_what_is_looked_for(tmp_path):
    site = peers.ours(peers.write_plain(tmp_path / "in"), tmp_path / "out")
    found = bench_pages.parsed(bench_pages.page_of(site, "probe"))
    assert len(found.select("table")) == len(found.select("img")) == 1
    assert bench_pages.without_alt(found) == 0
    assert bench_pages.bare(site) == "refused"


@pytest.mark.thorough
def test_nbconvert_publishes_what_nobody_described(tmp_path):
    site = peers.nbconvert("basic", peers.write_plain(tmp_path / "in"), tmp_path / "out")
    assert bench_pages.bare(site) == "published"


def test_makers_are_taken_in_turn():
    order = []
    said = iter([1, 10, 3, 30, 2, 20])
    actions = {name: lambda name=name: order.append(name) or next(said) for name in ("a", "b")}
    assert bench_pages.in_turn(actions, 3) == {"a": 2, "b": 20}
    assert order == ["a", "b"] * 3


def test_the_book_left_out_is_named(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(peers, "BOOK_PROGRAM", tmp_path / "absent")
    monkeypatch.setattr(peers.venv, "create", lambda *_, **__: (_ for _ in ()).throw(OSError("no room")))
    assert peers.book_version() == ""
    assert "left out: no room" in capsys.readouterr().err
    assert not any("Book" in maker.name for maker in peers.makers())


def test_a_table_says_the_worst_of_each_maker(browser, page, tmp_path):
    wide = bench_pages.look(
        browser, page(f"<p style='width: 500px'>b</p><pre>{WORDS}</pre><a href=lost.html>c</a>"), tmp_path
    )
    made = bench_pages.Made(1_500_000, [wide, wide], wide, "refused", 3.0, 99.6, 250.4)
    lines = bench_pages.table({"one": made, "two": made}).splitlines()
    said = {line.split(" | ")[0].strip("| "): line.split(" | ")[1].strip() for line in lines[2:]}
    assert lines[0].split() == ["|", "|", "one", "|", "two", "|"]
    assert len({*map(len, lines)}) == 1
    assert said["all that is written, MB"] == "1.5"
    assert said["pages wider than a phone"] == "2"
    assert said["plain notebook on a phone"] == "widens the page"
    assert said["links within that lead nowhere"] == "2 of 2"
    assert said["blocks of code with cut lines in print"] == "2 of 2"
    assert said["dark where the reader is"] == "no"
    assert said["making a page, s"] == "1.50"


@pytest.mark.thorough
def test_a_maker_is_looked_at_with_a_browser_of_its_own(page, tmp_path):
    def build(plain, out):
        out.mkdir()
        page("<p>a</p>", f"{out.name}/probe.html")
        return out

    site = build(None, tmp_path / "site")
    with ThreadPoolExecutor(1) as pool:  # as the benchmark does: a thread has one browser of Playwright's
        look = pool.submit(bench_pages.looked, peers.Maker("own", build), site, tmp_path / "plain", ["probe"])
    size, seen, probe, bare = look.result()
    assert (len(seen), bare) == (1, "refused")
    assert size == seen[0].bytes == probe.bytes
