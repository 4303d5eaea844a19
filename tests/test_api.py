"""REST over a real library: the same JSON as the command line, and errors that say what to do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import APIRouter

from ingest.library import open_library
from tests.app_server import running_app
from tests.asgi_client import TestClient
from tests.conftest import settings_for
from tests.documents import pdf
from ui.server import create_app

LEAVE = "Parental leave lasts twenty weeks."
PAPER = pdf([["The first page speaks of nothing."], [LEAVE, "It must be asked for three months before."]])
BROKEN = b"%PDF-1.4\nthis is not a PDF"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The whole app over a library with one PDF, in this process."""
    settings = settings_for(tmp_path_factory.mktemp("api") / "data", max_file_mb=1)
    library = open_library(settings)
    assert library is not None
    extra = APIRouter()

    @extra.get("/api/local/hello")
    def hello() -> dict[str, str]:
        return {"from": "another router"}

    @extra.get("/api/breaks")
    def breaks() -> None:
        raise ZeroDivisionError("secret detail")

    app = create_app(library, settings, routers=(extra,))
    with library, TestClient(app, "http://127.0.0.1:8501", raise_server_exceptions=False) as client:
        added = client.post("/api/documents", files=[("files", ("leave.pdf", PAPER))], data={"space": "HR"})
        assert added.json()["documents"][0]["status"] == "indexed"
        yield client


def only_document(api: TestClient) -> dict[str, Any]:
    documents = api.get("/api/documents", params={"space": "HR"}).json()["documents"]
    assert [one["document"] for one in documents] == ["leave.pdf"]
    found: dict[str, Any] = documents[0]
    return found


def test_health_answers_when_search_works(api: TestClient) -> None:
    answered = api.get("/api/health")
    assert (answered.status_code, answered.json()) == (200, {"status": "ok"})


def test_health_says_what_is_missing(tmp_path: Path) -> None:
    with running_app(tmp_path / "data", models=str(tmp_path / "none")) as app:
        answered = httpx.get(f"{app.url}/api/health", trust_env=False)
    assert answered.status_code == 503
    assert "footnote models fetch" in answered.json()["remedy"]


def test_search_finds_the_passage(api: TestClient) -> None:
    passages = api.post("/api/search", json={"question": "How long is parental leave?", "k": 1}).json()["passages"]
    assert [(one["document"], one["page"]) for one in passages] == [("leave.pdf", 2)]
    assert LEAVE in passages[0]["text"]


def test_ask_answers_with_checked_footnotes(api: TestClient) -> None:
    answer = api.post("/api/ask", json={"question": "How long does parental leave last?", "space": "HR"}).json()
    assert (answer["refused"], answer["model"]) == (False, "quotes")
    assert answer["claims"][0] == {"text": LEAVE, "citations": [1], "status": "supported"}
    note = answer["citations"][0]
    assert (note["n"], note["document"], note["page"], note["quote"]) == (1, "leave.pdf", 2, LEAVE)


def test_ask_streams_events_as_json_lines(api: TestClient) -> None:
    body = {"question": "How long does parental leave last?", "stream": True}
    with api.stream("POST", "/api/ask", json=body) as streamed:
        assert streamed.headers["content-type"] == "application/x-ndjson"
        events = [json.loads(line) for line in streamed.iter_lines() if line]
    kinds = [event["event"] for event in events]
    assert (kinds[0], kinds[-1]) == ("found", "finished")
    assert "checked" in kinds
    assert events[-1]["answer"]["claims"] == [event["claim"] for event in events if event["event"] == "checked"]


def test_ask_refuses_what_the_documents_do_not_answer(api: TestClient) -> None:
    answer = api.post("/api/ask", json={"question": "Who won the football match in Lisbon?"}).json()
    assert (answer["refused"], answer["claims"], answer["citations"]) == (True, [], [])
    assert answer["closest"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("body", "status", "part"),
    [
        ({"question": ""}, 422, "question"),
        ({}, 422, "question"),
        ({"question": "leave?", "space": "Nowhere"}, 404, "Nowhere"),
        ({"question": "leave?", "documents": ["absent.pdf"]}, 404, "absent.pdf"),
        ({"question": "leave?", "model": "nonsense"}, 400, "nonsense"),
    ],
)
def test_what_cannot_be_asked_is_an_error_with_a_sentence(
    api: TestClient,
    body: dict[str, Any],
    status: int,
    part: str,
    stream: bool,  # noqa: FBT001
) -> None:
    answered = api.post("/api/ask", json=body | {"stream": stream})
    assert answered.status_code == status
    assert set(answered.json()) == {"error", "remedy"}
    assert part in answered.json()["error"]


