"""`footnote jobs`: what is being indexed, what waits, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from ui import terminal
from ui.cli_documents import NoWaitOption, hand_over
from ui.command import JsonOption, open_library_face
from ui.following import follow_job

if TYPE_CHECKING:
    from ingest.records import JobRecord
    from ui.face import Face

SHORT = 8
"""Characters of an id that the list shows; any unique beginning will do as an argument."""

MOST = 1000
"""Jobs that are looked through for a shortened id."""

jobs_app = typer.Typer(help="Jobs: files on their way into the library.", no_args_is_help=True)
JobArgument = Annotated[str, typer.Argument(help="A job: its id, or the beginning of it.")]


@jobs_app.command("list")
def jobs_list(
    limit: Annotated[int, typer.Option("-n", min=1, max=MOST, help="How many, the newest first.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """List the newest jobs: how far they are, and what is being done now."""
    from ui import present

    with open_library_face() as library:
        found = library.jobs(limit)
    if as_json:
        terminal.out_json({"jobs": [present.job(one) for one in found]})
    elif found:
        show_jobs(found)
    else:
        terminal.out("There are no jobs.")


def show_jobs(jobs: Iterable[JobRecord]) -> None:
    """Jobs as a table."""
    from ui import reports

    rows = (
        (
            one.id[:SHORT],
            one.state,
            f"{one.done:,}/{one.files:,}",
            one.failed or "",
            one.space,
            reports.moment(one.created_at),
            one.label if one.state not in reports.UNFINISHED else f"{one.label}: {reports.job_now(one)}",
        )
        for one in jobs
    )
    terminal.table(("JOB", "STATE", "FILES", "NOT INDEXED", "SPACE", "CREATED", ""), rows)


@jobs_app.command("show")
def jobs_show(job: JobArgument, as_json: JsonOption = False) -> None:
    """Show a job and what became of each of its files; those that were not indexed first."""
    from ui import present, reports

    with open_library_face() as library:
        record, files = library.job(_found(library, job))
    if as_json:
        terminal.out_json(present.job(record) | {"documents": [present.job_file(one) for one in files]})
        return
    show_jobs([record])
    terminal.out()
    rows = ((one.status or "–", one.document, one.chunks or "", one.reason) for one in reports.failed_first(files))
    terminal.table(("STATUS", "DOCUMENT", "CHUNKS", "REASON"), rows)


@jobs_app.command("cancel")
def jobs_cancel(job: JobArgument, as_json: JsonOption = False) -> None:
    """Cancel a job: what was finished stays, and documents that were there before stay as they were."""
    from ui import present

    with open_library_face() as library:
        record = library.cancel_job(_found(library, job))
    terminal.out_json(present.job(record)) if as_json else terminal.out(
        f"cancelled  {record.label}  ({record.done:,} of {record.files:,} files were finished and stay)"
    )


@jobs_app.command("retry")
def jobs_retry(job: JobArgument, no_wait: NoWaitOption = False, as_json: JsonOption = False) -> None:
    """Try the files of a job again that were not indexed, those in quarantine too."""
    with open_library_face() as library:
        found = _found(library, job)
        if no_wait:
            hand_over(library, lambda: library.retry_job(found).id, as_json=as_json)
        else:
            follow_job(library, library.follow(library.retry_job(found).id), as_json=as_json)


@jobs_app.command("follow")
def jobs_follow(job: JobArgument, as_json: JsonOption = False) -> None:
    """Follow a job to its end, and go on with it where no server does: after a crash, for instance. Ctrl+C cancels it."""
    with open_library_face() as library:
        follow_job(library, library.follow(_found(library, job)), as_json=as_json)


def _found(library: Face, given: str) -> str:
    """The whole id. Raises `AmbiguousName`; an id that nobody knows is left for the library to refuse."""
    from rag.errors import AmbiguousName

    fitting = [one.id for one in library.jobs(MOST) if one.id.startswith(given)]
    if given in fitting or not fitting:
        return given
    if len(fitting) > 1:
        raise AmbiguousName(f"{len(fitting)} jobs begin with {given!r}.", "Write more of the id: `footnote jobs list`.")
    return fitting[0]
