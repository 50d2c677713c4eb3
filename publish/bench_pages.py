"""Compares our pages with what others make of the same notebooks: python -m publish.bench_pages [ROUNDS].

All of them make pages of the stored notebooks, executing none; a browser opens these from disk, without a network.
Makers are timed in turn, so that a machine that slows down slows all of them. Prints a Markdown table.
"""

from __future__ import annotations

import io
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from axe_playwright_python.base import AXE_SCRIPT
from bs4 import BeautifulSoup
from matplotlib import image
from playwright.sync_api import Browser, Page

from publish import audit, browsers, check, notebooks, peers
from publish.__main__ import EXPORTS
from publish.pages import EDITION

#: each width in each scheme; axe, which takes longest, looks at both widths and at both schemes, not at all four
VIEWS = (1280, "light"), (1280, "dark"), (375, "light"), (375, "dark")
AXE_VIEWS = VIEWS[0], VIEWS[3]
#: a sheet of A4, in the pixels of a style sheet
SHEET = 794


# --- what a file says ----------------------------------------------------------------------------


def parsed(path: Path) -> BeautifulSoup:
    """A page as its file holds it."""
    return BeautifulSoup(path.read_bytes(), "html.parser")


def without_alt(soup: BeautifulSoup) -> int:
    """How many images say nothing to who does not see them: no alt text, an empty one, a file name, a stock one."""
    alts = [(picture.get("alt") or "").strip() for picture in soup.find_all("img")]
    return sum(not alt or bool(check.STOCK_ALTS.search(alt)) for alt in alts)


def lean(soup: BeautifulSoup) -> int:
    """The bytes of a page without its figures and tables, which all makers hold alike. Takes them out."""
    for part in soup.select('table, svg, img[src^="data:"]'):
        part.decompose()
    return len(str(soup).encode())


def links(soup: BeautifulSoup) -> list[str]:
    """The links of a page to itself and to files."""
    return [link["href"] for link in soup.find_all("a", href=True) if not any(urlsplit(link["href"])[:2])]


def is_dead(href: str, page: Path, site: Path) -> bool:
    """True for a link that leads to no file of the site, or to a place that the file does not have."""
    parts = urlsplit(href)
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page.resolve()
    if not (target.is_file() and target.is_relative_to(site.resolve())):
        return True
    return bool(parts.fragment) and unquote(parts.fragment) not in places(target)


@cache
def places(path: Path) -> frozenset[str]:
    """What a link may name in a file; in a file that is no page, nothing."""
    if path.suffix != ".html":
        return frozenset()
    soup = parsed(path)
    return frozenset(tag.get("id") or tag["name"] for tag in soup.select("[id], a[name]"))


def sheets(pdf: bytes) -> int:
    """How many sheets a printed page takes."""
    return max(map(int, re.findall(rb"/Count (\d+)", pdf)))


# --- what a browser shows ------------------------------------------------------------------------

#: places where content is cut off and nobody can scroll to it; a box of a pixel hides words for screen readers
CUT = """() => {
    const cut = [...document.querySelectorAll('body *')].filter(box =>
        ['hidden', 'clip'].includes(getComputedStyle(box).overflowX) && box.clientWidth > 1
        && box.scrollWidth > box.clientWidth + 1 && box.checkVisibility() && box.innerText?.trim());
    return cut.filter(box => !cut.some(other => other !== box && box.contains(other))).length;
}"""
#: blocks of code that are shown, and whether each has lines that are too long for it
CODE = """() => [...document.querySelectorAll('pre')].filter(box => box.checkVisibility() && box.clientWidth)
    .map(box => box.scrollWidth > box.clientWidth + 1)"""
#: formulas that are set as such
SET = """() => [...document.querySelectorAll('math, mjx-container, .katex, .MathJax')].filter(box =>
    box.getBoundingClientRect().width && !box.parentElement.closest('mjx-container, .katex, .MathJax')).length"""
PAINT = """() => Promise.race([new Promise(done => setTimeout(done, 10000, Infinity)),
    new Promise(done => new PerformanceObserver(list => list.getEntriesByName('first-contentful-paint')
        .forEach(paint => done(paint.startTime))).observe({type: 'paint', buffered: true}))])"""
