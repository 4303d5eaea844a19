"""New versions of documents that are in the library already, out of their stored files: written, but not made live.

A file that cannot be read any more leaves its document the text that was read before, which is cut and embedded anew.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from ingest.catalog import Draft, Version
from ingest.embedding_line import batches, texts
from ingest.points import context_of, header_of, point_of
from ingest.ports import Worker
from ingest.publishing import Publisher
from ingest.records import Progress
from ingest.rereading import Read, Reader, Target, find_target, read_again
from rag.errors import FootnoteError, NotReady
from rag.ports import Vector
from rag.types import Chunk

THREADS = 2
AHEAD = 4
"""Documents that are read while others are embedded."""

GROUP_DOCUMENTS = 100
GROUP_CHUNKS = 2048
"""How much is staged in one transaction, and embedded together."""


class Cancelled(FootnoteError):
    """It was to be stopped before it was done."""


@dataclass(slots=True)
class Restaged:
    """What was written: the new versions with their chunks; documents that kept their text, and those that could not be, with why."""

    versions: dict[Version, int] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)
    unable: dict[str, str] = field(default_factory=dict)


def restage(
    reader: Reader, publisher: Publisher, document_ids: Sequence[str], cancelled: Callable[[], bool] = lambda: False
) -> Generator[Progress, None, Restaged]:
    """Write new versions of documents into the publisher's index; the generator's value says which.

    They are in flight until the caller flips or drops them. Raises `Cancelled`, and what embedding and index raise; what was
    staged by then is dropped.
    """
    done = Restaged()
    yield Progress("", "files", 0, len(document_ids))
    with ThreadPoolExecutor(THREADS, "reading") as readers, ThreadPoolExecutor(1, "embedding") as embedder:
        try:
            handled = 0
            for group in _groups(_reads(reader, document_ids, readers, done, cancelled)):
                yield from _write(reader.worker, publisher, group, embedder, done, cancelled)
                handled += len(group)
                yield Progress("", "files", handled + len(done.unable), len(document_ids))
            if torn := publisher.torn(done.versions.items()):
                raise FootnoteError(
                    f"The index does not hold all that was written of {len(torn)} documents.",
                    "Nothing was changed. Try again; if that fails too, the index's disk is at fault.",
                )
        except BaseException:
            readers.shutdown(wait=False, cancel_futures=True)
            discard(reader, list(done.versions))
            raise
    return done


def discard(reader: Reader, versions: Sequence[Version]) -> None:
    """Forget versions whose points go with their index."""
    with reader.originals.lock:
        for orphan in reader.catalog.forget_versions(versions):
            reader.originals.delete(orphan)
        reader.catalog.in_flight.difference_update(versions)


def _reads(
    reader: Reader, document_ids: Sequence[str], pool: Executor, done: Restaged, cancelled: Callable[[], bool]
) -> Iterator[Read]:
    """The documents as they were read, in order, some ahead of what is asked for; those that cannot be are noted."""
    flying: deque[tuple[Target, Future[Read]]] = deque()
    waiting = iter(document_ids)
    while True:
        while len(flying) < AHEAD and (document_id := next(waiting, None)) is not None:
            if target := find_target(reader.catalog, document_id):
                flying.append((target, pool.submit(read_again, reader, target)))
        if not flying:
            return
        if cancelled():
            raise Cancelled("It was stopped before it was done.", "Nothing was changed.")
        target, future = flying.popleft()
        try:
            read = future.result()
        except NotReady:
            raise
        except FootnoteError as error:
            done.unable[target.live.document_id] = str(error)
            continue
        if read.kept:
            done.kept[target.name] = read.kept
        yield read


def _groups(reads: Iterator[Read]) -> Iterator[list[Read]]:
    group: list[Read] = []
    chunks = 0
    for read in reads:
        group.append(read)
        chunks += len(read.prepared.chunks)
        if len(group) >= GROUP_DOCUMENTS or chunks >= GROUP_CHUNKS:
            yield group
            group, chunks = [], 0
    if group:
        yield group


@dataclass(frozen=True, slots=True)
class _Piece:
    """A chunk of a staged version, and what stands before it where it is embedded."""

    at: Version
    space_id: str
    chunk: Chunk
    context: str


def _write(
    worker: Worker,
    publisher: Publisher,
    group: Sequence[Read],
    embedder: Executor,
    done: Restaged,
    cancelled: Callable[[], bool],
) -> Iterator[Progress]:
    """Stage a group of documents, and write their points while the next ones are embedded."""
    pieces: list[_Piece] = []
    drafts = [Draft(read.target.entry, read.prepared.version, read.prepared.document) for read in group]
    for read, staged in zip(group, publisher.stage(drafts), strict=True):
        if staged is None:  # it was removed meanwhile
            continue
        at = (staged.document_id, staged.number)
        done.versions[at] = len(read.prepared.chunks)
        header = header_of(staged.name, read.prepared.document.title)
        space = read.target.entry.space_id
        pieces += (_Piece(at, space, chunk, context_of(header, chunk)) for chunk in read.prepared.chunks)
    written = 0
    name = group[0].target.name if len(group) == 1 else f"{len(group)} documents"
    for batch, vectors in _embedded(worker, pieces, embedder):
        if cancelled():
            raise Cancelled("It was stopped before it was done.", "Nothing was changed.")
        publisher.write(
            [
                point_of(piece.at, piece.space_id, piece.chunk, piece.context, vector)
                for piece, vector in zip(batch, vectors, strict=True)
            ]
        )
        written += len(batch)
        yield Progress(name, "embedding", written, len(pieces))


def _embedded(
    worker: Worker, pieces: Sequence[_Piece], embedder: Executor
) -> Iterator[tuple[Sequence[_Piece], Vector]]:
    """Batches with their vectors; the next one is embedded while one is written."""
    before: tuple[Sequence[_Piece], Future[Vector]] | None = None
    for batch in batches(pieces):
        ahead = (batch, embedder.submit(worker.embed_passages, texts(batch)))
        if before:
            yield before[0], before[1].result()
        before = ahead
    if before:
        yield before[0], before[1].result()
