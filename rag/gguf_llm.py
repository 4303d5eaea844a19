"""A GGUF file in the process as a LlamaIndex LLM, so that it is used as every other chat model."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from llama_index.core.base.llms.generic_utils import chat_to_completion_decorator, stream_chat_to_completion_decorator
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseGen,
    LLMMetadata,
    MessageRole,
)
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.llms import CustomLLM
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback

from rag.llama_cpp import LoadedModel


class GgufLLM(CustomLLM):
    """Chats with a loaded model through the chat template in its file."""

    context_window: int
    max_tokens: int
    temperature: float
    seed: int
    silence: float

    _loaded: LoadedModel = PrivateAttr()

    def __init__(self, loaded: LoadedModel, **settings: Any) -> None:
        super().__init__(context_window=loaded.context, **settings)
        self._loaded = loaded

    @classmethod
    def class_name(cls) -> str:
        """The name LlamaIndex keeps the class under."""
        return "GgufLLM"

    @property
    def metadata(self) -> LLMMetadata:
        """What LlamaIndex asks of a model."""
        return LLMMetadata(
            context_window=self.context_window,
            num_output=self.max_tokens,
            model_name=self._loaded.path.name,
            is_chat_model=True,
        )

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """Stream a reply. `stop`, a `threading.Event`, ends it. Raises `ChatTimeout` and `ChatBroken`."""
        stop: threading.Event | None = kwargs.pop("stop", None)
        request = self._request(messages) | kwargs

        def reply() -> ChatResponseGen:
            text = ""
            for chunk in self._loaded.generate(request, self.silence, stop):
                delta = _content(chunk)
                text += delta
                message = ChatMessage(role=MessageRole.ASSISTANT, content=text)
                yield ChatResponse(message=message, delta=delta, raw=chunk)

        return reply()

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """The whole reply at once."""
        response = ChatResponse(message=ChatMessage(role=MessageRole.ASSISTANT, content=""))
        for response in self.stream_chat(messages, **kwargs):  # noqa: B007 - the last one holds the whole text
            pass
        return response

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:  # noqa: ARG002, FBT001
        """Complete a prompt, as a chat of one message."""
        return chat_to_completion_decorator(self.chat)(prompt, **kwargs)

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:  # noqa: ARG002, FBT001
        """Stream the completion of a prompt, as a chat of one message."""
        return stream_chat_to_completion_decorator(self.stream_chat)(prompt, **kwargs)

    def _request(self, messages: Sequence[ChatMessage]) -> dict[str, Any]:
        return {
            "messages": [{"role": message.role.value, "content": message.content or ""} for message in messages],
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            "seed": self.seed,
            "stream": True,
            "stream_options": {"include_usage": True},
            "return_progress": True,  # a chunk for each batch of the prompt: a sign of life, and a place to stop
            "cache_prompt": True,
            "chat_template_kwargs": {"enable_thinking": False},
        }


def _content(chunk: dict[str, Any]) -> str:
    return "".join(choice["delta"].get("content") or "" for choice in chunk.get("choices", ()))
