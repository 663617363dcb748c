"""Thumbs to press, and the question why, over the wire. What breaks without this: a press teaches nothing or twice, a
group reads what one person is asked, or a plugin's buttons and the thumbs take each other away.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

import pytest

from llmagent_os.adapter import Button, Reply
from llmagent_os.agent import Agent
from llmagent_os.feedback.kept_reasons import standing_reason
from llmagent_os.feedback.reason_questions import LABELS, NEVER_LABEL, QUESTION, ReasonQuestions
from llmagent_os.host.host import Host
from llmagent_os.ledger import Ledger, RewardWithReply
from llmagent_os.reply.agent_settings import AgentSettings
from llmagent_os.testing import ScriptedLLM, running
from tests.platforms.discord import DiscordServer
from tests.platforms.slack import SlackServer
from tests.platforms.telegram import TelegramServer

from .contract import PATIENCE
from .test_discord import DiscordPlatform, identified_at_once
from .test_slack import SlackPlatform
from .test_telegram import TelegramPlatform

__all__ = ["identified_at_once"]

ASKED = str(QUESTION)
CHOICES = (*map(str, LABELS.values()), str(NEVER_LABEL))


@pytest.fixture
async def telegram(tmp_path: Path) -> AsyncIterator[TelegramPlatform]:
    server = TelegramServer()
    await server.start()
    yield TelegramPlatform(server, tmp_path)
    await server.stop()


@pytest.fixture
async def discord(tmp_path: Path) -> AsyncIterator[DiscordPlatform]:
    server = DiscordServer()
    await server.start()
    yield DiscordPlatform(server, tmp_path)
    await server.stop()


@pytest.fixture
async def slack(tmp_path: Path) -> AsyncIterator[SlackPlatform]:
    server = SlackServer()
    await server.start()
    yield SlackPlatform(server, tmp_path)
    await server.stop()


class Kept:
    """What a ledger keeps of opinions and reasons."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._changed = asyncio.Event()
        ledger.watch_rewards(self._changed.set)

    async def rows(self, count: int) -> list[RewardWithReply]:
        """The reactions, questions and reasons, once there are ``count``."""
        async with asyncio.timeout(PATIENCE):
            while True:
                self._changed.clear()
                rows = await self._ledger.rewards_after(0, 100)
                found = [row for row in rows if row.reward is not None and row.reward.kind in ("reaction", "reason")]
                if len(found) >= count:
                    return found
                await self._changed.wait()

    async def said(self, count: int) -> list[tuple[str, float]]:
        return [(row.reward.raw_value, row.reward.reward) for row in await self.rows(count) if row.reward]

    async def reason(self, count: int) -> str:
        """The reason that stands after so many rows; empty: none does."""
        last = (await self.rows(count))[-1]
        found = standing_reason(last.so_far, last.identities)
        return "" if found is None else found.said


@contextlib.asynccontextmanager
async def hosted(platform: TelegramPlatform | DiscordPlatform | SlackPlatform) -> AsyncGenerator[Kept]:
    ledger = await Ledger.open("sqlite://")
    adapter = platform.make()
    settings = AgentSettings(feedback_buttons=(adapter.name,) if adapter.name != "slack" else ())
    agent = Agent(llm=ScriptedLLM("At noon."), ledger=ledger, settings=settings)
    questions = ReasonQuestions(ledger, agent.services.directory, pause_replies=0)
    async with running(Host(agent, ledger, [adapter], question=questions.question)):
        await adapter.started()
        yield Kept(ledger)
    await ledger.close()


