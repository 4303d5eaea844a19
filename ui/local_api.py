"""The door that the command line uses when a server has the library: the methods of `Face`, behind the local token."""

from __future__ import annotations

import secrets

from fastapi import APIRouter, Depends, Header, HTTPException, Request
from fastapi.responses import StreamingResponse

from ui.address import TOKEN_HEADER
from ui.face import Face
from ui.wire import METHODS, decode_arguments, encode_result


def router(library: Face, token: str) -> APIRouter:
    """Routes under `/api/local`; every one answers 403 without the token."""

    def check(given: str = Header("", alias=TOKEN_HEADER)) -> None:
        if not secrets.compare_digest(given.encode(), token.encode()):
            raise HTTPException(403, "The token is missing or wrong.")

    routes = APIRouter(prefix="/api/local", dependencies=[Depends(check)], include_in_schema=False)

    @routes.get("/hello")
    def hello() -> dict[str, str]:
        """Say that this is the server of that token."""
        return {"status": "ok"}

    @routes.post("/{method}")
    async def call(method: str, request: Request) -> StreamingResponse:
        """Call a method of the library; its values come as typed JSON lines."""
        if method not in METHODS:
            raise HTTPException(404, "There is no such method.")
        try:
            arguments = decode_arguments(method, await request.body())
        except ValueError as error:
            raise HTTPException(422, "The arguments do not fit.") from error
        lines = encode_result(method, lambda: getattr(library, method)(*arguments))
        return StreamingResponse(lines, media_type="application/x-ndjson")

    return routes
