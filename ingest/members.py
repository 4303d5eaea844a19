"""The files inside a file (of a mail, of a zip): each becomes a document of its own, in the bundle of its container."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

from ingest.catalog_rows import Entry, Source
from ingest.files import printable
from ingest.judging import Judge
from ingest.loading.parsed import Attachment
from ingest.originals import content_hash
from ingest.preparing import Prepared
from ingest.work import Work
from rag.errors import FileRefused

DEEPEST = 2
"""How many files may lie inside each other below the one that was added."""

MOST_NESTED = 10_000
MOST_NESTED_BYTES = 1_000_000_000
"""What may come out of one file that was added, in all, once there are containers inside it: each of those may be within the
limits of one file, and all of them together without end."""

TOO_DEEP = "{name} was not read: it lies more than {deepest} files deep. Take it out and add it by itself."


def crowded(container: Work, prepared: Prepared) -> FileRefused | None:
    """Why a container inside another one is not opened: too much would come out of the file that was added."""
    bundle, inside = container.bundle, len(prepared.attachments) + len(prepared.refused)
    is_within = len(bundle.works) + inside <= MOST_NESTED and bundle.unpacked + _size(prepared) <= MOST_NESTED_BYTES
    if not container.depth or not inside or is_within:
        return None
    return FileRefused(
        "too large",
        f"{container.name} was not opened: with it, more than {MOST_NESTED:,} files or {MOST_NESTED_BYTES / 1e6:,.0f} MB"
        f" would come out of {bundle.top.name}.",
        "Take it out and add it by itself.",
    )


def open_members(container: Work, prepared: Prepared, judge: Judge) -> list[Work]:
    """Enter the files inside a staged one into its bundle; those of them that have to be read."""
    taken: set[str] = set()
    container.bundle.unpacked += _size(prepared)
    works = [_member(container, attachment, taken) for attachment in prepared.attachments]
    refused = [_member(container, Attachment(one.name, b""), taken) for one in prepared.refused]
    known = judge.catalog.known(judge.space.id, [work.entry.source.key for work in (*works, *refused)])
    for work in (*works, *refused):
        if found := known.get(work.entry.source.key):
            work.known = found
            work.entry = replace(work.entry, document_id=found.id)
    for work, one in zip(refused, prepared.refused, strict=True):
        work.end(one.state, one.reason)
    if container.depth >= DEEPEST:
        for work in works:
            work.end("unsupported", TOO_DEEP.format(name=work.name, deepest=DEEPEST))
    else:
        works = [work for work in works if not _is_as_before(work, judge)]
    container.bundle.works += [*works, *refused]
    new = [work for work in works if not work.ended]
    container.bundle.unfinished += len(new)
    return new


def _member(container: Work, attachment: Attachment, taken: set[str]) -> Work:
    """A file inside, under a path that no other file there has."""
    name = printable(attachment.name).strip().strip("/") or "unnamed"
    inner = next(path for n in count(1) if (path := name if n == 1 else f"{name} ({n})") not in taken)
    taken.add(inner)
    source = Source.of_member(container.document_id, inner)
    entry = Entry(container.entry.space_id, source, (f"{container.name}/{inner}",), container.document_id)
    hashed = content_hash(attachment.data)
    return Work(entry, attachment.data, hashed, container.bundle, container.depth + 1)


def _is_as_before(work: Work, judge: Judge) -> bool:
    """Whether the file is in the library as it is; then it stays, with all inside it."""
    outcomes = judge.outcomes(work.known, work.content_hash, inside=True) if work.known else None
    if not outcomes or not work.known:
        return False
    work.bundle.kept.add(work.known.id)
    work.bundle.passed += outcomes
    return True


def _size(prepared: Prepared) -> int:
    return sum(len(attachment.data) for attachment in prepared.attachments)
