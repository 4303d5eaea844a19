"""The embedded index: `qdrant_edge`, Qdrant's engine inside this process. One process at a time may open a folder.

Its calls hold the GIL from start to end, so that they never overlap and need no lock of ours.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import qdrant_edge as edge

from rag import bm25
from rag.bm25 import SparseVector
from rag.errors import IndexUnavailable, NotReady
from rag.fusion import Ranked
from rag.index_base import QdrantIndex, Queries
from rag.index_payload import (
    BM25,
    DENSE,
    DOCUMENT,
    SPACE,
    VERSION,
    Where,
    fingerprint_from,
    mismatch,
    passage_text,
    payload_of,
)
from rag.types import Fingerprint, Point

_SHARD = "shard"
_UNFINISHED = "shard.new"
_FINGERPRINT = "fingerprint.json"
_NO_HNSW = 0
"""Below about 500,000 chunks a full scan is fast enough, and building a graph holds the GIL for seconds."""


class EdgeIndex(QdrantIndex):
    """An index in a folder, which is made when it is not there. Nothing is written outside of it."""

    def __init__(self, folder: Path, fingerprint: Fingerprint) -> None:
        """Open the folder's index, or make one.

        Raises `FingerprintMismatch` when another embedder filled it, `IndexUnavailable` when it cannot be opened.
        """
        super().__init__(fingerprint.dimension)
        self._folder = folder
        self._closed = False
        with _engine(folder, "opened"):
            _forget_if_empty(folder, fingerprint)
            if not (folder / _SHARD).exists():
                _create(folder, fingerprint)
            self._shard = edge.EdgeShard.load(str(folder / _SHARD))
            self._shard.optimize()  # frees the room of deleted points, once they are a fifth of all

    def flush(self) -> None:
        """Return when all that was written is on disk: 0.1 to 0.3 s."""
        with _engine(self._folder, "written"):
            self._shard.flush()

    def close(self) -> None:
        """Write what is pending and let go of the folder. May be called again."""
        try:
            if not self._closed:
                self.flush()
        finally:
            self._closed = True
            self._shard.close()

    def _rank(self, queries: Queries, where: Where, depth: int) -> list[list[Ranked]]:
        allowed = _filter(where)
        requests = [
            edge.QueryRequest(limit=depth, query=edge.Query.Nearest(_vector(query), using=name), filter=allowed)
            for name, query in queries.items()
        ]
        with _engine(self._folder, "searched"):
            answers = self._shard.query_batch(edge.QueryBatchRequest(requests))
        return [[(str(point.id), point.score) for point in points] for points in answers]

    def _payloads(self, ids: Sequence[str]) -> Iterable[tuple[str, Mapping[str, Any]]]:
        with _engine(self._folder, "read"):
            records = self._shard.retrieve(list(ids), with_payload=True, with_vector=False)
        return [(str(record.id), record.payload) for record in records if record.payload]

    def _store(self, points: Sequence[Point]) -> None:
        stored = [
            edge.Point(
                point.id,
                {DENSE: list(point.vector), BM25: _vector(bm25.embed_passage(passage_text(point)))},
                payload_of(point),
            )
            for point in points
        ]
        with _engine(self._folder, "written"):
            self._shard.update(edge.UpdateOperation.upsert_points(stored))

    def _delete(self, where: Where) -> None:
        with _engine(self._folder, "written"):
            self._shard.update(edge.UpdateOperation.delete_points_by_filter(_filter(where)))

    def _delete_ids(self, ids: Sequence[str]) -> None:
        with _engine(self._folder, "written"):
            self._shard.update(edge.UpdateOperation.delete_points(list(ids)))

    def _scroll(self, page: int) -> Iterator[tuple[str, Mapping[str, Any] | None]]:
        offset = None
        while True:
            with _engine(self._folder, "read"):
                records, offset = self._shard.scroll(edge.ScrollRequest(offset, page, with_payload=True))
            yield from ((str(record.id), record.payload) for record in records)
            if offset is None:
                return

    def _count(self, where: Where) -> int:
        with _engine(self._folder, "read"):
            return self._shard.count(edge.CountRequest(exact=True, filter=_filter(where)))


@contextmanager
def _engine(folder: Path, done: str) -> Iterator[None]:
    """Turn what the engine raises (bare `Exception`, `OSError`) into an error with a remedy."""
    try:
        yield
    except NotReady:
        raise
    except Exception as error:
        if "WouldBlock" in str(error):
            raise IndexUnavailable(
                f"The index in {folder} is open in another process.", "Close that one, or use another data folder."
            ) from error
        raise IndexUnavailable(
            f"The index in {folder} cannot be {done}: {error}.",
            "Check the folder's rights and the free disk space. If the index itself is damaged, `footnote rebuild` makes "
            "it anew from the stored documents.",
        ) from error


def exists(folder: Path) -> bool:
    """Whether there is an index in the folder."""
    return (folder / _SHARD).exists()


def drop(folder: Path) -> None:
    """Remove the index in the folder, made or half made, and the folder if nothing else is in it."""
    for name in (_SHARD, _UNFINISHED):
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in (_FINGERPRINT, f"{_FINGERPRINT}.new"):
        (folder / name).unlink(missing_ok=True)
    with suppress(OSError):  # it holds other indexes, or is not there
        folder.rmdir()


def strays(folder: Path, live: str) -> list[Path]:
    """What lies in the folder of an index's generations and is no part of the live one."""
    ours = {live} if live else {_SHARD, _FINGERPRINT}
    return sorted(path for path in folder.iterdir() if path.name not in ours) if folder.is_dir() else []


