"""Files of questions: one JSON object a line, with at least `id` and `question`; `documents` limits it if asked to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.errors import UsageError


@dataclass(frozen=True, slots=True)
class Asked:
    """One question of a file."""

    id: str
    question: str
    documents: tuple[str, ...]


def read_questions(path: Path) -> list[Asked]:
    """All questions of a file. Raises `UsageError` naming the line that is wrong, before anything is answered."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}.", "Give a file with one JSON question a line.") from error
    return list(_parse(path, lines))


def _parse(path: Path, lines: list[str]) -> Iterator[Asked]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            fields: dict[str, Any] = json.loads(line)
            documents = tuple(str(name) for name in fields.get("documents") or ())
            yield Asked(str(fields["id"]), str(fields["question"]), documents)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UsageError(
                f"{path}, line {number}: not a question.",
                'Each line is a JSON object such as {"id": "1", "question": "..."}.',
            ) from error
