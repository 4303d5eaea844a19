"""Which addresses are this machine, and how a client must be set so that it stays there.

No name is ever looked up: asking a DNS server is already telling someone.
"""

from __future__ import annotations

import ipaddress
from typing import Any
from urllib.parse import urlsplit

from rag.errors import RemoteNotAllowed
from rag.settings import Settings

CONNECT_SECONDS = 2.0
"""Longest wait for a connection, and for the first word of a server that is asked whether it is there."""


def host_of(url: str) -> str:
    """The host that a client would connect to, in lower case; empty where the address is not understood.

    User names are refused rather than skipped (`http://127.0.0.1@example.com` is example.com), and so are backslashes,
    blanks and control characters, which libraries read in different ways.
    """
    if "\\" in url or any(character.isspace() or not character.isprintable() for character in url):
        return ""
    try:
        parts = urlsplit(url if "://" in url else f"//{url}")
        host = parts.hostname or ""
        _ = parts.port  # raises where the port is not a number
    except ValueError:
        return ""
    return "" if "@" in parts.netloc else host


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its spelling: `localhost`, 127.0.0.0/8 in four numbers, or ::1.

    Other spellings of the same number (`2130706433`, `0x7f.1`) are not taken: clients disagree about them.
    """
    if host.rstrip(".").lower() == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback


def require_local(url: str, settings: Settings, what: str) -> None:
    """Raise `RemoteNotAllowed` unless `url` is on this machine or its host is named in `FOOTNOTE_ALLOW_REMOTE`.

    `what` names the server in the message, such as "Ollama".
    """
    host = host_of(url)
    if host and (is_loopback(host) or host.rstrip(".") in settings.allowed_hosts):
        return
    if not host:
        raise RemoteNotAllowed(
            f"The address of {what} is not understood: {url!r}.",
            "Write it as http://HOST:PORT, without a user name.",
        )
    raise RemoteNotAllowed(
        f"{what} at {host} is not on this machine, and documents would be sent there.",
        f"If you want that, name the host: FOOTNOTE_ALLOW_REMOTE={host}",
    )


def http_options(silence: float) -> dict[str, Any]:
    """Options of an httpx client: no proxies, no redirects, quick to connect, `silence` seconds between bytes.

    `trust_env=False` also drops SSL_CERT_FILE, so the system's certificates are given where they matter.
    """
    import ssl

    import httpx

    return {
        "trust_env": False,
        "follow_redirects": False,
        "timeout": httpx.Timeout(silence, connect=min(CONNECT_SECONDS, silence)),
        "verify": ssl.create_default_context(),
    }
