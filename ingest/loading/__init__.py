"""From bytes to a `Document` and what was attached to it: `load` finds the format and hands the file to its loader."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

from ingest.loading.detect import detect
from ingest.loading.formats import READS, SUPPORTED, Format, parsers
from ingest.loading.limits import Limits
from ingest.loading.parsed import Parsed
from rag.errors import FileRefused, FootnoteError

__all__ = ["READS", "SUPPORTED", "load", "parsers"]

LOG = logging.getLogger(__name__)

DEFAULTS = Limits()


def load(name: str, data: bytes, limits: Limits = DEFAULTS, recognised: Mapping[int, str] | None = None) -> Parsed:
    """Read a file: the content says what it is, then the name's suffix. `recognised` is the text of a PDF's pages, from 1.

    Raises `FileRefused` with the state the file ends in, and nothing else: whatever goes wrong inside a format's
    library means that the file is damaged, and is logged.
    """
    if not data:
        raise FileRefused("damaged", f"{name} is empty.", "Fetch the file again, if it should not be.")
    found, warnings = detect(name, data, limits)
    parsed = _read(found, name, data, limits, recognised)
    document = parsed.document
    if not (document.text.strip() or parsed.attachments or parsed.refused or parsed.needs_ocr):
        raise FileRefused(
            "damaged", f"{name} is empty: there is no text in it.", "Fetch the file again, if it should not be."
        )
    return replace(parsed, document=replace(document, parser=found.parser, warnings=(*warnings, *document.warnings)))


def _read(found: Format, name: str, data: bytes, limits: Limits, recognised: Mapping[int, str] | None) -> Parsed:
    loader = found.imported()
    try:
        return loader(name, data, limits, recognised=recognised) if found.recognises else loader(name, data, limits)
    except FootnoteError:
        raise
    except MemoryError as error:
        raise FileRefused(
            "too large", f"{name} needs more memory than there is.", "Split it into smaller files."
        ) from error
    except Exception as error:
        LOG.info("%s cannot be read", name, exc_info=True)
        raise FileRefused(
            "damaged",
            f"{name} is damaged: it cannot be read.",
            "Open it in its own program and save it anew, or fetch it again.",
        ) from error
