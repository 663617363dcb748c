"""Looks at vLLM servers from time to time: which are there, and which LoRAs they have."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import structlog

from llmagent_os.errors import ModelError
from llmagent_os.serving.vllm_server import VllmServer

_log = structlog.stdlib.get_logger(__name__)

#: How often servers are looked at.
WATCH_SECONDS = 5.0


def _nothing(at: int, error: ModelError | None) -> None:
    """Nobody wants to know."""


async def watch_servers(
    servers: Sequence[VllmServer], seen: Callable[[int, ModelError | None], None] = _nothing
) -> None:
    """Look at servers until cancelled.

    Args:
        servers: which.
        seen: called with a server's place and what was wrong with it; None: nothing.
    """
    last: dict[int, str] = {}
    while True:
        found = await asyncio.gather(*(look_at(server) for server in servers))
        for at, (looked, error) in enumerate(found):
            if not looked:
                continue
            if (said := str(error or "")) != last.get(at, ""):
                url = servers[at].management.url
                if said:
                    _log.warning("a model's server is not as it should be", server=url, why=said)
                else:
                    _log.info("a model's server is as it should be again", server=url)
                last[at] = said
            seen(at, error)
        await asyncio.sleep(WATCH_SECONDS)


async def look_at(server: VllmServer) -> tuple[bool, ModelError | None]:
    """Bring one server into step; gives whether it was looked at, and what was wrong."""
    try:
        return await server.look(), None
    except ModelError as error:
        return True, error
