"""EPUB: the chapters in the order in which they are read, with their headings as sections."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from ingest.loading.archive import Archive, harmless, opened
from ingest.loading.cleaning import one_line
from ingest.loading.html import declared_encoding, markup, read
from ingest.loading.html_source import ended
from ingest.loading.limits import Limits
from ingest.loading.parsed import Parsed
from ingest.loading.sections import sections_of, title_from
from ingest.loading.text import decode
from rag.errors import FileRefused
from rag.types import Document

CONTAINER = "META-INF/container.xml"
ENCRYPTION = "META-INF/encryption.xml"
_FONTS_ONLY = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
"""Fonts are scrambled so that they are not copied; the text of such a book is free."""

_PAGES = ("application/xhtml+xml", "text/html")
_SUFFIXES = (".xhtml", ".html", ".htm")


@dataclass(slots=True)
class _Book:
    """What a book says of itself: title, authors, the paths of its chapters in order, and of its table of contents."""

    title: str = ""
    authors: str = ""
    chapters: list[str] = field(default_factory=list)
    contents: list[str] = field(default_factory=list)


def load(name: str, data: bytes, limits: Limits) -> Parsed:
    """The text of the chapters. Raises `FileRefused` ("password-protected") for a book under copy protection."""
    with opened(name, data, limits) as archive:
        book = _book(name, archive)
        _refuse_protected(name, archive, book)
        parts = [part for part in (book.title, book.authors) if part]
        text, warnings = "\n".join(parts), []
        headings: list[tuple[int, int, str]] = []
        labels = dict(_labels(name, archive, book))
        for path in book.chapters:
            source, said = _source(name, archive, path)
            page = read(ended(source))
            warnings += [*said, *page.warnings]
            if not page.text:
                continue
            text += "\n\n" if text else ""
            found = page.headings or ([(0, 1, labels[path])] if path in labels else [])
            headings += [(len(text) + start, level, words) for start, level, words in found]
            text += page.text
    title = book.title or next((words for _, _, words in headings), "") or title_from(name)
    return Parsed(Document(title, text, "", (), sections_of(headings), tuple(dict.fromkeys(warnings))))


def _book(name: str, archive: Archive) -> _Book:
    """What the package says; of a book without one, all its pages in the order in which they are packed."""
    root = next((node.attrs.get("full-path") for node in _tree(name, archive, CONTAINER).css("rootfile")), None)
    book = _Book()
    if root:
        _read_package(_tree(name, archive, harmless(root)), posixpath.dirname(root), book)
    if not any(archive.find(path) for path in book.chapters):
        book.chapters = [member.path for member in archive.members if member.path.lower().endswith(_SUFFIXES)]
    return book


def _read_package(package: Any, folder: str, book: _Book) -> None:
    paths: dict[str, str] = {}
    for item in package.css("item"):
        path = _resolved(folder, item.attrs.get("href") or "")
        kind, properties = item.attrs.get("media-type") or "", (item.attrs.get("properties") or "").split()
        if "nav" in properties or kind == "application/x-dtbncx+xml":
            book.contents.append(path)
        elif kind in _PAGES:
            paths[item.attrs.get("id") or ""] = path
    for reference in package.css("itemref"):
        if path := paths.pop(reference.attrs.get("idref") or "", ""):
            book.chapters.append(path)
    book.title = one_line(_said(package, "title"))
    book.authors = one_line(_said(package, "creator", ", "))


def _said(package: Any, element: str, between: str = "") -> str:
    """What the metadata says: of several titles the first, of authors all."""
    found = [node.text().strip() for node in package.css(rf"dc\:{element}, {element}")]
    return between.join(found) if between else next(iter(found), "")


def _refuse_protected(name: str, archive: Archive, book: _Book) -> None:
    if archive.find(ENCRYPTION) is None:
        return
    chapters = set(book.chapters)
    for entry in _tree(name, archive, ENCRYPTION).css(r"encrypteddata, enc\:encrypteddata"):
        methods = entry.css(r"encryptionmethod, enc\:encryptionmethod")
        files = entry.css(r"cipherreference, enc\:cipherreference")
        if all(method.attrs.get("algorithm") in _FONTS_ONLY for method in methods):
            continue
        if any(_resolved("", file.attrs.get("uri") or "") in chapters for file in files):
            raise FileRefused(
                "password-protected",
                f"{name} is under copy protection (DRM): only its reader program can open it.",
                "Add a copy that is not protected.",
            )


def _labels(name: str, archive: Archive, book: _Book) -> Iterator[tuple[str, str]]:
    """`(path, words)` from the table of contents, the later entries of a chapter first: it is called by the first."""
    found: list[tuple[str, str]] = []
    for path in book.contents:
        tree, folder, label = _tree(name, archive, path), posixpath.dirname(path), ""
        for node in tree.css("navlabel, content, nav a"):
            label = label if node.tag == "content" else one_line(node.text())
            if target := node.attrs.get("src") or node.attrs.get("href"):
                found.append((_resolved(folder, target), label))
    return ((path, label) for path, label in reversed(found) if label)


def _resolved(folder: str, target: str) -> str:
    """The path in the archive that a reference leads to."""
    return harmless(posixpath.normpath(posixpath.join(folder, unquote(target.partition("#")[0]))))


def _tree(name: str, archive: Archive, path: str) -> Any:
    return markup(_source(name, archive, path)[0])


def _source(name: str, archive: Archive, path: str) -> tuple[str, tuple[str, ...]]:
    member = archive.find(path)
    if member is None:
        return "", ()
    data = archive.read(member)
    return decode(name, data, declared_encoding(data)) if data else ("", ())
