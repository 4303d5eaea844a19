"""Streamlit, kept silent: every option is set here, in code, and nothing outside the code can change one.

Streamlit reads `config.toml` from the home and the working directory, `secrets.toml` beside them, and some environment
variables. None of these is read for Footnote: a file that lies about must not switch statistics on, name foreign origins
or bring a theme whose font is fetched from elsewhere.
"""

from __future__ import annotations

import os
from typing import Any

from ui.style import THEME

SETTINGS_OF_OTHERS = "STREAMLIT_"


def streamlit_options(hosts: tuple[str, ...], max_upload_mb: int, log_level: str) -> dict[str, Any]:
    """Every option that Footnote sets. `hosts` are the names under which the app may be asked for; empty: any.

    `server.allowedHosts` only guards Streamlit's WebSocket; `ui.guard` stands before everything and is stricter.
    """
    return {
        "browser.gatherUsageStats": False,
        "browser.serverAddress": "127.0.0.1",
        "client.allowedOrigins": [],
        "client.showErrorDetails": "none",
        "client.showErrorLinks": False,
        "client.toolbarMode": "minimal",
        "client.disableDataExport": True,
        "global.developmentMode": False,
        "logger.enableRich": False,  # it writes to stdout, where the log is not
        "logger.hideWelcomeMessage": True,
        "logger.level": log_level.lower(),
        "runner.magicEnabled": False,
        "secrets.files": [],
        "server.address": "127.0.0.1",
        "server.allowedHosts": list(hosts),
        "server.corsAllowedOrigins": [],
        "server.enableAgentApi": False,
        "server.enableCORS": True,
        "server.enableStaticServing": False,
        "server.enableXsrfProtection": True,
        "server.fileWatcherType": "none",
        "server.headless": True,
        "server.maxUploadSize": max_upload_mb,
        "server.runOnSave": False,
        "server.showEmailPrompt": False,
        "server.trustedUserHeaders": {},
        **THEME,
    }


def silence_streamlit(hosts: tuple[str, ...], max_upload_mb: int, log_level: str) -> None:
    """Set all options, and take away what could change them or ask the outside. Call before `st.App` is made."""
    for name in [name for name in os.environ if name.startswith(SETTINGS_OF_OTHERS)]:
        del os.environ[name]  # read when Streamlit parses its options, which it does at its import
    from streamlit import config, net_util

    setattr(config, "get_config_files", _no_files)  # noqa: B010 - a module's function, replaced on purpose
    setattr(net_util, "get_external_ip", _no_address)  # noqa: B010 - it asks an outside server
    setattr(net_util, "get_internal_ip", _no_address)  # noqa: B010 - it opens a socket towards one
    options = streamlit_options(hosts, max_upload_mb, log_level)
    config.get_config_options(force_reparse=True, options_from_flags=options)


def _no_files(_name: str) -> list[str]:
    return []


def _no_address() -> None:
    return None
