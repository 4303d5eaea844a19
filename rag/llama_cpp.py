"""llama.cpp inside the process (`xllamacpp`): one model in memory, one reply at a time.

llama.cpp brings its web server up with every model and lets any web page call it. Here it listens on a socket file in a
folder that only this user can open, with a random key, and not on a port.
"""

from __future__ import annotations

import atexit
import importlib.util
import os
import secrets
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from rag.errors import ChatBroken, ChatTimeout, ChatUnavailable

BATCH_TOKENS = 256
"""The prompt is read in batches of this many tokens. Between two of them a reply can be stopped."""

CLOSE_SECONDS = 10.0
"""How long closing waits for a reply that is being stopped: one batch on a slow machine."""

BUSY_REMEDY = "Ask again in a moment."
SLOW_REMEDY = "Choose a smaller model, or wait longer with FOOTNOTE_REQUEST_TIMEOUT (seconds)."
BROKEN_REMEDY = "Ask again; if it happens again, choose another model."

_loading = threading.Lock()
_loaded: list[LoadedModel] = []


def installed() -> bool:
    """Whether the extra `local` is there. Imports nothing."""
    return importlib.util.find_spec("xllamacpp") is not None


class LoadedModel:
    """A model in memory, with room for `context` tokens. Raises `ChatBroken` where llama.cpp cannot load the file."""

    def __init__(self, path: Path, context: int) -> None:
        self.path = path
        self.context = context
        self._folder = Path(tempfile.mkdtemp(prefix="footnote-"))
        self._busy = threading.Lock()
        self._stop = threading.Event()
        try:
            self._server = _start(path, context, self._folder / "s.sock")
        except RuntimeError as error:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise ChatBroken(
                f"llama.cpp cannot load {path}: it is damaged, of an unknown kind, or too large for the memory.",
                "Fetch it again, or choose a smaller model.",
            ) from error

    def generate(
        self, request: dict[str, Any], silence: float, stop: threading.Event | None = None
    ) -> Iterator[dict[str, Any]]:
        """The chunks of a chat completion as llama.cpp gives them. Replies wait for each other.

        Raises `ChatTimeout` after `silence` seconds without a chunk, `ChatBroken` where llama.cpp fails. Closing the
        generator or setting `stop` ends the reply, at the latest after the next batch of the prompt.
        """
        stop = stop or threading.Event()
        if not self._busy.acquire(timeout=silence):
            raise ChatTimeout(f"{self.path.name} is busy with another answer.", BUSY_REMEDY)
        if self._server is None:
            self._busy.release()
            raise ChatBroken(f"{self.path.name} was taken out of memory, for another model.", BUSY_REMEDY)
        self._stop = stop
        chunks: SimpleQueue[dict[str, Any] | Exception | None] = SimpleQueue()
        threading.Thread(target=self._work, args=(request, chunks, stop), name="gguf-reply", daemon=True).start()
        try:
            while (chunk := chunks.get(timeout=silence)) is not None:
                yield self._checked(chunk)
        except Empty:
            raise ChatTimeout(f"{self.path.name} wrote nothing for {silence:g} seconds.", SLOW_REMEDY) from None
        finally:
            stop.set()

    def is_busy(self) -> bool:
        """Whether a reply is under way."""
        return self._busy.locked()

    def close(self) -> None:
        """End the reply under way and free the memory. The model cannot be used afterwards."""
        self._stop.set()
        if self._busy.acquire(timeout=CLOSE_SECONDS):
            self._server = None
            self._busy.release()
            shutil.rmtree(self._folder, ignore_errors=True)

    def _work(self, request: dict[str, Any], chunks: SimpleQueue[Any], stop: threading.Event) -> None:
        def on_chunk(chunk: dict[str, Any]) -> bool:
            chunks.put(chunk)
            return stop.is_set()

        try:
            self._server.handle_chat_completions(request, on_chunk)
        except Exception as error:  # noqa: BLE001 - carried to the reader's thread, which raises it as ours
            chunks.put(error)
        finally:
            self._busy.release()
            chunks.put(None)

    def _checked(self, chunk: dict[str, Any] | Exception) -> dict[str, Any]:
        if isinstance(chunk, Exception):
            raise ChatBroken(f"{self.path.name} failed in llama.cpp: {chunk}.", BROKEN_REMEDY) from chunk
        if "error" in chunk:
            raise ChatBroken(
                f"{self.path.name} failed: {chunk['error'].get('message', 'no reason given')}.", BROKEN_REMEDY
            )
        return chunk


def load(path: Path, context: int) -> LoadedModel:
    """The model, from memory if it is there already. Loading another one frees the one before. Raises `ChatBroken`."""
    with _loading:
        for model in _loaded:
            if (model.path, model.context) == (path, context):
                return model
        _close_all()
        model = LoadedModel(path, context)
        _loaded.append(model)
        return model


def close() -> None:
    """Free the memory of the loaded model, if there is one."""
    with _loading:
        _close_all()


def _close_all() -> None:
    while _loaded:
        _loaded.pop().close()


def _start(path: Path, context: int, socket: Path) -> Any:
    # Read by OpenMP when it is loaded. Its threads otherwise spin while they wait for each other: where something else
    # uses the cores too, such as a folder being indexed, a token took 850 ms instead of 18 (2 cores, SmolLM2).
    os.environ.setdefault("GOMP_SPINCOUNT", "0")
    try:
        import xllamacpp
    except ImportError as error:  # installed, but a library of the system that it needs is not
        raise ChatUnavailable(
            f"llama.cpp cannot be loaded: {error}.", "On Debian: `apt install libgomp1`; or choose another model."
        ) from error

    atexit.register(close)  # while threads still run: afterwards a reply under way could not be stopped
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_ctx = context
    params.n_parallel = 1
    params.n_batch = BATCH_TOKENS
    params.verbosity = 0  # nothing on stderr; what goes wrong is raised
    params.hostnames = [str(socket)]
    params.api_keys = [secrets.token_hex(16)]
    params.cors_origins = "http://localhost"
    params.endpoint_slots = False
    params.endpoint_metrics = True
    params.ui = False
    params.offline = True
    params.cache_ram_mib = 0  # by default it keeps up to 8 GB of old prompts
    params.warmup = False
    params.fit_params = _has_gpu()  # fitting layers to a card's memory; without one it only doubles the loading time
    server = xllamacpp.Server(params)
    # The constructor returns before the loop runs, and an end asked for until then is never seen: freeing the model
    # would wait for ever, with Python's lock held (2026.10). The metrics are answered by the loop, so now it runs.
    server.handle_metrics()
    return server


def _has_gpu() -> bool:
    import xllamacpp

    cpu = xllamacpp.ggml_backend_dev_type.GGML_BACKEND_DEVICE_TYPE_CPU
    return any(device["type"] != cpu for device in xllamacpp.get_device_info())
