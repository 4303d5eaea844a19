"""Whether a claim turns its evidence around: an added or dropped *not*, an opposite word, a reversed limit. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from rag.dates import same_date
from rag.facts import Facts, Negation
from rag.quantities import same_quantity
from rag.words import NEGATIVE_WORDS, OPPOSITES, is_content, side_of, tokens

_MODAL = frozenset(("may",))


def reversal(said: str, claim: Facts, evidence: Sequence[Facts]) -> str:
    """Why the claim contradicts the evidence, in plain words; empty where it does not."""
    return _limits(claim, evidence) or _opposites(claim, evidence) or _negations(said, claim, evidence)


def _limits(claim: Facts, evidence: Sequence[Facts]) -> str:
    for facts in evidence:
        pairs = [(q, o) for q in claim.quantities for o in facts.quantities if same_quantity(q, o)]
        for mine, theirs in pairs:
            if mine.bound and theirs.bound and mine.bound != theirs.bound:
                return f"The passage gives {theirs.text} as {_LIMITS[theirs.bound]}, not as {_LIMITS[mine.bound]}."
        for date, other in [(d, o) for d in claim.dates for o in facts.dates if same_date(d, o)]:
            if date.bound and other.bound and date.bound != other.bound:
                return f"The passage puts it on the other side of {other.text}."
    return ""


_LIMITS = {"least": "the least", "most": "the most"}


def _opposites(claim: Facts, evidence: Sequence[Facts]) -> str:
    mine = claim.all_words
    theirs = frozenset().union(*(facts.all_words for facts in evidence))
    denied = bool(claim.negations) != any(facts.negations for facts in evidence)
    for pair in OPPOSITES:
        if side_of(mine, pair) * side_of(theirs, pair) == -1 and not denied:
            word = next(iter(sorted(mine & (pair[0] | pair[1]))))
            other = next(iter(sorted(theirs & (pair[0] | pair[1]))))
            if other not in _MODAL:
                return f"The passage says the opposite: “{other}”, not “{word}”."
    return ""


def _negations(said: str, claim: Facts, evidence: Sequence[Facts]) -> str:
    theirs = [negation for facts in evidence for negation in facts.negations]
    words = frozenset().union(*(facts.all_words for facts in evidence))
    for negation in claim.negations:
        if not _answered(negation, theirs, words, claim, evidence):
            return f"The passage does not say “{negation.word}” here."
    for negation in theirs:
        if _dropped(negation, said, claim, evidence):
            return f"The passage says “{negation.word}” here."
    return ""


def _answered(
    negation: Negation, theirs: Sequence[Negation], words: frozenset[str], claim: Facts, evidence: Sequence[Facts]
) -> bool:
    """Whether the evidence denies what the claim denies."""
    if any(set(negation.scope) & set(other.scope) for other in theirs):
        return True
    opposed = any(side_of(claim.all_words, pair) * side_of(words, pair) == -1 for pair in OPPOSITES)
    if opposed:
        return True
    head = negation.scope[:2]
    positive = any(stem in facts.content for stem in head for facts in evidence)
    denies = bool(theirs) or bool(words & NEGATIVE_WORDS)
    return denies and not positive


def _dropped(negation: Negation, said: str, claim: Facts, evidence: Sequence[Facts]) -> bool:
    """Whether the claim affirms what the evidence denies at this place."""
    if any(set(negation.scope) & set(mine.scope) for mine in claim.negations):
        return False
    head = set(negation.scope[:2]) & claim.content
    if not head or claim.all_words & NEGATIVE_WORDS:
        return False
    # The evidence may say the word twice, once denied and once not.
    counted = [sum(t.stem == stem for facts in evidence for t in facts.words) for stem in head]
    claimed = [sum(t.stem == stem and is_content(t) for t in tokens(said)) for stem in head]
    return max(counted) <= max(claimed)
