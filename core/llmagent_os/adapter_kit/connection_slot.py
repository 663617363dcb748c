"""A slot for what exists only while an adapter is connected.

A reply may be sent before the platform is reached, or while the connection is made anew: the sender then waits.
"""

from __future__ import annotations

import asyncio
from typing import Generic, TypeVar

from llmagent_os.errors import TryLaterError

T = TypeVar("T")

#: How long a caller waits for a connection, in seconds.
CONNECT_SECONDS = 10.0


class ConnectionSlot(Generic[T]):
    """Holds one connection, or none."""

    def __init__(self, platform: str) -> None:
        """Args: ``platform`` is named in errors."""
        self._platform = platform
        self._connection: T | None = None
        self._filled = asyncio.Event()

    @property
    def current(self) -> T | None:
        """The connection, if there is one."""
        return self._connection

    def fill(self, connection: T) -> None:
        """The adapter is connected through ``connection``."""
        self._connection = connection
        self._filled.set()

    def clear(self) -> None:
        """The adapter is not connected any more."""
        self._connection = None
        self._filled.clear()

    async def wait(self, seconds: float = CONNECT_SECONDS) -> T:
        """The connection, as soon as there is one.

        Raises:
            TryLaterError: there was none for ``seconds``.
        """
        if self._connection is None:
            try:
                async with asyncio.timeout(seconds):
                    await self._filled.wait()
            except TimeoutError:
                pass
        if self._connection is None:
            raise TryLaterError(f"{self._platform}: not connected yet")
        return self._connection
