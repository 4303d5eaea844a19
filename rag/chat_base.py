"""What every chat model of Footnote does: stream a reply as text, and say afterwards what it cost."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

from rag.errors import ChatBroken
from rag.types import Message

TEMPERATURE = 0.0
SEED = 0
"""The same question over the same passages gets the same answer, as far as the server allows it."""

OPEN_THOUGHT = "<think>"
CLOSE_THOUGHT = "</think>"
"""Between these some models think aloud before they answer, where the server does not take it out (deepseek-r1, qwen3)."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What the server said of a finished reply, in tokens; `None` where it did not say.

    `cut_short` is true where the reply reached the limit of tokens before it was at its end.
    """

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cut_short: bool = False


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a reply. The last one carries the usage; a reply without one was cut off."""

    text: str
    end: Usage | None = None


class Chat(ABC):
    """A chat model that is ready to be called. One reply at a time for each object; opening another is cheap."""

    def __init__(self, model: str) -> None:
        self.model = model
        self.usage = Usage()

    @abstractmethod
    def context_window(self) -> int:
        """How many tokens prompt and answer have together. May ask the server; raises `ChatError`."""

    @abstractmethod
    def _pieces(self, messages: Sequence[Message]) -> Generator[Piece, None, None]:
        """Call the model. Raises only `ChatError` and `RemoteNotAllowed`; closing it ends the call."""

    def stream(self, messages: Sequence[Message]) -> Iterator[str]:
        """The reply in pieces as they are written, without the model's thoughts; then `usage` is set.

        Raises only `ChatError` and `RemoteNotAllowed`, each with what mends it. Closing the generator ends the call.
        """
        self.usage = Usage()
        ended = False
        answer = AfterThought()
        with closing(self._pieces(messages)) as pieces:
            for piece in pieces:
                if text := answer.feed(piece.text):
                    yield text
                if piece.end is not None:
                    self.usage, ended = piece.end, True
        if text := answer.rest():
            yield text
        if not ended:
            raise ChatBroken(f"{self.model} stopped in the middle of its answer.", "Ask again; see the server's log.")


class AfterThought:
    """Takes a reply piece by piece and lets through what comes after a leading `<think>...</think>`."""

    def __init__(self) -> None:
        self._held = ""
        self._state = "start"

    def feed(self, text: str) -> str:
        """What may be shown of the reply now."""
        if self._state == "answer":
            return text
        self._held += text
        if self._state == "start" and self._held.lstrip().startswith(OPEN_THOUGHT):
            self._state = "thought"
        if self._state == "thought" and CLOSE_THOUGHT in self._held:
            self._held = self._held.split(CLOSE_THOUGHT, 1)[1]
            self._state = "after"
        if self._state == "after" and self._held.strip():
            return self._answer(self._held.lstrip())
        if self._state == "start" and not OPEN_THOUGHT.startswith(self._held.lstrip()):
            return self._answer(self._held)
        return ""

    def rest(self) -> str:
        """What was held back when the reply ended; nothing of an unfinished thought."""
        return self._held if self._state == "start" else ""

    def _answer(self, text: str) -> str:
        self._held, self._state = "", "answer"
        return text
