"""`footnote doctor` and `footnote rebuild`: what they print, and how they end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ingest.records import Finding, Progress, Rebuilt
from ui import cli, cli_care

MENDED = Finding("missing", "a.txt", "None of its 3 points is in the index.", True, "It was indexed anew.")
MENDABLE = Finding("extra", "document d9", "2 points of its version 7, which the catalog does not know.", True)
HOPELESS = Finding("unreadable", "the index", "It cannot be opened. `footnote rebuild` makes it anew.", False)


def run(monkeypatch: pytest.MonkeyPatch, library: Any, *arguments: str) -> Result:
    @contextmanager
    def opened() -> Iterator[Any]:
        yield library

    monkeypatch.setattr(cli_care, "open_library_face", opened)
    return CliRunner().invoke(cli.app, arguments)


def examined(*findings: Finding) -> SimpleNamespace:
    asked: list[bool] = []

    def doctor(repair: bool) -> list[Finding]:  # noqa: FBT001
        asked.append(repair)
        return list(findings)

    return SimpleNamespace(doctor=doctor, asked=asked)


def test_where_all_agrees_the_doctor_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    library = examined()
    result = run(monkeypatch, library, "doctor")
    assert (result.exit_code, result.stdout) == (0, "Catalog, index and stored files agree.\n")
    assert library.asked == [False]


@pytest.mark.parametrize(
    ("findings", "code", "said"),
    [
        ([MENDABLE], 1, "`footnote doctor --repair` mends"),
        ([HOPELESS], 1, "1 found."),
        ([MENDED], 0, "all mended"),
        ([MENDED, HOPELESS], 1, "2 found, 1 of them mended."),
    ],
)
def test_what_is_left_decides_how_it_ends(
    monkeypatch: pytest.MonkeyPatch, findings: list[Finding], code: int, said: str
) -> None:
    result = run(monkeypatch, examined(*findings), "doctor", "--repair")
    assert result.exit_code == code
    assert said in result.stdout
    for finding in findings:
        assert f"{finding.subject}: {finding.detail}" in result.stdout
        assert finding.repaired in result.stdout
    assert ("--repair" in result.stdout) == (MENDABLE in findings)


def test_the_doctor_in_json(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, examined(MENDED, HOPELESS), "doctor", "--json", "--repair")
    shown = json.loads(result.stdout)
    assert result.exit_code == 1
    assert [one["kind"] for one in shown["findings"]] == ["missing", "unreadable"]
    assert shown["findings"][0]["repaired"] == "It was indexed anew."
    assert shown["seconds"] >= 0


def rebuilding() -> SimpleNamespace:
    def rebuild() -> Iterator[Progress | Rebuilt]:
        yield Progress("", "files", 0, 2)
        yield Rebuilt(2, 1234, ("b.pdf: it cannot be read any more",))

    return SimpleNamespace(rebuild=rebuild)


def test_rebuild_names_what_kept_its_text(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, rebuilding(), "rebuild")
    assert result.exit_code == 0
    assert result.stdout == "kept  b.pdf: it cannot be read any more\nrebuilt  2 documents, 1,234 chunks\n"


def test_rebuild_in_json(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = json.loads(run(monkeypatch, rebuilding(), "rebuild", "--json").stdout)
    assert (shown["documents"], shown["chunks"]) == (2, 1234)
    assert shown["kept"] == ["b.pdf: it cannot be read any more"]
