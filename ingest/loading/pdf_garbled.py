"""Whether the text layer of a PDF's page says what the page shows, or its picture has to be read (OCR)."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

from ingest.loading.cleaning import PDFIUM_HYPHEN
from ingest.loading.pdfium import LARGE_PICTURE, PageText

LEAST_BROKEN = 20
SHARE_BROKEN = 0.3
"""How many characters of a page, white space aside, must mean nothing for its text to be garbled."""

LEAST_LETTERS = 300
LEAST_WORDS = 40
SHARE_OF_COMMON = 0.5
SHARE_OF_SPOKEN = 0.75
"""A font whose letters were mixed up: the common ones are rare, and words cannot be spoken."""

LITTLE_TEXT = 40
"""With fewer letters and digits beside a large picture, the text is not what the page says."""

_MEANINGLESS = frozenset({"Cc", "Cf", "Co", "Cn", "Cs"})
_MEANT = "\t\n\r\xad" + PDFIUM_HYPHEN
_COMMON = frozenset("eainrtsoldu")
"""At least 59% of the letters in 20 European languages and their transcriptions; 42% of letters at random."""

_RUN = re.compile(r"([^\w\s])\1{3,}", re.ASCII)
"""Dots between a heading and its page number, in a font that does not say so."""

_WORD = re.compile(r"(?<![^\W_])[A-Za-z]{3,}(?![^\W_])")
_SPOKEN = re.compile(r"[aeiouy]", re.IGNORECASE)


def is_garbled(raw: str) -> bool:
    """Whether a page's text is mostly glyphs without a meaning, or the letters of another alphabet than the words'.

    Numbers, other languages and scripts, and pages with little text are not garbled.
    """
    shown = Counter(
        character for character in _RUN.sub(r"\1", raw) if not character.isspace() and character not in _MEANT
    )
    broken = sum(count for character, count in shown.items() if _is_meaningless(character))
    if broken >= LEAST_BROKEN and broken >= SHARE_BROKEN * shown.total():
        return True
    letters = Counter(character.lower() for character in _letters(raw))
    if letters.total() < LEAST_LETTERS or sum(letters[each] for each in _COMMON) >= SHARE_OF_COMMON * letters.total():
        return False
    words = _WORD.findall(raw)
    return len(words) >= LEAST_WORDS and sum(bool(_SPOKEN.search(word)) for word in words) < SHARE_OF_SPOKEN * len(
        words
    )


def shows_more(page: PageText, text: str) -> bool:
    """Whether a page shows more than its text (running lines aside) says: a scan without text, or with a stamp on it."""
    if not page.rows:
        return page.drawn
    return page.picture >= LARGE_PICTURE and sum(map(str.isalnum, text)) < LITTLE_TEXT


def _is_meaningless(character: str) -> bool:
    return character == "\ufffd" or unicodedata.category(character) in _MEANINGLESS


def _letters(raw: str) -> str:
    """The letters of the Latin alphabet, without the marks on them."""
    return re.sub(r"[^A-Za-z]+", "", raw if raw.isascii() else unicodedata.normalize("NFD", raw))
