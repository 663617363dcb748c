"""People with habits of speech who talk to the running calendar bot, and correct it where it misreads them."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from benchmarks.speech_habits import Sentence

from llmagent_os.admin import jobs_command
from llmagent_os.bot import Bot, ConsentConfig
from llmagent_os.config import Settings
from llmagent_os.identity import Identity
from llmagent_os.ledger import Interaction
from llmagent_os.runtime import Runtime
from llmagent_os.testing import MemoryAdapter, Sent, running
from llmagent_os.training.lora_version import Level, LoraVersion

#: How somebody corrects the bot: in the same breath ("no, add gym friday"), with other words before it ("no, I meant
#: add gym friday"), by Undo and saying it again, or by a thumb down and saying it again.
Way = Literal["restate", "meant", "undo", "thumb"]
#: What may stand before an argument and says nothing.
_BEFORE = re.compile(r"^(?:(?:the|my|at|on|in|for|to)\s+|@\s*)+")
WAYS: tuple[Way, ...] = ("restate", "meant", "undo", "thumb")


class Office:
    """A running host with the calendar bot, and people who talk to it."""

    def __init__(self, settings: Settings, bot: Bot, runtime: Runtime, platform: MemoryAdapter) -> None:
        self.settings, self.bot, self.runtime, self.platform = settings, bot, runtime, platform
        self.right = self.corrected = 0  #: sentences that were read right, and others
        self._rooms = 0

    async def say(self, user: str, room: str, text: str) -> tuple[Sent, Interaction]:
        """Have somebody say something; gives what was sent, and what was kept of it."""
        message = self.platform.message(text, user=user, channel=room)
        await self.platform.deliver(message)
        sent = await self.platform.replied(message)  # before it, the bot may ask for the reason of a 👎
        return sent, await self._kept(user, sent)

    async def tell(self, user: str, sentence: Sentence, way: Way, *, praises: bool = False) -> bool:
        """Have somebody say a sentence in a conversation of its own, and correct the bot where it is misread.

        Args:
            user: who.
            sentence: what is said.
            way: how the bot is corrected.
            praises: whether the bot is thanked where it read the sentence right.

        Returns:
            Whether it was read right at once.
        """
        self._rooms += 1
        room = f"{user}-{self._rooms}"
        await self._prepare(user, room, sentence)
        sent, kept = await self.say(user, room, sentence.text)
        if is_right(sentence, called(kept)):
            self.right += 1
            if praises:
                await self.say(user, room, "thanks")
            return True
        self.corrected += 1
        begin = {"restate": "no, ", "meant": "no, I meant "}.get(way, "")
        if way == "thumb":
            await self._react(user, sent, "👎")
        elif way == "undo":
            await self._undo(user, room, sent)
        await self.say(user, room, f"{begin}{sentence.plain}")
        return False

    async def ask(self, user: str, texts: Sequence[str]) -> list[tuple[str | None, Mapping[str, Any]]]:
        """Have somebody say sentences, each in a conversation of its own; gives the calls."""
        made: list[tuple[str | None, Mapping[str, Any]]] = []
        for text in texts:
            self._rooms += 1
            made.append(called((await self.say(user, f"{user}-{self._rooms}", text))[1]))
        return made

    async def train(self, level: Level, subject: str = "") -> tuple[str, LoraVersion | None]:
        """Run a job as somebody at a terminal would; gives what came of it, and the version."""
        said = await jobs_command.run(self.settings, self.bot, level, subject, "", lambda job: None)
        versions = [each for each in await self.runtime.training.registry.all() if each.level == level]
        own = [each for each in versions if each.subject == subject]
        return said, max(own, key=lambda each: each.name) if own else None

    def folder_of(self, version: LoraVersion) -> Path:
        """Where a version's files are."""
        return self.runtime.training.registry.folder_of(version)

    async def _prepare(self, user: str, room: str, sentence: Sentence) -> None:
        """Put what is to be moved or deleted into the calendar."""
        if sentence.tool in ("move_event", "delete_event"):
            day = sentence.meant.get("date", "saturday")
            await self.say(user, f"{room}-before", f"add {sentence.meant['title']} {day} at noon")

    async def _undo(self, user: str, room: str, sent: Sent) -> None:
        """Press Undo, where the reply has it; else say that it is wrong."""
        value = next((each.value for each in sent.reply.buttons if each.label == "Undo"), None)
        if value is None:
            await self.say(user, room, "that's wrong")
            return
        before = len(self.platform.posted)
        await self.platform.press(sent, value, user=user)
        await self.platform.sent(before + 1)

    async def _react(self, user: str, sent: Sent, emoji: str) -> None:
        added = asyncio.Event()
        unwatch = self.runtime.ledger.watch_rewards(added.set)
        await self.platform.react(sent, emoji, user=user)
        await added.wait()
        unwatch()

    async def _kept(self, user: str, sent: Sent) -> Interaction:
        while await self.runtime.ledger.unfinished():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        return (await self.runtime.ledger.history(sent.conversation.key, Identity(f"memory::{user}"), 1))[-1]


@contextlib.asynccontextmanager
async def office(folder: Path, *, rules: bool = True, **training: Any) -> AsyncGenerator[Office]:
    """Run the shipped calendar bot in a folder.

    Args:
        folder: for its data.
        rules: whether plugins' rules read a message before the model, as in the shipped bot.
        training: other values of ``[training]``.
    """
    bot = Bot.load("calendar")
    values = {"quiet_hours": "", "priority": "normal", "opinions": 10_000, "personal_opinions": 10_000} | training
    given = bot.config.training
    assert given is not None
    changed = type(given).model_validate(given.model_dump() | values)
    agreed = ConsentConfig(training=True, ask=False)  # people here agree, and the words of replies are measured
    values = {"training": changed, "adapters": (), "request_rules": rules, "consent": agreed}
    bot = replace(bot, config=bot.config.model_copy(update=values))
    settings = Settings.load(env_file=None, data=folder / "data", threads=1)
    platform = MemoryAdapter()
    async with Runtime.open(settings, bot, adapters=[platform]) as runtime, running(runtime):
        yield Office(settings, bot, runtime, platform)


def called(interaction: Interaction) -> tuple[str | None, Mapping[str, Any]]:
    """The first call of a reply: its tool and its arguments."""
    first = next(iter(interaction.tool_calls), None)
    return (None, {}) if first is None else (str(first["name"]), first["arguments"])


def is_right(sentence: Sentence, call: tuple[str | None, Mapping[str, Any]]) -> bool:
    """Whether a call is what a sentence means: the tool, and every argument in the person's or in plain words.

    An article before a title is no mistake, nor is "at" before a time, nor a person who is named in the title. What is
    asked about events that are looked up is not compared.
    """
    tool, given = call
    said = {name: _bare(value) for name, value in given.items() if value is not None and name != "asked"}
    person = said.pop("person", "")
    if tool != sentence.tool or set(said) != set(sentence.arguments) or person not in sentence.text:
        return False
    whole = f"{said.get('title', '')} with {person}"
    return all(
        {said[name], whole if name == "title" else said[name]} & {value, sentence.meant[name]}
        for name, value in sentence.arguments.items()
    )


def _bare(value: object) -> str:
    return _BEFORE.sub("", str(value).casefold())