#: what axe calls wrong by its own choice of rules, best practice included
RULES = """async () => Object.fromEntries((await axe.run({resultTypes: ['violations']})).violations
    .map(({id, nodes}) => [id, nodes.length]))"""


@dataclass(frozen=True)
class View:
    """What the browser shows at one width in one scheme."""

    asked: tuple[str, ...]
    loaded: int
    violations: dict[str, int]
    width: int
    cut: int
    brightness: float


@dataclass(frozen=True)
class Seen:
    """What was found on a page."""

    bytes: int
    lean: int
    without_alt: int
    links: int
    dead: int
    views: dict[tuple[int, str], View]
    formulas: int
    sheets: int
    code: tuple[bool, ...]

    @property
    def loaded(self) -> int:
        """Its bytes with those of the files it loads from disk."""
        return self.bytes + max(view.loaded for view in self.views.values())

    @property
    def asked(self) -> int:
        """How often it asks for something that is not on the disk."""
        return max(len(view.asked) for view in self.views.values())

    @property
    def violations(self) -> dict[str, int]:
        """The rules of axe that it breaks, each with the places in the worse of the views."""
        found = [view.violations for view in self.views.values()]
        return {rule: max(one.get(rule, 0) for one in found) for one in found for rule in one}

    @property
    def width(self) -> int:
        """How wide it is on a phone."""
        return max(view.width for (width, _), view in self.views.items() if width == 375)

    @property
    def cut(self) -> int:
        """In how many places a phone cuts it off."""
        return max(view.cut for (width, _), view in self.views.items() if width == 375)

    @property
    def is_dark(self) -> bool:
        """True when it follows a reader who asks for dark pages."""
        return self.views[1280, "light"].brightness - self.views[1280, "dark"].brightness > 0.3


def look(browser: Browser, path: Path, site: Path) -> Seen:
    """Everything about a page, from its file and from the browser."""
    soup = parsed(path)
    inner, blind = links(soup), without_alt(soup)
    views = {view: seen(browser, path, *view) for view in VIEWS}
    with opened(browser, path, SHEET) as (page, _):
        formulas, pdf = typeset(page), page.pdf(format="A4", print_background=True)
        page.emulate_media(media="print")
        code = tuple(page.evaluate(CODE))
    dead = sum(is_dead(href, path, site) for href in inner)
    size = path.stat().st_size
    return Seen(size, lean(soup), blind, len(inner), dead, views, formulas, sheets(pdf), code)


@contextmanager
def opened(browser: Browser, path: Path, width: int, scheme: str = "light") -> Iterator[tuple[Page, list[str]]]:
    """A page opened from disk without a network, and the addresses it asks for."""
    noted = audit.Seen(width)
    with audit.opened(browser, path, noted, width=width, scheme=scheme) as page:
        yield page, noted.requests


def seen(browser: Browser, path: Path, width: int, scheme: str) -> View:
    """What the browser shows at one width in one scheme."""
    with opened(browser, path, width, scheme) as (page, asked):
        picture = image.imread(io.BytesIO(page.screenshot()))[..., :3]
        wide, cut = audit.taken(page), page.evaluate(CUT)
        violations = rules_broken(page) if (width, scheme) in AXE_VIEWS else {}
    foreign = tuple(url for url in asked if not url.startswith(("file:", "data:", "blob:")))
    return View(foreign, beside(path, asked), violations, wide, cut, float(picture.mean()))


def rules_broken(page: Page) -> dict[str, int]:
    """The rules of axe that a page breaks, each with the number of places."""
    page.evaluate(AXE_SCRIPT)
    return page.evaluate(RULES)


def beside(path: Path, asked: Sequence[str]) -> int:
    """The bytes of the files that a page loads, its own not counted."""
    files = {Path(url2pathname(urlsplit(url).path)) for url in asked if url.startswith("file:")} - {path}
    return sum(file.stat().st_size for file in files if file.is_file())


