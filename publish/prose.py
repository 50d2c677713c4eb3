"""The Markdown of a notebook as HTML: formulas as MathML, footnotes, and no markup but what pages need."""

from __future__ import annotations

from html import escape

import mistune
from latex2mathml.converter import convert

from publish import clean


class _Renderer(mistune.HTMLRenderer):
    """What mistune's own renderer leaves to others: formulas; and footnotes without ids, which the page gives."""

    def inline_math(self, text: str) -> str:
        return formula(text)

    def block_math(self, text: str) -> str:
        return f"<p>{formula(text, display=True)}</p>\n"

    def footnote_ref(self, key: str, index: int) -> str:
        return f'<sup class="footnote" data-number="{index}">{index}</sup>'

    def footnotes(self, text: str) -> str:
        return f'<ol class="footnotes">{text}</ol>'

    def footnote_item(self, text: str, key: str, index: int) -> str:
        return f"<li>{text}</li>"


_markdown = mistune.create_markdown(
    renderer=_Renderer(escape=False), plugins=["table", "footnotes", "math", "strikethrough"]
)


def render(markdown: str) -> str:
    """A text in Markdown as HTML. Raises ValueError for a formula that is none."""
    return clean.clean(str(_markdown(markdown)))


def formula(tex: str, display: bool = False) -> str:
    """A formula as MathML, which browsers show without a script; its TeX is its alternative text."""
    try:
        made = convert(tex.strip(), display="block" if display else "inline")
    except Exception:  # the converter has no error of its own: KeyError, IndexError, its many classes
        raise ValueError(f"the formula {tex.strip()!r} cannot be shown: a brace or a command may be wrong") from None
    # a text within a formula may hold anything, so each formula is cleaned by itself
    return clean.clean(made.replace("<math ", f'<math alttext="{escape(tex.strip())}" ', 1), clean.FORMULA)
