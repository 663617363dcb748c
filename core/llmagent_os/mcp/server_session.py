"""One connection with a server of tools, in a task of its own: opened when it is needed, and again after it broke.

The SDK wants a connection to be closed by the task that opened it. So one task opens it, waits, and closes it; calls
come from other tasks.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, cast

import structlog
from mcp import Client, MCPError, types
from mcp.types.version import MODERN_PROTOCOL_VERSIONS

from llmagent_os.adapter_kit.background_tasks import BackgroundTasks
from llmagent_os.adapter_kit.containment import contain
from llmagent_os.errors import PluginError
from llmagent_os.mcp.message_meter import MessageMeter, metered
from llmagent_os.mcp.outside_text import cleaned_text

#: Seconds to open a connection: a program may be downloaded first, as `npx` and `uvx` do.
OPEN_SECONDS = 60.0
#: Seconds to read a list of tools that has changed.
LIST_SECONDS = 20.0
#: Seconds before a connection that broke is opened again, doubled each time, up to :data:`MAX_PAUSE_SECONDS`.
PAUSE_SECONDS = 1.0
MAX_PAUSE_SECONDS = 300.0
#: Pages of one list of tools, and tools of it.
MAX_PAGES = 20
MAX_LISTED = 1_000
#: Seconds to wait for the reason why a connection has ended.
CLOSE_SECONDS = 8.0
#: Calls in a row that the server does not answer in time before it is started anew.
MAX_TIMEOUTS = 2
#: Seconds in which a server that lives lists its tools, asked after a call that took too long.
PROBE_SECONDS = 5.0
#: What the SDK says where a server knows the session no more.
SESSION_GONE = "Session terminated"
#: Characters of an error of a server.
MAX_ERROR = 300


class Progress(Protocol):
    """Takes how far a call is: what is done, of how much, and words of the server."""

    async def __call__(self, progress: float, total: float | None, message: str | None) -> None:
        """Take it."""
        ...


_log = structlog.get_logger(__name__)


class ConnectionFailedError(PluginError):
    """There is no connection with the server. The call has not reached it."""


class ServerSession:
    """One connection, for all people or for one."""

    def __init__(
        self,
        server: str,
        transport: Callable[[], AbstractAsyncContextManager[Any]],
        *,
        why_ended: Callable[[], str] = lambda: "",
        listed: Callable[[list[types.Tool]], Awaitable[None]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Args:
        server: its name in the bot's file.
        transport: makes the streams of one connection.
        why_ended: what the transport knows of the end of a connection; empty: nothing.
        listed: takes the tools of the server, when it is connected and whenever they change.
        clock: seconds that only ever increase.
        """
        self._server, self._transport, self._why_ended, self._listed = server, transport, why_ended, listed
        self._clock = clock
        self._task: asyncio.Task[None] | None = None
        self._client: asyncio.Future[Client] | None = None
        self._stop = asyncio.Event()
        self._changed = asyncio.Event()
        self._pause, self._retry_at = 0.0, 0.0
        self._timeouts = 0  # in a row
        self.trouble = ""  #: why there is no connection; empty: there is one, or none was needed yet
        self.used_at = clock()  #: when it was used last
        self.calls = 0  #: that are under way

    async def client(self) -> Client:
        """The open connection. It is opened first, unless it broke a moment ago.

        Raises:
            ConnectionFailedError: it cannot be opened, or broke a moment ago.
        """
        if self._task is None or self._task.done():
            if (left := self._retry_at - self._clock()) > 0:
                raise ConnectionFailedError(
                    f"the server {self._server!r} is not there: {self.trouble}; it is tried again in {left:.0f} s"
                )
            self._stop, self._changed = asyncio.Event(), asyncio.Event()
            self._client = asyncio.get_running_loop().create_future()
            # Not in the context of whoever comes first: the connection serves others, too.
            self._task = asyncio.create_task(
                self._run(self._client), name=f"MCP server {self._server}", context=contextvars.Context()
            )
        if self._client is None:  # pragma: no cover
            raise ConnectionFailedError(f"the server {self._server!r} is not there")
        return await asyncio.shield(self._client)

    async def call(
        self,
        tool: str,
        arguments: Mapping[str, Any],
        seconds: float,
        progress: Progress | None = None,
    ) -> types.CallToolResult:
        """Call a tool. Where the call is cancelled or takes too long, the server is told.

        Raises:
            ConnectionFailedError: there is no connection.
            PluginError: the server refuses the call, or its answer is none.
        """
        self.calls += 1
        try:
            return await self._call(tool, arguments, seconds, progress)
        finally:
            self.calls -= 1
            self.used_at = self._clock()

    async def _call(
        self, tool: str, arguments: Mapping[str, Any], seconds: float, progress: Progress | None
    ) -> types.CallToolResult:
        is_again = False
        while True:
            client = await self.client()
            try:
                answer = await client.call_tool(
                    tool, dict(arguments), read_timeout_seconds=seconds, progress_callback=progress
                )
            except MCPError as error:
                if error.message != SESSION_GONE or is_again:
                    raise PluginError(await self._said(error)) from None
                is_again = True
                await self.close()  # the server has forgotten the session, and has not made the call
            except (ValueError, RuntimeError) as error:
                raise PluginError(
                    f"the server {self._server!r} does not answer as it should: {_short(error)}"
                ) from None
            else:
                self._timeouts = 0
                return answer

    async def _said(self, error: MCPError) -> str:
        """What is said of a call that failed. A server that hangs is ended, and started anew for the next call."""
        if error.code == types.REQUEST_TIMEOUT:
            self._timeouts += 1
            if self._timeouts >= MAX_TIMEOUTS:
                self._timeouts = 0
                if not await self._lives():  # one person's slow calls end no other's
                    await self.close()
            return f"the server {self._server!r} did not answer in time"
        if error.code == types.CONNECTION_CLOSED and self._task is not None:
            await asyncio.wait({self._task}, timeout=CLOSE_SECONDS)
            return f"the server {self._server!r} has gone: {self.trouble}"
        return f"the server {self._server!r} refuses the call: {_short(error)}"

    async def _lives(self) -> bool:
        """Whether the server still answers: it lists its tools. A ping is not in the newer protocol."""
        with contextlib.suppress(MCPError, PluginError, TimeoutError, ValueError, RuntimeError):
            async with asyncio.timeout(PROBE_SECONDS):
                await (await self.client()).list_tools()
                return True
        return False

    async def close(self) -> None:
        """Close the connection. It may be used again, and is opened then."""
        self._stop.set()
        if self._task is not None:
            if self._client is not None and not self._client.done():
                self._task.cancel()  # it is only being opened
            await asyncio.wait({self._task})

    # ── the task ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _run(self, opened: asyncio.Future[Client]) -> None:
        """Open the connection, keep it until it ends or is closed, and close it."""
        meter = MessageMeter()
        try:
            async with contextlib.AsyncExitStack() as stack:
                async with asyncio.timeout(OPEN_SECONDS):
                    client = await stack.enter_async_context(self._made(meter))
                    await self._listed(await _all_tools(client))
                self.trouble, self._pause = "", 0.0
                opened.set_result(client)
                await self._follow(client, meter)
            if not self._stop.is_set():
                self._broken(meter.why or self._why_ended() or "it has ended the connection")
        except BaseException as raised:
            error = _first(contain(raised))
            self._broken(meter.why or self._why_ended() or _why(error))
            if not opened.done():
                opened.set_exception(ConnectionFailedError(f"the server {self._server!r} is not there: {self.trouble}"))
                opened.exception()  # nobody may be waiting
        finally:
            self._client = None
            if not opened.done():  # it was closed while it was opened
                opened.set_exception(ConnectionFailedError(f"the server {self._server!r} is being stopped"))
                opened.exception()

    def _made(self, meter: MessageMeter) -> Client:
        async def message(message: Any) -> None:
            if isinstance(message, types.ToolListChangedNotification):
                self._changed.set()

        return Client(
            metered(self._transport(), meter),
            message_handler=message,
            client_info=types.Implementation(name="llmagent-os", version="1"),
            cache=None,
        )

    async def _follow(self, client: Client, meter: MessageMeter) -> None:
        """Wait for the end, and read the tools again whenever they change."""
        beside = BackgroundTasks()
        capability = client.server_capabilities.tools
        if capability is not None and capability.list_changed and client.protocol_version in MODERN_PROTOCOL_VERSIONS:
            beside.spawn(self._listen(client))
        ends = [asyncio.create_task(each.wait()) for each in (meter.ended, self._stop)]
        try:
            while not any(end.done() for end in ends):
                change = asyncio.create_task(self._changed.wait())
                await asyncio.wait({*ends, change}, return_when=asyncio.FIRST_COMPLETED)
                if change.done():
                    self._changed.clear()
                    await self._list_again(client)
                change.cancel()
        finally:
            for end in ends:
                end.cancel()
            await beside.close()

    async def _list_again(self, client: Client) -> None:
        try:
            async with asyncio.timeout(LIST_SECONDS):
                await self._listed(await _all_tools(client))
        except (MCPError, PluginError, TimeoutError, ValueError) as error:
            _log.warning("the tools of an MCP server cannot be read again", server=self._server, why=_short(error))

    async def _listen(self, client: Client) -> None:
        """Have a server of the newer protocol say when its tools change."""
        with contextlib.suppress(MCPError, ConnectionError, TimeoutError, RuntimeError):
            async with client.listen(tools_list_changed=True) as events:
                async for _ in events:
                    self._changed.set()

    def _broken(self, why: str) -> None:
        self.trouble = cleaned_text(why, MAX_ERROR, lines=False)
        self._pause = min(MAX_PAUSE_SECONDS, self._pause * 2 or PAUSE_SECONDS)
        self._retry_at = self._clock() + self._pause
        _log.warning("an MCP server is not there", server=self._server, why=self.trouble, pause=self._pause)


async def _all_tools(client: Client) -> list[types.Tool]:
    """All pages of the list of tools, up to :data:`MAX_PAGES`."""
    tools: list[types.Tool] = []
    if client.server_capabilities.tools is None:
        return tools
    cursor: str | None = None
    for _ in range(MAX_PAGES):
        page = await client.list_tools(cursor=cursor)
        tools += page.tools
        if not page.next_cursor or page.next_cursor == cursor or len(tools) >= MAX_LISTED:
            break
        cursor = page.next_cursor
    return tools[:MAX_LISTED]


def _first(error: BaseException) -> BaseException:
    """The first error of a group, which the SDK's tasks raise."""
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    return error


def _why(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return f"it does not answer within {OPEN_SECONDS:g} s"
    return _short(error) if isinstance(error, PluginError | MCPError) else f"{type(error).__name__}: {_short(error)}"


def _short(error: BaseException) -> str:
    said = error.message if isinstance(error, MCPError) else str(error)
    return cleaned_text(said, MAX_ERROR, lines=False)
