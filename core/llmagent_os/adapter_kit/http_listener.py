"""Listening for HTTP requests: webhooks of platforms, and the web chat."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from llmagent_os.adapter_kit.connection_limits import ConnectionLimits, LimitedServer
from llmagent_os.errors import ConfigError

#: The limits of all listeners, unless others are given.
LIMITS = ConnectionLimits()

#: How long the rest of a request that was answered before its end is read and dropped, in seconds.
LINGERING_SECONDS = 1.0

#: The logger of aiohttp's server, which reports every malformed request as an error with a traceback. Anybody can send
#: these, and they are answered with a 400: they are not logged.
LIBRARY_LOG = logging.getLogger("llmagent_os.adapter_kit.http_listener.aiohttp")
LIBRARY_LOG.addFilter(
    lambda record: (
        not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError | web.RequestPayloadError))
    )
)


@asynccontextmanager
async def listening(
    application: web.Application,
    host: str,
    port: int,
    *,
    refused: str,
    shutdown_seconds: float,
    limits: ConnectionLimits | None = None,
    streamed: Collection[str] = (),
) -> AsyncGenerator[int]:
    """Serve ``application`` inside the ``async with`` block, which is given the real port.

    The body of every request is read, within ``limits`` and the application's ``client_max_size``, before the
    application sees the request.

    Args:
        application: answers the requests.
        host: address to listen on.
        port: 0 takes a free one.
        refused: begins the error message: the adapter, and the settings that hold the address.
        shutdown_seconds: how long requests that are being answered may go on at the end.
        limits: of time and of connections; None: :data:`LIMITS`.
        streamed: paths whose handlers read the body themselves, piece by piece, within limits of their own.

    Raises:
        ConfigError: the address cannot be listened on.
    """
    limited = LimitedServer(limits or LIMITS, streamed)
    application.middlewares.insert(0, limited.middleware)
    runner = web.AppRunner(
        application,
        access_log=None,
        logger=LIBRARY_LOG,
        shutdown_timeout=shutdown_seconds,
        keepalive_timeout=limited.limits.idle_seconds,
        lingering_time=LINGERING_SECONDS,
    )
    await runner.setup()
    try:
        if runner.server is None:
            raise RuntimeError("the runner was not set up")
        limited.serve(runner.server)
        loop = asyncio.get_running_loop()
        try:
            server = await loop.create_server(limited, host or None, port, backlog=limited.limits.backlog)
        except OSError as error:
            raise ConfigError(f"{refused}: {error.strerror or error}") from error
        try:
            yield int(server.sockets[0].getsockname()[1])
        finally:
            server.close()
    finally:
        await runner.cleanup()
