"""The environment of a host that is watched: its servers are on loopback, and everybody may talk to it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from tests.platforms.server import PlatformServer


def host_environment(data: Path, model_url: str, web_port: int, servers: Iterable[PlatformServer]) -> dict[str, str]:
    """The environment variables of a host with the calendar bot, without the settings of this process.

    Args:
        data: the host's data folder.
        model_url: the base URL of the model server.
        web_port: the port of the web chat.
        servers: the platforms' servers, started.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LLMAGENT_OS_")}
    environment |= {
        "LLMAGENT_OS_DATA": str(data),
        "LLMAGENT_OS_ACCESS": "everyone",
        "LLMAGENT_OS_TIME_ZONE": "UTC",
        "LLMAGENT_OS_MODEL": "openai:repeat",
        "LLMAGENT_OS_BASE_URL": model_url,
        "LLMAGENT_OS_API_KEY": "none",
        "LLMAGENT_OS_WEB_PORT": str(web_port),
    }
    for server in servers:
        environment |= server.environment
    return environment
