"""Chat with a GGUF file inside the process: no server, nothing to start."""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

from rag import llama_cpp
from rag.chat_base import SEED, TEMPERATURE, Chat, Piece, Usage
from rag.errors import ChatBroken, ChatModelMissing, ChatUnavailable
from rag.gguf import context_length, read_metadata
from rag.settings import Settings
from rag.types import Message


class GgufChat(Chat):
    """A GGUF file. It is loaded at the first question and stays in memory for the next ones."""

    def __init__(self, path: Path, settings: Settings) -> None:
        super().__init__(f"gguf:{path}")
        self._path = path.expanduser().absolute()
        self._settings = settings

    def context_window(self) -> int:
        """The setting, but never above what the model was trained for. Raises what a call would."""
        trained = self.check()
        return min(self._settings.context_window, trained or self._settings.context_window)

    def check(self) -> int | None:
        """Look at the file's head. Returns the trained context in tokens; raises `ChatError` as a call would."""
        if not self._path.is_file():
            raise ChatModelMissing(
                f"There is no model file {self._path}.", "Fetch one with `footnote models fetch --chat`."
            )
        if not llama_cpp.installed():
            raise ChatUnavailable(
                "llama.cpp, which runs GGUF files, is not installed.",
                "Install it with `pip install 'footnote[local]'`.",
            )
        try:
            return context_length(read_metadata(self._path))
        except OSError as error:
            raise ChatBroken(
                f"{self._path} cannot be read: {error.strerror or error}.",
                "Mend its permissions, or name another file.",
            ) from error

    def load(self) -> None:
        """Load the file now: it takes seconds, in which the whole process waits. Raises what a call would."""
        llama_cpp.load(self._path, self.context_window())

    def _pieces(self, messages: Sequence[Message]) -> Generator[Piece, None, None]:
        context = self.context_window()
        from llama_index.core.llms import ChatMessage

        from rag.gguf_llm import GgufLLM

        llm = GgufLLM(
            llama_cpp.load(self._path, context),
            max_tokens=self._settings.answer_tokens,
            temperature=TEMPERATURE,
            seed=SEED,
            silence=self._settings.request_timeout,
        )
        history = [ChatMessage(role=message.role, content=message.content) for message in messages]
        # Set by hand, not left to the garbage collector: LlamaIndex does not close the generator that it wraps.
        stop = threading.Event()
        reason, usage = None, Usage()
        try:
            for response in llm.stream_chat(history, stop=stop):
                chunk: Any = response.raw
                reason = next((choice["finish_reason"] for choice in chunk["choices"]), None) or reason
                if counts := chunk.get("usage"):
                    usage = Usage(counts["prompt_tokens"], counts["completion_tokens"], reason == "length")
                yield Piece(response.delta or "")
        finally:
            stop.set()
        if reason is not None:
            yield Piece("", usage)
