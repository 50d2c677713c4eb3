"""Makes the pages: executes what has to be, checks it, renders it, and writes all of it or nothing."""

from __future__ import annotations

import errno
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from dojo import tables
from publish import beside, drafts, kept, notebooks
from publish.kept import digest
from publish.notebooks import Notebook

if TYPE_CHECKING:
    from publish.execute import Run
    from publish.pages import Part
    from publish.warm import Stock

Made = TypeVar("Made")


@dataclass(frozen=True)
class Build:
    """What is to be built, and how."""

    #: the notebooks to make pages of, and all there are
    chosen: Sequence[Notebook]
    books: Sequence[Notebook]
    #: where the pages go
    out: Path
    #: what was made before
    store: kept.Kept
    #: execute the notebooks; else their outputs are taken as stored
    execute: bool = True
    #: store the fresh outputs in the notebooks
    refresh: bool = False
    #: start every kernel as a program of its own, forking none
    cold: bool = False
    #: what to fork kernels from, where it stands ready
    stock: Stock | None = None


def build(asked: Build) -> dict[Path, str] | None:
    """Execute, check and render each notebook, then write all; says how far it came, and how long it took.

    Returns all files that were written, by path; None when anything failed. A notebook that fails leaves its former
    page as it was, the others are still written. Raises DataError when the tables cannot be true.
    """
    runs = _kept_runs(asked) if asked.execute else {}
    with ExitStack() as ends:  # of kernels and the stock, while pages are rendered
        stock = ends.enter_context(_stock(asked, len(asked.chosen) - len(runs)))
        from publish import check, pages  # noqa: F401  all that takes long to import, while the stock gets ready

        if impossible := check.check_data(tables.everything()):
            raise tables.DataError(impossible)
        if not asked.chosen:
            report(["there is no notebook to build"])
            return None
        fresh = _executed(asked, runs, stock, ends) if asked.execute else {book.name: book for book in asked.chosen}
        return _rendered(asked, fresh)


def report(problems: Sequence[str]) -> int:
    """Say what is to be settled; 0 when there is nothing, else 1."""
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        print(f"{len(problems)} to settle", file=sys.stderr)
    return 1 if problems else 0


def _attempt(label: str, step: str, action: Callable[[], Made], before: float = 0) -> Made | None:
    """Do one step for one notebook; when it fails say why and go on with the others.

    Says how long it took, together with the seconds `before`.
    """
    start = time.perf_counter()
    try:
        made = action()
    except Exception as error:
        return _complain(_why(label, error))
    print(f"{Path(label).stem:24} {step:10} {before + time.perf_counter() - start:5.1f} s", flush=True)
    return made


def _why(label: str, error: Exception) -> str:
    """What went wrong, in one line that begins with where."""
    placed = str(error).startswith((label, "notebooks/"))
    return str(error) if placed else f"{label}: {type(error).__name__}: {error}"


def _complain(why: str) -> None:
    print(why, file=sys.stderr)


# --- executing -----------------------------------------------------------------------------------


def _stock(asked: Build, count: int) -> AbstractContextManager[Stock | None]:
    """A process to fork so many kernels from, where that is wanted and can be done."""
    if not asked.execute or asked.cold or not count or sys.platform != "linux":
        return nullcontext()
    if asked.stock:
        return nullcontext(asked.stock)
    from publish import warm

    return warm.stock()


def _run_key(asked: Build, book: Notebook) -> str:
    code = [[cell["id"], notebooks.source(cell), cell["metadata"].get("tags")] for cell in book.code()]
    return digest(asked.store.kernels(), str(book.path), json.dumps(code))


def _kept_runs(asked: Build) -> dict[str, dict[str, Any]]:
    """What came of executing the notebooks, as kept, of all whose code and what it used are as they were."""
    found = {book.name: asked.store.get(f"run-{book.name}", _run_key(asked, book)) for book in asked.chosen}
    return {name: made for name, made in found.items() if made}


def _executed(
    asked: Build, runs: Mapping[str, dict[str, Any]], stock: Stock | None, ends: ExitStack
) -> dict[str, Notebook | None]:
    """The notebooks with outputs that are not stored but fresh, or kept; None where that fails."""
    from publish import execute, pages  # bring Jupyter's libraries; --check does without

    found: dict[str, Notebook | None] = {}

    def done(book: Notebook, run: Run | Exception, seconds: float) -> None:
        if isinstance(run, execute.Run):
            used = None if run.used is None else map(Path, run.used)
            asked.store.put(f"run-{book.name}", _run_key(asked, book), asdict(run), used)
        found[book.name] = _attempt(book.label, "executed", lambda: execute.executed(book, run), seconds)

    def as_kept(book: Notebook) -> None:
        found[book.name] = execute.executed(book, execute.Run(**runs[book.name]))

    others = [partial(as_kept, book) for book in asked.chosen if book.name in runs]
    if todo := [book for book in asked.chosen if book.name not in runs]:
        print(f"executing {', '.join(book.name for book in todo)}", flush=True)
        ends.enter_context(execute.run_all(todo, done, stock, meanwhile=[*others, pages.ready]))
    else:
        for step in others:
            step()
    return found


# --- rendering -----------------------------------------------------------------------------------


