"""The command line of publish: python -m publish [names] [--stored] [--refresh] [--check] [--watch] [--out DIR]."""

from __future__ import annotations

import argparse
import gc
import signal
import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from dojo import tables
from publish import beside, build, drafts, kept, notebooks
from publish.notebooks import Notebook

if TYPE_CHECKING:
    from publish.warm import Stock

BUILD = notebooks.ROOT / "build" / "pages"
EXPORTS = notebooks.ROOT / "exports"


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; 0 when all went well, 1 when something failed."""
    options = parser().parse_args(arguments)
    if options.check and options.out:
        print("--check writes nothing, so --out has no meaning with it", file=sys.stderr)
        return 2
    if options.watch:
        from publish import watch

        watch.stay(partial(once, options))
    return once(options)


def once(options: argparse.Namespace, stock: Stock | None = None) -> int:
    """Do it once, with kernels forked from a stock, where one stands ready; 0 when all went well."""
    try:
        return build.report(_found(options.names)) if options.check else _build(options, stock)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1


def _build(options: argparse.Namespace, stock: Stock | None) -> int:
    out = options.out or (EXPORTS if options.stored else BUILD)
    way = "stored" if options.stored else "refresh" if options.refresh else "story"
    name = f"{way}-{kept.digest(str(out.absolute()))}"
    pruned = options.stored and out.resolve() == EXPORTS.resolve()
    folders = (out, notebooks.FOLDER, tables.DATA) if options.refresh else (out,)
    quick = not (options.force or options.names or any(map(drafts.left, folders)))
    if quick and (before := kept.unchanged(name, out)):
        if pruned:
            _prune(out, before)
        print(f"nothing changed: open {build.readable(out)}/index.html")
        return 0
    store = kept.Kept(options.force)
    books = notebooks.everything()
    chosen = _chosen(books, options.names)
    for folder in folders:
        drafts.check(folder)
    asked = build.Build(chosen, books, out, store, not options.stored, options.refresh, options.cold, stock)
    written = build.build(asked)
    if written is None:
        return 1
    if len(chosen) == len(books):
        if pruned:
            _prune(out, written)
        kept.settle(name, out, written, store)
    print(f"open {build.readable(out / chosen[0].name)}.html")
    return 0


def parser() -> argparse.ArgumentParser:
    """What can be asked for."""
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
    how.add_argument("--watch", action="store_true", help="stay, and build again whenever something changed")
    parser.add_argument("--force", action="store_true", help="make all anew, whatever was kept of earlier builds")
    parser.add_argument("--cold", action="store_true", help="start what kernels are needed as programs of their own")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write the pages here instead")
    return parser


def _chosen(books: list[Notebook], names: Sequence[str]) -> list[Notebook]:
    known = {book.name: book for book in books}
    wanted = list(dict.fromkeys(Path(name).stem for name in names))
    if unknown := [name for name in wanted if name not in known]:
        raise ValueError(f"no notebook {', '.join(unknown)}; there are {', '.join(known)}")
    return [known[name] for name in wanted] or books


def _found(names: Sequence[str]) -> list[str]:
    """All that is to be settled, executing and writing nothing."""
    from publish import check  # brings all of the package

    known = tables.everything()
    books = notebooks.everything()
    chosen = _chosen(books, names)
    # each with how long it takes beside the others
    jobs: list[tuple[Callable[[], Iterable[object]], int]] = [(partial(check.check_data, known), 3)]
    jobs += [(partial(check.stale, chosen), 1), *((partial(check.contradictions, [one], books), 1) for one in chosen)]
    jobs += [(partial(check.check_prose, books), 1)]
    found = beside.results(lambda job: [*map(str, job[0]())], jobs, lambda job: job[1])
    return [*chain.from_iterable(found), *_unfinished()]


def _unfinished() -> list[str]:
    """Where a build was killed while it wrote."""
    again = {EXPORTS: "refresh", BUILD: "story", notebooks.FOLDER: "refresh", tables.DATA: "refresh"}
    found = [(build.readable(place), make) for place, make in again.items() if drafts.left(place)]
    return [f"{place}: a build was killed while it wrote here: run make {make}" for place, make in found]


def _prune(out: Path, made: Collection[Path]) -> None:
    """Remove pages, figures and tables of notebooks or cells that are no more."""
    for path in (*out.glob("*.html"), *out.glob("figures/*.svg"), *out.glob("data/*.csv")):
        if path not in made:
            path.unlink()


if __name__ == "__main__":
    gc.set_threshold(100_000, 50, 50)  # pages are made of many small parts, among which garbage is sought in vain
    sys.stdout.reconfigure(errors="backslashreplace")  # a terminal may lack a letter of a folder's name
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # who asks a build to end means what Ctrl-C means
    try:
        done = main()
        gc.freeze()  # or Python would, before it ends, look through all parts of all pages for garbage
        sys.exit(done)
    except KeyboardInterrupt:
        sys.exit("stopped")
