"""From what a model wrote to an answer whose every sentence carries a checked footnote. Pure.

`[n]` names the n-th passage given to the model. Here each marker becomes a footnote: a number in order of first use, with the
place and the sentences that the claim rests on. Markers that name no passage are dropped. A sentence without a marker
gets one if exactly one passage supports it, or several in the same words; else it is `uncited`. Headings and lines that only
lead over (`Here is what the documents say:`) claim nothing: they stay in the text and are no claims.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from rag.checking import Check, Meaning, Place, check_against, check_claim, has_content
from rag.evidence import Evidence, read_evidence
from rag.facts import content_stems
from rag.prompts import REFUSAL
from rag.sentences import MARKER, Span, complete, split_sentences
from rag.types import Citation, Claim, Passage

__all__ = ["ClaimChecker", "Resolved", "check_claim", "find_markers", "is_refusal", "resolve", "without_markers"]

_MARKER = re.compile(rf"[ \t]*{MARKER}(?:\([^)\s]*\))?", re.I)
_LIST_OF_SOURCES = re.compile(r"[*_#\s]*(?:sources?|references|citations|footnotes)[*_\s]*:", re.I)
_HEADING = re.compile(r"\s{0,3}#{1,6}\s|\*\*[^*]+\*\*:?$")
_LEAD_IN = re.compile(
    r"(?:(?:sure|certainly|of course|ok)[,!.]?\s*)?(?:(?:here|below|these|the following|this)\b.{0,80}\b(?:is|are|says?|answers?|follows?)\b.{0,60}"
    r"|(?:based on|according to|from) the (?:provided |given )?(?:passages?|documents?|sources?|context|text)[^,]{0,40})[:,]?",
    re.I,
)
_SORRY = (
    r"(?:(?:i'?m sorry|i am sorry|sorry|unfortunately|i apologi[sz]e|apologies|answer)[,.:]?\s*(?:but|that)?\s*,?\s*)?"
)
_OTHER_WORDS = re.compile(
    _SORRY
    + r"(?:based on the (?:given |provided )?\w+, )?(?:the |these |this )?(?:given |provided |available )?(?:passages?|documents?|context|text|sources?)"
    r"(?: provided| given)? (?:do|does)(?: not|n't) (?:answer|contain|provide|include|mention|give|have|offer|specify) (?:any |enough |sufficient |the |an |specific )*"
    r"(?:information|details?|answers?|(?:this |your )?question)\b.{0,120}",
    re.I,
)
_SEVERAL = "Several passages say this, and the answer names none."
_NONE = "The answer names no passage for this."
_MOVED = "The model named another passage; this is the one that says it."


class Resolved(NamedTuple):
    """An answer's final text with footnotes numbered from 1, its claims in order, and a citation for every number."""

    text: str
    claims: tuple[Claim, ...]
    citations: tuple[Citation, ...]


def resolve(
    answer_text: str, passages: Sequence[Passage], question: str = "", meaning: Meaning | None = None
) -> Resolved:
    """Check a whole answer. `passages` are in the order in which they were numbered for the model, from 1.

    `meaning`, where given, scores claims in other words (`rag.checking.Meaning`).
    """
    checker = ClaimChecker(passages, question, meaning)
    checker.feed(answer_text)
    checker.finish()
    return checker.result()


def find_markers(text: str) -> list[int]:
    """The numbers of all markers in a text, in order of first use: `[1]`, `[1][2]`, `[1, 2]`, `[1-3]`, `[^1]`."""
    numbers: list[int] = []
    for match in re.finditer(MARKER, text, re.I):
        for first, last in re.findall(r"(\d+)(?:\s*[-–]\s*\^?(\d+))?", match.group()):
            low, high = int(first), int(last or first)
            numbers += range(low, min(high, low + 20) + 1)
    return list(dict.fromkeys(numbers))


def without_markers(text: str) -> str:
    """The text as it reads without its markers."""
    return re.sub(r"[ \t]+([.,;:!?])", r"\1", _MARKER.sub("", text)).strip()


def is_refusal(text: str) -> bool:
    """Whether an answer is nothing but a refusal: the agreed phrase or one like it, in any dress."""
    bare = re.sub(r"\s+", " ", without_markers(text)).strip(" \"'“”‘’*_`.!").replace("’", "'")
    agreed = re.fullmatch(_SORRY + re.escape(REFUSAL.rstrip(".")), bare, re.I)
    return agreed is not None or (len(split_sentences(bare)) == 1 and _OTHER_WORDS.fullmatch(bare) is not None)


