"""Tab inside show.why("…") lists the rows whose ids begin with what was typed."""

from __future__ import annotations

import re
import sys
from typing import Any

from dojo import tables

#: the id in an unfinished call of why, up to the cursor
TYPED = re.compile(r"""\bwhy\(\s*(?:row_id\s*=\s*)?["']([^"'\s]*)$""")


def ids(line: str) -> tuple[str, list[str]]:
    """What is typed of an id at the end of a line of code, and the ids that begin so; none outside a call of why."""
    found = TYPED.search(line)
    typed = found[1] if found else ""
    known = {row_id for table in tables.everything().values() for row_id in table.rows} if found else set()
    return typed, sorted(row_id for row_id in known if row_id.startswith(typed))


def offer() -> None:
    """Hand the ids to IPython's Tab, where IPython runs; once, however often it is called."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if not shell or any(getattr(matcher, "matcher_identifier", "") == __name__ for matcher in shell.Completer.matchers):
        return
    from IPython.core.completer import CompletionContext, SimpleCompletion, context_matcher

    @context_matcher(identifier=__name__)
    def rows(context: CompletionContext) -> dict[str, Any]:
        typed, known = ids(context.line_with_cursor[: context.cursor_position])
        offered = [SimpleCompletion(text=row_id, type="row") for row_id in known]
        return {"completions": offered, "matched_fragment": typed, "suppress": bool(offered)}

    shell.Completer.custom_matchers.append(rows)
