"""Markdown and plain text: bytes to characters, and Markdown's headings to sections."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from ingest.loading.cleaning import clean, one_line
from ingest.loading.limits import Limits
from ingest.loading.parsed import Parsed
from ingest.loading.sections import LONGEST_HEADING, sections_of, title_from
from rag.errors import FileRefused
from rag.types import Document

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
GUESS_BYTES = 1 << 18
"""Bytes looked at to guess an encoding."""

WESTERN = "cp1252"
_ENCODINGS = re.compile(
    r"utf-?(7|8)|(windows|cp|ibm)-?\d+|iso-8859-\d+|iso-2022-(jp|kr)|koi8-[ru]|gb(k|2312|18030)|big5|shift[_-]jis|euc-(jp|kr)"
    r"|macintosh|mac-?roman"
)
_READ_AS_WESTERN = ("iso-8859-1", "latin1", "latin-1", "us-ascii", "ascii")
"""Browsers read these as cp1252, and so do the people who declare them."""

_CENTRAL = frozenset(
    {"Czech", "Slovak", "Polish", "Hungarian", "Croatian", "Slovene", "Romanian", "Serbian", "Bosnian"}
)
_LATIN = {
    "cp1250": _CENTRAL,
    "iso8859_2": _CENTRAL,
    "cp1254": frozenset({"Turkish"}),
    "cp1257": frozenset({"Lithuanian", "Latvian", "Estonian"}),
    "cp1258": frozenset({"Vietnamese"}),
}
"""Encodings of Latin letters beside Western ones, and the languages that are written in them."""

_LIKELY = (
    WESTERN, *_LATIN, "cp1251", "koi8_r", "koi8_u", "cp866", "cp1253", "cp1255", "cp1256", "cp874", "cp932", "euc_jp",
    "gb18030", "big5", "cp949", "cp737",
)  # fmt: skip
MOST_ODD = 0.4
"""How odd, as charset_normalizer counts, a text may look and still be one: its own limit of 0.2 refuses tables and code."""

ENOUGH_FOR_LANGUAGE = 200
"""Bytes from which on a language can be told."""

MOST_CONTROLS = 0.01
"""Share of control characters up to which bytes are text: a log that a crash cut off has some, compressed data 11%."""

_CONTROLS = bytes(code for code in range(32) if code not in b"\a\b\t\n\v\f\r\x1b")
_ATX = re.compile(r" {0,3}(#{1,6})[ \t](.*)")
_SETEXT = re.compile(r"^ {0,3}(=+|-{2,})[ \t]*$")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
_NOT_SETEXT = re.compile(r"^\s*($|[|>#*+-]|\d+[.)]\s)")
_TITLE = re.compile(r"""^title:[ \t]*["']?([^"'#\s][^"'\n]*)""", re.MULTILINE)
MOST_FRONT = 4096
"""Characters of Markdown among which its front matter stands."""

_EMPHASIS = re.compile(r"(\*\*|__|`|\[|\]\([^)]*\))")


def load(name: str, data: bytes, _limits: Limits) -> Parsed:
    """Plain text: no sections, and the file's name as its title."""
    text, warnings = decode(name, data)
    return Parsed(Document(title=title_from(name), text=clean(text), parser="", warnings=warnings))


def load_markdown(name: str, data: bytes, _limits: Limits) -> Parsed:
    """Markdown as it was written, with its headings as sections and the first of them as its title."""
    decoded, warnings = decode(name, data)
    text = clean(decoded)
    found = list(headings(text))
    title = _own_title(text) or next((heading for _, _, heading in found), "") or title_from(name)
    return Parsed(Document(title=title, text=text, parser="", sections=sections_of(found), warnings=warnings))


def _own_title(text: str) -> str:
    """The title in the front matter, the lines between `---` at the top."""
    front = text[4:MOST_FRONT].partition("\n---")[0] if text.startswith("---\n") else ""
    found = _TITLE.search(front)
    return one_line(found[1]) if found else ""


def is_text(data: bytes) -> bool:
    """Whether the bytes can be characters: few controls among them, NUL included, or in an encoding of wide characters."""
    return (
        data.startswith(tuple(mark for mark, _ in _MARKS)) or _controls(data) <= MOST_CONTROLS or bool(_unmarked(data))
    )