class ClaimChecker:
    """Checks an answer while it is written: feed it pieces, and it gives each claim as soon as its sentence is complete.

    However the text is cut into pieces, the claims and the result are those of `resolve`.
    """

    def __init__(self, passages: Sequence[Passage], question: str = "", meaning: Meaning | None = None) -> None:
        self._evidence: Evidence = read_evidence(passages)
        self._question = question
        self._meaning = meaning
        self._text = ""
        self._read = 0
        self._written: list[str] = []
        self._claims: list[Claim] = []
        self._citations: dict[tuple[str, int, int, int], Citation] = {}
        self._lead = ""
        self._ended = False

    def feed(self, piece: str) -> list[Claim]:
        """Take the next piece of the answer; the claims that are complete with it."""
        self._text += piece
        return self._take(complete(self._text))

    def finish(self) -> list[Claim]:
        """The answer is over: the claims of what was still open."""
        return self._take(split_sentences(self._text))

    def result(self) -> Resolved:
        """The answer so far."""
        return Resolved("".join(self._written).strip(), tuple(self._claims), tuple(self._citations.values()))

    def _take(self, spans: Sequence[Span]) -> list[Claim]:
        before = len(self._claims)
        for start, end in spans:
            if start < self._read:
                continue
            gap, sentence = self._text[self._read : start], self._text[start:end]
            self._read = end
            self._ended = self._ended or _LIST_OF_SOURCES.match(sentence) is not None
            said = without_markers(sentence)
            if not self._ended and said:
                self._written += [gap if self._written else "", self._claim(sentence, said)]
        return self._claims[before:]

    def _claim(self, sentence: str, said: str) -> str:
        """Check one sentence; what stands for it in the final text."""
        if _claims_nothing(said):
            self._lead = said if said.endswith(":") else ""
            return said
        cited = [n - 1 for n in find_markers(sentence) if 1 <= n <= len(self._evidence.passages)]
        check = self._check_cited(said, cited) if cited else self._check_uncited(said)
        numbers = tuple(
            dict.fromkeys(self._footnote(start, end, p) for p, start, end in _ranges(check.places, self._evidence))
        )
        self._claims.append(Claim(said, numbers, check.status, check.reason))
        self._lead = said if said.endswith(":") else self._lead if re.match(r"[-*•+\d]", said) else ""
        return _with_markers(said, numbers)

    def _check_cited(self, said: str, cited: Sequence[int]) -> Check:
        """Each passage for itself first, so that a footnote that adds nothing is left out; then all together."""
        alone = [(number, self._check(said, [number])) for number in cited]
        good = [check for _, check in alone if check.status == "supported"]
        if good:
            return Check("supported", "", tuple(place for check in good for place in check.places))
        together = self._check(said, cited) if len(cited) > 1 else alone[0][1]
        if together.status in ("supported", "computed"):
            return together
        if moved := self._elsewhere(said, cited):
            return moved
        held = {place.passage for place in together.places}
        missing = tuple(place for number, check in alone if number not in held for place in check.places)
        return Check(together.status, together.reason, (*together.places, *missing), together.coverage)

    def _elsewhere(self, said: str, cited: Sequence[int]) -> Check | None:
        """The check against the best other passage that supports the sentence: small models often write a wrong number."""
        others = (number for number in range(len(self._evidence.passages)) if number not in cited)
        good = [check for number in others if (check := self._check(said, [number])).status == "supported"]
        return replace(good[0], reason=_MOVED) if good else None

    def _check_uncited(self, said: str) -> Check:
        """The one passage that supports the sentence, or `uncited`."""
        checks = [self._check(said, [number]) for number in range(len(self._evidence.passages))]
        good = [check for check in checks if check.status in ("supported", "computed")]
        words = {" ".join(self._evidence.passages[p].text[a:b] for p, a, b in sorted(check.places)) for check in good}
        if len(words) == 1:
            return good[0]
        return Check("uncited", _SEVERAL if good else _NONE, ())

    def _check(self, said: str, cited: Sequence[int]) -> Check:
        return check_against(said, self._evidence, cited, f"{self._question} {self._lead}", self._meaning)

    def _footnote(self, start: int, end: int, number: int) -> int:
        """The number of the footnote for a range of a passage: an old one, or the next."""
        passage = self._evidence.passages[number]
        key = (passage.document_id, passage.version, passage.start + start, passage.start + end)
        if key not in self._citations:
            self._citations[key] = cite(passage, start, end, len(self._citations) + 1)
        return self._citations[key].n


def cite(passage: Passage, start: int, end: int, n: int) -> Citation:
    """The footnote `n` for `passage.text[start:end]`, with its offsets in the document's text."""
    return Citation(
        n=n,
        document_id=passage.document_id,
        version=passage.version,
        document=passage.document,
        space=passage.space,
        quote=passage.text[start:end],
        start=passage.start + start,
        end=passage.start + end,
        score=passage.score,
        section=passage.section,
        page=passage.page,
        page_label=passage.page_label,
    )


def _ranges(places: Sequence[Place], evidence: Evidence) -> list[Place]:
    """The places in the order of the passages; neighbours with nothing but white space between are one."""
    joined: list[Place] = []
    for number in sorted({place.passage for place in places}):
        text = evidence.passages[number].text
        for place in sorted(p for p in places if p.passage == number):
            last = joined[-1] if joined and joined[-1].passage == number else None
            if last and not text[last.end : place.start].strip():
                joined[-1] = Place(number, last.start, max(last.end, place.end))
            else:
                joined.append(place)
    return joined


def _claims_nothing(said: str) -> bool:
    """Whether the sentence is a heading, a line that leads over, a rule of a table, or a refusal."""
    if _HEADING.match(said) or is_refusal(said) or not re.search(r"\w", said):
        return True
    if not has_content(said) and said.endswith(":"):
        return True
    lead = _LEAD_IN.fullmatch(said)
    return lead is not None and said.endswith((":", ",")) and len(content_stems(said)) <= 3


def _with_markers(said: str, numbers: Sequence[int]) -> str:
    """The sentence with its footnotes after it; within the last cell of a table's row."""
    marks = "".join(f"[{n}]" for n in numbers)
    if not marks:
        return said
    if said.startswith("|") and said.endswith("|"):
        return f"{said[:-1].rstrip()} {marks} |"
    return f"{said} {marks}"
