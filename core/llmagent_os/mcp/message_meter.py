"""Watches the messages of a server on their way to the SDK: notices the end, and ends a server that floods.

It also takes the schemas of results out of lists of tools. The SDK would check every result against them: with the
regular expressions of a stranger, and in the event loop.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import TracebackType
from typing import Any, Self, cast

import structlog
from anyio import EndOfStream
from mcp.client import Transport
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCResponse

#: Messages that a server may send in one period.
MAX_MESSAGES = 2_000
#: What the period lasts, in seconds.
PERIOD_SECONDS = 10.0
#: Messages in one period that cannot be read.
MAX_GARBAGE = 100

_log = structlog.get_logger(__name__)


class MessageMeter:
    """The messages of one connection."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Args: ``clock`` gives seconds that only ever increase."""
        self.ended = asyncio.Event()  #: nothing more comes
        self.why = ""  #: why the connection was ended; empty: the server ended it
        self._clock = clock
        self._since = clock()
        self._messages = self._garbage = 0

    def takes(self, message: SessionMessage | Exception) -> bool:
        """Count a message. Returns whether the connection may go on."""
        now = self._clock()
        if now - self._since > PERIOD_SECONDS:
            self._since, self._messages, self._garbage = now, 0, 0
        self._messages += 1
        if isinstance(message, Exception):
            self._garbage += 1
        else:
            _without_result_schemas(message)
        if self._garbage > MAX_GARBAGE:
            self.why = "it writes what is no message"
        elif self._messages > MAX_MESSAGES:
            self.why = f"it floods: more than {MAX_MESSAGES} messages in {PERIOD_SECONDS:g} s"
        return not self.why


def _without_result_schemas(message: SessionMessage) -> None:
    answer = message.message
    tools = answer.result.get("tools") if isinstance(answer, JSONRPCResponse) else None
    for tool in cast("list[object]", tools) if isinstance(tools, list) else ():
        if isinstance(tool, dict):
            cast("dict[str, Any]", tool).pop("outputSchema", None)


class _MeteredStream:
    """The stream of a transport, with every message counted."""

    def __init__(self, stream: Any, meter: MessageMeter) -> None:
        self._stream, self._meter = stream, meter

    @property
    def last_context(self) -> Any:
        """What the SDK asks of a stream: the context in which the last message was sent."""
        return getattr(self._stream, "last_context", None)

    async def receive(self) -> SessionMessage | Exception:
        try:
            message: SessionMessage | Exception = await self._stream.receive()
        except asyncio.CancelledError:
            raise
        except BaseException:
            self._meter.ended.set()
            raise
        if not self._meter.takes(message):
            self._meter.ended.set()
            raise EndOfStream
        return message

    async def aclose(self) -> None:
        await self._stream.aclose()

    def close(self) -> None:
        self._stream.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        try:
            return await self.receive()
        except EndOfStream:
            raise StopAsyncIteration from None

    async def __aenter__(self) -> Self:
        await self._stream.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return cast("bool | None", await self._stream.__aexit__(kind, error, trace))


@asynccontextmanager
async def metered(transport: AbstractAsyncContextManager[Any], meter: MessageMeter) -> AsyncGenerator[Any]:
    """``transport`` with its messages counted by ``meter``."""
    async with transport as (read, write):
        yield _MeteredStream(read, meter), write


__all__ = ["MAX_MESSAGES", "MessageMeter", "Transport", "metered"]
