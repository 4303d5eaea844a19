"""Chat with a model of Ollama, through LlamaIndex's class with every parameter set."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any

from rag import ollama_models
from rag.addresses import require_local
from rag.chat_base import SEED, TEMPERATURE, Chat, Piece, Usage
from rag.errors import ChatModelMissing
from rag.settings import Settings
from rag.types import Message

if TYPE_CHECKING:
    from llama_index.llms.ollama import Ollama  # type: ignore[import-untyped]
    from ollama import Client


class OllamaChat(Chat):
    """A local model of Ollama. Raises `RemoteNotAllowed` at once for an address or a name that is not local."""

    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__(f"ollama:{name}")
        if ollama_models.is_cloud_name(name):
            raise ollama_models.refuse_cloud(name)
        require_local(settings.ollama_address, settings, "Ollama")
        self._name = name
        self._settings = settings
        self._context: int | None = None

    def context_window(self) -> int:
        """The context that is asked for: the setting, but never above what the model was trained for."""
        if self._context is None:
            found = self.check()
            self._context = min(self._settings.context_window, found.context or self._settings.context_window)
        return self._context

    def check(self) -> ollama_models.OllamaDetails:
        """Ask the server about the model. Raises what a call would: not up, not there, cannot chat, remote."""
        found = ollama_models.details(self._settings, self._name)
        if found.remote:
            raise ollama_models.refuse_cloud(self._name)
        if not found.chats:
            raise ChatModelMissing(
                f"{self._name} is not a chat model.", "Choose another, or fetch one with `ollama pull llama3.1:8b`."
            )
        return found

    def _pieces(self, messages: Sequence[Message]) -> Generator[Piece, None, None]:
        from llama_index.core.llms import ChatMessage

        self.context_window()
        # A client of its own for each reply: closing it is what makes Ollama stop when the reader stops.
        with ollama_models.ollama_errors(self._settings, self._name), ollama_models.client(self._settings) as client:
            history = [ChatMessage(role=message.role, content=message.content) for message in messages]
            for response in self._llm(client).stream_chat(history):
                yield _piece(response.delta or "", response.raw)

    def _llm(self, client: Client) -> Ollama:
        from llama_index.llms.ollama import Ollama

        return Ollama(
            model=self._name,
            base_url=self._settings.ollama_address,
            client=client,
            request_timeout=self._settings.request_timeout,
            context_window=self.context_window(),
            keep_alive=self._settings.keep_alive,
            temperature=TEMPERATURE,
            # Thoughts would be paid for in time and be part of no answer. Models that cannot stop thinking ignore it.
            thinking=False,
            is_function_calling_model=False,
            additional_kwargs={"num_predict": self._settings.answer_tokens, "seed": SEED},
        )


def _piece(text: str, raw: dict[str, Any]) -> Piece:
    if not raw.get("done"):
        return Piece(text)
    return Piece(text, Usage(raw.get("prompt_eval_count"), raw.get("eval_count"), raw.get("done_reason") == "length"))
