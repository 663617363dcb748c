"""What breaks without this: "remind me to call mom every Sunday at 6pm" is agreed to, and nobody is ever reminded.

The real host, agent, calendar, ledger and profiles, on disk and started again in between; only the model's words and
the clock are given.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from llmagent_os.agent import Agent
from llmagent_os.chat import ToolCall
from llmagent_os.events import Conversation
from llmagent_os.host.host import Host
from llmagent_os.identity import Identity
from llmagent_os.ledger import Ledger
from llmagent_os.people.profiles import Profiles
from llmagent_os.plugins.calendar import CalendarPlugin
from llmagent_os.testing import ManualClock, MemoryAdapter, ScriptedLLM, Sent, running
from llmagent_os.tools.registry import Plugins

SUNDAY_NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
MOM = ToolCall("create_event", {"title": "call mom", "time": "6pm", "repeat": "every Sunday"})
ANA = Identity("memory::ana")


class World:
    """What outlives a restart."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = ManualClock(SUNDAY_NOON)
        self.platform = MemoryAdapter()

    @contextlib.asynccontextmanager
    async def started(self, *script: str | ToolCall | Exception) -> AsyncGenerator[Ledger]:
        """A process with a bot whose model says ``script``."""
        ledger = await Ledger.open(f"sqlite:///{self.folder}/ledger.db")
        plugins = Plugins(installed=(), records=ledger.records, timers=ledger.timers)
        async with plugins:
            await plugins.add(CalendarPlugin())
            agent = Agent(
                llm=ScriptedLLM(*script),
                plugins=plugins,
                profiles=Profiles(self.folder / "profiles"),
                ledger=ledger,
                clock=self.clock.now,
            )
            async with running(Host(agent, ledger, [self.platform], clock=self.clock)):
                yield ledger
        await ledger.close()

    async def answer(self, count: int) -> Sent:
        """The ``count``-th message of the bot."""
        return (await self.platform.sent(count))[count - 1]


async def test_reminded_every_sunday_through_restarts_snoozed_rated_and_forgotten(tmp_path: Path) -> None:
    world = World(tmp_path)
    clock, platform = world.clock, world.platform
    async with world.started(MOM, "") as ledger:
        await platform.say("remind me to call mom every Sunday at 6pm", channel="ana's", user="ana")
        agreed = await world.answer(1)
        assert agreed.reply.text == "I'll remind you: call mom, every Sunday, starting today at 6 PM."

        clock.advance(timedelta(hours=6))
        first = await world.answer(2)
        assert first.reply.text == "Reminder: call mom."
        assert first.conversation == Conversation(platform="memory", channel="ana's")
        assert first.reply_to is None

        await platform.press(first, first.reply.buttons[1].value, user="ana")
        await platform.press(first, first.reply.buttons[1].value, user="ana")  # a double click
        assert (await world.answer(3)).reply.text == "I'll remind you again at 6:10 PM."
        await world.answer(4)
        await platform.react(first, "👍", user="ana")
        clock.advance(timedelta(minutes=10))
        assert (await world.answer(5)).reply.text == "Reminder: call mom."
        (reward,) = await ledger.rewards_of(first.key)
        assert (reward.user_id, reward.reward) == (ANA, 1.0)

    clock.advance(timedelta(days=7))  # the machine is off on Sunday at six
    async with world.started("") as ledger:
        assert (await world.answer(6)).reply.text == "Reminder (due today at 6 PM): call mom."
    async with world.started("") as ledger:
        clock.advance(timedelta(days=7))
        assert (await world.answer(7)).reply.text == "Reminder (due today at 6 PM): call mom."

    async with world.started("Hello.") as ledger:
        await ledger.forget(ANA)
        clock.advance(timedelta(days=70))
        await platform.say("hello", channel="ana's", user="ana")
        await world.answer(8)
        assert await ledger.unfinished() == []
    assert [sent.reply.text for sent in platform.posted[7:]] == ["Hello."]
    assert platform.sends == 8, "nothing was sent twice"


async def test_the_reminder_a_crash_cut_off_is_told_once(tmp_path: Path) -> None:
    """It had rung, and the process was killed before anything was said."""
    world = World(tmp_path)
    async with world.started(MOM, "") as ledger:
        await world.platform.say("remind me to call mom every Sunday at 6pm", user="ana")
        await world.answer(1)
    ledger = await Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    await ledger.move_due_timers(SUNDAY_NOON + timedelta(hours=6), limit=9)
    await ledger.close()
    world.clock.advance(timedelta(hours=6))
    for _ in range(2):
        async with world.started("Hello."):
            assert (await world.answer(2)).reply.text == "Reminder: call mom."
            await world.platform.say("hello", user="ana")
            await world.platform.until(lambda: world.platform.posted[-1].reply.text == "Hello.")
    assert [sent.reply.text for sent in world.platform.posted[1:]] == ["Reminder: call mom.", "Hello.", "Hello."]
