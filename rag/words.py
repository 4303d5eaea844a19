"""Words as the check sees them: tokens, light stems, and small tables of English meaning. Pure data and functions.

The tables are short on purpose: they hold the words that turn a statement around in handbooks, contracts and reports.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple


class Token(NamedTuple):
    """A word with its place in the text and its stem."""

    text: str
    start: int
    end: int
    stem: str


def word_set(text: str) -> frozenset[str]:
    """The words of a list written as one text."""
    return frozenset(text.split())


_WORD = re.compile(r"[^\W_]+(?:[’'][^\W_]+)*")
_CJK = re.compile(r"[぀-ヿ一-鿿가-힯]")

STOP = word_set(
    "a an the this that these those it its he she they them his her their theirs him we us our ours you your yours i me"
    " my mine one ones who whom whose which what where when why how there here is are was were be been being am do does"
    " did done doing have has had having will would shall should can could may might must of in on at by to for from"
    " with into onto as about than then so and or but if while because since until also such any some each every all"
    " both only just very own same other another more most less least not no nor n't never neither cannot without yes"
    " up down out over under again further too per via s t re ve ll d m etc eg ie upon within between through during"
    " after before above below against among towards toward however therefore thus whether though although either"
    " many much few several lot let say says said get gets got take takes taken make makes made"
)
META = word_set(
    "passage passages document documents source sources text context excerpt state states stated according mention"
    " mentions mentioned provided provide information following answer question says based given described describe"
    " note refer refers above below specifically indicates indicate indicated section cited shown"
)
"""Words by which a model speaks about its sources, and not about the matter."""

MEASURES = word_set(
    "thousand thousands million millions billion billions trillion eur usd gbp chf euro euros dollar dollars percent percentage pct"
)
"""Words that belong to a figure and are compared with it."""

PRONOUNS = word_set("he she it they this these those his her its their him them such")

_IRREGULAR = {
    form: base
    for base, forms in {
        "pay": "paid", "give": "gave given", "hold": "held", "send": "sent", "build": "built", "write": "wrote written",
        "leave": "left leaves", "rise": "rose risen", "fall": "fell fallen", "grow": "grew grown", "begin": "began begun",
        "buy": "bought", "sell": "sold sale sales", "keep": "kept", "lose": "lost loss losses", "win": "won", "show": "showed",
        "know": "knew known", "lead": "led", "man": "men", "woman": "women", "child": "children", "person": "people",
        "meet": "met", "speak": "spoke spoken", "choose": "chose chosen", "drive": "drove driven", "teach": "taught",
        "think": "thought", "bring": "brought", "catch": "caught", "feel": "felt", "tell": "told", "become": "became",
        "run": "ran", "sing": "sang sung", "draw": "drew drawn", "break": "broke broken", "find": "found", "mean": "meant",
        "foot": "feet", "seek": "sought", "spend": "spent", "wear": "wore worn", "hide": "hid hidden", "die": "died dying",
        "approve": "approval approvals", "free": "freed", "base": "bases", "analyse": "analyze analysis",
    }.items()
    for form in forms.split()
}  # fmt: skip
_SAME = {
    word: words.split()[0]
    for words in (
        "buy purchase acquire procure acquisition",
        "begin start commence",
        "end terminate finish",
        "employee staff personnel worker",
        "entitle entitlement eligible",
        "increase rise grow growth gain climb",
        "decrease fall decline drop reduce reduction",
        "allow permit",
        "prohibit forbid forbidden ban",
        "need require requirement",
        "company firm enterprise business",
        "kilometre kilometer",
        "organisation organization",
        "yearly annual annually",
        "euro eur",
        "percent percentage",
        "holiday vacation",
        "help aid assist",
        "receive obtain",
        "show display",
        "car automobile vehicle",
        "movie film",
        "doctor physician",
    )
    for word in words.split()
}
_SUFFIXES = ("ement", "ment", "ness", "ance", "ence", "able", "ible", "ally", "ion", "ity", "ive", "ing",
             "ed", "ly", "al", "ic")  # fmt: skip

OPPOSITES: tuple[tuple[frozenset[str], frozenset[str]], ...] = tuple(
    (frozenset(left.split()), frozenset(right.split()))
    for left, right in (
        ("increase increased increases increasing rise rises rose risen grew grow grows grown growth gain gained climb climbed higher up",
         "decrease decreased decreases decreasing fall falls fell fallen decline declined declines drop dropped drops reduce"
         " reduced reduction lower down shrank"),
        ("more greater larger longer", "less fewer smaller shorter"),
        ("before prior earlier", "after later following"),
        ("minimum", "maximum"),
        ("include includes included including", "exclude excludes excluded excluding"),
        ("allowed allow allows permitted permit permits may authorised authorized",
         "forbidden prohibited prohibit prohibits banned disallowed forbids"),
        ("above over exceeds exceed", "below under"),
        ("first", "last"),
        ("buyer buyers purchaser customer", "seller sellers supplier suppliers vendor"),
        ("employer", "employee employees"),
        ("lessor landlord", "lessee tenant"),
        ("lender creditor", "borrower debtor"),
        ("profit profits", "loss losses"),
        ("accept accepted accepts approve approved approves approval grant granted",
         "reject rejected rejects refuse refused refuses deny denied decline"),
        ("mandatory compulsory required obligatory", "optional voluntary"),
        ("internal", "external"),
        ("temporary", "permanent"),
        ("paid", "unpaid"),
        ("open opened opens", "closed close closes"),
        ("valid", "invalid"),
        ("possible", "impossible"),
        ("able", "unable"),
        ("win won wins", "lost lose loses"),
        ("north northern", "south southern"),
        ("east eastern", "west western"),
        ("high", "low"),
        ("early", "late"),
        ("always", "never"),
        ("gross", "net"),
        ("postponed delayed", "advanced brought"),
        ("male", "female"),
        ("single", "double"),
        ("directly direct", "indirectly indirect"),
        ("working", "calendar"),
    )
)  # fmt: skip
"""Pairs of sides that turn a statement around when one is put for the other."""

NEGATORS = word_set(
    "not n't no never neither nor none nobody nothing cannot without except unless nowhere hardly barely rarely seldom"
)
NEGATIVE_WORDS = word_set(
    "prohibited prohibit prohibits forbidden forbids banned bans refuse refused refuses deny denied fail failed fails failure lack"
    " lacks lacking unable avoid avoids prevent prevents prevented preventing exclude excluded excludes excluding exempt never reject"
    " rejected impossible unlike ineligible unlawful invalid absence absent missing only instead rather free stop stopped despite"
    " limited restricted unpaid undefined unknown unclear lost ceased ended expired less fewer few little unnecessary"
)
"""Words that carry a negation inside: they answer for a `not` in other words."""


def tokens(text: str) -> list[Token]:
    """The words of a text. Han, kana and Hangul, which have no spaces, come as pairs of characters."""
    found: list[Token] = []
    for match in _WORD.finditer(text):
        word, start = match.group(), match.start()
        if _CJK.search(word):
            found += [
                Token(word[i : i + 2], start + i, start + i + 2, word[i : i + 2]) for i in range(max(1, len(word) - 1))
            ]
            continue
        low = fold(word)
        if low.endswith("n't"):
            head = word[:-3] or word
            found.append(Token(head, start, start + len(head), stem(head.lower())))
            found.append(Token("n't", start + len(head), match.end(), "n't"))
            continue
        bare = low.removesuffix("'s").removesuffix("'")
        found.append(Token(word, start, match.end(), stem(bare)))
    return found


def fold(word: str) -> str:
    """The word in small letters without accents: `Khloé` and `khloe` are one."""
    low = word.lower().replace("’", "'")
    return (
        low if low.isascii() else "".join(c for c in unicodedata.normalize("NFKD", low) if not unicodedata.combining(c))
    )


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """A light stem of a word in small letters: `terminated`, `termination` and `terminate` meet in one."""
    word = _IRREGULAR.get(word, word)
    word = _SAME.get(word, word)
    if len(word) <= 3 or not word.isalpha():
        return word
    word = _singular(word)
    word = _IRREGULAR.get(word, _SAME.get(word, word))
    for suffix in _SUFFIXES:
        base = word.removesuffix(suffix)
        if base != word and len(base) >= (3 if suffix in ("ing", "ed") else 4) and re.search("[aeiouy]", base):
            if suffix in ("ing", "ed") and len(base) > 3 and base[-1] == base[-2] and base[-1] not in "lsz":
                base = base[:-1]
            word = base
            break
    word = _SAME.get(word, _SAME.get(word + "e", word))
    return word[:-1] if len(word) > 4 and word[-1] in "ey" else word


def _singular(word: str) -> str:
    if word.endswith(("ies", "ied")) and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "zes", "ches", "shes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def is_content(token: Token) -> bool:
    """Whether the word carries meaning of its own: neither a function word, nor talk about sources, nor a figure."""
    low = token.text.lower().replace("’", "'").removesuffix("'s")
    return (
        low not in STOP
        and low not in META
        and low not in MEASURES
        and not low.isdigit()
        and (len(low) > 1 or bool(_CJK.match(low)))
    )


def side_of(words: frozenset[str], pair: tuple[frozenset[str], frozenset[str]]) -> int:
    """Which side of a pair of opposites the words hold: 1, -1, or 0 where neither or both."""
    left, right = bool(words & pair[0]), bool(words & pair[1])
    return int(left) - int(right)
