"""The gate: whether the evidence can answer the question is decided here, in code, before a model is called.

Two roads lead through it. Either the cross-encoder finds a sentence that answers. Or it finds none, because the question
is put in other words than the documents': then the embedder must find one that means the same. Where question and
evidence do share their words and the cross-encoder still finds no answer, there is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rag.expects import expected_of
from rag.facts import content_stems
from rag.ports import Embedder, Reranker
from rag.quotes import Ranking, rank_sentences
from rag.types import Passage

RELEVANCE_FLOOR = 0.05
"""The cross-encoder's score of the best sentence under which it has found no answer."""

MEANING_FLOOR = 0.63
"""The cosine of question and best sentence under which they do not mean the same.

On the sample questions those in other words lie at 0.60-0.72, questions that have nothing to do with the papers at
0.57-0.70. It belongs to bge-small: another embedder wants another floor.
"""

SHARED_WORDS = 0.35
"""The share of the question's words in the evidence from which it is not put in other words."""

NEAR_BEST = 0.5
"""A sentence that has what is asked for (a number, an amount, a name) must score this share of the best sentence."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The sentences of the passages, ranked by what understood the question, and whether they can answer it."""

    ranking: Ranking
    answerable: bool


def judge(question: str, passages: Sequence[Passage], reranker: Reranker | None, embedder: Embedder) -> Judgement:
    """Rank the sentences of the passages and decide whether they can answer. `passages` come best first."""
    if reranker is not None:
        ranking = rank_sentences(question, passages, reranker.score)
        if _best(ranking) >= RELEVANCE_FLOOR:
            return Judgement(ranking, _has_what_is_asked(question, ranking))
    ranking = rank_sentences(question, passages, lambda asked, texts: _cosines(embedder, asked, texts))
    close = _best(ranking) >= MEANING_FLOOR
    hoped_for = reranker is None or _shared_words(question, ranking) < SHARED_WORDS
    return Judgement(ranking, close and hoped_for)


def _best(ranking: Ranking) -> float:
    return max((one.relevance for one in ranking.candidates), default=0.0)


def _has_what_is_asked(question: str, ranking: Ranking) -> bool:
    expectation = expected_of(question)
    if expectation is None:
        return True
    meeting = (one.relevance for one in ranking.candidates if expectation.met_by(one.unit))
    return max(meeting, default=-1.0) >= NEAR_BEST * _best(ranking)


def _cosines(embedder: Embedder, question: str, texts: Sequence[str]) -> list[float]:
    return [float(one) for one in embedder.embed_passages(texts) @ embedder.embed_query(question)]


def _shared_words(question: str, ranking: Ranking) -> float:
    """The highest weighted share of the question's words that any of the passages has."""
    evidence = ranking.evidence
    asked = content_stems(question)
    total = sum(map(evidence.weight, asked))
    shares = (
        sum(map(evidence.weight, asked & content_stems(f"{passage.section} {passage.text}")))
        for passage in evidence.passages
    )
    return max(shares, default=0.0) / total if total else 0.0