def decode(name: str, data: bytes, declared: str = "") -> tuple[str, tuple[str, ...]]:
    """The characters, and a warning where the encoding had to be guessed or something was lost.

    In order: the byte order mark, UTF-16 without one, the encoding the file declares, UTF-8, a guess. Raises `FileRefused`
    for bytes that are no text.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace"), _lost(data, encoding)
    controls = _controls(data)
    if controls > MOST_CONTROLS:
        if encoding := _unmarked(data):
            return data.decode(encoding, errors="replace"), ()
        raise FileRefused("damaged", f"{name} holds no text.", "Fetch the file again.")
    text, warnings = _decoded(data, declared)
    return text, (*warnings, *(("Control characters in it were left out.",) if b"\x00" in data else ()))


def encoding_of(declared: str) -> str:
    """The encoding that is meant by a declared one, or nothing where it is none of texts (`hex`, `unicode_escape`)."""
    declared = declared.strip().lower()
    if declared in _READ_AS_WESTERN:
        return WESTERN
    if not _ENCODINGS.fullmatch(declared):
        return ""
    return declared.replace("windows-", "cp").replace("cp-", "cp")


def _decoded(data: bytes, declared: str) -> tuple[str, tuple[str, ...]]:
    for encoding in (declared, "utf-8"):
        try:
            return data.decode(encoding), ()
        except (LookupError, UnicodeError):
            continue
    encoding = guessed(data)
    return data.decode(encoding, errors="replace"), (f"The encoding is not declared; it was read as {encoding}.",)


def _controls(data: bytes) -> float:
    """The share of control characters."""
    return 1 - len(data.translate(None, _CONTROLS)) / max(len(data), 1)


def _unmarked(data: bytes) -> str:
    """The kind of UTF-16 that a Western text without a byte order mark is in: every other byte of it is NUL."""
    head = data[: GUESS_BYTES - GUESS_BYTES % 2]
    for encoding, nul, other in (("utf-16-le", 1, 0), ("utf-16-be", 0, 1)):
        if head[nul::2].count(0) > 0.7 * len(head) / 2 and not head[other::2].count(0):
            return encoding if _controls(head[other::2]) <= MOST_CONTROLS else ""
    return ""


def _lost(data: bytes, encoding: str) -> tuple[str, ...]:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return ("Some characters cannot be read and were replaced: the file is damaged there.",)
    return ()


def guessed(data: bytes) -> str:
    """An encoding for bytes that are not UTF-8. Western texts fit dozens, so cp1252 unless script or language is another."""
    from charset_normalizer import from_bytes

    matches = from_bytes(data[:GUESS_BYTES], cp_isolation=list(_LIKELY), threshold=MOST_ODD)
    best = matches.best()
    if best is None or (len(data) < ENOUGH_FOR_LANGUAGE and best.encoding in _LATIN):
        return WESTERN
    if best.encoding == WESTERN or best.encoding in _LATIN:
        return next((each.encoding for each in matches if best.language in _LATIN.get(each.encoding, ())), WESTERN)
    foreign = any(not _is_western(alphabet) for alphabet in best.alphabets)
    return best.encoding if foreign else WESTERN


def _is_western(alphabet: str) -> bool:
    return any(
        part in alphabet for part in ("Latin", "Punctuation", "Symbols", "Currency", "Letterlike", "Control", "Spacing")
    )


def headings(text: str) -> Iterator[tuple[int, int, str]]:
    """`(start, level, heading)` of Markdown's headings, outside code blocks and front matter."""
    place, fence, before, front = 0, "", "", text.startswith("---\n")
    for number, line in enumerate(text.splitlines(keepends=True)):
        start, place = place, place + len(line)
        line = line.rstrip("\n")
        if front:
            front = number == 0 or line not in ("---", "...")
            continue
        if mark := _FENCE.match(line):
            fence = _fence_after(fence, mark[1])
        elif not fence:
            if atx := _ATX.match(line):
                yield start, len(atx[1]), _plain(atx[2].rstrip("# \t"))
            elif (setext := _SETEXT.match(line)) and not _NOT_SETEXT.match(before):
                yield start - len(before) - 1, 1 if setext[1][0] == "=" else 2, _plain(before)
        before = line


def _fence_after(fence: str, mark: str) -> str:
    """The fence that is open behind a line of fence marks: as long or longer ones of the same kind close it."""
    if not fence:
        return mark
    return "" if mark[0] == fence[0] and len(mark) >= len(fence) else fence


def _plain(heading: str) -> str:
    return _EMPHASIS.sub("", heading[: 2 * LONGEST_HEADING]).strip()
