"""Writes Microsoft's older container (OLE), and Outlook mails (msg) in it: real ones, small."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import TypeAlias

SECTOR, MINI, CUTOFF = 512, 64, 4096
FREE, END, FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD

Tree: TypeAlias = "Mapping[str, bytes | Tree]"


def ole(tree: Tree) -> bytes:
    """A container with the streams (bytes) and storages (mappings) of the tree."""
    return _Writer().write(tree)


class _Writer:
    def __init__(self) -> None:
        self.sectors: list[bytes] = []
        self.chain: list[int] = []
        self.mini = bytearray()
        self.mini_chain: list[int] = []
        self.entries: list[list[int | str | bytes]] = []

    def write(self, tree: Tree) -> bytes:
        self._entry("Root Entry", 5)
        self._below(0, tree)
        self.entries[0][5:7] = [self._stored(bytes(self.mini)), len(self.mini)]
        mini_fat = self._stored(b"".join(struct.pack("<I", each) for each in self.mini_chain)) if self.mini else END
        directory = self._stored(b"".join(map(_packed, self.entries)))
        count = 1
        while count * 128 < len(self.chain) + count:
            count += 1
        first = len(self.sectors)
        table = [*self.chain, *[FAT] * count]
        fat = b"".join(struct.pack("<I", each) for each in table).ljust(count * SECTOR, b"\xff")
        head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
        minis = -(-len(self.mini_chain) * 4 // SECTOR)
        head += struct.pack("<IIIIIIIII", 0, count, directory, 0, CUTOFF, mini_fat, minis, END, 0)
        head += b"".join(struct.pack("<I", first + each if each < count else FREE) for each in range(109))
        return head + b"".join(self.sectors) + fat

    def _entry(self, name: str, kind: int) -> int:
        self.entries.append([name, kind, FREE, FREE, FREE, 0, 0])
        return len(self.entries) - 1

    def _below(self, parent: int, tree: Tree) -> None:
        before = None
        for name, value in sorted(tree.items(), key=lambda item: (len(item[0]), item[0].upper())):
            place = self._entry(name, 2 if isinstance(value, bytes) else 1)
            if before is None:
                self.entries[parent][4] = place
            else:
                self.entries[before][3] = place  # a tree that leans to the right
            before = place
            if isinstance(value, bytes):
                self.entries[place][5:7] = [self._stream(value), len(value)]
            else:
                self._below(place, value)

    def _stream(self, data: bytes) -> int:
        if len(data) >= CUTOFF:
            return self._stored(data)
        if not data:
            return END
        start, count = len(self.mini_chain), -(-len(data) // MINI)
        self.mini += data.ljust(count * MINI, b"\0")
        self.mini_chain += [*range(start + 1, start + count), END]
        return start

    def _stored(self, data: bytes) -> int:
        if not data:
            return END
        start, count = len(self.sectors), -(-len(data) // SECTOR)
        self.sectors += [data[each * SECTOR : (each + 1) * SECTOR].ljust(SECTOR, b"\0") for each in range(count)]
        self.chain += [*range(start + 1, start + count), END]
        return start


def _packed(entry: list[int | str | bytes]) -> bytes:
    name, kind, left, right, child, start, size = entry
    raw = str(name).encode("utf-16-le")
    return struct.pack("<64sHBBIII16sIQQIQ", raw, len(raw) + 2, kind, 1, left, right, child, b"", 0, 0, 0, start, size)


def properties(
    texts: Mapping[int, str],
    data: Mapping[int, bytes] | None = None,
    numbers: Mapping[int, int] | None = None,
    head: int = 8,
) -> dict[str, bytes | Tree]:
    """The streams that hold properties: texts in UTF-16, data as it is, numbers in the table."""
    streams: dict[str, bytes | Tree] = {}
    table = bytes(head)
    for number, text in texts.items():
        streams[f"__substg1.0_{number:04X}001F"] = text.encode("utf-16-le")
    for number, value in (data or {}).items():
        streams[f"__substg1.0_{number:04X}0102"] = value
    for number, count in (numbers or {}).items():
        table += struct.pack("<HHIQ", 3, number, 6, count)
    return {**streams, "__properties_version1.0": table}
