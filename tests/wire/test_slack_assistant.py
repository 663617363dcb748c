"""Slack's assistant pane. What breaks without this: an empty pane, a status that stays, or a reply that it cost."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

import pytest

from llmagent_os.adapter import Reply, ShowsStatus
from llmagent_os.agent import Agent
from llmagent_os.chat import ToolCall
from llmagent_os.events import Conversation, Message, Opened
from llmagent_os.host.host import Host
from llmagent_os.ledger import Ledger
from llmagent_os.reply.agent_settings import AgentSettings
from llmagent_os.testing import ScriptedLLM, running
from llmagent_os.tools.registry import Plugins
from tests.platforms.slack import SCOPES, SlackServer
from tests.unit.agent_bench import Diary

from .test_slack import SlackPlatform

SETTINGS = AgentSettings(title="Diary", about="I write down what you tell me.", examples=("Write rain", "Tear it up"))


@pytest.fixture
async def slack(tmp_path: Path) -> AsyncIterator[SlackPlatform]:
    server = SlackServer()
    await server.start()
    platform = SlackPlatform(server, tmp_path)
    yield platform
    await platform.running.stop()
    await server.stop()


@contextlib.asynccontextmanager
async def hosted(slack: SlackPlatform, tmp_path: Path, *script: str | ToolCall) -> AsyncGenerator[None]:
    """The adapter in a host with an agent that keeps a diary."""
    ledger = await Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    async with Plugins(installed=()) as plugins:
        await plugins.add(Diary())
        adapter = slack.make()
        agent = Agent(llm=ScriptedLLM(*script), ledger=ledger, plugins=plugins, settings=SETTINGS)
        async with running(Host(agent, ledger, [adapter])):
            await adapter.started()
            yield
    await ledger.close()


async def test_whoever_opens_the_pane_is_greeted_once_and_a_request_has_a_status_and_names_the_thread(
    slack: SlackPlatform, tmp_path: Path
) -> None:
    server = slack.server
    async with hosted(slack, tmp_path, ToolCall("write", {"what": "rain"}), "Written: rain.", "Yes."):
        thread = await server.open_pane()
        pane = (server.direct(server.ana), thread)
        await server.wait(lambda: pane in server.prompts)
        assert server.prompts[pane] == ["Write rain", "Tear it up"]
        await server.redeliver()
        await server.open_pane(changed=thread)  # the person looks at another channel, which is not the bot's business
        await server.say("write rain, ana@example.org", reply_to=thread)
        await server.wait(lambda: pane in server.titles)
        await server.say("did you?", reply_to=thread)
        shown = await server.until(lambda seen: seen[-1].text == "Yes.")
        assert [one.text for one in shown[1:]] == [
            "Hello! I am Diary. I write down what you tell me.",
            "Written: rain.",
            "Yes.",
        ]
        assert {one.thread for one in shown} == {thread}
        await server.wait(lambda: server.statuses[pane] == "")
        assert "is writing in your diary…" in server.past_statuses
        assert server.titles == {pane: "write rain, [email]"}
        assert server.group not in str(await slack.store.items())


async def show_status(slack: SlackPlatform, conversation: Conversation, words: str) -> None:
    assert isinstance(slack.adapter, ShowsStatus)
    await slack.adapter.show_status(conversation, words)


@pytest.mark.parametrize(
    ("assistant", "scopes", "asked"),
    [
        (False, SCOPES, {"setStatus": 1, "setSuggestedPrompts": 1, "setTitle": 1}),
        # A status needs only chat:write: it is set and taken away for each of the two replies.
        (True, SCOPES.replace(",assistant:write", ""), {"setStatus": 4, "setSuggestedPrompts": 1, "setTitle": 1}),
    ],
    ids=["no such methods", "no scope"],
)
async def test_without_the_feature_replies_come_as_before_and_what_is_refused_is_not_asked_again(
    slack: SlackPlatform, assistant: bool, scopes: str, asked: dict[str, int]
) -> None:
    server = slack.server
    server.assistant, server.scopes = assistant, scopes
    await slack.open()
    await server.open_pane()
    (opened,) = await slack.inbox.wait(Opened)
    for number in range(2):
        await show_status(slack, opened.conversation, f"is thinking {number}…")
        reply = Reply(f"Answer {number}", suggestions=("Write rain",), topic="rain")
        await slack.adapter.send(opened.conversation, reply, key=f"k{number}")
        await server.wait(lambda: calls(server, "setTitle") == 1 and calls(server, "setSuggestedPrompts") == 1)
    await server.wait(lambda: calls(server, "setStatus") == asked["setStatus"])
    assert {name: calls(server, name) for name in asked} == asked
    assert [one.text for one in server.shown() if "Answer" in one.text] == ["Answer 0", "Answer 1"]


def calls(server: SlackServer, name: str) -> int:
    return sum(method == f"assistant.threads.{name}" for method, _ in server.calls)


async def test_a_status_is_taken_away_after_a_failed_try_and_after_a_crash(slack: SlackPlatform) -> None:
    server = slack.server
    await slack.open()
    thread = await server.open_pane()
    pane = (server.direct(server.ana), thread)
    (opened,) = await slack.inbox.wait(Opened)
    await show_status(slack, opened.conversation, "is thinking…")
    assert server.statuses[pane] == "is thinking…"
    server.limit(60.0)
    with pytest.raises(Exception, match="rate limit"):
        await slack.adapter.send(opened.conversation, Reply("Hello."), key="k1")
    await server.wait(lambda: server.statuses[pane] == "")
    await show_status(slack, opened.conversation, "is thinking…")
    await slack.reborn()
    await slack.adapter.send(opened.conversation, Reply("Hello."), key="k1", again=True)
    await server.wait(lambda: server.statuses[pane] == "")


async def test_what_is_said_in_the_pane_while_the_bot_is_away_is_answered_after_it(slack: SlackPlatform) -> None:
    await slack.open()
    thread = await slack.server.open_pane()
    await slack.inbox.wait(Opened)
    await slack.running.stop()
    await slack.server.drop()
    await slack.server.say("are you there?", reply_to=thread)
    await slack.reborn()
    (said,) = await slack.inbox.wait(Message)
    assert (said.text, said.conversation.thread) == ("are you there?", thread)
