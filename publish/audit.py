"""What a real browser finds on a page, as plain data: for the tests, and for the benchmark of the pages."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from axe_playwright_python.base import AXE_SCRIPT
from PIL import Image
from playwright.sync_api import Browser, ElementHandle, Page

SCRIPT = Path(__file__).with_name("audit.js").read_text("utf-8")
HEIGHT = 800
COMPLAINTS = "error", "warning"
FOLDED = "details:not([open])"
UNFOLD = f"document.querySelectorAll('{FOLDED}').forEach((one) => one.open = true)"

# Contrast is measured by our script at the bar of WCAG's level AAA, for all text and in a tenth of axe's time; axe
# leaves it undecided wherever a table scrolls. So axe's two rules of contrast run on demand, as a second opinion.
CONTRAST = "color-contrast"
MEASURED = "color-contrast-enhanced"
#: all of WCAG, best practice and what axe tries out
TAGS = ["wcag2a", "wcag2aa", "wcag2aaa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice", "experimental"]
#: rules that measure contrast; one that reports whatever is folded or hidden, which is looked at unfolded; and one that
#: asks a person whether links of one name lead to one place: sources of one publisher and day have the same name
UNASKED = {CONTRAST, MEASURED, "hidden-content", "identical-links-same-purpose"}


class Finding(NamedTuple):
    """One element that breaks one rule."""

    rule: str
    impact: str
    where: str


@dataclass
class Seen:
    """What one look at a page brought: at one width, in light or dark, folded and then with everything unfolded."""

    width: int
    requests: list[str] = field(default_factory=list)  # asked for, and not the page itself
    complaints: list[str] = field(default_factory=list)  # errors and warnings of the console, errors of scripts
    taken: int = 0  # pixels of width that the page takes
    violations: list[Finding] = field(default_factory=list)
    undecided: list[Finding] = field(default_factory=list)
    small: list[str] = field(default_factory=list)  # text below 11 px, which nobody reads on a phone
    smallest: float = 0  # size of the smallest text, in px
    measured: int = 0  # pieces of text whose contrast was measured
    by_pixels: int = 0  # how many of them no computed colour could tell

    @property
    def faults(self) -> list[str]:
        """All that is wrong, a line each."""
        wide = [f"wide: {self.taken} of {self.width}"] if self.taken > self.width else []
        broken = [f"{kind}: {found.rule} ({found.impact}) {found.where}" for kind, found in self.findings()]
        small = [f"small: {text}" for text in self.small]
        return [f"asks: {url}" for url in self.requests] + self.complaints + wide + broken + small

    def findings(self) -> list[tuple[str, Finding]]:
        """What breaks a rule, and what could break one."""
        return [("breaks", found) for found in self.violations] + [("undecided", found) for found in self.undecided]


def look(browser: Browser, address: str | Path, width: int, scheme: str, axe_contrast: bool = False) -> Seen:
    """Open a page without a network and note what goes wrong, first as it opens, then with everything unfolded.

    In the dark, where only the rules of colours are asked, they are asked once, unfolded.
    """
    seen = Seen(width)
    with opened(browser, address, seen, width=width, scheme=scheme) as page:
        page.evaluate(AXE_SCRIPT)  # a page's policy does not hold for what a debugger brings
        page.evaluate(SCRIPT)
        names = rules(page, scheme)
        seen.taken = taken(page)
        if page.query_selector(FOLDED):
            if scheme == "light":  # of colours, what is seen folded is seen unfolded too
                note_rules(page, seen, names)
            page.evaluate(UNFOLD)
            seen.taken = max(seen.taken, taken(page))
        note_rules(page, seen, names + [CONTRAST, MEASURED] * axe_contrast)
        note_contrast(page, seen)
    seen.violations, seen.undecided = unique(seen.violations), unique(seen.undecided)
    return seen


def rules(page: Page, scheme: str) -> list[str]:
    """Axe's rules for a look, but those of contrast; only colours differ in the dark."""
    found = page.evaluate("(tags) => axe.getRules(tags)", TAGS)
    kept = [rule for rule in found if scheme == "light" or "cat.color" in rule["tags"]]
    return [rule["ruleId"] for rule in kept if rule["ruleId"] not in UNASKED]


@contextmanager
def opened(
    browser: Browser, address: str | Path, seen: Seen, *, width: int, scheme: str, height: int = HEIGHT, **more: Any
) -> Iterator[Page]:
    """A page without a network, whose requests and complaints are noted."""
    url = address.resolve().as_uri() if isinstance(address, Path) else address
    with browser.new_context(
        offline=True, viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce", **more
    ) as context:
        page = context.new_page()
        page.on(
            "console", lambda said: seen.complaints.append(f"{said.type}: {said.text}") if noted(said.type) else None
        )
        page.on("pageerror", lambda error: seen.complaints.append(f"script: {error.message}"))
        page.on("request", lambda asked: seen.requests.extend([asked.url] * is_foreign(asked.url, url)))
        page.goto(url)
        yield page


def noted(kind: str) -> bool:
    """Whether a word of the console is a complaint."""
    return kind in COMPLAINTS


