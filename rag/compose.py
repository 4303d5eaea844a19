"""Builds the parts of the answering core from the settings. The one place that knows which class serves which setting."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from rag.addresses import require_local
from rag.embedding import open_embedder
from rag.errors import IndexUnavailable
from rag.model_files import RERANKER
from rag.ports import IndexWriter, Reranker
from rag.settings import Settings
from rag.types import Fingerprint

if TYPE_CHECKING:
    from rag.index_server import Client

__all__ = [
    "drop_index",
    "index_name",
    "index_strays",
    "open_embedder",
    "open_index",
    "open_reranker",
    "open_stored_index",
]


def open_index(settings: Settings, folder: Path, fingerprint: Fingerprint, generation: str = "") -> IndexWriter:
    """The index: a Qdrant server where one is named, else the engine in the process, in `folder`.

    Each generation is an index of its own; the first one has no name. Raises `IndexUnavailable`,
    `FingerprintMismatch`, `RemoteNotAllowed`.
    """
    if settings.qdrant_url:
        from rag.index_server import ServerIndex

        return ServerIndex(_connect(settings), fingerprint, _collection(generation))
    from rag.index_edge import EdgeIndex

    return EdgeIndex(folder / generation, fingerprint)


def open_stored_index(settings: Settings, folder: Path, generation: str = "") -> IndexWriter | None:
    """The index as it was stored, whichever embedder made it; `None` where there is none.

    To be looked at and mended, not to be searched with another embedder. Raises `IndexUnavailable`, `RemoteNotAllowed`.
    """
    if settings.qdrant_url:
        from rag import index_server as server

        with closing(_connect(settings)) as client:
            there = server.exists(client, _collection(generation))
            stored = server.stored_fingerprint(client, _collection(generation))
    else:
        from rag import index_edge as edge

        there, stored = edge.exists(folder / generation), edge.stored_fingerprint(folder / generation)
    if not there:
        return None
    if stored is None:
        raise IndexUnavailable(
            f"The index ({index_name(settings)}) does not say which embedder made it.",
            "`footnote rebuild` makes it anew from the stored documents.",
        )
    return open_index(settings, folder, stored, generation)


def drop_index(settings: Settings, folder: Path, generation: str) -> None:
    """Remove a generation of the index, made or half made; one that is not there is no error."""
    if settings.qdrant_url:
        from rag import index_server as server

        with closing(_connect(settings)) as client:
            server.drop(client, _collection(generation))
    else:
        from rag import index_edge as edge

        edge.drop(folder / generation)


def index_strays(settings: Settings, folder: Path, live: str) -> list[Path]:
    """What lies in the index's folder and is no part of the live generation; nothing where a server keeps the index."""
    if settings.qdrant_url:
        return []
    from rag import index_edge as edge

    return edge.strays(folder, live)


def open_reranker(settings: Settings) -> Reranker | None:
    """The cross-encoder, or None where reranking is off. Raises `ModelFilesMissing`."""
    if not settings.rerank:
        return None
    from rag.reranking import CrossEncoder

    return CrossEncoder(settings.models_folder / RERANKER.folder)


def index_name(settings: Settings) -> str:
    """Which index is used, in words."""
    return f"Qdrant server at {settings.qdrant_url}" if settings.qdrant_url else "qdrant-edge, in process"


def _connect(settings: Settings) -> Client:
    from rag.index_server import connect

    require_local(settings.qdrant_url, settings, "The Qdrant server")
    return connect(settings.qdrant_url, settings.qdrant_api_key.get_secret_value() or None)


def _collection(generation: str) -> str:
    from rag.index_server import COLLECTION

    return f"{COLLECTION}-{generation}" if generation else COLLECTION
