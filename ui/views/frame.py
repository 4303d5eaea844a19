"""What every page shares: the line at its end, errors, and the offer to remove the sample papers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from ingest.records import Status
from rag.errors import FootnoteError
from ui.render import escape, problem_html
from ui.server_state import held
from ui.session import session

SAMPLES = "Samples"

STATUS_SECONDS = 10
"""How old the state of models may be: asking Ollama can take seconds."""


def status() -> Status:
    """The state of the library and its models, at most a few seconds old; the same for all tabs."""
    return _status(str(held().settings.data_folder))


@st.cache_data(ttl=STATUS_SECONDS, show_spinner=False, max_entries=1)
def _status(_data: str) -> Status:
    return held().library.status()


def forget_status() -> None:
    """Ask anew: something was added or removed."""
    _status.clear()


def foot() -> None:
    """Say at the end of each page what leaves the machine."""
    remote = status().remote
    text = (
        f"May be sent to: {', '.join(remote)} (allowed by FOOTNOTE_ALLOW_REMOTE)."
        if remote
        else "Nothing leaves this machine."
    )
    st.html(f'<div class="fn fn-foot" role="contentinfo">{escape(text)}</div>')


@contextmanager
def shown_errors() -> Iterator[None]:
    """Show an error of ours as a sentence with its remedy, in the place where it happened."""
    try:
        yield
    except FootnoteError as error:
        show_problem(error.message, error.remedy)


def show_uncaught(error: Exception) -> bool:
    """Say that a page could not be drawn to its end, in place of Streamlit's words. The log has the details by now."""
    if isinstance(error, FootnoteError):
        show_problem(error.message, error.remedy)
    else:
        show_problem(
            "Something went wrong inside Footnote; its log (stderr) has the details.",
            "Reload the page, and see what was done before you try again.",
        )
    return True


def show_problem(message: str, remedy: str = "") -> None:
    """A warning: what happened, and what to do."""
    st.html(problem_html(message, remedy))


def offer_to_remove_samples() -> None:
    """A quiet button as long as the sample papers are here. One click removes them; `make run` does not bring them back."""
    if any(space.name == SAMPLES for space in held().library.spaces()) and st.button(
        "Remove the sample papers", icon=":material/delete_sweep:", type="tertiary", key="remove-samples"
    ):
        with st.spinner("Removing the sample papers"), shown_errors():
            held().library.remove_space(SAMPLES)
        forget_status()
        st.rerun()


def dialog_closed() -> None:
    """Note that no dialog is open any more; a dialog calls it when it is dismissed."""
    session().dialog = False


def asked(label: str, key: str) -> bool:
    """Two buttons of a dialog; whether the one that does it was clicked."""
    with st.container(horizontal=True):
        done = st.button(label, type="primary", key=key)
        if st.button("Keep", key=f"{key}-keep"):
            st.rerun()
    return done
