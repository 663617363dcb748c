"""How fast Telegram may be sent messages: about 30 a second in all, one a second to a chat, 20 a minute to a group."""

from __future__ import annotations

import asyncio

import msgspec

from llmagent_os.errors import TryLaterError

#: Longer pauses are not waited for inside a call, in seconds.
PATIENCE = 5.0

#: So many chats are remembered before those that have long been quiet are forgotten.
_REMEMBERED = 1000


class Rate(msgspec.Struct, frozen=True):
    """So many messages at once, and then one each so often."""

    burst: int
    every: float  #: seconds


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """Telegram's limits (https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this)."""

    overall: Rate = Rate(30, 1 / 30)
    chat: Rate = Rate(5, 1.0)  #: it lets short bursts through
    group: Rate = Rate(20, 3.0)
    #: so many of a group's burst are left to messages, and not used up by drafts
    kept_for_messages: int = 5
    draft_every: float = 3.0  #: seconds between two changes of a draft in a group


class Pace:
    """Whose turn it is. Each chat has one number: when its last message would have been sent at the steady rate."""

    def __init__(self, rates: Rates) -> None:
        self._rates = rates
        self._due: dict[int, float] = {}
        self._overall = 0.0
        self._paused: dict[int, float] = {}  # chat -> until when Telegram wants nothing for it

    async def turn(self, chat: int, patience: float = PATIENCE) -> float:
        """Wait until a message to ``chat`` may go out; returns how long that took, in seconds.

        Raises:
            TryLaterError: it would take longer than ``patience``; nothing is used up.
        """
        now = asyncio.get_running_loop().time()
        wait = self._wait(chat, now)
        if wait > patience:
            raise TryLaterError("telegram: too much was sent to this chat lately", seconds=wait)
        self._take(chat, now)
        if wait > 0:
            await asyncio.sleep(wait)
        return wait

    def spare(self, chat: int) -> bool:
        """Whether something that may be dropped can be sent now; if so it counts."""
        now = asyncio.get_running_loop().time()
        kept = self._rates.kept_for_messages * self._rates.group.every if chat < 0 else 0.0
        if self._wait(chat, now, kept) > 0:
            return False
        self._take(chat, now)
        return True

    def pause(self, chat: int, seconds: float) -> None:
        """Telegram wants nothing for ``chat`` for so long."""
        now = asyncio.get_running_loop().time()
        self._paused[chat] = max(self._paused.get(chat, 0.0), now + seconds)

    def _wait(self, chat: int, now: float, kept: float = 0.0) -> float:
        rate, overall = self._rate(chat), self._rates.overall
        return max(
            self._due.get(chat, 0.0) + kept - (rate.burst - 1) * rate.every - now,
            self._overall - (overall.burst - 1) * overall.every - now,
            self._paused.get(chat, 0.0) - now,
            0.0,
        )

    def _take(self, chat: int, now: float) -> None:
        self._due[chat] = max(self._due.get(chat, 0.0), now) + self._rate(chat).every
        self._overall = max(self._overall, now) + self._rates.overall.every
        if len(self._due) > _REMEMBERED:
            self._due = {each: due for each, due in self._due.items() if due > now}
        if len(self._paused) > _REMEMBERED:
            self._paused = {each: until for each, until in self._paused.items() if until > now}

    def _rate(self, chat: int) -> Rate:
        return self._rates.group if chat < 0 else self._rates.chat  # groups have negative ids
