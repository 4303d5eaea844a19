"""Telling apart what comes as a zip (Office, EPUB, OpenDocument) or in Microsoft's older container (OLE)."""

from __future__ import annotations

import re

from ingest.loading.archive import Archive, opened
from ingest.loading.foreign import Foreign
from ingest.loading.formats import DOCX, EPUB, LEGACY, MSG, PPTX, XLSX, ZIP, Format
from ingest.loading.limits import Limits
from ingest.loading.ole import root_entries
from rag.errors import FileRefused

OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")

MOST_TYPES = 1 << 20
"""Bytes read of a zip's list of types; a real one has some thousand."""

_EXPORT = "Export it as PDF, or in Microsoft's newer format, and add that."

_TYPES: tuple[tuple[str, Format | Foreign], ...] = (
    (r"wordprocessingml\.(document|template)\.main|ms-word\.(document|template)\.macroEnabled", DOCX),
    (r"ms-excel\.sheet\.binary", LEGACY),
    (r"spreadsheetml\.(sheet|template)\.main|ms-excel\.(sheet|template|addin)\.macroEnabled", XLSX),
    (r"presentationml\.(presentation|slideshow|template)\.main|ms-powerpoint\.\w+\.macroEnabled", PPTX),
    (r"ms-visio", Foreign("a Visio drawing", _EXPORT)),
    (r"ms-package\.3dmanufacturing|model\+xml", Foreign("a 3D model")),
    (r"fixeddocument|xps", Foreign("an XPS document", "Convert it to PDF and add that.")),
)
_MAIN_TYPES = tuple((re.compile(pattern.encode(), re.IGNORECASE), kind) for pattern, kind in _TYPES)

_MIMETYPES: tuple[tuple[bytes, Format | Foreign], ...] = (
    (b"application/epub+zip", EPUB),
    (b"application/vnd.oasis.opendocument.text", LEGACY),
    (b"application/vnd.oasis.opendocument.spreadsheet", LEGACY),
    (b"application/vnd.oasis.opendocument.presentation", LEGACY),
    (b"application/vnd.oasis.opendocument", Foreign("an OpenDocument drawing", "Export it as PDF and add that.")),
)
_BY_MEMBER: tuple[tuple[str, Format | Foreign], ...] = (
    ("META-INF/container.xml", EPUB),
    ("word/document.xml", DOCX),
    ("xl/workbook.xml", XLSX),
    ("ppt/presentation.xml", PPTX),
    ("Index/Document.iwa", Foreign("an Apple document (Pages, Numbers, Keynote)", _EXPORT)),
    ("Index.zip", Foreign("an Apple document (Pages, Numbers, Keynote)", _EXPORT)),
    ("AndroidManifest.xml", Foreign("a program for Android")),
    ("META-INF/MANIFEST.MF", Foreign("a Java program")),
)

_OLE_ENTRIES: tuple[tuple[str, Format | Foreign | None], ...] = (
    ("EncryptedPackage", None),
    ("__properties_version1.0", MSG),
    ("WordDocument", LEGACY),
    ("Workbook", LEGACY),
    ("Book", LEGACY),
    ("PowerPoint Document", LEGACY),
    ("VisioDocument", Foreign("a Visio drawing", _EXPORT)),
    ("Quill", Foreign("a Publisher document", _EXPORT)),
)
_UNKNOWN_OLE = Foreign("an older Microsoft file of an unknown kind", _EXPORT)


def in_zip(name: str, data: bytes, limits: Limits) -> Format | Foreign:
    """What a zip is. Raises `FileRefused` where it is broken, beyond the limits, or encrypted where it matters."""
    with opened(name, data, limits) as archive:
        mimetype = _start(archive, "mimetype", 100).strip()
        types = _start(archive, "[Content_Types].xml", MOST_TYPES)
        return (
            next((kind for mark, kind in _MIMETYPES if mimetype.startswith(mark)), None)
            or next((kind for pattern, kind in _MAIN_TYPES if pattern.search(types)), None)
            or next((kind for path, kind in _BY_MEMBER if archive.find(path)), None)
            or ZIP
        )


def _start(archive: Archive, path: str, most: int) -> bytes:
    member = archive.find(path)
    if member is None or member.size == 0:
        return b""
    with archive.stream(member) as stream, archive.reading(member):
        return stream.read(most)


def in_ole(name: str, data: bytes, named: Format | None) -> Format | Foreign:
    """What an older Microsoft file is, by the streams at its root. Raises `FileRefused` for one that is encrypted."""
    entries = _root_entries(data)
    for entry, kind in _OLE_ENTRIES:
        if entry in entries:
            if kind is None:
                raise FileRefused(
                    "password-protected", f"{name} opens only with a password.", "Save a copy without it and add that."
                )
            return kind
    return named if named in (LEGACY, MSG) else _UNKNOWN_OLE


def _root_entries(data: bytes) -> set[str]:
    """The names at the root; of one whose directory is broken, those that stand anywhere in it."""
    entries = root_entries(data)
    if entries is not None:
        return entries
    return {entry for entry, _ in _OLE_ENTRIES if entry.encode("utf-16-le") in data}
