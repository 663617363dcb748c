"""Ends conversations of two bots that take each other for people, as over a bridge or with an account that a bot runs.

Adapters mark the accounts that their platform knows as bots, and nobody answers those. What is left shows by its
manner: it answers every reply of this bot, within moments, or with the same words. A person who writes more slowly and
a pressed button end the suspicion.

What is remembered is small: the hashes of a few words for each of the latest conversations, and two numbers for each
account in it. The decision to stay silent is in the ledger, and holds after a restart.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from llmagent_os.adapter import Reply
from llmagent_os.adapter_kit.bounded_dict import BoundedDict
from llmagent_os.events import LOCAL_WORKSPACE, ButtonPress, Event, Message, Reaction, now
from llmagent_os.identity import Identity, identity_of
from llmagent_os.ledger import Ledger

_log = structlog.stdlib.get_logger(__name__)

#: A message that comes so soon after a reply was written by no person who has read the reply.
MACHINE_SECONDS = 2.0
#: Within this time after a reply, words that were said before count as said by a machine.
REPEAT_SECONDS = 60.0
#: So many messages in a row at a machine's speed are a loop; and so many that also repeat words.
MOST_FAST, MOST_REPEATED = 10, 6
#: In a direct conversation nobody else is bothered, and a person may test a bot: there it takes as many times more.
DIRECT_FACTOR = 2
#: How long the bot is silent towards the account after that.
SILENCE = timedelta(hours=1)

#: The share of words that two texts have in common if one repeats the other.
REPEATED_WORDS = 0.8
#: A shorter text, such as "yes", is no repetition: people answer question after question with it.
FEWEST_WORDS = 3
REMEMBERED_CONVERSATIONS = 10_000
_REMEMBERED_TEXTS = 3
_MOST_WORDS = _MOST_ACCOUNTS = 64


class _Count:
    """What one account has said in a row."""

    __slots__ = ("fast", "repeated")

    def __init__(self) -> None:
        self.fast = 0  # messages in a row at a machine's speed
        self.repeated = 0  # messages in a row that repeat words


class _Exchange:
    """What is remembered of one conversation."""

    __slots__ = ("answered_at", "counts", "known", "texts")

    def __init__(self) -> None:
        self.answered_at: float | None = None  # when the last reply was sent, on the loop's clock
        self.counts: BoundedDict[Identity, _Count] = BoundedDict(_MOST_ACCOUNTS)  # several people may be quick in turn
        self.texts = deque[frozenset[int]](maxlen=_REMEMBERED_TEXTS)  # hashes of the words of the latest messages
        self.known = dict[Identity, datetime]()  # until when the bot is silent towards an account, as the ledger says

    def begin_again(self) -> None:
        """A person was here."""
        self.counts.clear()


class LoopGuard:
    """Counts, and stops listening to an account once it is sure."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        clock: Callable[[], datetime] = now,
        most_fast: int = MOST_FAST,
        most_repeated: int = MOST_REPEATED,
    ) -> None:
        """Args:
        ledger: keeps towards whom the bot is silent.
        clock: the present moment, aware.
        most_fast: how many messages in a row at a machine's speed are a loop.
        most_repeated: how many in a row that repeat words are one.
        """
        self._ledger = ledger
        self._clock = clock
        self._most_fast = most_fast
        self._most_repeated = most_repeated
        self._exchanges: BoundedDict[str, _Exchange] = BoundedDict(REMEMBERED_CONVERSATIONS)

    def answered(self, event: Event, reply: Reply) -> None:
        """Note that ``reply`` was sent to its platform."""
        exchange = self._exchanges.get(event.conversation.key)
        if exchange is not None:
            exchange.answered_at = asyncio.get_running_loop().time()
            exchange.texts.append(_words(reply.text))  # a bridge may bring it back

    async def hears(self, event: Event) -> bool:
        """Whether to take ``event``. False: its sender is a bot that would answer for ever.

        Raises:
            LedgerError: the ledger cannot be read or written.
        """
        if event.conversation.workspace == LOCAL_WORKSPACE:  # the people of one page or one terminal: no bots are there
            return True
        exchange = self._exchange(event)
        if isinstance(event, ButtonPress | Reaction):  # what bridges, webhooks and scripts do not do
            exchange.begin_again()
            if exchange.known.pop(identity_of(event), None) is not None:
                await self._ledger.silences.end(event.conversation, "loop")
            return True
        if not isinstance(event, Message):
            return True
        if await self._is_silent(exchange, event):
            return False
        count = self._count(exchange, event)
        if not self._is_loop(count, event):
            return True
        await self._cut(exchange, count, event)
        return False

    def _exchange(self, event: Event) -> _Exchange:
        key = event.conversation.key
        found = self._exchanges.get(key)
        if found is None:
            found = self._exchanges[key] = _Exchange()
        return found

    async def _is_silent(self, exchange: _Exchange, message: Message) -> bool:
        sender = identity_of(message)
        if sender not in exchange.known:
            at = self._clock()
            found = await self._ledger.silences.find(message.conversation, "loop", at, sender)
            if len(exchange.known) >= _MOST_ACCOUNTS:
                exchange.known.clear()
            exchange.known[sender] = at if found is None else found.until
        return exchange.known[sender] > self._clock()

    def _count(self, exchange: _Exchange, message: Message) -> _Count:
        answered_at, words = exchange.answered_at, _words(message.text)
        gap = None if answered_at is None else asyncio.get_running_loop().time() - answered_at
        exchange.answered_at = None  # a second message to the same reply answers nothing
        if gap is not None and gap > REPEAT_SECONDS:
            exchange.begin_again()
        sender = identity_of(message)
        count = exchange.counts.get(sender)
        if count is None:
            count = exchange.counts[sender] = _Count()
        if gap is not None and gap <= REPEAT_SECONDS:
            repeats = any(_are_alike(words, before) for before in exchange.texts)
            count.fast = count.fast + 1 if gap <= MACHINE_SECONDS else 0
            count.repeated = count.repeated + 1 if repeats else 0
        exchange.texts.append(words)
        return count

    def _is_loop(self, count: _Count, message: Message) -> bool:
        factor = DIRECT_FACTOR if message.conversation.kind == "direct" else 1
        if message.conversation.kind == "direct" and not count.fast:  # a person may ask the same again and again
            return False
        return count.fast >= self._most_fast * factor or count.repeated >= self._most_repeated * factor

    async def _cut(self, exchange: _Exchange, count: _Count, message: Message) -> None:
        until = self._clock() + SILENCE
        await self._ledger.silences.begin(message, "loop", until)
        exchange.known[identity_of(message)] = until
        _log.warning(
            "a conversation of two bots is ended: the account answers every reply as only a machine does",
            platform=message.conversation.platform,
            channel=message.conversation.channel,
            account=identity_of(message),
            messages=max(count.fast, count.repeated),
            silent_until=until.isoformat(timespec="minutes"),
        )
        exchange.begin_again()


def _words(text: str) -> frozenset[int]:
    """The hashes of the words of a text. All numbers are one word: a counter makes no text another one."""
    found = re.findall(r"[^\W\d]+|\d+", text.casefold())[:_MOST_WORDS]
    return frozenset(hash("0" if word.isdigit() else word) for word in found)


def _are_alike(one: frozenset[int], two: frozenset[int]) -> bool:
    return len(one) >= FEWEST_WORDS and len(one & two) >= REPEATED_WORDS * len(one | two)
