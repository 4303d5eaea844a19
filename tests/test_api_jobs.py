"""REST: jobs, reports and the doctor, over a real library."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI

from ingest.library import open_library
from tests.asgi_client import TestClient
from tests.conftest import settings_for
from tests.documents import pdf
from tests.test_cli_jobs import BROKEN, long_text
from ui.api import handle_errors, router
from ui.server_state import Held

pytestmark = pytest.mark.slow

PATIENCE = 200.0
UPLOAD = [("files", ("leave.pdf", pdf([["Leave lasts 25 days."]]))), ("files", ("broken.pdf", BROKEN))]


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The REST interface alone over an empty library: of whole apps, Streamlit allows one a process (`test_api`)."""
    settings = settings_for(tmp_path_factory.mktemp("api") / "data")
    library = open_library(settings)
    assert library is not None
    app = FastAPI()
    app.include_router(router(Held(library, settings)))
    handle_errors(app)
    with library, TestClient(app, raise_server_exceptions=False) as client:
        yield client


def hand_over(api: TestClient, files: list[Any]) -> str:
    answered = api.post("/api/documents?wait=false", files=files, data={"space": "HR"})
    assert answered.status_code == 202
    assert set(answered.json()) == {"job"}
    job: str = answered.json()["job"]
    return job


def until(api: TestClient, job: str, *states: str) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found: dict[str, Any] = api.get(f"/api/jobs/{job}").json()
        if found["state"] in states:
            return found
        time.sleep(0.1)
    raise AssertionError(f"never {states}: {found}")


def test_files_are_handed_over_and_the_job_tells_what_became_of_each(api: TestClient) -> None:
    job = hand_over(api, UPLOAD)
    ended = until(api, job, "done")
    assert (ended["files"], ended["done"], ended["failed"], ended["space"]) == (2, 2, 1, "HR")
    assert ended["ended"] >= ended["created"]
    outcomes = {one["document"]: one["status"] for one in ended["documents"]}
    assert outcomes == {"leave.pdf": "indexed", "broken.pdf": "damaged"}
    listed = api.get("/api/jobs", params={"limit": 1}).json()["jobs"]
    assert [one["job"] for one in listed] == [job]
    assert "documents" not in listed[0]


def test_a_job_is_cancelled_in_the_middle_and_tried_again(api: TestClient) -> None:
    job = hand_over(api, [("files", ("cranes.md", long_text(120).encode()))])
    until(api, job, "running")
    assert api.post(f"/api/jobs/{job}/cancel").status_code == 200
    ended = until(api, job, "cancelled")
    assert [one["status"] for one in ended["documents"]] == ["cancelled"]
    assert api.post("/api/search", json={"question": "tower crane", "documents": []}).json()["passages"] == [
        one
        for one in api.post("/api/search", json={"question": "tower crane"}).json()["passages"]
        if one["document"] != "cranes.md"
    ]
    again = api.post(f"/api/jobs/{job}/retry").json()
    assert again["state"] in ("queued", "running")
    ended = until(api, again["job"], "done")
    assert [one["status"] for one in ended["documents"]] == ["indexed"]


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("POST", "/cancel"), ("POST", "/retry")])
def test_an_unknown_job_is_not_found(api: TestClient, method: str, path: str) -> None:
    answered = api.request(method, f"/api/jobs/absent{path}")
    assert answered.status_code == 404
    assert set(answered.json()) == {"error", "remedy"}


@pytest.mark.parametrize("limit", ["0", "1001", "many"])
def test_a_senseless_limit_is_refused(api: TestClient, limit: str) -> None:
    assert api.get("/api/jobs", params={"limit": limit}).status_code == 422


def test_the_answer_that_waits_carries_the_report(api: TestClient) -> None:
    pages = pdf([["The canteen closes at six."], ["It opens at eleven."]])
    answered = api.post("/api/documents", files=[("files", ("canteen.pdf", pages))], data={"space": "Kitchen"})
    told = answered.json()["documents"][0]
    assert (told["status"], told["report"]["coverage"], len(told["report"]["page_characters"])) == ("indexed", 1.0, 2)
    whole = api.get(f"/api/documents/{told['id']}").json()
    assert whole["report"] == told["report"]
    assert "members" not in whole


def test_a_container_names_its_members(api: TestClient) -> None:
    import io
    import zipfile

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("inner/soup.md", "# Soup\n\nThe soup of the day costs four euros.\n")
        archive.writestr("broken.pdf", BROKEN)
    answered = api.post("/api/documents", files=[("files", ("menu.zip", packed.getvalue()))], data={"space": "Zip"})
    outcomes = {one["document"]: one for one in answered.json()["documents"]}
    assert outcomes["menu.zip/inner/soup.md"]["status"] == "indexed"
    assert outcomes["menu.zip/broken.pdf"]["status"] == "damaged"
    whole = api.get(f"/api/documents/{outcomes['menu.zip']['id']}").json()
    assert {one["document"]: one["status"] for one in whole["members"]} == {
        "menu.zip/inner/soup.md": "indexed",
        "menu.zip/broken.pdf": "damaged",
    }


def test_the_doctor_only_looks(api: TestClient) -> None:
    assert api.get("/api/doctor").json() == {"findings": []}
    assert api.post("/api/doctor").status_code == 404
