"""JSON, JSON lines and notebooks as text: a line for each value, a paragraph for each record.

Nothing is rounded or dropped on the way: numbers and keys stay as they were written, keys that come twice too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ingest.loading.cleaning import clean
from ingest.loading.limits import Limits
from ingest.loading.parsed import Parsed
from ingest.loading.sections import sections_of, title_from
from ingest.loading.text import decode
from rag.types import Document

MOST_INLINE = 8
"""Values of an object that stand among those of the object around it, as `address.city: Berlin`; larger ones stand apart."""

MOST_IN_A_LINE = 400
"""Characters of a list of plain values that is written on one line."""

LONGEST_PATH = 160
DEEPEST_SECTION = 3
LONG_DATA = 1000
"""Characters from which on a value without a blank may be a picture or a key, and no text."""

MOST_BROKEN = 1000
"""Lines that are no JSON; behind so many of them none is expected any more."""

_BINARY = re.compile(r"(data:[\w/+.;=-]{1,100},)?[A-Za-z0-9+/_=\s-]*")
_NOT_JSON = "It is not valid JSON: it was read as text."
_LEFT_OUT = "Pictures or other binary data in it were left out."


class Pairs(list[tuple[str, Any]]):
    """An object of JSON, with all its keys in their order."""


@dataclass(slots=True)
class _Text:
    """Collects paragraphs and remembers where the named ones begin."""

    parts: list[str] = field(default_factory=list)
    length: int = 0
    headings: list[tuple[int, int, str]] = field(default_factory=list)
    has_binary: bool = False

    def add(self, paragraph: str) -> int:
        paragraph = clean(paragraph).strip()
        start = self.length + (2 if self.parts else 0)
        if paragraph:
            for part in ("\n\n" if self.parts else "", paragraph):
                if part:
                    self.parts.append(part)
                    self.length += len(part)
        return start

    def result(self, title: str, *warnings: str) -> Parsed:
        said = (*warnings, *((_LEFT_OUT,) if self.has_binary else ()))
        return Parsed(Document(title, "".join(self.parts), "", (), sections_of(self.headings), said))


def load(name: str, data: bytes, limits: Limits) -> Parsed:
    """A JSON document. What is none is read as JSON lines, if its first line is one, else as the text it is."""
    source, warnings = decode(name, data)
    try:
        value = _value(source)
    except (ValueError, RecursionError):
        if _is_lines(source):
            return load_lines(name, data, limits)
        return _as_text(name, source, *warnings, _NOT_JSON)
    text = _Text()
    _write(text, value)
    return text.result(_title(value) or title_from(name), *warnings)


def load_lines(name: str, data: bytes, _limits: Limits) -> Parsed:
    """A record a line, each a paragraph. A line that is no JSON stays as it is."""
    source, warnings = decode(name, data)
    text, broken = _Text(), 0
    for line in source.split("\n"):
        if not line.strip():
            continue
        try:
            if broken > MOST_BROKEN:
                raise ValueError("these are no JSON lines")
            _write(text, _value(line), is_record=True)
        except (ValueError, RecursionError):
            broken += 1
            text.add(line)
    said = (f"Lines that are not valid JSON were read as text: {broken:,}.",) if broken else ()
    return text.result(title_from(name), *warnings, *said)


def load_notebook(name: str, data: bytes, limits: Limits) -> Parsed:
    """A notebook's cells in their order: text with its headings, code, and what it printed."""
    from ingest.loading.notebook import cells

    source, warnings = decode(name, data)
    try:
        paragraphs = list(cells(json.loads(source)))
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
        return load(name, data, limits)
    text = _Text()
    for paragraph, headings in paragraphs:
        start = text.add(paragraph)
        text.headings += [(start + place, level, words) for place, level, words in headings]
    title = next((words for _, _, words in text.headings), "") or title_from(name)
    return text.result(title, *warnings)


