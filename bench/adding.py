"""Adding a folder against the bare embedding of the same chunks with the same model, and adding it again unchanged.

`python -m bench adding [FOLDER] [--keep DATA]`; the folder is FinanceBench's documents unless named. The bare time is that of one
process at normal priority that does nothing but embed, in the best order there is (by length over all chunks).
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.measured import add_folder
from ingest.catalog import SqlCatalog
from ingest.chunking import chunk
from ingest.points import embedded_texts
from rag.embedding import open_embedder
from rag.settings import Settings


def main(arguments: Sequence[str]) -> None:
    """Add the folder to a fresh library and print the figures."""
    shared = Path(os.environ.get("FOOTNOTE_SHARED") or "../shared")
    parser = argparse.ArgumentParser(prog="bench adding", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=shared / "bench" / "financebench" / "documents")
    parser.add_argument("--keep", type=Path, help="keep the library in this data folder")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        settings = Settings(data=chosen.keep or Path(scratch), model="quotes")
        added = add_folder(chosen.folder, settings)
        print(
            f"{added.documents} files, {added.pages} pages, {added.chunks} chunks in {added.seconds:.1f} s", flush=True
        )
        print(f"peak memory of the process tree {added.peak_mib:.0f} MiB", flush=True)
        again = add_folder(chosen.folder, settings)
        print(f"all of it again, unchanged: {again.seconds:.2f} s, the program's start included", flush=True)
        bare, chunks = _bare_seconds(settings)
        print(f"bare embedding of {chunks} chunks: {bare:.1f} s; adding took {added.seconds / bare:.2f} times that")


def _bare_seconds(settings: Settings) -> tuple[float, int]:
    """The time to embed what the library embedded, and how many texts that were."""
    embedder = open_embedder(settings)
    catalog = SqlCatalog(f"sqlite:///{settings.data_folder / 'catalog.sqlite'}")
    texts: list[str] = []
    for record in catalog.documents():
        if record.live_version is not None and (parsed := catalog.parsed(record.id, record.live_version)):
            chunks = chunk(parsed, embedder.tokenize, settings.chunk_tokens)
            texts += embedded_texts(record.name, parsed, chunks)
    catalog.close()
    embedder.embed_passages(texts[:32])
    started = time.monotonic()
    embedder.embed_passages(texts)
    return time.monotonic() - started, len(texts)
