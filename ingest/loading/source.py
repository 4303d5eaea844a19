"""Source code, configuration and other text that is no prose: kept as it is, its definitions as sections."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from ingest.loading.cleaning import clean
from ingest.loading.limits import Limits
from ingest.loading.parsed import Parsed
from ingest.loading.sections import sections_of
from ingest.loading.text import decode
from rag.types import Document

LONGEST_LINE = 500
"""Longer lines define nothing: they were made by programs."""

_WORDS = (
    r"(?:(?:export|default|public|private|protected|internal|static|final|abstract|async|unsafe|pub(?:\(\w+\))?) )*"
)
_DEFINITION = re.compile(
    rf"(?P<indent>[ \t]*){_WORDS}"
    r"(?:class|def|func|function|fn|interface|struct|enum|impl|trait|module|namespace|record|object|protocol)\s+"
    r"(?P<name>(?:\([^()]*\) )?[\w$.:<>]+)"
)
_TABLE = re.compile(
    r"(?P<indent>)CREATE\s+(?:OR\s+REPLACE\s+)?(?P<name>(?:TABLE|VIEW|FUNCTION|PROCEDURE|TRIGGER)\s+[\w.\"`\[\]]+)",
    re.IGNORECASE,
)
_INI = re.compile(r"(?P<indent>)\[+(?P<name>[^\[\]]+)\]+\s*$")
_TEX = re.compile(r"(?P<indent>)\\(?:sub)*(?:chapter|section)\*?\{(?P<name>[^{}]+)\}")

_PATTERNS = {
    **dict.fromkeys((".toml", ".ini", ".cfg", ".conf", ".properties"), _INI),
    ".sql": _TABLE,
    ".tex": _TEX,
}
_WITHOUT = "xml xsd xsl xslt rss atom plist yaml yml css scss sass less log diff patch ics vcf srt vtt bib env org adoc asciidoc"
_NO_SECTIONS = frozenset(f".{suffix}" for suffix in _WITHOUT.split())


def load(name: str, data: bytes, _limits: Limits) -> Parsed:
    """The text as it stands; classes and functions that a line begins are sections. The title is the file's name."""
    decoded, warnings = decode(name, data)
    text = clean(decoded)
    file = PurePosixPath(name.replace("\\", "/"))
    found = (
        []
        if file.suffix.lower() in _NO_SECTIONS
        else _definitions(text, _PATTERNS.get(file.suffix.lower(), _DEFINITION))
    )
    return Parsed(Document(title=file.name, text=text, parser="", sections=sections_of(found), warnings=warnings))


def _definitions(text: str, pattern: re.Pattern[str]) -> Iterator[tuple[int, int, str]]:
    """`(start, level, name)`: what stands further to the right lies deeper."""
    start = 0
    for line in text.splitlines(keepends=True):
        if len(line) <= LONGEST_LINE and (found := pattern.match(line)):
            yield start, 1 + len(found["indent"].expandtabs(4)) // 2, found["name"]
        start += len(line)
