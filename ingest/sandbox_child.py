"""The child that reads strangers' files: it confines itself, then does one task after another until it is not needed.

`TASKS` says what it can do, `WARM` what it imports while there is nothing to do.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from ingest import child_side
from ingest.codec import MOST_SAID, pack_error, pack_parsed
from ingest.confine import Memory, confine, limited, memory_of
from ingest.frames import Blob, Channel, Gone
from ingest.loading.limits import Limits
from rag.errors import FileRefused, FootnoteError

LOG = logging.getLogger(__name__)

Result = tuple[bytes, Sequence[Blob]]
"""What a task answers: JSON, and blobs."""

Task = Callable[[dict[str, Any], list[bytes], Limits], Result]


def parse(header: dict[str, Any], blobs: list[bytes], limits: Limits) -> Result:
    """Read a file: `name`, and `recognised` texts by page."""
    from ingest.loading import load

    recognised = {int(page): text for page, text in header["recognised"].items()}
    return pack_parsed(load(header["name"], blobs[0], limits, recognised or None))


def recognise(header: dict[str, Any], blobs: list[bytes], _limits: Limits) -> Result:
    """The text in the picture of `page` of a PDF, read by `engine`."""
    from ingest.loading.ocr_page import recognise

    return b"{}", [recognise(blobs[0], header["page"], header["engine"]).encode("utf-8", "replace")]


def convert(header: dict[str, Any], blobs: list[bytes], _limits: Limits) -> Result:
    """A file in an old format, in its newer one."""
    from ingest.loading.legacy import convert

    name, data = convert(header["name"], blobs[0])
    return json.dumps({"name": name}).encode(), [data]


TASKS: Mapping[str, Task] = {"parse": parse, "ocr": recognise, "convert": convert}

WARM: Mapping[str, Sequence[str]] = {
    "parse": (
        "pypdfium2", "ingest.loading.pdf", "pypdf", "ingest.loading.docx", "ingest.loading.html", "ingest.loading.pptx",
        "ingest.loading.sheets", "ingest.loading.mail", "ingest.loading.text", "charset_normalizer", "ingest.loading.epub",
        "ingest.loading.rtf", "striprtf.striprtf", "ingest.loading.msg",
    ),
    "ocr": ("ingest.loading.ocr_page", "pypdfium2", "PIL.Image"),
}  # fmt: skip
"""What takes time to import, by the kind of child; what is not there is passed over."""


def main() -> None:
    """Serve the parent until it is gone, or has had nothing to do for long."""
    channel = child_side.connect()
    options = json.loads(channel.receive()[0])
    if options["verbose"]:
        logging.basicConfig(level=logging.DEBUG)
    network = confine(programs=options["programs"])
    child_side.hold_lifeline()
    table = importlib.import_module(options["module"])
    channel.send(network)
    cores = (os.cpu_count() or 1) if options["programs"] else 1
    with suppress(Gone):
        _serve(channel, table.TASKS, list(table.WARM.get(options["kind"], ())), cores, options["idle_seconds"])


def _serve(channel: Channel, tasks: Mapping[str, Task], cold: list[str], cores: int, idle_seconds: float) -> None:
    """Do what comes. As long as nothing does, import one thing after another."""
    while channel.has_news(0 if cold else idle_seconds) or cold:
        if channel.has_news(0):
            reply, blobs = _answer(channel, tasks, memory_of(os.getpid()), cores)
            channel.send(reply, blobs)
        else:
            with suppress(ImportError):
                importlib.import_module(cold.pop(0))


def _answer(
    channel: Channel, tasks: Mapping[str, Task], before: Memory, cores: int
) -> tuple[dict[str, Any], Sequence[Blob]]:
    """Do one task. Whatever goes wrong in it is an answer; only the end of the parent is not."""
    said, data = channel.receive()
    header = json.loads(said)
    limits = Limits(**header["limits"])
    try:
        with limited(limits, before, cores):
            result, blobs = tasks[header["task"]](header["header"], data, limits)
            return {"status": "done"}, [result, *blobs]
    except FileRefused as refused:
        return {"status": "refused", "state": refused.state, **pack_error(refused)}, ()
    except FootnoteError as error:
        return {"status": "error", **pack_error(error)}, ()
    except MemoryError:
        return {"status": "memory"}, ()
    except TimeoutError:
        return {"status": "time"}, ()
    except Exception as error:
        LOG.debug("a task failed", exc_info=True)
        return {"status": "broken", "message": f"{type(error).__name__}: {error}"[:MOST_SAID]}, ()


if __name__ == "__main__":
    main()
