"""From a question to passages: dense and BM25 fused, what is not live dropped, reranked. Pure over ports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rag.ports import Catalog, Embedder, Index, Reranker, Vector
from rag.types import Hit, LiveDocument, Passage, Scope

CANDIDATES = 32
"""How many fused candidates are ranked, at least; also how many the cross-encoder reads."""

COSINE_WEIGHT = 5.0
RERANK_WEIGHT = 0.5
FUSED_WEIGHT = 0.25
"""How a candidate's cosine, the cross-encoder's score and its fused rank add up.

Differences between cosines are small (0.1 parts the best from the rest), hence the 5. The cross-encoder alone lowered
SciFact and FinanceBench (DESIGN.md), and says nothing at all of a question in other words than the passage's: there the
cosine decides. Chosen on the sample questions and mmlongbench with `python -m bench retrieval`.
"""

MAX_ROUNDS = 6
"""How often the index is asked for twice as many, when what it found was not live."""

_Key = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Retriever:
    """Retrieves passages for a question. `reranker` is None where reranking is off."""

    index: Index
    embedder: Embedder
    catalog: Catalog
    reranker: Reranker | None

    def retrieve(self, question: str, scope: Scope, limit: int) -> list[Passage]:
        """The best `limit` passages in scope, best first, each on one page."""
        if not question.strip():
            return []
        vector = self.embedder.embed_query(question)
        wanted = max(limit, CANDIDATES)
        nearest = self._live(vector, None, scope, wanted)
        fused = self._live(vector, question, scope, wanted)
        read = _read(self.reranker, question, fused[:CANDIDATES]) if self.reranker and fused else []
        ranked = rank(fused, {_key(passage): passage.score for passage in nearest}, read)
        return ranked[:limit]

    def _live(self, vector: Vector, text: str | None, scope: Scope, wanted: int) -> list[Passage]:
        """The best hits that are live; asks for more as long as dead ones took their places."""
        asked = wanted
        passages: list[Passage] = []
        for _ in range(MAX_ROUNDS):
            hits = self.index.query(vector, text, scope, asked)
            live = self.catalog.live(hit.document_id for hit in hits)
            passages = [_passage(hit, live[hit.document_id]) for hit in hits if _is_live(hit, live)]
            if len(passages) >= wanted or len(hits) < asked:
                break
            asked *= 2
        return passages[:wanted]


def rank(fused: Sequence[Passage], cosines: Mapping[_Key, float], read: Sequence[float]) -> list[Passage]:
    """The fused candidates with a score from 0 to 1, best first.

    `cosines` are those of the nearest passages; a candidate that is not among them counts as the farthest of them.
    `read` are the cross-encoder's scores of the first candidates.
    """
    farthest = min(cosines.values(), default=0.0)
    most = COSINE_WEIGHT + RERANK_WEIGHT + FUSED_WEIGHT
    scored = [
        replace(
            passage,
            score=(
                COSINE_WEIGHT * max(0.0, cosines.get(_key(passage), farthest))
                + RERANK_WEIGHT * (read[place] if place < len(read) else 0.0)
                + FUSED_WEIGHT / (1 + place / 4)
            )
            / most,
        )
        for place, passage in enumerate(fused)
    ]
    return sorted(scored, key=lambda passage: -passage.score)


def _read(reranker: Reranker, question: str, passages: Sequence[Passage]) -> list[float]:
    """What the cross-encoder makes of each passage under its heading.

    The document's name before it did not help: FinanceBench's page hit@5 fell from .410 to .361.
    """
    texts = [f"{passage.section}\n{passage.text}" if passage.section else passage.text for passage in passages]
    return reranker.score(question, texts)


def _key(passage: Passage) -> _Key:
    return passage.document_id, passage.version, passage.ordinal


def _is_live(hit: Hit, live: Mapping[str, LiveDocument]) -> bool:
    document = live.get(hit.document_id)
    return document is not None and document.version == hit.version


def _passage(hit: Hit, document: LiveDocument) -> Passage:
    return Passage(
        document_id=hit.document_id,
        version=hit.version,
        document=document.name,
        space=document.space,
        text=hit.chunk.text,
        start=hit.chunk.start,
        end=hit.chunk.end,
        score=hit.score,
        section=hit.chunk.section,
        page=hit.chunk.page,
        page_label=hit.chunk.page_label,
        ordinal=hit.chunk.ordinal,
    )
