"""People who talk to a bot on a platform or a web page: each says something, waits for the answer, and reacts.

Every message carries a mark of its own, and the bot's answer repeats it, so that each answer can be counted: a message
with no answer is lost, a message with two is doubled.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter
from typing import Any, NamedTuple, Protocol

import aiohttp
from benchmarks.endurance.model_server import MARK
from tests.platforms.server import PlatformServer, Shown
from tests.wire.page import FakePage

#: Accounts that one person has on a platform. Each message comes from one of them, at random.
ACCOUNTS = 10
#: How long a person waits for an answer before the message counts as lost, in seconds.
PATIENCE = 120.0


class Counts(NamedTuple):
    """What the people of one platform saw."""

    said: int
    answered_once: int
    doubled: int
    lost: int
    other_answers: int  #: in place of an answer: an apology, or a word about the delay
    reactions: int

    def __add__(self, other: tuple[Any, ...]) -> Counts:
        return Counts(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


class Person(Protocol):
    """Somebody with one message in flight."""

    async def talk(self, stop: asyncio.Event) -> None:
        """Talk until ``stop`` is set and the last answer is there."""
        ...

    def counts(self) -> Counts:
        """What this person saw."""
        ...


class Conversation:
    """The marks of one person's messages, and how often each was answered."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._said = itertools.count(1)
        self.marks: list[str] = []
        self.reactions = 0
        self.other_answers: list[str] = []  #: what came in place of an answer with the mark
        self.seconds: list[float] = []  #: from message to answer

    def next(self) -> str:
        """The mark of the next message."""
        self.marks.append(f"m{self._number}x{next(self._said)}")
        return self.marks[-1]

    def counts(self, shown: list[str]) -> Counts:
        """Count in ``shown``, the text of every message of the bot that the person has seen."""
        seen = Counter(mark for text in shown for mark in MARK.findall(text))
        return Counts(
            said=len(self.marks),
            answered_once=sum(seen[mark] == 1 for mark in self.marks),
            doubled=sum(seen[mark] > 1 for mark in self.marks),
            lost=sum(not seen[mark] for mark in self.marks),
            other_answers=len(self.other_answers),
            reactions=self.reactions,
        )


class PlatformPerson:
    """Somebody on Slack, Discord or Telegram, in a direct conversation with the bot."""

    def __init__(self, server: PlatformServer, number: int, *, pause: float, react: float, seed: int = 0) -> None:
        """Args:
        server: the platform.
        number: of the person; no other has it.
        pause: seconds between an answer and the next message, at most.
        react: the probability of a reaction to an answer.
        seed: of what the person does.
        """
        self._server = server
        self._number = number
        self._pause, self._react = pause, react
        self._random = random.Random(f"{seed} {number}")
        self.conversation = Conversation(number)
        self._users = [server.newcomer(number * 1000 + account) for account in range(ACCOUNTS)]

    async def introduce(self) -> None:
        """Say hello from every account. A platform does not tell a bot of a stranger who wrote while it was away."""
        await self._server.connected()
        for user in self._users:
            await self._say(user)

    async def talk(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await self._say(self._random.choice(self._users))
            await asyncio.sleep(self._random.uniform(0, self._pause))

    async def _say(self, user: str) -> None:
        server, mark, loop = self._server, self.conversation.next(), asyncio.get_running_loop()
        since, before = loop.time(), len(self._finished(user))
        await server.say(f"please note {mark}", user=user)
        found, others = "", list[str]()

        def answered() -> bool:
            nonlocal found
            news = self._finished(user)[before:]
            found = next((each.message_id for each in news if mark in each.text), "")
            others[:] = [each.text for each in news if not MARK.search(each.text)]
            return bool(found or others)

        try:
            await server.wait(answered, PATIENCE)
        except TimeoutError:
            return
        if not found:
            self.conversation.other_answers += others
            return
        self.conversation.seconds.append(loop.time() - since)
        if self._random.random() < self._react:
            await server.connected()
            await server.react(found, self._random.choice("👍👎"), on=True, user=user)
            self.conversation.reactions += 1

    def _finished(self, user: str) -> list[Shown]:
        return [each for each in self._server.shown(user=user) if not each.draft]

    def counts(self) -> Counts:
        return self.conversation.counts([each.text for user in self._users for each in self._finished(user)])


class WebPerson:
    """Somebody at a page of the web chat, who opens it again whenever it closes."""

    def __init__(self, url: str, number: int, *, pause: float, react: float, seed: int = 0) -> None:
        """Args: as for :class:`PlatformPerson`; ``url`` is the page's address."""
        self._url = url
        self._number = number
        self._pause, self._react = pause, react
        self._random = random.Random(f"{seed} {number}")
        self.conversation = Conversation(number)
        self._page: FakePage | None = None

    async def talk(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await self._say()
            await asyncio.sleep(self._random.uniform(0, self._pause))

    async def _say(self) -> None:
        mark, loop = self.conversation.next(), asyncio.get_running_loop()
        since = loop.time()
        before = {item["message_id"] for item in self._answers()}
        await self._act({"type": "message", "id": f"page-{mark}", "text": f"please note {mark}"})

        def answered() -> str:
            news = [item for item in self._answers() if item["message_id"] not in before]
            found = next((item["message_id"] for item in news if mark in item["text"]), "")
            others[:] = [item["text"] for item in news if not MARK.search(item["text"])]
            return found or ("other" if others else "")

        others = list[str]()

        found = ""
        while not found and loop.time() - since < PATIENCE:
            page = await self._open()
            try:
                await page.until(lambda: bool(answered()))
            except (TimeoutError, ConnectionError):
                await self._close()
            found = answered()
        if found == "other":
            self.conversation.other_answers += others
        elif found:
            self.conversation.seconds.append(loop.time() - since)
            if self._random.random() < self._react:
                emoji = self._random.choice("👍👎")
                await self._act(
                    {"type": "reaction", "id": f"emoji-{mark}", "message_id": found, "emoji": emoji, "on": True}
                )
                self.conversation.reactions += 1

    def _answers(self) -> list[dict[str, Any]]:
        return [] if self._page is None else self._page.listed("bot")

    async def _act(self, frame: dict[str, Any]) -> None:
        """Send a frame again and again until the server has taken it, as the page's script does."""
        while True:
            page = await self._open()
            try:
                answer = await page.act(frame)
            except (TimeoutError, aiohttp.ClientError, ConnectionError):
                await self._close()
                continue
            if answer["type"] == "ack" or not answer["again"]:
                return
            await asyncio.sleep(0.5)

    async def _open(self) -> FakePage:
        if self._page is None:
            self._page = FakePage(self._url)
        while not self._page.is_open:
            await self._page.close()
            try:
                await self._page.open()
            except (TimeoutError, aiohttp.ClientError, ConnectionError, AssertionError):
                await asyncio.sleep(0.1)
        return self._page

    async def _close(self) -> None:
        if self._page is not None:
            await self._page.close()

    async def look_again(self) -> None:
        """Open the page once more, to see what has come."""
        await self._close()
        await self._open()
        await asyncio.sleep(1.0)

    async def quit(self) -> None:
        """Close the browser."""
        if self._page is not None:
            await self._page.quit()

    def counts(self) -> Counts:
        return self.conversation.counts([item["text"] for item in self._answers()])
