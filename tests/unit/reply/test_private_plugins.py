"""Plugins that keep private what they are told. What breaks without this: a training reads of somebody's illness."""

from __future__ import annotations

import msgspec
import pytest

from llmagent_os.agent import AgentSettings
from llmagent_os.chat import ToolCall
from llmagent_os.events import ButtonPress, Command, Conversation, Event
from llmagent_os.plugin import Plugin, ToolContext, ToolResult
from llmagent_os.plugins.finance import FinancePlugin
from llmagent_os.plugins.notes import NotesPlugin
from llmagent_os.plugins.reminders import RemindersPlugin
from llmagent_os.plugins.todo import TodoPlugin
from llmagent_os.tools.declared_tools import declared_tools
from tests.unit.agent_bench import Bench, no_draft


@pytest.fixture
def private(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Has the diary keep private, answer "I ache" by rules, and "help" before anything else."""

    async def answer_to(self: object, context: ToolContext) -> ToolResult | None:
        return ToolResult({"status": "talk"}, "Oh dear.") if context.text == "I ache" else None

    async def urgent_answer_to(self: object, context: ToolContext) -> ToolResult | None:
        return ToolResult({"status": "urgent"}, "Call 112.") if context.text == "help" else None

    monkeypatch.setattr(type(bench.diary), "keeps_private", True)
    monkeypatch.setattr(type(bench.diary), "answer_to", answer_to)
    monkeypatch.setattr(type(bench.diary), "urgent_answer_to", urgent_answer_to)
    return bench


@pytest.mark.parametrize(
    ("said", "reply"), [("I ache", "Oh dear."), ("help", "Call 112."), ("!write pills", "Written: pills.")]
)
async def test_the_ledger_keeps_nothing_of_it(private: Bench, said: str, reply: str) -> None:
    agent = private.agent("Written: pills.", settings=AgentSettings(request_rules=True))
    outcome = await agent.respond(private.message(said))
    assert outcome.reply is not None
    assert outcome.reply.text == reply
    assert outcome.interaction is None


async def test_a_model_that_calls_its_tool_leaves_nothing_either(private: Bench) -> None:
    agent = private.agent(ToolCall("write", {"what": "pills"}), "Written: pills.")
    outcome = await agent.respond(private.message("write pills"))
    assert outcome.reply is not None
    assert outcome.interaction is None
    assert await private.diary.contexts[0].records.get("pills") is not None, "the plugin's own records stay"


async def test_urgent_words_are_answered_without_rules_and_without_the_model(private: Bench) -> None:
    agent = private.agent("Hm.", settings=AgentSettings(request_rules=False))
    outcome = await agent.respond(private.message("help"))
    assert outcome.reply is not None
    assert outcome.reply.text == "Call 112."
    assert private.llm.requests == []


GROUP = Conversation(platform="memory", channel="c1", kind="group")


@pytest.fixture
def personal(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Has the diary be the person's own."""
    monkeypatch.setattr(type(bench.diary), "is_personal", True)
    return bench


def _press(bench: Bench) -> Event:
    message = bench.message("")
    return ButtonPress(event_id="press", conversation=GROUP, sender=message.sender, message_id="1", value="diary:page")


def _command(bench: Bench) -> Event:
    message = bench.message("")
    return Command(event_id="command", conversation=GROUP, sender=message.sender, name="diary", arguments="")


@pytest.mark.parametrize("does", ["press", "command", "timer"])
async def test_in_a_group_a_personal_plugin_answers_the_person_alone(personal: Bench, does: str) -> None:
    """The second page of a list of tasks was for all to read, and so was a reminder that was set unseen."""
    timer = msgspec.structs.replace(personal.timer("pills"), conversation=GROUP)
    event = {"press": _press(personal), "command": _command(personal), "timer": timer}[does]
    outcome = await personal.agent("").handle(event, no_draft)
    assert outcome.reply is not None
    assert (outcome.reply.only_for, outcome.reply.is_lasting) == ("u1", does == "timer")
    assert outcome.interaction is not None and not outcome.interaction.said, "a later prompt of the group would hold it"


async def test_words_before_others_are_pointed_to_the_command(personal: Bench) -> None:
    agent = personal.agent(ToolCall("choose", {}), "You have: pills.")
    message = msgspec.structs.replace(personal.message("my diary"), conversation=GROUP, addressed=True)
    outcome = await agent.respond(message)
    assert outcome.reply is not None
    assert "/diary" in outcome.reply.text and "pills" not in outcome.reply.text
    there = await personal.agent(ToolCall("choose", {}), "").respond(personal.message("my diary"))
    assert there.reply is not None and there.reply.text == "Which one?", "in a direct conversation it answers"


@pytest.mark.parametrize("plugin", [FinancePlugin, NotesPlugin, RemindersPlugin, TodoPlugin])
def test_only_tools_that_repeat_the_persons_words_are_open_to_groups(plugin: type[Plugin]) -> None:
    assert plugin.is_personal
    tools = declared_tools(plugin()).values()
    assert {tool.spec.name for tool in tools if tool.mark.open_to_groups} <= {"add_note", "add_task", "set_reminder"}
