"""The index on a Qdrant server or cluster, over its REST interface (`qdrant_client`). Needs Qdrant 1.16 or newer."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from qdrant_client import QdrantClient, models
from qdrant_client.common.client_exceptions import QdrantException
from qdrant_client.http.exceptions import ApiException, UnexpectedResponse

from rag import bm25
from rag.bm25 import SparseVector
from rag.errors import IndexUnavailable
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

TIMEOUT = 30
"""Seconds until an answer of the server is given up."""

Client = QdrantClient
COLLECTION = "footnote"
_METADATA = "footnote_fingerprint"
_FIELDS: Mapping[str, models.PayloadSchemaType | models.KeywordIndexParams] = {
    SPACE: models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True),
    DOCUMENT: models.PayloadSchemaType.KEYWORD,
    VERSION: models.PayloadSchemaType.INTEGER,
}


def connect(url: str, api_key: str | None = None, timeout: int = TIMEOUT) -> QdrantClient:
    """A client of the server at `url`. Nothing is sent yet, and no proxy of the environment is used, ever."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Api key is used with an insecure connection")
        return QdrantClient(
            url=url, api_key=api_key or None, timeout=timeout, check_compatibility=False, trust_env=False
        )


def exists(client: QdrantClient, collection: str) -> bool:
    """Whether there is a collection of that name. Raises `IndexUnavailable`."""
    with _talking(_address(client)):
        return client.collection_exists(collection)


def stored_fingerprint(client: QdrantClient, collection: str) -> Fingerprint | None:
    """Which embedder made the collection; `None` where there is no such collection, or it does not say.

    Raises `IndexUnavailable`.
    """
    with _talking(_address(client)):
        if not client.collection_exists(collection):
            return None
        metadata = client.get_collection(collection).config.metadata or {}
        return fingerprint_from(metadata.get(_METADATA))


def drop(client: QdrantClient, collection: str) -> None:
    """Remove the collection; one that is not there is no error. Raises `IndexUnavailable`."""
    with _talking(_address(client)):
        if client.collection_exists(collection):
            client.delete_collection(collection)


