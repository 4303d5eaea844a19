"""`footnote add`, `list` and `remove`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ui import terminal
from ui.command import JsonOption, OneSpaceOption, SpaceOption, open_library_face, works_on
from ui.following import follow_job

if TYPE_CHECKING:
    from ui.face import Face

NoWaitOption = Annotated[
    bool, typer.Option("--no-wait", help="Let the running server do it: print the job's id and return.")
]


def add(
    paths: Annotated[list[Path], typer.Argument(help="Files and folders.")],
    space: SpaceOption = "default",
    no_wait: NoWaitOption = False,
    as_json: JsonOption = False,
) -> None:
    """Index files and folders: new and changed ones are read, unchanged ones skipped. Ctrl+C cancels what is not finished."""
    with open_library_face() as library:
        if no_wait:
            hand_over(library, lambda: library.submit(paths, space), as_json=as_json)
        else:
            follow_job(library, library.add(paths, space), as_json=as_json)


def hand_over(library: Face, make: Callable[[], str], *, as_json: bool) -> None:
    """Make a job for the server that runs, and name it. Raises `NotReady` where none does: nobody would work on it."""
    from rag.errors import NotReady

    if not works_on(library):
        raise NotReady(
            "No server is running that could do the work.", "Leave --no-wait away, or start `footnote serve`."
        )
    job = make()
    terminal.out_json({"job": job}) if as_json else terminal.out(job)


def list_documents(
    document: Annotated[str | None, typer.Argument(help="One document: its report.")] = None,
    space: OneSpaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the documents, or show the report of one: what was read of it, and how."""
    from ui import present, reports

    with open_library_face() as library:
        if document is not None:
            _show_report(library, document, space, as_json=as_json)
            return
        records = library.documents(space)
    if as_json:
        terminal.out_json({"documents": [present.document(record) for record in records]})
        return
    rows = ((r.name, r.space, r.state, r.pages, r.chunks, reports.moment(r.changed_at)) for r in records)
    terminal.table(("DOCUMENT", "SPACE", "STATE", "PAGES", "CHUNKS", "CHANGED"), rows)


def _show_report(library: Face, name: str, space: str | None, *, as_json: bool) -> None:
    from ui import present, reports

    record, version = library.document(name, space)
    members = reports.members_of(record, library.documents(record.space))
    if as_json:
        terminal.out_json(present.report(record, version, members))
    else:
        terminal.table(("", ""), reports.document_rows(record, version, members))


def remove(
    documents: Annotated[list[str], typer.Argument(help="Documents, by name or id.")],
    space: OneSpaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove documents: gone from every search at once."""
    with open_library_face() as library:
        gone = library.remove(documents, space)
    if as_json:
        terminal.out_json({"removed": [{"document": one.document, "space": one.space} for one in gone]})
        return
    for one in gone:
        terminal.out(f"removed  {one.document}  (from {one.space})")