def _forget_if_empty(folder: Path, fingerprint: Fingerprint) -> None:
    """Remove a shard of another embedder that holds no points; refuse one that does."""
    if not (folder / _SHARD).exists():
        return
    stored = stored_fingerprint(folder)
    if stored == fingerprint:
        return
    shard = edge.EdgeShard.load(str(folder / _SHARD))
    points = shard.count(edge.CountRequest(exact=True))
    shard.close()
    if points:
        raise mismatch(f"The index in {folder}", stored, fingerprint)
    shutil.rmtree(folder / _SHARD)


def _create(folder: Path, fingerprint: Fingerprint) -> None:
    """Make an empty shard. It gets its name when it is complete, and after the fingerprint is on disk."""
    unfinished = folder / _UNFINISHED
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    _store_fingerprint(folder, fingerprint)
    config = edge.EdgeConfig(
        vectors={DENSE: edge.EdgeVectorParams(size=fingerprint.dimension, distance=edge.Distance.Cosine)},
        sparse_vectors={BM25: edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf)},
        optimizers=edge.EdgeOptimizersConfig(indexing_threshold=_NO_HNSW),
    )
    shard = edge.EdgeShard.create(str(unfinished), config)
    keyword = edge.PayloadSchemaType.Keyword
    for field, kind in ((SPACE, keyword), (DOCUMENT, keyword), (VERSION, edge.PayloadSchemaType.Integer)):
        shard.update(edge.UpdateOperation.create_field_index(field, kind))
    shard.flush()
    shard.close()
    unfinished.rename(folder / _SHARD)


def stored_fingerprint(folder: Path) -> Fingerprint | None:
    """Which embedder made the index in the folder; `None` where that cannot be read."""
    try:
        return fingerprint_from(json.loads((folder / _FINGERPRINT).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError):
        return None


def _store_fingerprint(folder: Path, fingerprint: Fingerprint) -> None:
    """Write the fingerprint in one step: the old file or the new one, never half of one."""
    unfinished = folder / f"{_FINGERPRINT}.new"
    with unfinished.open("w", encoding="utf-8") as file:
        json.dump(asdict(fingerprint), file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(folder / _FINGERPRINT)


def _vector(vector: list[float] | SparseVector) -> list[float] | edge.SparseVector:
    return edge.SparseVector(vector.indices, vector.values) if isinstance(vector, SparseVector) else vector


def _filter(where: Where) -> edge.Filter:
    return edge.Filter(
        must=[edge.FieldCondition(field, match=edge.MatchAny(values)) for field, values in where.items()]
    )
