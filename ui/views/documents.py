"""The page *Documents*: add files, see what is there, delete, and remove spaces."""

from __future__ import annotations

from datetime import datetime

import streamlit as st

from ingest.records import Added, DocumentRecord, Space
from ingest.spaces import DEFAULT_SPACE
from ui.render import count, escape, escape_nothing, paragraph, plain
from ui.server_state import held
from ui.session import session
from ui.uploading import Batch, Snapshot
from ui.views.frame import SAMPLES, forget_status, offer_to_remove_samples, shown_errors

POLL_SECONDS = 0.5

COLUMNS = ["Document", "Space", "State", "Pages", "Passages", "Size", "Changed"]
DONE = ("indexed", "unchanged")


def show() -> None:
    """Draw the page."""
    st.title("Documents")
    _show_upload()
    _show_batch()
    with shown_errors():
        _show_documents(held().library.documents(None))
        _show_spaces(held().library.spaces())
    offer_to_remove_samples()


# Adding


def _show_upload() -> None:
    """The form; sending it starts a batch, and an empty form takes its place."""
    state = session()
    busy = state.batch is not None and state.batch.snapshot().running
    names = [space.name for space in held().library.spaces() if space.name != SAMPLES] or [DEFAULT_SPACE]
    with st.form(f"upload-{state.uploads}", border=True):
        files = st.file_uploader(
            "Add files: PDF, Word (docx), Markdown, text, HTML",
            accept_multiple_files=True,
            key=f"files-{state.uploads}",
        )
        space = st.selectbox(
            "Into the space (choose one, or write a new name)",
            names,
            accept_new_options=True,
            key=f"into-{state.uploads}",
        )
        sent = st.form_submit_button("Add to the library", type="primary", disabled=busy, icon=":material/upload:")
    if sent and not files:
        st.html(paragraph("Choose one or more files first.", "fn-quiet"))
    elif sent:
        state.batch = Batch(held().library, files, (space or DEFAULT_SPACE).strip(), held().stopping)
        state.uploads += 1
        st.rerun()


def _show_batch() -> None:
    batch = session().batch
    if batch is None:
        return
    if batch.snapshot().running:
        _follow_batch()
    else:
        _show_outcomes(batch.snapshot())


@st.fragment(run_every=POLL_SECONDS)
def _follow_batch() -> None:
    """How far the files are, drawn anew twice a second until all are done; then the whole page once."""
    batch = session().batch
    if batch is None:
        return
    now = batch.snapshot()
    if not now.running:
        forget_status()
        st.rerun()
    done = len(now.outcomes)
    st.progress((done + now.share) / max(1, now.total), text=f"{done} of {count(now.total, 'file')} done")
    if now.current:
        st.html(paragraph(f"{now.current}: {now.step}", "fn-quiet"))
    _show_outcomes(now)


def _show_outcomes(now: Snapshot) -> None:
    rows = "".join(
        f"<tr><td>{_sign(one)}</td><td>{escape(one.document)}</td><td>{_result(one)}</td></tr>" for one in now.outcomes
    )
    if rows:
        st.html(f'<table class="fn fn-table fn-outcomes">{rows}</table>')


def _sign(outcome: Added) -> str:
    return "✓" if outcome.status in DONE else "✗"


def _result(outcome: Added) -> str:
    pages = f"{count(outcome.pages, 'page')}, " if outcome.pages else ""
    size = f": {pages}{count(outcome.chunks, 'passage')}" if outcome.status in DONE else ""
    reason = f'<div class="fn-quiet">{escape(outcome.reason)}</div>' if outcome.reason else ""
    return f"<b>{escape(outcome.status)}</b>{size}{reason}"


# What is there


def _show_documents(records: list[DocumentRecord]) -> None:
    if not records:
        batch = session().batch
        if batch is None or not batch.snapshot().running:
            st.html(paragraph("The library is empty. What you add is kept on this machine only.", "fn-quiet"))
        return
    st.subheader(count(len(records), "document"))
    state = session()
    chosen = st.dataframe(
        [_row(record) for record in records],
        hide_index=True,
        placeholder="–",
        column_order=[*COLUMNS, *(["Reason"] if any(record.reason for record in records) else [])],
        on_select="rerun",
        selection_mode="multi-row",
        key=f"documents-{state.selections}",
        column_config={
            "Size": st.column_config.NumberColumn(format="bytes", width="small"),
            "Pages": st.column_config.NumberColumn(width="small"),
            "Passages": st.column_config.NumberColumn(width="small"),
            "Changed": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm"),
        },
    )
    selected = [records[index] for index in chosen["selection"]["rows"] if index < len(records)]
    label = f"Delete {count(len(selected), 'document')}" if selected else "Delete: select rows first"
    if st.button(label, disabled=not selected, icon=":material/delete:", key="delete"):
        _confirm_delete(selected)


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


@st.dialog("Delete for good?")
def _confirm_delete(records: list[DocumentRecord]) -> None:
    """Say what goes, and ask once."""
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
    if _asked("Delete", "confirm-delete"):
        with shown_errors():
            held().library.remove([record.id for record in records], None)
            session().selections += 1
            forget_status()
            st.rerun()


# Spaces


def _show_spaces(spaces: list[Space]) -> None:
    removable = [space for space in spaces if space.name != DEFAULT_SPACE]
    if not removable:
        return
    st.subheader("Spaces")
    for space in removable:
        left, right = st.columns([3, 1], vertical_alignment="center")
        left.html(paragraph(f"{space.name}: {count(space.documents, 'document')}"))
        if right.button(
            "Remove",
            key=f"remove-space-{space.id}",
            icon=":material/folder_delete:",
            help=plain(f"Remove the space {space.name}"),
        ):
            _confirm_space(space)


@st.dialog("Remove the space for good?")
def _confirm_space(space: Space) -> None:
    """Say what goes, and ask once."""
    st.html(paragraph(f"The space “{space.name}” goes, with its {count(space.documents, 'document')}."))
    if _asked("Remove", "confirm-space"):
        with shown_errors():
            held().library.remove_space(space.name)
            session().selections += 1
            forget_status()
            st.rerun()


def _asked(label: str, key: str) -> bool:
    """Two buttons; whether the one that does it was clicked."""
    with st.container(horizontal=True):
        done = st.button(label, type="primary", key=key)
        if st.button("Keep", key=f"{key}-keep"):
            st.rerun()
    return done
