"""Counts of anonymous reactions. Telegram says how many there are of each emoji, and not who added or removed one.

Every step up or down becomes one reaction of ``anonymous-<n>``, the n-th of that emoji on the message, so that a step
down takes back what the step up had given.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec
import structlog

from llmagent_os.adapter_kit.bounded_dict import BoundedDict
from llmagent_os.records import Records

_log = structlog.stdlib.get_logger(__name__)

MAX_MESSAGES = 200  #: messages of one chat whose counts are kept
MAX_CHATS = 200  #: chats whose counts are kept in memory

#: How many steps are made of one update. The others are made with the next update.
MAX_STEPS = 200

_PREFIX = "counts:"

#: How many reactions there are, by emoji.
Counts = dict[str, int]


class CountStep(msgspec.Struct, frozen=True):
    """One anonymous reaction more or less."""

    emoji: str
    action: Literal["added", "removed"]
    rater: str


class _StoredCounts(msgspec.Struct, frozen=True):
    """The counts of one chat, as they lie in the store."""

    messages: list[tuple[str, Counts]] = []


class ReactionCounts:
    """The counts that the host knows, one document per chat."""

    def __init__(self, store: Records) -> None:
        """Args: ``store`` holds the adapter's own documents."""
        self._store = store
        self._chats: BoundedDict[str, BoundedDict[str, Counts]] = BoundedDict(MAX_CHATS)

    async def steps(self, chat: str, message_id: str, counts: Mapping[str, int]) -> tuple[CountStep, ...]:
        """The steps from the counts that the host knows to ``counts``; the same again until :meth:`note`."""
        known = (await self._load(chat)).get(message_id, {})
        steps: list[CountStep] = []
        for emoji in sorted({*known, *counts}):
            before, after = known.get(emoji, 0), min(counts.get(emoji, 0), known.get(emoji, 0) + MAX_STEPS)
            steps += [CountStep(emoji, "added", f"anonymous-{n}") for n in range(before + 1, after + 1)]
            steps += [CountStep(emoji, "removed", f"anonymous-{n}") for n in range(before, after, -1)]
        return tuple(steps[:MAX_STEPS])

    async def note(self, chat: str, message_id: str, steps: tuple[CountStep, ...]) -> None:
        """Note that the host has taken ``steps``. Durable on return."""
        messages = await self._load(chat)
        known = dict(messages.get(message_id, {}))
        for step in steps:
            known[step.emoji] = known.get(step.emoji, 0) + (1 if step.action == "added" else -1)
        messages[message_id] = {emoji: count for emoji, count in known.items() if count > 0}
        await self._store.put(_PREFIX + chat, {"messages": [[each, counts] for each, counts in messages.items()]})

    async def _load(self, chat: str) -> BoundedDict[str, Counts]:
        messages = self._chats.get(chat)
        if messages is None:
            stored = BoundedDict[str, Counts](MAX_MESSAGES)
            try:
                record = msgspec.convert(await self._store.get(_PREFIX + chat) or {}, _StoredCounts)
            except msgspec.ValidationError as error:  # counting anew is better than no reactions in this chat
                _log.warning("telegram: the counts of a chat cannot be read", key=_PREFIX + chat, error=str(error))
            else:
                stored.update(record.messages)
            messages = self._chats.setdefault(chat, stored)
        return messages
