"""A document to chunks with exact offsets: LlamaIndex's `SentenceSplitter`, counting in the embedder's own tokens.

A chunk never crosses a page. Within a page, or in a document without pages, it keeps to a section, unless sections are
so small that neighbours share a chunk.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

from rag.errors import FootnoteError
from rag.types import Chunk, Document, Page, Section

SMALL_SECTION_TOKENS = 64
"""A section below this is joined with the next one, so that a bare heading is never a chunk of its own."""

MOST_CHARACTERS_PER_TOKEN = 12
"""What is longer is taken for too long without counting, which spares a third of the work; English has 4 to 5. It also
keeps what one token stands for short: a tokenizer may read a word of 10,000 letters as a single unknown one."""

Tokenize = Callable[[str], list[str]]
Span = tuple[int, int]

_ABBREVIATED = r"(?<!\b[A-Z])(?<!\b(?:Mr|Ms|Dr|No|St|vs|cf))(?<!\b(?:Mrs|Inc|Ltd|Nos|Sec|Art|Fig))"
_UNIT = re.compile(
    r"\|[^\n]*(?:\n|\Z)"  # a row of a Markdown table is one, whatever is in it
    r"|.+?(?:"
    rf"{_ABBREVIATED}[.!?][)\]\"'”’»*_]*(?:\[\d+\])*\s+(?=[^\sa-z])"  # a sentence ends, the next begins
    r"|[。！？]\s*"
    r"|\n\s*\n\s*"  # a paragraph ends
    r"|(?<![a-z,;])\n(?=[^\na-z(])"  # a line ends, and the next does not go on with it: rows of tables in PDFs
    r"|\n(?=[|#•*-]|\d+[.)]\s)"  # a row, a heading or an item begins
    r"|\Z)",
    re.DOTALL,
)
_PART = r"(?s:.{1,400}?\n|.{1,400}?(?:[,;:]\s+|\s[-–—]\s+|\Z)|.{1,400}\s+|.{1,100})"
"""Where a sentence that is too long may be cut: at a line's end, behind punctuation, else between words, else anywhere; never inside a
number such as `1,577`, as LlamaIndex's own rule does."""


def chunk(document: Document, tokenize: Tokenize, chunk_tokens: int) -> list[Chunk]:
    """Split a document into chunks of at most `chunk_tokens` tokens, in order.

    For each of them `document.text[start:end] == text`, and every character but white space is in exactly one. Raises
    `FootnoteError` when the splitter's work does not fit the text; a guessed place is never returned.
    """
    splitting = _Splitting(tokenize, chunk_tokens)
    chunks: list[Chunk] = []
    starts = [section.start for section in document.sections]
    for page in document.pages or (None,):
        begin, end = (page.start, page.end) if page else (0, len(document.text))
        for span in splitting.pieces(document.text, begin, end, _cuts(starts, begin, end)):
            chunks.append(_chunk(len(chunks), span, document, page, starts))
    return chunks


def _chunk(ordinal: int, span: Span, document: Document, page: Page | None, starts: list[int]) -> Chunk:
    start, end = span
    return Chunk(
        ordinal=ordinal,
        start=start,
        end=end,
        text=document.text[start:end],
        section=_section(document.sections, starts, start, end),
        page=page.number if page else None,
        page_label=page.label if page else None,
    )


def _cuts(starts: list[int], begin: int, end: int) -> list[int]:
    """Where sections begin strictly inside a range."""
    return sorted(set(starts[bisect_right(starts, begin) : bisect_right(starts, end - 1)]))


def _section(sections: tuple[Section, ...], starts: list[int], start: int, end: int) -> str:
    """The path of the section that most of the range lies in; of several at one place, the last and deepest."""
    first = bisect_right(starts, start)
    last = bisect_right(starts, end - 1)
    bounds = [start, *starts[first:last], end]
    lengths = [after - before for before, after in pairwise(bounds)]
    longest = first + lengths.index(max(lengths))
    return sections[longest - 1].path if longest else ""


class _Splitting:
    """Cuts ranges of a text into spans that fit."""

    def __init__(self, tokenize: Tokenize, chunk_tokens: int) -> None:
        self._tokenize = tokenize
        self._limit = chunk_tokens
        self._splitters: dict[int, Any] = {}

    def pieces(self, text: str, begin: int, end: int, cuts: list[int]) -> Iterator[Span]:
        """Spans of `text[begin:end]`, without white space at their ends, split at `cuts` where sections are not small."""
        for start, stop in self._blocks(text, begin, end, cuts):
            if not text[start:stop].strip():
                continue
            yield from self._fitting(text, start, stop, self._limit)

    def _blocks(self, text: str, begin: int, end: int, cuts: list[int]) -> Iterator[Span]:
        """Ranges between cuts; a small one grows into the next, and the last into the one before if both fit."""
        blocks: list[tuple[int, int, int]] = []
        for start, stop in pairwise([begin, *cuts, end]):
            size = self._size(text[start:stop]) if cuts else self._limit
            before = blocks[-1] if blocks else None
            is_small_end = stop == end and size < SMALL_SECTION_TOKENS
            if before and (before[2] < SMALL_SECTION_TOKENS or (is_small_end and before[2] + size <= self._limit)):
                blocks[-1] = (before[0], stop, before[2] + size)
            else:
                blocks.append((start, stop, size))
        return ((start, stop) for start, stop, _ in blocks)

    def _fitting(self, text: str, begin: int, end: int, size: int) -> Iterator[Span]:
        """What the splitter makes of a range, split again where a tokenizer counts a whole as more than its parts."""
        for start, stop in _located(text, begin, end, self._splitter(size).split_text(text[begin:end])):
            if size > 1 and self._size(text[start:stop]) > self._limit:
                yield from self._fitting(text, start, stop, size * 3 // 4)
            else:
                yield start, stop

    def _size(self, text: str) -> int:
        """Tokens of a text; more than the limit, whatever they are, for one that is surely too long."""
        if len(text) > self._limit * MOST_CHARACTERS_PER_TOKEN:
            return self._limit + 1
        return len(self._tokenize(text))

    def _splitter(self, size: int) -> Any:
        if size not in self._splitters:
            from llama_index.core.node_parser import SentenceSplitter

            self._splitters[size] = SentenceSplitter(
                chunk_size=size,
                chunk_overlap=0,
                # Without one, it asks tiktoken, which fetches a file. It repeats parts of no tokens (accents alone) as overlap.
                tokenizer=lambda part: range(max(1, self._size(part))),
                chunking_tokenizer_fn=_UNIT.findall,  # its own takes tables for one sentence, and seconds to load
                secondary_chunking_regex=_PART,
                paragraph_separator="\n\n",
            )
        return self._splitters[size]


def _located(text: str, begin: int, end: int, pieces: list[str]) -> Iterator[Span]:
    """Where the pieces stand, each behind the one before, with nothing but white space between them."""
    cursor = begin
    for piece in pieces:
        start = text.find(piece, cursor, end)
        if start < 0 or text[cursor:start].strip():
            break
        cursor = start + len(piece)
        yield start, cursor
    if text[cursor:end].strip():
        raise FootnoteError(
            "The text splitter changed the text of a document, so that its passages could not be placed.",
            "Nothing of it was indexed. This is a fault of Footnote: please report it with the file.",
        )
