"""The whole index anew from the stored files, beside the one in use, which is exchanged for it at the end.

Questions go on over the old index meanwhile. Killed in the middle, the old one stays, and what was made of the new one is
removed when the library is opened the next time.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass

from ingest.catalog import Version
from ingest.generations import Generations, forget_other_generations
from ingest.publishing import Publisher
from ingest.records import Progress, Rebuilt
from ingest.rereading import Reader
from ingest.restaging import Restaged, discard, restage
from rag.errors import FootnoteError
from rag.ports import IndexWriter

MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Rebuilding:
    """What rebuilding needs.

    `open_index` makes the index of a generation, `drop_index` removes one. `switch` exchanges the index in use for another,
    in the moment in which its second argument makes that the live one, if that says so; whether it did.
    """

    reader: Reader
    generations: Generations
    open_index: Callable[[str], IndexWriter]
    drop_index: Callable[[str], None]
    switch: Callable[[IndexWriter, Callable[[], bool]], bool]


def rebuild(
    parts: Rebuilding, cancelled: Callable[[], bool] = lambda: False
) -> Generator[Progress | Rebuilt, None, None]:
    """Make the index anew; the last event is `Rebuilt`. No job may run meanwhile.

    The index in use is not looked at: it may be damaged, or another embedder's. Raises `Cancelled`, what embedder and index
    raise, and `FootnoteError` where of a document neither file nor text is left; nothing is changed then.
    """
    forget_other_generations(parts.generations, parts.drop_index)
    name = parts.generations.begin()
    try:
        index = parts.open_index(name)
        publisher = Publisher(parts.reader.catalog, index, parts.reader.originals)
        try:
            done = yield from _filled(parts, publisher, index, name, cancelled)
        except BaseException:
            if parts.generations.live() != name:
                index.close()
            raise
        documents, chunks = _collect(parts.reader, publisher, done.versions)
    finally:
        parts.generations.end(name)
        forget_other_generations(parts.generations, parts.drop_index)
    kept = tuple(f"{document}: {reason}" for document, reason in sorted(done.kept.items()))
    yield Rebuilt(documents, chunks, kept)


def _filled(
    parts: Rebuilding, publisher: Publisher, index: IndexWriter, name: str, cancelled: Callable[[], bool]
) -> Generator[Progress, None, Restaged]:
    """Fill the new index, and exchange the old one for it."""
    reader = parts.reader
    done = Restaged()
    behind = [record.id for record in reader.catalog.documents() if record.live_version is not None]

    def commit() -> bool:
        with reader.originals.lock:  # what is live does not change meanwhile
            behind[:] = parts.generations.swap(name, list(done.versions))
        return not behind

    try:
        while True:  # once more for what was changed meanwhile
            more = yield from restage(reader, publisher, behind, cancelled)
            done.versions |= more.versions
            done.kept |= more.kept
            if more.unable:
                raise _unable(more.unable)
            if parts.switch(index, commit):
                return done
    except BaseException:
        if parts.generations.live() != name:
            discard(reader, list(done.versions))
        raise


def _collect(reader: Reader, publisher: Publisher, versions: Mapping[Version, int]) -> tuple[int, int]:
    """Remove what is superseded, and what was removed while the new index was made; how many documents and chunks are in it."""
    with reader.originals.lock:
        dead = set(reader.catalog.dead_versions())
        live = versions.keys() - dead
        reader.catalog.in_flight.difference_update(live)
        others = dead - reader.catalog.in_flight
    publisher.drop([version for version in versions if version in dead])
    discard(reader, sorted(others))
    return len(live), sum(versions[version] for version in live)


def _unable(unable: Mapping[str, str]) -> FootnoteError:
    named = "; ".join(list(unable.values())[:MOST_NAMED])
    more = f", and {len(unable) - MOST_NAMED} more" if len(unable) > MOST_NAMED else ""
    return FootnoteError(
        f"Of {len(unable)} documents neither the stored file nor its text can be read: {named}{more}",
        "`footnote doctor --repair` sets them aside; then rebuild again.",
    )
