"""The source of an HTML page before it is parsed: XHTML made into HTML, and what would keep the parser busy for hours."""

from __future__ import annotations

import re
from collections import Counter
from html import unescape

from ingest.loading.cleaning import clean

DEEPEST = 1000
"""Elements within elements. Browsers stop at 512; the parser looks through all of them at every tag."""

DEEPEST_STYLE = 200
"""Bold within italics and so on, never ended: the parser begins each of them anew in every paragraph."""

MOST_ATTRIBUTES = 5000
LONG_TAG = 20_000
"""The parser compares each attribute of a tag with all others; no shorter tag can hold so many that it matters."""

_VOID = "area|base|br|col|embed|hr|img|input|link|meta|param|source|track|wbr"
_ENDED_BY_THE_NEXT = "a|nobr|p|li|dt|dd|option|optgroup|tr|td|th|thead|tbody|tfoot|rp|rt|html|head|body"
_CANNOT_END_THEMSELVES = (
    "div|span|table|ul|ol|dl|blockquote|section|center|form|font|b|i|u|em|strong|big|small|code|tt|s"
)
_XML = re.compile(r"\s*<\?xml\s")
_SELF_CLOSED = re.compile(rf"<(?!(?:{_VOID})\b)([a-zA-Z][\w:-]*+)([^<>]*)/>")
_TAG = re.compile(
    rf"<(/?)(?!(?:{_VOID}|{_ENDED_BY_THE_NEXT})\b)((?:{_CANNOT_END_THEMSELVES})\b|[a-zA-Z][\w:-]*+(?![^<>]*/>))",
    re.IGNORECASE,
)
"""Tags that begin or end an element which may hold others. In drawings elements end themselves (`<path/>`)."""

_STYLES = frozenset({"b", "big", "code", "em", "font", "i", "s", "small", "strike", "strong", "tt", "u"})
_LONG_TAG = re.compile(rf"<[a-zA-Z][^<>]{{{LONG_TAG},}}+")
_BLANK = re.compile(r"\s+")
_UNREAD = re.compile(r"<(script|style|template)\b.*?(?:</\1\b[^<>]*>?|\Z)|<!--.*?(?:-->|\Z)", re.IGNORECASE | re.DOTALL)
_ANY_TAG = re.compile(r"</?[a-zA-Z!?][^<>]*+>?")


def as_html(source: str) -> str:
    """The source as HTML. In XML an element may close itself, which HTML leaves open: `<title/>` would swallow the page."""
    return ended(source) if _XML.match(source) else source


def ended(source: str) -> str:
    """The source with every element that closes itself closed by a tag."""
    return _SELF_CLOSED.sub(r"<\1\2></\1>", source)


def is_trap(source: str) -> bool:
    """Whether parsing it would take time or memory out of all proportion."""
    return _is_deep(source) or any(len(_BLANK.findall(tag[0])) > MOST_ATTRIBUTES for tag in _LONG_TAG.finditer(source))


def without_tags(source: str) -> str:
    """What stands between the tags, for pages that cannot be parsed."""
    return clean(unescape(_ANY_TAG.sub("\n", _UNREAD.sub("\n", source)))).strip()


def _is_deep(source: str) -> bool:
    begun: Counter[str] = Counter()
    depth = styles = 0
    for ends, name in _TAG.findall(source):
        name = name.lower()
        if ends and not begun[name]:
            continue
        step = -1 if ends else 1
        begun[name] += step
        depth += step
        styles += step * (name in _STYLES)
        if depth > DEEPEST or styles > DEEPEST_STYLE:
            return True
    return False
