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
"""How often the index is asked again: for twice as many when what it found was not live, or because something changed."""

MAX_TRIES = 3
"""How often all is done anew because a document changed or was removed while the passages were ranked."""

_Key = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Retriever:
    """Retrieves passages for a question. `reranker` is None where reranking is off."""

    index: Index
    embedder: Embedder
    catalog: Catalog
    reranker: Reranker | None

    def retrieve(self, question: str, scope: Scope, limit: int) -> list[Passage]:
        """The best `limit` passages in scope, best first, each on one page.

        All of a document's passages are of one version, and of one that is live at the end.
        """
        if not question.strip():
            return []
        vector = self.embedder.embed_query(question)
        passages: list[Passage] = []
        for _ in range(MAX_TRIES):
            ranked = self._ranked(vector, question, scope, limit)
            live = self.catalog.live(passage.document_id for passage in ranked)
            passages = [passage for passage in ranked if _is_live(passage, live)]
            if len(passages) == len(ranked):
                break
        return passages

    def _ranked(self, vector: Vector, question: str, scope: Scope, limit: int) -> list[Passage]:
        wanted = max(limit, CANDIDATES)
        nearest = self._live(vector, None, scope, wanted, None)
        seen = {passage.document_id: passage.version for passage in nearest}
        fused = self._live(vector, question, scope, wanted, seen)
        read = _read(self.reranker, question, fused[:CANDIDATES]) if self.reranker and fused else []
        return rank(fused, {_key(passage): passage.score for passage in nearest}, read)[:limit]

    def _live(
        self, vector: Vector, text: str | None, scope: Scope, wanted: int, seen: Mapping[str, int] | None
    ) -> list[Passage]:
        """The best hits that are live; asks for more as long as dead ones took their places.

        A version may become live while the index is asked, before which not all of it need have been there. So the index is
        asked again, unless the versions in its answer were `seen` to be live before; `None`: parts of a version will do.
        """
        asked = wanted
        passages: list[Passage] = []
        for _ in range(MAX_ROUNDS):
            hits = self.index.query(vector, text, scope, asked)
            live = self.catalog.live(hit.document_id for hit in hits)
            passages = [_passage(hit, live[hit.document_id]) for hit in hits if _is_live(hit, live)]
            versions = {document_id: document.version for document_id, document in live.items()}
            if seen is not None and not versions.items() <= seen.items():
                seen = {**seen, **versions}
                continue
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


def _is_live(found: Hit | Passage, live: Mapping[str, LiveDocument]) -> bool:
    document = live.get(found.document_id)
    return document is not None and document.version == found.version


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