def test_a_document_tells_its_report(api: TestClient) -> None:
    found = only_document(api)
    told = api.get(f"/api/documents/{found['id']}").json()
    assert (told["document"], told["pages"], told["report"]["parser"] != "") == ("leave.pdf", 2, True)
    assert api.get("/api/documents/absent").status_code == 404


def test_the_original_is_saved_and_never_shown(api: TestClient) -> None:
    answered = api.get(f"/api/documents/{only_document(api)['id']}/original")
    assert answered.content == PAPER
    assert answered.headers["content-type"] == "application/octet-stream"
    assert answered.headers["content-disposition"] == "attachment; filename*=UTF-8''leave.pdf"
    assert answered.headers["x-content-type-options"] == "nosniff"


def test_the_page_picture_carries_the_mark(api: TestClient) -> None:
    note = api.post("/api/ask", json={"question": "How long does parental leave last?"}).json()["citations"][0]
    path = f"/api/documents/{note['document_id']}/page/{note['page']}.png"
    marked = api.get(path, params={"start": note["start"], "end": note["end"], "version": note["version"]})
    plain = api.get(path)
    assert marked.headers["content-type"] == plain.headers["content-type"] == "image/png"
    assert marked.content.startswith(b"\x89PNG")
    assert marked.content != plain.content
    assert api.get(path.replace("/2.png", "/9.png")).status_code in (400, 404)


def test_files_come_together_and_each_gets_its_outcome(api: TestClient) -> None:
    files = [
        ("files", ("notes.md", b"# Notes\n\nThe kitchen closes at six.")),
        ("files", ("broken.pdf", BROKEN)),
        ("files", ("huge.txt", b"x " * 600_000)),
    ]
    outcomes = api.post("/api/documents", files=files, data={"space": "Upload"}).json()["documents"]
    told = {one["document"]: one for one in outcomes}  # in the order in which they were reached
    assert {name: one["status"] for name, one in told.items()} == {
        "notes.md": "indexed",
        "broken.pdf": "damaged",
        "huge.txt": "too large",
    }
    assert {name: bool(one.get("reason")) for name, one in told.items()} == {
        "notes.md": False,
        "broken.pdf": True,
        "huge.txt": True,
    }
    deleted = api.delete(f"/api/documents/{told['notes.md']['id']}").json()
    assert deleted == {"removed": [{"document": "notes.md", "space": "Upload"}]}
    assert api.post("/api/search", json={"question": "kitchen", "space": "Upload"}).json()["passages"] == []


def test_an_endless_upload_is_cut_off_while_it_comes(api: TestClient) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        yield b'--b\r\nContent-Disposition: form-data; name="files"; filename="big.txt"\r\n\r\n'
        while sent < 50_000_000:
            sent += 100_000
            yield b"x" * 100_000

    answered = api.post(
        "/api/documents", content=endless(), headers={"content-type": "multipart/form-data; boundary=b"}
    )
    assert answered.status_code == 413
    assert "Send fewer files" in answered.json()["error"]


def test_an_upload_without_files_is_refused(api: TestClient) -> None:
    assert api.post("/api/documents", data={"space": "HR"}).status_code == 422


def test_spaces_and_status(api: TestClient) -> None:
    assert {"space": "HR", "documents": 1} in api.get("/api/spaces").json()["spaces"]
    status = api.get("/api/status").json()
    assert (status["model"], status["model_error"], status["remote"]) == ("quotes", "", [])


def test_nothing_under_api_is_a_page(api: TestClient) -> None:
    absent = api.get("/api/absent")
    assert (absent.status_code, absent.json()["error"]) == (404, "There is no /api/absent.")
    assert (
        api.get("/docs").headers["content-type"].startswith("text/html")
    )  # Streamlit's page, not FastAPI's from a CDN
    assert "swagger" not in api.get("/docs").text.lower()
    assert "/api/ask" in api.get("/api/openapi.json").json()["paths"]


def test_other_routers_stand_beside(api: TestClient) -> None:
    assert api.get("/api/local/hello").json() == {"from": "another router"}


def test_what_breaks_inside_is_a_plain_sentence(api: TestClient) -> None:
    broken = api.get("/api/breaks")
    assert broken.status_code == 500
    assert "secret" not in broken.text
    assert broken.json()["remedy"]
    assert broken.headers["x-content-type-options"] == "nosniff"
