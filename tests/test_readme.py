"""The README cannot drift: its settings table, its links and its commands are those of the code.

`python -m tests.test_readme --write` writes the table anew.
"""

from __future__ import annotations

import re
import sys

from rag.settings import Settings
from tests.conftest import REPOSITORY

README = REPOSITORY / "README.md"
START, END = "<!-- settings: written by tests/test_readme.py --write -->", "<!-- /settings -->"


def settings_table() -> str:
    """The settings as a Markdown table, in the order of the class."""
    rows = ["| Setting | Default | What it does |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = field.get_default()
        shown = {"True": "on", "False": "off", "**********": "", "": ""}.get(str(default), str(default))
        rows.append(f"| `FOOTNOTE_{name.upper()}` | {f'`{shown}`' if shown else ''} | {field.description} |")
    return "\n".join(rows)


def with_table(text: str) -> str:
    """The README with the table of now."""
    return re.sub(f"{re.escape(START)}.*?{re.escape(END)}", f"{START}\n{settings_table()}\n{END}", text, flags=re.S)


def test_the_settings_table_is_that_of_the_code() -> None:
    text = README.read_text()
    assert with_table(text) == text, "run `python -m tests.test_readme --write`"


def test_every_setting_has_a_description() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_every_link_leads_to_a_file() -> None:
    for name in ("README.md", "CONTRIBUTING.md", "data/samples/README.md"):
        page = REPOSITORY / name
        for target in re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{name} links to {target}"


def test_every_command_it_shows_exists() -> None:
    from typer.testing import CliRunner

    from ui.cli import app

    shown = set(re.findall(r"(?:^|; |`)footnote ([a-z]+(?: (?:list|fetch))?)", README.read_text(), flags=re.M))
    assert shown >= {"add", "ask", "search", "serve", "models fetch"}
    for command in shown:
        assert CliRunner().invoke(app, [*command.split(), "--help"]).exit_code == 0, command


def test_make_targets_it_shows_exist() -> None:
    makefile = (REPOSITORY / "Makefile").read_text()
    for page in ("README.md", "CONTRIBUTING.md"):
        for target in set(re.findall(r"\bmake ([a-z]+)\b", (REPOSITORY / page).read_text())):
            assert re.search(rf"^{target}:", makefile, flags=re.M) or target in ("and",), f"{page} shows make {target}"


if __name__ == "__main__" and "--write" in sys.argv:
    README.write_text(with_table(README.read_text()))
