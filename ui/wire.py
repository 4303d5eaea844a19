"""How values travel between the command line and the server that has the library: typed JSON lines.

The types are read off the `Face` protocol, so that a new method needs no second description. A stream is a line a
value; everything else is one line; an error is a line of its own, and becomes the same error on the other side.
"""

from __future__ import annotations

import json
import logging
import types
import typing
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from pydantic import TypeAdapter

import rag.errors
from rag.errors import FileRefused, FootnoteError
from ui.face import Face

LOG = logging.getLogger(__name__)

INTERNAL = "Something went wrong inside Footnote."

METHODS = (
    "add", "submit", "follow", "jobs", "job", "cancel_job", "retry_job", "documents", "document", "remove", "spaces",
    "add_space", "rename_space", "remove_space", "search", "ask", "status", "doctor", "rebuild",
)  # fmt: skip
"""What may be called; the order and types of arguments are those of `Face`."""


def encode_arguments(method: str, arguments: tuple[Any, ...]) -> str:
    """The body of a call."""
    parts = (adapter.dump_python(value, mode="json") for adapter, value in zip(_takes(method), arguments, strict=True))
    return json.dumps(list(parts))


def decode_arguments(method: str, body: bytes) -> list[Any]:
    """The arguments of a call. Raises `ValueError` where they do not fit."""
    values = json.loads(body)
    return [adapter.validate_python(value) for adapter, value in zip(_takes(method), values, strict=True)]


def encode_result(method: str, call: Callable[[], Any]) -> Iterator[str]:
    """Make the call and give the lines of its answer. What is raised on the way becomes the last line."""
    try:
        if _is_stream(method):
            for value in call():
                yield _line(
                    {
                        "type": type(value).__name__,
                        "value": _adapter(_members(method)[type(value).__name__]).dump_python(value, mode="json"),
                    }
                )
        else:
            yield _line({"type": "value", "value": _gives(method).dump_python(call(), mode="json")})
    except FootnoteError as error:
        yield _line(_encode_error(error))
    except Exception:  # the edge of the server: the trace stays here, the caller gets a plain sentence
        LOG.exception("calling %s failed", method)
        yield _line(_encode_error(FootnoteError(INTERNAL, "Its log (stderr) has the details.")))


def decode_result(method: str, lines: Iterator[str]) -> Any:
    """The value that was returned, or an iterator over those that are streamed. Raises what was raised."""
    values = _values(method, lines)
    return values if _is_stream(method) else next(values)


def _encode_error(error: FootnoteError) -> dict[str, Any]:
    """An error as a line."""
    shown = {"kind": type(error).__name__, "message": error.message, "remedy": error.remedy}
    return {"type": "error", "value": shown | ({"state": error.state} if isinstance(error, FileRefused) else {})}


def _values(method: str, lines: Iterator[str]) -> Iterator[Any]:
    for line in lines:
        if not line.strip():
            continue
        tagged = json.loads(line)
        if tagged["type"] == "error":
            raise _error(tagged["value"])
        adapter = _adapter(_members(method)[tagged["type"]]) if _is_stream(method) else _gives(method)
        yield adapter.validate_python(tagged["value"])


def _error(shown: dict[str, Any]) -> FootnoteError:
    kind = getattr(rag.errors, shown["kind"], FootnoteError)
    if kind is FileRefused:
        return FileRefused(shown["state"], shown["message"], shown["remedy"])
    error: FootnoteError = kind(shown["message"], shown["remedy"])
    return error


def _line(value: object) -> str:
    return json.dumps(value) + "\n"


@cache
def _hints(method: str) -> dict[str, Any]:
    return typing.get_type_hints(getattr(Face, method))


@cache
def _takes(method: str) -> list[TypeAdapter[Any]]:
    return [TypeAdapter(hint) for name, hint in _hints(method).items() if name != "return"]


@cache
def _gives(method: str) -> TypeAdapter[Any]:
    return TypeAdapter(_hints(method)["return"])


def _is_stream(method: str) -> bool:
    return typing.get_origin(_hints(method)["return"]) is Iterator


@cache
def _members(method: str) -> dict[str, Any]:
    """The classes that a stream is made of, by name."""
    (streamed,) = typing.get_args(_hints(method)["return"])
    kinds = typing.get_args(streamed) if isinstance(streamed, types.UnionType) else (streamed,)
    return {kind.__name__: kind for kind in kinds}


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
