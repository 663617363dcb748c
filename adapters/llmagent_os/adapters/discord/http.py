"""Discord's HTTP API through discord.py, which keeps to the rate limits that Discord reports."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Sequence
from typing import Any

import discord
from discord.gateway import DiscordWebSocket
from discord.http import HTTPClient, Route
from yarl import URL

from llmagent_os.adapter_kit.background_tasks import BackgroundTasks
from llmagent_os.adapter_kit.files import UNKNOWN_TYPE

#: The longest pause that a request waits out by itself, in seconds. A longer pause is the host's to plan with.
MAX_PAUSE_SECONDS = 5.0


class DiscordHttp(HTTPClient):
    """discord.py's HTTP client with configurable addresses, whose requests are never broken off half-way.

    discord.py keeps the addresses as class attributes. Here they belong to one client, so that two clients in one
    process may have two addresses.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, api_url: str, gateway_url: str) -> None:
        """Args:
        loop: the running event loop.
        api_url: of the HTTP API.
        gateway_url: of the gateway; empty: the API is asked for the address.
        """
        super().__init__(loop, max_ratelimit_timeout=30.0)
        # discord.py accepts nothing below 30 seconds here, as a precaution against bots that ignore the error.
        self.max_ratelimit_timeout = MAX_PAUSE_SECONDS
        self._api_url = api_url.rstrip("/")
        self._configured_gateway = gateway_url
        self._gateway = gateway_url
        self._requests = BackgroundTasks()

    async def request(
        self,
        route: Route,
        *,
        files: Sequence[discord.File] | None = None,
        form: Iterable[dict[str, Any]] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Send a request and return the answer, as JSON.

        The request goes on when the caller is cancelled. Cancelled during a global rate limit, discord.py would hold
        back all later requests for good; and whether Discord took a message would never be known.
        """
        route.url = self._api_url + route.url.removeprefix(Route.BASE)
        return await asyncio.shield(
            self._requests.spawn(super().request(route, files=files, form=form, **kwargs)),
        )

    async def call(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        files: Sequence[discord.File] = (),
        query: dict[str, Any] | None = None,
        **parameters: str,
    ) -> Any:
        """Send ``METHOD /path`` with ``body`` as JSON and ``files`` as attachments; returns the answer, as JSON."""
        route = Route(method, path, **parameters)
        options: dict[str, Any] = {} if query is None else {"params": query}
        if files:
            form: list[dict[str, Any]] = [{"name": "payload_json", "value": json.dumps(body)}]
            form += [
                {"name": f"files[{number}]", "value": file.fp, "filename": file.filename, "content_type": UNKNOWN_TYPE}
                for number, file in enumerate(files)
            ]
            return await self.request(route, files=files, form=form, **options)
        if body is None:
            return await self.request(route, **options)
        return await self.request(route, json=body, **options)

    async def get_bot_gateway(self) -> Any:
        """The number of shards, the gateway's address and the limits. The address is kept for reconnecting."""
        shards, url, limits = await super().get_bot_gateway()
        self._gateway = self._configured_gateway or url
        return shards, self._gateway, limits

    async def ws_connect(self, url: str, *, compress: int = 0) -> Any:
        """Connect to the gateway at the configured address or the API's, never at the one built into discord.py."""
        wanted = URL(url)
        if self._gateway and (self._configured_gateway or wanted.host == DiscordWebSocket.DEFAULT_GATEWAY.host):
            wanted = URL(self._gateway).with_query(wanted.query)
        return await super().ws_connect(str(wanted), compress=compress)

    async def close(self) -> None:
        """Break off all requests. A message that may have got through is sent again under the same nonce."""
        await self._requests.close()
        await super().close()
