"""REST under `/api`: the same functions as the command line, with the same JSON (`ui.present`)."""

from __future__ import annotations

import json
import logging
from collections.abc import Generator, Iterator
from itertools import chain
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from ingest.records import Where
from rag.errors import FileRefused, FootnoteError, NotReady, UnknownName, UsageError
from rag.types import Answer, Checked, Event, Finished, Found, Token
from ui import present
from ui.background import follow
from ui.present import Json
from ui.server_state import Held
from ui.uploads import receive_files

LOG = logging.getLogger(__name__)

INTERNAL = "Something went wrong inside Footnote."


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


def router(held: Held) -> APIRouter:
    """All routes. What blocks is a plain function, and runs in a thread of its own."""
    routes = APIRouter(prefix="/api")
    _add_questions(routes, held)
    _add_documents(routes, held)

    @routes.get("/health")
    def health() -> Json:
        """200 as soon as search works, whether a model to write answers is there or not."""
        held.library.warm_up()
        return {"status": "ok"}

    @routes.get("/spaces")
    def spaces() -> Json:
        """All spaces."""
        return {"spaces": [present.space(one) for one in held.library.spaces()]}

    @routes.get("/status")
    def status() -> Json:
        """Counts, models and index."""
        return present.status(held.library.status())

    @routes.api_route("/{rest:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"], include_in_schema=False)
    def nothing(rest: str) -> None:
        """Whatever else lies under `/api` is an error, not a page."""
        raise HTTPException(404, f"There is no /api/{rest}.")

    return routes


def _add_questions(routes: APIRouter, held: Held) -> None:
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
        yield json.dumps({"event": "error", **_told(error)}) + "\n"
    except Exception:
        LOG.exception("a stream broke off")
        yield json.dumps({"event": "error", **_told(FootnoteError(INTERNAL))}) + "\n"
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


def _add_documents(routes: APIRouter, held: Held) -> None:
    library = held.library

    @routes.get("/documents")
    def documents(space: str | None = None) -> Json:
        """All documents, or those of a space."""
        return {"documents": [present.document(one) for one in library.documents(space)]}

    @routes.post("/documents")
    async def add(request: Request) -> Json:
        """Index the uploaded `files` into the `space`; an outcome for each."""
        received = await receive_files(request, held.settings.max_file_mb)
        outcomes = await run_in_threadpool(lambda: list(received.index(library)))
        return {"documents": [present.added(one) | {"id": one.document_id} for one in outcomes]}

    @routes.get("/documents/{document_id}")
    def document(document_id: str) -> Json:
        """A document with its report."""
        return present.report(*library.document(document_id))

    @routes.delete("/documents/{document_id}")
    def remove(document_id: str) -> Json:
        """Remove a document."""
        return {"removed": [{"document": one.document, "space": one.space} for one in library.remove([document_id])]}

    @routes.get("/documents/{document_id}/original")
    def original(document_id: str, version: int | None = None) -> Response:
        """The file as it came, to be saved: never shown by the browser, whatever it contains."""
        record, _ = library.document(document_id)
        data = library.original(record.id, version or record.live_version or 0)
        name = quote(record.name.rsplit("/", 1)[-1], safe="")
        headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}", "Cache-Control": "no-store"}
        return Response(data, media_type="application/octet-stream", headers=headers)

    @routes.get("/documents/{document_id}/page/{page}.png")
    def page_picture(document_id: str, page: int, version: int | None = None, start: int = 0, end: int = 0) -> Response:
        """The picture of a PDF's page, with the text from `start` to `end` marked."""
        record, _ = library.document(document_id)
        picture = library.page_picture(record.id, version or record.live_version or 0, page, start, end)
        return Response(picture, media_type="image/png", headers={"Cache-Control": "private, max-age=300"})


STATUS_OF_ERROR: tuple[tuple[type[FootnoteError], int], ...] = (
    (UnknownName, 404),
    (UsageError, 400),
    (FileRefused, 422),
    (NotReady, 503),
    (FootnoteError, 500),
)
"""The first kind that fits."""


def handle_errors(app: FastAPI) -> None:
    """Every error is JSON: what happened and what to do. A trace goes to the log and nowhere else."""

    @app.exception_handler(FootnoteError)
    def known(_request: Request, error: FootnoteError) -> JSONResponse:
        status = next(status for kind, status in STATUS_OF_ERROR if isinstance(error, kind))
        return JSONResponse(_told(error), status)

    @app.exception_handler(RequestValidationError)
    def invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:]) or "The body"
        return JSONResponse({"error": f"{where}: {first['msg']}.", "remedy": "See /api/openapi.json."}, 422)

    @app.exception_handler(HTTPException)
    def refused(_request: Request, error: HTTPException) -> JSONResponse:
        return JSONResponse({"error": str(error.detail), "remedy": ""}, error.status_code)

    @app.exception_handler(Exception)
    def unexpected(_request: Request, _error: Exception) -> JSONResponse:  # the server logs the trace after this
        return JSONResponse(_told(FootnoteError(INTERNAL, "The log of the server has the details.")), 500)


def _told(error: FootnoteError) -> dict[str, Any]:
    return {"error": error.message, "remedy": error.remedy}
