"""From a question to events: refused without a call, written, checked while it is written, broken off, cut.

The index, the catalog and the HTTP are real; embedder and cross-encoder are the small ones of `tests.fakes`; what the
model writes is a script behind the stand-in for Ollama.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.answering import Answering, answer_question
from rag.errors import UsageError
from rag.prompts import REFUSAL
from rag.types import Answer, Checked, Event, Finished, Found, Scope, Token
from tests.indexing_bench import Bench
from tests.ollama_stand_in import Fault, OllamaStandIn, Scripted, StandInModel, unused_port

QUESTION = "How many days of annual leave does everybody have?"
MODEL = "ollama:llama3.1:8b"
PAPERS = {
    "leave.md": "# Leave\n\nEverybody has 25 days of annual leave a year. Leave is asked for in the portal.",
    "crane.md": "# Cranes\n\nThe tower crane may be used until a wind of 72 km/h.",
}


class Desk:
    """Answers questions over two papers, with a model that says what the test wants."""

    def __init__(self, folder: Path, ollama: OllamaStandIn, script: Scripted) -> None:
        self.bench = Bench(folder)
        for name, text in PAPERS.items():
            self.bench.add(name, text)
        self.ollama, self.script = ollama, script
        self.settings = ollama.settings(request_timeout=1.0)

    def ask(self, question: str = QUESTION, *said: str, model: str = MODEL, **changes: object) -> list[Event]:
        if said:
            self.script.answers[:] = list(said)
        settings = self.settings.model_copy(update=changes)
        return list(answer_question(Answering(self.bench.retriever, settings), question, Scope(), model))


def answer_of(events: list[Event]) -> Answer:
    assert isinstance(events[-1], Finished)
    return events[-1].answer


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    script = Scripted(["nothing"])
    with OllamaStandIn([StandInModel("llama3.1:8b", script)]) as ollama:
        made = Desk(tmp_path, ollama, script)
        yield made
        made.bench.close()


def test_the_events_come_in_order_and_the_stream_is_what_was_written(desk: Desk) -> None:
    said = "Everybody has 25 days of annual leave a year [1]."
    events = desk.ask(QUESTION, said)
    assert [type(events[0]), type(events[-1])] == [Found, Finished]
    assert "".join(event.text for event in events if isinstance(event, Token)) == said
    assert [event.claim for event in events if isinstance(event, Checked)] == list(answer_of(events).claims)


def test_a_supported_sentence_carries_its_footnote(desk: Desk) -> None:
    answer = answer_of(desk.ask(QUESTION, "Everybody has 25 days of annual leave a year [1]."))
    (claim,) = answer.claims
    (note,) = answer.citations
    assert (claim.status, claim.citations, answer.model) == ("supported", (1,), MODEL)
    assert (note.document, note.quote) == ("leave.md", "Everybody has 25 days of annual leave a year.")
    parsed = desk.bench.catalog.parsed(note.document_id, note.version)
    assert parsed is not None
    assert parsed.text[note.start : note.end] == note.quote


@pytest.mark.parametrize(
    "said",
    [
        "Everybody has 30 days of annual leave a year [1].",
        "Everybody does not have 25 days of annual leave a year [1].",
        "The crane driver Anna Holm has 25 days of annual leave a year [1].",
    ],
)
def test_a_wrong_sentence_is_not_supported(desk: Desk, said: str) -> None:
    (claim,) = answer_of(desk.ask(QUESTION, said)).claims
    assert claim.status != "supported"
    assert claim.reason


def test_a_marker_that_names_no_passage_is_dropped(desk: Desk) -> None:
    answer = answer_of(desk.ask(QUESTION, "Everybody has 25 days of annual leave a year [1][9]."))
    assert "[9]" not in answer.text
    assert [note.n for note in answer.citations] == [1]


def test_below_the_floor_no_model_is_called(desk: Desk) -> None:
    answer = answer_of(desk.ask("Zebras quickly juggle xylophones?"))
    assert (answer.refused, answer.text, answer.claims, answer.citations) == (True, REFUSAL, (), ())
    assert answer.closest
    assert desk.ollama.chats() == []


def test_a_question_for_what_the_passage_lacks_is_refused_without_a_call(desk: Desk) -> None:
    answer = answer_of(desk.ask("What is the telephone number for annual leave in the portal?"))
    assert answer.refused
    assert desk.ollama.chats() == []


def test_an_empty_question_is_refused(desk: Desk) -> None:
    assert answer_of(desk.ask("  ")).refused


def test_the_model_may_refuse_too(desk: Desk) -> None:
    answer = answer_of(desk.ask(QUESTION, f"I'm sorry. {REFUSAL}"))
    assert (answer.refused, answer.text, answer.model) == (True, REFUSAL, MODEL)
    assert answer.closest[0].document == "leave.md"


def test_quotes_need_no_model(desk: Desk) -> None:
    answer = answer_of(desk.ask(model="quotes"))
    assert answer.model == "quotes"
    assert "25 days" in answer.text
    assert all(claim.status == "supported" for claim in answer.claims)
    assert desk.ollama.requests == []


@pytest.mark.parametrize(
    ("fault", "remedy"),
    [
        (Fault.HANG_FIRST, "FOOTNOTE_REQUEST_TIMEOUT"),
        (Fault.HANG_MIDDLE, "FOOTNOTE_REQUEST_TIMEOUT"),
        (Fault.CUT, "again"),
        (Fault.ERROR_500, "ollama serve"),
    ],
)
def test_a_model_that_fails_leaves_the_quotes_and_says_what_to_do(desk: Desk, fault: Fault, remedy: str) -> None:
    with desk.ollama.misbehaving(fault):
        answer = answer_of(desk.ask(QUESTION, "Everybody has 25 days of annual leave a year [1]."))
    assert answer.error
    assert remedy in answer.error
    assert answer.model == "quotes"
    assert "25 days" in answer.text


def test_what_was_written_before_the_break_is_kept_in_a_note(desk: Desk) -> None:
    with desk.ollama.misbehaving(Fault.CUT):
        answer = answer_of(
            desk.ask(QUESTION, "Everybody has 25 days of annual leave a year [1]. It is asked for early.")
        )
    assert "Everybody has" in " ".join(answer.notes)


def test_no_server_names_the_command_that_starts_it(desk: Desk) -> None:
    answer = answer_of(desk.ask(ollama_url=f"http://127.0.0.1:{unused_port()}"))
    assert "ollama serve" in (answer.error or "")
    assert answer.citations


def test_no_model_names_the_command_that_pulls_it(desk: Desk) -> None:
    answer = answer_of(desk.ask(model="ollama:mistral:7b"))
    assert "ollama pull mistral:7b" in (answer.error or "")
    assert answer.citations


def test_a_name_that_is_no_model_is_a_usage_error(desk: Desk) -> None:
    with pytest.raises(UsageError):
        desk.ask(model="gpt")


def test_passages_that_do_not_fit_are_said(desk: Desk) -> None:
    desk.bench.add("long.md", "# Annual leave\n\n" + "Annual leave days are counted by everybody every year. " * 60)
    answer = answer_of(
        desk.ask(
            QUESTION,
            "Everybody has 25 days of annual leave a year [1].",
            context_window=1024,
            answer_tokens=32,
            passages=20,
        )
    )
    assert any("did not fit" in note for note in answer.notes)
    (chat,) = desk.ollama.chats()
    assert chat.body["options"]["num_ctx"] == 1024


def test_the_passages_are_data_between_marks_and_the_question_is_last(desk: Desk) -> None:
    desk.ask(QUESTION, "Everybody has 25 days of annual leave a year [1].")
    desk.ask(QUESTION, "Everybody has 25 days of annual leave a year [1].")
    first, second = (chat.body["messages"][-1]["content"] for chat in desk.ollama.chats())
    assert first.endswith(f"Question: {QUESTION}")
    assert first.split("number=1")[0] != second.split("number=1")[0], "the marks differ with every call"


def test_stopping_the_stream_stops_the_call(desk: Desk) -> None:
    desk.script.answers[:] = ["Everybody has 25 days of annual leave a year [1]. " * 200]
    events = answer_question(Answering(desk.bench.retriever, desk.settings), QUESTION, Scope(), MODEL)
    for event in events:
        if isinstance(event, Token):
            break
    events.close()
    assert answer_of(desk.ask(QUESTION, "Everybody has 25 days of annual leave a year [1].")).claims
