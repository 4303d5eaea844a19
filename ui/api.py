"""REST under `/api`: the same functions as the command line, with the same JSON (`ui.present`)."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.exceptions import HTTPException

from ui import present
from ui.api_documents import add_documents
from ui.api_errors import handle_errors
from ui.api_jobs import add_jobs
from ui.api_questions import add_questions
from ui.present import Json
from ui.server_state import Held

__all__ = ["handle_errors", "router"]


def router(held: Held) -> APIRouter:
    """All routes. What blocks is a plain function, and runs in a thread of its own."""
    routes = APIRouter(prefix="/api")
    add_questions(routes, held)
    add_documents(routes, held)
    add_jobs(routes, held)

    @routes.get("/health")
    def health() -> Json:
        """200 as soon as search works, whether a model to write answers is there or not."""
        held.library.check()
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
