"""The cells of a Jupyter notebook as paragraphs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ingest.loading.cleaning import clean
from ingest.loading.text import headings

MOST_OUTPUT = 4000
"""Characters kept of what a cell printed."""

Paragraph = tuple[str, list[tuple[int, int, str]]]


def cells(notebook: Any) -> Iterator[Paragraph]:
    """The text of each cell with its headings `(start, level, words)`. Pictures that code made are left out."""
    for cell in notebook["cells"]:
        text = clean(_joined(cell["source"])).strip()
        if cell["cell_type"] == "markdown":
            yield text, list(headings(text))
        elif text:
            yield f"```\n{text}\n```", []
        for output in cell.get("outputs", ()):
            printed = clean(_joined(output.get("text") or output.get("data", {}).get("text/plain", ""))).strip()
            if printed:
                yield printed[:MOST_OUTPUT], []


def _joined(source: Any) -> str:
    return source if isinstance(source, str) else "".join(map(str, source))
