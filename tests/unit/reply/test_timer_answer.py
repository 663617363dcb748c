"""Timers. What breaks without this: a reminder never comes, or goes to another person."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import pytest

from llmagent_os.adapter import Receipt
from llmagent_os.agent import AgentSettings
from llmagent_os.chat import ToolCall
from llmagent_os.events import Event, Sender, Timer
from llmagent_os.handler import Outcome
from llmagent_os.plugin import ToolContext, ToolResult
from llmagent_os.reply.timer_answer import TIMER_TRIES
from tests.unit.agent_bench import NOON, Bench, no_draft


async def test_a_plugin_speaks_first_when_its_timer_is_due_and_can_be_rated(bench: Bench) -> None:
    agent, event = bench.agent("unused"), bench.timer("tea")
    outcome = await agent.handle(event, no_draft)
    assert outcome.reply is not None
    assert outcome.reply.text == "tea, due at 12."
    assert outcome.interaction is not None
    assert (outcome.interaction.interaction_id, outcome.interaction.user_id) == ("memory:timer-tea", "memory::u1")
    assert outcome.interaction.context["intent"] == "timer"
    assert outcome.interaction.context["buttons"] == [["Done", "diary:done"]]
    assert outcome.interaction.said == ""
    assert bench.llm.requests == []


async def test_a_timer_may_be_passed_over_in_silence(bench: Bench) -> None:
    assert await bench.agent("unused").handle(bench.timer("nothing"), no_draft) == Outcome(None)


async def test_timers_a_tool_sets_are_this_persons_and_this_plugins(bench: Bench) -> None:
    agent = bench.agent(ToolCall("write", {"what": "tea"}), "Written.")
    await bench.say(agent, "write down tea")
    found: list[Event] = []
    await bench.ledger.move_due_timers(NOON, limit=9, stored=found.append)
    (event,) = found
    assert isinstance(event, Timer)
    assert (event.plugin, event.key, event.sender.user_id, event.conversation.channel) == ("diary", "tea", "u1", "c1")


@pytest.mark.parametrize("plugin", ["diary", "uninstalled"])
async def test_a_timer_whose_plugin_fails_comes_again_and_is_given_up_in_the_end(bench: Bench, plugin: str) -> None:
    """A plugin that is cut off for a minute must not cost somebody their reminder."""
    agent, event = bench.agent("unused"), msgspec.structs.replace(bench.timer("fail"), plugin=plugin)
    moment, tries = NOON, 0
    while True:
        assert await agent.handle(event, no_draft) == Outcome(None)
        found: list[Event] = []
        moment += timedelta(days=1)
        await bench.ledger.move_due_timers(moment, limit=9, stored=found.append)
        if not found:
            break
        tries += 1
        assert isinstance(found[0], Timer)
        assert (found[0].key, found[0].at) == ("fail", NOON)
        event = found[0]
    assert tries == TIMER_TRIES


async def test_what_a_timer_ends_takes_the_place_of_the_message_that_began_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A poll that had closed by its time kept its buttons, and people pressed them in vain."""
    began = bench.message("!write poll")
    agent = bench.agent("Written: poll.", settings=AgentSettings(request_rules=True))
    outcome = await agent.respond(began)
    await bench.ledger.accept(began, max_pending=9)
    await bench.ledger.prepare(began, outcome.reply, outcome.interaction)
    await bench.ledger.finish(began, Receipt(("m1",)))
    call_id = bench.diary.contexts[0].call_id

    async def due(self: object, context: ToolContext, key: str, at: datetime) -> ToolResult:
        return ToolResult({"status": "closed"}, "Closed.", replaces_answer_to=key)

    monkeypatch.setattr(type(bench.diary), "due", due)
    ended = await agent.handle(bench.timer(call_id), no_draft)
    assert ended.reply is not None and (ended.reply.text, ended.reply.replaces) == ("Closed.", "m1")
    other = msgspec.structs.replace(bench.timer(call_id), sender=Sender("u2"))
    alone = await agent.handle(other, no_draft)
    assert alone.reply is not None and alone.reply.replaces is None, "another person's message stays"
