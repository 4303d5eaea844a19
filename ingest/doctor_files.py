"""Holds the stored files against the catalog: each original is read and its hash compared."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ingest.doctor_books import Books, Mending, Problem
from ingest.originals import UNFINISHED

_HASH = re.compile(r"[0-9a-f]{64}")
GONE = "is not there"


@dataclass(slots=True)
class Files:
    """The stored files: contents by hash, files that are none, and what became of those that were read."""

    contents: dict[str, Path] = field(default_factory=dict)
    others: list[Path] = field(default_factory=list)


def list_files(folder: Path) -> Files:
    """List the folder of the originals, without reading anything."""
    files = Files()
    for path in sorted(folder.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            continue
        named = _HASH.fullmatch(path.name) and path.parent == folder / path.name[:2] and not path.is_symlink()
        if named:
            files.contents[path.name] = path
        else:
            files.others.append(path)
    return files


def find_bad(files: Files, needed: Set[str]) -> dict[str, str]:
    """The needed contents that are missing or not what their name says, each with what is wrong."""
    bad = dict.fromkeys(needed - files.contents.keys(), GONE)
    for content in needed & files.contents.keys():
        try:
            if hash_of(files.contents[content]) != content:
                bad[content] = "is not what was stored"
        except OSError as error:
            bad[content] = f"cannot be read ({error.strerror})"
    return bad


def hash_of(path: Path) -> str:
    """The SHA-256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_files(files: Files, bad: dict[str, str], books: Books, unparsed: Set[str]) -> Iterator[Problem]:
    """What files and catalog do not agree on. `unparsed` are the ids of documents whose text cannot be read."""
    yield from _live_documents(bad, books, unparsed)
    for file in books.pending:
        if file.content_hash in bad:
            detail = f"The job {file.job_id[:8]} is to read it, and its content {bad[file.content_hash]}."
            give_up = Mending("give up file", (file.job_id, str(file.ordinal)))
            yield Problem("orphaned", file.document, detail, (give_up,))
    for content in sorted(files.contents.keys() - books.needed()):
        delete = Mending("delete file", (str(files.contents[content]),))
        yield Problem("extra", f"stored file {content[:12]}…", "No document has that content.", (delete,))
    for path in files.others:
        temporary = path.suffix == UNFINISHED
        detail = "It was left by a write that did not end." if temporary else "It is not a stored file of Footnote's."
        delete = Mending("delete file", (str(path),))
        yield Problem("torn" if temporary else "extra", f"file {path.name}", detail, (delete,))


def _live_documents(bad: dict[str, str], books: Books, unparsed: Set[str]) -> Iterator[Problem]:
    """Documents whose original or text is bad. Where both are and nothing brings them back, nothing is left to index."""
    healing: dict[str, str | None] = {}
    for document, version in books.live():
        content = version.content_hash
        wrong = bad.get(content)
        if wrong:
            if content not in healing:
                healing[content] = _elsewhere(content, books)
            lost = document.id in unparsed and not healing[content]
            give_up = (Mending("drop version", (document.id,)),) if lost else ()
            yield _bad_original(document.name, wrong, content, healing[content], give_up)
        if document.id in unparsed:
            able = not wrong or healing[content] is not None
            mending = Mending("reindex" if able else "drop version", (document.id,))
            yield Problem("unreadable", f"text of {document.name}", "What was read of it is damaged.", (mending,))


def _bad_original(name: str, wrong: str, content: str, healing: str | None, give_up: tuple[Mending, ...]) -> Problem:
    mendings = (Mending("restore file", (content, healing)),) if healing else give_up
    advice = "" if mendings else " It can still be searched. To have its file again, remove it and add the file anew."
    kind: Literal["missing", "unreadable"] = "missing" if wrong == GONE else "unreadable"
    return Problem(kind, f"file of {name}", f"Its stored file {wrong}.{advice}", mendings)


def _elsewhere(content: str, books: Books) -> str | None:
    """A file on disk, of a document that was added from there, which still has this content."""
    for document, version in books.live():
        if version.content_hash == content and document.path:
            try:
                if hash_of(Path(document.path)) == content:
                    return document.path
            except OSError:
                continue
    return None
