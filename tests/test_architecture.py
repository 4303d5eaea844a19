"""The house keeps its shape: imports, one importing module a library, sizes, no work at import."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

SOURCES = sorted(path for folder in ("rag", "ingest", "ui") for path in (REPOSITORY / folder).rglob("*.py"))

ONE_IMPORTER = {
    "qdrant_client": 1,
    "qdrant_edge": 2,  # the shard, and BM25 which both adapters share
    "fastembed": 2,  # embedding and reranking
    "sentence_transformers": 1,
    "ollama": 2,  # the models, and the client that carries LlamaIndex's class
    "pypdf": 1,
    "lxml": 1,
    "olefile": 1,
    "openpyxl": 1,
    "selectolax": 1,
    "striprtf": 1,
    "rapidocr": 1,
    "dbos": 1,
    "alembic": 1,
    "pypdfium2": 1,
    "filelock": 1,
    "xllamacpp": 1,
}
"""How many modules may import a library: one for each purpose it serves."""


def imports_of(path: Path) -> set[str]:
    """The top-level packages that a module imports, lazily or not."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def test_each_library_has_few_importing_modules() -> None:
    importers: dict[str, set[str]] = defaultdict(set)
    for path in SOURCES:
        if "migrations" not in path.parts:
            for name in imports_of(path):
                importers[name].add(path.relative_to(REPOSITORY).as_posix())
    for library, allowed in ONE_IMPORTER.items():
        assert len(importers[library]) <= allowed, f"{library} is imported by {sorted(importers[library])}"
        assert importers[library], f"{library} is not used"


def test_streamlit_is_imported_under_ui_only() -> None:
    assert {path.relative_to(REPOSITORY).parts[0] for path in SOURCES if "streamlit" in imports_of(path)} == {"ui"}


def test_the_asked_packages_are_plain_dependencies_and_used() -> None:
    import tomllib

    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    dependencies = " ".join(project["dependencies"])
    used = set().union(*(imports_of(path) for path in SOURCES))
    for package, module in {
        "llama-index-core": "llama_index",
        "qdrant-client": "qdrant_client",
        "sentence-transformers": "sentence_transformers",
        "ollama": "ollama",
        "streamlit": "streamlit",
        "pypdf": "pypdf",
    }.items():
        assert package in dependencies
        assert module in used


def test_every_package_is_listed() -> None:
    import tomllib

    listed = set(tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    assert listed == {path.parent.relative_to(REPOSITORY).as_posix().replace("/", ".") for path in SOURCES}


def test_the_map_of_ingestion_names_every_module() -> None:
    words = set(
        re.findall(r"`(\w+)", (REPOSITORY / "docs" / "ingestion.md").read_text().split("## Where it stands")[1])
    )
    assert {path.stem for path in (REPOSITORY / "ingest").glob("*.py") if path.stem != "__init__"} <= words


def test_no_module_is_named_pages() -> None:
    """A folder of that name switches Streamlit's old multipage mode on."""
    assert not [path for path in SOURCES if "pages" in path.parts]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(REPOSITORY).as_posix())
def test_modules_stay_readable(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 330


def test_most_functions_are_short() -> None:
    lengths = [
        (node.end_lineno or 0) - node.lineno + 1
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert sum(length <= 30 for length in lengths) / len(lengths) >= 0.9


def test_help_imports_nothing_heavy() -> None:
    heavy = ("torch", "fastembed", "streamlit", "llama_index", "qdrant_client", "qdrant_edge", "sqlalchemy", "pydantic")
    code = (
        "import sys, ui.cli\n"
        "from typer.testing import CliRunner\n"
        "assert CliRunner().invoke(ui.cli.app, ['--help']).exit_code == 0\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    assert result.stdout.strip() == "[]"
