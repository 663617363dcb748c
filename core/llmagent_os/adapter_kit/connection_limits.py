"""How many connections a listener holds, and for how long one may say nothing.

Anybody can connect before anything is asked of them. A client that sends its request byte by byte, or none at all,
would hold a descriptor of the process for ever ("slow loris"), and a few hundred of these would stop everything. So
there is a limit of time for every phase of a connection, and a cap on the number. At the cap, the connection that has
waited longest for the rest of its request makes room for the new one. So whoever sends a whole request at once is
served, however many others do not. Only where every connection is in use is a new one refused, with a 503.
"""

from __future__ import annotations

import asyncio
import resource
import socket
from collections.abc import Awaitable, Callable, Collection
from typing import cast

import msgspec
import structlog
from aiohttp import web

_log = structlog.stdlib.get_logger(__name__)

#: The most connections of one listener, however many descriptors the process may have.
MAX_CONNECTIONS = 1000

#: The part of the process's descriptors that one listener may use. There may be three, beside files and other sockets.
DESCRIPTOR_SHARE = 5

#: The fewest connections with which a listener is of any use.
_LEAST_CONNECTIONS = 8

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ConnectionLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of one listener."""

    connections: int = 0  #: open connections; 0: as many as the descriptors of the process allow
    #: open connections of one address; 0: half of all. A proxy has all of its clients' connections.
    per_address: int = 0
    head_seconds: float = 10.0  #: from the first moment of a request to the end of its headers
    body_seconds: float = 20.0  #: from the end of the headers to the end of the body
    idle_seconds: float = 75.0  #: between two requests on one connection
    stall_seconds: float = 30.0  #: for which a client may read nothing of an answer

    @property
    def most(self) -> int:
        """The most open connections."""
        if self.connections:
            return self.connections
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        allowed = MAX_CONNECTIONS if soft == resource.RLIM_INFINITY else soft // DESCRIPTOR_SHARE
        return max(_LEAST_CONNECTIONS, min(MAX_CONNECTIONS, allowed))

    @property
    def most_per_address(self) -> int:
        """The most open connections of one address."""
        return self.per_address or max(1, self.most // 2)

    @property
    def backlog(self) -> int:
        """How many connections the system holds for the listener. The event loop takes that many at one go."""
        return max(_LEAST_CONNECTIONS, min(128, self.most // 2))


class LimitedServer:
    """Makes a protocol for every new connection, and knows all that are open: ``loop.create_server`` calls this."""

    def __init__(self, limits: ConnectionLimits, streamed: Collection[str] = ()) -> None:
        """Args:
        limits: those of the listener. :meth:`serve` comes before the first connection.
        streamed: paths whose handlers read the body themselves, piece by piece, within limits of their own.
        """
        self.limits = limits
        self._streamed = frozenset(streamed)
        self._most, self._most_per_address = limits.most, limits.most_per_address
        self._make: Callable[[], asyncio.Protocol] | None = None
        self._open: dict[_Connection, None] = {}
        #: those that wait for the rest of a request, or for the next one; the longest wait is first
        self._waiting: dict[_Connection, None] = {}
        self._by_transport: dict[asyncio.BaseTransport, _Connection] = {}

    def serve(self, make: Callable[[], asyncio.Protocol]) -> None:
        """Args: ``make`` makes the protocol that answers the requests of one connection."""
        self._make = make

    def __call__(self) -> asyncio.Protocol:
        """A protocol for a new connection."""
        return _Connection(self)

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Read the body of ``request`` within its time, and then have it answered."""
        connection = None if request.transport is None else self._by_transport.get(request.transport)
        if connection is None:  # it was closed in the meantime
            raise ConnectionResetError("the connection is closed")
        connection.begin_body()
        if request.path not in self._streamed:  # one that is streamed still waits: at the cap, it makes room
            if (refused := await self._read_body(request)) is not None:
                return refused
            connection.begin_answer()
        try:
            return await handler(request)
        finally:
            connection.end_answer()

    async def _read_body(self, request: web.Request) -> web.Response | None:
        """Read the body of ``request`` within its time. Returns what is answered if that fails."""
        try:
            async with asyncio.timeout(self.limits.body_seconds):
                await request.read()
        except TimeoutError:
            return _closing(408)
        except web.HTTPException as error:  # the body is too long
            return _closing(error.status)
        except (web.RequestPayloadError, ValueError):  # chunks, or a compression, that cannot be read
            return _closing(400)
        return None

    # ── for connections ───────────────────────────────────────────────────────────────────────────────────────────

    def admit(self, connection: _Connection, transport: asyncio.Transport) -> asyncio.Protocol | None:
        """The protocol that serves ``connection``. None: there is no room."""
        same = [other for other in self._open if other.address == connection.address]
        if len(same) >= self._most_per_address and not self._make_room(connection.address):
            _log.warning("too many connections from one address; a new one is refused", most=self._most_per_address)
            return None
        if len(self._open) >= self._most and not self._make_room(None):
            _log.warning("too many connections; a new one is refused", most=self._most)
            return None
        self._open[connection] = None
        self._by_transport[transport] = connection
        if self._make is None:
            raise RuntimeError("a LimitedServer serves nothing before serve()")
        return self._make()

    def waits(self, connection: _Connection) -> None:
        """Note that ``connection`` waits from now on."""
        if connection in self._open:
            self._waiting.pop(connection, None)
            self._waiting[connection] = None

    def works(self, connection: _Connection) -> None:
        """Note that ``connection`` is being answered."""
        self._waiting.pop(connection, None)

    def remove(self, connection: _Connection, transport: asyncio.BaseTransport | None) -> None:
        """Note that ``connection`` is closed."""
        self._open.pop(connection, None)
        self._waiting.pop(connection, None)
        if transport is not None:
            self._by_transport.pop(transport, None)

    def _make_room(self, address: str | None) -> bool:
        """Close the connection that has waited longest: of ``address``, or of all. False: none waits."""
        oldest = next((each for each in self._waiting if address in (None, each.address)), None)
        if oldest is None:
            return False
        _log.warning("too many connections; the one that has waited longest makes room", most=self._most)
        oldest.drop()
        return True


