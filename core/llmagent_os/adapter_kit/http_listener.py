"""Listening for HTTP requests: webhooks of platforms, and the web chat."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from aiohttp import web

from llmagent_os.errors import ConfigError


@asynccontextmanager
async def listening(
    application: web.Application, host: str, port: int, *, refused: str, shutdown_seconds: float
) -> AsyncGenerator[int]:
    """Serve ``application`` inside the ``async with`` block, which is given the real port.

    Args:
        application: answers the requests.
        host: address to listen on.
        port: 0 takes a free one.
        refused: begins the error message: the adapter, and the settings that hold the address.
        shutdown_seconds: how long requests that are being answered may go on at the end.

    Raises:
        ConfigError: the address cannot be listened on.
    """
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=shutdown_seconds)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise ConfigError(f"{refused}: {error.strerror or error}") from error
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
