"""`footnote models`: bring model files, and list what is there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rag.model_files import CHAT, EMBEDDER, RERANKER, ModelFiles, fetch, missing
from rag.settings import DEFAULT_EMBEDDER, Settings
from ui import terminal


def fetch_models(
    settings: Settings, *, chat: bool, embedder: str, show: bool, quiet: bool = False
) -> list[dict[str, str]]:
    """Fetch what is missing and say so. Raises `ModelFilesMissing` with the remedy."""
    fetched = []
    for model in (EMBEDDER, RERANKER, *((CHAT,) if chat else ())):
        folder = fetch(model, settings.models_folder, _report if show else lambda *_: None)
        fetched.append({"model": model.title, "folder": str(folder)})
    if embedder and embedder != DEFAULT_EMBEDDER:
        from rag.embedding import fetch_sentence_transformer

        fetch_sentence_transformer(embedder)
        fetched.append({"model": embedder, "folder": ""})
    if show and not quiet:
        for one in fetched:
            terminal.out(f"ready  {one['model']}" + (f"  in {one['folder']}" if one["folder"] else ""))
    return fetched


def installed_models(settings: Settings) -> dict[str, Any]:
    """Who can write answers here, which models search, and why Ollama is absent if it is."""
    from rag.chat import list_models

    models = [
        _searching(model, purpose, settings) for model, purpose in ((EMBEDDER, "search"), (RERANKER, "reranking"))
    ]
    listing = list_models(settings)
    models += [
        {
            "model": entry.name,
            "purpose": "answers",
            "size": _size(entry.size),
            "state": "ready" if entry.usable else entry.reason,
        }
        for entry in listing.models
    ]
    return {"models": models} | ({"ollama": listing.ollama} if listing.ollama else {})


def _searching(model: ModelFiles, purpose: str, settings: Settings) -> dict[str, str]:
    folder: Path = settings.models_folder / model.folder
    lacking = missing(model, folder)
    size = 0 if lacking else sum((folder / file.name).stat().st_size for file in model.files)
    state = "missing: run `footnote models fetch`" if lacking else "ready"
    return {"model": model.title, "purpose": purpose, "size": _size(size), "state": state}


def _size(count: int | None) -> str:
    return f"{count / 1e6:,.0f} MB" if count else ""


def _report(step: str, done: int, total: int) -> None:
    terminal.err(f"[{done}/{total}] {step}" if total > 1 else step)
