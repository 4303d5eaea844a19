"""Where the catalog's database is: SQLite in the data folder, or the PostgreSQL that the settings name."""

from __future__ import annotations

import os
from collections.abc import Iterator

import sqlalchemy as sa

from rag.addresses import is_loopback
from rag.errors import RemoteNotAllowed, UsageError
from rag.settings import Settings

_DRIVER = "postgresql+psycopg"
_NAMES = ("postgres", "postgresql", _DRIVER)


def database_url(settings: Settings) -> str:
    """The address of the catalog's database, as SQLAlchemy reads it.

    Raises `UsageError` where the setting is none, and `RemoteNotAllowed` where it leads to another machine that is not
    named in `FOOTNOTE_ALLOW_REMOTE`: the catalog holds the documents' texts.
    """
    if not settings.database_url:
        return f"sqlite:///{settings.data_folder / 'catalog.sqlite'}"
    url = parsed_url(settings.database_url)
    for host in _hosts(url):
        if not (host.startswith("/") or is_loopback(host) or host.rstrip(".").lower() in settings.allowed_hosts):
            raise RemoteNotAllowed(
                f"The catalog's database at {host} is not on this machine, and documents would be sent there.",
                f"If you want that, name the host: FOOTNOTE_ALLOW_REMOTE={host}",
            )
    return url.render_as_string(hide_password=False)


def parsed_url(url: str) -> sa.URL:
    """The parts of an address; of PostgreSQL however it is written, always with the driver that is installed."""
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError as error:
        raise _not_understood() from error
    if parsed.drivername in _NAMES:
        return parsed.set(drivername=_DRIVER)
    if parsed.get_backend_name() != "sqlite":
        raise _not_understood()
    return parsed


def _hosts(url: sa.URL) -> Iterator[str]:
    """Every host that libpq may connect to, by the address or by its own environment; `?` for one that only its files know."""
    if url.get_backend_name() == "sqlite":
        return
    addresses = _listed(url.query.get("hostaddr")) or (os.environ.get("PGHOSTADDR", ""),)
    named = [url.host or "", *_listed(url.query.get("host"))]
    for host in (*(filter(None, named) if any(named) else (os.environ.get("PGHOST", ""),)), *addresses):
        yield from (part.strip() for part in host.split(",") if part.strip())
    if "service" in url.query or "PGSERVICE" in os.environ:
        yield "?"


def _listed(value: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value or ()


def _not_understood() -> UsageError:
    return UsageError(
        "FOOTNOTE_DATABASE_URL is not understood.",
        "Write it as postgresql://USER:PASSWORD@HOST/NAME, or leave it empty.",
    )
