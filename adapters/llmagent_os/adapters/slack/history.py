"""What was said while nobody listened: the newest message of each conversation is kept, and what came after it fetched.

Slack delivers an event again for some minutes only, and a Socket Mode connection can go deaf while it answers pings.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any, cast

import msgspec
import structlog

from llmagent_os.adapters.slack.api import SlackApi
from llmagent_os.adapters.slack.reading import Heard, Reader
from llmagent_os.errors import AdapterError, BadEventError, TryLaterError
from llmagent_os.events import Conversation
from llmagent_os.records import Records

_log = structlog.stdlib.get_logger(__name__)

CONVERSATIONS = 200  #: are watched: those in which something was said last
BACK = 24 * 3600.0  #: seconds
PAGE = 100  #: messages of one conversation
PROBED = 5  #: conversations are enough to find out whether a connection is deaf
DIRECT = 1000  #: direct conversations are looked through for new ones
_KEY = "history"
_SAVE = 2.0  #: seconds between two writes


class _Payload(msgspec.Struct):
    key: str
    part: int


class _Metadata(msgspec.Struct):
    event_payload: _Payload


class _Posted(msgspec.Struct):
    """A message of ours in a conversation's history."""

    ts: str
    metadata: _Metadata


class _Direct(msgspec.Struct):
    """A direct conversation."""

    id: str
    created: float = 0.0  #: seconds of Unix time


class _Page(msgspec.Struct):
    next_cursor: str = ""


class _Listed(msgspec.Struct):
    """The answer of ``conversations.list``."""

    channels: list[_Direct] = []
    response_metadata: _Page = msgspec.field(default_factory=_Page)


class History:
    """How far each conversation has been heard."""

    def __init__(self, store: Records) -> None:
        self._store = store
        self._newest: OrderedDict[str, str] = OrderedDict()  # "channel" or "channel thread" -> ts
        self._seen = 0.0  # until when nothing was missed, in seconds of Unix time
        self._changed = asyncio.Event()
        self._forbidden = False
        self._unlisted = False  # direct conversations may not be listed

    async def load(self) -> None:
        """Read what the last process knew."""
        kept = await self._store.get(_KEY) or {}
        for where, ts in kept.get("newest", []):
            self._newest.setdefault(str(where), str(ts))
        self._seen = self._seen or float(kept.get("seen", time.time()))
        self._changed.set()

    async def heard(self, where: Conversation, ts: str) -> None:
        """A message was taken. The first of a conversation is written down at once: a crash must not forget it."""
        keys = {where.channel} if where.kind == "group" or not where.thread else set[str]()  # mentions begin threads
        if where.thread:
            keys.add(f"{where.channel} {where.thread}")
        new = not keys <= self._newest.keys()
        for key in keys:
            self._newest[key] = max(self._newest.pop(key, ""), ts)
        while len(self._newest) > CONVERSATIONS:
            self._newest.popitem(last=False)
        self._changed.set()
        if new:
            await self.save()

    async def keep(self) -> None:
        """Write changes down, until cancelled."""
        while True:
            await self._changed.wait()
            await asyncio.sleep(_SAVE)
            await self.save()

    async def save(self) -> None:
        """Write them down now."""
        if self._changed.is_set():
            self._changed.clear()
            newest = [list(item) for item in self._newest.items()]
            await self._store.put(_KEY, {"newest": newest, "seen": self._seen})

    async def catch_up(
        self, api: SlackApi, reader: Reader, take: Callable[[Heard], Awaitable[bool]], *, probe: bool = False
    ) -> int:
        """Fetch what was said since, and give it to ``take``; returns how much of it was new.

        Args:
            api: of Slack.
            reader: reads the messages.
            take: is given each, and says whether it was new.
            probe: look into the latest conversations only, to find out whether the connection is deaf.
        """
        new, now, complete = 0, time.time(), not probe
        every = list(self._newest.items())
        if not probe:
            begun = await self._begun(api)
            complete = begun is not None
            every += [(channel, f"{self._seen:.6f}") for channel in begun or ()]
        for where, ts in every[-PROBED:] if probe else every:
            channel, _, thread = where.partition(" ")
            oldest = max(ts, f"{time.time() - BACK:.6f}")
            found = await self._since(api, channel, thread, oldest)
            complete = complete and found is not None
            for raw in found or ():
                try:
                    heard = reader.from_history(raw, channel)
                except BadEventError as error:
                    _log.warning("a message of the history is skipped", error=str(error))
                    continue
                if heard is not None:
                    new += await take(heard)
        if complete:
            self._seen = now
            self._changed.set()
        return new

    async def _begun(self, api: SlackApi) -> list[str] | None:
        """Direct conversations that somebody has begun since: nobody has heard of them yet. None: ask later."""
        found: list[str] = []
        cursor, pages = "", DIRECT // 200
        while not self._unlisted and pages:
            pages -= 1
            try:
                answer = await api.call("conversations.list", types="im", limit=200, cursor=cursor or None)
                listed = msgspec.convert(answer, _Listed)
            except TryLaterError as error:
                _log.info("who wrote for the first time meanwhile is found later", error=str(error))
                return None
            except (AdapterError, msgspec.ValidationError) as error:
                self._unlisted = True
                _log.warning("who writes for the first time while the bot is away is not heard", why=str(error))
                break
            found += [
                each.id for each in listed.channels if each.created >= self._seen - 60 and each.id not in self._newest
            ]
            cursor = listed.response_metadata.next_cursor
            if not cursor:
                break
        return found

    async def _since(self, api: SlackApi, channel: str, thread: str, oldest: str) -> list[Any] | None:
        """Oldest first; nothing where it may not be read. None: ask later."""
        if self._forbidden:
            return []
        given: dict[str, Any] = {"channel": channel, "oldest": oldest, "limit": PAGE}
        try:
            if thread:
                answer = await api.call("conversations.replies", ts=thread, **given)
                return list(answer.get("messages") or [])
            answer = await api.call("conversations.history", **given)
            return list(answer.get("messages") or [])[::-1]
        except TryLaterError as error:
            _log.info("what was said meanwhile is fetched later", channel=channel, error=str(error))
            return None
        except AdapterError as error:
            if str(error).startswith("missing_scope"):
                self._forbidden = True
                _log.warning("what is said while the bot is away is not heard", why=str(error))
            else:  # the channel is gone, or the bot is no longer in it
                self._newest.pop(f"{channel} {thread}" if thread else channel, None)
        return []

    async def posted(self, api: SlackApi, where: Conversation, key: str, after: str | None) -> dict[int, str]:
        """Which parts of a reply to the message ``after`` are there, by the key in their metadata: number to ts."""
        given: dict[str, Any] = {"channel": where.channel, "limit": 200, "include_all_metadata": True, "oldest": after}
        try:
            if where.thread:
                answer = await api.call("conversations.replies", ts=where.thread, **given)
            else:
                answer = await api.call("conversations.history", **given)
        except AdapterError as error:  # better a reply seen twice than one never seen
            _log.info("cannot look whether a reply is there already", error=str(error))
            return {}
        found: dict[int, str] = {}
        for raw in cast("list[object]", answer.get("messages") or []):
            try:
                posted = msgspec.convert(raw, _Posted)
            except msgspec.ValidationError:  # none of ours
                continue
            if posted.metadata.event_payload.key == key:
                found[posted.metadata.event_payload.part] = posted.ts
        return found
