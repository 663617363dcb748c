"""The connections of people with one server, each with the credential of its person: few, and closed when idle."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable

from llmagent_os.adapter_kit.background_tasks import BackgroundTasks
from llmagent_os.errors import PluginError
from llmagent_os.mcp.server_session import ServerSession

#: Connections that are open at once. The one that was used least recently is closed for a new one.
MAX_SESSIONS = 64
#: Seconds without a call after which a connection is closed.
IDLE_SECONDS = 600.0


class PersonSessions:
    """Connections by their key."""

    def __init__(
        self,
        *,
        most: int = MAX_SESSIONS,
        idle: float = IDLE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Args:
        most: connections at once.
        idle: seconds without a call after which a connection is closed.
        clock: seconds that only ever increase.
        """
        self._most, self._idle, self._clock = most, idle, clock
        self._open: dict[Hashable, ServerSession] = {}
        self._beside = BackgroundTasks()
        self._sweeping: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._open)

    @property
    def trouble(self) -> str:
        """Why one of the connections broke; empty: none did."""
        return next((each.trouble for each in self._open.values() if each.trouble), "")

    def of(self, key: Hashable, make: Callable[[], ServerSession]) -> ServerSession:
        """The connection under ``key``, which is made if there is none.

        Raises:
            PluginError: all connections are in use.
        """
        session = self._open.pop(key, None)
        if session is None:
            self._make_room()
            session = make()
        session.used_at = self._clock()
        self._open[key] = session  # the last one: it was used most recently
        if self._sweeping is None or self._sweeping.done():
            self._sweeping = self._beside.spawn(self._sweep())
        return session

    def _make_room(self) -> None:
        if len(self._open) < self._most:
            return
        unused = next((key for key, each in self._open.items() if not each.calls), None)
        if unused is None:
            raise PluginError("too many people use the server at once; try again in a moment")
        self._beside.spawn(self._open.pop(unused).close())

    async def _sweep(self) -> None:
        """Close what is idle, until nothing is open."""
        while self._open:
            await asyncio.sleep(self._idle / 4)
            await self.close_idle()

    async def close_idle(self) -> None:
        """Close the connections that nobody has used for a while."""
        before = self._clock() - self._idle
        for key, each in list(self._open.items()):
            if each.used_at < before and not each.calls:
                self._open.pop(key, None)
                await each.close()

    async def close(self) -> None:
        """Close all connections."""
        sessions = list(self._open.values())
        self._open.clear()
        await asyncio.gather(*(each.close() for each in sessions))
        await self._beside.close()
