"""The sources below an answer, and the panel that opens one: the page with the passage marked."""

from __future__ import annotations

from functools import partial

import streamlit as st

from ingest.library import Library
from rag.errors import FileRefused, FootnoteError, UsageError
from rag.types import Answer, Citation, Document, Page, Passage
from ui.render import card_id, page_name, paragraph, passage_html, plain, source_html
from ui.server_state import held
from ui.session import Opened
from ui.views.frame import show_problem

PANEL_PIXELS = 780


def show_sources(answer: Answer, number: int) -> None:
    """A card for each footnote; under a refusal, for the closest passages. `number` tells the answers on a page apart."""
    if answer.refused and answer.closest:
        st.html(paragraph("The closest I found:", "fn-quiet"))
        for index, passage in enumerate(answer.closest, 1):
            _show_card(passage, None, f"closest-{number}-{index}")
    for note in answer.citations:
        _show_card(note, note.n, card_id(number, note.n))


def _show_card(source: Citation | Passage, n: int | None, key: str) -> None:
    with st.container(border=True, key=f"card-{key}"):
        left, right = st.columns([5, 1], gap="small", vertical_alignment="top")
        left.html(source_html(source, n, key))
        if right.button("Open", key=f"open-{key}", icon=":material/menu_book:", width="stretch"):
            _open(Opened.of(source, page_name(source)))


@st.dialog("The passage in its document", width=PANEL_PIXELS, position="right")
def _open(source: Opened) -> None:
    """The panel. Turning its pages runs this function alone."""
    st.html(paragraph(" · ".join(part for part in (source.document, source.label) if part), "fn-quiet"))
    try:
        parsed = held().library.parsed(source.document_id, source.version)
        if source.page is None or not parsed.pages:
            st.html(passage_html(parsed.text, source.start, source.end))
        else:
            _show_page(source, parsed)
    except FootnoteError as error:
        show_problem(error.message, error.remedy)
        return
    st.download_button(
        "Save the original",
        data=partial(_original, held().library, source),
        file_name=source.document.rsplit("/", 1)[-1],
        mime="application/octet-stream",
        on_click="ignore",
        icon=":material/download:",
        key="save",
    )


def _original(library: Library, source: Opened) -> bytes:
    return library.original(source.document_id, source.version)


def _show_page(source: Opened, parsed: Document) -> None:
    """The picture of the page, the passage marked on it, and the way to the pages around. Its text where there is none."""
    page = _turn(source.page or 1, parsed.pages)
    try:
        picture = held().library.page_picture(source.document_id, source.version, page, source.start, source.end)
        st.image(picture, width="stretch", alt=plain(f"Page {page} of {source.document}, the passage marked"))
    except (FileRefused, UsageError):
        st.html(passage_html(parsed.text, source.start, source.end))


def _turn(cited: int, pages: tuple[Page, ...]) -> int:
    """Buttons for the pages before and after; the page to be shown."""
    last = max(page.number for page in pages)
    if last == 1:
        return 1
    return int(
        st.number_input(
            f"Page (of {last}; cited: {cited})", min_value=1, max_value=last, value=cited, key=f"page-{cited}"
        )
    )
