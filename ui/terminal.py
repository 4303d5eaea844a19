"""Writing to a terminal or a pipe: JSON, tables, answers, progress and errors. The only module that prints."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from ingest.records import Progress
from rag.errors import FootnoteError
from rag.types import Answer, Passage

Event = TypeVar("Event")

MARKS = {"supported": "✓", "partly": "~", "computed": "=", "unsupported": "✗", "uncited": "?"}
"""One sign for each claim status; `footnote ask --help` explains them."""


def out(text: str = "") -> None:
    """A line on stdout, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def err(text: str) -> None:
    """A line on stderr."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def out_json(value: Any, *, one_line: bool = False) -> None:
    """One JSON document on stdout."""
    out(json.dumps(value, ensure_ascii=False, indent=None if one_line else 2))


def err_error(error: FootnoteError) -> None:
    """An error: what happened, then what to do."""
    err(f"footnote: {error.message}")
    if error.remedy:
        err(f"  {error.remedy}")


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Columns as wide as what they hold; numbers to the right."""
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(len(row[i]) for row in [list(headers), *cells]) for i in range(len(headers))]
    numeric = [
        bool(cells) and all(row[i].replace(",", "").isdigit() or not row[i] for row in cells)
        for i in range(len(headers))
    ]
    for row in [list(headers), *cells]:
        line = "  ".join(
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(row, widths, numeric, strict=True)
        )
        out(line.rstrip())


def answer(given: Answer) -> None:
    """An answer with its marks and footnotes, or the refusal with what came closest."""
    for claim in given.claims:
        notes = "".join(f"[{n}]" for n in claim.citations)
        out(_wrapped(f"{MARKS[claim.status]} {claim.text} {notes}".rstrip(), "  "))
        if claim.reason and claim.status != "supported":
            out(_wrapped(f"  ({claim.reason})", "   "))
    if not given.claims:
        out(given.text)
    if given.citations:
        out()
    for note in given.citations:
        out(_wrapped(f"[{note.n}] {place(note.document, note.page, note.page_label, note.section)}", "    "))
        out(_wrapped(f"    “{_flat(note.quote)}”", "     "))
    if given.closest:
        out("\nThe closest passages found:")
        passages(given.closest, 240)
    for remark in given.notes:
        out(f"\nNote: {remark}")
    out(f"\nWritten by {given.model} in {given.seconds:.1f} s.")


def passages(found: Sequence[Passage], width: int = 600) -> None:
    """Passages with their places, cut to `width` characters."""
    for number, passage in enumerate(found, 1):
        where = place(passage.document, passage.page, passage.page_label, passage.section)
        out(f"{number}. {where}  ({passage.score:.3f})")
        out(_wrapped("   " + textwrap.shorten(_flat(passage.text), width, placeholder=" …"), "   "))


def place(document: str, page: int | None, label: str | None, section: str) -> str:
    """Where something stands, in words."""
    parts = [document]
    if page is not None:
        parts.append(f"page {page}" + (f" (printed {label})" if label and label != str(page) else ""))
    if section:
        parts.append(section)
    return ", ".join(parts)


def follow(events: Iterator[Progress | Event], *, show: bool) -> Generator[Event, None, None]:
    """Give all that is not progress, with a progress bar on stderr meanwhile where `show` says so."""
    if not show:
        yield from (event for event in events if not isinstance(event, Progress))
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Bars(*columns, console=console, transient=True, redirect_stdout=sys.stdout.isatty()) as bars:
        files, steps = bars.add_task("files", total=None), bars.add_task("", total=None, visible=False)
        for event in events:
            if not isinstance(event, Progress):
                yield event
            elif event.step == "files":
                bars.update(files, completed=event.done, total=event.total)
            else:
                name = event.document if len(event.document) <= 40 else "…" + event.document[-39:]
                bars.update(
                    steps, description=f"{event.step} {name}", completed=event.done, total=event.total, visible=True
                )


def _cell(value: object) -> str:
    return "" if value is None else _flat(str(value))


def _flat(text: str) -> str:
    return " ".join(text.split())


def _wrapped(text: str, indent: str) -> str:
    return textwrap.fill(text, 100, subsequent_indent=indent, break_long_words=False, drop_whitespace=True)