class _Connection(asyncio.Protocol):
    """One connection: hands everything on to the protocol that serves it, and keeps its times."""

    def __init__(self, server: LimitedServer) -> None:
        self.address = ""  #: of the client, without its port
        self._server = server
        self._limits = server.limits
        self._transport: asyncio.Transport | None = None
        self._inner: asyncio.Protocol | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None
        self._idle = False  # whether nothing of the next request has come yet

    # ── the event loop ────────────────────────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not isinstance(transport, asyncio.Transport):
            raise TypeError(f"a listener serves streams, not {transport!r}")
        self._transport = transport
        peer: object = transport.get_extra_info("peername")
        self.address = str(cast("tuple[object, ...]", peer)[0]) if isinstance(peer, tuple) else ""
        inner = self._server.admit(self, transport)
        if inner is None:
            self._refuse(503, "Service Unavailable", "Retry-After: 10\r\n")
            return
        self._inner = inner
        _bound_unread(transport, self._limits.stall_seconds)
        self._server.waits(self)
        self._close_in(self._limits.head_seconds)
        inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if self._inner is None:
            return
        if self._idle:
            self._idle = False
            self._close_in(self._limits.head_seconds)
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return None if self._inner is None else self._inner.eof_received()

    def pause_writing(self) -> None:
        if self._inner is not None and self._transport is not None:
            self._stalled = asyncio.get_running_loop().call_later(self._limits.stall_seconds, self._transport.abort)
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
        if self._inner is not None:
            self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.remove(self, self._transport)
        for timer in (self._deadline, self._stalled):
            if timer is not None:
                timer.cancel()
        if self._inner is not None:
            self._inner.connection_lost(exc)
        self._inner = self._transport = None

    # ── the phases of a request ───────────────────────────────────────────────────────────────────────────────────

    def begin_body(self) -> None:
        """The headers are complete. Until the body is, this connection still waits."""
        self._idle = False
        self._close_in(None)

    def begin_answer(self) -> None:
        """The request is complete."""
        self._server.works(self)

    def end_answer(self) -> None:
        """The answer is made; perhaps another request follows."""
        if self._transport is not None:
            self._idle = True
            self._server.waits(self)
            self._close_in(self._limits.idle_seconds)

    def drop(self) -> None:
        """Close the connection at once, to make room."""
        self._server.remove(self, None)
        if self._transport is not None:
            self._transport.abort()

    def _close_in(self, seconds: float | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None
        if seconds is not None:
            self._deadline = asyncio.get_running_loop().call_later(seconds, self._too_late)

    def _too_late(self) -> None:
        if self._idle and self._transport is not None:
            self._transport.close()
        else:
            self._refuse(408, "Request Timeout")

    def _refuse(self, status: int, reason: str, more: str = "") -> None:
        """Answer without having read a request, and close the connection."""
        if self._transport is not None:
            head = f"HTTP/1.1 {status} {reason}\r\n{more}Content-Length: 0\r\nConnection: close\r\n\r\n"
            self._transport.write(head.encode())
            self._transport.close()


def _closing(status: int) -> web.Response:
    """An answer after which the connection is closed: the rest of the body is not read."""
    answer = web.Response(status=status)
    answer.force_close()
    return answer


def _bound_unread(transport: asyncio.Transport, seconds: float) -> None:
    """Have the system close a connection whose client takes nothing for ``seconds``, where the system can do that."""
    option: int | None = getattr(socket, "TCP_USER_TIMEOUT", None)
    raw = transport.get_extra_info("socket")
    if option is not None and raw is not None and raw.family in (socket.AF_INET, socket.AF_INET6):
        raw.setsockopt(socket.IPPROTO_TCP, option, int(seconds * 1000))
