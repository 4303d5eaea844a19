"""The files as they came, kept by the hash of their content, never under a user's name."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path


def content_hash(data: bytes) -> str:
    """The SHA-256 of a content, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


class Originals:
    """A folder of contents: `ab/abcdef…`. Writing is atomic; the same content is stored once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, data: bytes) -> str:
        """Store a content and return its hash."""
        name = content_hash(data)
        target = self._path(name)
        if target.is_file() and target.stat().st_size == len(data):
            return name
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).replace(target)
        return name

    def get(self, name: str) -> bytes:
        """The content of that hash. Raises `FileNotFoundError`."""
        return self._path(name).read_bytes()

    def delete(self, name: str) -> None:
        """Remove a content; one that is not there is no error."""
        self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self._folder / name[:2] / name
