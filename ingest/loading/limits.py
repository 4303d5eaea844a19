"""What the reading of one file may take. The sandbox enforces time, memory and output; loaders check pages and unpacking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # every child that reads files imports this module, and none needs pydantic
    from rag.settings import Settings


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits for one file. The defaults are those of the settings; a megabyte is 2**20 bytes, but for `file_mb`: a million.

    `pages` counts pages, slides or sheets. `unzip_*` are for a zip or what is built as one: what it may unpack to, how many
    times its own size that may be, and how many files may be in it. They are to be checked before anything is unpacked.
    `file_mb` is the largest file that is read, an attachment included; `output_mb` is the most that comes back of one
    file: text and attachments together.
    """

    seconds: float = 60.0
    memory_mb: int = 1024
    pages: int = 5000
    unzip_mb: int = 500
    unzip_ratio: int = 200
    unzip_files: int = 10_000
    output_mb: int = 500
    file_mb: int = 200

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        """The limits for reading a file. No more comes out of it than it may unpack to."""
        return cls(
            seconds=settings.parse_seconds,
            memory_mb=settings.parse_memory_mb,
            pages=settings.parse_pages,
            unzip_mb=settings.unzip_mb,
            unzip_ratio=settings.unzip_ratio,
            unzip_files=settings.unzip_files,
            output_mb=max(settings.unzip_mb, settings.max_file_mb),
            file_mb=settings.max_file_mb,
        )

    @classmethod
    def of_ocr(cls, settings: Settings) -> Limits:
        """The limits for recognising the text of one page."""
        return cls(
            seconds=settings.ocr_seconds,
            memory_mb=settings.ocr_memory_mb,
            pages=settings.parse_pages,
            output_mb=16,
            file_mb=settings.max_file_mb,
        )
