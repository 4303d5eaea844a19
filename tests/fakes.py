"""Small honest implementations of the ports, whose answers can be worked out by hand. No mocks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from ingest.loading import load
from ingest.loading.limits import Limits
from ingest.loading.parsed import Parsed
from rag.ports import Vector
from rag.types import Fingerprint

DIMENSION = 512


def words(text: str) -> list[str]:
    """The words of a text, in small letters."""
    return re.findall(r"\w+", text.lower())


class WordEmbedder:
    """A text's vector counts its words: each word has the place that its letters add up to. Texts that share words are near."""

    def __init__(self, model: str = "words") -> None:
        self._model = model
        self.embedded: list[str] = []

    @property
    def fingerprint(self) -> Fingerprint:
        return Fingerprint(self._model, "1", DIMENSION, "sum")

    @property
    def max_tokens(self) -> int:
        return 512

    def embed_passages(self, texts: Sequence[str]) -> Vector:
        self.embedded += texts
        return np.array([self._vector(text) for text in texts], dtype=np.float32).reshape(len(texts), DIMENSION)

    def embed_query(self, text: str) -> Vector:
        return self._vector(text)

    def tokenize(self, text: str) -> list[str]:
        return words(text)

    def _vector(self, text: str) -> Vector:
        vector = np.zeros(DIMENSION, dtype=np.float32)
        for word in words(text):
            vector[sum(ord(letter) * (place + 1) for place, letter in enumerate(word)) % DIMENSION] += 1
        length = float(np.linalg.norm(vector))
        return vector / length if length else vector


class ShareReranker:
    """Scores a text by the share of the question's words that it has."""

    def score(self, question: str, texts: Sequence[str]) -> list[float]:
        asked = set(words(question))
        return [len(asked & set(words(text))) / max(1, len(asked)) for text in texts]


class InProcessParser:
    """Reads files with the real loaders, in this process."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()

    def parse(self, name: str, data: bytes, recognised: Mapping[int, str] | None = None) -> Parsed:
        return load(name, data, self._limits, recognised)


class Recordings:
    """A recogniser that knows by heart what is on each page; what it does not know, it reads as empty."""

    engine = "recordings/1"

    def __init__(self, pages: Mapping[int, str]) -> None:
        self._pages = pages
        self.read: list[int] = []

    def recognise(self, name: str, data: bytes, page: int) -> str:
        self.read.append(page)
        return self._pages.get(page, "")
