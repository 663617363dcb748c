"""Several people and one bot: the real host, agent, calendar and ledger. The model's words and the clock are given."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from llmagent_os.agent import Agent
from llmagent_os.chat import ToolCall
from llmagent_os.events import ButtonPress, Command, Conversation, Message, Sender
from llmagent_os.host.host import Host
from llmagent_os.identity import PersonId
from llmagent_os.ledger import Ledger
from llmagent_os.people.profiles import Profiles
from llmagent_os.plugins.calendar import CalendarPlugin
from llmagent_os.testing import ManualClock, MemoryAdapter, ScriptedLLM, Sent, running
from llmagent_os.tools.registry import Plugins

LUNCH = ToolCall("create_event", {"title": "lunch", "person": "Ana", "date": "friday", "time": "noon"})
WEDNESDAY = datetime(2026, 11, 25, 9, tzinfo=UTC)


class Town:
    """People with a private conversation each, and what outlives a restart."""

    def __init__(self, folder: Path, workspace: str = "T1") -> None:
        self.folder = folder
        self.workspace = workspace
        self.clock = ManualClock(WEDNESDAY)
        self.platform = MemoryAdapter()
        self.profiles = Profiles(folder / "profiles")
        self.names = {"tom": "Tom", "ana": "Ana", "eva": "Eva"}
        self._ids = itertools.count(1)

    @contextlib.asynccontextmanager
    async def open(self, *script: str | ToolCall) -> AsyncGenerator[Ledger]:
        """A process whose model says ``script``."""
        ledger = await Ledger.open(f"sqlite:///{self.folder}/ledger.db")
        plugins = Plugins(installed=(), records=ledger.records, timers=ledger.timers, contacts=ledger.contacts)
        async with plugins:
            await plugins.add(CalendarPlugin())
            llm = ScriptedLLM(*script)
            agent = Agent(llm=llm, plugins=plugins, profiles=self.profiles, ledger=ledger, clock=self.clock.now)
            async with running(Host(agent, ledger, [self.platform], clock=self.clock)):
                yield ledger
        await ledger.close()

    def room(self, user: str, group: str = "") -> Conversation:
        """The private conversation of a person, or a group."""
        direct = Conversation(platform="memory", workspace=self.workspace, channel=f"D-{user}")
        return msgspec.structs.replace(direct, channel=group, kind="group") if group else direct

    async def say(self, user: str, text: str, group: str = "") -> Sent:
        """Have a person write. Returns the answer in that conversation."""
        count = len(self.shown(user, group))
        number, sender = f"e{next(self._ids)}", Sender(user, self.names.get(user, ""))
        room = self.room(user, group)
        if text.startswith("/"):
            name, _, arguments = text[1:].partition(" ")
            event: Message | Command = Command(
                event_id=number, conversation=room, sender=sender, name=name, arguments=arguments
            )
        else:
            event = Message(event_id=number, conversation=room, sender=sender, text=text, message_id=number)
        await self.platform.deliver(event)
        return await self.answer(user, count + 1, group)

    async def press(self, user: str, value: str) -> Sent:
        """Have a person press a button in their conversation. Returns the answer."""
        count = len(self.shown(user))
        number, sender = f"e{next(self._ids)}", Sender(user, self.names.get(user, ""))
        press = ButtonPress(event_id=number, conversation=self.room(user), sender=sender, message_id="any", value=value)
        await self.platform.deliver(press)
        return await self.answer(user, count + 1)

    def shown(self, user: str, group: str = "") -> list[Sent]:
        """What the bot has said in a conversation."""
        channel = self.room(user, group).channel
        return [each for each in self.platform.posted if each.conversation.channel == channel]

    async def answer(self, user: str, count: int, group: str = "") -> Sent:
        """The ``count``-th message of the bot in a conversation."""
        await self.platform.until(lambda: len(self.shown(user, group)) >= count)
        return self.shown(user, group)[count - 1]

    async def lives_in(self, user: str, zone: str) -> None:
        """Set a person's time zone."""
        await self.profiles.update(PersonId(f"memory:{self.workspace}:{user}"), time_zone=zone)


def value(sent: Sent, label: str) -> str:
    """The value of a button."""
    return next(each.value for each in sent.reply.buttons if each.label == label)


def labels(sent: Sent) -> list[str]:
    """The labels of all buttons but Undo, which stands under every change."""
    return [each.label for each in sent.reply.buttons if each.label != "Undo"]
