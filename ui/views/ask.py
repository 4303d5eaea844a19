"""The page *Ask*: a question, the answer as it is written, and its proof below it. The newest answer stands first."""

from __future__ import annotations

import time
from contextlib import closing

import streamlit as st

from ingest.records import Space, Where
from rag.types import Answer, Checked, Claim, Finished, Found, Token
from ui.background import follow
from ui.render import answer_html, count, paragraph, plain, stream_html
from ui.server_state import held
from ui.session import session
from ui.views.frame import offer_to_remove_samples, show_problem, shown_errors, status
from ui.views.sources import show_sources
from ui.views.writers import choose_writer, writer_name

EVERYWHERE = "All spaces"

REDRAW_SECONDS = 0.12
"""How often the answer is drawn anew while it is written."""

LONGEST_QUESTION = 2000


def show(documents_page: st.Page) -> None:
    """Draw the page."""
    st.title("Ask your documents")
    filled = [space for space in held().library.spaces() if space.documents]
    if not filled:
        _show_empty(documents_page)
        return
    _show_glance(filled)
    with st.container():  # in a container it stays in its place; else it is fixed to the window's end
        question = st.chat_input(
            "What do you want to know?", key="question", max_chars=LONGEST_QUESTION, submit_mode="stop"
        )
    asked = bool(question and question.strip())
    space, model = _choose(filled)
    if not asked and not model:
        _warn_of_model()
    newest = st.container()
    with newest:
        if question and asked:
            _ask(question.strip(), space, model)
    _show_history(newest, asked_now=asked)
    offer_to_remove_samples()


def _show_empty(documents_page: st.Page) -> None:
    st.html(paragraph("There are no documents yet. Add some, then ask about them here."))
    st.page_link(documents_page, label="Add documents", icon=":material/upload_file:")


def _show_glance(filled: list[Space]) -> None:
    total = sum(space.documents for space in filled)
    names = ", ".join(f"{space.name} ({space.documents})" for space in filled)
    st.html(paragraph(f"{count(total, 'document')} to ask about: {names}", "fn-quiet"))


def _choose(filled: list[Space]) -> tuple[str | None, str]:
    """Where to look, and who writes."""
    left, right = st.columns(2)
    with left:
        chosen = st.selectbox("Look in", [EVERYWHERE, *(space.name for space in filled)], key="space")
    with right:
        model = choose_writer()
    return (None if chosen in (EVERYWHERE, None) else chosen), model


def _warn_of_model() -> None:
    """Say that the model of the settings is not there, unless the newest answer says so already."""
    answers = session().answers
    if status().model_error and not (answers and answers[0].error):
        show_problem(status().model_error, "Until then, answers are the documents' own sentences.")


def _ask(question: str, space: str | None, model: str) -> None:
    """Let the answer be written before the reader's eyes, and keep it. A stop keeps what was written until then."""
    st.html(paragraph(question, "fn-question"))
    spot = st.empty()
    answers = session().answers  # taken before: in a run that was stopped, every call of Streamlit ends it
    where = Where((space,) if space else ())
    writing = _Writing(question, time.monotonic())
    try:
        with (
            shown_errors(),
            closing(follow(lambda: held().library.ask(question, where, model), held().stopping)) as events,
        ):
            for event in events:
                if isinstance(event, Finished):
                    writing.answer = event.answer
                    break
                writing.take(event)
                writing.draw(spot)
    finally:
        if kept := writing.kept():
            answers.insert(0, kept)
        spot.empty()


class _Writing:
    """An answer that is being written, and how it looks so far."""

    def __init__(self, question: str, started: float) -> None:
        self.question = question
        self.answer: Answer | None = None
        self._started = started
        self._drawn = 0.0
        self._model = ""
        self._passages = 0
        self._text = ""
        self._claims: list[Claim] = []

    def take(self, event: Found | Token | Checked | None) -> None:
        match event:
            case Found():
                self._model, self._passages = event.model, len(event.passages)
            case Token():
                self._text += event.text
            case Checked():
                self._claims.append(event.claim)

    def draw(self, spot: st.delta_generator.DeltaGenerator) -> None:
        """Draw it, if the last time is long enough ago. Every call lets Streamlit end the run where it was stopped."""
        now = time.monotonic()
        if now - self._drawn < REDRAW_SECONDS:
            return
        self._drawn = now
        if self._text or self._claims:
            spot.html(stream_html(self._claims, self._text))
        else:
            spot.html(paragraph(f"{self._doing()} … {now - self._started:.0f} s", "fn-quiet"))

    def _doing(self) -> str:
        if not self._model:
            return "Searching"
        return f"{writer_name(self._model)} reads {count(self._passages, 'passage')}"

    def kept(self) -> Answer | None:
        """The answer, or what there was of it when it was stopped."""
        if self.answer or not self._text.strip():
            return self.answer
        seconds = time.monotonic() - self._started
        notes = ("Stopped before it was finished: nothing of it counts as checked.",)
        return Answer(self.question, self._text, False, self._model, seconds=seconds, notes=notes)


def _show_history(newest: st.delta_generator.DeltaGenerator, *, asked_now: bool) -> None:
    answers = session().answers
    if not answers:
        return
    with newest:
        if not asked_now:
            st.html(paragraph(answers[0].question, "fn-question"))
        _show_answer(answers[0], len(answers))
    for age, answer in enumerate(answers[1:], 1):
        with st.expander(plain(answer.question)):
            _show_answer(answer, len(answers) - age)


def _show_answer(answer: Answer, number: int) -> None:
    """One answer with everything that a reader must know of it."""
    if answer.error:
        show_problem(answer.error, "Instead, here are the documents' own sentences.")
    st.html(paragraph(answer.text, "fn-refused") if answer.refused else answer_html(answer, number))
    for note in answer.notes:
        st.html(paragraph(f"Note: {note}", "fn-quiet"))
    st.html(paragraph(f"{writer_name(answer.model)} · {answer.seconds:.1f} s", "fn-quiet"))
    show_sources(answer, number)
