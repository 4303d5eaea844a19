"""Recognising scanned pages in the sandbox: seconds a page, memory of the child, and how much of the gold answers is found.

`python -m bench ocr [FOLDER] [--questions FILE] [--most N]`; the folder is MMLongBench's documents unless named. All pages count
that the loader says need it. For the questions about such pages: the share of the words of the gold answers that are on the gold
pages, with OCR and without.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from ingest.loading.parsed import Parsed
from ingest.ocr import SandboxRecogniser, open_recogniser
from ingest.sandbox import Sandbox, open_sandbox
from rag.settings import Settings

_PEAK = re.compile(r"VmHWM:\s+(\d+)")
_WORD = re.compile(r"\w+")


def main(arguments: Sequence[str]) -> None:
    """Recognise the pages and print the figures."""
    shared = Path(os.environ.get("FOOTNOTE_SHARED") or "../shared") / "bench" / "mmlongbench"
    parser = argparse.ArgumentParser(prog="bench ocr", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=shared / "documents")
    parser.add_argument("--questions", type=Path, default=shared / "questions.jsonl")
    parser.add_argument("--most", type=int, default=10_000, help="pages of one file that are read")
    chosen = parser.parse_args(arguments)
    sandbox = open_sandbox(Settings())
    try:
        recogniser = open_recogniser(Settings(), sandbox)
        if recogniser is None:
            raise SystemExit("There is no OCR here: install the extra `ocr`, or tesseract.")
        print(f"by {recogniser.engine}")
        before, after = _read(sandbox, recogniser, chosen.folder, chosen.most)
    finally:
        sandbox.close()
    if chosen.questions.is_file():
        _score(chosen.questions, before, after)


def _read(
    sandbox: Sandbox, recogniser: SandboxRecogniser, folder: Path, most: int
) -> tuple[dict[str, Parsed], dict[str, Parsed]]:
    """Files with pages that need it, without and with the text of these, by name."""
    before: dict[str, Parsed] = {}
    after: dict[str, Parsed] = {}
    seconds: list[float] = []
    peak = 0.0
    for path in sorted(folder.glob("*.pdf")):
        data = path.read_bytes()
        parsed = sandbox.parse(path.name, data)
        if not parsed.needs_ocr:
            continue
        texts: dict[int, str] = {}
        for page in parsed.needs_ocr[:most]:
            started = time.monotonic()
            texts[page] = recogniser.recognise(path.name, data, page)
            seconds.append(time.monotonic() - started)
            peak = max(peak, _largest_child(sandbox))
        before[path.name], after[path.name] = parsed, sandbox.parse(path.name, data, texts)
        words = sum(len(text.split()) for text in texts.values())
        print(f"{path.name}: {len(texts)} pages, {words:,} words, {sum(seconds[-len(texts) :]):.1f} s", flush=True)
    if seconds:
        print(f"{len(seconds)} pages in {sum(seconds):.1f} s: {len(seconds) / sum(seconds):.2f} pages a second")
        print(f"a page: median {statistics.median(seconds):.2f} s, longest {max(seconds):.2f} s")
        print(f"largest child: {peak:.0f} MiB resident at its peak")
    return before, after


def _largest_child(sandbox: Sandbox) -> float:
    """The largest peak of resident memory among the children, in MiB."""
    peaks = [0.0]
    for pid in sandbox.pids():
        with suppress(OSError):  # it may have ended since
            peaks += (float(size) / 1024 for size in _PEAK.findall(Path(f"/proc/{pid}/status").read_text()))
    return max(peaks)


def _score(path: Path, before: Mapping[str, Parsed], after: Mapping[str, Parsed]) -> None:
    """Print how many words of the gold answers are on the gold pages, for questions with a gold page that was recognised."""
    answers: list[tuple[set[str], set[str], set[str]]] = []
    for line in map(json.loads, path.read_text().splitlines()):
        places = [(name, page) for name in line["documents"] if name in after for page in line["pages"]]
        if line["answerable"] and any(page in before[name].needs_ocr for name, page in places):
            answers.append((_words(str(line["answer"])), _on(before, places), _on(after, places)))
    total = sum(len(gold) for gold, _, _ in answers)
    for which, name in ((1, "without OCR"), (2, "with OCR")):
        found = sum(len(answer[0] & answer[which]) for answer in answers)
        whole = sum(answer[0] <= answer[which] for answer in answers)
        print(f"{name}: {found} of {total} words of the gold answers, {whole} of {len(answers)} answers whole")


def _on(files: Mapping[str, Parsed], places: Sequence[tuple[str, int]]) -> set[str]:
    """The words on those pages."""
    found: set[str] = set()
    for name, number in places:
        document = files[name].document
        if 1 <= number <= len(document.pages):
            page = document.pages[number - 1]
            found |= _words(document.text[page.start : page.end])
    return found


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.lower()))