def is_foreign(url: str, page: str) -> bool:
    """Whether a request goes beyond the page."""
    return url.partition("#")[0] != page.partition("#")[0] and not url.startswith("data:")


def taken(page: Page) -> int:
    """The width that a page takes; more than the window's means scrolling sideways."""
    return page.evaluate("document.documentElement.scrollWidth")


def note_rules(page: Page, seen: Seen, names: list[str]) -> None:
    """Note what axe says of a page as it stands."""
    found = page.evaluate("(names) => audit.rules(names)", names)
    seen.violations += [Finding(*one) for one in found["violations"]]
    # what axe can't decide of the contrast is decided by `note_contrast`, which measures all text
    seen.undecided += [Finding(*one) for one in found["undecided"] if one[0] not in (CONTRAST, MEASURED)]


def note_contrast(page: Page, seen: Seen) -> None:
    """Measure all text of a page: by its computed colours where these tell, else by its pixels; then each target."""
    found = page.evaluate("audit.measure(document.body)")
    faint = found["faint"]
    for number, (where, bar) in enumerate(found["unclear"]):
        element = page.evaluate_handle("(number) => audit.unclear[number]", number).as_element()
        ratio = contrast_by_pixels(page, element)
        if ratio is None:
            seen.undecided.append(Finding(CONTRAST, "serious", where))
        elif ratio < bar:
            faint.append(f"{ratio:.2f} of {bar}: {where}")
    targets = page.evaluate("audit.targets()")
    seen.violations += [Finding(MEASURED, "serious", one) for one in faint + targets["faint"]]
    seen.undecided += [Finding(CONTRAST, "serious", one) for one in targets["unclear"]]
    seen.small, seen.smallest = found["small"], found["smallest"]
    seen.measured, seen.by_pixels = found["count"], len(found["unclear"])


def unique(findings: list[Finding]) -> list[Finding]:
    """Each finding once, in order; what is wrong folded is mostly wrong unfolded too."""
    return list(dict.fromkeys(findings))


# --- contrast by pixels -------------------------------------------------------------------------

INK = """(element, colour) => {
    element.style.setProperty(element instanceof SVGElement ? 'fill' : 'color', colour, 'important');
}"""
LOOKS = "(element, looks) => looks === null ? element.removeAttribute('style') : element.setAttribute('style', looks)"


def contrast_by_pixels(page: Page, element: ElementHandle) -> float | None:
    """The contrast of a text as it is painted, or None if it can't be brought into the window.

    Painted black and white in turn, a text shows how far it covers each pixel; painted not at all, its ground.
    """
    element.scroll_into_view_if_needed()
    box = element.bounding_box()
    if not box or box["width"] < 1 or box["height"] < 1:
        return None
    looks = element.get_attribute("style")
    shots = [photo(page, box)]
    for colour in ("black", "white", "transparent"):
        element.evaluate(INK, colour)
        shots.append(photo(page, box))
    element.evaluate(LOOKS, looks)
    return painted_contrast(*shots)


def photo(page: Page, box: dict[str, float]) -> np.ndarray:
    """The pixels of a part of the window: height, width, red green blue."""
    return pixels(page.screenshot(clip=box, animations="disabled"))


def pixels(data: bytes) -> np.ndarray:
    """A picture as numbers."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), dtype=float)


def painted_contrast(text: np.ndarray, black: np.ndarray, white: np.ndarray, ground: np.ndarray) -> float | None:
    """The contrast where it is low, among pixels that the text covers best; None if it covers none."""
    cover = np.abs(white - black).sum(axis=2)
    if not cover.size or cover.max() == 0:
        return None
    core = cover >= 0.98 * cover.max()
    low, high = np.sort([lightness(text[core]), lightness(ground[core])], axis=0)
    return float(np.quantile((high + 0.05) / (low + 0.05), 0.1))


def lightness(colours: np.ndarray) -> np.ndarray:
    """WCAG's relative luminance of colours."""
    part = colours / 255
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    return linear @ np.array([0.2126, 0.7152, 0.0722])


FINE = 2  # pixels of the photograph to one of the page: a thin stroke covers no coarse pixel fully, and so looks faint
CHART_BAR = 4.5  # level AA, not AAA as in prose: a chart's words wear the colours of what they name


def faint_in_charts(browser: Browser, address: str | Path, scheme: str) -> list[str]:
    """Words in charts that stand out too little from what is drawn below them, as painted, with filters and all."""
    faint = []
    # the policy of a page would keep a chart's own style from a drawing within the page, and so misplace its words
    camera = {"bypass_csp": True, "device_scale_factor": FINE}
    with opened(browser, address, Seen(1280), width=1280, scheme=scheme, **camera) as page:
        page.evaluate(SCRIPT)
        page.evaluate(UNFOLD)
        for number in range(page.evaluate("audit.charts().length")):
            image = page.evaluate_handle("(number) => audit.charts()[number]", number).as_element()
            shots = [painted(image, colour) for colour in ("", "black", "white", "transparent")]
            for word in image.evaluate("(image) => audit.written(image)"):
                ratio = painted_contrast(*[cut(shot, word) for shot in shots])
                if ratio is None or ratio < CHART_BAR:
                    said = "nothing" if ratio is None else f"{ratio:.2f}"
                    told = image.get_attribute("alt") or image.get_attribute("aria-label") or ""
                    faint.append(f"{said} of {CHART_BAR}: {word['words']!r} in {told[:40]!r}")
    return faint


