"""The files as they came, kept by the hash of their content, never under a user's name."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import threading
from collections.abc import Collection, Iterator
from pathlib import Path

_NAME = re.compile(r"[0-9a-f]{64}")
UNFINISHED = ".part"


def content_hash(data: bytes) -> str:
    """The SHA-256 of a content, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


class Originals:
    """A folder of contents: `ab/abcdef…`. Writing is atomic; the same content is stored once. Threads may share it.

    `lock` is held while a row that refers to a content is written, and while it is found that no row does and the content
    is deleted: so none is deleted that somebody has just come to need.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.lock = threading.RLock()

    def put(self, data: bytes, name: str = "") -> str:
        """Store a content and return its hash, which is `name` where that was reckoned before. It is on disk then."""
        name = name or content_hash(data)
        target = self._path(name)
        if target.is_file() and target.stat().st_size == len(data):
            return name
        if not target.parent.is_dir():
            target.parent.mkdir(parents=True, exist_ok=True)
            _sync(self._folder)
        file = tempfile.NamedTemporaryFile(dir=target.parent, suffix=UNFINISHED, delete=False)  # noqa: SIM115 - closed below
        try:
            with file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(file.name).replace(target)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
        _sync(target.parent)
        return name

    def get(self, name: str) -> bytes:
        """The content of that hash. Raises `FileNotFoundError`."""
        return self._path(name).read_bytes()

    def delete(self, name: str) -> None:
        """Remove a content; one that is not there is no error."""
        self._path(name).unlink(missing_ok=True)

    def names(self) -> Iterator[str]:
        """The hashes of all contents that are stored."""
        return (path.name for path in self._files() if _NAME.fullmatch(path.name))

    def sweep(self, needed: Collection[str]) -> int:
        """Remove what a crash left half written, and contents that are not needed; how many those were. Other files stay."""
        ours = (path for path in self._files() if path.suffix == UNFINISHED or _NAME.fullmatch(path.name))
        gone = [path for path in ours if path.name not in needed]
        for path in gone:
            path.unlink(missing_ok=True)
        return len(gone)

    def free(self) -> int:
        """How many bytes are free on their disk."""
        return shutil.disk_usage(self._folder if self._folder.is_dir() else self._folder.parent).free

    def _files(self) -> Iterator[Path]:
        return (path for path in self._folder.glob("??/*") if path.is_file())

    def _path(self, name: str) -> Path:
        return self._folder / name[:2] / name


def _sync(folder: Path) -> None:
    """Wait until the names in a folder are on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
