"""Limits of a listener. What breaks without this: clients that send nothing, or very slowly, stop everybody else.

All over real sockets.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
from collections.abc import AsyncGenerator

import aiohttp
import msgspec
import pytest
from aiohttp import web

from llmagent_os.adapter_kit import connection_limits
from llmagent_os.adapter_kit.connection_limits import ConnectionLimits
from llmagent_os.adapter_kit.http_listener import listening

PATIENCE = 20.0
#: Limits that no test reaches unless it names others.
FAR = ConnectionLimits(connections=1000, per_address=1000, head_seconds=600, body_seconds=600, idle_seconds=600)


class Client:
    """One connection, without a library that would send whole requests."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def connect(cls, port: int, first: str = "", *, address: str = "127.0.0.1") -> Client:
        client = cls(*await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0)))
        client.send(first)
        return client

    def send(self, text: str) -> None:
        self.writer.write(text.encode())

    async def answer(self) -> str:
        """The status line of the next answer; empty: the connection was closed without one."""
        async with asyncio.timeout(PATIENCE):
            try:
                head = await self.reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionError):
                return ""
        lines = head.decode().split("\r\n")
        length = next((int(line.split(":")[1]) for line in lines if line.lower().startswith("content-length")), 0)
        await self.reader.readexactly(length)
        return lines[0]

    async def closed(self) -> None:
        """Wait until the server has closed the connection."""
        async with asyncio.timeout(PATIENCE):
            with contextlib.suppress(ConnectionError):
                await self.reader.read()

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()


