"""Splits text into sentences with exact offsets, at once or while it is still being written.

A sentence is what carries one claim: a sentence of prose, a list item, a heading, a row of a table. The spans are in
order, do not overlap, and together hold every character that is not white space. A single line break inside a sentence
does not end it, because PDF text is wrapped. A marker like `[1]` after the full stop belongs to the sentence before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from rag.words import word_set


class Span(NamedTuple):
    """A range of a text: `text[start:end]`."""

    start: int
    end: int


ABBREVIATIONS = word_set(
    "mr mrs ms dr prof rev hon gen maj col capt lt sgt st messrs no nos art arts sec ch fig figs eq vol pp p pg par para"
    " cf e.g eg i.e ie viz vs approx ca c dept est ext incl excl max min misc tel resp bzw z.b d.h nr abs"
    " jan feb mar apr jun jul aug sep sept oct nov dec mon tue wed thu fri sat sun translit ed eds trans"
)
"""Words whose full stop does not end a sentence."""

CAN_END = word_set("inc ltd co corp llc plc jr sr etc al u.s u.k u.n e.u a.m p.m am pm b.c a.d ph.d d.c bros gmbh")
"""Abbreviations that may also stand last: they end a sentence when a word follows that usually begins one."""

_STARTERS = word_set(
    "the a an this that these those it its he she they we you i in on at for from if when while as after before since"
    " however but and or also there here both each every all no not what which who how why where although because"
    " employees employee please see during until under over to with"
)
_NEEDS_NUMBER = word_set("no nos art arts sec ch fig figs eq vol pp p pg par para nr abs c ca approx")
_END = re.compile(r"(?:[.!?…]+|[。！？]+)")
_CLOSERS = re.compile(r"(?:['\"”’»)\]}*_`]|\s?''(?=\s|$))+")
MARKER = r"\[(?:(?:passages?|sources?|documents?)\s+)?\^?\d{1,3}(?:\s?[,;–-]\s?\^?\d{1,3})*\]"
"""A footnote marker as models write it: `[1]`, `[1, 2]`, `[1-3]`, `[^1]`, `[passage 1]`."""

_MARKERS = re.compile(rf"(?:[ \t]*\n?[ \t]*{MARKER}(?:\([^)\s]*\))?)+", re.I)
_WORD_BEFORE = re.compile(r"([^\W_][\w.’']*)\.$")
_LIST_ITEM = re.compile(r"\s*(?:[-*+•‣◦▪–]\s+|\(?(?:\d{1,2}|[a-zA-Z]|[ivx]{1,4})[.)]\s+)(?=\S)")
_SECTION = re.compile(
    r"\s*(?:\d{1,2}(?:\.\d{1,3})+\.?|§\s?\d+\w?|(?:Article|Section|Clause|Annex)\s+\d+\w?)\s+(?=[A-Z“\"(])"
)
_HEADING = re.compile(r"\s{0,3}#{1,6}\s")
_FIGURE = re.compile(r"[(\[]?[-−+]?[$€£]?\(?\d[\d.,]*\)?%?\)?|[—–-]")
_UNIT_WORD = re.compile(r"\$|€|£|%|EUR|USD|GBP|CHF", re.I)
_MONTH = re.compile(r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?$", re.I)
_LOOKAHEAD = re.compile(r"\s*\S+\s")
_HANGING = word_set(
    "the a an of and or by to in on at for with from is are was were be been has have had not that which as its their"
)


def split_sentences(text: str) -> list[Span]:
    """The sentences of a text that is complete."""
    return list(_spans(text, whole=True))


def complete(text_so_far: str) -> list[Span]:
    """The sentences that no further text can change: the first ones of what `split_sentences` gives in the end.

    The last sentence is never among them, and a sentence waits for the whole word after it, because that word may
    show that the full stop belonged to an abbreviation or that a marker follows.
    """
    finished: list[Span] = []
    for span in _spans(text_so_far, whole=False):
        rest = text_so_far[span.end :]
        opened = rest.lstrip().startswith("[") and "]" not in rest
        if opened or not _LOOKAHEAD.match(rest):
            break
        finished.append(span)
    return finished


def is_row(line: str) -> bool:
    """Whether a line is a row of a table: cells between pipes or tabs, or words followed by two or more figures."""
    bare = line.strip()
    if bare.startswith("|"):
        return True
    celled = bare.count("|") >= 2 or "\t" in bare or len(trailing_figures(bare)) >= 2
    # While a line is still coming its sentences may have been given out: a line of several is prose for good.
    return celled and len(list(_sentences(line, 0, len(line)))) == 1


def trailing_figures(line: str) -> list[str]:
    """The figures that a line ends with, as in `Net sales 32,136 32,184`; none where they are a date."""
    figures: list[str] = []
    words = line.split()
    while words and (_FIGURE.fullmatch(words[-1]) or _UNIT_WORD.fullmatch(words[-1])):
        word = words.pop()
        if not _UNIT_WORD.fullmatch(word):
            figures.append(word)
    dated = bool(words) and len(figures) <= 2 and _MONTH.search(words[-1]) is not None
    return [] if dated else figures[::-1]


def is_heading_line(line: str) -> bool:
    """Whether a line can be a heading: short, begins with a capital or number, and ends without punctuation.

    Markdown's signs for bold and italics at its ends do not count.
    """
    bare = line.strip().strip("*_").strip()
    words = bare.split()
    if not bare or len(bare) > 70 or len(words) > 9 or bare[-1] in ".,;:!?…)]}。！？|":
        return False
    starts = bare[0].isupper() or bare[0].isdigit()
    return starts and words[-1].lower() not in _HANGING and len(bare) < 60


def _spans(text: str, *, whole: bool) -> Iterator[Span]:
    for start, end, row in _blocks(text, whole=whole):
        if row:
            yield from _trimmed(text, start, end)
        else:
            yield from _sentences(text, start, end)


def _blocks(text: str, *, whole: bool) -> Iterator[tuple[int, int, bool]]:
    """Ranges that no sentence crosses, each with whether it is a table row.

    Where the text goes on (`whole` is false), its last line counts as a row only by its first character: later
    characters could still show that it is prose.
    """
    lines = list(_lines(text))
    start = 0
    for i, (begin, end) in enumerate(lines):
        line = text[begin:end]
        last = i + 1 == len(lines)
        row = is_row(line) if whole or not last else line.lstrip().startswith("|")
        if begin > start and (row or _opens(line)):
            yield start, begin, False
            start = begin
        if row:
            yield start, end, True
            start = end
        elif not last and _closes(text, lines, i):
            yield start, end, False
            start = end
    if start < len(text):
        yield start, len(text), False


def _lines(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for line in text.splitlines(keepends=True):
        yield start, start + len(line)
        start += len(line)


def _opens(line: str) -> bool:
    """Whether the line begins something new."""
    return bool(_LIST_ITEM.match(line) or _SECTION.match(line) or _HEADING.match(line))


def _closes(text: str, lines: list[tuple[int, int]], i: int) -> bool:
    """Whether nothing after line `i` belongs to it: it or the next line is blank, or it is a heading."""
    line = text[slice(*lines[i])]
    after = text[slice(*lines[i + 1])].strip()
    if not line.strip() or not after or _HEADING.match(line):
        return not _MARKERS.match(after) or bool(_HEADING.match(line))
    if _MARKERS.match(after):
        return False
    before = text[slice(*lines[i - 1])].strip() if i else ""
    fresh = not before or before[-1] in ".:!?|。！？" or is_row(before) or is_heading_line(before)
    if _LIST_ITEM.match(line):
        return False
    return fresh and is_heading_line(line) and (after[0].isupper() or after[0] in "|-*•")


def _sentences(text: str, start: int, end: int) -> Iterator[Span]:
    """Sentences of one block, cut at terminators that end one."""
    begin = start
    at = start
    listed = _LIST_ITEM.match(text, start, end)
    if listed:
        at = listed.end()
    while found := _END.search(text, at, end):
        at = stop = found.end()
        closers = _CLOSERS.match(text, stop, end)
        stop = closers.end() if closers else stop
        marker = _MARKERS.match(text, stop, end)
        if marker:
            stop = marker.end()
        wide = found.group()[0] in "。！？"
        if not wide and stop < end and not text[stop].isspace():
            continue
        if marker or wide or _ends(text, begin, found, stop, end):
            yield from _trimmed(text, begin, stop)
            begin = at = stop
    yield from _trimmed(text, begin, end)


def _ends(text: str, begin: int, found: re.Match[str], stop: int, end: int) -> bool:
    """Whether the terminator ends a sentence, by the word before and the word after it."""
    following = re.match(r"\s*(\S+)", text[stop:end])
    if following is None:
        return True
    word = following.group(1)
    if found.group() != ".":
        return not (word[0].islower() and stop == found.end() and found.group()[0] in ".…")
    if word[0].islower():
        return False
    before = _WORD_BEFORE.search(text[begin : found.end()])
    return before is None or _word_ends(before.group(1), word, text[begin : found.start()].strip())


def _word_ends(before: str, after: str, sentence: str) -> bool:
    """Whether `before.` ends the sentence when `after` follows."""
    low = before.lower()
    first = after.strip("\"'“‘(*").lower().rstrip(".,;:")
    if low in CAN_END:
        return first in _STARTERS
    if low in _NEEDS_NUMBER and (len(sentence) > len(before) or low == "no"):
        return not after[:1].isdigit() and (first in _STARTERS or low == "no")
    if low in ABBREVIATIONS:
        return False
    initial = len(before) == 1 and before.isupper() and before != "I"
    dotted = re.fullmatch(r"(?:[A-Za-z]\.)+[A-Za-z]", before) is not None
    if initial or dotted:
        return first in _STARTERS and len(sentence) > len(before)
    # "1." at the beginning is the number of an item, not a sentence.
    return not (before.isdigit() and sentence == before)


def _trimmed(text: str, start: int, end: int) -> Iterator[Span]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start < end:
        yield Span(start, end)
