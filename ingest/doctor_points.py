"""Holds the points of the index against the catalog."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, field

from ingest.doctor_books import Books, DocumentRow, Mending, Problem, VersionKey, VersionRow
from ingest.points import point_id
from rag.types import PointKey


@dataclass(slots=True)
class Points:
    """The points of the index by version, and the ids of those that are torn."""

    by_version: dict[VersionKey, list[PointKey]] = field(default_factory=lambda: defaultdict(list))
    torn: set[str] = field(default_factory=set)


def sort_points(inventory: Iterable[PointKey]) -> Points:
    """Read the index's inventory."""
    points = Points()
    for key in inventory:
        if key.document_id:
            points.by_version[key.document_id, key.version].append(key)
        else:
            points.torn.add(key.id)
    return points


def check_points(points: Points, books: Books, in_flight: Set[VersionKey]) -> Iterator[Problem]:
    """What index and catalog do not agree on. `in_flight` are versions that a job is writing."""
    ours: set[str] = set()
    for document, version in books.live():
        wanted = [point_id(document.id, version.number, ordinal) for ordinal in range(version.chunks)]
        torn = points.torn.intersection(wanted) if points.torn else set()
        ours |= torn
        found = points.by_version.get((document.id, version.number), [])
        if torn or len(found) != len(wanted) or _differs(found, wanted, document, version):
            yield _problem(document, version, found, wanted, torn)
    known = books.versions.keys() | in_flight
    for key, found in points.by_version.items():
        if key not in known:
            detail = f"{_points(len(found))} of its version {key[1]}, which the catalog does not know."
            yield Problem("extra", books.name(key[0]), detail, (_delete(point.id for point in found),))
    if astray := points.torn - ours - _of_versions(books.dead() | in_flight, points.torn, books):
        yield Problem("torn", "the index", f"{_points(len(astray))} that nobody can read.", (_delete(astray),))


def _differs(found: list[PointKey], wanted: list[str], document: DocumentRow, version: VersionRow) -> bool:
    """Whether any point is not the one that belongs there. As many were found as are wanted."""
    return any(
        not 0 <= point.ordinal < len(wanted)
        or point.id != wanted[point.ordinal]
        or point.space != document.space_id
        or point.end > version.characters
        for point in found
    )


def _problem(
    document: DocumentRow, version: VersionRow, found: list[PointKey], wanted: list[str], torn: set[str]
) -> Problem:
    """What is wrong with the points of a live version, the worst first."""
    again = Mending("reindex", (document.id,))
    places = {point_id: ordinal for ordinal, point_id in enumerate(wanted)}
    strangers = [point for point in found if places.get(point.id) != point.ordinal]
    foreign = [point.id for point in strangers]
    right = len(found) - len(foreign)
    total = len(wanted)
    if torn:
        detail = f"{len(torn)} of its {_points(total)} cannot be read."
        return Problem("torn", document.name, detail, (_delete([*torn, *foreign]), again))
    if total and not found:
        return Problem("missing", document.name, f"None of its {_points(total)} is in the index.", (again,))
    beyond = any(point.id == point_id(document.id, version.number, point.ordinal) for point in strangers)
    if right == total and foreign and not beyond:  # else it is rather the catalog that counts wrong
        detail = f"{_points(len(found))} where {total} belong."
        return Problem("wrong count", document.name, detail, (_delete(foreign),))
    if len(found) != total:
        detail = f"{_points(len(found))} where {total} belong."
        return Problem("wrong count", document.name, detail, (_delete(foreign), again))
    if foreign:
        detail = f"{len(foreign)} of its {_points(total)} are not the ones that belong there."
        return Problem("torn", document.name, detail, (_delete(foreign), again))
    if any(point.end > version.characters for point in found):
        return Problem("unreadable", document.name, "Passages of it lie outside its text.", (again,))
    return Problem("torn", document.name, "Points of it are kept under another space.", (again,))


def _of_versions(keys: Iterable[VersionKey], torn: Set[str], books: Books) -> set[str]:
    """Those torn points that belong to these versions: they are collected with them, or being written."""
    if not torn:
        return set()
    counts = ((key, books.versions[key].chunks) for key in keys if key in books.versions)
    return {
        wanted for key, chunks in counts for ordinal in range(chunks) if (wanted := point_id(*key, ordinal)) in torn
    }


def _delete(ids: Iterable[str]) -> Mending:
    return Mending("delete points", tuple(sorted(ids)))


def _points(count: int) -> str:
    return f"{count:,} point{'' if count == 1 else 's'}"
