"""REST: documents. What is added is a job; the caller waits for it, or asks `/api/jobs` how far it is."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response

from ui import present
from ui.present import Json
from ui.reports import members_of
from ui.server_state import Held
from ui.uploads import receive_files


def add_documents(routes: APIRouter, held: Held) -> None:
    """The routes of documents."""
    library = held.library

    @routes.get("/documents")
    def documents(space: str | None = None) -> Json:
        """All documents, or those of a space."""
        return {"documents": [present.document(one) for one in library.documents(space)]}

    @routes.post("/documents", response_model=None, responses={202: {"description": "The job that indexes the files."}})
    async def add(request: Request, *, wait: bool = True) -> Json | Response:
        """Index the uploaded `files` into the `space`: an outcome for each, or the job's id at once where `wait` is false.

        Outcomes come in the order in which they were reached, with those of files inside files. A caller that goes away while it waits cancels nothing: the job goes on.
        """
        received = await receive_files(request, held.settings.max_file_mb)
        if not wait:
            return JSONResponse({"job": await run_in_threadpool(received.submit, library)}, 202)
        outcomes = await run_in_threadpool(lambda: list(received.index(library)))
        return {"documents": [present.added(one) | {"id": one.document_id} for one in outcomes]}

    @routes.get("/documents/{document_id}")
    def document(document_id: str) -> Json:
        """A document with its report, and the documents that came out of it."""
        record, live = library.document(document_id)
        return present.report(record, live, members_of(record, library.documents(record.space)))

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
