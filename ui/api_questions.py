"""REST: `search` and `ask`, the answer whole or as a stream of JSON lines."""

from __future__ import annotations

import json
import logging
from collections.abc import Generator, Iterator
from itertools import chain

from fastapi import APIRouter
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, Field

from ingest.records import Where
from rag.errors import FootnoteError
from rag.types import Answer, Checked, Event, Finished, Found, Token
from ui import present
from ui.api_errors import INTERNAL, told
from ui.background import follow
from ui.present import Json
from ui.server_state import Held

LOG = logging.getLogger(__name__)


class Asked(BaseModel):
    """What `search` and `ask` have in common: the question, and where to look (nothing said: everywhere)."""

    question: str = Field(min_length=1, max_length=10_000)
    space: str | None = None
    documents: list[str] = Field(default_factory=list)

    @property
    def where(self) -> Where:
        """Where to look."""
        return Where((self.space,) if self.space else (), tuple(self.documents))


class Search(Asked):
    """The body of `search`; `k` is how many passages."""

    k: int = Field(10, ge=1, le=1000)


class Ask(Asked):
    """The body of `ask`; with `stream` the answer comes as JSON lines, an event each."""

    model: str = ""
    stream: bool = False


def add_questions(routes: APIRouter, held: Held) -> None:
    """The routes of questions."""

    @routes.post("/search")
    def search(body: Search) -> Json:
        """The best passages."""
        passages = held.library.search(body.question, body.where, body.k)
        return {"passages": [present.passage(one) for one in passages]}

    @routes.post("/ask", response_model=None)
    def ask(body: Ask) -> Json | Response:
        """An answer with checked footnotes."""
        events = follow(lambda: held.library.ask(body.question, body.where, body.model), held.stopping)
        if not body.stream:
            return present.answer(_last(events))
        first = [next(events)]  # what cannot be asked at all is an error of the request, not of the stream
        return StreamingResponse(_lines(events, first), media_type="application/x-ndjson")


def _last(events: Iterator[Event | None]) -> Answer:
    for event in events:
        if isinstance(event, Finished):
            return event.answer
    raise FootnoteError(INTERNAL)


def _lines(events: Generator[Event | None, None, None], first: list[Event | None]) -> Iterator[str]:
    """The events as JSON lines. An empty piece now and then lets the server notice that nobody listens any more."""
    try:
        for event in chain(first, events):
            yield json.dumps(_shown(event)) + "\n" if event is not None else ""
    except FootnoteError as error:
        yield json.dumps({"event": "error", **told(error)}) + "\n"
    except Exception:
        LOG.exception("a stream broke off")
        yield json.dumps({"event": "error", **told(FootnoteError(INTERNAL))}) + "\n"
    finally:
        events.close()


def _shown(event: Event) -> Json:
    match event:
        case Found():
            passages = [present.passage(one) for one in event.passages]
            return {"event": "found", "model": event.model, "passages": passages}
        case Token():
            return {"event": "token", "text": event.text}
        case Checked():
            claim = event.claim
            shown = {"text": claim.text, "citations": list(claim.citations), "status": claim.status}
            return {"event": "checked", "claim": shown | ({"reason": claim.reason} if claim.reason else {})}
        case Finished():
            return {"event": "finished", "answer": present.answer(event.answer)}
