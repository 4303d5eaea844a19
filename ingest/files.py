"""From paths to bytes: which files there are, what they are called, and reading one as it was at one moment."""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ingest.catalog_rows import Source
from ingest.originals import content_hash
from rag.errors import FileRefused, UsageError

READINGS = 3
"""How often a file is read that changes while it is read."""

_NO_BYTE = re.compile("[\ud800-\udc7f\udd00-\udfff]")
"""Lone surrogates that stand for no byte of a file name."""


@dataclass(frozen=True)
class Incoming:
    """A file to be indexed: where it comes from, the names it may have, and its bytes."""

    source: Source
    names: tuple[str, ...]
    data: bytes

    @cached_property
    def content_hash(self) -> str:
        """The SHA-256 of the bytes, reckoned once."""
        return content_hash(self.data)


@dataclass(frozen=True, slots=True)
class Found:
    """A regular file under one of the paths given, and the folder that its name is relative to."""

    path: Path
    root: Path

    def names(self) -> tuple[str, ...]:
        """Its name, relative to the folder that was given; then with one more parent folder in front each time."""
        parts = [printable(part) for part in self.path.parts[1:]]
        shortest = len(self.path.relative_to(self.root).parts)
        return tuple("/".join(parts[-n:]) for n in range(shortest, len(parts) + 1))

    def source(self) -> Source:
        """What its document is found by."""
        return Source.of_path(str(self.path))


def find_files(paths: Sequence[Path]) -> list[Found]:
    """Every regular file under the paths, sorted; links and special files are left alone. Raises `UsageError`."""
    found: dict[Path, Found] = {}
    for given in paths:
        path = Path(os.path.abspath(given))  # noqa: PTH100 - a link keeps the name that the user gave it
        try:
            files = _found(path)
        except OSError as error:
            raise UsageError(f"{given} cannot be looked at: {error.strerror}.", "Nothing was added.") from error
        if files is None:
            raise UsageError(f"There is no file or folder at {given}.", "Check the path; nothing was added.")
        for file in files:
            found.setdefault(file.path, file)
    return list(found.values())


def _found(path: Path) -> list[Found] | None:
    if path.is_dir():
        return [Found(file, path) for file in _walk(path)]
    return [Found(path, path.parent)] if path.is_file() else None


def read_whole(path: str, name: str, max_bytes: int) -> bytes:
    """The bytes of a regular file, as it was at one moment.

    Raises `OSError`, and `FileRefused` where it is too large, is something else by now, or is never at rest.
    """
    for _ in range(READINGS):
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe that took the file's place must not hold us
        with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor
            before = os.fstat(descriptor)
            if not stat.S_ISREG(before.st_mode):
                raise FileRefused("failed", f"{name} is not a regular file any more.", "Add it again.")
            if before.st_size > max_bytes:
                raise FileRefused("too large", too_large(name, before.st_size, max_bytes))
            data = file.read(max_bytes + 1)
            after = os.fstat(descriptor)
        if len(data) == after.st_size and before.st_mtime_ns == after.st_mtime_ns:
            return data
    raise FileRefused("failed", f"{name} changed all the time while it was read.", "Add it again when it is complete.")


def uploaded(name: str, data: bytes) -> Incoming:
    """An uploaded file, under its bare name: a browser may send a path."""
    bare = printable(name.replace("\\", "/").rsplit("/", 1)[-1]).strip() or "document"
    return Incoming(Source.of_upload(bare), (bare,), data)


def too_large(name: str, size: int, limit: int) -> str:
    """The message for a file over the limit."""
    return (
        f"{name} has {size / 1e6:,.0f} MB, more than the limit of {limit / 1e6:,.0f} MB. "
        "Split it, or raise FOOTNOTE_MAX_FILE_MB."
    )


def _walk(folder: Path) -> Iterator[Path]:
    """The regular files, and what cannot be looked at: reading it fails, and says why."""
    closed: list[OSError] = []
    for root, folders, files in os.walk(folder, onerror=closed.append, followlinks=False):
        folders.sort()
        yield from (path for file in sorted(files) if _is_regular(path := Path(root) / file))
    yield from (Path(error.filename) for error in closed if isinstance(error, PermissionError))


def _is_regular(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except PermissionError:
        return True
    except OSError:  # it is gone
        return False


def printable(text: str) -> str:
    """The text as valid Unicode without control characters; bytes that are not UTF-8 are written out in hexadecimal."""
    decoded = os.fsencode(_NO_BYTE.sub("\ufffd", text)).decode("utf-8", "backslashreplace")
    return "".join(" " if unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp") else char for char in decoded)
