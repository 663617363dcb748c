"""Keeps polls with those who made them, and votes with those who voted."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, timedelta

import msgspec
from msgspec.structs import replace

from llmagent_os.plugin import ToolContext
from llmagent_os.plugins.poll.poll import Poll, Vote

MAX_POLLS = 50  #: of one person; an older one is dropped for a new one
KEEP_VOTES = timedelta(days=365)  #: how long a vote is kept after its last change
_POLL, _VOTE = "poll:", "vote:"
_ID = re.compile(r"[0-9a-f]{16}")


class BallotBox:
    """The polls and votes that the person of one request may see."""

    def __init__(self, context: ToolContext) -> None:
        self.context = context

    async def mine(self) -> list[Poll]:
        """The person's own polls, the newest first."""
        found = [
            msgspec.convert(record, Poll) for key, record in await self.context.records.items() if key.startswith(_POLL)
        ]
        return sorted(found, key=lambda poll: poll.made, reverse=True)

    async def open(self, poll: Poll) -> Poll:
        """Keep a new poll under an id that cannot be guessed. A call that made one already gets that one."""
        known = await self.mine()
        if made := next((each for each in known if each.made_by == poll.made_by), None):
            return made
        for old in known[MAX_POLLS - 1 :]:
            await self.context.records.delete(_POLL + old.poll_id)
        poll = replace(poll, poll_id=secrets.token_hex(8))
        await self.put(poll)
        if poll.until is not None:
            await self.context.timers.set(f"close:{poll.poll_id}", poll.until)
        return poll

    async def put(self, poll: Poll) -> None:
        """Keep a poll of the person's own."""
        await self.context.records.put(_POLL + poll.poll_id, msgspec.to_builtins(poll))

    async def close(self, poll: Poll) -> Poll:
        """Let nobody vote any more."""
        closed = replace(poll, is_closed=True)
        await self.put(closed)
        await self.context.timers.cancel(f"close:{poll.poll_id}")
        return closed

    async def own(self, poll_id: str) -> Poll | None:
        """A poll of the person's own. None: there is none."""
        record = await self.context.records.get(_POLL + poll_id) if _ID.fullmatch(poll_id) else None
        return None if record is None else msgspec.convert(record, Poll)

    async def find(self, poll_id: str) -> Poll | None:
        """A poll of anybody's, in this conversation. None: there is none."""
        found = await self.context.shared.under(_POLL + poll_id) if _ID.fullmatch(poll_id) else []
        poll = msgspec.convert(found[0][1], Poll) if len(found) == 1 else None
        return poll if poll is not None and _channel(poll.room) == _channel(self.context.conversation_key) else None

    async def votes(self, poll: Poll) -> list[Vote]:
        """The votes, one of each person."""
        return [msgspec.convert(record, Vote) for _, record in await self.context.shared.under(_VOTE + poll.poll_id)]

    async def vote(self, poll: Poll, choice: int) -> None:
        """Note a press of an option by the person."""
        context, key = self.context, _VOTE + poll.poll_id
        now = context.now.astimezone(UTC)
        record = await context.records.get(key)
        before = Vote(at=now) if record is None else msgspec.convert(record, Vote)
        name = "" if context.event is None else context.event.sender.name[:60]
        after = before.pressed(choice, poll, name, context.call_id, now)
        await context.records.put(key, msgspec.to_builtins(after))
        if record is None:
            await self._drop_old_votes()

    async def _drop_old_votes(self) -> None:
        for key, record in await self.context.records.items():
            if key.startswith(_VOTE) and self.context.now - msgspec.convert(record, Vote).at > KEEP_VOTES:
                await self.context.records.delete(key)


def _channel(room: str) -> list[str]:
    """Platform, workspace and channel of a conversation's key: a press may come without the thread."""
    return room.split("\x1f")[:3]
