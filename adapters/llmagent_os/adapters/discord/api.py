"""All requests to Discord. They wait for the connection, have a time limit, and fail with errors of the host."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import discord

from llmagent_os.adapter_kit.connection_slot import ConnectionSlot
from llmagent_os.adapters.discord.errors import REQUEST_ERRORS, ExpiredError, translated
from llmagent_os.adapters.discord.http import DiscordHttp
from llmagent_os.errors import ConfigError

#: Time limit for the login and the answer together, in seconds. A request that takes longer still runs to its end, and
#: a message that it creates is recognised by its nonce.
REQUEST_SECONDS = 10.0

# Paths of the API. The names in braces are parameters of `Api.call`.
MESSAGES = "/channels/{channel_id}/messages"
MESSAGE = "/channels/{channel_id}/messages/{message_id}"
TYPING = "/channels/{channel_id}/typing"
OWN_REACTION = "/channels/{channel_id}/messages/{message_id}/reactions/{emoji}/@me"
DIRECT_CHANNELS = "/users/@me/channels"
COMMANDS = "/applications/{application_id}/commands"
CALLBACK = "/interactions/{interaction_id}/{webhook_token}/callback"
FOLLOW_UPS = "/webhooks/{webhook_id}/{webhook_token}"
ORIGINAL_ANSWER = "/webhooks/{webhook_id}/{webhook_token}/messages/@original"


class Api:
    """Discord's HTTP API, over whichever connection there is."""

    def __init__(self, on_revoked: Callable[[ConfigError], None]) -> None:
        """Args: ``on_revoked`` is called when Discord refuses the token."""
        self._on_revoked = on_revoked
        self._http: ConnectionSlot[DiscordHttp] = ConnectionSlot("discord")

    def open(self, http: DiscordHttp) -> None:
        """Send requests through ``http``, which is logged in."""
        self._http.fill(http)

    def close(self) -> None:
        """Let requests wait until the next :meth:`open`."""
        self._http.clear()

    async def call(
        self,
        action: str,
        method: str,
        path: str,
        *,
        body: object = None,
        files: Sequence[discord.File] = (),
        query: dict[str, Any] | None = None,
        seconds: float = REQUEST_SECONDS,
        at: Mapping[str, str] | None = None,
        **parameters: str,
    ) -> Any:
        """Send ``METHOD /path`` and return the answer, as JSON.

        Args:
            action: what the request is for; errors begin with it.
            method: of HTTP.
            path: one of the paths above.
            body: sent as JSON.
            files: sent along.
            query: of the address.
            seconds: time limit.
            at: parts of the path.
            parameters: further parts of the path.

        Raises:
            TryLaterError: Discord cannot be reached, has a problem, or asks for a pause.
            ConfigError: Discord refuses the token.
            ExpiredError: the interaction cannot be answered any more.
            RefusedError: Discord refuses the request for any other reason.
        """
        parts = {**(at or {}), **parameters}
        try:
            async with asyncio.timeout(seconds):
                http = await self._http.wait(seconds)
                return await http.call(method, path, body=body, files=files, query=query, **parts)
        except REQUEST_ERRORS as error:
            if "webhook_token" in parts and isinstance(error, discord.HTTPException) and error.status in (401, 404):
                raise ExpiredError(f"discord: {action}: too late, code {error.code}") from error
            known = translated(error, action)
            if isinstance(known, ConfigError):
                self._on_revoked(known)
            raise known from error
