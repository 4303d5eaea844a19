"""Builds the parts of the answering core from the settings. The one place that knows which class serves which setting."""

from __future__ import annotations

from pathlib import Path

from rag.addresses import require_local
from rag.embedding import open_embedder
from rag.model_files import RERANKER
from rag.ports import IndexWriter, Reranker
from rag.settings import Settings
from rag.types import Fingerprint

__all__ = ["index_name", "open_embedder", "open_index", "open_reranker"]


def open_index(settings: Settings, folder: Path, fingerprint: Fingerprint) -> IndexWriter:
    """The index: a Qdrant server where one is named, else the engine in the process, in `folder`.

    Raises `IndexUnavailable`, `FingerprintMismatch`, `RemoteNotAllowed`.
    """
    if settings.qdrant_url:
        from rag.index_server import ServerIndex, connect

        require_local(settings.qdrant_url, settings, "The Qdrant server")
        client = connect(settings.qdrant_url, settings.qdrant_api_key.get_secret_value() or None)
        return ServerIndex(client, fingerprint)
    from rag.index_edge import EdgeIndex

    return EdgeIndex(folder, fingerprint)


def open_reranker(settings: Settings) -> Reranker | None:
    """The cross-encoder, or None where reranking is off. Raises `ModelFilesMissing`."""
    if not settings.rerank:
        return None
    from rag.reranking import CrossEncoder

    return CrossEncoder(settings.models_folder / RERANKER.folder)


def index_name(settings: Settings) -> str:
    """Which index is used, in words."""
    return f"Qdrant server at {settings.qdrant_url}" if settings.qdrant_url else "qdrant-edge, in process"
