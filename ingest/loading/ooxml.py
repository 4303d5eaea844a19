"""What Word, PowerPoint and Excel files have in common: a zip of XML parts that link to one another.

Parts are read one at a time and as they are needed, so that pictures, films and fonts cost nothing. python-docx and
python-pptx hold every part as a tree at once: a docx of 1.5 MB took 5.9 GB that way.
"""

from __future__ import annotations

import io
import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Any
from urllib.parse import unquote

from lxml import etree

from ingest.loading.archive import Archive, Member
from ingest.loading.cleaning import one_line
from rag.errors import FileRefused

RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
REL = f"{{{RELATIONS}}}"
MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
C = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
DGM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"
MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"

READ_BYTES = 1 << 16
LONGEST_FIND = 200
"""Bytes of the longest thing that `search` finds."""

_STRICT = re.compile(rb"http://purl\.oclc\.org/ooxml/(officeDocument/(?:relationships|math)|drawingml/\w+|\w+/main)")
_MEANT = {
    b"wordprocessingml/main": b"wordprocessingml/2006/main",
    b"spreadsheetml/main": b"spreadsheetml/2006/main",
    b"presentationml/main": b"presentationml/2006/main",
    b"officeDocument/relationships": b"officeDocument/2006/relationships",
    b"officeDocument/math": b"officeDocument/2006/math",
}
_JUNK_TITLE = re.compile(
    r"(power\s?point[ -]?pr[eä]senta\w+|pr[eé]sentation powerpoint|(slide|folie|diapositive|presentation|document|dokument|book|mappe"
    r"|workbook|untitled|unbenannt|title|titel)?\s*\d*|(microsoft|ms) (word|excel|powerpoint)\b.*|.*\.(doc|docx|xls|xlsx|ppt|pptx|dot|rtf))",
    re.IGNORECASE,
)
"""Titles that programs write by themselves."""

_DOCTYPE = b"<!DOCTYPE"
_NO_MEMORY = etree.ErrorTypes.ERR_NO_MEMORY


@dataclass(frozen=True, slots=True)
class Link:
    """A link from a part to another: the last word of its kind (`slide`, `footnotes`), and the path of the other."""

    kind: str
    target: str


