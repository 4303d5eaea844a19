"""Following a job in the terminal until it ends, or until Ctrl+C cancels it."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import typer

from ui import terminal

if TYPE_CHECKING:
    from ingest.records import Added, Progress, Started
    from ui.face import Face
    from ui.present import Json

REFUSED_SOME = 3
INTERRUPTED = 130


def follow_job(library: Face, events: Iterator[Started | Progress | Added], *, as_json: bool) -> None:
    """Print every outcome as it comes, or all as one JSON document at the end.

    Ends the command with exit code 3 where files were refused. Ctrl+C cancels the job and ends it with 130; what was
    finished by then stays, and is in the JSON.
    """
    started = time.monotonic()
    told = _Told()
    stopped = _tell(library, events, told, as_json=as_json)
    if as_json:
        terminal.out_json({"documents": told.documents, "seconds": round(time.monotonic() - started, 3)})
    if stopped:
        raise typer.Exit(INTERRUPTED)
    if told.refused:
        raise typer.Exit(REFUSED_SOME)


@dataclass(slots=True)
class _Told:
    """What is kept of the outcomes: all of them only where they are printed together at the end."""

    documents: list[Json] = field(default_factory=list)
    refused: bool = False


def _tell(library: Face, events: Iterator[Started | Progress | Added], told: _Told, *, as_json: bool) -> bool:
    """Print or keep the outcomes as they come; whether Ctrl+C ended that."""
    from ingest.records import Started
    from ui import present
    from ui.reports import INDEXED

    shown: Generator[Started | Added, None, None] = terminal.follow(events, show=sys.stderr.isatty() and not as_json)
    job = ""
    try:
        with closing(shown):
            for event in shown:
                if isinstance(event, Started):
                    job = event.job
                    continue
                told.refused |= event.status not in INDEXED
                if as_json:
                    told.documents.append(present.added(event))
                else:
                    terminal.out(_line(event))
    except KeyboardInterrupt:
        if not job:
            raise
        _cancel(library, job)
        return True
    return False


def _cancel(library: Face, job: str) -> None:
    """Cancel the job. From now on Ctrl+C leaves at once: all that matters is on disk, and children end with this process."""
    signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))
    terminal.err("\nfootnote: cancelling … (Ctrl+C again leaves at once)")
    library.cancel_job(job)
    terminal.err("footnote: cancelled; what was finished stays.")


def _line(outcome: Added) -> str:
    """One outcome: `indexed       report.pdf  (20 pages, 64 chunks, OCR on pages 3, 5-9)`."""
    return f"{outcome.status:12}  {outcome.document}  ({outcome.reason or _size(outcome)})"


def _size(outcome: Added) -> str:
    from ui.render import count
    from ui.reports import pages_named

    parts = [count(outcome.pages, "page")] if outcome.pages else []
    parts.append(count(outcome.chunks, "chunk"))
    if outcome.version is not None and outcome.status == "indexed":
        if outcome.version.ocr_pages:
            parts.append(f"OCR on {pages_named(outcome.version.ocr_pages)}")
        parts += outcome.version.warnings
    return ", ".join(parts)
