"""Files that come by HTTP: read in pieces, and refused before they fill memory or disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message

from ingest.files import too_large
from ingest.records import Added
from ingest.spaces import DEFAULT_SPACE

if TYPE_CHECKING:
    from ingest.library import Library

MOST_FILES = 1000
MOST_AT_ONCE = 4
"""A request may bring this many times the size of the largest file."""


@dataclass(frozen=True, slots=True)
class Received:
    """Uploaded files, spooled to disk where they are large, and the space they go into."""

    files: tuple[UploadFile, ...]
    space: str
    limit: int

    def submit(self, library: Library) -> str:
        """Make one job of the files; its id."""
        return library.submit_uploads(self._contents(), self.space)

    def index(self, library: Library) -> Iterator[Added]:
        """Index the files as one job; an outcome for each, and for what came out of them."""
        return (item for item in library.follow(self.submit(library)) if isinstance(item, Added))

    def _contents(self) -> Iterator[tuple[str, bytes] | Added]:
        """File after file, one in memory at a time."""
        for upload in self.files:
            name, size = upload.filename or "unnamed", upload.size or 0
            with upload.file as spooled:
                if size > self.limit:
                    yield Added(name, "too large", reason=too_large(name, size, self.limit), space=self.space)
                else:
                    yield name, spooled.read()


async def receive_files(request: Request, max_file_mb: int) -> Received:
    """Read a form with `files` and `space`. Raises `HTTPException` 413 as soon as it is too large, 400 or 422 where it is none."""
    limit = max_file_mb * 1_000_000
    form = await _read_form(request, MOST_AT_ONCE * limit)
    files = tuple(item for item in form.getlist("files") if isinstance(item, UploadFile))
    if not files:
        raise HTTPException(422, "No files came. Send them as the form field `files`.")
    space = form.get("space")
    return Received(files, space if isinstance(space, str) and space.strip() else DEFAULT_SPACE, limit)


async def _read_form(request: Request, most: int) -> FormData:
    too_much = HTTPException(413, f"More than {most // 1_000_000} MB came at once. Send fewer files at a time.")
    length = request.headers.get("content-length", "0")
    if length.isdigit() and int(length) > most:
        raise too_much
    read = 0
    async with aclosing(request.stream()) as pieces:

        async def counted() -> Message:
            nonlocal read
            piece = await anext(pieces, b"")
            read += len(piece)
            if read > most:
                raise too_much
            return {"type": "http.request", "body": piece, "more_body": bool(piece)}

        return await Request(request.scope, counted).form(max_files=MOST_FILES, max_fields=10)