class Package:
    """The parts of an Office file. What is asked for and is not there is `None`; what cannot be read is `FileRefused`."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self.name = archive.name

    def main(self, *usual: str) -> str:
        """The path of the part that everything hangs on: where the package says, else where it usually is."""
        linked = [link.target for link in self.links("").values() if link.kind == "officeDocument"]
        found = next((path for path in (*linked, *usual) if self._archive.find(path)), None)
        if found is None:
            raise self.damaged("its main part is missing")
        return found

    def links(self, path: str) -> dict[str, Link]:
        """The links of a part by their ids; those out of the file are left out. The package itself is the part ''."""
        folder, part = posixpath.split(path)
        root = self.tree(posixpath.join(folder, "_rels", f"{part}.rels"))
        return {} if root is None else dict(_links(root, folder))

    def linked(self, path: str, kind: str) -> Any | None:
        """The tree of the first part of a kind that a part links to."""
        return next((self.tree(link.target) for link in self.links(path).values() if link.kind == kind), None)

    def title(self) -> str:
        """The title in the properties, where a person wrote it."""
        core = self.linked("", "core-properties")
        found = None if core is None else core.findtext("{http://purl.org/dc/elements/1.1/}title")
        title = one_line(found or "")
        return "" if _JUNK_TITLE.fullmatch(title) else title

    def tree(self, path: str) -> Any | None:
        """The root of a part."""
        member = self._archive.find(path)
        if member is None:
            return None
        data = _STRICT.sub(_transitional, self._archive.read(member))
        self._refuse_entities(_DOCTYPE in data[:READ_BYTES])
        parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, remove_comments=True)
        try:
            root = etree.fromstring(data, parser)
        except etree.XMLSyntaxError as error:
            raise self._unreadable(error, path) from error
        self._refuse_entities(_has_doctype(root))
        return root

    def events(self, path: str, tags: Iterable[str], kinds: tuple[str, ...] = ("end",)) -> Iterator[tuple[str, Any]]:
        """`("start" or "end", element)` for elements of the tags, while the part is read; the caller lets `forget` what is done."""
        member = self._archive.find(path)
        if member is None:
            raise self.damaged(f"{path} is missing")
        with self._archive.stream(member) as stream:
            with self._archive.reading(member):
                head = stream.read(READ_BYTES)
            self._refuse_entities(_DOCTYPE in head)
            events = etree.iterparse(
                _Joined(_STRICT.sub(_transitional, head), stream),
                events=kinds,
                tag=tuple(tags),
                resolve_entities=False,
                no_network=True,
                huge_tree=False,
                remove_comments=True,
            )
            yield from self._events(events, member)

    def search(self, path: str, pattern: re.Pattern[bytes]) -> Iterator[tuple[bytes, ...]]:
        """The groups of what is found in a part's bytes, without reading it as XML: for what stands at its end, but is needed first."""
        member = self._archive.find(path)
        if member is None:
            return
        with self._archive.stream(member) as stream, self._archive.reading(member):
            rest = b""
            while piece := stream.read(READ_BYTES):
                rest += piece
                done = 0
                for found in pattern.finditer(rest):
                    yield found.groups()
                    done = found.end()
                rest = rest[max(done, len(rest) - LONGEST_FIND) :]

    def _events(self, events: Any, member: Member) -> Iterator[tuple[str, Any]]:
        try:
            with self._archive.reading(member):
                for number, event in enumerate(events):
                    if not number:
                        self._refuse_entities(_has_doctype(event[1]))
                    yield event
        except etree.XMLSyntaxError as error:
            raise self._unreadable(error, member.path) from error

    def damaged(self, what: str) -> FileRefused:
        """The refusal of this file, for the reason given."""
        return FileRefused(
            "damaged",
            f"{self.name} is damaged: {what}.",
            "Open it in its own program and save it anew, or fetch it again.",
        )

    def _unreadable(self, error: etree.XMLSyntaxError, path: str) -> Exception:
        if error.code == _NO_MEMORY:
            return MemoryError(str(error))
        return self.damaged(f"{path} inside is not well-formed")

    def _refuse_entities(self, has_doctype: bool) -> None:  # noqa: FBT001
        """Office never writes a document type: it is there to define entities, which grow without end or read other files."""
        if has_doctype:
            raise FileRefused(
                "damaged",
                f"{self.name} defines XML entities, as attacks do and Office never does: it was not read.",
                "Open it in its own program and save it anew, if you trust where it came from.",
            )


class _Joined:
    """The beginning of a part, where its names are declared, and then the rest of it."""

    def __init__(self, head: bytes, rest: IO[bytes]) -> None:
        self._head = io.BytesIO(head)
        self._rest = rest

    def read(self, size: int) -> bytes:
        return self._head.read(size) or self._rest.read(min(size, READ_BYTES))


def _has_doctype(element: Any) -> bool:
    return element.getroottree().docinfo.internalDTD is not None


def _transitional(name: re.Match[bytes]) -> bytes:
    meant = _MEANT.get(name[1], name[1].replace(b"drawingml/", b"drawingml/2006/"))
    return b"http://schemas.openxmlformats.org/" + meant


def _links(root: Any, folder: str) -> Iterator[tuple[str, Link]]:
    for link in root:
        target = link.get("Target")
        if target and link.get("TargetMode") != "External":
            path = posixpath.normpath(posixpath.join("/", folder, unquote(target))).lstrip("/")
            yield link.get("Id", ""), Link(link.get("Type", "").rpartition("/")[2], path)


def forget(element: Any) -> None:
    """Free an element that was read by `events`, and what stands before it."""
    element.clear(keep_tail=False)
    parent = element.getparent()
    while parent is not None and element.getprevious() is not None:
        del parent[0]
