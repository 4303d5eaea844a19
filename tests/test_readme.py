"""The pages cannot drift: their tables of settings, their links and their commands are those of the code.

`python -m tests.test_readme --write` writes the tables anew.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from rag.settings import Settings
from tests.conftest import REPOSITORY

README = REPOSITORY / "README.md"
INGESTION = REPOSITORY / "docs" / "ingestion.md"

LIMITS = ("max_file_mb", "parse_", "unzip_", "ocr")
"""How the settings begin that say what a file may cost."""

TABLES = {README: ("settings", ("",)), INGESTION: ("limits", LIMITS)}
"""The page, the name of its table, and the beginnings of the settings in it."""


def settings_table(beginnings: tuple[str, ...]) -> str:
    """Settings as a Markdown table, in the order of the class."""
    rows = ["| Setting | Default | What it does |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        if not name.startswith(beginnings):
            continue
        default = field.get_default()
        shown = {"True": "on", "False": "off", "**********": "", "": ""}.get(str(default), str(default))
        rows.append(f"| `FOOTNOTE_{name.upper()}` | {f'`{shown}`' if shown else ''} | {field.description} |")
    return "\n".join(rows)


def with_table(page: Path) -> str:
    """The page with its table of now."""
    name, beginnings = TABLES[page]
    start, end = f"<!-- {name}: written by tests/test_readme.py --write -->", f"<!-- /{name} -->"
    table = settings_table(beginnings)
    return re.sub(f"{re.escape(start)}.*?{re.escape(end)}", f"{start}\n{table}\n{end}", page.read_text(), flags=re.S)


@pytest.mark.parametrize("page", TABLES, ids=lambda page: page.name)
def test_the_settings_table_is_that_of_the_code(page: Path) -> None:
    assert "| `FOOTNOTE_MAX_FILE_MB` |" in page.read_text()
    assert with_table(page) == page.read_text(), "run `python -m tests.test_readme --write`"


def test_every_setting_has_a_description() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_every_link_leads_to_a_file() -> None:
    for name in ("README.md", "CONTRIBUTING.md", "data/samples/README.md", "docs/ingestion.md", "docs/decisions.md"):
        page = REPOSITORY / name
        for target in re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{name} links to {target}"


@pytest.mark.parametrize("page", TABLES, ids=lambda page: page.name)
def test_every_command_it_shows_exists(page: Path) -> None:
    from typer.testing import CliRunner

    from ui.cli import app

    shown = set(
        re.findall(r"(?:^|; |`)footnote ([a-z]+(?: (?:list|fetch|show|cancel|retry|follow))?)", page.read_text(), re.M)
    )
    assert shown >= {"add", "doctor", "rebuild", "jobs list", "jobs cancel", "jobs retry"}
    for command in shown:
        assert CliRunner().invoke(app, [*command.split(), "--help"]).exit_code == 0, command


def test_the_formats_it_names_are_those_of_the_code() -> None:
    from ingest.loading.formats import READS

    assert READS in " ".join(README.read_text().split())


def test_make_targets_it_shows_exist() -> None:
    makefile = (REPOSITORY / "Makefile").read_text()
    for page in ("README.md", "CONTRIBUTING.md", "docs/ingestion.md"):
        for target in set(re.findall(r"\bmake ([a-z]+)\b", (REPOSITORY / page).read_text())):
            assert re.search(rf"^{target}:", makefile, flags=re.M) or target in ("and",), f"{page} shows make {target}"


if __name__ == "__main__" and "--write" in sys.argv:
    for page in TABLES:
        page.write_text(with_table(page))