def _rendered(asked: Build, fresh: Mapping[str, Notebook | None]) -> dict[Path, str] | None:
    """Check and render the notebooks that have outputs, and write what is right; as `build` says."""
    done = {book.name: fresh.get(book.name) or book for book in asked.books}
    failed = {name for name, book in fresh.items() if book is None}
    while True:
        known = list(done.values())
        right = [done[book.name] for book in asked.chosen if book.name not in failed]
        parts = _parts(asked, right, known)
        wrong = {name for name, part in parts.items() if part is None}
        if not wrong:
            break
        failed |= wrong  # they must not lend their new numbers to the others, so these are looked at again
        done |= {book.name: book for book in asked.books if book.name in wrong}
    made = {path: text for part in parts.values() if part for path, text in part.files.items()}
    whole: dict[str, str] | None = {}
    if not failed and len(asked.chosen) == len(asked.books):
        whole = _attempt("all together", "pages", lambda: _together(known, list(parts.values())))
    made |= whole or {}
    outputs = {book.path.name: _text(book) for book in right} if asked.refresh else {}
    written = None
    if made:
        written = _attempt(readable(asked.out), "written", lambda: _write(asked, made, outputs))
    else:
        _keep(asked)  # outputs of cells may be right where the text is not
    if failed:
        names = ", ".join(sorted(failed))
        print(f"{len(failed)} of {len(asked.chosen)} notebooks failed and stay as they were: {names}", file=sys.stderr)
    return None if failed or whole is None or not written else written


def _text(book: Notebook) -> str:
    from publish import execute

    return execute.as_text(book)


def _parts(asked: Build, books: list[Notebook], known: list[Notebook]) -> dict[str, Part | None]:
    """What each notebook makes, with how long it took; None where it fails, with why.

    Where some disagree with the record or with each other, these alone: the others may hold their numbers.
    """
    from publish import chapter, pages

    outline = [[b.name, b.title, pages.minutes(b)] for b in known]
    around = digest(asked.store.pages(), json.dumps([outline, sorted(chapter.numbers(known).items())]))
    texts = {book.name: _seen(book) for book in books}
    keys = {name: digest(around, text) for name, text in texts.items()}
    found = {name: asked.store.get(f"part-{name}", key) for name, key in keys.items()}
    todo = [book for book in books if not found[book.name]]
    # in one go, so that no processor waits for another in between; to render takes about five times as long
    jobs = [(_disagreements, book, 1) for book in books] + [(_part, book, 5) for book in todo]
    made = beside.results(lambda job: job[0](job[1], known), jobs, lambda job: job[2] * len(texts[job[1].name]))
    problems, rendered = made[: len(books)], made[len(books) :]
    if wrong := [book.name for book, lines in zip(books, problems, strict=True) if report(lines)]:
        return dict.fromkeys(wrong)
    parts = {name: pages.Part(**before) for name, before in found.items() if before}
    for book, (part, used, seconds) in zip(todo, rendered, strict=True):
        if isinstance(part, pages.Part):
            asked.store.put(f"part-{book.name}", keys[book.name], asdict(part), used)
            print(f"{book.name:24} {'page':10} {seconds:5.1f} s", flush=True)
        parts[book.name] = part if isinstance(part, pages.Part) else _complain(part)
    return {b.name: parts[b.name] and _placed(asked, b.label, parts[b.name]) for b in books}


def _seen(book: Notebook) -> str:
    """What a page is made of, of its notebook: all but the stamps, which change with whatever data."""
    from publish import execute

    content = execute.node(book)
    for part in (content, *content.cells):
        part.metadata.pop("dojo", None)
    return json.dumps(content, sort_keys=True)


def _disagreements(book: Notebook, known: list[Notebook]) -> list[str]:
    """Where a notebook disagrees with the record or with others."""
    from publish import check

    return check.check([book], known)


def _part(book: Notebook, known: list[Notebook]) -> tuple[Part | str, list[Path], float]:
    """What a notebook makes, or why it makes nothing; the files on which that rests; the seconds it took."""
    from publish import pages

    start, data = time.perf_counter(), tables.everything()
    data.asked.clear()
    try:
        part: Part | str = pages.part(book, known)
    except Exception as error:
        part = _why(book.label, error)
    used = [data[table].path for table in sorted(data.asked | pages.ALWAYS)]
    return part, [tables.DATA / "datapackage.json", *used], time.perf_counter() - start


def _placed(asked: Build, label: str, part: Part) -> Part | None:
    """The same, unless a folder stands where a file is to be written."""
    if blocked := next((path for path in part.files if (asked.out / path).is_dir()), ""):
        return _complain(
            _why(label, IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(asked.out / blocked)))
        )
    return part


def _together(books: list[Notebook], parts: Sequence[Part]) -> dict[str, str]:
    """What all notebooks make together: the index, the story in one file, its plain twin."""
    from publish import pages

    return pages.together(books, parts)


# --- writing -------------------------------------------------------------------------------------


def _keep(asked: Build) -> Path | None:
    """Keep what was made, unless what it was made of is no more; then returns what changed meanwhile."""
    now, before = kept.inputs(), asked.store.inputs
    if changed := [path for path in before | now if before.get(path) != now.get(path)]:
        return changed[0]
    asked.store.write()
    return None


def _write(asked: Build, pages: dict[str, str], outputs: dict[str, str]) -> dict[Path, str]:
    """Write pages, and notebooks with outputs, all by their names; nothing if what they come from is no more."""
    if changed := _keep(asked):
        raise RuntimeError(f"{readable(changed)} changed during the build, so nothing was written: build again")
    sets = {notebooks.FOLDER: outputs, tables.DATA: {"README.md": tables.dictionary()}} if outputs else {}
    for folder, files in (*sets.items(), (asked.out, pages)):
        drafts.replace(folder, files)
    return {
        folder / name: text for folder, files in (*sets.items(), (asked.out, pages)) for name, text in files.items()
    }


def readable(path: Path) -> str:
    """A path as short as it can be shown: below the current folder, without it."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
