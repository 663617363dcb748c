"""Speaks with a server of tools by streamable HTTP, so that its address leads nowhere that only this machine may reach.

An address is checked when it is connected to, after its name is resolved, as in
:mod:`~llmagent_os.adapter_kit.guarded_http`. The SDK follows redirections within the server's origin only.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from mcp.client.streamable_http import streamable_http_client

from llmagent_os.adapter_kit.guarded_http import AddressError, public_addresses
from llmagent_os.mcp.byte_budget import ByteBudget

#: Bytes of one answer, and of one event of a stream.
MAX_ANSWER = 8_000_000
#: Seconds to connect, to write and for the first byte.
CONNECT_SECONDS = 10.0
#: Seconds without a byte of a stream that is open. A call has a limit of its own.
IDLE_SECONDS = 600.0


class GuardedTransport(httpx2.AsyncBaseTransport):
    """Sends requests to public addresses only, and takes answers of a bounded size."""

    def __init__(self, *, allow_private: bool = False) -> None:
        """Args: ``allow_private``: also take addresses of this machine and of its network."""
        self._inner = httpx2.AsyncHTTPTransport(trust_env=False)
        self._allow_private, self._budget = allow_private, ByteBudget()
        #: the header ``WWW-Authenticate`` of an answer with the status 401; None: there was no such answer
        self.challenge: str | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request to an address that was checked.

        Raises:
            httpx2.ConnectError: the address is not public.
        """
        if not self._allow_private:
            request = await _with_checked_address(request)
        response = await self._inner.handle_async_request(request)
        if response.status_code == 401:
            self.challenge = response.headers.get("www-authenticate", "")
        is_endless = response.headers.get("content-type", "").startswith("text/event-stream")
        response.stream = _BoundedStream(response.stream, self._budget, None if is_endless else MAX_ANSWER)
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


async def _with_checked_address(request: httpx2.Request) -> httpx2.Request:
    """``request`` to the address that was checked, in place of the name, which might be resolved anew."""
    host = request.url.host
    try:
        address = (await public_addresses(host))[0]
    except AddressError as error:
        raise httpx2.ConnectError(str(error), request=request) from None
    return httpx2.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,  # with the name as the host
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": host},  # for whom the certificate is
    )


class _BoundedStream(httpx2.AsyncByteStream):
    """The bytes of an answer, until there are too many: of this answer, or of all in the period of the budget."""

    def __init__(self, stream: Any, budget: ByteBudget, most: int | None) -> None:
        self._stream, self._budget, self._most = stream, budget, most

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        size = 0
        async for chunk in self._stream:
            size += len(chunk)
            if self._most is not None and size > self._most:
                raise httpx2.ReadError(f"the answer has more than {self._most} bytes")
            if not self._budget.takes(len(chunk)):
                raise httpx2.ReadError(self._budget.excess)
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


@asynccontextmanager
async def http_transport(
    url: str, headers: Mapping[str, str], guarded: GuardedTransport
) -> AsyncGenerator[tuple[Any, Any]]:
    """The streams of the messages of the server at ``url``, as the SDK takes them.

    Args:
        url: the server's address.
        headers: that every request has.
        guarded: sends the requests.
    """
    timeout = httpx2.Timeout(CONNECT_SECONDS, read=IDLE_SECONDS)
    client = httpx2.AsyncClient(headers=dict(headers), timeout=timeout, transport=guarded, trust_env=False)
    async with client, streamable_http_client(url, http_client=client, max_sse_event_size=MAX_ANSWER) as streams:
        yield streams