class ServerIndex(QdrantIndex):
    """An index in a collection of a server, which is made when it is not there."""

    def __init__(self, client: QdrantClient, fingerprint: Fingerprint, collection: str = COLLECTION) -> None:
        """Open the collection, or make one.

        Raises `FingerprintMismatch` when another embedder filled it, `IndexUnavailable` when the server does not
        answer, refuses the key or is too old.
        """
        super().__init__(fingerprint.dimension)
        self._client = client
        self._collection = collection
        self._address = _address(client)
        self._closed = False
        with self._server():
            self._forget_if_empty(fingerprint)
            if not client.collection_exists(collection):
                self._create(fingerprint)
            self._index_fields()

    def flush(self) -> None:
        """Nothing to do: each write waits until the server has it in its log and applied."""

    def close(self) -> None:
        """Close the connections. May be called again."""
        if not self._closed:
            self._closed = True
            self._client.close()

    def _rank(self, queries: Queries, where: Where, depth: int) -> list[list[Ranked]]:
        allowed = _filter(where)
        requests = [
            models.QueryRequest(query=_vector(query), using=name, filter=allowed, limit=depth, with_payload=False)
            for name, query in queries.items()
        ]
        with self._server():
            answers = self._client.query_batch_points(self._collection, requests=requests)
        return [[(str(point.id), point.score) for point in answer.points] for answer in answers]

    def _payloads(self, ids: Sequence[str]) -> Iterable[tuple[str, Mapping[str, Any]]]:
        with self._server():
            records = self._client.retrieve(self._collection, list(ids), with_payload=True, with_vectors=False)
        return [(str(record.id), record.payload) for record in records if record.payload]

    def _store(self, points: Sequence[Point]) -> None:
        stored = [
            models.PointStruct(
                id=point.id,
                vector={DENSE: list(point.vector), BM25: _vector(bm25.embed_passage(passage_text(point)))},
                payload=payload_of(point),
            )
            for point in points
        ]
        with self._server():
            self._client.upsert(self._collection, stored, wait=True)

    def _delete(self, where: Where) -> None:
        with self._server():
            self._client.delete(self._collection, models.FilterSelector(filter=_filter(where)), wait=True)

    def _delete_ids(self, ids: Sequence[str]) -> None:
        with self._server():
            self._client.delete(self._collection, models.PointIdsList(points=list(ids)), wait=True)

    def _scroll(self, page: int) -> Iterator[tuple[str, Mapping[str, Any] | None]]:
        offset = None
        while True:
            with self._server():
                records, offset = self._client.scroll(self._collection, limit=page, offset=offset, with_payload=True)
            yield from ((str(record.id), record.payload) for record in records)
            if offset is None:
                return

    def _count(self, where: Where) -> int:
        with self._server():
            return self._client.count(self._collection, count_filter=_filter(where), exact=True).count

    def _forget_if_empty(self, fingerprint: Fingerprint) -> None:
        """Remove a collection of another embedder that holds no points; refuse one that does."""
        if not self._client.collection_exists(self._collection):
            return
        stored = stored_fingerprint(self._client, self._collection)
        if stored == fingerprint:
            return
        if self._client.count(self._collection, exact=True).count:
            raise mismatch(
                f"The collection {self._collection!r} of the Qdrant server at {self._address}",
                stored,
                fingerprint,
            )
        self._client.delete_collection(self._collection)

    def _create(self, fingerprint: Fingerprint) -> None:
        try:
            self._client.create_collection(
                self._collection,
                vectors_config={
                    DENSE: models.VectorParams(size=fingerprint.dimension, distance=models.Distance.COSINE)
                },
                sparse_vectors_config={BM25: models.SparseVectorParams(modifier=models.Modifier.IDF)},
                metadata={_METADATA: asdict(fingerprint)},
            )
        except UnexpectedResponse:
            if not self._client.collection_exists(self._collection):
                raise
        # Another process may have made it in the same moment, and an old server drops metadata in silence.
        stored = stored_fingerprint(self._client, self._collection)
        if stored is None:
            raise IndexUnavailable(
                f"The Qdrant server at {self._address} does not keep the metadata of a collection: it is too old.",
                "Use Qdrant 1.16 or newer.",
            )
        self._forget_if_empty(fingerprint)

    def _index_fields(self) -> None:
        """Make the payload indexes that are missing, as after an interruption."""
        there = self._client.get_collection(self._collection).payload_schema
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Payload indexes have no effect in the local Qdrant")
            for field, schema in _FIELDS.items():
                if field not in there:
                    self._client.create_payload_index(self._collection, field, field_schema=schema, wait=True)

    @contextmanager
    def _server(self) -> Iterator[None]:
        if self._closed:
            raise IndexUnavailable(f"The connection to the Qdrant server at {self._address} is closed.")
        with _talking(self._address):
            yield


@contextmanager
def _talking(address: str) -> Iterator[None]:
    """Turn what the client raises into an error with the server's address and a remedy."""
    try:
        yield
    except UnexpectedResponse as error:
        raise _refused(address, error) from error
    except (ApiException, QdrantException) as error:
        reason = str(getattr(error, "source", error)) or type(error).__name__
        raise IndexUnavailable(
            f"The Qdrant server at {address} does not answer: {reason}.",
            "Start it, or correct FOOTNOTE_QDRANT_URL; without that setting Footnote uses its own index.",
        ) from error


def _refused(address: str, error: UnexpectedResponse) -> IndexUnavailable:
    if error.status_code in (401, 403):
        return IndexUnavailable(
            f"The Qdrant server at {address} refuses the key.", "Set FOOTNOTE_QDRANT_API_KEY to the server's key."
        )
    said = error.content.decode("utf-8", "replace")[:300]
    return IndexUnavailable(
        f"The Qdrant server at {address} answered {error.status_code} {error.reason_phrase}: {said}",
        "Check that FOOTNOTE_QDRANT_URL is the address of a Qdrant server, and look into its log.",
    )


def _address(client: QdrantClient) -> str:
    """Where the server is, without a user or password that the address may hold."""
    options = client.init_options
    if not options.get("url"):
        return str(options.get("host") or options.get("location") or "localhost")
    parts = urlsplit(str(options["url"]))
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _vector(vector: list[float] | SparseVector) -> list[float] | models.SparseVector:
    if isinstance(vector, SparseVector):
        return models.SparseVector(indices=vector.indices, values=vector.values)
    return vector


def _filter(where: Where) -> models.Filter:
    return models.Filter(
        must=[models.FieldCondition(key=field, match=models.MatchAny(any=values)) for field, values in where.items()]
    )
