"""Embedding through the child against embedding in this process: the same texts, the same batches, in turns.

`python -m bench embedding_worker [--rounds N]`. Both run at the child's priority. What chunking beside it costs is printed too, and what
the processes take of memory.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ingest.confine import LOWEST_PRIORITY, memory_of
from ingest.embedding_worker import EmbeddingWorker, InProcessWorker
from ingest.loading import load
from ingest.ports import Worker
from ingest.sandbox import Sandbox, open_sandbox
from rag.embedding import open_embedder
from rag.settings import Settings
from rag.types import Document

BATCH = 64
TEXTS = 256
SAMPLES = Path(__file__).parents[1] / "data" / "samples" / "documents"


def main(arguments: Sequence[str]) -> None:
    """Print the ratio of the times, and what a child costs."""
    parser = argparse.ArgumentParser(prog="bench embedding_worker", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args(arguments)
    settings = Settings()
    _print_parsing(settings)
    os.nice(LOWEST_PRIORITY - os.nice(0))
    here = InProcessWorker(open_embedder(settings))
    child = EmbeddingWorker(settings)
    try:
        _print_embedding(here, child, settings, chosen.rounds)
    finally:
        child.close()


def _print_embedding(here: Worker, child: EmbeddingWorker, settings: Settings, rounds: int) -> None:
    documents = [load(path.name, path.read_bytes()).document for path in sorted(SAMPLES.iterdir())]
    texts = _texts(here, documents, settings.chunk_tokens)
    for worker in (here, child):
        worker.embed_passages(texts[:BATCH])
        worker.chunk(documents[0], settings.chunk_tokens)
    ratios = []
    for _ in range(rounds):
        bare = _seconds(lambda: _embed(here, texts))
        ratios.append(_seconds(lambda: _embed(child, texts)) / bare)
        print(f"{len(texts)} texts here {bare:.2f} s; through the child {ratios[-1]:.3f} times that", flush=True)
    print(f"median {statistics.median(ratios):.3f}, from {min(ratios):.3f} to {max(ratios):.3f}")
    print(f"the child takes {memory_of(child.pids()[0]).resident:.0f} MiB")


def _print_parsing(settings: Settings) -> None:
    """What a child that reads files costs: its start, a parse when it is warm, its memory."""
    sandbox = open_sandbox(settings)
    files = {path.suffix: path for path in sorted(SAMPLES.iterdir())}
    try:
        for path in files.values():
            _print_file(sandbox, path)
        time.sleep(3)
        print(f"an idle child takes {memory_of(sandbox.pids()[0]).resident:.0f} MiB", flush=True)
    finally:
        sandbox.close()


def _print_file(sandbox: Sandbox, path: Path) -> None:
    data = path.read_bytes()

    def parse() -> None:
        sandbox.parse(path.name, data)

    first, again = _seconds(parse), statistics.median(_seconds(parse) for _ in range(20))
    bare = statistics.median(_seconds(lambda: load(path.name, data)) for _ in range(20))
    print(
        f"{path.name}, {len(data) // 1024} kB: first {first * 1000:.0f} ms, then {again * 1000:.1f} ms; {bare * 1000:.1f} ms here"
    )


def _texts(worker: Worker, documents: Sequence[Document], tokens: int) -> list[str]:
    texts = [chunk.text for document in documents for chunk in worker.chunk(document, tokens)]
    return (texts * (TEXTS // max(len(texts), 1) + 1))[:TEXTS]


def _embed(worker: Worker, texts: Sequence[str]) -> None:
    for start in range(0, len(texts), BATCH):
        worker.embed_passages(texts[start : start + BATCH])


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
