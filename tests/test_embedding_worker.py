"""Chunking and embedding in a real child: the same as here, in any order, and again when the child dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from ingest.children import Closing
from ingest.embedding_child import PRIORITY
from ingest.embedding_worker import EmbeddingWorker, InProcessWorker
from rag.errors import FootnoteError, ModelFilesMissing, NotReady
from rag.settings import Settings
from rag.types import Document, Page, Section
from tests.conftest import REPOSITORY
from tests.fakes import WordEmbedder
from tests.processes import is_alive, within

TEXT = "Parental leave lasts twenty weeks. " * 40 + "Naïve 名 😀 rules apply to all. " * 40
DOCUMENT = Document(
    title="Leave",
    text=TEXT,
    parser="t/1",
    pages=(Page(1, 0, 1400, "i", ((0, 4),)), Page(2, 1400, len(TEXT), None, (), ocr=True)),
    sections=(Section(0, "Leave"), Section(1400, "Leave > Rules")),
    warnings=("a warning",),
)


def opened(opener: str = "open_words") -> EmbeddingWorker:
    return EmbeddingWorker(Settings(_env_file=None, embedder="words"), f"tests.embedding_tasks:{opener}")


@pytest.fixture
def worker() -> Iterator[EmbeddingWorker]:
    it = opened()
    yield it
    it.close()


def pid_of(worker: EmbeddingWorker) -> int:
    return int(worker.embed_passages(["pid"])[0, 0])


def test_the_child_does_what_this_process_would(worker: EmbeddingWorker) -> None:
    here = InProcessWorker(WordEmbedder())
    texts = ["parental leave", "naïve 名 😀", ""]
    assert worker.fingerprint == here.fingerprint
    assert worker.max_tokens == here.max_tokens
    assert worker.chunk(DOCUMENT, 64) == here.chunk(DOCUMENT, 64)
    assert len(worker.chunk(DOCUMENT, 64)) > 5
    vectors = worker.embed_passages([text for text in texts if text])
    np.testing.assert_array_equal(vectors, here.embed_passages([text for text in texts if text]))
    assert vectors.dtype == np.float32
    vectors[0, 0] = 1  # they are the caller's own
    assert worker.embed_passages([]).shape == (0, 512)


def test_nothing_is_started_before_it_is_needed(worker: EmbeddingWorker) -> None:
    assert worker.pids() == []
    assert worker.fingerprint.model == "words"
    assert worker.pids() == [pid_of(worker)]


def test_the_child_stands_back_against_other_sessions_too(worker: EmbeddingWorker) -> None:
    pid = pid_of(worker)
    assert os.getpriority(os.PRIO_PROCESS, pid) == PRIORITY
    session = Path(f"/proc/{pid}/autogroup")
    assert not session.exists() or session.read_text().endswith(f"nice {PRIORITY}\n")


def test_answers_find_their_callers(worker: EmbeddingWorker) -> None:
    here = WordEmbedder()
    texts = [[f"text{number} of{number % 7}"] * (number % 5 + 1) for number in range(100)]
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(worker.embed_passages, texts))
    for asked, vectors in zip(texts, found, strict=True):
        np.testing.assert_array_equal(vectors, here.embed_passages(asked))


def test_chunking_does_not_wait_for_embedding(worker: EmbeddingWorker) -> None:
    worker.chunk(DOCUMENT, 64)
    with ThreadPoolExecutor(1) as threads:
        embedding = threads.submit(worker.embed_passages, ["sleep 2"])
        time.sleep(0.2)
        assert worker.chunk(DOCUMENT, 64)
        assert not embedding.done()
        embedding.result()


def test_who_asks_first_is_served_first(worker: EmbeddingWorker) -> None:
    pid_of(worker)
    served: list[int] = []

    def ask(number: int) -> None:
        worker.embed_passages(["sleep 0.15"])
        served.append(number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
        time.sleep(0.03)
    for thread in threads:
        thread.join()
    assert served == [0, 1, 2, 3, 4]


def test_a_child_that_dies_is_replaced_and_asked_again(worker: EmbeddingWorker, tmp_path: Path) -> None:
    first = pid_of(worker)
    assert worker.embed_passages([f"exit once {tmp_path / 'mark'}"]).shape == (1, 512)
    assert pid_of(worker) != first
    os.kill(pid_of(worker), signal.SIGKILL)
    assert worker.embed_passages(["leave"]).shape == (1, 512)


def test_neighbours_of_a_call_that_kills_the_child_are_answered(worker: EmbeddingWorker, tmp_path: Path) -> None:
    pid_of(worker)
    mark = tmp_path / "mark"
    with ThreadPoolExecutor(4) as threads:
        texts = [["sleep 0.3"], [f"exit once {mark}"], ["leave"], ["weeks"]]
        assert [each.shape for each in threads.map(worker.embed_passages, texts)] == [(1, 512)] * 4


def test_a_child_that_dies_twice_is_an_error_with_a_remedy(worker: EmbeddingWorker) -> None:
    with pytest.raises(NotReady, match="twice") as caught:
        worker.embed_passages(["exit"])
    assert caught.value.remedy
    assert worker.embed_passages(["leave"]).shape == (1, 512)


def test_errors_travel_as_what_they_are(worker: EmbeddingWorker) -> None:
    with pytest.raises(FootnoteError, match="no such weather"):
        worker.embed_passages(["fail"])
    first = pid_of(worker)
    with pytest.raises(FootnoteError, match="no such weather"):
        worker.embed_passages(["fail"])
    assert pid_of(worker) == first


@pytest.mark.parametrize(
    ("opener", "kind", "said"),
    [
        ("open_missing", ModelFilesMissing, "not there. Fetch it."),
        ("open_broken", FootnoteError, "upside down"),
        ("open_exiting", NotReady, "could not be started"),
    ],
)
def test_an_embedder_that_cannot_be_opened_says_why(opener: str, kind: type[Exception], said: str) -> None:
    worker = opened(opener)
    for _ in range(2):
        with pytest.raises(kind, match=said) as caught:
            worker.embed_passages(["leave"])
        assert type(caught.value) is kind
        assert worker.pids() == []
    worker.close()


def test_the_real_embedder_says_that_its_files_are_missing(tmp_path: Path) -> None:
    worker = EmbeddingWorker(Settings(_env_file=None, models=tmp_path))
    with pytest.raises(ModelFilesMissing):
        assert worker.fingerprint
    worker.close()


@pytest.mark.parametrize("opener", ["open_words", "open_slowly"])
def test_closing_ends_the_child_and_wakes_all_callers(opener: str) -> None:
    worker = opened(opener)

    def fails() -> bool:
        with pytest.raises(Closing):
            worker.embed_passages(["sleep 1000"])
        return True

    with ThreadPoolExecutor(3) as threads:
        calls = [threads.submit(fails) for _ in range(3)]
        assert within(30, worker.pids)
        time.sleep(0.5)
        pids = worker.pids()
        begun = time.monotonic()
        worker.close()
        assert all(call.result(timeout=30) for call in calls)
    assert time.monotonic() - begun < 30
    assert not [pid for pid in pids if is_alive(pid)]
    assert fails()
    worker.close()


PARENT = """
import sys, threading, time
from ingest.embedding_worker import EmbeddingWorker
from rag.settings import Settings
worker = EmbeddingWorker(Settings(_env_file=None), "tests.embedding_tasks:open_words")
print(int(worker.embed_passages(["pid"])[0, 0]), flush=True)
worker.embed_passages([sys.argv[1]])
"""


@pytest.mark.parametrize("text", ["sleep 1000", "wait"])
def test_the_child_ends_with_its_parent(text: str) -> None:
    command = [sys.executable, "-c", PARENT + "\ntime.sleep(1000)", text]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=REPOSITORY) as parent:
        assert parent.stdout
        try:
            child = int(parent.stdout.readline())
            assert is_alive(child)
            time.sleep(0.2)
        finally:
            parent.kill()
        assert within(30, lambda: not is_alive(child))


@pytest.mark.slow
def test_the_real_model_gives_the_same_vectors_and_chunks() -> None:
    from rag.embedding import open_embedder

    settings = Settings(_env_file=None)
    worker, here = EmbeddingWorker(settings), InProcessWorker(open_embedder(settings))
    try:
        assert worker.fingerprint == here.fingerprint
        chunks = worker.chunk(DOCUMENT, 128)
        assert chunks == here.chunk(DOCUMENT, 128)
        texts = [one.text for one in chunks]
        np.testing.assert_allclose(worker.embed_passages(texts), here.embed_passages(texts), atol=1e-6)
    finally:
        worker.close()
