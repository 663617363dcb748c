"""Catching up: what people wrote while the bot was away, read from the message history of channels.

Discord replays what a short break of the connection has lost. After a longer break or a restart it replays nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any, cast

import structlog

from llmagent_os.adapter_kit.backoff import Backoff
from llmagent_os.adapter_kit.read_positions import CATCH_UP_SECONDS, Position, ReadPositions
from llmagent_os.adapters.discord.api import MESSAGES, Api
from llmagent_os.adapters.discord.errors import RefusedError
from llmagent_os.adapters.discord.payloads import MessagePayload, snowflake_at
from llmagent_os.errors import TryLaterError
from llmagent_os.records import Records

_log = structlog.stdlib.get_logger(__name__)

PAGE_MESSAGES = 100  #: messages that Discord returns at once
MAX_PAGES = 10  #: pages that are read of one channel
CHANNELS_AT_ONCE = 4  #: channels whose history is read side by side
MAX_TRIES = 4  #: tries for one page
PAUSES = Backoff(first=1.0, factor=3.0)  #: between two tries

_KEY = "heard"  #: of the read positions in the store


class CatchUp:
    """Follows the channels that the bot is part of, and reads what it has missed in them."""

    def __init__(self, api: Api, store: Records) -> None:
        """Args:
        api: of Discord.
        store: the adapter's own documents; it keeps the read positions.
        """
        self._api = api
        self._limit = asyncio.Semaphore(CHANNELS_AT_ONCE)
        #: by channel id, the position is a message id
        self.positions = ReadPositions(store, _KEY, order=int)

    async def follow(self, message: MessagePayload) -> None:
        """Follow the channel of ``message``, with which the bot becomes part of the channel."""
        before = str(int(message.id) - 1)
        await self.positions.follow({message.channel_id: Position(before, message.guild_id, _person(message))})

    def read(self, message: MessagePayload) -> None:
        """Note that ``message`` was read. Nothing happens if the bot is not part of the channel."""
        self.positions.advance(message.channel_id, message.id, message.guild_id, _person(message))

    async def missed(self, channel: str) -> AsyncIterator[Mapping[str, Any]]:
        """The messages since the read position of ``channel``, oldest first, as MESSAGE_CREATE would bring them."""
        position = self.positions.get(channel)
        if position is None:
            return
        after = max(int(position.newest), snowflake_at(time.time() - CATCH_UP_SECONDS))
        for _ in range(MAX_PAGES):
            page = await self._page(channel, str(after))
            # A message without an id cannot be put in order. The parser would skip it too.
            messages = [message for message in page if str(message.get("id", "")).isdecimal()]
            for message in sorted(messages, key=lambda message: int(message["id"])):
                after = max(after, int(message["id"]))
                yield message if position.guild is None else {**message, "guild_id": position.guild}
            if len(page) < PAGE_MESSAGES or not messages:
                return
        _log.warning("discord: only part of what was missed is read", most=PAGE_MESSAGES * MAX_PAGES)

    async def _page(self, channel: str, after: str) -> list[dict[str, Any]]:
        for tries in range(1, MAX_TRIES + 1):
            try:
                async with self._limit:
                    page = await self._api.call(
                        "reading the message history",
                        "GET",
                        MESSAGES,
                        query={"after": after, "limit": PAGE_MESSAGES},
                        channel_id=channel,
                    )
                return [cast("dict[str, Any]", message) for message in page or () if isinstance(message, dict)]
            except RefusedError as error:  # the channel was deleted, or the bot was removed from it
                _log.info("discord: a channel is no longer followed", error=str(error))
                self.positions.forget(channel)
                return []
            except TryLaterError as error:
                if tries == MAX_TRIES:
                    _log.warning("discord: the message history cannot be read", error=str(error))
                    return []
                await asyncio.sleep(PAUSES.seconds(tries) if error.seconds is None else error.seconds)
        return []


def _person(message: MessagePayload) -> str | None:
    """Whose direct conversation with the bot the message is in; None in a server."""
    return message.author.id if message.guild_id is None else None
