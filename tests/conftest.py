"""What every test shares: no setting leaks in from outside, and no socket but loopback is opened."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from rag.settings import Settings

REPOSITORY = Path(__file__).parent.parent
SAMPLES = REPOSITORY / "data" / "samples"

for _name in [name for name in os.environ if name.startswith("FOOTNOTE_")]:
    if _name not in ("FOOTNOTE_SHARED", "FOOTNOTE_MODELS") and not _name.startswith("FOOTNOTE_TEST_"):
        del os.environ[_name]
os.environ.pop("OLLAMA_HOST", None)


def shared_folder() -> Path:
    """Where the development documents are, if they are here."""
    return Path(os.environ.get("FOOTNOTE_SHARED") or REPOSITORY.parent / "shared")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the tests over development documents where these are absent: one line, and an error in CI."""
    if (shared_folder() / "bench").is_dir():
        return
    chosen = [item for item in items if item.get_closest_marker("bench_data")]
    if not chosen:
        return
    if os.environ.get("CI"):
        raise pytest.UsageError("The development documents are absent: set FOOTNOTE_SHARED.")
    items[:] = [item for item in items if item not in chosen]
    config.hook.pytest_deselected(items=chosen)
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter:
        reporter.write_line(f"{len(chosen)} tests need the development documents (FOOTNOTE_SHARED): deselected.")


@pytest.fixture(scope="session")
def sample_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the sample papers in it, indexed once with the real models. To be read, or copied."""
    from ingest.library import open_library

    folder = tmp_path_factory.mktemp("samples") / "data"
    library = open_library(settings_for(folder))
    assert library is not None
    with library:
        list(library.add([SAMPLES / "documents"]))
    return folder


def settings_for(folder: Path, **changes: Any) -> Settings:
    """Settings for a data folder, with nothing from outside but where the models are."""
    from rag.settings import Settings

    fields: dict[str, Any] = {"data": folder, "model": "quotes"} | changes
    return Settings(_env_file=None, **fields)
