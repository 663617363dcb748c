"""What was said while nobody listened, out of the channels' history."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any, cast

import structlog

from llmagent_os.adapter_kit.backoff import Backoff
from llmagent_os.adapters.discord import wire
from llmagent_os.adapters.discord.api import Api
from llmagent_os.adapters.discord.failures import RefusedError
from llmagent_os.adapters.discord.heard import Heard
from llmagent_os.adapters.discord.sending import MESSAGES
from llmagent_os.errors import TryLaterError

_log = structlog.stdlib.get_logger(__name__)

#: Nobody waits longer than this for an answer, in seconds.
OLDEST = 24 * 60 * 60

_PAGE = 100  #: messages that Discord gives at once
_PAGES = 10
_AT_ONCE = 4  #: channels
_TRIES = 4


class CatchUp:
    """Reads channels' history, a few at a time."""

    def __init__(self, api: Api, heard: Heard) -> None:
        """Args: ``heard`` tells where to begin."""
        self._api = api
        self._heard = heard
        self._turn = asyncio.Semaphore(_AT_ONCE)

    async def missed(self, channel: str) -> AsyncIterator[Mapping[str, Any]]:
        """What was said in ``channel`` since it was heard last, the oldest first, as MESSAGE_CREATE would have it."""
        mark = self._heard.mark(channel)
        if mark is None:
            return
        after = max(int(mark.newest), wire.snowflake_at(time.time() - OLDEST))
        for _ in range(_PAGES):
            page = await self._page(channel, str(after))
            # What is no message with an id cannot be put in order; the reader would skip it too.
            known = [each for each in page if str(each.get("id", "")).isdecimal()]
            for each in sorted(known, key=lambda each: int(each["id"])):
                after = max(after, int(each["id"]))
                yield each if mark.guild is None else {**each, "guild_id": mark.guild}
            if len(page) < _PAGE or not known:
                return
        _log.warning("discord: not all that was said meanwhile is read", most=_PAGE * _PAGES)

    async def _page(self, channel: str, after: str) -> list[dict[str, Any]]:
        backoff = Backoff(first=1.0, factor=3.0)
        for tries in range(1, _TRIES + 1):
            try:
                async with self._turn:
                    page = await self._api.call(
                        "reading what was said meanwhile",
                        "GET",
                        MESSAGES,
                        query={"after": after, "limit": _PAGE},
                        channel_id=channel,
                    )
                return [cast("dict[str, Any]", each) for each in page or () if isinstance(each, dict)]
            except RefusedError as error:  # it was deleted, or the bot was put out
                _log.info("discord: a channel is left", error=str(error))
                self._heard.forget(channel)
                return []
            except TryLaterError as error:
                if tries == _TRIES:
                    _log.warning("discord: cannot read what was said meanwhile", error=str(error))
                    return []
                await asyncio.sleep(backoff.seconds(tries) if error.seconds is None else error.seconds)
        return []
