"""From a question to a cited answer, as a stream of events. Reads from top to bottom.

Retrieve; refuse below the floor without calling a model; write (a model, or the best sentences verbatim); check each
sentence while it is written; resolve the footnotes.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from rag.chat import QUOTES, Chat, ModelName, choose_model, open_chat
from rag.citations import ClaimChecker, is_refusal
from rag.errors import ChatBroken, ChatError, RemoteNotAllowed
from rag.gate import judge
from rag.prompts import REFUSAL, build_messages, fit_passages
from rag.quotes import Ranking, quote_best
from rag.retrieval import Retriever
from rag.settings import Settings
from rag.types import Answer, Checked, Event, Finished, Found, Passage, Scope, Token

CLOSEST = 3
"""How many passages a refusal offers as the closest."""


@dataclass(frozen=True, slots=True)
class Answering:
    """What answering needs."""

    retriever: Retriever
    settings: Settings


def answer_question(parts: Answering, question: str, scope: Scope, model: str) -> Generator[Event, None, None]:
    """Answer a question; the last event is `Finished`.

    Where the chosen model fails, the answer carries the error and its remedy, and the quotes instead of what the
    model would have written. Raises `UsageError` for a model that cannot be named, and `NotReady` where searching
    itself cannot work.
    """
    started = time.monotonic()
    writer = choose_model(parts.settings.model_copy(update={"model": model or parts.settings.model}))
    found = tuple(parts.retriever.retrieve(question, scope, parts.settings.passages))
    yield Found(found, str(writer))
    judged = judge(question, found, parts.retriever.reranker, parts.retriever.embedder)
    if not judged.answerable:
        yield Finished(_refused(question, found, str(writer), started))
        return
    if writer == QUOTES:
        answer = _quoted(question, found, judged.ranking)
        yield from (Checked(claim) for claim in answer.claims)
    else:
        answer = yield from _written(parts, question, found, judged.ranking, writer)
    yield Finished(replace(answer, seconds=time.monotonic() - started))


def _written(
    parts: Answering, question: str, found: Sequence[Passage], ranking: Ranking, writer: ModelName
) -> Generator[Event, None, Answer]:
    """Let the model write, and check each sentence when it is complete; the generator's value is the answer."""
    text = ""
    try:
        chat = open_chat(writer, parts.settings)
        window = min(chat.context_window(), parts.settings.context_window)
        passages, left_out = fit_passages(question, found, window - parts.settings.answer_tokens)
        reranker = parts.retriever.reranker
        checker = ClaimChecker(passages, question, reranker.score if reranker else None)
        with closing(_stream(chat, question, passages)) as pieces:
            for piece in pieces:
                text += piece
                yield Token(piece)
                yield from (Checked(claim) for claim in checker.feed(piece))
        yield from (Checked(claim) for claim in checker.finish())
        if not text.strip():
            raise ChatBroken(f"{writer} wrote nothing.", "Ask again, or choose another model.")
    except (ChatError, RemoteNotAllowed) as error:
        return _failed(_quoted(question, found, ranking), writer, text, error)
    notes = _notes(chat, left_out, window)
    if is_refusal(text):
        return replace(_refused(question, found, str(writer), 0.0), notes=notes)
    resolved = checker.result()
    return Answer(question, resolved.text, False, str(writer), resolved.claims, resolved.citations, notes=notes)


def _stream(chat: Chat, question: str, passages: Sequence[Passage]) -> Generator[str, None, None]:
    yield from chat.stream(build_messages(question, passages))


def _failed(quoted: Answer, writer: ModelName, text: str, error: ChatError | RemoteNotAllowed) -> Answer:
    """The quotes, with what went wrong; what the model wrote until then is said in a note."""
    broken = (f"{writer} wrote before it broke off: {text.strip()}",) if text.strip() else ()
    return replace(quoted, error=str(error), notes=broken)


def _quoted(question: str, found: Sequence[Passage], ranking: Ranking) -> Answer:
    """The best sentences, verbatim."""
    resolved = quote_best(question, ranking)
    if not resolved.claims:
        return _refused(question, found, str(QUOTES), 0.0)
    return Answer(question, resolved.text, False, str(QUOTES), resolved.claims, resolved.citations)


def _refused(question: str, passages: Sequence[Passage], writer: str, started: float) -> Answer:
    """The refusal phrase, and the closest passages."""
    seconds = time.monotonic() - started if started else 0.0
    return Answer(question, REFUSAL, True, writer, closest=tuple(passages[:CLOSEST]), seconds=seconds)


def _notes(chat: Chat, left_out: int, window: int) -> tuple[str, ...]:
    """What the reader must know of the model's call: evidence left out, a prompt cut, an answer cut."""
    notes = []
    if left_out:
        notes.append(f"{left_out} of the passages found did not fit into the model's context of {window} tokens.")
    if chat.usage.prompt_tokens is not None and chat.usage.prompt_tokens >= window:
        notes.append("The model's server cut the evidence to fit its context: the answer may miss something.")
    if chat.usage.cut_short:
        notes.append("The answer reached its longest length and was cut.")
    return tuple(notes)
