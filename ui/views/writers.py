"""Who writes the answer: the choice, and the names that readers see."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from rag.chat import QUOTES, list_models
from rag.errors import FootnoteError
from ui.render import escape_nothing
from ui.server_state import held
from ui.views.frame import status

AUTOMATIC = ""


def choose_writer() -> str:
    """A selection of the models at hand; empty: the one of the settings, or the best there is."""
    default = status().model or str(QUOTES)
    others = [name for name in _usable(held().settings.ollama_address) if name != default]
    chosen = st.selectbox(
        "Written by",
        [AUTOMATIC, *others],
        format_func=lambda name: writer_name(name or default),
        key="writer",
    )
    return chosen or AUTOMATIC


@st.cache_data(ttl=30, show_spinner=False, max_entries=1)
def _usable(_address: str) -> list[str]:
    """Names of models that could write now. Asking Ollama can take seconds."""
    try:
        return [model.name for model in list_models(held().settings).models if model.usable]
    except FootnoteError:
        return [str(QUOTES)]


def writer_name(model: str) -> str:
    """A model's name as readers see it: no path of this machine, and what `quotes` means."""
    kind, _, name = model.partition(":")
    if kind == "quotes":
        return "The documents' own sentences"
    if kind == "gguf":
        return escape_nothing(Path(name).stem)
    return escape_nothing(name.rpartition("@")[0] or name) if kind == "openai" else escape_nothing(name or model)
