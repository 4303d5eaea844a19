"""Checks one sentence of an answer against the passages it cites. Pure code: no model decides what is supported.

A sentence is `supported` when the units of evidence that share its words (see `evidence.choose_units`) also give every number,
date and name in it, agree in negation and direction, and cover enough of its words. A fact that the passage gives in
another place than the words around it makes it `partly`; one that the passage does not give, or a reversal, `unsupported`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rag.evidence import Evidence, Unit, choose_units, read_evidence
from rag.facts import Facts, content_stems, find_facts
from rag.matching import Finding, match_facts
from rag.types import ClaimStatus, Passage
from rag.words import is_content

COVERED = 0.55
"""Share of a claim's weighted words that its evidence must hold to be `supported`; chosen with bench/claims.py."""

RELATED = 0.30
"""Below this share the passage does not speak of the claim: `unsupported`. Between the two: `partly`."""

LONG_CLAUSE = 3
"""Words with meaning from which on a clause is looked at for itself."""

_CLAUSES = re.compile(r"[,;:](?!\d)|\b(?:and|but|while|whereas|because|so that)\b", re.I)

SAME_MEANING = 0.90
"""Where a scorer of meaning is given, what it must say of a claim in other words before it counts as `supported`."""

Meaning = Callable[[str, Sequence[str]], list[float]]
"""A claim and texts; how well each text says it, from 0 to 1 (a cross-encoder)."""


class Place(NamedTuple):
    """A range of a passage: the number of the passage in the list given, and `passage.text[start:end]`."""

    passage: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Check:
    """What is said of a claim, why in plain words (empty when supported), and the places it rests on."""

    status: ClaimStatus
    reason: str
    places: tuple[Place, ...]
    coverage: float = 0.0


def check_claim(sentence: str, cited: Sequence[Passage], question: str = "", meaning: Meaning | None = None) -> Check:
    """Check a sentence, without its markers, against the passages it cites; `places` count in `cited`."""
    return check_against(sentence, read_evidence(cited), range(len(cited)), question, meaning)


def check_against(
    sentence: str, evidence: Evidence, cited: Sequence[int], question: str = "", meaning: Meaning | None = None
) -> Check:
    """Check a sentence against those passages of `evidence` whose numbers are in `cited`.

    `question` holds the words around the sentence (the question, the line that introduces a list): they help to choose
    between places, and never count as evidence for a number.
    """
    said = plain(sentence)
    claim = find_facts(said)
    chosen = choose_units(claim, evidence, cited, content_stems(question))
    places = tuple(Place(unit.passage, unit.start, unit.end) for unit in chosen)
    if not chosen:
        return Check("unsupported", "The passage does not speak of this.", _nearest(evidence, cited), 0.0)
    coverage = covered_share(claim, chosen, evidence, question)
    findings = match_facts(said, claim, chosen, evidence, cited, question)
    worst = min(findings, key=lambda finding: _ORDER.index(finding.status), default=None)
    if coverage < RELATED and (worst is None or worst.status != "unsupported"):
        worst = Finding("unsupported", "The passage does not say this.")
    elif (
        worst is None
        and (coverage < COVERED or _half_said(said, chosen, evidence, question))
        and not _means_it(said, chosen, meaning)
    ):
        worst = Finding("partly", "The passage says only a part of this, or says it in other words.")
    return Check(worst.status, worst.reason, places, coverage) if worst else Check("supported", "", places, coverage)


_ORDER: tuple[ClaimStatus, ...] = ("unsupported", "partly", "computed", "supported", "uncited")


def plain(sentence: str) -> str:
    """The sentence without Markdown marks and the number or bullet of a list item."""
    bare = re.sub(r"(?<!\w)[*_`]+|[*_`]+(?!\w)", "", sentence.strip())
    return re.sub(r"^\s*(?:#{1,6}\s+|[-*+•‣–]\s+|\(?\d{1,2}[.)]\s+)", "", bare)


def covered_share(claim: Facts, chosen: Sequence[Unit], evidence: Evidence, question: str) -> float:
    """The weighted share of the claim's words that the units hold, with their headings; words of the question count half."""
    held = frozenset().union(*(unit.stems | content_stems(evidence.context(unit)) for unit in chosen))
    asked = content_stems(question)
    prefixes = {one[:5] for one in held if len(one) >= 5}
    total = got = 0.0
    for one in claim.content:
        weight = evidence.weight(one)
        total += weight
        if one in held or (len(one) >= 5 and one[:5] in prefixes):
            got += weight
        elif one in asked:
            got += weight / 2
    return got / total if total else 1.0


def _half_said(said: str, chosen: Sequence[Unit], evidence: Evidence, question: str) -> bool:
    """Whether one clause of the sentence is not in the evidence, however well the rest is."""
    clauses = [find_facts(clause) for clause in _CLAUSES.split(said)]
    long = [clause for clause in clauses if len(clause.content) >= LONG_CLAUSE]
    if len(long) < 2:
        return False
    return any(covered_share(clause, chosen, evidence, question) < RELATED for clause in long)


def _means_it(said: str, chosen: Sequence[Unit], meaning: Meaning | None) -> bool:
    if meaning is None:
        return False
    return max(meaning(said, [" ".join(unit.text for unit in chosen)]), default=0.0) >= SAME_MEANING


def _nearest(evidence: Evidence, cited: Sequence[int]) -> tuple[Place, ...]:
    """Where the reader lands who follows a footnote that supports nothing: the first unit of what was cited."""
    for number in cited:
        for unit in evidence.units[number][:1]:
            return (Place(number, unit.start, unit.end),)
    return ()


def has_content(sentence: str) -> bool:
    """Whether the sentence has a word of its own, and not only talk about the sources."""
    facts = find_facts(plain(sentence))
    return bool(facts.quantities or facts.dates or any(is_content(token) for token in facts.words))