async def test_in_a_telegram_group_the_keyboard_counts_asks_and_lets_take_back(telegram: TelegramPlatform) -> None:
    server = telegram.server
    async with hosted(telegram) as kept:
        await server.say("when is lunch?", channel=server.group, mention=True)
        (reply,) = await server.until(lambda seen: [one.buttons for one in seen] == [("👍", "👎")], server.group)
        await server.press(reply.message_id, "👎")
        asks = (ASKED, *CHOICES, "👍", "👎 1")
        await server.until(lambda seen: [one.buttons for one in seen] == [asks], server.group)
        await server.press(reply.message_id, ASKED)
        await server.press(reply.message_id, "👍", user=server.ben)
        asks = (ASKED, *CHOICES, "👍 1", "👎 1")
        await server.until(lambda seen: [one.buttons for one in seen] == [asks], server.group)
        await server.press(reply.message_id, "Too long")
        await server.until(lambda seen: [one.buttons for one in seen] == [("👍 1", "👎 1")], server.group)
        assert await kept.reason(4) == "too_long"
        await server.press(reply.message_id, "👎 1")
        await server.until(lambda seen: [one.buttons for one in seen] == [("👍 1", "👎")], server.group)
        assert await kept.reason(5) == ""
        assert await kept.said(5) == [
            ("pressed:👎", -1.0), ("", 0.0), ("pressed:👍", 1.0), ("too_long", 0.0), ("pressed:👎", 1.0)
        ]  # fmt: skip
        assert len(server.shown(server.group)) == 1, "nothing was written into the group"


async def test_in_a_direct_chat_on_telegram_a_press_and_a_reaction_are_one_verdict(telegram: TelegramPlatform) -> None:
    server = telegram.server
    async with hosted(telegram) as kept:
        await server.say("when is lunch?")
        (reply,) = await server.until(lambda seen: [one.buttons for one in seen] == [("👍", "👎")])
        await server.press(reply.message_id, "👍")
        await server.until(lambda seen: [one.buttons for one in seen] == [("👍 ✓", "👎")])
        await server.react(reply.message_id, "👍", on=True)
        assert await kept.said(2) == [("pressed:👍", 1.0), ("👍", 0.0)]
        await server.press(reply.message_id, "👎")
        _, asked = await server.until(lambda seen: len(seen) == 2 and seen[0].buttons == ("👍", "👎 ✓"))
        assert (asked.text, asked.buttons) == (ASKED, CHOICES)
        await server.press(asked.message_id, "The tone")
        await server.until(lambda seen: seen[1].buttons == ())
        assert await kept.reason(5) == "tone"


async def test_thumbs_and_a_plugins_buttons_leave_each_other_alone(telegram: TelegramPlatform) -> None:
    await telegram.open()
    said = await telegram.asked()
    reply = Reply("Delete?", buttons=(Button("Yes", "p:1"), Button("No", "p:0")), asks_feedback=True)
    receipt = await telegram.adapter.send(said.conversation, reply, key="k")
    await telegram.server.press(receipt.message_ids[0], "Yes")
    await telegram.server.until(lambda seen: seen[0].buttons == ("👍", "👎"))
    await telegram.running.stop()


async def test_on_discord_thumbs_count_and_one_person_alone_is_asked(discord: DiscordPlatform) -> None:
    server = discord.server
    async with hosted(discord) as kept:
        await server.say("when is lunch?", channel=server.group, mention=True)
        (reply,) = await server.until(lambda seen: [one.buttons for one in seen] == [("👍", "👎")], server.group)
        await server.press(reply.message_id, "👎")
        await server.wait(lambda: len(server.shown(server.group, user=server.ana)) == 2)
        await server.until(lambda seen: seen[0].buttons == ("👍", "👎 1"), server.group)
        asked = server.shown(server.group, user=server.ana)[1]
        assert (asked.text, asked.buttons) == (ASKED, CHOICES)
        await server.press(asked.message_id, "Too long")
        assert await kept.reason(3) == "too_long"
        await server.press(reply.message_id, "👎 1")
        await server.until(lambda seen: seen[0].buttons == ("👍", "👎"), server.group)
        assert await kept.reason(4) == ""


async def test_on_slack_one_person_alone_is_asked_and_the_question_goes(slack: SlackPlatform) -> None:
    server = slack.server
    async with hosted(slack) as kept:
        await server.say("when is lunch?", channel=server.group, mention=True)
        (reply,) = await server.until(lambda seen: len(seen) == 1 and not seen[0].draft, server.group)
        await server.react(reply.message_id, "👎", on=True)
        await server.wait(lambda: len(server.shown(server.group, user=server.ana)) == 2)
        asked = server.shown(server.group, user=server.ana)[-1]
        assert (asked.text, asked.buttons, asked.thread) == (ASKED, CHOICES, reply.thread)
        await server.press(asked.message_id, "It is wrong")
        await server.wait(lambda: len(server.shown(server.group, user=server.ana)) == 1)
        assert await kept.reason(3) == "wrong"
