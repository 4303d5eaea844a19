"""The page *Documents*: add files, see what is being done and what is there, delete."""

from __future__ import annotations

from datetime import datetime

import streamlit as st

from ingest.records import DocumentRecord
from ui.render import count, escape_nothing, paragraph
from ui.server_state import held
from ui.session import session
from ui.views.adding import show_upload
from ui.views.frame import asked, dialog_closed, forget_status, offer_to_remove_samples, shown_errors
from ui.views.jobs import anything_runs, show_jobs
from ui.views.report import open_report
from ui.views.spaces import show_spaces

COLUMNS = ["Document", "Space", "State", "Pages", "Passages", "Size", "Changed"]


def show() -> None:
    """Draw the page. That closes whatever dialog was open."""
    dialog_closed()
    st.title("Documents")
    show_upload()
    show_jobs()
    with shown_errors():
        _show_documents(held().library.documents(None))
        show_spaces(held().library.spaces())
    offer_to_remove_samples()


def _show_documents(records: list[DocumentRecord]) -> None:
    if not records:
        if not anything_runs():
            st.html(paragraph("The library is empty. What you add is kept on this machine only.", "fn-quiet"))
        return
    st.subheader(count(len(records), "document"))
    chosen = st.dataframe(
        [_row(record) for record in records],
        hide_index=True,
        placeholder="–",
        column_order=[*COLUMNS, *(["Reason"] if any(record.reason for record in records) else [])],
        on_select="rerun",
        selection_mode="multi-row",
        key=f"documents-{session().selections}",
        column_config={
            "Size": st.column_config.NumberColumn(format="bytes", width="small"),
            "Pages": st.column_config.NumberColumn(width="small"),
            "Passages": st.column_config.NumberColumn(width="small"),
            "Changed": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm"),
        },
    )
    _show_actions([records[index] for index in chosen["selection"]["rows"] if index < len(records)])


def _show_actions(selected: list[DocumentRecord]) -> None:
    """What can be done with the rows that are ticked."""
    with st.container(horizontal=True):
        if st.button("Report", disabled=len(selected) != 1, icon=":material/fact_check:", key="report"):
            open_report(selected[0].id)
        label = f"Delete {count(len(selected), 'document')}" if selected else "Delete"
        if st.button(label, disabled=not selected, icon=":material/delete:", key="delete"):
            _confirm_delete(selected)
    if not selected:
        st.html(paragraph("Tick rows to see a document's report, or to delete.", "fn-quiet"))


def _row(record: DocumentRecord) -> dict[str, object]:
    return {
        "Document": escape_nothing(record.name),
        "Space": escape_nothing(record.space),
        "State": record.state,
        "Pages": record.pages,
        "Passages": record.chunks,
        "Size": record.size,
        "Changed": datetime.fromisoformat(record.changed_at).astimezone().replace(tzinfo=None),
        "Reason": escape_nothing(record.reason),
    }


@st.dialog("Delete for good?", on_dismiss=dialog_closed)
def _confirm_delete(records: list[DocumentRecord]) -> None:
    """Say what goes, and ask once."""
    session().dialog = True
    passages = sum(record.chunks for record in records)
    st.html(paragraph("\n".join(f"{record.name} ({record.space})" for record in records[:20])))
    more = f" and {len(records) - 20} more" if len(records) > 20 else ""
    st.html(
        paragraph(
            f"{count(len(records), 'document')}{more}, {count(passages, 'passage')} and the copies kept of the files go. "
            "Files that lie elsewhere on your disks stay.",
            "fn-quiet",
        )
    )
    if asked("Delete", "confirm-delete"):
        with shown_errors():
            held().library.remove([record.id for record in records], None)
            session().selections += 1
            forget_status()
            st.rerun()
