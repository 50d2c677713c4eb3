"""What Lighthouse says of every page, served from this machine. Node comes from PyPI, so Python alone is needed."""

import gzip
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from publish import __main__, browsers, notebooks

pytestmark = pytest.mark.thorough

PAGES = sorted(__main__.EXPORTS.glob("*.html"))
ORDERED = Path(__file__).parent / "lighthouse"
INSTALLED = notebooks.ROOT / "build" / "lighthouse"
LOCK = "package-lock.json"
NODE = Path(sys.executable).parent / "node"
NPM = Path(sys.executable).parent / "npm"

CATEGORIES = ("accessibility", "best-practices", "seo")
#: of what makes a page fast, that which depends on the page alone; how long it takes is measured by publish.bench_pages
LEAN = (
    "bf-cache",
    "cumulative-layout-shift",
    "duplicated-javascript",
    "efficient-animated-content",
    "font-display",
    "legacy-javascript",
    "modern-image-formats",
    "no-document-write",
    "non-composited-animations",
    "redirects",
    "render-blocking-resources",
    "third-parties-insight",
    "total-byte-weight",
    "unminified-css",
    "unminified-javascript",
    "unsized-images",
    "unused-css-rules",
    "unused-javascript",
    "uses-optimized-images",
    "uses-passive-event-listeners",
    "uses-rel-preconnect",
    "uses-responsive-images",
    "uses-text-compression",
    "viewport",
)
#: where the page has nothing to look at, an audit has no score; one that failed to run has none either, and counts
WITHOUT_SCORE = ("manual", "notApplicable", "informative")
LIMIT = 300  # seconds for one run, or for fetching Lighthouse

QUIET_NPM = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")
QUIET_CHROME = ("--headless=new", "--window-size=1280,800", *browsers.FLAGS)


class Compressing(SimpleHTTPRequestHandler):
    """Serves files compressed, as every public web server does with text, and keeps no log."""

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            return self.send_error(404)
        body = gzip.compress(path.read_bytes())
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        return None

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a folder's files while they are served."""
    with ThreadingHTTPServer(("127.0.0.1", 0), lambda *ask: Compressing(*ask, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def installed(ordered: Path = ORDERED, folder: Path = INSTALLED) -> Path:
    """Lighthouse, fetched once for each lock file."""
    done = folder / "installed.json"
    if not done.exists() or done.read_bytes() != (ordered / LOCK).read_bytes():
        folder.mkdir(parents=True, exist_ok=True)
        done.unlink(missing_ok=True)
        for name in ("package.json", LOCK):
            shutil.copy(ordered / name, folder)
        call(NPM, "ci", *QUIET_NPM, cwd=folder)
        shutil.copy(ordered / LOCK, done)
    return folder / "node_modules" / "lighthouse" / "cli" / "index.js"


def call(*command: str | Path, **more: object) -> str:
    """What a command prints; what it complains of, if it fails."""
    path = os.pathsep.join([str(NODE.parent), os.environ.get("PATH", "")])  # npm looks for a program called node
    environment = os.environ | {"PATH": path, "CI": "1"} | more.pop("env", {})
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, env=environment, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def shortfall(program: Path, chrome: str, address: str) -> list[str]:
    """The audits that a page does not pass in full, and what they say."""
    flags = [*QUIET_CHROME, *["--no-sandbox"] * browsers.is_root()]
    options = ["--quiet", "--output=json", "--no-enable-error-reporting", f"--chrome-flags={' '.join(flags)}"]
    return lost(json.loads(call(NODE, program, address, *options, env={"CHROME_PATH": chrome})))


def lost(report: dict) -> list[str]:
    """The audits of a report that a page does not pass in full; KeyError where one that counts is missing."""
    weighed = {
        name: [one["id"] for one in report["categories"][name]["auditRefs"] if one["weight"]] for name in CATEGORIES
    }
    return [
        f"{category}: {audit} {said['score']} {said.get('displayValue') or said.get('explanation', '')}".rstrip()
        for category, audits in {**weighed, "lean": LEAN}.items()
        for audit in audits
        if (said := report["audits"][audit])["score"] != 1 and said["scoreDisplayMode"] not in WITHOUT_SCORE
    ]


@pytest.fixture(scope="module")
def lighthouse() -> tuple[Path, str]:
    with browsers.opened() as browser:
        return installed(), browsers.executable(browser)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with served(__main__.EXPORTS) as address:
        yield address


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_lighthouse_finds_nothing_to_better(lighthouse, address, path):
    assert shortfall(*lighthouse, f"{address}/{path.name}") == []


# --- that it would find something ---------------------------------------------------------------

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="description" content="A page to try."><title>A page</title><main><h1>A page</h1>{}</main>"""


def test_a_page_with_faults_is_noticed(lighthouse, tmp_path):
    script = "<script>console.error('bad'); document.write('<p>late')</script>"
    image = "<img src='data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA='>"
    (tmp_path / "page.html").write_text(PAGE.format(script + image), "utf-8")
    with served(tmp_path) as address:
        found = {tuple(line.split()[:3]) for line in shortfall(*lighthouse, f"{address}/page.html")}
    assert found >= {
        ("accessibility:", "image-alt", "0"),
        ("best-practices:", "errors-in-console", "0"),
        ("lean:", "no-document-write", "0.5"),
        ("lean:", "unsized-images", "0.5"),
    }


def test_an_audit_that_did_not_run_counts():
    categories = {name: {"auditRefs": [{"id": name, "weight": 1}, {"id": "aside", "weight": 0}]} for name in CATEGORIES}
    good = {name: {"score": 1, "scoreDisplayMode": "binary"} for name in (*CATEGORIES, *LEAN)}
    report = {"categories": categories, "audits": good}
    assert lost(report) == []
    assert lost({**report, "audits": good | {"seo": {"score": None, "scoreDisplayMode": "notApplicable"}}}) == []
    assert lost({**report, "audits": good | {"seo": {"score": None, "scoreDisplayMode": "error"}}}) == ["seo: seo None"]
    half = {"score": 0.5, "scoreDisplayMode": "numeric", "displayValue": "0.2"}
    assert lost({**report, "audits": good | {LEAN[0]: half}}) == [f"lean: {LEAN[0]} 0.5 0.2"]
    with pytest.raises(KeyError, match="viewport"):
        lost({**report, "audits": {name: one for name, one in good.items() if name != "viewport"}})


def test_lighthouse_is_fetched_once_for_each_lock(monkeypatch, tmp_path):
    ordered, folder, called = tmp_path / "ordered", tmp_path / "folder", []
    monkeypatch.setattr(sys.modules[__name__], "call", lambda *command, **_: called.append(command[1]))
    shutil.copytree(ORDERED, ordered)
    for _ in range(2):
        installed(ordered, folder)
    assert called == ["ci"]
    (ordered / LOCK).write_text("{}", "utf-8")
    installed(ordered, folder)
    assert called == ["ci", "ci"]


def test_the_lock_names_no_address():
    assert "resolved" not in (ORDERED / LOCK).read_text("utf-8")


def test_a_command_that_fails_says_why():
    with pytest.raises(AssertionError, match="no such luck"):
        call(sys.executable, "-c", "import sys; sys.exit('no such luck')")
