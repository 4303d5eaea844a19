"""`footnote doctor` and `footnote rebuild`: looking after the index."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from ui import terminal
from ui.command import JsonOption, open_library_face

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.records import Finding

DISAGREE = 1
RepairOption = Annotated[bool, typer.Option("--repair", help="Mend what can be mended, and say what was done.")]


def doctor(repair: RepairOption = False, as_json: JsonOption = False) -> None:
    """Check that catalog, index and stored files agree; exit code 1 where they do not, even after mending."""
    from ui import present

    started = time.monotonic()
    with open_library_face() as library:
        findings = library.doctor(repair)
    left = [one for one in findings if not one.repaired]
    if as_json:
        seconds = round(time.monotonic() - started, 3)
        terminal.out_json({"findings": [present.finding(one) for one in findings], "seconds": seconds})
    else:
        _say(findings, left)
    if left:
        raise typer.Exit(DISAGREE)


def _say(findings: Sequence[Finding], left: Sequence[Finding]) -> None:
    for one in findings:
        terminal.out(f"{one.kind:12}  {one.subject}: {one.detail}")
        if one.repaired:
            terminal.out(f"{'':12}  mended: {one.repaired}")
    if not findings:
        terminal.out("Catalog, index and stored files agree.")
    elif not left:
        terminal.out(f"{len(findings)} found, all mended: catalog, index and stored files agree.")
    else:
        mended = len(findings) - len(left)
        terminal.out(f"{len(findings)} found{f', {mended} of them mended' if mended else ''}.")
        if any(one.repairable for one in left):
            terminal.out("`footnote doctor --repair` mends what can be mended.")


def rebuild(as_json: JsonOption = False) -> None:
    """Make the whole index anew from the stored files, beside the one in use, and change over at the end.

    Also the way to another embedder. Documents whose files cannot be read any more keep the text they had, and are named.
    """
    from ingest.records import Rebuilt

    started = time.monotonic()
    made = Rebuilt(0, 0)
    with open_library_face() as library:
        for made in terminal.follow(library.rebuild(), show=sys.stderr.isatty() and not as_json):  # noqa: B007 - the last one is used
            pass
    if as_json:
        shown = {"documents": made.documents, "chunks": made.chunks, "kept": list(made.kept)}
        terminal.out_json(shown | {"seconds": round(time.monotonic() - started, 3)})
    else:
        for kept in made.kept:
            terminal.out(f"kept  {kept}")
        terminal.out(f"rebuilt  {made.documents:,} documents, {made.chunks:,} chunks")
