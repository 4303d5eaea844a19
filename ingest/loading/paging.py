"""Slides and sheets to one text with pages, within the limits."""

from __future__ import annotations

from ingest.loading.limits import Limits
from rag.errors import FileRefused
from rag.types import Page

BETWEEN_PAGES = "\n\n"


def too_many_pages(name: str, count: int, what: str, limits: Limits) -> FileRefused:
    """The refusal of a file with more slides or sheets than are read."""
    return FileRefused(
        "too large",
        f"{name} has {count:,} {what}; the limit is {limits.pages:,}.",
        "Split it into smaller files, or raise FOOTNOTE_PARSE_PAGES.",
    )


def pictures_only(name: str) -> FileRefused:
    """The refusal of a file that shows something, but has no text."""
    return FileRefused(
        "no text (scanned)",
        f"{name} holds pictures only: there is no text in it.",
        "Save it as PDF and add that: text in the pictures of a PDF can be recognised.",
    )


class TextBudget:
    """Counts the characters that were read. Raises `FileRefused` ("too large") when they are more than may come back."""

    def __init__(self, name: str, limits: Limits) -> None:
        self._name = name
        self._most = limits.output_mb * 1024**2
        self._spent = 0

    def spend(self, text: str) -> str:
        """The text itself, counted."""
        self._spent += len(text)
        if self._spent > self._most:
            raise FileRefused(
                "too large",
                f"{self._name} holds more than {self._most // 1024**2:,} million characters of text.",
                "Split it into smaller files.",
            )
        return text


class Pages:
    """Puts pages one behind the other: each ends where the next begins."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._pages: list[Page] = []
        self.length = 0

    def add(self, text: str, label: str | None) -> int:
        """Add a page, with text or without, and return where it begins."""
        start = self.length
        if text:
            self._parts += (text, BETWEEN_PAGES)
            self.length += len(text) + len(BETWEEN_PAGES)
        self._pages.append(Page(len(self._pages) + 1, start, self.length, label))
        return start

    def result(self) -> tuple[str, tuple[Page, ...]]:
        """The whole text and the pages."""
        return "".join(self._parts), tuple(self._pages)
