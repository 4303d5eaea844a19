"""Errors of the REST interface: JSON that says what happened and what to do."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from rag.errors import FileRefused, FootnoteError, NotReady, UnknownName, UsageError
from ui.present import Json

INTERNAL = "Something went wrong inside Footnote."

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
        return JSONResponse(told(error), status)

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
        return JSONResponse(told(FootnoteError(INTERNAL, "The log of the server has the details.")), 500)


def told(error: FootnoteError) -> Json:
    """An error as JSON."""
    return {"error": error.message, "remedy": error.remedy}
