"""RTF as Outlook packs it (MS-OXRTFCP): runs of what came before are given by place and length."""

from __future__ import annotations

import struct

MOST_BYTES = 64 * 1024 * 1024

_PACKED, _PLAIN = b"LZFu", b"MELA"
_KNOWN_BEFORE = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor MS Sans "
    b"SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)
_RING = 4096


def unpacked(data: bytes) -> bytes:
    """The RTF; what there is of it, where the data is cut off; nothing, where it is something else."""
    if len(data) < 16:
        return b""
    _, size, kind, _ = struct.unpack_from("<II4sI", data)
    if kind == _PLAIN:
        return data[16 : 16 + size]
    return _unpacked(data, min(size, MOST_BYTES)) if kind == _PACKED else b""


def _unpacked(data: bytes, size: int) -> bytes:
    ring = bytearray(_KNOWN_BEFORE.ljust(_RING, b"\0"))
    at, write = 16, len(_KNOWN_BEFORE)
    out = bytearray()
    while at < len(data) and len(out) < size:
        flags, at = data[at], at + 1
        for bit in range(8):
            if at >= len(data):
                break
            if not flags >> bit & 1:
                piece, at = data[at : at + 1], at + 1
            else:
                token, at = int.from_bytes(data[at : at + 2], "big"), at + 2
                place, length = token >> 4, (token & 0xF) + 2
                if place == write:
                    return bytes(out[:size])
                piece = b""
            if piece:
                ring[write] = piece[0]
                write = (write + 1) % _RING
                out += piece
                continue
            for _ in range(length):
                ring[write] = byte = ring[place]
                write, place = (write + 1) % _RING, (place + 1) % _RING
                out.append(byte)
    return bytes(out[:size])
