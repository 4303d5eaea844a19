"""Following a stream that another thread works on, so that whoever waits for it can be stopped at any time."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator
from typing import TypeVar

from rag.errors import NotReady

T = TypeVar("T")

TICK_SECONDS = 0.2
"""How long a follower waits for an event before it is given a chance to stop."""


class _End:
    """The stream is over, with what it raised if it raised."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def follow(
    start: Callable[[], Iterator[T]], stopping: threading.Event, tick: float = TICK_SECONDS
) -> Generator[T | None, None, None]:
    """Yield the events of the stream that `start` gives, and None whenever nothing came for `tick` seconds.

    The stream runs wholly in one thread of its own. Closing this generator closes the stream at its next event, and does
    not wait for it: a model that is silent cannot hold the page. Raises what the stream raised, and `NotReady` when the
    server is about to end.
    """
    events: queue.Queue[T | _End] = queue.Queue()
    left = threading.Event()
    threading.Thread(target=_work, args=(start, events, left), name="footnote-stream", daemon=True).start()
    try:
        while True:
            if stopping.is_set():
                raise NotReady("Footnote is being stopped.", "Start it again and ask once more.")
            try:
                event = events.get(timeout=tick)
            except queue.Empty:
                yield None
                continue
            if isinstance(event, _End):
                if event.error:
                    raise event.error
                return
            yield event
    finally:
        left.set()


def _work(start: Callable[[], Iterator[T]], events: queue.Queue[T | _End], left: threading.Event) -> None:
    try:
        stream = start()
        try:
            for event in stream:
                if left.is_set():
                    return
                events.put(event)
        finally:
            if isinstance(stream, Generator):
                stream.close()
        events.put(_End())
    except BaseException as error:  # noqa: BLE001 - it is raised again by the one who follows
        events.put(_End(error))
