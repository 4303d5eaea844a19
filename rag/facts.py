"""What a sentence commits itself to, apart from its wording: numbers, dates, names, and what it negates. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rag.dates import Date, find_dates
from rag.figures import find_quantities
from rag.quantities import Quantity
from rag.words import MEASURES, META, NEGATORS, STOP, Token, fold, is_content, stem, tokens, word_set


@dataclass(frozen=True, slots=True)
class Name:
    """A proper name: a run of capitalised words, an acronym, or a word with digits. `sure` is false for a lone first word."""

    text: str
    start: int
    end: int
    sure: bool = True

    @property
    def parts(self) -> tuple[str, ...]:
        """The words of the name in small letters, connectors left out."""
        return tuple(part for part in name_parts(self.text) if part not in _CONNECTORS)


@dataclass(frozen=True, slots=True)
class Negation:
    """A `not` and its like, and the stems of the words it turns around, nearest first."""

    word: str
    start: int
    scope: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """All of a text's facts, each in order of appearance."""

    quantities: tuple[Quantity, ...]
    dates: tuple[Date, ...]
    names: tuple[Name, ...]
    negations: tuple[Negation, ...]
    words: tuple[Token, ...]

    @property
    def content(self) -> frozenset[str]:
        """The stems of the words that carry meaning, names included and figures left out."""
        return frozenset(token.stem for token in self.words if is_content(token))

    @property
    def all_words(self) -> frozenset[str]:
        """Every word in small letters, without possessive endings."""
        return frozenset(fold(token.text).removesuffix("'s") for token in self.words)


_CONNECTORS = word_set("of the de la van von der den del di da du and & al el bin ibn for in")
_NAME = re.compile(
    r"(?<![^\W_])(?:[A-ZÀ-ÖØ-Þ][\w’'&]*(?:[-.][\w’']+)*\.?|\w*[A-Za-z]\d[\w-]*|\d+[A-Za-z-]*[A-Z][\w-]*)"
    r"(?:(?:\s+|\s*-\s*)(?:(?:of|the|de|la|van|von|der|den|del|di|da|du|al|&)\s+){0,2}(?:[A-ZÀ-ÖØ-Þ][\w’'&]*(?:[-.][\w’']+)*|[IVX]+\b))*"
)
_PART = re.compile(r"[^\W_]+(?:[’'][^\W_]+)*|&")
_MONTHS = word_set(
    "january february march april may june july august september october november december jan feb mar apr jun jul aug sep sept oct nov dec"
)
_NOT_NAMES = STOP | META | MEASURES | _MONTHS | word_set(
    "yes no note question answer here following thus hence first second third fourth finally overall additionally moreover furthermore"
    " according since generally usually typically currently today based unfortunately sorry fy q1 q2 q3 q4 am pm ad bc mr mrs ms dr")  # fmt: skip
_PSEUDO = re.compile(
    r"\b(?:not only|not just|not merely|not necessarily|no (?:more|less|fewer|later|earlier|longer|sooner) than|not (?:more|less|fewer|later|earlier"
    r"|exceeding) than|nothing but|no\.?\s+\d|whether or not|not the same as|not to be confused with|not be confused with|not exceed(?:ing|s)?|no doubt|none other|if not|not yet known|no one else)\b",
    re.I,
)  # fmt: skip
_CLAUSE_END = re.compile(r"[,;:.!?()|]|\b(?:but|although|however|because|while|whereas|and|which|who)\b", re.I)
_SCOPE = 4


def find_facts(text: str) -> Facts:
    """Read a sentence, a row of a table, or a few sentences together."""
    dates = find_dates(text)
    words = tuple(tokens(text))
    quantities = find_quantities(text, dates)
    return Facts(
        tuple(quantities), tuple(dates), tuple(_names(text, dates, quantities)), tuple(_negations(text, words)), words
    )


