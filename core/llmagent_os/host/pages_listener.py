"""Serves the pages of plugins where the host has a public address, whichever platforms it is on."""

from __future__ import annotations

import asyncio

import structlog
from aiohttp import web

from llmagent_os.adapter_kit.http_listener import listening
from llmagent_os.adapter_kit.pages import MAX_BODY_BYTES, AnswerPage, add_pages

SHUTDOWN_SECONDS = 2.0  #: how long a request that is being answered may go on when the host stops

_log = structlog.stdlib.get_logger(__name__)


async def serve_pages(answer: AnswerPage, host: str, port: int) -> None:
    """Serve until cancelled.

    Args:
        answer: answers a request.
        host: address to listen on.
        port: to listen on; 0 takes a free one.

    Raises:
        ConfigError: the address cannot be listened on.
    """
    application = web.Application(client_max_size=MAX_BODY_BYTES)
    add_pages(application, answer)
    refused = (
        f"pages: cannot listen on {host!r}, port {port} (is it running already? Set LLMAGENT_OS_PAGES_PORT to another "
        "one)"
    )
    async with listening(application, host, port, refused=refused, shutdown_seconds=SHUTDOWN_SECONDS) as found:
        _log.info("pages of plugins: listening", host=host, port=found)
        await asyncio.get_running_loop().create_future()
