"""The panel with a document's report: what was read of it, page by page, and how."""

from __future__ import annotations

import streamlit as st

from ingest.records import VersionRecord
from rag.errors import FootnoteError
from ui.render import escape, problem_html
from ui.reports import coverage, document_rows, members_of
from ui.server_state import held
from ui.session import session
from ui.views.frame import dialog_closed, show_problem

PANEL_PIXELS = 640
TABLE_PIXELS = 320


@st.dialog("What was read of this document", width=PANEL_PIXELS, position="right", on_dismiss=dialog_closed)
def open_report(document_id: str) -> None:
    """The panel."""
    session().dialog = True
    try:
        record, version = held().library.document(document_id, None)
        members = members_of(record, held().library.documents(record.space))
    except FootnoteError as error:
        show_problem(error.message, error.remedy)
        return
    if version is not None and version.coverage < 1:
        st.html(problem_html(f"Only {coverage(version)} of the text reached passages.", "Add the document again."))
    st.html(report_html(document_rows(record, version, members)))
    if version is not None and version.page_characters:
        _show_pages(version)


def report_html(rows: list[tuple[str, str]]) -> str:
    """Names and values as a table."""
    cells = "".join(f"<tr><th scope='row'>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows)
    return f'<table class="fn fn-table fn-report">{cells}</table>'


def _show_pages(version: VersionRecord) -> None:
    recognised = frozenset(version.ocr_pages)
    st.dataframe(
        [
            {"Page": number, "Characters": characters, "OCR": "yes" if number in recognised else ""}
            for number, characters in enumerate(version.page_characters, 1)
        ],
        hide_index=True,
        height=TABLE_PIXELS if len(version.page_characters) > 8 else "auto",
        key="report-pages",
        column_config={
            "Characters": st.column_config.ProgressColumn(
                format="localized", min_value=0, max_value=max(1, *version.page_characters)
            )
        },
    )
