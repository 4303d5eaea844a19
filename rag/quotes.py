"""Answers with the documents' own sentences: the few that answer best, verbatim, each with its footnote. Needs no model. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rag.citations import Resolved, cite
from rag.evidence import Evidence, Unit, read_evidence
from rag.facts import content_stems
from rag.types import Citation, Claim, Passage
from rag.words import PRONOUNS

Score = Callable[[str, Sequence[str]], list[float]]
"""A question and texts; how well each text answers, from 0 to 1 (a cross-encoder)."""

MOST = 4
"""How many sentences an answer quotes at most."""

CANDIDATES = 40
"""How many sentences the scorer reads: those that share most with the question."""

CLOSE = 0.45
"""With a scorer, a further sentence must reach this share of the best one's score. Chosen with the three below on clapnq by
citation precision (.66) and recall (.63)."""

CLOSE_WORDS = 0.75
"""The same without a scorer, where scores lie closer together (.63 and .59)."""

WORDS = 0.6
"""How much the shared words count beside the scorer."""

NEIGHBOUR = 1.3
"""By how much a sentence next to one that was chosen is worth more: answers run on."""

_ASKS = (
    (re.compile(r"\bhow (?:many|much|long|old|far|often|high|large|big)\b|\b(?:rate|price|cost|amount|number|percentage|limit|total)\b", re.I), "quantities"),
    (re.compile(r"\b(?:when|what (?:date|day|year|time)|how long|which year|deadline|until|by when)\b", re.I), "dates"),
    (re.compile(r"\b(?:who|whom|whose|which (?:person|company|supplier|team|department))\b", re.I), "names"),
)  # fmt: skip


_LEADERS = re.compile(r"\s[.…]$|…\s*\d*$|\.{4,}|^\d+\n\d+(?:\.\d+)*\s")
"""A line of a table of contents: dots that lead to a page number."""


@dataclass(frozen=True)
class Candidate:
    """A unit that could be quoted: where its quote starts, its place in the ranking, and what the scorer alone said."""

    unit: Unit
    start: int
    score: float
    relevance: float


@dataclass(frozen=True)
class Ranking:
    """The sentences of the passages that may answer, best first. `scored` tells whether a scorer has read them."""

    evidence: Evidence
    candidates: tuple[Candidate, ...]
    scored: bool


def rank_sentences(question: str, passages: Sequence[Passage], score: Score | None = None) -> Ranking:
    """Rank the sentences, list items and table rows of the passages by how well they answer.

    `passages` come best first. With `score`, it ranks the sentences; without, the share of the question's words does.
    """
    evidence = read_evidence(passages)
    return Ranking(evidence, tuple(_rank(question, evidence, score)), score is not None)


def write_quotes(question: str, passages: Sequence[Passage], score: Score | None = None) -> Resolved:
    """The best one to four sentences, list items or table rows of the passages, in the order of the passages.

    `passages` come best first. With `score`, it ranks the sentences; without, the share of the question's words does. Where a
    close sentence of another document gives another number or date, both are quoted. No passages: an empty answer.
    """
    return quote_best(question, rank_sentences(question, passages, score))


def quote_best(question: str, ranking: Ranking) -> Resolved:
    """The best of ranked sentences, as `write_quotes` gives them."""
    evidence = ranking.evidence
    close = CLOSE if ranking.scored else CLOSE_WORDS
    chosen = _choose(content_stems(question), ranking.candidates, evidence, close)
    order = list(dict.fromkeys(one.unit.passage for one in chosen))
    chosen.sort(key=lambda one: (order.index(one.unit.passage), one.start))
    claims: list[Claim] = []
    citations: list[Citation] = []
    for n, one in enumerate(chosen, 1):
        passage = evidence.passages[one.unit.passage]
        citations.append(cite(passage, one.start, one.unit.end, n))
        claims.append(Claim(_wording(passage.text, one), (n,), "supported"))
    text = "\n\n".join(f"{claim.text} [{claim.citations[0]}]" for claim in claims)
    return Resolved(text, tuple(claims), tuple(citations))


def _wording(text: str, one: Candidate) -> str:
    """The quote; for a row the header above it, for a list item the line that introduces it. All verbatim."""
    quote = text[one.start : one.unit.end]
    return f"{text[one.unit.intro.start : one.unit.intro.end]}\n{quote}" if one.unit.intro else quote


def _rank(question: str, evidence: Evidence, score: Score | None) -> list[Candidate]:
    """The candidates with their scores, best first; the same sentence from overlapping passages counts once."""
    best: dict[tuple[str, int, int], Candidate] = {}
    for group in evidence.units:
        for unit in group:
            if not _can_stand(unit, evidence):
                continue
            passage = evidence.passages[unit.passage]
            key = passage.document_id, passage.version, passage.start + unit.end
            one = _candidate(question, unit, evidence)
            if key not in best or best[key].score < one.score:
                best[key] = one
    ranked = sorted(best.values(), key=_best_first)[:CANDIDATES]
    if score is None or not ranked:
        return ranked
    scores = score(question, [_in_place(one, evidence) for one in ranked])
    blended = (Candidate(c.unit, c.start, s + WORDS * c.score, s) for c, s in zip(ranked, scores, strict=True))
    return sorted(blended, key=_best_first)


def _candidate(question: str, unit: Unit, evidence: Evidence) -> Candidate:
    share = _overlap(question, unit, evidence)
    return Candidate(unit, _start(unit, evidence), share, share)


def _best_first(one: Candidate) -> tuple[float, int, int]:
    return -one.score, one.unit.passage, one.start


def _in_place(one: Candidate, evidence: Evidence) -> str:
    """What the scorer reads: the sentence under its heading, a row with its header."""
    passage = evidence.passages[one.unit.passage]
    text = one.unit.text if one.unit.intro else passage.text[one.start : one.unit.end]
    heading = one.unit.heading or passage.section
    return f"{heading}: {text}" if heading else text


def _can_stand(unit: Unit, evidence: Evidence) -> bool:
    """Whether the unit says something by itself: no scrap of a sentence that the passage cuts off, no question."""
    text = evidence.passages[unit.passage].text[unit.start : unit.end].strip()
    if unit.row:
        return len(unit.facts.words) >= 2
    cut_off = (unit.order == 0 and text[0].islower()) or text.endswith(":") or _LEADERS.search(text) is not None
    item = unit.intro is not None or re.match(r"[-*•\d]", text) is not None
    whole = item or (text.rstrip("*_") or text)[-1] in ".!?。！？)]\"”’'"
    return not cut_off and whole and not text.endswith("?") and len(unit.facts.words) >= (3 if item else 4)


def _start(unit: Unit, evidence: Evidence) -> int:
    """Where the quote begins: at the sentence before, if the sentence opens with a pronoun and would hang in the air."""
    first = unit.facts.words[0].text.lower() if unit.facts.words else ""
    if unit.row or unit.intro or unit.order == 0 or first not in PRONOUNS:
        return unit.start
    before = evidence.units[unit.passage][unit.order - 1]
    between = evidence.passages[unit.passage].text[before.end : unit.start]
    return before.start if not before.row and before.intro is None and not between.strip() else unit.start


def _overlap(question: str, unit: Unit, evidence: Evidence) -> float:
    """How much of the question the unit answers, by words.

    The weighted share of the question's words in it (in its heading or document: half), more where it has what is asked for
    (a number, a date, a name), and a little for a passage that was ranked high.
    """
    asked = content_stems(question)
    around = content_stems(evidence.context(unit))
    total = sum(map(evidence.weight, asked)) or 1.0
    got = sum(evidence.weight(one) * (1.0 if one in unit.stems else 0.5 if one in around else 0.0) for one in asked)
    kinds = [kind for pattern, kind in _ASKS if pattern.search(question)]
    fits = any(getattr(unit.facts, kind) for kind in kinds)
    return got / total + (0.15 if fits else 0.0) + 0.1 / (1 + unit.passage)


def _choose(asked: frozenset[str], ranked: Sequence[Candidate], evidence: Evidence, close: float) -> list[Candidate]:
    if not ranked:
        return []
    chosen = [ranked[0]]
    for one in ranked[1:]:
        if len(chosen) == MOST:
            break
        if any(_overlaps(one, other) or _poorer_row(one.unit, other.unit, asked) for other in chosen):
            continue
        alike = max(_likeness(one.unit, other.unit) for other in chosen)
        contradicts = any(_disagree(one, other, evidence) for other in chosen)
        near = NEIGHBOUR if any(_adjoins(one.unit, other.unit) for other in chosen) else 1.0
        enough = one.score * near >= close * ranked[0].score and alike < 0.8
        if enough or (contradicts and one.score >= close / 2 * ranked[0].score):
            chosen.append(one)
    return chosen


def _overlaps(one: Candidate, other: Candidate) -> bool:
    return one.unit.passage == other.unit.passage and one.start < other.unit.end and other.start < one.unit.end


def _adjoins(one: Unit, other: Unit) -> bool:
    return one.passage == other.passage and not one.row and abs(one.order - other.order) == 1


def _poorer_row(one: Unit, other: Unit, asked: frozenset[str]) -> bool:
    """Whether the other row of the same table has all that this one has of the question, and more: the row asked for."""
    same = one.row and other.row and one.passage == other.passage and one.intro == other.intro
    return same and one.stems & asked < other.stems & asked


def _likeness(one: Unit, other: Unit) -> float:
    """The share of their words that two units have in common."""
    return len(one.stems & other.stems) / max(1, len(one.stems | other.stems))


def _disagree(one: Candidate, other: Candidate, evidence: Evidence) -> bool:
    """Whether two sentences of different documents speak of the same and give other numbers or dates."""
    if evidence.passages[one.unit.passage].document_id == evidence.passages[other.unit.passage].document_id:
        return False
    mine, theirs = one.unit.facts, other.unit.facts
    numbers = {(q.value, q.unit) for q in mine.quantities}, {(q.value, q.unit) for q in theirs.quantities}
    days = {d.readings for d in mine.dates}, {d.readings for d in theirs.dates}
    differ = (bool(numbers[0] and numbers[1]) and numbers[0] != numbers[1]) or (
        bool(days[0] and days[1]) and days[0] != days[1]
    )
    return differ and _likeness(one.unit, other.unit) >= 0.3
