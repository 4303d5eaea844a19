"""The child that chunks and embeds: two threads, so that the next document is cut while the last one is embedded."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from importlib import import_module
from queue import Queue
from typing import Any

import numpy as np

from ingest import child_side
from ingest.chunking import chunk
from ingest.codec import pack_chunks, pack_error, unpack_document
from ingest.frames import Blob, Channel, Gone
from rag.errors import FootnoteError
from rag.ports import Embedder
from rag.settings import Settings
from rag.types import Document

LOG = logging.getLogger(__name__)

IDLE_SECONDS = 600.0
"""A child that was asked nothing for so long ends itself; the next call starts another."""

PRIORITY = 10
"""Far behind the process that answers questions, and before the children that read files: a batch is computed by all cores
together, and waits for the slowest; what is read ahead has time."""

WARM_TOKENS = 32

Request = tuple[dict[str, Any], list[bytes]]
Answer = tuple[dict[str, Any], Sequence[Blob]]


def main() -> None:
    """Open the embedder and serve the parent until it is gone, or has asked nothing for long."""
    channel = child_side.connect()
    child_side.hold_lifeline()
    child_side.step_back(PRIORITY)
    with suppress(Gone):
        options = json.loads(channel.receive()[0])
        if options["verbose"]:
            logging.basicConfig(level=logging.DEBUG)
        try:
            embedder = _opened(options)
        except FootnoteError as error:
            channel.send({"error": pack_error(error)})
            return
        channel.send({"fingerprint": asdict(embedder.fingerprint), "max_tokens": embedder.max_tokens})
        _serve(channel, embedder)


def _opened(options: dict[str, Any]) -> Embedder:
    module, function = options["opener"].split(":")
    settings = Settings(_env_file=None, **options["settings"])
    try:
        embedder: Embedder = getattr(import_module(module), function)(settings)
    except FootnoteError:
        raise
    except Exception as error:
        raise _failed("The embedder could not be opened", error) from error
    return embedder


def _serve(channel: Channel, embedder: Embedder) -> None:
    """One queue and one thread for each thing to do: first come, first served."""
    work: dict[str, Callable[[Request], Answer]] = {
        "chunk": lambda request: _chunk(embedder, *request),
        "embed": lambda request: _embed(embedder, *request),
    }
    queues: dict[str, Queue[Request]] = {name: Queue() for name in work}
    sending = threading.Lock()
    for name, do in work.items():
        threading.Thread(target=_work, args=(queues[name], do, channel, sending), name=name, daemon=True).start()
    threading.Thread(target=_warm, args=(embedder,), name="warm", daemon=True).start()
    while channel.has_news(IDLE_SECONDS) or any(each.unfinished_tasks for each in queues.values()):
        said, blobs = channel.receive()
        header = json.loads(said)
        queues[header["do"]].put((header, blobs))


def _warm(embedder: Embedder) -> None:
    """Let the splitter's library, which takes seconds, be imported while there is nothing to cut yet."""
    with suppress(FootnoteError):
        chunk(Document("", "Warm.", ""), embedder.tokenize, WARM_TOKENS)


def _work(queue: Queue[Request], do: Callable[[Request], Answer], channel: Channel, sending: threading.Lock) -> None:
    while True:
        request = queue.get()
        try:
            header, blobs = do(request)
        except FootnoteError as error:
            header, blobs = {"error": pack_error(error)}, ()
        except Exception as error:  # noqa: BLE001 - the caller is told, whatever it is
            header, blobs = {"error": pack_error(_failed("Embedding failed", error))}, ()
        with sending, suppress(Gone):
            channel.send({"id": request[0]["id"], **header}, blobs)
        queue.task_done()


def _chunk(embedder: Embedder, header: dict[str, Any], blobs: list[bytes]) -> Answer:
    document = unpack_document(*blobs)
    return {}, [pack_chunks(chunk(document, embedder.tokenize, header["tokens"]))]


def _embed(embedder: Embedder, _header: dict[str, Any], blobs: list[bytes]) -> Answer:
    vectors = np.ascontiguousarray(embedder.embed_passages(json.loads(blobs[0])), dtype=np.float32)
    return {"shape": vectors.shape}, [vectors.tobytes()]


def _failed(what: str, error: Exception) -> FootnoteError:
    LOG.debug("%s", what, exc_info=True)
    return FootnoteError(f"{what} ({type(error).__name__}: {error}).", "FOOTNOTE_LOG_LEVEL=DEBUG shows more.")


if __name__ == "__main__":
    main()
