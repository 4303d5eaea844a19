"""PDF: the text from pdfium, the structure (outline, page labels, title, attached files) from pypdf.

A page's text is its raw text without running headers and footers, mended; where the page has no text layer, or one that
says nothing, it is what was recognised in its picture, if that was done.
"""

from __future__ import annotations

import logging
import re
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import pairwise

from ingest.loading import pdfium
from ingest.loading.cleaning import mend
from ingest.loading.limits import Limits
from ingest.loading.parsed import Parsed
from ingest.loading.pdf_garbled import is_garbled, shows_more
from ingest.loading.pdf_running import Cut, running_lines
from ingest.loading.pdf_structure import Structure
from ingest.loading.pdfium import PageText
from ingest.loading.sections import sections_of, title_from
from rag.errors import FileRefused
from rag.types import Document, Page, Section

LOG = logging.getLogger(__name__)

PAGE_END = "\n\n"
"""What stands between two pages in the document's text; it belongs to the page before."""

TAIL = 2048
"""Bytes at the end among which a whole file has its end mark (the standard's readers accept 1,024)."""

MOST_RANGES = 12


@dataclass(frozen=True, slots=True)
class _Read:
    """A page as it goes into the document: whether its text was recognised, or why its picture has yet to be read."""

    text: str
    cut: Cut = ()
    ocr: bool = False
    unread: str = ""


def load(name: str, data: bytes, limits: Limits, recognised: Mapping[int, str] | None = None) -> Parsed:
    """Read a PDF; `recognised` is the text of pages (from 1) whose pictures were read before.

    The text is blank where no page has any. `needs_ocr` are the pages of whose pictures nothing is known. Raises `FileRefused` when it needs a password, has too many pages or is damaged.
    """
    warnings: list[str] = []
    raw, broken = _page_texts(name, data, limits)
    if broken:
        warnings.append(f"{_ranges(broken).capitalize()} cannot be read: the file is damaged there.")
    if b"%%EOF" not in data[-TAIL:]:
        warnings.append("The file has no end mark: it may have been cut off, and pages may be missing.")
    structure = Structure(data, len(raw), limits, warnings)
    headings = structure.headings()
    read = _read(raw, _titles(headings), recognised or {})
    attachments, refused = structure.attachments()
    pages = _pages(read, structure.labels())
    document = Document(
        title=structure.title() or title_from(name),
        text="".join(page.text + PAGE_END for page in read),
        parser="",
        pages=pages,
        sections=_sections(headings, pages, read),
        warnings=(*_unread(raw, read, set(broken)), *warnings),
    )
    needs_ocr = tuple(number for number, page in enumerate(read, 1) if page.unread)
    return Parsed(document, tuple(attachments), needs_ocr, tuple(refused))


def _page_texts(name: str, data: bytes, limits: Limits) -> tuple[list[PageText], list[int]]:
    """The pages, and the numbers of those that cannot be read."""
    texts: list[PageText] = []
    broken: list[int] = []
    with pdfium.opened(data, name) as document:
        count = len(document)
        if count > limits.pages:
            raise FileRefused(
                "too large",
                f"{name} has {count:,} pages; the limit is {limits.pages:,}.",
                "Split it into smaller files, or raise FOOTNOTE_PARSE_PAGES.",
            )
        for index in range(count):
            try:
                texts.append(pdfium.read_page(document, index))
            except pdfium.PageBroken:
                LOG.info("%s: page %d cannot be read", name, index + 1, exc_info=True)
                broken.append(index + 1)
                texts.append(PageText(""))
    if broken and len(broken) == len(texts):
        raise FileRefused("damaged", f"{name} is damaged: none of its pages can be read.", "Fetch the file again.")
    return texts, broken


def _titles(headings: list[tuple[int, int, str]]) -> dict[int, set[str]]:
    titles: dict[int, set[str]] = defaultdict(set)
    for index, _, title in headings:
        titles[index].add(title)
    return titles


def _read(pages: list[PageText], titles: Mapping[int, set[str]], recognised: Mapping[int, str]) -> list[_Read]:
    cuts = running_lines(pages, titles)
    return [
        _page(page, cut, recognised.get(number)) for number, (page, cut) in enumerate(zip(pages, cuts, strict=True), 1)
    ]


def _page(page: PageText, cut: Cut, recognised: str | None) -> _Read:
    """The text layer, unless what was recognised in the picture says more."""
    text = mend(page.raw, cut)[0]
    garbled = is_garbled(page.raw)
    if not garbled and not shows_more(page, text):
        return _Read(text, cut)
    seen = mend(recognised or "")[0]
    if seen.strip() and (garbled or _said(seen) >= _said(text)):
        return _Read(seen, ocr=True)
    if recognised is not None and page.rows and not garbled:
        return _Read(text, cut)
    return _Read(text, cut, unread="garbled" if garbled else "picture")


def _said(text: str) -> int:
    return sum(map(str.isalnum, text))


def _unread(raw: list[PageText], pages: list[_Read], broken: Collection[int]) -> list[str]:
    """Warnings for pages whose text is not in the document, or only a part of it."""
    numbered = [(number, page) for number, page in enumerate(pages, 1) if number not in broken]
    empty = [number for number, page in numbered if not raw[number - 1].rows and not page.ocr]
    garbled = [number for number, page in numbered if page.unread == "garbled"]
    pictures = [number for number, page in numbered if page.unread == "picture" and raw[number - 1].rows]
    said = {
        "No text on {}: nothing there can be found.": empty,
        "The text layer of {} is garbled: its words cannot be found.": garbled,
        "Little text on {} beside a large picture: what the picture says cannot be found.": pictures,
    }
    return [sentence.format(_ranges(numbers)) for sentence, numbers in said.items() if numbers]


def _pages(read: list[_Read], labels: list[str]) -> tuple[Page, ...]:
    starts = [0]
    for page in read:
        starts.append(starts[-1] + len(page.text) + len(PAGE_END))
    return tuple(
        Page(number, start, end, labels[number - 1] if labels else None, read[number - 1].cut, read[number - 1].ocr)
        for number, (start, end) in enumerate(pairwise(starts), 1)
    )


def _sections(headings: list[tuple[int, int, str]], pages: tuple[Page, ...], read: list[_Read]) -> tuple[Section, ...]:
    return sections_of(
        (pages[index].start + _place(title, read[index].text), level, title) for index, level, title in headings
    )


def _place(heading: str, text: str) -> int:
    """Where a heading stands on its page: at the start of a line, else wherever its words are, else at the top."""
    words = r"\s+".join(re.escape(word) for word in heading.split())
    if not words:
        return 0
    line = re.search(rf"^[ \t]*(?:[\dA-Z.]+[ \t]+)?{words}", text, re.IGNORECASE | re.MULTILINE)
    found = line or re.search(words, text, re.IGNORECASE)
    return found.start() if found else 0


def _ranges(numbers: list[int]) -> str:
    """`page 4`, or `pages 3-7, 9`."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    listed = ", ".join("-".join(str(number) for number in run) for run in runs[:MOST_RANGES])
    listed += f" and {len(runs) - MOST_RANGES} more places" if len(runs) > MOST_RANGES else ""
    return f"page{'' if len(numbers) == 1 else 's'} {listed}"
