"""The spaces on the page *Documents*, and how one is removed."""

from __future__ import annotations

import streamlit as st

from ingest.records import Space
from ingest.spaces import DEFAULT_SPACE
from ui.render import count, paragraph, plain
from ui.server_state import held
from ui.session import session
from ui.views.frame import asked, dialog_closed, forget_status, shown_errors


def show_spaces(spaces: list[Space]) -> None:
    """A line for each space that can be removed."""
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


@st.dialog("Remove the space for good?", on_dismiss=dialog_closed)
def _confirm_space(space: Space) -> None:
    """Say what goes, and ask once."""
    session().dialog = True
    st.html(paragraph(f"The space “{space.name}” goes, with its {count(space.documents, 'document')}."))
    if asked("Remove", "confirm-space"):
        with shown_errors():
            held().library.remove_space(space.name)
            session().selections += 1
            forget_status()
            st.rerun()