def name_parts(text: str) -> list[str]:
    """Words in small letters, without possessive endings and full stops: `U.S.` is `us`."""
    dotted = re.sub(r"\b((?:[A-Za-z]\.){2,})", lambda m: m.group(1).replace(".", ""), text)
    return [fold(part).removesuffix("'s").removesuffix("'") for part in _PART.findall(dotted)]


def acronym(text: str) -> str:
    """The first letters of the capitalised words of a name: `United States` gives `us`."""
    return "".join(word[0] for word in _PART.findall(text) if word[0].isupper()).lower()


def _names(text: str, dates: list[Date], quantities: list[Quantity]) -> Iterator[Name]:
    figures = [(d.start, d.end) for d in dates] + [(q.start, q.end) for q in quantities]
    for match in _NAME.finditer(text):
        start, end = match.span()
        if any(first <= start and end <= last + 1 for first, last in figures):
            continue
        if any(d.start < end and start < d.end and not match.group().isupper() for d in dates):
            start, end = _without_dates(start, end, dates)
        start = _without_leading(text, start, end)
        written = text[start:end].rstrip(".,;’'- ")
        parts = [p for p in name_parts(written) if p not in _CONNECTORS]
        if not parts or all(p in _NOT_NAMES or p.isdigit() for p in parts) or len(written) < 2:
            continue
        mixed = bool(re.search(r"\d|[A-Z].*[A-Z]", written.split()[0]))
        sure = mixed or len(parts) > 1 or not _is_first(text, start)
        yield Name(written, start, start + len(written), sure)


def _without_dates(start: int, end: int, dates: list[Date]) -> tuple[int, int]:
    for date in dates:
        if date.start <= start < date.end:
            start = min(date.end, end)
        elif start < date.start < end:
            end = date.start
    return start, end


def _without_leading(text: str, start: int, end: int) -> int:
    """Leave out function words in front, as the `The` of `The Buyer`."""
    while match := re.match(r"([^\W_]+)[\s-]*", text[start:end]):
        if match.group(1).lower() not in _NOT_NAMES:
            break
        start += match.end()
    return start


def _is_first(text: str, start: int) -> bool:
    """Whether only punctuation, markup or the start of a sentence stands before."""
    before = text[:start].rstrip(" \t\n*_`\"'“‘([|-•")
    return not before or before[-1] in ".!?:;|" or bool(re.search(r"(?:^|\n)\s*\(?[\da-z]{1,2}[.)]$", before))


def _negations(text: str, words: tuple[Token, ...]) -> Iterator[Negation]:
    pseudo = [match.span() for match in _PSEUDO.finditer(text)]
    for i, word in enumerate(words):
        low = word.text.lower()
        if low not in NEGATORS or any(a <= word.start < b for a, b in pseudo):
            continue
        if low == "no" and _is_answer(text, word):
            continue
        yield Negation(low, word.start, tuple(_scope(text, words[i:])))


def _is_answer(text: str, word: Token) -> bool:
    """Whether `No` is the whole answer or opens it, as in `No, you may not`."""
    return word.start == 0 and text[word.end : word.end + 1] in (",", ".", "")


def _scope(text: str, words: tuple[Token, ...]) -> Iterator[str]:
    at = words[0].end
    left = _SCOPE
    for token in words[1:]:
        if left == 0 or (left < _SCOPE and _CLAUSE_END.search(text[at : token.start + 1])):
            return
        if _CLAUSE_END.fullmatch(token.text) and left < _SCOPE:
            return
        if is_content(token) or token.text.lower() in ("more", "most", "least", "much", "many", "own", "same", "one"):
            yield token.stem
            left -= 1
        at = token.end


def content_stems(text: str) -> frozenset[str]:
    """The stems of a text's meaningful words."""
    return frozenset(token.stem for token in tokens(text) if is_content(token))


def name_stems(name: Name) -> frozenset[str]:
    """The stems of a name's words."""
    return frozenset(stem(part) for part in name.parts)