class Site:
    """A listener that counts what it was asked."""

    def __init__(self) -> None:
        self.port = 0
        self.asked = 0
        self.held = asyncio.Event()  #: set: requests to /held are answered
        self.clients: list[Client] = []

    async def client(self, first: str = "", *, address: str = "127.0.0.1") -> Client:
        client = await Client.connect(self.port, first, address=address)
        self.clients.append(client)
        return client

    async def hello(self, request: web.Request) -> web.Response:
        self.asked += 1
        return web.Response(text="hello " + (await request.read()).decode())

    async def wait(self, request: web.Request) -> web.Response:
        self.asked += 1
        await self.held.wait()
        return web.Response(text="held")

    async def chat(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(str(message.data))
        return socket


@contextlib.asynccontextmanager
async def site(limits: ConnectionLimits) -> AsyncGenerator[Site]:
    found = Site()
    application = web.Application(client_max_size=1000)
    application.router.add_route("*", "/", found.hello)
    application.router.add_get("/held", found.wait)
    application.router.add_get("/chat", found.chat)
    async with listening(application, "127.0.0.1", 0, refused="x", shutdown_seconds=0.1, limits=limits) as found.port:
        try:
            yield found
        finally:
            found.held.set()
            await asyncio.gather(*(client.close() for client in found.clients))


WHOLE = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
HALF = "GET / HTTP/1.1\r\nHost: x\r\n"


def with_(limits: ConnectionLimits, **changes: float) -> ConnectionLimits:
    return msgspec.structs.replace(limits, **changes)


async def test_300_half_open_requests_do_not_stop_a_whole_one() -> None:
    """Slow loris: 3,000 of them stood before anything was asked of them."""
    async with site(with_(FAR, connections=100)) as found:
        slow = [await found.client(HALF if number % 2 else "") for number in range(300)]
        healthy = await found.client(WHOLE)
        assert await healthy.answer() == "HTTP/1.1 200 OK"
        for each in slow[:200]:
            await each.closed()
        assert found.asked == 1


@pytest.mark.parametrize("first", ["", "G", HALF, HALF + "X: " + "y" * 5000])
async def test_a_head_that_does_not_end_is_answered_with_a_408(first: str) -> None:
    async with site(with_(FAR, head_seconds=0.05)) as found:
        client = await found.client(first)
        assert await client.answer() == "HTTP/1.1 408 Request Timeout"
        await client.closed()


async def test_a_head_that_comes_byte_by_byte_has_no_more_time_than_another() -> None:
    """Every byte would begin the time anew."""
    async with site(with_(FAR, head_seconds=0.2)) as found:
        client = await found.client()

        async def drip() -> None:
            client.send("GET / HTTP/1.1\r\nX: ")
            while True:
                client.send("y")
                await asyncio.sleep(0.01)

        dripping = asyncio.create_task(drip())
        assert await client.answer() == "HTTP/1.1 408 Request Timeout"
        dripping.cancel()


@pytest.mark.parametrize(
    "rest",
    [
        "Content-Length: 5\r\n\r\nab",
        "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
        "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n",
    ],
)
async def test_a_body_that_does_not_end_is_answered_with_a_408(rest: str) -> None:
    async with site(with_(FAR, body_seconds=0.05)) as found:
        client = await found.client(f"POST / HTTP/1.1\r\nHost: x\r\n{rest}")
        answer = await client.answer()
        assert (await client.answer() if "100" in answer else answer) == "HTTP/1.1 408 Request Timeout"
        await client.closed()
        assert found.asked == 0


async def test_chunks_without_end_are_cut_off_at_the_size() -> None:
    async with site(FAR) as found:
        client = await found.client("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(20):
            client.send("64\r\n" + "y" * 100 + "\r\n")
        assert "413" in await client.answer()
        assert found.asked == 0


@pytest.mark.parametrize(
    "head",
    [
        "Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
        "Content-Length: -1\r\n\r\n",
        "Content-Length: 9223372036854775808\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        "Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
        "X: " + "y" * 20_000 + "\r\n\r\n",
    ],
)
async def test_odd_requests_are_refused_and_the_next_client_is_served(
    head: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A 500 with a traceback for each would fill the disk."""
    async with site(with_(FAR, body_seconds=0.2)) as found:
        odd = await found.client(f"POST / HTTP/1.1\r\nHost: x\r\n{head}")
        status = await odd.answer()
        assert status.split(" ")[1][0] == "4", status
        healthy = await found.client(WHOLE)
        assert await healthy.answer() == "HTTP/1.1 200 OK"
    assert [record.message for record in caplog.records if record.exc_info] == []


async def test_a_connection_is_used_again_and_closed_when_nothing_follows() -> None:
    async with site(with_(FAR, head_seconds=30, idle_seconds=0.2)) as found:
        client = await found.client(WHOLE)
        assert await client.answer() == "HTTP/1.1 200 OK"
        client.send(WHOLE)
        assert await client.answer() == "HTTP/1.1 200 OK"
        await client.closed()
        assert found.asked == 2


async def test_the_second_head_on_a_connection_has_its_time_too() -> None:
    """Else one whole request would buy the right to be slow."""
    async with site(with_(FAR, head_seconds=0.2)) as found:
        client = await found.client(WHOLE)
        assert await client.answer() == "HTTP/1.1 200 OK"
        client.send(HALF)
        assert await client.answer() == "HTTP/1.1 408 Request Timeout"


async def test_where_all_connections_are_in_use_a_new_one_is_refused_politely() -> None:
    async with site(with_(FAR, connections=2)) as found:
        busy = [await found.client(WHOLE.replace("/ ", "/held ", 1)) for _ in range(2)]
        while found.asked < 2:  # noqa: ASYNC110
            await asyncio.sleep(0)
        late = await found.client()
        assert await late.answer() == "HTTP/1.1 503 Service Unavailable"
        await late.closed()
        found.held.set()
        assert [await each.answer() for each in busy] == ["HTTP/1.1 200 OK"] * 2, "what was taken is answered"
        again = await found.client(WHOLE)
        assert await again.answer() == "HTTP/1.1 200 OK"


async def test_one_address_cannot_take_all_connections() -> None:
    async with site(with_(FAR, connections=10, per_address=4)) as found:
        held = WHOLE.replace("/ ", "/held ", 1)
        for _ in range(4):
            await found.client(held, address="127.0.0.2")
        while found.asked < 4:  # noqa: ASYNC110
            await asyncio.sleep(0)
        refused = await found.client(WHOLE, address="127.0.0.2")
        assert await refused.answer() == "HTTP/1.1 503 Service Unavailable"
        other = await found.client(WHOLE, address="127.0.0.3")
        assert await other.answer() == "HTTP/1.1 200 OK"


async def test_an_open_page_is_not_closed_to_make_room() -> None:
    """A WebSocket says nothing for hours, and is in use."""
    limits = with_(FAR, connections=3, head_seconds=0.1, idle_seconds=0.1)
    async with site(limits) as found, aiohttp.ClientSession() as session:
        page = await session.ws_connect(f"http://127.0.0.1:{found.port}/chat")
        for each in [await found.client(HALF) for _ in range(20)]:
            await each.closed()
        await page.send_str("still here")
        assert await page.receive_str() == "still here"
        await page.close()


async def test_a_client_that_reads_nothing_is_closed() -> None:
    async with site(with_(FAR, stall_seconds=0.1)) as found:
        client = await found.client()
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(PATIENCE):
                while not client.writer.transport.is_closing():
                    client.send(WHOLE * 500)
                    await client.writer.drain()
        assert client.writer.transport.is_closing()


@pytest.mark.parametrize(("descriptors", "most"), [(256, 51), (1024, 204), (20_000, 1000), (20, 8)])
def test_the_cap_leaves_descriptors_for_everything_else(
    descriptors: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At ``ulimit -n 256`` nothing was left for the ledger."""

    def limit(_which: int) -> tuple[int, int]:
        return descriptors, descriptors

    monkeypatch.setattr(resource, "getrlimit", limit)
    limits = ConnectionLimits()
    assert limits.most == most
    assert 3 * (limits.most + limits.backlog) < descriptors or descriptors < 256
    assert limits.most_per_address == most // 2
    assert connection_limits.MAX_CONNECTIONS == 1000
