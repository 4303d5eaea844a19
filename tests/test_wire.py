"""The door between the command line and a running server: every method of the face, on both sides, with values that travel whole."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import pytest

from ingest.library import Library
from ingest.records import Added, Finding, JobFile, JobRecord, Progress, Rebuilt, Started, VersionRecord
from rag.errors import UnknownName
from ui.face import Face
from ui.remote import RemoteLibrary
from ui.wire import METHODS, decode_result, encode_result

VERSION = VersionRecord("d", 2, "h", 9, "pdf/1", "c", "T", 3, 90, 4, ("w",), 0.5, "now", (30, 0, 60), (2,), 1.0, "e", 1)
JOB = JobRecord("j", "papers", "default", "waiting", 3, 2, 1, "then", "", "why", Progress("a.pdf", "reading", 0, 1))

VALUES: dict[str, Any] = {
    "add": [
        Started("j"),
        Progress("a.pdf", "embedding", 3, 9),
        Added("a.pdf", "indexed", 3, 4, "", "d", "default", VERSION, "upload:a.pdf"),
    ],
    "follow": [Started("j"), Added("a.pdf", "too large", reason="Too large.")],
    "submit": "j",
    "jobs": [JOB],
    "job": (JOB, [JobFile("a.pdf", "failed", "It died.", None, 0, "d", 3, quarantined=True)]),
    "cancel_job": JOB,
    "retry_job": JOB,
    "doctor": [Finding("torn", "a.pdf", "Half.", repairable=True, repaired="Indexed anew.")],
    "rebuild": [Progress("", "files", 1, 2), Rebuilt(2, 9, ("b.pdf: lost",))],
}


@pytest.mark.parametrize("method", METHODS)
def test_library_and_its_twin_have_every_method_of_the_face(method: str) -> None:
    asked = list(inspect.signature(getattr(Face, method)).parameters)
    for kind in (Library, RemoteLibrary):
        assert list(inspect.signature(getattr(kind, method)).parameters) == asked, kind


@pytest.mark.parametrize("method", VALUES)
def test_values_travel_whole(method: str) -> None:
    lines = encode_result(method, lambda: VALUES[method])
    came = decode_result(method, lines)
    assert (list(came) if isinstance(came, Iterator) else came) == VALUES[method]


def test_an_error_in_the_middle_of_a_stream_comes_behind_what_was_said_before() -> None:
    def broken() -> Iterator[Started]:
        yield Started("j")
        raise UnknownName("There is no job.", "Look.")

    came = decode_result("follow", encode_result("follow", broken))
    assert next(came) == Started("j")
    with pytest.raises(UnknownName, match="no job"):
        next(came)


def test_what_travels_with_an_outcome_is_compared_too() -> None:
    (came,) = decode_result("add", encode_result("add", lambda: VALUES["add"][2:]))
    assert (came.version, came.source) == (VERSION, "upload:a.pdf")
