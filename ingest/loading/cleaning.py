r"""Text as every loader gives it: NFC, `\n` line ends, nothing invisible; and the lines of PDF pages mended.

`mend` also says where each character came from. It is a pure function of a page's raw text, so that a mark can be
placed on the page later by running it again.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator

Edit = tuple[int, int, str]
Pass = Callable[[str], Iterable[Edit]]

PDFIUM_HYPHEN = "\ufffe"
"""What pdfium gives for a hyphen at the end of a line, having joined the two lines itself."""

_NAMED = {
    "\r\n": "\n",
    **dict.fromkeys("\r\x0b\x0c\x85\u2028\u2029", "\n"),
    **dict.fromkeys(
        "\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000", " "
    ),
    "\ufb00": "ff",
    "\ufb01": "fi",
    "\ufb02": "fl",
    "\ufb03": "ffi",
    "\ufb04": "ffl",
    "\ufb05": "st",
    "\ufb06": "st",
    # Word's Symbol and Wingdings, where they land in the private use area: bullets and boxes that people tick.
    **dict.fromkeys("\uf0b7\uf0a7\uf076\uf0d8", "•"),
    **dict.fromkeys("\uf0a8\uf06f\uf071", "☐"),
    **dict.fromkeys("\uf0fd\uf078", "☒"),
    "\uf0fe": "☑",
    "\uf0fc": "✓",
    "\uf0fb": "✗",
    "\uf0e0": "→",
}

_INVISIBLE = (
    "\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f"  # controls, but tab and line ends
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"  # soft hyphen, joiners, fillers
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb"  # zero width, direction of writing
    "\ufe00-\ufe0f\U000e0000-\U000e0fff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"  # what carries hidden text
    "\ud800-\udfff\ue000-\uf8ff\U000f0000-\U0010ffff"  # lone surrogates, glyphs without a meaning
    "\ufdd0-\ufdef\uffff"  # no characters at all
)
# The patterns below read any file's text: none may look at a long run again from each of its characters.
_CHARACTER = re.compile(f"\r\n|[{''.join(key for key in _NAMED if len(key) == 1)}]|[{_INVISIBLE}]+")
_NO_CHARACTER = re.compile(PDFIUM_HYPHEN)
_TRAILING = re.compile("(?<![ \t])[ \t]++(?=\n)")
_LONG_GAP = re.compile("[ \t]{41,}")
_BLANK_LINES = re.compile("\n{3,}")
_LEADER = re.compile(r" ?(?:(?:\. ?){6,}+|\ufffd{6,}+ ?)")
"""The dots between a heading and its page number in a table of contents: hundreds of tokens that say nothing. Some fonts
do not say that theirs are dots."""

_BROKEN = rf"(?:{PDFIUM_HYPHEN}|[-\u2010]\n)"
_BROKEN_WORD = re.compile(rf"(?<=\w){_BROKEN}(?=\w)")
_BROKEN_WHOLE = re.compile(rf"(?<!\w)\w++(?:{_BROKEN}\w++)+")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_HEAD = re.compile(r"[^\W\d_]+$")
_TAIL = re.compile(r"[^\W\d_]+")

_COMPOUND_HEADS = re.compile(
    r"(?:"
    r"all|anti|cross|decision|e|five|fixed|forward|four|full|hard|high|lesser|long|low|lower|market|medium|mid|model"
    r"|multi|on|one|open|per|personal|post|pre|price|real|receive|risk|self|semi|short|single|six|soft|tax|third"
    r"|three|time|two|user|value|weighted|well|wholly|year|zero"
    r")"
)
_COMPOUND_TAILS = re.compile(
    r"(?:"
    r"average|aware|backed|based|care|controlled|date|dependent|denominated|designated|driven|effective|end|focused"
    r"|free|friendly|generating|going|in|known|level|life|like|lived|looked|looking|made|making|medium|of|off|only"
    r"|oriented|owned|party|paid|purpose|quality|rate|rated|ready|related|risk|sale|scale|shot|sized|source|specific"
    r"|sponsored|step|style|term|the|third|thirds|time|to|type|up|wide|year"
    r")"
)
"""Halves of words that are written with a hyphen wherever the line ends (counted in 3,628 pages of annual reports and
in research papers, where most other hyphens at line ends only split a word)."""


def clean(text: str) -> str:
    r"""The text without what nobody can see, in NFC, with `\n` line ends, at most one blank line and 40 blanks in a row."""
    return _run(text, None, (_characters, _stray("")))[0]


def mend(raw: str, cut: Iterable[tuple[int, int]] = ()) -> tuple[str, list[int]]:
    """The text of a PDF page, clean and with the words that a line's end had split joined again.

    `cut` are ranges of raw characters to leave out, in order. Also, for each character of the text, the index of the
    raw character it came from: never falling, and never one that was cut.
    """
    parts: list[str] = []
    kept: list[int] = []
    done = 0
    for start, end in (*cut, (len(raw), len(raw))):
        parts.append(raw[done:start])
        kept += range(done, start)
        done = end
    text, origins = _run("".join(parts), kept, (_characters, _hyphens, _stray("-"), _found(_LEADER, " … ")))
    assert origins is not None
    return text, origins


def one_line(text: str) -> str:
    """A title or a cell: clean, with every run of white space one blank."""
    return " ".join(clean(text).split())


def _run(text: str, origins: list[int] | None, first: tuple[Pass, ...]) -> tuple[str, list[int] | None]:
    last = (_found(_TRAILING, ""), _found(_BLANK_LINES, "\n\n"), _found(_LONG_GAP, " " * 40))
    for edits in (*first, _composed, *last):
        text, origins = _apply(text, origins, edits(text))
    return text, origins


def _apply(text: str, origins: list[int] | None, edits: Iterable[Edit]) -> tuple[str, list[int] | None]:
    parts: list[str] = []
    kept: list[int] = []
    done = 0
    for start, end, new in edits:
        parts += (text[done:start], new)
        if origins is not None:
            kept += origins[done:start]
            kept += [origins[start]] * len(new)
        done = end
    parts.append(text[done:])
    if origins is None:
        return "".join(parts), None
    return "".join(parts), kept + origins[done:]


def _found(pattern: re.Pattern[str], new: str) -> Pass:
    return lambda text: ((match.start(), match.end(), new) for match in pattern.finditer(text))


def _characters(text: str) -> Iterator[Edit]:
    return ((match.start(), match.end(), _NAMED.get(match[0], "")) for match in _CHARACTER.finditer(text))


def _stray(new: str) -> Pass:
    return _found(_NO_CHARACTER, new)


def _composed(text: str) -> Iterator[Edit]:
    """NFC, letter by letter with its marks, so that each result is traced to its letter."""
    if unicodedata.is_normalized("NFC", text):
        return
    start = 0
    for end in range(1, len(text) + 1):
        if end < len(text) and _joins(text[end]):
            continue
        letter = text[start:end]
        if (composed := unicodedata.normalize("NFC", letter)) != letter:
            yield start, end, composed
        start = end


def _joins(character: str) -> bool:
    """Whether it can melt into what stands before it: a mark, or a Hangul vowel or final."""
    return unicodedata.category(character).startswith("M") or "\u1160" <= character <= "\u11ff"


def _hyphens(text: str) -> Iterator[Edit]:
    broken = list(_BROKEN_WORD.finditer(text))
    if not broken:
        return
    words = {match[0].lower() for match in _WORD.finditer(_BROKEN_WHOLE.sub(" ", text))}
    for match in broken:
        yield match.start(), match.end(), "-" if _is_compound(text, match, words) else ""


def _is_compound(text: str, broken: re.Match[str], words: set[str]) -> bool:
    """Whether the hyphen belongs to the word. The page's other words decide, then the lists above."""
    head = _HEAD.search(text, max(0, broken.start() - 40), broken.start())
    tail = _TAIL.match(text, broken.end())
    if not (head and tail and head[0][-1].islower() and tail[0][0].islower()):
        return True
    left, right = head[0].lower(), tail[0].lower()
    if left + right in words:
        return False
    if left == right:
        return True
    if f"{left}-{right}" in words or _COMPOUND_HEADS.fullmatch(left) or _COMPOUND_TAILS.fullmatch(right):
        return True
    return min(len(left), len(right)) > 3 and left in words and right in words
