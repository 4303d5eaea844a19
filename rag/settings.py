"""All settings, read from `FOOTNOTE_*` in the environment and `.env`. Reading them touches nothing else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

DEFAULT_EMBEDDER = "BAAI/bge-small-en-v1.5"
LOOPBACK_OLLAMA = "http://127.0.0.1:11434"


class Settings(BaseSettings):
    """Frozen settings. Each field is `FOOTNOTE_<NAME>`; its description is printed in the README's table."""

    model_config = SettingsConfigDict(env_prefix="FOOTNOTE_", env_file=".env", extra="ignore", frozen=True)

    data: Path = Field(Path("data"), description="Folder for all that Footnote writes: catalog, index, originals")
    models: Path = Field(
        Path("~/.cache/footnote/models"), description="Folder of the models, shared by all data folders"
    )
    host: str = Field(
        "127.0.0.1", description="Address the app listens on; there are no accounts yet, so keep loopback"
    )
    port: int = Field(8501, ge=1, le=65535, description="Port of the app")
    model: str = Field(
        "",
        description="Who writes answers: `quotes`, `ollama:NAME`, `openai:NAME@URL` or `gguf:PATH`; empty: the best there is",
    )
    ollama_url: str = Field("", description=f"Address of Ollama; empty: `OLLAMA_HOST`, else {LOOPBACK_OLLAMA}")
    openai_api_key: SecretStr = Field(
        SecretStr(""), description="Key for the OpenAI-compatible server, if it wants one"
    )
    qdrant_url: str = Field("", description="Address of a Qdrant server; empty: the engine inside the process")
    qdrant_api_key: SecretStr = Field(SecretStr(""), description="Key for the Qdrant server")
    database_url: str = Field("", description="SQLAlchemy address of the catalog; empty: SQLite in the data folder")
    embedder: str = Field(
        DEFAULT_EMBEDDER,
        description="The fetched bge-small, or any sentence-transformers model by hub name or folder",
    )
    rerank: bool = Field(True, description="`on` or `off`: let the cross-encoder read the candidates")
    allow_remote: str = Field("", description="Host names outside this machine that may be talked to, comma-separated")
    chunk_tokens: int = Field(256, ge=32, le=8192, description="Size of a chunk, in the embedder's own tokens")
    passages: int = Field(6, ge=1, le=50, description="How many passages a model is given")
    context_window: int = Field(8192, ge=1024, description="Context asked of the model (`num_ctx`), in tokens")
    answer_tokens: int = Field(512, ge=32, description="Longest answer, in tokens")
    request_timeout: float = Field(
        300.0, gt=0, description="Longest silence of a model before it is given up, in seconds"
    )
    keep_alive: str = Field("10m", description="How long Ollama keeps the model in memory after an answer")
    max_file_mb: int = Field(200, ge=1, description="Largest file that is read, in megabytes")
    parse_seconds: float = Field(60.0, gt=0, description="Longest time that reading one file may take, in seconds")
    parse_memory_mb: int = Field(1024, ge=256, description="Memory that reading one file may take, in megabytes")
    parse_pages: int = Field(5000, ge=1, description="Most pages, slides or sheets of one file")
    parse_workers: int = Field(2, ge=1, le=64, description="Child processes that read files")
    unzip_mb: int = Field(
        500, ge=1, description="Most that a zip, docx, xlsx, pptx or epub may unpack to, in megabytes"
    )
    unzip_ratio: int = Field(200, ge=2, description="Most that such a file may grow when it is unpacked")
    unzip_files: int = Field(10_000, ge=1, description="Most files in such a file")
    ocr: Literal["auto", "off"] = Field(
        "auto",
        description="`auto`: recognise text on pages that have none, where the extra `ocr` or tesseract is there",
    )
    ocr_seconds: float = Field(60.0, gt=0, description="Longest time that recognising one page may take, in seconds")
    ocr_memory_mb: int = Field(3072, ge=512, description="Memory that recognising one page may take, in megabytes")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("WARNING", description="What goes to stderr")

    @property
    def data_folder(self) -> Path:
        """The data folder, absolute."""
        return self.data.expanduser().absolute()

    @property
    def models_folder(self) -> Path:
        """The models folder, absolute."""
        return self.models.expanduser().absolute()

    @property
    def ollama_address(self) -> str:
        """Ollama's address with a scheme: the setting, else `OLLAMA_HOST` as Ollama itself reads it, else loopback."""
        address = self.ollama_url or os.environ.get("OLLAMA_HOST", "").strip() or LOOPBACK_OLLAMA
        if "://" not in address:
            address = f"http://{address}"
        scheme, rest = address.split("://", 1)
        host = rest.rstrip("/")
        if host.startswith("0.0.0.0"):  # noqa: S104 - what a server listens on; a client calls loopback
            host = host.replace("0.0.0.0", "127.0.0.1", 1)  # noqa: S104
        if scheme == "http" and ":" not in host.rsplit("]", 1)[-1]:
            host = f"{host}:11434"
        return f"{scheme}://{host}"

    @property
    def allowed_hosts(self) -> frozenset[str]:
        """Host names outside this machine that the admin allows."""
        return frozenset(name.strip().lower() for name in self.allow_remote.split(",") if name.strip())
