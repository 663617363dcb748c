"""Discord's HTTP API through discord.py, which paces requests by the rate limits that Discord reports."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Sequence
from typing import Any

import discord
from discord.gateway import DiscordWebSocket
from discord.http import HTTPClient, Route
from yarl import URL

#: The longest pause that is waited for inside a request, in seconds; a longer one is the caller's to plan with.
SHORT = 5.0


class Rest(HTTPClient):
    """discord.py's client, at an address of its own, whose requests are never broken off half-way.

    discord.py keeps addresses as attributes of classes; put in here, two clients in one process may have two.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, api_url: str, gateway_url: str) -> None:
        """Args: ``gateway_url`` is used instead of what the API names; empty: the API is asked."""
        super().__init__(loop, max_ratelimit_timeout=30.0)
        # discord.py lets nobody ask for less than 30 seconds, as a precaution against bots that ignore the error.
        self.max_ratelimit_timeout = SHORT
        self._api_url = api_url.rstrip("/")
        self._pinned = gateway_url
        self._gateway = gateway_url
        self._under_way: set[asyncio.Task[Any]] = set()

    async def request(
        self,
        route: Route,
        *,
        files: Sequence[discord.File] | None = None,
        form: Iterable[dict[str, Any]] | None = None,
        **kwargs: Any,
    ) -> Any:
        """The answer, as JSON.

        Where the caller is cancelled the request goes on: cancelled during a global rate limit, discord.py would hold
        back every other one for good, and whether Discord took a message would never be known.
        """
        route.url = self._api_url + route.url.removeprefix(Route.BASE)
        task = asyncio.create_task(super().request(route, files=files, form=form, **kwargs))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)

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
        """``METHOD /path`` with ``body`` as JSON, and ``files`` as its attachments."""
        route = Route(method, path, **parameters)
        given: dict[str, Any] = {} if query is None else {"params": query}
        if files:
            form: list[dict[str, Any]] = [{"name": "payload_json", "value": json.dumps(body)}]
            form += [
                {"name": f"files[{number}]", "value": file.fp, "filename": file.filename, "content_type": _BYTES}
                for number, file in enumerate(files)
            ]
            return await self.request(route, files=files, form=form, **given)
        return await self.request(route, **given) if body is None else await self.request(route, json=body, **given)

    async def get_bot_gateway(self) -> Any:
        """How many shards there should be, and where; the address is kept for connecting anew."""
        shards, url, limits = await super().get_bot_gateway()
        self._gateway = self._pinned or url
        return shards, self._gateway, limits

    async def ws_connect(self, url: str, *, compress: int = 0) -> Any:
        """Connect to the gateway: to the one that was configured, or where the API says, never to the built-in one."""
        asked = URL(url)
        if self._gateway and (self._pinned or asked.host == DiscordWebSocket.DEFAULT_GATEWAY.host):
            asked = URL(self._gateway).with_query(asked.query)
        return await super().ws_connect(str(asked), compress=compress)

    async def close(self) -> None:
        """Break off what is under way; a message that may have got through is sent under the same nonce again."""
        tasks = list(self._under_way)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await super().close()


_BYTES = "application/octet-stream"
