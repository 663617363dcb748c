"""Catching up: what people wrote while the bot was away, read from the message history of conversations.

Slack delivers an event again for some minutes only, and a Socket Mode connection can go deaf while it answers pings.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import structlog

from llmagent_os.adapter_kit.read_positions import CATCH_UP_SECONDS, Position, ReadPositions
from llmagent_os.adapters.slack.api import Api
from llmagent_os.adapters.slack.errors import RefusedError
from llmagent_os.adapters.slack.parsing import ParsedEvent, SlackParser
from llmagent_os.errors import BadEventError, TryLaterError
from llmagent_os.events import Conversation
from llmagent_os.records import Records

_log = structlog.stdlib.get_logger(__name__)

PAGE_MESSAGES = 100  #: messages that are read of one conversation
PROBED_PLACES = 5  #: conversations that are read to find out whether a connection is deaf
LISTED_CHATS = 1000  #: direct conversations that are searched for new ones
_LIST_PAGE = 200  #: direct conversations that Slack lists at once
_MARGIN_SECONDS = 60  #: two clocks may differ by this much

_KEY = "history"  #: of the read positions in the store


class _DirectChat(msgspec.Struct):
    """A direct conversation."""

    id: str
    created: float = 0.0  #: seconds of Unix time


class _NextPage(msgspec.Struct):
    next_cursor: str = ""


class _ChatList(msgspec.Struct):
    """The answer of ``conversations.list``."""

    channels: list[_DirectChat] = []
    response_metadata: _NextPage = msgspec.field(default_factory=_NextPage)


def read_positions(store: Records) -> ReadPositions:
    """The read positions of Slack: by "channel" or "channel thread", the position is a message's ``ts``."""
    return ReadPositions(store, _KEY, order=str)


class CatchUp:
    """Follows the conversations that the bot is part of, and reads what it has missed in them."""

    def __init__(self, api: Api, parser: SlackParser, positions: ReadPositions) -> None:
        """Args:
        api: of Slack.
        parser: reads the messages.
        positions: how far each conversation was read.
        """
        self._api = api
        self._parser = parser
        self._positions = positions
        self._may_read = True  # whether Slack allows the bot to read the history
        self._may_list = True  # whether Slack allows the bot to list direct conversations
        # Places in which something may have been missed. A message that arrives there by itself must not move the read
        # position over what was missed: a host that dies before that was read would never read it.
        self._behind: set[str] = set()

    async def load(self) -> None:
        """Read the positions that the last process has stored."""
        await self._positions.load(again=True)
        if self._positions.caught_up_at is None:
            self._positions.mark_caught_up(time.time())

    def fall_behind(self, conversation: Conversation | None = None) -> None:
        """Note that something may have been missed: in all places, or in those of ``conversation``."""
        self._behind |= set(self._positions) if conversation is None else set(_places(conversation))

    @property
    def is_behind(self) -> bool:
        """Whether there is a place in which something may have been missed and was not read."""
        return bool(self._behind)

    def is_behind_in(self, conversation: Conversation) -> bool:
        """Whether something may have been missed in a conversation and was not read."""
        return not self._behind.isdisjoint(_places(conversation))

    async def read(self, conversation: Conversation, ts: str, user_id: str, *, missed: bool = False) -> None:
        """Note that the message ``ts`` of a person was read. A new conversation is stored before this returns.

        Args:
            conversation: where.
            ts: of the message.
            user_id: of the person.
            missed: the message was read from the history, after all that came before it.
        """
        user = user_id if conversation.kind == "direct" else None
        places = _places(conversation)
        await self._positions.follow({place: Position(ts, user=user) for place in places})
        for place in places:
            if missed or place not in self._behind:
                self._positions.advance(place, ts, user=user)

    async def run(self, take: Callable[[ParsedEvent], Awaitable[bool]], *, probe: bool = False) -> int:
        """Read what was missed, and give it to ``take``. Returns how many messages were new.

        Args:
            take: is given every message, and returns whether it is new.
            probe: read only the latest conversations, to find out whether the connection is deaf.
        """
        new, now, complete = 0, time.time(), not probe
        places = [(place, position.newest) for place, position in self._positions.items()]
        if probe:
            places = places[-PROBED_PLACES:]
        else:
            begun = await self._begun_chats()
            complete = begun is not None
            places += [(channel, f"{self._caught_up_at:.6f}") for channel in begun or ()]
        for place, newest in places:
            channel, _, thread = place.partition(" ")
            messages = await self._messages(channel, thread, max(newest, f"{now - CATCH_UP_SECONDS:.6f}"))
            complete = complete and messages is not None
            for raw in messages or ():
                try:
                    parsed = self._parser.from_history(raw, channel)
                except BadEventError as error:
                    _log.warning("slack: a message of the history is skipped", error=str(error))
                    continue
                if parsed is not None:
                    new += await take(parsed)
            if messages is not None and not probe:
                self._behind.discard(place)
        if complete:
            self._positions.mark_caught_up(now)
        return new

    @property
    def _caught_up_at(self) -> float:
        return self._positions.caught_up_at or 0.0

    async def _begun_chats(self) -> list[str] | None:
        """Direct conversations that people began since the last catching up; None: Slack cannot be asked now."""
        found: list[str] = []
        cursor = ""
        for _ in range(LISTED_CHATS // _LIST_PAGE):
            if not self._may_list:
                break
            try:
                answer = await self._api.call("conversations.list", types="im", limit=_LIST_PAGE, cursor=cursor or None)
                listed = msgspec.convert(answer, _ChatList)
            except TryLaterError as error:
                _log.info("slack: new direct conversations are searched later", error=str(error))
                return None
            except (RefusedError, msgspec.ValidationError) as error:
                self._may_list = False
                _log.warning("slack: new direct conversations begun during an outage are missed", error=str(error))
                break
            found += [
                chat.id
                for chat in listed.channels
                if chat.created >= self._caught_up_at - _MARGIN_SECONDS and chat.id not in self._positions
            ]
            cursor = listed.response_metadata.next_cursor
            if not cursor:
                break
        return found

    async def _messages(self, channel: str, thread: str, oldest: str) -> list[Any] | None:
        """The messages since ``oldest``, oldest first; none if the bot may not read them; None: ask again later."""
        if not self._may_read:
            return []
        arguments: dict[str, Any] = {"channel": channel, "oldest": oldest, "limit": PAGE_MESSAGES}
        try:
            if thread:
                answer = await self._api.call("conversations.replies", ts=thread, **arguments)
                return list(answer.get("messages") or [])
            answer = await self._api.call("conversations.history", **arguments)
            return list(answer.get("messages") or [])[::-1]
        except TryLaterError as error:
            _log.info("slack: the message history is read later", channel=channel, error=str(error))
            return None
        except RefusedError as error:
            if error.code == "missing_scope":
                self._may_read = False
                _log.warning("slack: what people write during an outage is missed", error=str(error))
            else:  # the channel was deleted, or the bot was removed from it
                self._positions.forget(f"{channel} {thread}" if thread else channel)
        return []


def _places(conversation: Conversation) -> list[str]:
    """The places that are followed for a conversation."""
    channel, thread = conversation.channel, conversation.thread
    # A mention in a channel begins a thread, so that the channel itself is followed too.
    places = [channel] if conversation.kind == "group" or not thread else []
    return places + ([f"{channel} {thread}"] if thread else [])
