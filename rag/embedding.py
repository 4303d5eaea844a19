"""Embedders: the fetched ONNX model through fastembed, any other through sentence-transformers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rag.errors import ModelFilesMissing
from rag.model_files import EMBEDDER, require
from rag.ports import Embedder, Vector
from rag.settings import DEFAULT_EMBEDDER, Settings
from rag.types import Fingerprint

if TYPE_CHECKING:
    from fastembed import TextEmbedding

BATCH = 32
"""Texts per call of the model. Sorted by length first, so that little of a batch is padding."""

BGE_DIMENSION = 384
BGE_MAX_TOKENS = 512


class OnnxEmbedder:
    """bge-small-en-v1.5, int8, on the CPU. No query prefix: it lowered SciFact from .718 to .708 (DESIGN.md)."""

    def __init__(self, folder: Path) -> None:
        require(EMBEDDER, folder)
        self._model = _open_onnx(folder)
        self._tokenizer = _open_tokenizer(folder / "tokenizer.json")
        self._fingerprint = Fingerprint(DEFAULT_EMBEDDER, EMBEDDER.revision, BGE_DIMENSION, "cls")

    @property
    def fingerprint(self) -> Fingerprint:
        """Model, hash of its weights, dimension and pooling."""
        return self._fingerprint

    @property
    def max_tokens(self) -> int:
        """Tokens the model reads of one text; what is longer is cut."""
        return BGE_MAX_TOKENS

    def embed_passages(self, texts: Sequence[str]) -> Vector:
        """Vectors of shape `(len(texts), 384)`, each of length 1."""
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        vectors = np.zeros((len(texts), BGE_DIMENSION), dtype=np.float32)
        for position, vector in zip(order, self._model.embed([texts[i] for i in order], batch_size=BATCH), strict=True):
            vectors[position] = vector
        return vectors

    def embed_query(self, text: str) -> Vector:
        """One vector of shape `(384,)` and length 1."""
        return np.asarray(next(iter(self._model.query_embed(text))), dtype=np.float32)

    def tokenize(self, text: str) -> list[str]:
        """The model's word pieces, without special tokens."""
        tokens: list[str] = self._tokenizer.encode(text, add_special_tokens=False).tokens
        return tokens


class SentenceTransformerEmbedder:
    """Any sentence-transformers model, by hub name or folder; on a GPU where there is one."""

    def __init__(self, name: str) -> None:
        self._model = _open_sentence_transformer(name)
        self._lock = threading.Lock()
        self._fingerprint = Fingerprint(
            model=Path(name).name if Path(name).is_dir() else name,
            revision=_weights_revision(self._model),
            dimension=int(self._model.get_embedding_dimension()),
            pooling=_pooling_of(self._model),
            prefix=" | ".join(f"{name}: {text}" for name, text in sorted((self._model.prompts or {}).items()) if text),
        )

    @property
    def fingerprint(self) -> Fingerprint:
        """Model, hash of its weights, dimension, pooling and the prompts it puts before texts."""
        return self._fingerprint

    @property
    def max_tokens(self) -> int:
        """Tokens the model reads of one text; what is longer is cut."""
        return int(self._model.max_seq_length or 512)

    def embed_passages(self, texts: Sequence[str]) -> Vector:
        """Vectors of shape `(len(texts), dimension)`, each of length 1."""
        if not texts:
            return np.zeros((0, self._fingerprint.dimension), dtype=np.float32)
        return self._encode(self._model.encode_document, list(texts))

    def embed_query(self, text: str) -> Vector:
        """One vector of shape `(dimension,)` and length 1."""
        vector: Vector = self._encode(self._model.encode_query, [text])[0]
        return vector

    def tokenize(self, text: str) -> list[str]:
        """The model's own tokens, without special ones."""
        tokens: list[str] = self._model.tokenizer.tokenize(text)
        return tokens

    def _encode(self, encode: Callable[..., Any], texts: list[str]) -> Vector:
        with self._lock:
            vectors = encode(texts, batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(vectors, dtype=np.float32)


def open_embedder(settings: Settings) -> Embedder:
    """The embedder that the settings name. Raises `ModelFilesMissing`."""
    if settings.embedder.lower() in (DEFAULT_EMBEDDER.lower(), EMBEDDER.folder.lower()):
        return OnnxEmbedder(settings.models_folder / EMBEDDER.folder)
    return SentenceTransformerEmbedder(settings.embedder)


def _open_tokenizer(path: Path) -> Any:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _open_onnx(folder: Path) -> TextEmbedding:
    from fastembed import TextEmbedding

    name = _register_onnx()
    return TextEmbedding(name, specific_model_path=str(folder), local_files_only=True)


@lru_cache(maxsize=1)
def _register_onnx() -> str:
    """Tell fastembed of our model once a process: it keeps a registry and refuses a name twice."""
    from fastembed import TextEmbedding
    from fastembed.common.model_description import ModelSource, PoolingType

    name = f"footnote/{EMBEDDER.folder}"
    TextEmbedding.add_custom_model(
        model=name,
        pooling=PoolingType.CLS,
        normalization=True,
        dim=BGE_DIMENSION,
        model_file="model.onnx",
        sources=ModelSource(hf=DEFAULT_EMBEDDER),
    )
    return name


def _open_sentence_transformer(name: str) -> Any:
    """Open a folder, or a hub name that was fetched before. Answering never downloads: that is `models fetch`."""
    import transformers.utils.logging as transformers_logging
    from sentence_transformers import SentenceTransformer

    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # it would draw on stderr, in a pipe too
    try:
        return SentenceTransformer(name, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise ModelFilesMissing(
            f"The embedder {name} (FOOTNOTE_EMBEDDER) is not on this machine.",
            f"Fetch it with `footnote models fetch --embedder {name}`, or name a folder that holds it.",
        ) from error


def _weights_revision(model: Any) -> str:
    """The SHA-256 over all parameters: the same weights are the same revision, wherever they lie."""
    import hashlib

    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().float().numpy().tobytes())
    return digest.hexdigest()


def _pooling_of(model: Any) -> str:
    """The pooling of the model's own Pooling module, else `model` where it does something else."""
    for module in model.modules():
        if type(module).__name__ == "Pooling":
            mode = module.get_config_dict().get("pooling_mode", "")
            return str(mode) if mode else "model"
    return "model"


def fetch_sentence_transformer(name: str) -> None:
    """Download a sentence-transformers model from the hub into its cache. Raises `ModelFilesMissing`."""
    from sentence_transformers import SentenceTransformer

    try:
        SentenceTransformer(name, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise ModelFilesMissing(
            f"The embedder {name} could not be fetched from the hub.",
            "Check its name and the network, or copy its folder here and name that in FOOTNOTE_EMBEDDER.",
        ) from error