def painted(image: ElementHandle, colour: str) -> np.ndarray:
    """A chart with its text in one colour, as pixels."""
    image.evaluate("(image, colour) => audit.paint(image, colour)", colour)
    return pixels(image.screenshot(animations="disabled"))


def cut(shot: np.ndarray, box: dict[str, float]) -> np.ndarray:
    """The part of a fine photograph within a box of the page, and a pixel around it."""
    left, top = (max(0, int(FINE * box[side]) - 1) for side in ("left", "top"))
    return shot[top : int(FINE * (box["top"] + box["height"])) + 2, left : int(FINE * (box["left"] + box["width"])) + 2]


# --- by keyboard and by ear ---------------------------------------------------------------------


def walk(
    browser: Browser, address: str | Path, width: int, scheme: str = "light", *, unfold: bool = False
) -> list[str]:
    """What is wrong for readers who go through a page with the Tab key, from its top to its end."""
    with opened(browser, address, Seen(width), width=width, scheme=scheme) as page:
        page.evaluate(SCRIPT)
        if unfold:
            page.evaluate(UNFOLD)
        stops = list(all_stops(page))
        unreached = page.evaluate("audit.unreached()")
    first = stops[0] if stops else {"where": "nothing", "skips": False}
    faults = [] if first["skips"] else [f"the first stop leads past nothing: {first['where']}"]
    faults += [f"out of sight: {stop['where']}" for stop in stops if not stop["sight"]]
    faults += [f"focus not drawn: {stop['where']}" for stop in stops if not stop["ring"]]
    return faults + [f"scrolls, but not by keyboard: {box}" for box in unreached]


def all_stops(page: Page) -> Iterator[dict[str, Any]]:
    """The stops of the Tab key, until the focus leaves the page or comes where it was."""
    while True:
        page.keyboard.press("Tab")
        stop = page.evaluate("audit.stop()")
        if stop is None:
            return
        yield stop


DRAWN = {"image", "img", "SvgRoot", "graphics-document", "graphics-object", "canvas", "Canvas"}
LENGTHS = range(40, 301)
FILE_NAME = re.compile(r"^\S+\.\w{2,5}$")
STOCK = re.compile(r"(image|picture) (may contain|shows|of)|no (alt|description)|placeholder|lorem|untitled", re.I)


def unheard(browser: Browser, address: str | Path) -> list[str]:
    """What the browser's accessibility tree does not tell of figures and pictures."""
    with opened(browser, address, Seen(1280), width=1280, scheme="light") as page:
        page.evaluate(UNFOLD)
        pictures, figures = page.locator("img, canvas").count(), page.locator("figure").count()
        session = page.context.new_cdp_session(page)
        nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    heard = [named(node) for node in nodes if is_drawn(node)]
    boxes = [node for node in nodes if role(node) == "figure" and not node["ignored"]]
    faults = [f"{figures} figures, of which {len(boxes)} are heard"] if figures > len(boxes) else []
    faults += [f"{pictures} pictures, of which {len(heard)} are heard"] if pictures > len(heard) else []
    faults += [f"{fault}: {name!r}" for name in heard if (fault := fault_of_name(name))]
    faults += [f"named twice: {name!r}" for name, times in Counter(filter(None, heard)).items() if times > 1]
    return faults + [f"a figure without picture or table: {said}" for box in boxes if (said := silent(box, nodes))]


def role(node: dict[str, Any]) -> str:
    """What a node of the accessibility tree is."""
    return node.get("role", {}).get("value", "")


def named(node: dict[str, Any]) -> str:
    """How a node of the accessibility tree is called."""
    return node.get("name", {}).get("value", "")


def is_drawn(node: dict[str, Any]) -> bool:
    """Whether a node that assistive technology sees is a picture."""
    return not node["ignored"] and role(node) in DRAWN


def fault_of_name(name: str) -> str:
    """What keeps a name from telling what a picture shows; nothing if it may do."""
    if len(name) not in LENGTHS:
        return f"{len(name)} characters"
    if FILE_NAME.match(name):
        return "a file's name"
    return "a stock phrase" if STOCK.search(name) else ""


def silent(figure: dict[str, Any], nodes: list[dict[str, Any]]) -> str:
    """The first words of a figure that holds neither a picture nor a table to be heard; nothing for others."""
    by_id = {node["nodeId"]: node for node in nodes}
    inside, todo = [], [figure]
    while todo:
        inside.append(node := todo.pop())
        todo += [by_id[child] for child in node.get("childIds", []) if child in by_id]
    if any(is_drawn(node) or (role(node) == "table" and not node["ignored"]) for node in inside):
        return ""
    return next((named(node) for node in reversed(inside) if role(node) == "StaticText"), "no words")
