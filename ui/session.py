"""The only reader and writer of `st.session_state`: what one browser tab has on its pages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import streamlit as st

from rag.types import Answer, Citation, Passage
from ui.uploading import Batch

_KEY = "footnote"


@dataclass(frozen=True, slots=True)
class Opened:
    """A source that was opened: the range of a document's version, and where that is."""

    document_id: str
    version: int
    document: str
    start: int
    end: int
    page: int | None
    label: str

    @classmethod
    def of(cls, source: Citation | Passage, label: str) -> Opened:
        """The place that a footnote or passage names."""
        return cls(source.document_id, source.version, source.document, source.start, source.end, source.page, label)


@dataclass(slots=True)
class Session:
    """A tab's state. Widgets keep their own."""

    answers: list[Answer] = field(default_factory=list)
    batch: Batch | None = None
    uploads: int = 0
    selections: int = 0
    said: str = ""


def session() -> Session:
    """This tab's state; made when first asked for."""
    if _KEY not in st.session_state:
        st.session_state[_KEY] = Session()
    return cast(Session, st.session_state[_KEY])
