"""Builders of Office files for tests, and of the older container that holds doc, xls, ppt and encrypted files."""

from __future__ import annotations

import io
import re
import struct
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

from tests.documents import with_member

SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
SECTOR = 512
_END, _FREE, _FAT = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD


def slides(build: Callable[[Any], object]) -> bytes:
    """A pptx that `build` writes with python-pptx."""
    import pptx

    presentation = pptx.Presentation()
    build(presentation)
    out = io.BytesIO()
    presentation.save(out)
    return out.getvalue()


def workbook(build: Callable[[Any], object]) -> bytes:
    """An xlsx that `build` writes with openpyxl; there is one sheet already."""
    import openpyxl

    book = openpyxl.Workbook()
    build(book)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def edited(data: bytes, path: str, pattern: str, new: str) -> bytes:
    """A copy of an Office file with the XML of a part changed; the pattern must be there."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        xml = archive.read(path).decode()
    changed, count = re.subn(pattern, lambda _: new, xml, flags=re.DOTALL)
    assert count, f"{pattern} is not in {xml}"
    return with_member(data, path, changed.encode())


def with_part(data: bytes, links: str, kind: str, path: str, xml: str) -> bytes:
    """A copy of an Office file with one more part, to which the part with these links (a path) links as `kind`."""
    link = f'<Relationship Id="rId77" Type="http://x/relationships/{kind}" Target="/{path}"/></Relationships>'
    return with_member(edited(data, links, "</Relationships>", link), path, xml.encode())


def worksheet(rows: str, after: str = "") -> bytes:
    """The XML of a worksheet whose rows are written by hand."""
    return f'<worksheet xmlns="{SHEET}"><sheetData>{rows}</sheetData>{after}</worksheet>'.encode()


def ole(streams: Mapping[str, bytes]) -> bytes:
    """A compound file with streams at its root, each filled up to 4,096 bytes at least."""
    bodies = [body.ljust(4096, b"\0") for body in streams.values()]
    chains: list[int] = []
    starts = []
    for body in bodies:
        count = -(-len(body) // SECTOR)
        starts.append(len(chains))
        chains += [*range(len(chains) + 1, len(chains) + count), _END]
    entries = [_entry("Root Entry", 5, 1 if streams else _FREE, _END, 0)]
    for number, (name, body) in enumerate(zip(streams, bodies, strict=True), 1):
        right = number + 1 if number < len(bodies) else _FREE
        entries.append(_entry(name, 2, _FREE, starts[number - 1], len(body), right))
    directory = b"".join(entries)
    directory += b"\0" * (-len(directory) % SECTOR)
    first = len(chains)
    count = len(directory) // SECTOR
    chains += [*range(first + 1, first + count), _END]
    place = len(chains)
    fat = [*chains, _FAT]
    assert len(fat) <= SECTOR // 4, "one sector of table only"
    table = struct.pack(f"<{SECTOR // 4}L", *fat, *[_FREE] * (SECTOR // 4 - len(fat)))
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    head += struct.pack("<LLLLLLLLL", 0, 1, first, 0, 4096, _END, 0, _END, 0)
    head += struct.pack("<109L", place, *[_FREE] * 108)
    padded = b"".join(body + b"\0" * (-len(body) % SECTOR) for body in bodies)
    return head + padded + directory + table


def _entry(name: str, kind: int, child: int, start: int, size: int, right: int = _FREE) -> bytes:
    letters = (name + "\0").encode("utf-16-le")
    return (
        letters.ljust(64, b"\0")
        + struct.pack("<HBBLLL", len(letters), kind, 1, _FREE, right, child)
        + bytes(36)
        + struct.pack("<LQ", start, size)
    )
