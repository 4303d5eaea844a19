"""What a run has staged: new versions whose rows, contents and points are being written, and which nobody sees yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, wait
from dataclasses import replace

from ingest.catalog import Draft, Staged, Version
from ingest.embedding_line import BATCH, Embedded, EmbeddingLine, Piece
from ingest.group import REMOVED
from ingest.points import context_of, header_of, point_of
from ingest.preparing import Prepared
from ingest.publishing import Publisher
from ingest.work import Work


class Staging:
    """The versions of one run. `storing` writes contents, so that the run need not wait for the disk."""

    def __init__(self, publisher: Publisher, embedding: EmbeddingLine, storing: Executor) -> None:
        self._publisher = publisher
        self._embedding = embedding
        self._storing = storing
        self._prepared: list[tuple[Work, Prepared]] = []
        self._staged: dict[Version, Future[str]] = {}

    def add(self, work: Work, prepared: Prepared) -> None:
        """A file was read: it is to be staged."""
        self._prepared.append((work, prepared))

    def is_due(self, *, more: bool) -> bool:
        """Whether staging can wait no longer. With `more` to come, small files share a transaction until their chunks are needed."""
        chunks = sum(len(prepared.chunks) for _, prepared in self._prepared)
        is_container = any(prepared.attachments for _, prepared in self._prepared)
        is_hungry = self._embedding.waiting < BATCH or not more
        return bool(self._prepared) and (is_hungry or is_container or chunks >= BATCH)

    def stage(self) -> Iterator[tuple[Work, Prepared]]:
        """Write the rows of new versions, and put their chunks in the line. Yields them; one that was removed has ended."""
        read = [(work, prepared) for work, prepared in self._prepared if not work.ended]
        self._prepared.clear()
        drafts = [Draft(work.entry, prepared.version, prepared.document) for work, prepared in read]
        for (work, prepared), staged in zip(read, self._publisher.stage(drafts), strict=True):
            if staged:
                self._take(work, prepared, staged)
            else:
                work.end("cancelled", REMOVED.format(name=work.name))
            yield work, prepared

    def write(self, batch: Embedded) -> list[Work]:
        """Write the points of a batch. The works that it belongs to, as far as they are still wanted."""
        wanted = [
            (piece, at, vector)
            for piece, vector in zip(batch.pieces, batch.vectors, strict=True)
            if (at := piece.work.at) and not piece.work.ended
        ]
        self._publisher.write(
            [
                point_of(at, piece.work.entry.space_id, piece.chunk, piece.context, vector)
                for piece, at, vector in wanted
            ]
        )
        parts = Counter(piece.work for piece, _, _ in wanted)
        for work, number in parts.items():
            work.embedded += number
            work.seconds += batch.seconds * number / len(batch.pieces)
        return list(parts)

    def became_live(self, versions: Iterable[Version]) -> None:
        """These are not staged any more."""
        for version in versions:
            del self._staged[version]

    def drop(self, versions: Sequence[Version]) -> None:
        """Undo what was staged, once nobody is storing its content any more."""
        if versions:
            wait([self._staged[version] for version in versions])
            self._publisher.drop(versions)
            self.became_live(versions)

    def drop_all(self) -> None:
        """Undo all that is staged."""
        self._prepared.clear()
        self.drop(list(self._staged))

    def give_up(self) -> None:
        """Leave what could not be undone to whoever collects next."""
        self._publisher.give_up(list(self._staged))

    def _take(self, work: Work, prepared: Prepared, staged: Staged) -> None:
        work.staged = staged
        work.version = replace(prepared.version, document_id=staged.document_id, number=staged.number)
        work.stored = self._storing.submit(self._publisher.store, work.data, work.content_hash)
        work.seconds = prepared.version.seconds
        work.data = b""
        self._staged[staged.document_id, staged.number] = work.stored
        header = header_of(work.name, prepared.document.title)
        self._embedding.add([Piece(work, chunk, context_of(header, chunk)) for chunk in prepared.chunks])
