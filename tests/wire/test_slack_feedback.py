"""Slack's own feedback buttons. What breaks without this: a press teaches nothing, or twice, or costs the reply."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

import pytest

from llmagent_os.adapter import Card, Reply
from llmagent_os.agent import Agent
from llmagent_os.feedback.observations import observations
from llmagent_os.feedback.rater_trust import Trust
from llmagent_os.host.host import Host
from llmagent_os.ledger import Ledger
from llmagent_os.ledger.values import RewardWithReply
from llmagent_os.reply.agent_settings import AgentSettings
from llmagent_os.testing import ScriptedLLM, running
from tests.platforms.slack import SlackServer

from .test_slack import SlackPlatform


@pytest.fixture
async def slack(tmp_path: Path) -> AsyncIterator[SlackPlatform]:
    server = SlackServer()
    await server.start()
    platform = SlackPlatform(server, tmp_path)
    yield platform
    await platform.running.stop()
    await server.stop()


class Ratings:
    """The reactions in a ledger, as they come."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._changed = asyncio.Event()
        ledger.watch_rewards(self._changed.set)

    async def these(self, count: int) -> list[RewardWithReply]:
        """All of them, once there are ``count``."""
        async with asyncio.timeout(20):
            while True:
                self._changed.clear()
                rows = await self._ledger.rewards_after(0, 100)
                found = [row for row in rows if row.reward is not None and row.reward.kind == "reaction"]
                if len(found) >= count:
                    return found
                await self._changed.wait()


@contextlib.asynccontextmanager
async def hosted(slack: SlackPlatform, tmp_path: Path, *words: str) -> AsyncGenerator[Ratings]:
    """A new process: the adapter in a host whose agent says ``words``, and what is in its ledger."""
    ledger = await Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    adapter = slack.make()
    settings = AgentSettings(feedback_buttons=("slack",))
    agent = Agent(llm=ScriptedLLM(*words), ledger=ledger, settings=settings)
    async with running(Host(agent, ledger, [adapter])):
        await adapter.started()
        yield Ratings(ledger)
    await ledger.close()


async def test_a_press_is_a_reward_once_also_after_a_restart_and_the_last_one_counts(
    slack: SlackPlatform, tmp_path: Path
) -> None:
    server = slack.server
    async with hosted(slack, tmp_path, "At noon.") as ratings:
        await server.say("when is lunch?", channel=server.group, mention=True)
        (shown,) = await server.until(lambda seen: [one.feedback for one in seen] == [True], server.group)
        assert shown.text == "At noon."
        await server.rate(shown.message_id, "👍")
        await ratings.these(1)
    async with hosted(slack, tmp_path) as ratings:
        await server.redeliver()
        await server.rate(shown.message_id, "👎")
        await ratings.these(2)
        await server.react(shown.message_id, "👍", on=True)
        await ratings.these(3)
        await server.rate(shown.message_id, "👎", user=server.ben)
        rows = await ratings.these(4)
    changes = [(row.reward.rater_id[-10:], row.reward.raw_value, row.reward.reward) for row in rows if row.reward]
    assert changes == [
        (server.ana, "pressed:👍", 1.0),
        (server.ana, "pressed:👎", -2.0),
        (server.ana, "thumbsup", 2.0),
        (server.ben, "pressed:👎", -1.0),
    ]
    trust = Trust()
    learned = [(each.reward, each.weight) for row in rows for each in observations(row, trust)]
    assert learned == [(1.0, 1.0), (-1.0, 1.0), (1.0, 1.0), (1.0, 1.0)], "Ben is no match for the person answered"


async def test_where_the_buttons_are_refused_replies_come_without_them_and_they_are_not_tried_again(
    slack: SlackPlatform,
) -> None:
    slack.server.feedback_buttons = False
    await slack.open()
    said = await slack.asked()
    card = Card("Week", (("Monday", "gym"),))
    for number, reply in enumerate((Reply("One.", asks_feedback=True), Reply("Two.", card, asks_feedback=True))):
        await slack.adapter.send(said.conversation, reply, key=f"k{number}")
    one, two = slack.server.shown()
    assert (one.text, one.feedback, two.feedback, "gym" in two.text) == ("One.", False, False, True)
    posts = [given for method, given in slack.server.calls if method == "chat.postMessage"]
    assert ["context_actions" in str(given.get("blocks")) for given in posts] == [True, False, False]


async def test_a_draft_that_becomes_the_reply_has_the_buttons_too(slack: SlackPlatform) -> None:
    await slack.open()
    said = await slack.asked()
    await slack.adapter.draft(said.conversation, "At", key="k1")
    await slack.adapter.send(said.conversation, Reply("At noon.", asks_feedback=True), key="k1")
    (shown,) = slack.server.shown()
    assert (shown.text, shown.feedback) == ("At noon.", True)
