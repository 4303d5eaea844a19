"""Zips made to bring a reader down."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from functools import partial

Bomb = tuple[str, bytes]

MEGA = 1_000_000


def zipped(members: Mapping[str, bytes]) -> bytes:
    """A deflated zip."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def zip_of_blanks() -> Bomb:
    return "zip-blanks.zip", zipped({"blanks.txt": b" " * (100 * MEGA)})


def zip_in_zip() -> Bomb:
    data = zipped({"heart.txt": b"The heart of the nest."})
    for depth in range(100):
        data = zipped({f"nest{depth}.zip": data})
    return "zip-nest.zip", data


def zip_of_zips_of_zips() -> Bomb:
    """Ten thousand times ten megabytes, as in the famous one: no single zip in it is over a limit."""
    data = zipped({f"{n}.txt": b"0 1\n" * (MEGA // 4) for n in range(10)})
    for _ in range(3):
        data = zipped({f"{n}.zip": data for n in range(10)})
    return "zip-42.zip", data


def zip_crowd_of_zips() -> Bomb:
    """Forty zips of 2,000 files each: below every limit of one zip, 80,000 documents in all."""
    inner = zipped({f"{n}.txt": b"crowd" for n in range(2000)})
    return "zip-crowd.zip", zipped({f"{n}.zip": inner for n in range(40)})


def zip_overlapping(*, size: int | None = None) -> Bomb:
    """Many entries that share one body of ten megabytes; `size` is what they claim it to be."""
    packed = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = b"The same words, again. " * (10 * MEGA // 23)
    data = packed.compress(body) + packed.flush()
    claimed = len(body) if size is None else size
    return f"zip-overlap-{claimed}.zip", _zip_by_hand("a.txt", data, claimed, zlib.crc32(body), 5000)


def zip_million_entries() -> Bomb:
    return "zip-million.zip", _zip_by_hand("", b"", 0, 0, 200_000)


def zip_million_claimed() -> Bomb:
    """An end record (Zip64) that claims a million files; there is one."""
    data = zipped({"a.txt": b"Only me."})
    at = data.rindex(b"PK\x05\x06")
    start, size = struct.unpack_from("<L", data, at + 16)[0], struct.unpack_from("<L", data, at + 12)[0]
    far = struct.pack("<4sQHHLLQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, MEGA, MEGA, size, start)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, at, 1)
    end = struct.pack("<4sHHHHLLH", b"PK\x05\x06", 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return "zip-claims.zip", data[:at] + far + locator + end


def zip_lying(claimed: int) -> Bomb:
    """Fifty megabytes that claim to be something else."""
    packed = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = b"x" * (50 * MEGA)
    data = packed.compress(body) + packed.flush()
    return f"zip-lies-{claimed}.zip", _zip_by_hand("a.txt", data, claimed, zlib.crc32(body), 1)


def zip_of_ways_out() -> Bomb:
    names = [
        "../../../../tmp/out.txt",
        "/etc/passwd.txt",
        "C:\\boot.txt",
        "a/../../b.txt",
        "x" * 60_000 + ".txt",
        "CON\x07\u202e.txt",
    ]
    return "zip-ways-out.zip", zipped({name: f"Way {n}.".encode() for n, name in enumerate(names)})


def _zip_by_hand(name: str, packed: bytes, size: int, crc: int, entries: int) -> bytes:
    method, named = (8 if packed else 0), name.encode()
    head = struct.pack("<HHHHHLLLHH", 20, 0, method, 0, 0x21, crc, len(packed), size, len(named), 0)
    local = b"PK\x03\x04" + head + named + packed
    central = struct.pack("<4sH", b"PK\x01\x02", 20) + head + struct.pack("<HHHLL", 0, 0, 0, 0, 0) + named
    listed = central * entries
    count = min(entries, 0xFFFF)
    end = struct.pack("<4sHHHHLLH", b"PK\x05\x06", 0, 0, count, count, len(listed), len(local), 0)
    return local + listed + end


BUILDERS: tuple[Callable[[], Bomb], ...] = (
    zip_of_blanks,
    zip_in_zip,
    zip_overlapping,
    partial(zip_overlapping, size=10),
    zip_million_claimed,
    partial(zip_lying, 10),
    partial(zip_lying, 0xFFFFFFF0),
    zip_of_ways_out,
)
HEAVY: tuple[Callable[[], Bomb], ...] = (zip_of_zips_of_zips, zip_crowd_of_zips, zip_million_entries)
"""Those that take long: to build, or because all that comes out of them is indexed."""
