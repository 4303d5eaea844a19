"""What is said of documents and jobs, in words: the same in the terminal and in the app. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby

from ingest.records import DocumentRecord, JobFile, JobRecord, JobState, Progress, VersionRecord
from ui.render import count

INDEXED = ("indexed", "unchanged")
"""The states of a file that can be found."""

UNFINISHED: tuple[JobState, ...] = ("queued", "running", "waiting")
"""The states of a job that has not ended."""

STEPS = {
    "reading": "{name}: being read",
    "recognising": "{name}: page {done} of {total} is being recognised",
    "chunking": "{name}: being cut into passages",
    "embedding": "{name}: embedding {done} of {total} passages",
}
"""What is being done to a file. A step that is not listed is named with its numbers."""

MOST_NAMED = 20
"""Members that are named in a report; of more, it says how many."""


def ranges(numbers: Iterable[int]) -> str:
    """Numbers as ranges: `3, 5-9`."""
    ordered = sorted(set(numbers))
    runs = groupby(enumerate(ordered), key=lambda pair: pair[1] - pair[0])
    spans = [[number for _, number in run] for _, run in runs]
    return ", ".join(f"{span[0]}-{span[-1]}" if len(span) > 1 else str(span[0]) for span in spans)


def pages_named(numbers: Sequence[int]) -> str:
    """`page 3`, `pages 3, 5-9`."""
    return f"page{'' if len(numbers) == 1 else 's'} {ranges(numbers)}"


def doing(progress: Progress) -> str:
    """What is being done now, in a sentence."""
    if not progress.document:
        return progress.step
    pattern = STEPS.get(progress.step, "{name}: {step} {done} of {total}" if progress.total > 1 else "{name}: {step}")
    return pattern.format(name=progress.document, step=progress.step, done=progress.done, total=progress.total)


def job_line(job: JobRecord) -> str:
    """How far a job is: `3 of 12 files done, 1 not indexed`."""
    failed = f", {job.failed:,} not indexed" if job.failed else ""
    return f"{job.done:,} of {count(job.files, 'file')} done{failed}"


def job_now(job: JobRecord) -> str:
    """What a job that has not ended does now, or why it waits."""
    if job.state == "queued":
        return "Waiting for its turn."
    if job.state == "waiting":
        return f"Waiting for the next try. {job.problem}".strip()
    return doing(job.current) if job.current else "Starting."


def failed_first(files: Sequence[JobFile]) -> list[JobFile]:
    """The files with those first that were not indexed, then those with no outcome yet; else in their order."""
    return sorted(files, key=lambda file: (file.status in INDEXED, not file.status))


def members_of(container: DocumentRecord, records: Iterable[DocumentRecord]) -> list[DocumentRecord]:
    """Those of the records that came out of the container: attachments of a mail, files of a zip."""
    return [record for record in records if record.container_id == container.id]


def document_rows(
    record: DocumentRecord, version: VersionRecord | None, members: Sequence[DocumentRecord]
) -> list[tuple[str, str]]:
    """The report of a document as names and values; what there is nothing to say of is left out."""
    rows = [("document", record.name), ("title", record.title), ("space", record.space), ("state", record.state)]
    rows += [("reason", record.reason), ("can be found", _findable(record))]
    if version is not None:
        rows += _version_rows(version)
    rows += [("members", _members(members)), ("file", record.path or ""), ("id", record.id)]
    rows += [("added", moment(record.added_at)), ("changed", moment(record.changed_at))]
    return [(name, value) for name, value in rows if value]


def _findable(record: DocumentRecord) -> str:
    if record.live_version is None:
        return "no"
    return f"yes, version {record.live_version}" + ("" if record.state in INDEXED else " (the one before)")


def _version_rows(version: VersionRecord) -> Iterator[tuple[str, str]]:
    yield "pages", f"{version.pages:,}" if version.pages else "none: the format has no pages"
    yield "characters", characters_line(version)
    yield "without text", pages_named(empty) if (empty := empty_pages(version)) else ""
    yield "OCR", pages_named(version.ocr_pages) if version.ocr_pages else "no page"
    yield (
        "passages",
        f"{version.chunks:,}, with {coverage(version)} of the text" if version.chunks else "none of its own",
    )
    yield from (("warning", warning) for warning in version.warnings)
    yield "attachments", str(version.attachments) if version.attachments else ""
    yield "size", f"{version.size:,} bytes"
    yield "seconds", f"{version.seconds:.1f}"
    yield "parser", version.parser
    yield "passages cut by", version.chunking
    yield "embedder", version.embedder
    yield "SHA-256", version.content_hash
    yield "read", moment(version.created_at)


def moment(at: str) -> str:
    """A time of the catalog as people here read it: local, to the minute. Empty stays empty."""
    return datetime.fromisoformat(at).astimezone().strftime("%Y-%m-%d %H:%M") if at else ""


def characters_line(version: VersionRecord) -> str:
    """`pages 1-20: 31,200 characters`; without pages the number alone."""
    counted = range(1, len(version.page_characters) + 1)
    total = f"{version.characters:,}"
    return f"{pages_named(counted)}: {total} characters" if counted else total


def empty_pages(version: VersionRecord) -> list[int]:
    """The numbers of the pages without any text."""
    return [number for number, characters in enumerate(version.page_characters, 1) if not characters]


def coverage(version: VersionRecord) -> str:
    """The share of the text that reached passages, never rounded up to all of it."""
    return "100%" if version.coverage >= 1 else f"{min(version.coverage * 100, 99.99):.2f}%"


def _members(members: Sequence[DocumentRecord]) -> str:
    named = ", ".join(
        member.name if member.state in INDEXED else f"{member.name} ({member.state})" for member in members[:MOST_NAMED]
    )
    more = f" and {len(members) - MOST_NAMED:,} more" if len(members) > MOST_NAMED else ""
    return f"{named}{more}"
