"""Anonymous reactions: Telegram tells how many there are of each, and not who put or took which.

Each step up or down becomes one reaction of ``anonymous-<n>``, the n-th of that emoji on the message, so that a step
down takes back what the step up had given.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Literal

import msgspec

from llmagent_os.records import Records

#: So many messages of a chat, and chats in memory, are known by their counts.
MESSAGES, CHATS = 200, 200

#: No more steps are made of one update; what is left over comes with the next one.
STEPS = 200

_PREFIX = "counts:"

Counts = dict[str, int]


class Step(msgspec.Struct, frozen=True):
    """One anonymous reaction more or less."""

    emoji: str
    action: Literal["added", "removed"]
    rater: str


class ReactionCounts:
    """The counts that the host has been told of, one document a chat."""

    def __init__(self, store: Records) -> None:
        self._store = store
        self._chats: OrderedDict[str, OrderedDict[str, Counts]] = OrderedDict()

    async def steps(self, chat: str, message_id: str, counts: Mapping[str, int]) -> tuple[Step, ...]:
        """What has changed since the last :meth:`note`; the same again until then."""
        known = (await self._load(chat)).get(message_id, {})
        steps: list[Step] = []
        for emoji in sorted({*known, *counts}):
            before, after = known.get(emoji, 0), min(counts.get(emoji, 0), known.get(emoji, 0) + STEPS)
            steps += [Step(emoji, "added", f"anonymous-{n}") for n in range(before + 1, after + 1)]
            steps += [Step(emoji, "removed", f"anonymous-{n}") for n in range(before, after, -1)]
        return tuple(steps[:STEPS])

    async def note(self, chat: str, message_id: str, steps: tuple[Step, ...]) -> None:
        """The host has taken ``steps``; durable on return."""
        messages = await self._load(chat)
        known = dict(messages.get(message_id, {}))
        for step in steps:
            known[step.emoji] = known.get(step.emoji, 0) + (1 if step.action == "added" else -1)
        messages[message_id] = {emoji: count for emoji, count in known.items() if count > 0}
        messages.move_to_end(message_id)
        while len(messages) > MESSAGES:
            messages.popitem(last=False)
        await self._store.put(_PREFIX + chat, {"messages": [[each, counts] for each, counts in messages.items()]})

    async def _load(self, chat: str) -> OrderedDict[str, Counts]:
        messages = self._chats.get(chat)
        if messages is None:
            record = await self._store.get(_PREFIX + chat) or {"messages": []}
            kept = msgspec.convert(record["messages"], list[tuple[str, Counts]])
            messages = self._chats.setdefault(chat, OrderedDict(kept))
            while len(self._chats) > CHATS:
                self._chats.popitem(last=False)
        return messages
