"""The tree of errors. Each has a message for the user and a remedy: what to do about it.

FootnoteError
├── UsageError             the request cannot be understood: exit code 2
│   ├── UnknownName        a document, space or model that is not there
│   └── AmbiguousName      a name that fits several documents
├── NotReady               something outside is missing: exit code 4
│   ├── LibraryHeld        another process has the library open
│   ├── ModelFilesMissing  the embedding or reranking model was not fetched
│   ├── FingerprintMismatch  the collection was made by another embedder
│   ├── IndexUnavailable   the Qdrant server does not answer, or the index cannot be opened
│   ├── RemoteNotAllowed   an address that is not this machine, and was not allowed
│   └── ChatError          the model that should write the answer failed
│       ├── ChatUnavailable    its server is not there
│       ├── ChatModelMissing   the server is there, the model is not
│       ├── ChatTimeout        it does not answer in time
│       └── ChatBroken         it failed, or stopped in the middle
├── ParserDied             the child process that read a file ended by itself: a retry may help
└── FileRefused            a file that cannot be indexed, with the state it ends in: exit code 3
"""

from __future__ import annotations

from typing import ClassVar

from rag.types import State


class FootnoteError(Exception):
    """The root: `message` says what happened and to what, `remedy` what to do."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        end = "" if not self.remedy or self.message.endswith((".", "!", "?", ":")) else "."
        return f"{self.message}{end} {self.remedy}".strip()


class UsageError(FootnoteError):
    """The request cannot be understood."""

    exit_code = 2


class UnknownName(UsageError):
    """There is no document, space or model of that name."""


class AmbiguousName(UsageError):
    """The name fits several documents; the message lists them."""


class NotReady(FootnoteError):
    """Something outside the program is missing."""

    exit_code = 4


class LibraryHeld(NotReady):
    """Another process has the library open."""


class ModelFilesMissing(NotReady):
    """A model that must lie on disk does not, or its hash is wrong."""


class FingerprintMismatch(NotReady):
    """The collection was made by another embedder: its vectors mean something else."""


class IndexUnavailable(NotReady):
    """The index cannot be opened or does not answer."""


class RemoteNotAllowed(NotReady):
    """An address outside this machine that the admin has not allowed."""


class ChatError(NotReady):
    """The model that should write the answer failed."""


class ChatUnavailable(ChatError):
    """The model's server is not there."""


class ChatModelMissing(ChatError):
    """The server answers, but does not have the model."""


class ChatTimeout(ChatError):
    """The model did not answer in time."""


class ChatBroken(ChatError):
    """The model failed, or its stream ended before it was done."""


class ParserDied(FootnoteError):
    """The child process that read a file ended by itself, not at a limit. Trying again may help."""


class FileRefused(FootnoteError):
    """A file that cannot be indexed. `state` is what the report says of it."""

    exit_code = 3

    def __init__(self, state: State, message: str, remedy: str = "") -> None:
        super().__init__(message, remedy)
        self.state = state
