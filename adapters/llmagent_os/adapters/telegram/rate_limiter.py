"""A rate limiter for messages: about 30 a second in all, one a second to a chat, 20 a minute to a group."""

from __future__ import annotations

import asyncio

import msgspec

from llmagent_os.errors import TryLaterError

#: The longest pause that a call waits out by itself, in seconds. A longer pause is the host's to plan with.
MAX_PAUSE_SECONDS = 5.0

#: With more chats than this, those that were quiet for long are forgotten.
MAX_CHATS = 1000


class Rate(msgspec.Struct, frozen=True):
    """A number of messages at once, and after them one message per interval."""

    burst: int  #: messages at once
    interval_seconds: float


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """Telegram's limits (https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this)."""

    overall: Rate = Rate(30, 1 / 30)
    chat: Rate = Rate(5, 1.0)  #: Telegram lets short bursts through
    group: Rate = Rate(20, 3.0)
    reserved_for_messages: int = 5  #: how many of a group's burst drafts must leave to messages
    draft_seconds: float = 3.0  #: between two changes of a draft in a group


class RateLimiter:
    """Says when the next message may go out.

    Every chat has one number: the moment at which its last message would have been sent at the steady rate.
    """

    def __init__(self, rates: Rates) -> None:
        self._rates = rates
        self._due: dict[int, float] = {}  # by chat
        self._overall_due = 0.0
        self._paused_until: dict[int, float] = {}  # by chat

    async def acquire(self, chat: int, max_wait: float = MAX_PAUSE_SECONDS) -> float:
        """Wait until a message to ``chat`` may go out. Returns how long that took, in seconds.

        Raises:
            TryLaterError: it would take longer than ``max_wait`` seconds; the message does not count then.
        """
        now = asyncio.get_running_loop().time()
        wait = self._wait(chat, now)
        if wait > max_wait:
            raise TryLaterError("telegram: too much was sent to this chat lately", seconds=wait)
        self._count(chat, now)
        if wait > 0:
            await asyncio.sleep(wait)
        return wait

    def try_acquire(self, chat: int) -> bool:
        """Whether a draft, which may be dropped, can go out now. If it can, it counts."""
        now = asyncio.get_running_loop().time()
        group = self._rates.group
        reserved = self._rates.reserved_for_messages * group.interval_seconds if chat < 0 else 0.0
        if self._wait(chat, now, reserved) > 0:
            return False
        self._count(chat, now)
        return True

    def pause(self, chat: int, seconds: float) -> None:
        """Let nothing out to ``chat`` for ``seconds``: Telegram has asked for it."""
        now = asyncio.get_running_loop().time()
        self._paused_until[chat] = max(self._paused_until.get(chat, 0.0), now + seconds)

    def _wait(self, chat: int, now: float, reserved: float = 0.0) -> float:
        rate, overall = self._rate(chat), self._rates.overall
        return max(
            self._due.get(chat, 0.0) + reserved - (rate.burst - 1) * rate.interval_seconds - now,
            self._overall_due - (overall.burst - 1) * overall.interval_seconds - now,
            self._paused_until.get(chat, 0.0) - now,
            0.0,
        )

    def _count(self, chat: int, now: float) -> None:
        self._due[chat] = max(self._due.get(chat, 0.0), now) + self._rate(chat).interval_seconds
        self._overall_due = max(self._overall_due, now) + self._rates.overall.interval_seconds
        if len(self._due) > MAX_CHATS:
            self._due = {each: due for each, due in self._due.items() if due > now}
        if len(self._paused_until) > MAX_CHATS:
            self._paused_until = {each: until for each, until in self._paused_until.items() if until > now}

    def _rate(self, chat: int) -> Rate:
        return self._rates.group if chat < 0 else self._rates.chat  # groups have negative ids
