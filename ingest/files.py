"""From paths to bytes: which files there are, what they are called, and reading them one at a time."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingest.catalog import Source
from ingest.records import Added
from rag.errors import UsageError


@dataclass(frozen=True, slots=True)
class Incoming:
    """A file to be indexed: where it comes from, the names it may have, and its bytes."""

    source: Source
    names: tuple[str, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class Found:
    """A regular file under one of the paths given, and the folder that its name is relative to."""

    path: Path
    root: Path

    def names(self) -> tuple[str, ...]:
        """Its name, relative to the folder that was given; then with one more parent folder in front each time."""
        parts = [_printable(part) for part in self.path.parts[1:]]
        shortest = len(self.path.relative_to(self.root).parts)
        return tuple("/".join(parts[-n:]) for n in range(shortest, len(parts) + 1))


def find_files(paths: Sequence[Path]) -> list[Found]:
    """Every regular file under the paths, sorted; links and special files are left alone. Raises `UsageError`."""
    found: dict[Path, Found] = {}
    for given in paths:
        path = Path(os.path.abspath(given))  # noqa: PTH100 - a link keeps the name that the user gave it
        if path.is_dir():
            files = [Found(file, path) for file in _walk(path)]
        elif path.is_file():
            files = [Found(path, path.parent)]
        else:
            raise UsageError(f"There is no file or folder at {given}.", "Check the path; nothing was added.")
        for file in files:
            found.setdefault(file.path, file)
    return list(found.values())


def read_files(files: Sequence[Found], max_bytes: int, space: str) -> Iterator[Incoming | Added]:
    """Read the files one at a time; one that cannot be read or is too large becomes an outcome instead."""
    for file in files:
        names = file.names()
        try:
            size = file.path.stat().st_size
            if size > max_bytes:
                yield Added(names[0], "too large", reason=too_large(names[0], size, max_bytes), space=space)
                continue
            data = file.path.read_bytes()
        except OSError as error:
            reason = (
                f"{names[0]} could not be read: {error.strerror or error}. Check its permissions, then add it again."
            )
            yield Added(names[0], "failed", reason=reason, space=space)
            continue
        yield Incoming(Source.of_path(_printable(str(file.path))), names, data)


def uploaded(name: str, data: bytes) -> Incoming:
    """An uploaded file, under its bare name: a browser may send a path."""
    bare = _printable(name.replace("\\", "/").rsplit("/", 1)[-1]).strip() or "document"
    return Incoming(Source.of_upload(bare), (bare,), data)


def too_large(name: str, size: int, limit: int) -> str:
    """The message for a file over the limit."""
    return (
        f"{name} has {size / 1e6:,.0f} MB, more than the limit of {limit / 1e6:,.0f} MB. "
        "Split it, or raise FOOTNOTE_MAX_FILE_MB."
    )


def _walk(folder: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(folder, followlinks=False):
        folders.sort()
        for file in sorted(files):
            path = Path(root) / file
            if path.is_file() and not path.is_symlink():
                yield path


def _printable(text: str) -> str:
    """The text as valid Unicode without control characters; bytes that are not UTF-8 are written out in hexadecimal."""
    decoded = os.fsencode(text).decode("utf-8", "backslashreplace")
    return "".join(" " if unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp") else char for char in decoded)
