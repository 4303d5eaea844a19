"""Reads the head of a GGUF file: what model it is and how much context it was trained for.

The format is described in ggml's docs/gguf.md: magic, version, two counts, then typed key-value pairs.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from rag.errors import ChatBroken

Value = int | float | bool | str | None

_MAGIC = b"GGUF"
_STRING, _ARRAY = 8, 9
_NUMBERS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_LONGEST_KEY = 1 << 16
_MOST_PAIRS = 1 << 16


def read_metadata(path: Path) -> dict[str, Value]:
    """The pairs before the tokenizer's vocabulary, which is long and comes last. Arrays are left out.

    Raises `ChatBroken` where the file is not a GGUF or ends too early, `OSError` where it cannot be read.
    """
    with path.open("rb") as file:
        try:
            return _read_pairs(file)
        except (struct.error, ValueError) as error:
            raise ChatBroken(
                f"{path} is not a GGUF model, or it is damaged.", "Fetch it again, or name another file."
            ) from error


def context_length(metadata: dict[str, Value]) -> int | None:
    """The context the model was trained for, in tokens; `None` where the file does not say."""
    value = metadata.get(f"{metadata.get('general.architecture')}.context_length")
    return value if isinstance(value, int) else None


def _read_pairs(file: BinaryIO) -> dict[str, Value]:
    if file.read(4) != _MAGIC:
        raise ValueError("no GGUF magic")
    version, _tensors, pairs = struct.unpack("<IQQ", file.read(20))
    if version not in (2, 3) or pairs > _MOST_PAIRS:
        raise ValueError(f"GGUF version {version} with {pairs} pairs")
    found: dict[str, Value] = {}
    for _ in range(pairs):
        key = _read_string(file)
        if key.startswith("tokenizer."):
            break
        (kind,) = struct.unpack("<I", file.read(4))
        value = _read_value(file, kind)
        if kind != _ARRAY:
            found[key] = value
    return found


def _read_value(file: BinaryIO, kind: int) -> Value:
    if kind == _STRING:
        return _read_string(file)
    if kind == _ARRAY:
        inner, count = struct.unpack("<IQ", file.read(12))
        if inner == _ARRAY:
            raise ValueError("an array of arrays")
        for _ in range(count):
            _read_value(file, inner)
        return None
    if kind not in _NUMBERS:
        raise ValueError(f"value of type {kind}")
    layout = _NUMBERS[kind]
    value: Value = struct.unpack(layout, file.read(struct.calcsize(layout)))[0]
    return value


def _read_string(file: BinaryIO) -> str:
    (length,) = struct.unpack("<Q", file.read(8))
    if length > _LONGEST_KEY * 16:
        raise ValueError(f"a string of {length} bytes")
    data = file.read(length)
    if len(data) != length:
        raise ValueError("the file ends inside a string")
    return data.decode("utf-8", "replace")
