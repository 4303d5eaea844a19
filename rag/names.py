"""What a document is called, in words that a model can read."""

from __future__ import annotations

import re


def in_words(name: str) -> str:
    """A document's file name without folders and suffix, in words: `reports/ACME_2022_10K.pdf` is `ACME 2022 10K`."""
    stem = name.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    return " ".join(re.sub(r"[_\-.]+", " ", stem).split())
