"""Opening a zip, or a file that is built as one, so that it can do no harm.

What it claims is checked against the limits before anything is unpacked, and nothing ever gives more than it claimed.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from ingest.loading.cleaning import one_line
from ingest.loading.limits import Limits
from rag.errors import FileRefused

RATIO_FROM_BYTES = 10 * 1024 * 1024
"""What unpacks to less is no trap, whatever its ratio: a file of blanks packs to a thousandth."""

CHUNK_BYTES = 1 << 16
"""Bytes unpacked at a time: all at once, a member whose header lies is inflated to its true size before it is cut."""

LONGEST_NAME = 200
"""Characters kept of a folder's or file's name inside."""

_END = b"PK\x05\x06"
_ENTRY = b"PK\x01\x02"
_END_BYTES = 22
_MOST_COMMENT = 0xFFFF
_IN_ZIP64 = 0xFFFFFFFF
_UTF8_NAME = 0x800
_ENCRYPTED = 0x1
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, struct.error, ValueError, KeyError, IndexError)
_DRIVE = re.compile(r"^[A-Za-z]:")
_REMEDY = "Open it in its own program and save it anew, or fetch it again."


@dataclass(frozen=True, slots=True)
class Member:
    """A file inside: its path, made harmless and unique, its size when unpacked, and how the zip itself knows it."""

    path: str
    size: int
    info: zipfile.ZipInfo


class Archive:
    """An open zip. `name` is the file's own, for messages; `members` are its files in the order they are listed."""

    def __init__(self, name: str, archive: zipfile.ZipFile) -> None:
        self.name = name
        self._archive = archive
        self.members = tuple(_members(archive.infolist()))
        self._by_path = {member.path: member for member in self.members}
        self._by_lower = {member.path.lower(): member for member in self.members}

    def find(self, path: str) -> Member | None:
        """The file at a path; where only the case differs, that one counts, as in Office."""
        return self._by_path.get(path) or self._by_lower.get(path.lower())

    def read(self, member: Member) -> bytes:
        """All bytes of a file. Raises `FileRefused` where it is encrypted, or damaged."""
        with self.stream(member) as stream, self.reading(member):
            out = bytearray()
            while piece := stream.read(CHUNK_BYTES):
                out += piece
            if len(out) != member.size:
                raise EOFError
            return bytes(out)

    @contextmanager
    def stream(self, member: Member) -> Iterator[IO[bytes]]:
        """A file to be read piece by piece, within `reading`; it never gives more than `member.size` bytes."""
        if member.info.flag_bits & _ENCRYPTED:
            raise FileRefused(
                "password-protected",
                f"{self.name} opens only with a password.",
                "Save a copy without the password and add that.",
            )
        with self.reading(member):
            stream = self._archive.open(member.info)
        with stream:
            yield stream

    @contextmanager
    def reading(self, member: Member) -> Iterator[None]:
        """Turns what unpacking a broken member raises into `FileRefused`."""
        try:
            yield
        except NotImplementedError as error:
            raise FileRefused(
                "unsupported",
                f"{self.name} is packed in a way that cannot be read ({member.path}).",
                "Pack it anew with the usual method (deflate).",
            ) from error
        except _BROKEN as error:
            raise _damaged(self.name, f"{member.path} inside cannot be unpacked") from error


@contextmanager
def opened(name: str, data: bytes, limits: Limits) -> Iterator[Archive]:
    """A zip whose claims are within the limits.

    Raises `FileRefused`: "damaged" for what is no zip, "too large" for too many files, too much when unpacked, or too
    much for the size of the zip.
    """
    _refuse_crowds(name, _entries(data), limits)
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (*_BROKEN, NotImplementedError) as error:
        raise _damaged(name, "it cannot be opened") from error
    with archive:
        infos = archive.infolist()
        _refuse_crowds(name, len(infos), limits)
        _refuse_bombs(name, sum(info.file_size for info in infos), len(data), limits)
        yield Archive(name, archive)


def harmless(path: str) -> str:
    """A path inside an archive as a relative one that stays inside: no drive, no root, no `..`, nothing invisible."""
    parts = (one_line(part)[:LONGEST_NAME] for part in _DRIVE.sub("", path.replace("\\", "/")).split("/"))
    return "/".join(part for part in parts if part not in ("", ".", "..")) or "unnamed"


def _entries(data: bytes) -> int:
    """At most so many files are listed. Counted before the list is read, because each entry takes half a kilobyte then."""
    end = data.rfind(_END, max(0, len(data) - _END_BYTES - _MOST_COMMENT))
    if end < 0 or end + _END_BYTES > len(data):
        return 0
    (size,) = struct.unpack_from("<L", data, end + 12)
    return data.count(_ENTRY, 0 if size == _IN_ZIP64 else max(0, end - size), end)


def _refuse_crowds(name: str, files: int, limits: Limits) -> None:
    if files > limits.unzip_files:
        raise FileRefused(
            "too large",
            f"{name} holds {files:,} files; the limit is {limits.unzip_files:,}.",
            "Split it into smaller ones, or raise FOOTNOTE_UNZIP_FILES.",
        )


def _refuse_bombs(name: str, size: int, packed: int, limits: Limits) -> None:
    if size > limits.unzip_mb * 1024**2 or (size > RATIO_FROM_BYTES and size > limits.unzip_ratio * packed):
        raise FileRefused(
            "too large",
            f"{name} unpacks to {size / 1024**2:,.0f} MB, {size // max(packed, 1):,} times its size.",
            "Split it into smaller files, or save it anew if it should not be that large.",
        )


def _damaged(name: str, what: str) -> FileRefused:
    return FileRefused("damaged", f"{name} is damaged: {what}.", _REMEDY)


def _members(infos: list[zipfile.ZipInfo]) -> Iterator[Member]:
    """The files, folders left out; of several with one name the later ones are numbered."""
    taken: dict[str, int] = {}
    for info in infos:
        if info.is_dir():
            continue
        path = harmless(_written_name(info))
        count = taken[path] = taken.get(path, 0) + 1
        yield Member(path if count == 1 else _numbered(path, count), info.file_size, info)


def _numbered(path: str, count: int) -> str:
    folder, slash, name = path.rpartition("/")
    stem, dot, suffix = name.rpartition(".")
    return f"{folder}{slash}{stem} ({count}).{suffix}" if dot and stem else f"{path} ({count})"


def _written_name(info: zipfile.ZipInfo) -> str:
    """The name as it was meant: many programs write UTF-8 and do not say so."""
    if info.flag_bits & _UTF8_NAME:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename
