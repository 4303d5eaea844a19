"""What became of a task in a child, as an error that people can act on: a limit that was hit is final, a child's own end is not."""

from __future__ import annotations

import logging
import signal
from dataclasses import dataclass
from typing import Literal, NamedTuple

from ingest.children import END_SECONDS, Child
from ingest.codec import unpack_error
from ingest.frames import Gone, Late, Oversized
from ingest.loading.limits import Limits
from rag.errors import FileRefused, FootnoteError, NotReady, ParserDied

LOG = logging.getLogger(__name__)

NEAR = 0.3
"""A child that crashes with this share of its memory taken has crashed for want of memory: C code rarely says so, and a buffer
that is doubled, the old one beside the new, does not fit any more from a third on."""

_CRASHES = (signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGTRAP)

_DIED = "It is tried again by itself. If it goes on, save the file anew in its own program."


class Settable(NamedTuple):
    """The settings that a task's limits come from."""

    seconds: str
    memory: str


BY_PARSING = Settable("FOOTNOTE_PARSE_SECONDS", "FOOTNOTE_PARSE_MEMORY_MB")
BY_OCR = Settable("FOOTNOTE_OCR_SECONDS", "FOOTNOTE_OCR_MEMORY_MB")


@dataclass(frozen=True, slots=True)
class Reply:
    """What a child answers to a task."""

    status: Literal["done", "refused", "error", "memory", "time", "broken"]
    type: str = ""
    state: Literal["no text (scanned)", "password-protected", "damaged", "too large", "unsupported", "failed"] = (
        "failed"
    )
    message: str = ""
    remedy: str = ""


def told(reply: Reply, name: str, limits: Limits, settable: Settable) -> FootnoteError:
    """The error for an answer other than `done`."""
    if reply.status == "refused":
        return FileRefused(reply.state, reply.message, reply.remedy)
    if reply.status == "error":
        return unpack_error({"type": reply.type, "message": reply.message, "remedy": reply.remedy})
    if reply.status in _LIMITS:
        return _LIMITS[reply.status](name, limits, settable)
    LOG.warning("%s made its reader fail: %s", name, reply.message)
    return FileRefused(
        "failed",
        f"{name} could not be read: its reader failed ({reply.message}).",
        "This is a fault of Footnote: please report it with the file.",
    )


def ended(error: Exception, child: Child, name: str, limits: Limits, settable: Settable) -> FootnoteError:
    """The error for a child that gave no answer: too late, too large, or none at all. It is ended here."""
    if isinstance(error, Oversized):
        return FileRefused(
            "too large",
            f"{name} was not read: more than {limits.output_mb} MB come out of it.",
            "Split it into smaller files, or raise FOOTNOTE_UNZIP_MB.",
        )
    if isinstance(error, Late):
        return _too_slow(name, limits, settable)
    code = child.end(END_SECONDS) if isinstance(error, Gone) else 0
    LOG.info("the child that read %s ended with %d", name, code)
    if code == -signal.SIGXCPU:
        return _too_slow(name, limits, settable)
    if -code in _CRASHES and child.growth() >= NEAR * limits.memory_mb:
        return _too_much_memory(name, limits, settable)
    return ParserDied(f"{name} could not be read: the process that read it {_how(code)}.", _DIED)


def garbled(name: str) -> ParserDied:
    """The error for an answer that cannot be understood."""
    return ParserDied(f"{name} could not be read: the process that read it gave no proper answer.", _DIED)


def not_started() -> NotReady:
    """The error for a child that does not begin to listen."""
    return NotReady(
        "The process that reads files could not be started.",
        "See whether memory is free; FOOTNOTE_LOG_LEVEL=DEBUG shows what it says.",
    )


def _too_slow(name: str, limits: Limits, settable: Settable) -> FileRefused:
    return FileRefused(
        "failed",
        f"{name} was not read: it takes longer than {limits.seconds:g} s.",
        f"Split it into smaller files, or raise {settable.seconds}.",
    )


def _too_much_memory(name: str, limits: Limits, settable: Settable) -> FileRefused:
    return FileRefused(
        "too large",
        f"{name} was not read: it takes more than {limits.memory_mb} MB of memory.",
        f"Split it into smaller files, or raise {settable.memory}.",
    )


_LIMITS = {"memory": _too_much_memory, "time": _too_slow}


def _how(code: int) -> str:
    if code >= 0:
        return "gave no proper answer"
    try:
        return f"crashed ({signal.Signals(-code).name})"
    except ValueError:
        return f"crashed (signal {-code})"
