"""Chat with any server that speaks OpenAI's chat protocol (llama.cpp, vLLM, LM Studio), through LlamaIndex's class."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rag.addresses import CONNECT_SECONDS, http_options, require_local
from rag.chat_base import SEED, TEMPERATURE, Chat, Piece, Usage
from rag.errors import ChatBroken, ChatError, ChatModelMissing, ChatTimeout, ChatUnavailable
from rag.settings import Settings
from rag.types import Message

if TYPE_CHECKING:
    from llama_index.llms.openai_like import OpenAILike  # type: ignore[import-untyped]
    from openai import APIStatusError, OpenAI


def base_url(url: str) -> str:
    """The address with its version: `/v1` is added unless a part of the path is a version already."""
    parts = urlsplit(url).path.split("/")
    return url.rstrip("/") + ("" if any(re.fullmatch(r"v\d+\w*", part) for part in parts) else "/v1")


class OpenAIChat(Chat):
    """A model of an OpenAI-compatible server. Raises `RemoteNotAllowed` at once for an address that is not local."""

    def __init__(self, name: str, url: str, settings: Settings) -> None:
        super().__init__(f"openai:{name}@{url}")
        require_local(url, settings, "The OpenAI-compatible server")
        self._name = name
        self._url = base_url(url)
        self._settings = settings

    def context_window(self) -> int:
        """The setting: the protocol has no way to ask."""
        return self._settings.context_window

    def check(self) -> None:
        """Ask the server for its models, which shows that it is up and takes the key. Which it lists says nothing."""
        with self._errors(), self._client(CONNECT_SECONDS) as client:
            client.models.list()

    def _pieces(self, messages: Sequence[Message]) -> Generator[Piece, None, None]:
        from llama_index.core.llms import ChatMessage

        reason, usage = None, None
        # A client of its own for each reply: closing it is what makes the server stop when the reader stops.
        with self._errors(), self._client(self._settings.request_timeout) as client:
            history = [ChatMessage(role=message.role, content=message.content) for message in messages]
            for response in self._llm(client).stream_chat(history):
                raw: Any = response.raw
                reason = raw.choices[0].finish_reason or reason if raw.choices else reason
                usage = raw.usage or usage
                yield Piece(response.delta or "")
        if reason is not None:
            prompt, completion = (usage.prompt_tokens, usage.completion_tokens) if usage else (None, None)
            yield Piece("", Usage(prompt, completion, reason == "length"))

    def _client(self, silence: float) -> OpenAI:
        import httpx
        from openai import OpenAI

        options = http_options(silence)
        key = self._settings.openai_api_key.get_secret_value() or "none"
        http = httpx.Client(**options)
        return OpenAI(api_key=key, base_url=self._url, max_retries=0, timeout=options["timeout"], http_client=http)

    def _llm(self, client: OpenAI) -> OpenAILike:
        from llama_index.llms.openai_like import OpenAILike

        return OpenAILike(
            model=self._name,
            api_base=self._url,
            api_key=client.api_key,
            openai_client=client,
            is_chat_model=True,
            context_window=self._settings.context_window,
            max_tokens=self._settings.answer_tokens,
            max_retries=0,
            timeout=self._settings.request_timeout,
            temperature=TEMPERATURE,
            additional_kwargs={"seed": SEED, "stream_options": {"include_usage": True}},
        )

    @contextmanager
    def _errors(self) -> Iterator[None]:
        import httpx
        import openai

        try:
            yield
        except (openai.APITimeoutError, httpx.TimeoutException) as error:
            # The client wraps what happens before the first byte, and lets through what happens after it.
            if isinstance(error.__cause__, httpx.ConnectTimeout):
                raise self._unavailable() from error
            raise ChatTimeout(
                f"{self.model} did not answer in time.",
                "Choose a smaller model, or wait longer with FOOTNOTE_REQUEST_TIMEOUT (seconds).",
            ) from error
        except openai.APIStatusError as error:
            raise self._refused(error) from error
        except openai.APIConnectionError as error:
            if isinstance(error.__cause__, httpx.ConnectError):
                raise self._unavailable() from error
            raise self._broken(str(error.__cause__ or error)) from error
        except (openai.OpenAIError, httpx.HTTPError) as error:
            raise self._broken(str(error)) from error
        except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
            raise self._broken(f"it does not speak OpenAI's chat protocol ({type(error).__name__})") from error

    def _unavailable(self) -> ChatError:
        return ChatUnavailable(
            f"No server answers at {self._url}.", "Start it, or name another writer with --model or FOOTNOTE_MODEL."
        )

    def _broken(self, reason: str) -> ChatError:
        return ChatBroken(f"{self.model} failed: {reason}.", "Ask again; see the server's log.")

    def _refused(self, error: APIStatusError) -> ChatError:
        if error.status_code in (401, 403):
            return ChatBroken(f"{self._url} does not accept the key.", "Set FOOTNOTE_OPENAI_API_KEY.")
        if error.status_code == 404:
            return ChatModelMissing(
                f"The server at {self._url} does not have the model {self._name}.",
                "Check the name and the address; the server lists its models under /v1/models.",
            )
        return self._broken(str(error.message))
