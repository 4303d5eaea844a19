"""What only the index on a server must do: find it, name it in every error, and prepare its collection."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Callable, Iterator

import pytest
from qdrant_client import QdrantClient, models

from rag.errors import FingerprintMismatch, IndexUnavailable
from rag.index_server import ServerIndex, connect
from rag.types import Chunk, Fingerprint, Point, Scope
from tests.qdrant_stand_in import QdrantStandIn, qdrant_stand_in

FINGERPRINT = Fingerprint("letters", "r1", 4, "sum")
POINT = Point(str(uuid.UUID(int=1)), "d1", 1, "s", Chunk(0, 0, 6, "apples"), (1, 0, 0, 0))


@pytest.fixture
def server() -> Iterator[QdrantStandIn]:
    with qdrant_stand_in() as stand_in:
        yield stand_in


def open_index(server: QdrantStandIn, key: str | None = None) -> ServerIndex:
    return ServerIndex(connect(server.url, key), FINGERPRINT)


def test_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(IndexUnavailable) as raised:
            ServerIndex(connect(address), FINGERPRINT)
    assert address in raised.value.message
    assert "FOOTNOTE_QDRANT_URL" in raised.value.remedy
    assert raised.value.exit_code == 4


def test_a_server_that_never_answers_is_given_up() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(IndexUnavailable, match="does not answer"):
            ServerIndex(connect(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=1), FINGERPRINT)


@pytest.mark.parametrize("key", [None, "wrong"])
def test_a_refused_key_names_its_setting_and_is_not_shown(server: QdrantStandIn, key: str | None) -> None:
    server.api_key = "right"
    with pytest.raises(IndexUnavailable, match="refuses the key") as raised:
        open_index(server, key)
    assert "FOOTNOTE_QDRANT_API_KEY" in raised.value.remedy
    assert "wrong" not in str(raised.value)


def test_the_right_key_opens(server: QdrantStandIn) -> None:
    server.api_key = "right"
    index = open_index(server, "right")
    index.upsert([POINT])
    assert index.count() == 1
    index.close()


def test_a_password_in_the_address_is_not_shown() -> None:
    with pytest.raises(IndexUnavailable) as raised:
        ServerIndex(connect("http://me:secret@127.0.0.1:9", timeout=1), FINGERPRINT)
    assert "secret" not in str(raised.value)
    assert "http://127.0.0.1:9" in raised.value.message


def test_no_proxy_of_the_environment_is_used(server: QdrantStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    index = open_index(server)
    assert index.count() == 0
    index.close()


@pytest.mark.parametrize("status", [404, 500, 503])
def test_a_failing_server_is_named_with_what_it_said(server: QdrantStandIn, status: int) -> None:
    index = open_index(server)
    server.fails_with = status
    calls: list[Callable[[], object]] = [
        lambda: index.query(None, "apples", Scope(), 5),
        index.count,
        lambda: index.upsert([POINT]),
        lambda: index.delete("d1"),
        lambda: open_index(server),
    ]
    for call in calls:
        with pytest.raises(IndexUnavailable) as raised:
            call()
        assert server.url in raised.value.message
        assert str(status) in raised.value.message
        assert raised.value.remedy
    index.close()


def test_the_space_is_a_tenant_and_all_filters_have_an_index(server: QdrantStandIn) -> None:
    open_index(server).close()
    assert set(server.indexes) == {"space", "document_id", "version"}
    assert server.indexes["space"].is_tenant
    del server.indexes["version"]  # as if interrupted before the last one was made
    server.asked.clear()
    open_index(server).close()
    assert set(server.indexes) == {"space", "document_id", "version"}
    assert [path for method, path in server.asked if method == "PUT"] == ["/collections/footnote/index"]


def test_nowhere_is_answered_without_asking_the_server(server: QdrantStandIn) -> None:
    index = open_index(server)
    server.asked.clear()
    for nowhere in (Scope(spaces=frozenset()), Scope(documents=frozenset())):
        assert index.query(None, "apples", nowhere, 5) == []
    assert index.query(None, "the of", Scope(), 5) == []
    assert server.asked == []
    index.close()


def test_a_server_too_old_to_keep_metadata_is_refused(server: QdrantStandIn) -> None:
    server.keeps_metadata = False
    for _ in range(2):
        with pytest.raises(IndexUnavailable, match="too old"):
            open_index(server)


def test_somebody_elses_collection_is_left_alone(server: QdrantStandIn) -> None:
    server.local.create_collection("footnote", models.VectorParams(size=2, distance=models.Distance.DOT))
    server.local.upsert("footnote", [models.PointStruct(id=1, vector=[1.0, 2.0], payload={"theirs": True})])
    with pytest.raises(FingerprintMismatch, match="does not say") as raised:
        open_index(server)
    assert server.url in raised.value.message
    assert server.local.count("footnote").count == 1


def test_a_collection_that_another_process_makes_first_is_used(server: QdrantStandIn) -> None:
    """Two workers start at once: for the second, the collection appears between the question and the making."""
    open_index(server).close()
    second = open_index(server)
    second._create(FINGERPRINT)
    second.upsert([POINT])
    assert second.count() == 1
    with pytest.raises(FingerprintMismatch):
        second._create(Fingerprint("numbers", "r1", 4, "sum"))
    second.close()


def test_a_point_deleted_between_ranking_and_reading_is_left_out() -> None:
    """Another process may delete at any moment; the hits that remain are still right."""

    class Interrupted(ServerIndex):
        def _payloads(self, ids: object) -> object:  # type: ignore[override]
            self.delete("d1")
            return super()._payloads(ids)  # type: ignore[arg-type]

    index = Interrupted(QdrantClient(":memory:"), FINGERPRINT)
    other = Point(str(uuid.UUID(int=2)), "d2", 1, "s", Chunk(0, 0, 6, "apples"), (1, 0, 0, 0))
    index.upsert([POINT, other])
    assert [hit.document_id for hit in index.query(None, "apples", Scope(), 5)] == ["d2"]
    index.close()