def _value(source: str) -> Any:
    """A value whose numbers are text, as they were written."""
    return json.loads(source, object_pairs_hook=Pairs, parse_int=str, parse_float=str, parse_constant=str)


def _is_lines(source: str) -> bool:
    first, _, rest = source.lstrip().partition("\n")
    try:
        return bool(rest.strip()) and isinstance(_value(first), list)
    except (ValueError, RecursionError):
        return False


def _as_text(name: str, source: str, *warnings: str) -> Parsed:
    return Parsed(Document(title_from(name), clean(source), "", warnings=warnings))


def _title(value: Any) -> str:
    """What a document calls itself, near its top."""
    found = dict(value) if isinstance(value, Pairs) else {}
    return next((str(found[key])[:200] for key in ("title", "name") if isinstance(found.get(key), str)), "")


def _write(text: _Text, value: Any, *, is_record: bool = False) -> None:
    """Write a value: one paragraph for its plain values, then one for each object and list that stands apart.

    Without recursion: what is nested as deep as the parser allows would exceed Python's stack.
    """
    stack: list[tuple[str, Any, int]] = [("", value, 0)]
    while stack:
        path, value, depth = stack.pop()
        lines: list[str] = []
        apart: list[tuple[str, Any, int]] = []
        if isinstance(value, list) and _is_plain(value):
            lines = _plain_list(text, "", value)
            value = ()
        for key, each in _entries(value):
            _sort_out(text, path, key, each, depth, lines, apart)
        head = f"{_short(path)}:" if path and lines else ""
        start = text.add("\n".join(filter(None, [head, *lines])))
        if path and not is_record and 0 < depth <= DEEPEST_SECTION and not path.endswith("]"):
            text.headings.append((start, depth, path.rpartition(".")[2]))
        stack += reversed(apart)


def _entries(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Pairs):
        yield from value
    elif isinstance(value, list | tuple):
        yield from ((f"[{number}]", each) for number, each in enumerate(value))
    else:
        yield "", value


def _sort_out(
    text: _Text, path: str, key: str, value: Any, depth: int, lines: list[str], apart: list[tuple[str, Any, int]]
) -> None:
    """Put a value among the lines, or to what stands apart."""
    if not isinstance(value, list) or not value:
        lines.append(_line("" if key.startswith("[") else key, _plain(text, value)))
    elif _is_plain(value):
        lines += _plain_list(text, key, value)
    elif (
        isinstance(value, Pairs)
        and len(value) <= MOST_INLINE
        and not key.startswith("[")
        and all(_is_leaf(each) for _, each in value)
    ):
        lines += [_line(f"{key}.{inner}", _plain(text, each)) for inner, each in value]
    else:
        dot = "" if key.startswith("[") or not path else "."
        apart.append((f"{path[-2 * LONGEST_PATH :]}{dot}{key}", value, depth + 1))


def _is_leaf(value: Any) -> bool:
    return not isinstance(value, list) or not value


def _is_plain(value: list[Any]) -> bool:
    return not isinstance(value, Pairs) and all(map(_is_leaf, value))


def _plain_list(text: _Text, key: str, value: list[Any]) -> list[str]:
    key = "" if key.startswith("[") else key
    plain = [_plain(text, each) for each in value]
    line = _line(key, ", ".join(plain))
    if len(line) <= MOST_IN_A_LINE and "\n" not in line:
        return [line]
    return [*([f"{key}:"] if key else []), *(f"- {each}" for each in plain)]


def _plain(text: _Text, value: Any) -> str:
    if isinstance(value, str):
        if len(value) >= LONG_DATA and " " not in value[:LONG_DATA].strip() and _BINARY.fullmatch(value):
            text.has_binary = True
            return "(binary data)"
        return value
    return "{}" if isinstance(value, Pairs) else json.dumps(value)


def _line(key: str, value: str) -> str:
    return f"{key}: {value}" if key else value


def _short(path: str) -> str:
    return path if len(path) <= LONGEST_PATH else f"…{path[-LONGEST_PATH:]}"
