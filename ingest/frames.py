"""What parent and child say to each other over two pipes: frames of a JSON header and binary blobs. Never pickle.

Whoever reads a frame trusts nothing in it: sizes are checked before a byte of the content is read.
"""

from __future__ import annotations

import io
import json
import os
import select
import struct
import time
from collections.abc import Callable, Sequence
from typing import Any

MAGIC = b"fnf1"
_HEAD = struct.Struct("!4sII")  # the magic, the length of the header, the number of blobs
MOST_HEADER = 16 << 20
MOST_BLOBS = 200_000
MOST_BYTES = 4 << 30
"""The largest frame between parts that trust each other."""

WATCH_SECONDS = 0.1
_PIECE = 1 << 20

Blob = bytes | bytearray | memoryview


class Gone(Exception):
    """The other side has closed its end, or ended in the middle of a frame."""


class Late(Exception):
    """The other side did not answer by the deadline."""


class Garbled(Exception):
    """What came over the pipe is not a frame."""


class Oversized(Exception):
    """The frame that is announced is larger than allowed; nothing of its content was read."""


class Channel:
    """Frames over a pipe to read from and one to write to. One thread may send while another receives.

    `watch` is called about ten times a second while waiting; what it raises ends the wait.
    """

    def __init__(self, reading: int, writing: int, watch: Callable[[], None] | None = None) -> None:
        self._reading = reading
        self._writing = writing
        self._watch = watch

    def send(self, header: Any, blobs: Sequence[Blob] = (), deadline: float | None = None) -> None:
        """Write a frame; the header is anything that is JSON. Raises `Gone`, and `Late` after the deadline (of `time.monotonic`)."""
        said = json.dumps(header).encode()
        sizes = struct.pack(f"!{len(blobs)}Q", *(memoryview(blob).nbytes for blob in blobs))
        self._write(_HEAD.pack(MAGIC, len(said), len(blobs)) + sizes + said, deadline)
        for blob in blobs:
            self._write(blob, deadline)

    def receive(self, most: int = MOST_BYTES, deadline: float | None = None) -> tuple[bytes, list[bytes]]:
        """Read a frame: its header, not yet understood, and its blobs, `most` bytes together.

        Raises `Gone`, `Late`, `Garbled`, `Oversized`.
        """
        magic, length, count = _HEAD.unpack(self._read(_HEAD.size, deadline))
        if magic != MAGIC:
            raise Garbled
        if length > MOST_HEADER or count > MOST_BLOBS:
            raise Oversized
        sizes = struct.unpack(f"!{count}Q", self._read(8 * count, deadline))
        if sum(sizes) > most:
            raise Oversized
        header = self._read(length, deadline)
        return header, [self._read(size, deadline) for size in sizes]

    def has_news(self, seconds: float) -> bool:
        """Whether a frame, or the end, can be read now or within some seconds."""
        return bool(_poll(self._reading, select.POLLIN, seconds))

    def _write(self, data: Blob, deadline: float | None) -> None:
        view = memoryview(data).cast("B") if memoryview(data).nbytes else memoryview(b"")
        while view:
            self._wait(self._writing, select.POLLOUT, deadline)
            try:
                view = view[os.write(self._writing, view[:_PIECE]) :]
            except BlockingIOError:
                continue
            except OSError as error:
                raise Gone from error

    def _read(self, size: int, deadline: float | None) -> bytes:
        """As many bytes; memory is taken as they come, whatever was announced."""
        data = io.BytesIO()
        while (left := size - data.tell()) > 0:
            self._wait(self._reading, select.POLLIN, deadline)
            try:
                piece = os.read(self._reading, min(left, _PIECE))
            except BlockingIOError:
                continue
            except OSError as error:
                raise Gone from error
            if not piece:
                raise Gone
            data.write(piece)
        return data.getvalue()

    def _wait(self, pipe: int, event: int, deadline: float | None) -> None:
        while not _poll(pipe, event, self._patience(deadline)):
            if self._watch:
                self._watch()
            if deadline is not None and time.monotonic() > deadline:
                raise Late

    def _patience(self, deadline: float | None) -> float | None:
        """For how long to wait before looking again; `None` is for ever."""
        left = None if deadline is None else max(deadline - time.monotonic(), 0.01)
        if self._watch:
            return WATCH_SECONDS if left is None else min(left, WATCH_SECONDS)
        return left


def _poll(pipe: int, event: int, seconds: float | None) -> list[tuple[int, int]]:
    poller = select.poll()
    poller.register(pipe, event)
    return poller.poll(None if seconds is None else seconds * 1000)
