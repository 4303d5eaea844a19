"""Embedders for the embedding worker's child in tests: one that is well, and some that are not."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from rag.errors import ModelFilesMissing
from rag.ports import Vector
from rag.settings import Settings
from tests.fakes import WordEmbedder


class Moody(WordEmbedder):
    """Does what a text asks for: `exit`, `exit once MARK`, `sleep SECONDS`, `fail`, `mark FILE`, `pid`."""

    def embed_passages(self, texts: Sequence[str]) -> Vector:
        for text in texts:
            self._obey(*text.split())
        vectors = super().embed_passages(texts)
        if texts == ["pid"]:
            vectors[0, 0] = os.getpid()
        return vectors

    def _obey(self, order: str, *rest: str) -> None:
        if order == "fail":
            raise ValueError("no such weather")
        if order == "sleep":
            time.sleep(float(rest[0]))
        if order == "exit":
            mark = Path(rest[1]) if rest else None
            if mark is None or not mark.exists():
                if mark:
                    mark.touch()
                os._exit(7)


def open_words(settings: Settings) -> Moody:
    return Moody(settings.embedder)


def open_missing(settings: Settings) -> Moody:
    raise ModelFilesMissing("The model is not there.", "Fetch it.")


def open_broken(settings: Settings) -> Moody:
    raise ZeroDivisionError("upside down")


def open_exiting(settings: Settings) -> Moody:
    os._exit(1)


def open_slowly(settings: Settings) -> Moody:
    time.sleep(1000)
    return Moody()
