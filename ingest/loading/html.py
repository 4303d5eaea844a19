"""HTML: what a reader of the page reads, as Markdown without links and pictures."""

from __future__ import annotations

import re
from typing import Any

from ingest.loading.cleaning import clean, one_line
from ingest.loading.sections import sections_of, title_from
from ingest.loading.text import WESTERN, decode, headings
from rag.types import Document

DECLARED_WITHIN = 2048
"""Bytes among which a page declares its encoding (the standard asks for 1,024)."""

_DECLARED = re.compile(rb"""charset\s*=\s*["']?\s*([a-z0-9_:-]+)""", re.IGNORECASE)
_ENCODINGS = re.compile(
    r"utf-?8|(windows|cp)-?\d+|iso-8859-\d+|koi8-[ru]|gb(k|2312|18030)|big5|shift[_-]jis|euc-(jp|kr)"
)
_READ_AS_WESTERN = ("iso-8859-1", "us-ascii")
"""Browsers read these as cp1252, and so do the people who declare them."""

_NEVER_READ = "script, style, noscript, template, iframe, object, svg, [hidden], [style*='display:none'], [style*='display: none']"
_AROUND = "nav, header, footer, aside, form"
_INLINE = ["a", "b", "strong", "i", "em", "img", "code", "kbd", "samp", "del", "s", "u", "input", "button", "select"]


def load(name: str, data: bytes) -> Document:
    """Read a page. What stands around its content (menus, forms) is left out, hidden parts too."""
    from selectolax.lexbor import LexborHTMLParser

    source, warnings = decode(name, data, _declared(data))
    tree = LexborHTMLParser(clean(source))  # markdownify is slow, beyond measure, on long runs of blanks
    title = " ".join(one_line(node.text()) for node in tree.css("head title"))
    body = tree.body
    text = _markdown(body) if body is not None else ""
    wanted = {(int(str(node.tag)[1]), one_line(node.text())) for node in tree.css("h1, h2, h3, h4, h5, h6")}
    found = [(start, level, words) for start, level, words in headings(text) if (level, one_line(words)) in wanted]
    first = next((words for _, level, words in found if level == 1), "")
    return Document(
        title=title or first or title_from(name),
        text=text,
        parser="",
        sections=sections_of(found),
        warnings=warnings,
    )


def _declared(data: bytes) -> str:
    found = _DECLARED.search(data[:DECLARED_WITHIN])
    encoding = found[1].decode("ascii").lower() if found else ""
    if encoding in _READ_AS_WESTERN:
        return WESTERN
    return encoding if _ENCODINGS.fullmatch(encoding) else ""


def _markdown(body: Any) -> str:
    from markdownify import MarkdownConverter

    for node in body.css(_NEVER_READ):
        node.decompose()
    whole = len(body.text())
    for node in body.css(_AROUND):
        if node.parent is not None and not _is_content(node, whole):
            node.decompose()
    converter = MarkdownConverter(
        heading_style="atx",
        bullets="-",
        strip=_INLINE,
        escape_asterisks=False,
        escape_underscores=False,
        table_infer_header=True,
        wrap=True,  # a line's end in the source is a blank to the reader;
        wrap_width=None,  # and no others are put in
    )
    return clean(str(converter.convert(body.html or ""))).strip("\n")


def _is_content(node: Any, whole: int) -> bool:
    """A header that carries the page's title is content, and so is what holds most of the page's text."""
    return (node.tag == "header" and node.css_first("h1") is not None) or len(node.text()) * 2 > whole
