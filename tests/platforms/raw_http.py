"""HTTP requests with headers that no client library would send."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit


async def raw_post(url: str, headers: bytes, body: bytes = b"{}") -> int:
    """The status of the answer to a POST with ``headers``, lines as they are."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    head = f"POST {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Length: {len(body)}\r\n"
    head += "Content-Type: application/json\r\nConnection: close\r\n"
    writer.write(head.encode() + headers + b"\r\n" + body)
    try:
        status = (await reader.readline()).split(b" ")[1]
        await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()
    return int(status)