def typeset(page: Page) -> int:
    """How many of the probe's formulas are set as formulas, and do not show their source instead."""
    shown = page.evaluate("document.body.innerText")
    raw = sum(formula[:5] in shown for formula in peers.FORMULAS)
    return min(page.evaluate(SET), len(peers.FORMULAS) - raw)


# --- how long it takes ---------------------------------------------------------------------------


def in_turn(actions: dict[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """The median of what each of the actions says, taken in turn so many times."""
    said: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(rounds):
        for name, action in actions.items():
            said[name].append(action())
    return {name: statistics.median(values) for name, values in said.items()}


def first_paint(browser: Browser, path: Path) -> float:
    """Milliseconds from opening a page to the first thing to read on it."""
    with opened(browser, path, 1280) as (page, _):
        return page.evaluate(PAINT)


def work(browser: Browser, path: Path) -> float:
    """Milliseconds of processor time that a page takes until it is loaded, on a phone."""
    with opened(browser, path, 375) as (page, _):
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable")
        metrics = session.send("Performance.getMetrics")["metrics"]
        return 1000 * next(metric["value"] for metric in metrics if metric["name"] == "ProcessTime")


def seconds(action: Callable[[], object]) -> float:
    """How long an action takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


# --- the table -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Made:
    """What one maker made of the notebooks and of the probe, how long that took, and how long opening a page takes."""

    size: int
    pages: list[Seen]
    probe: Seen
    bare: str
    seconds: float
    paint: float
    work: float


ROWS: dict[str, Callable[[Made], str]] = {
    "a page, kB: median, largest": lambda made: kilo(made.pages, lambda page: page.bytes),
    "with the files it loads, kB": lambda made: kilo(made.pages, lambda page: page.loaded),
    "without figures and tables, kB": lambda made: kilo(made.pages, lambda page: page.lean),
    "all that is written, MB": lambda made: f"{made.size / 1e6:.1f}",
    "asks the network, times a page": lambda made: str(max(page.asked for page in made.pages)),
    "formulas set without a network": lambda made: f"{made.probe.formulas} of {len(peers.FORMULAS)}",
    "a picture that nobody described": lambda made: made.bare,
    "images without a real alt text": lambda made: str(sum(page.without_alt for page in made.pages)),
    "axe: rules broken, places": lambda made: broken(made.pages),
    "plain notebook, axe": lambda made: broken([made.probe]),
    "pages wider than a phone": lambda made: str(sum(page.width > 375 for page in made.pages)),
    "places a phone cuts off": lambda made: str(sum(page.cut for page in made.pages)),
    "plain notebook on a phone": lambda made: on_a_phone(made.probe),
    "dark where the reader is": lambda made: "yes" if all(page.is_dark for page in made.pages) else "no",
    "first thing to read, ms": lambda made: f"{made.paint:.0f}",
    "processor time to open it, ms": lambda made: f"{made.work:.0f}",
    "links within that lead nowhere": lambda made: f"{total(made, 'dead')} of {total(made, 'links')}",
    "sheets of A4 when printed": lambda made: str(sum(page.sheets for page in made.pages)),
    "blocks of code with cut lines in print": lambda made: code(made.pages),
    "making a page, s": lambda made: f"{made.seconds / len(made.pages):.2f}",
}


def kilo(pages: Sequence[Seen], size: Callable[[Seen], int]) -> str:
    """The median and the largest of the sizes, in kilobytes."""
    sizes = [size(page) / 1000 for page in pages]
    return f"{statistics.median(sizes):.0f}, {max(sizes):.0f}"


def broken(pages: Sequence[Seen]) -> str:
    """How many rules of axe the pages break, and in how many places."""
    rules = {rule for page in pages for rule in page.violations}
    return f"{len(rules)}, {sum(sum(page.violations.values()) for page in pages)}"


def on_a_phone(page: Seen) -> str:
    """What becomes of what is wider than a phone."""
    if page.width > 375:
        return "widens the page"
    return "is cut off" if page.cut else "fits or scrolls"


def total(made: Made, what: str) -> int:
    """A count, over all pages."""
    return sum(getattr(page, what) for page in made.pages)


def code(pages: Sequence[Seen]) -> str:
    """How many of the blocks of code that are printed lose the ends of lines."""
    blocks = [is_cut for page in pages for is_cut in page.code]
    return f"{sum(blocks)} of {len(blocks)}"


def table(found: dict[str, Made]) -> str:
    """What was found as a table of Markdown, a maker a column; its columns are even, so that it reads as it is too."""
    rows = [["", *found], [""] * (len(found) + 1)]
    rows += [[words, *(say(made) for made in found.values())] for words, say in ROWS.items()]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows[1] = ["-" * width for width in widths]
    lines = (" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(f"| {line} |" for line in lines)


def main(rounds: int = 9) -> None:
    """Let all make their pages, time them and look at them, and print the table."""
    makers, books = peers.makers(), notebooks.everything()
    middle = sorted(books, key=lambda book: book.path.stat().st_size)[len(books) // 2].name
    builds = max(1, rounds // 3)  # takes longer than opening a page
    openings = 5 * rounds  # the makers lie a few milliseconds apart, within which a page differs from itself
    with tempfile.TemporaryDirectory() as folder:
        sites, took = built(makers, Path(folder), builds)
        with browsers.opened() as browser:
            middles = {maker.name: page_of(sites[maker.name], middle) for maker in makers}
            paints = in_turn({name: partial(first_paint, browser, path) for name, path in middles.items()}, openings)
            works = in_turn({name: partial(work, browser, path) for name, path in middles.items()}, rounds)
            whole = in_turn({"": partial(work, browser, EXPORTS / EDITION)}, rounds)[""]
            versions = sorted({f"Chromium {browser.version}", *(m.version for m in makers if m.version)})
        plain = peers.write_plain(Path(folder) / "plain")
        with ThreadPoolExecutor(os.cpu_count()) as pool:  # nothing is timed any more
            looks = pool.map(lambda maker: looked(maker, sites[maker.name], plain, [b.name for b in books]), makers)
            found = {
                maker.name: Made(*look, took[maker.name], paints[maker.name], works[maker.name])
                for maker, look in zip(makers, looks, strict=True)
            }
    print(
        f"\n{len(books)} notebooks with their stored outputs, their pages opened from disk without a network. "
        f"{', '.join(versions)}; {os.cpu_count()} cores. Times are medians, makers taken in turn: "
        f"{middle} opened {openings} times, all pages made {builds} times by one command. "
        f"To open our whole story, one file, takes {whole:.0f} ms of processor time.\n"
    )
    print(table(found))


def built(makers: Sequence[peers.Maker], folder: Path, rounds: int) -> tuple[dict[str, Path], dict[str, float]]:
    """The sites that the makers made of the suite's notebooks in the last round, and the seconds it took them."""
    sites: dict[str, Path] = {}

    def build(maker: peers.Maker) -> float:
        out = Path(tempfile.mkdtemp(dir=folder))
        return seconds(lambda: sites.update({maker.name: maker.build(notebooks.FOLDER, out)}))

    took = in_turn({maker.name: partial(build, maker) for maker in makers}, rounds)
    return sites, took


def looked(maker: peers.Maker, site: Path, plain: Path, names: Sequence[str]) -> tuple[int, list[Seen], Seen, str]:
    """What a browser of its own finds on a maker's pages, and on what it makes of the plain notebooks."""
    other = maker.build(plain, plain.with_name(f"plain of {maker.name}"))
    with browsers.opened() as browser:
        pages = [look(browser, page_of(site, name), site) for name in names]
        probe = look(browser, page_of(other, "probe"), other)
    return weight(site), pages, probe, bare(other)


def page_of(site: Path, name: str) -> Path:
    """The page of a notebook, wherever its maker put it."""
    return next(site.rglob(f"{name}.html"))


def weight(site: Path) -> int:
    """The bytes of all files of a site."""
    return sum(file.stat().st_size for file in site.rglob("*") if file.is_file())


def bare(site: Path) -> str:
    """What became of a picture that nobody described."""
    found = [*site.rglob("bare.html")]
    if not found:
        return "refused"
    return "published" if without_alt(parsed(found[0])) else "described"


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
