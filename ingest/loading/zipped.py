"""Zip archives: each file inside is handed over to be a document of its own."""

from __future__ import annotations

from pathlib import PurePosixPath

from ingest.loading.archive import Member, opened
from ingest.loading.limits import Limits
from ingest.loading.parsed import Attachment, Parsed, Refused
from ingest.loading.sections import title_from
from rag.errors import FileRefused
from rag.types import Document

_OF_THE_SYSTEM = frozenset({".ds_store", "thumbs.db", "desktop.ini", ".localized"})
_FOLDERS_OF_THE_SYSTEM = frozenset({"__MACOSX", ".git", ".svn", "__pycache__"})


def load(name: str, data: bytes, limits: Limits) -> Parsed:
    """The files inside, by their paths; those of the operating system are left out.

    Raises `FileRefused` for a zip that is empty, encrypted as a whole, or holds more than may come back of one file.
    """
    taken: list[Attachment] = []
    refused: list[Refused] = []
    with opened(name, data, limits) as archive:
        members = [member for member in archive.members if not _is_of_the_system(member)]
        _refuse_much(name, members, limits)
        for member in members:
            try:
                taken.append(Attachment(member.path, archive.read(member)))
            except FileRefused as error:
                refused.append(Refused(member.path, error.state, str(error)))
    if not members:
        raise FileRefused("damaged", f"{name} is empty: there are no files in it.", "Pack it anew.")
    if not taken and all(one.state == "password-protected" for one in refused):
        raise FileRefused(
            "password-protected", f"{name} opens only with a password.", "Unpack it, or pack it anew without one."
        )
    return Parsed(Document(title_from(name), "", ""), tuple(taken), refused=tuple(refused))


def _is_of_the_system(member: Member) -> bool:
    path = PurePosixPath(member.path)
    is_lock = path.name.startswith("~$") or path.name.startswith("._")
    return is_lock or path.name.lower() in _OF_THE_SYSTEM or not _FOLDERS_OF_THE_SYSTEM.isdisjoint(path.parts)


def _refuse_much(name: str, members: list[Member], limits: Limits) -> None:
    size = sum(member.size for member in members)
    if size > limits.output_mb * 1024**2:
        raise FileRefused(
            "too large",
            f"{name} unpacks to {size / 1024**2:,.0f} MB; the limit for one archive is {limits.output_mb:,} MB.",
            "Unpack it and add the files.",
        )
