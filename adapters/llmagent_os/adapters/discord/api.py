"""Every request that this adapter makes: waits for the connection, never for long, and fails in the host's terms."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import discord

from llmagent_os.adapters.discord.failures import FAILURES, failure
from llmagent_os.adapters.discord.rest import Rest
from llmagent_os.errors import AdapterError, ConfigError, TryLaterError

#: Seconds to wait for the login, and for an answer. A request goes on after that: its message is known by its nonce.
PATIENCE = 10.0


class ExpiredError(AdapterError):
    """An interaction can be answered no more: its 15 minutes are over, or Discord never saw it acknowledged."""


class Api:
    """Discord's HTTP API, whichever connection there is."""

    def __init__(self, revoked: Callable[[ConfigError], None]) -> None:
        """Args: ``revoked`` is told when the token is not taken any more."""
        self._revoked = revoked
        self._rest: Rest | None = None
        self._came = asyncio.Event()

    def open(self, rest: Rest) -> None:
        """``rest`` is logged in."""
        self._rest = rest
        self._came.set()

    def close(self) -> None:
        """There is no connection until there is another."""
        self._rest = None
        self._came.clear()

    async def call(
        self,
        what: str,
        method: str,
        path: str,
        *,
        body: object = None,
        files: Sequence[discord.File] = (),
        query: dict[str, Any] | None = None,
        seconds: float = PATIENCE,
        at: Mapping[str, str] | None = None,
        **parameters: str,
    ) -> Any:
        """``METHOD /path``; ``what`` says in errors what it was for, ``at`` and ``parameters`` are parts of the path.

        Raises:
            TryLaterError: Discord cannot be reached, has a problem, or asks for a pause.
            ConfigError: the token is not taken any more.
            ExpiredError: an interaction can be answered no more.
            RefusedError: anything else that is wrong with the request.
        """
        parts = {**(at or {}), **parameters}
        try:
            async with asyncio.timeout(seconds):
                await self._came.wait()
                rest = self._rest
                if rest is None:
                    raise TryLaterError(f"discord: {what}: not connected")
                return await rest.call(method, path, body=body, files=files, query=query, **parts)
        except FAILURES as error:
            if "webhook_token" in parts and isinstance(error, discord.HTTPException) and error.status in (401, 404):
                raise ExpiredError(f"discord: {what}: too late, code {error.code}") from error
            translated = failure(error, what)
            if isinstance(translated, ConfigError):
                self._revoked(translated)
            raise translated from error
