"""The form that adds files: whatever is chosen together becomes one job of the library."""

from __future__ import annotations

import streamlit as st

from ingest.loading.formats import READS
from ingest.spaces import DEFAULT_SPACE
from ui.render import paragraph
from ui.server_state import held
from ui.session import session
from ui.views.frame import SAMPLES, shown_errors


def show_upload() -> None:
    """The form; sending it makes a job, and an empty form takes its place."""
    state = session()
    names = [space.name for space in held().library.spaces() if space.name != SAMPLES] or [DEFAULT_SPACE]
    with st.form(f"upload-{state.uploads}", border=True):
        files = st.file_uploader(f"Add files. {READS}", accept_multiple_files=True, key=f"files-{state.uploads}")
        space = st.selectbox(
            "Into the space (choose one, or write a new name)",
            names,
            accept_new_options=True,
            key=f"into-{state.uploads}",
        )
        sent = st.form_submit_button("Add to the library", type="primary", icon=":material/upload:")
    if sent and not files:
        st.html(paragraph("Choose one or more files first.", "fn-quiet"))
    elif sent:
        with shown_errors(), st.spinner("Taking the files over"):
            given = ((file.name, file.getvalue()) for file in files)  # one at a time in memory twice
            job = held().library.submit_uploads(given, (space or DEFAULT_SPACE).strip())
            state.jobs.running.add(job)
            state.uploads += 1
            st.rerun()
