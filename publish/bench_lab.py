"""Times what a reader waits for in JupyterLab: python -m publish.bench_lab [ROUNDS].

From make lab to a start page that can be read, Run All of every notebook, and from moving a slider to the next
picture. Prints the median, the fastest and the slowest. Times depend on the machine and on what else it does.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from playwright.sync_api import Browser, Locator

from publish import browsers, lab, notebooks

#: how often each slider is moved
MOVES = 6
#: moves a slider there or back by one step; milliseconds until the frame that shows the new result
MOVE = """(slider, there) => new Promise((done) => {
    const result = slider.closest(".jp-OutputArea").querySelector(".jp-RenderedHTML")
    const watch = new MutationObserver(() => {
        watch.disconnect()
        requestAnimationFrame(() => done(performance.now() - began))
    })
    watch.observe(result, { childList: true, subtree: true })
    const began = performance.now()
    if (there === (Number(slider.value) < Number(slider.max))) slider.stepUp()
    else slider.stepDown()
    slider.dispatchEvent(new Event("input"))
})"""


def first_page(browser: Browser) -> float:
    """Seconds from make lab to a start page that can be read."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        with lab.started(Path(folder)) as server:
            reader = lab.Reader(browser, server.url)
            reader.page.goto(server.url)
            reader.page.locator(".jp-NotebookPanel h1").first.wait_for()
            taken = time.perf_counter() - began
            reader.leaves()
    return taken


def moves(sliders: Locator) -> list[float]:
    """Milliseconds that each move of each of these sliders takes; the first of each is not counted."""
    taken = [[slider.evaluate(MOVE, there % 2 == 0) for there in range(MOVES + 1)][1:] for slider in sliders.all()]
    return [one for slider in taken for one in slider]


def told(what: str, taken: Iterable[float], unit: str) -> str:
    """A line of the table."""
    taken = [*taken]
    figures = (
        f"{value:8.2f}" if unit == "s" else f"{value:8.0f}"
        for value in (statistics.median(taken), min(taken), max(taken))
    )
    return f"{what:36} {' '.join(figures)} {unit:2}  ({len(taken)})"


def main(rounds: int = 3) -> None:
    """Time each so many times and print the table."""
    print(f"{'':36} {'median':>8} {'fastest':>8} {'slowest':>8}")
    with browsers.opened() as browser, tempfile.TemporaryDirectory() as folder:
        print(told("make lab, to the first page", (first_page(browser) for _ in range(rounds)), "s"))
        with lab.started(Path(folder)) as server:
            for book in notebooks.everything():
                reader = lab.Reader(browser, server.url)
                reader.opens(book.name)
                runs = []
                for _ in range(rounds):
                    began = time.perf_counter()
                    reader.runs_all()
                    runs.append(time.perf_counter() - began)
                print(told(f"Run All, {book.name}", runs, "s"))
                for cell_id in (cell["id"] for cell in book.code()):
                    if taken := moves(reader.cell(cell_id).locator("input[type=range]:visible")):
                        print(told(f"a move, {cell_id}", taken, "ms"))
                reader.leaves()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
