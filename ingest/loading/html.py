"""HTML: what a reader of the page reads, as Markdown without links and pictures."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.loading.cleaning import clean, one_line
from ingest.loading.html_source import as_html, ended, is_trap, without_tags
from ingest.loading.html_text import text_of
from ingest.loading.limits import Limits
from ingest.loading.parsed import Parsed
from ingest.loading.sections import sections_of, title_from
from ingest.loading.text import decode, encoding_of
from rag.types import Document

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser

DECLARED_WITHIN = 2048
"""Bytes among which a page declares its encoding (the standard asks for 1,024)."""

_DECLARED = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([a-z0-9_:-]+)""", re.IGNORECASE)
_TRAP = "The page is nested too deeply to be read as one: its text was read, without headings, lists and tables."


def load(name: str, data: bytes, _limits: Limits) -> Parsed:
    """Read a page. What stands around its content (menus, forms) is left out, hidden parts too."""
    source, warnings = decode(name, data, declared_encoding(data))
    page = read(source)
    warnings += page.warnings
    title = page.title or next((words for _, level, words in page.headings if level == 1), "") or title_from(name)
    sections = sections_of(page.headings)
    return Parsed(Document(title=title, text=page.text, parser="", sections=sections, warnings=warnings))


@dataclass(frozen=True, slots=True)
class Page:
    """A page's text with its headings as `(start, level, words)`, and the title that it names itself."""

    title: str
    text: str
    headings: tuple[tuple[int, int, str], ...] = ()
    warnings: tuple[str, ...] = ()


def read(source: str) -> Page:
    """The text of a page, also of XHTML; only what stands between the tags where they are a trap for the parser."""
    from selectolax.lexbor import LexborHTMLParser

    source = as_html(clean(source))
    if is_trap(source):
        return Page("", without_tags(source), warnings=(_TRAP,))
    tree = LexborHTMLParser(source)
    title = " ".join(one_line(node.text()) for node in tree.css("head title"))
    if tree.body is None:
        return Page(title, "")
    text = text_of(tree.body)
    return Page(title, text.text, tuple(text.headings))


def markup(source: str) -> LexborHTMLParser:
    """The tree of some other XML, empty where it is a trap. Names of elements are in lower case, prefixes kept."""
    from selectolax.lexbor import LexborHTMLParser

    source = ended(source)
    return LexborHTMLParser("" if is_trap(source) else source)


def declared_encoding(data: bytes) -> str:
    """The encoding that a page claims, if it is one that pages have."""
    found = _DECLARED.search(data[:DECLARED_WITHIN])
    return encoding_of(found[1].decode("ascii")) if found else ""
