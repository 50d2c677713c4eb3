"""The command line of publish: python -m publish [names] [--stored] [--refresh] [--check] [--out DIR]."""

from __future__ import annotations

import argparse
import errno
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from dojo import tables
from publish import check, drafts, notebooks
from publish.notebooks import Notebook

BUILD = notebooks.ROOT / "build" / "pages"
EXPORTS = notebooks.ROOT / "exports"
Made = TypeVar("Made")


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; 0 when all went well, 1 when something failed."""
    options = _parser().parse_args(arguments)
    inputs = {} if options.check else _inputs()
    try:
        known = tables.everything()
        impossible = check.check_data(known)
        if impossible and not options.check:
            raise tables.DataError(impossible)
        books = notebooks.everything()
        chosen = _chosen(books, options.names)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    if options.check and options.out:
        print("--check writes nothing, so --out has no meaning with it", file=sys.stderr)
        return 2
    if options.check:
        found = [*map(str, impossible), *check.check(chosen, books), *check.check_prose(books), *_unfinished()]
        return _report(found)
    out = options.out or (EXPORTS if options.stored else BUILD)
    try:
        for folder in (out, notebooks.FOLDER, tables.DATA) if options.refresh else (out,):
            drafts.check(folder)
    except OSError as error:
        print(error, file=sys.stderr)
        return 1
    return _build(chosen, books, out, inputs, execute=not options.stored, refresh=options.refresh)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m publish",
        description="Execute the notebooks, check every fact link, and write the pages.",
        epilog="Without options: execute all notebooks and write their pages to build/pages. "
        "A notebook that fails leaves its former page as it was; the others are still built.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="notebooks, such as 01-timeline (default: all)")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--check", action="store_true", help="only check, executing and writing nothing")
    how.add_argument("--stored", action="store_true", help="render stored outputs, without executing, into exports/")
    how.add_argument("--refresh", action="store_true", help="also store the fresh outputs in notebooks/")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write the pages here instead")
    return parser


def _chosen(books: list[Notebook], names: Sequence[str]) -> list[Notebook]:
    known = {book.name: book for book in books}
    wanted = list(dict.fromkeys(Path(name).stem for name in names))
    if unknown := [name for name in wanted if name not in known]:
        raise ValueError(f"no notebook {', '.join(unknown)}; there are {', '.join(known)}")
    return [known[name] for name in wanted] or books


def _report(problems: list[str]) -> int:
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        print(f"{len(problems)} to settle", file=sys.stderr)
    return 1 if problems else 0


def _build(
    chosen: list[Notebook], books: list[Notebook], out: Path, inputs: dict[Path, bytes], execute: bool, refresh: bool
) -> int:
    """Execute (or take as stored), check and render each notebook, then write all; say how far it came, how long."""
    if not chosen:
        return _report(["there is no notebook to build"])
    done = {book.name: book for book in books}
    failed = set()
    for book in chosen if execute else []:
        fresh = _attempt(book.label, "executed", lambda book=book: _execute(book))
        done[book.name] = fresh or book
        failed |= set() if fresh else {book.name}
    while True:
        known = list(done.values())
        right = [done[book.name] for book in chosen if book.name not in failed]
        wrong = _disagreeing(right, known)
        parts = {} if wrong else _parts(right, known, out)
        wrong |= {name for name, part in parts.items() if part is None}
        if not wrong:
            break
        failed |= wrong  # they must not lend their new numbers to the others, so these are looked at again
        done |= {book.name: book for book in books if book.name in wrong}
    made = {path: text for part in parts.values() for path, text in (part or {}).items()}
    kept = [done[book.name] for book in chosen if refresh and book.name not in failed]
    whole: dict[str, str] | None = {}
    if not failed and len(chosen) == len(books):
        whole = _attempt("all together", "pages", lambda: _together(known))
    tidy = bool(whole) and not execute and out.resolve() == EXPORTS.resolve()
    made |= whole or {}
    written = made and _attempt(_readable(out), "written", lambda: _write(out, made, kept, inputs, tidy))
    if failed:
        names = ", ".join(sorted(failed))
        print(f"{len(failed)} of {len(chosen)} notebooks failed and stay as they were: {names}", file=sys.stderr)
    if failed or whole is None or not written:
        return 1
    print(f"open {_readable(out / chosen[0].name)}.html")
    return 0


def _disagreeing(books: list[Notebook], known: list[Notebook]) -> set[str]:
    """The names of the notebooks that disagree with the record or with each other; says where."""
    return {book.name for book in books if _report(check.check([book], known))}


def _attempt(label: str, step: str, action: Callable[[], Made]) -> Made | None:
    """Do one step for one notebook; when it fails say why and go on with the others."""
    start = time.perf_counter()
    try:
        made = action()
    except Exception as error:
        print(
            error if str(error).startswith((label, "notebooks/")) else f"{label}: {type(error).__name__}: {error}",
            file=sys.stderr,
        )
        return None
    print(f"{Path(label).stem:24} {step:10} {time.perf_counter() - start:5.1f} s", flush=True)
    return made


def _execute(book: Notebook) -> Notebook:
    from publish import execute  # nbformat takes over a second to import; --check and --help do without

    print(f"{book.name:24} executing", flush=True)
    return execute.run(book)


def _parts(books: list[Notebook], known: list[Notebook], out: Path) -> dict[str, dict[str, str] | None]:
    """What each notebook makes, None where that fails; says why, and how long it took."""
    return {book.name: _attempt(book.label, "page", lambda book=book: _files(book, known, out)) for book in books}


def _files(book: Notebook, books: list[Notebook], out: Path) -> dict[str, str]:
    """What a checked notebook makes, by path."""
    from publish import pages

    made = pages.files(book, books)
    if blocked := next((name for name in made if (out / name).is_dir()), ""):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(out / blocked))
    return made


def _together(books: list[Notebook]) -> dict[str, str]:
    """What all notebooks make together: the index, the story in one file, its plain twin."""
    from publish import pages

    return pages.together(books)


def _write(out: Path, files: Mapping[str, str], kept: list[Notebook], inputs: dict[Path, bytes], tidy: bool) -> bool:
    """Write the pages, and notebooks whose outputs are to be kept; nothing if what they come from is no more."""
    from publish import execute

    now = _inputs()
    if changed := [path for path in inputs | now if inputs.get(path) != now.get(path)]:
        raise RuntimeError(f"{_readable(changed[0])} changed during the build, so nothing was written: build again")
    if kept:
        drafts.replace(notebooks.FOLDER, {book.path.name: execute.as_text(book) for book in kept})
        drafts.replace(tables.DATA, {"README.md": tables.dictionary()})
    drafts.replace(out, files)
    if tidy:
        _prune(out, set(files))
    return True


def _inputs() -> dict[Path, bytes]:
    """What must not change while pages are made of it: the data, the notebooks, the package beside them."""
    found = {}
    for place in (tables.DATA, notebooks.FOLDER):
        for path in place.rglob("*"):
            if path.is_file() and not _hidden(path.relative_to(place)):
                with suppress(OSError):  # who needs it will say that it cannot be read
                    found[path] = path.read_bytes()
    return found


def _hidden(name: Path) -> bool:
    return any(part.startswith((".", "__pycache__")) for part in name.parts)


def _unfinished() -> list[str]:
    """Where a build was killed while it wrote."""
    again = {EXPORTS: "refresh", BUILD: "story", notebooks.FOLDER: "refresh", tables.DATA: "refresh"}
    found = [(place, make) for place, make in again.items() if drafts.left(place)]
    return [f"{_readable(place)}: a build was killed while it wrote here: run make {make}" for place, make in found]


def _prune(out: Path, made: set[str]) -> None:
    """Remove pages, figures and tables of notebooks or cells that are no more."""
    for path in (*out.glob("*.html"), *out.glob("figures/*.svg"), *out.glob("data/*.csv")):
        if path.relative_to(out).as_posix() not in made:
            path.unlink()


def _readable(path: Path) -> str:
    """A path as short as it can be shown: below the current folder, without it."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="backslashreplace")  # a terminal may lack a letter of a folder's name
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # who asks a build to end means what Ctrl-C means
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("stopped")
