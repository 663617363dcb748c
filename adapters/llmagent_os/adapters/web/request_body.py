"""The body of an upload, as it arrives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from aiohttp import web

from llmagent_os.adapter_kit.files import CHUNK_BYTES

UPLOAD_SECONDS = 300.0  #: how long one upload may take to arrive


async def body_chunks(request: web.Request) -> AsyncIterator[bytes]:
    """Yield the body of ``request``, piece by piece.

    Raises:
        TimeoutError: it does not end within :data:`UPLOAD_SECONDS`.
    """
    deadline = asyncio.get_running_loop().time() + UPLOAD_SECONDS
    while True:
        async with asyncio.timeout_at(deadline):
            chunk = await request.content.read(CHUNK_BYTES)
        if not chunk:
            return
        yield chunk
