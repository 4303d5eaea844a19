"""The cross-encoder: reads a question and a text together and says how well the text answers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from rag.model_files import RERANKER, require

if TYPE_CHECKING:
    from fastembed.rerank.cross_encoder import TextCrossEncoder

BATCH = 16


class CrossEncoder:
    """ms-marco-MiniLM-L-12-v2, int8, on the CPU: 32 pairs in 0.4 s on two cores (DESIGN.md)."""

    def __init__(self, folder: Path) -> None:
        require(RERANKER, folder)
        self._model = _open(folder)

    def score(self, question: str, texts: Sequence[str]) -> list[float]:
        """A score from 0 to 1 for each text: the model's logit through a sigmoid."""
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        scores = [0.0] * len(texts)
        logits = self._model.rerank(question, [texts[i] for i in order], batch_size=BATCH)
        for position, logit in zip(order, logits, strict=True):
            scores[position] = _sigmoid(float(logit))
        return scores


def _sigmoid(logit: float) -> float:
    return 1 / (1 + math.exp(-logit)) if logit >= 0 else math.exp(logit) / (1 + math.exp(logit))


def _open(folder: Path) -> TextCrossEncoder:
    from fastembed.rerank.cross_encoder import TextCrossEncoder

    return TextCrossEncoder(_register(), specific_model_path=str(folder), local_files_only=True)


@lru_cache(maxsize=1)
def _register() -> str:
    """Tell fastembed of our model once a process: it keeps a registry and refuses a name twice."""
    from fastembed.common.model_description import ModelSource
    from fastembed.rerank.cross_encoder import TextCrossEncoder

    name = f"footnote/{RERANKER.folder}"
    TextCrossEncoder.add_custom_model(
        model=name, model_file="model.onnx", sources=ModelSource(hf="cross-encoder/ms-marco-MiniLM-L-12-v2")
    )
    return name
