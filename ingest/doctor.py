"""The doctor: holds catalog, index and stored files against each other, and mends what can be mended.

It looks twice before it says anything: what is seen only once was just being changed. It needs no model to look.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from ingest.catalog import SqlCatalog
from ingest.doctor_books import Books, Mending, Problem, check_books, read_books
from ingest.doctor_files import check_files, find_bad, list_files
from ingest.doctor_points import Points, check_points, sort_points
from ingest.doctor_repair import Repair
from ingest.generations import Generations
from ingest.records import Finding
from rag.errors import NotReady
from rag.ports import IndexWriter


@dataclass(frozen=True, slots=True)
class Holdings:
    """What is examined.

    `index` gives the index as it is stored, None where there is none, and may raise `NotReady`. `strays` gives the files
    that lie beside that of a generation.
    """

    catalog: SqlCatalog
    originals: Path
    index: Callable[[], IndexWriter | None]
    generations: Generations
    strays: Callable[[str], Sequence[Path]]


def examine(holdings: Holdings, repair: Repair | None = None) -> list[Finding]:
    """What catalog, index and stored files do not agree on, and what `repair` did about it.

    With `repair` all is looked at again afterwards: what is still there counts as not mended. The library must be paused
    then, so that nobody else writes.
    """
    problems = _look_twice(holdings)
    if repair is None or not problems:
        return [_finding(problem) for problem in problems]
    done = {problem.key: repair.mend(problem.mendings) for problem in problems}
    repair.finish()
    left = _look_twice(holdings)
    still = {problem.key for problem in left}
    mended = [_finding(problem, repaired=done[problem.key]) for problem in problems if problem.key not in still]
    return mended + [_finding(problem, unable=repair.unable) for problem in left]


def _look_twice(holdings: Holdings) -> list[Problem]:
    first = {problem.key for problem in _look(holdings)}
    return [problem for problem in _look(holdings) if problem.key in first] if first else []


def _look(holdings: Holdings) -> list[Problem]:
    """One look. The catalog is read last, so that nothing is taken for unknown that was just made known."""
    files = list_files(holdings.originals)
    index, unusable = _points(holdings)
    in_flight = holdings.catalog.in_flight.copy()
    books = read_books(holdings.catalog.engine)
    problems = [unusable] if unusable else []
    problems += check_books(books, in_flight)
    if index is not None:
        problems += check_points(index, books, in_flight)
    bad = find_bad(files, books.needed())
    problems += check_files(files, bad, books, _unparsed(holdings.catalog, books))
    problems += _beside(holdings)
    return problems


def _points(holdings: Holdings) -> tuple[Points | None, Problem | None]:
    """The points of the index; or why it cannot be read."""
    try:
        index = holdings.index()
        return (sort_points(index.inventory()) if index is not None else Points()), None
    except NotReady as error:
        return None, Problem("unreadable", "the index", str(error))


def _unparsed(catalog: SqlCatalog, books: Books) -> frozenset[str]:
    """The ids of documents whose parsed text cannot be unpacked, or is not as long as it was."""
    return frozenset(
        document.id
        for document, version in books.live()
        if _characters(catalog, document.id, version.number) != version.characters
    )


def _characters(catalog: SqlCatalog, document_id: str, number: int) -> int | None:
    try:
        document = catalog.parsed(document_id, number)
    except (zlib.error, ValueError):
        return None
    return None if document is None else len(document.text)


def _beside(holdings: Holdings) -> Iterator[Problem]:
    """What lies beside the live index."""
    generations = holdings.generations
    leftovers = generations.leftovers()
    for name in leftovers:
        forget = Mending("forget generation", (name,))
        yield Problem("extra", f"index {name or 'of the first generation'}", "It is not in use any more.", (forget,))
    for path in holdings.strays(generations.live()):
        if path.name not in {*leftovers, *generations.building}:
            delete = Mending("delete file", (str(path),))
            yield Problem("extra", f"{path.parent.name}/{path.name}", "It is no part of the index in use.", (delete,))


def _finding(problem: Problem, repaired: str = "", unable: Mapping[str, str] = MappingProxyType({})) -> Finding:
    """The problem as it is told. `unable` says of what it is about why that could not be mended."""
    reasons = (unable[of] for mending in problem.mendings for of in mending.of[:1] if of in unable)
    detail = " ".join((problem.detail, *reasons))
    return Finding(problem.kind, problem.subject, detail, bool(problem.mendings), repaired)
