"""Lets through no markup but what the pages need: text of tables, notebooks and outputs stays text.

The pages' policy is the second lock: it lets no script run and nothing be fetched, whatever came through here.
"""

from __future__ import annotations

import re

import nh3

_TEXT = """a abbr b blockquote br code dd details div dl dt em figcaption figure h1 h2 h3 h4 h5 h6 hr i img li ol p pre
section small span strong sub summary sup table caption tbody td tfoot th thead tr ul del"""
_DRAWING = "svg g path rect circle line"
_FORMULA = """math mrow mi mo mn mtext mspace mfrac msqrt mroot msub msup msubsup mover munder munderover mtable mtr
mtd mstyle mpadded mphantom menclose"""
FORMULA = set(_FORMULA.split())
TAGS = {*_TEXT.split(), *_DRAWING.split(), *FORMULA}

_SHAPE = {"d", "x", "y", "cx", "cy", "r", "width", "height", "fill", "stroke", "transform"}
#: what each element may say of itself; ids, by which pages find their way, only publish gives
ATTRIBUTES: dict[str, set[str]] = {
    "*": {"class", "role", "tabindex", "aria-label", "aria-hidden"},
    "a": {"href", "title"},
    "details": {"open"},
    "img": {"src", "alt", "width"},
    "th": {"scope", "colspan", "rowspan"},
    "td": {"colspan", "rowspan"},
    "ol": {"start"},
    "svg": {"width", "height", "viewBox"},
    **dict.fromkeys(_DRAWING.split()[1:], _SHAPE),
    "math": {"display", "alttext"},
    "mo": {"stretchy", "fence", "form", "lspace", "rspace", "separator", "largeop", "movablelimits"},
    "mi": {"mathvariant"},
    "mspace": {"width"},
    "mfrac": {"linethickness"},
    "mtd": {"columnalign"},
    "mtable": {"columnalign", "rowspacing", "columnspacing"},
    "mstyle": {"displaystyle", "scriptlevel"},
    "menclose": {"notation"},
}
#: what only publish calls a section: cells find their way by it
OWN = {"prose", "step"}
#: the one kind of picture a page holds
PICTURE = "data:image/svg+xml,"
#: a look of a shape is words, numbers and colours: an address in it, however escaped, would be fetched
LOOK = re.compile(r"(?!.*url)[\w\s.,%#()+-]*", re.IGNORECASE)
#: where a link may lead: a place in the pages, a file of the suite, or the web
ADDRESS = re.compile(r"(?![\\/]{2}|[\w+.-]*:)\S*|https?://\S+", re.IGNORECASE)


def clean(html: str, tags: set[str] = TAGS) -> str:
    """The HTML with only what is allowed; the rest is taken out, scripts and styles with what they hold."""
    return nh3.clean(
        html,
        tags=tags,
        attributes=ATTRIBUTES,
        attribute_filter=_value,
        generic_attribute_prefixes={"data-"},
        url_schemes={"http", "https", "data"},
        link_rel=None,
    )


def address(url: str) -> str:
    """The address of a link if a reader may be sent there; "" otherwise."""
    return url if ADDRESS.fullmatch(url) else ""


def _value(tag: str, name: str, value: str) -> str | None:
    """An attribute's value, or None to take the attribute out."""
    if name == "class":
        return " ".join(word for word in value.split() if word not in OWN)
    if name == "src":
        return value if value.startswith(PICTURE) else None
    if name == "href":
        return address(value) or None
    if name in ("fill", "stroke"):
        return value if LOOK.fullmatch(value) else None
    return value
