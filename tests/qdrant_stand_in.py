"""A stand-in for a Qdrant server: the part of its REST interface that Footnote uses, over Qdrant's own local mode.

It parses each body with the client's published request models, so that a request which a server would not
understand fails here too. It listens on loopback, on a port of its own.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, TypeAdapter
from qdrant_client import QdrantClient, models

SELECTOR: TypeAdapter[Any] = TypeAdapter(models.PointsSelector)


class QdrantStandIn:
    """What the server holds, how it misbehaves, and what it was asked."""

    def __init__(self) -> None:
        self.local = QdrantClient(":memory:")
        self.lock = threading.Lock()  # local mode is not made for several threads
        self.api_key: str | None = None
        self.keeps_metadata = True
        self.fails_with: int | None = None
        self.indexes: dict[str, Any] = {}
        self.asked: list[tuple[str, str]] = []
        self.url = ""

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        """The status and the result of a request."""
        self.asked.append((method, path))
        if self.fails_with is not None:
            return self.fails_with, None
        name = path.split("/")[2]
        action = f"{method} {'/'.join(path.split('/')[3:])}".strip()
        with self.lock:
            if action == "GET exists":
                return 200, {"exists": self.local.collection_exists(name)}
            if action == "PUT":
                return self._create(name, models.CreateCollection.model_validate_json(body))
            if not self.local.collection_exists(name):
                return 404, None
            return 200, self._act(action, name, body)

    def _create(self, name: str, asked: models.CreateCollection) -> tuple[int, Any]:
        if self.local.collection_exists(name):
            return 409, None
        self.local.create_collection(
            name,
            vectors_config=asked.vectors,
            sparse_vectors_config=asked.sparse_vectors,
            metadata=asked.metadata if self.keeps_metadata else None,
        )
        return 200, True

    def _act(self, action: str, name: str, body: bytes) -> Any:
        if action == "GET":
            return self._info(name)
        if action == "DELETE":
            return self.local.delete_collection(name)
        if action == "PUT index":
            index = models.CreateFieldIndex.model_validate_json(body)
            self.indexes[index.field_name] = index.field_schema
            return {"operation_id": 1, "status": "completed"}
        if action == "PUT points":
            return self.local.upsert(name, models.PointsList.model_validate_json(body).points)
        if action == "POST points":
            wanted = models.PointRequest.model_validate_json(body)
            return self.local.retrieve(name, wanted.ids, with_payload=wanted.with_payload or False)
        if action == "POST points/scroll":
            return self._scroll(name, models.ScrollRequest.model_validate_json(body))
        if action == "POST points/delete":
            return self.local.delete(name, SELECTOR.validate_json(body))
        if action == "POST points/count":
            counted = models.CountRequest.model_validate_json(body)
            return self.local.count(name, count_filter=counted.filter, exact=counted.exact or False)
        if action == "POST points/query/batch":
            batch = models.QueryRequestBatch.model_validate_json(body)
            return self.local.query_batch_points(name, batch.searches)
        raise AssertionError(f"the stand-in does not know {action}")

    def _scroll(self, name: str, asked: models.ScrollRequest) -> Any:
        points, following = self.local.scroll(
            name, limit=asked.limit or 10, offset=asked.offset, with_payload=asked.with_payload or False
        )
        return {"points": _plain(points), "next_page_offset": following}

    def _info(self, name: str) -> Any:
        info = _plain(self.local.get_collection(name))
        schema = {field: {"data_type": _plain(kind), "points": 0} for field, kind in self.indexes.items()}
        for entry in schema.values():
            if isinstance(entry["data_type"], dict):
                entry["data_type"] = entry["data_type"]["type"]
        return info | {"payload_schema": schema}


@contextmanager
def qdrant_stand_in() -> Iterator[QdrantStandIn]:
    """A stand-in that listens for as long as the context lasts."""
    stand_in = QdrantStandIn()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if stand_in.api_key is not None and self.headers.get("api-key") != stand_in.api_key:
                status, result = 401, None
            else:
                status, result = stand_in.answer(self.command, unquote(urlsplit(self.path).path), body)
            ok = "ok" if status == 200 else {"error": "as the test wants it"}
            said = json.dumps({"result": _plain(result), "status": ok, "time": 0.0}).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_PUT = do_POST = do_DELETE = _serve  # noqa: N815 - the names that http.server calls

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    stand_in.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield stand_in
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        stand_in.local.close()


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    return [_plain(each) for each in value] if isinstance(value, list) else value
