"""Plugins that keep private what they are told. What breaks without this: a training reads of somebody's illness."""

from __future__ import annotations

import pytest

from llmagent_os.agent import AgentSettings
from llmagent_os.chat import ToolCall
from llmagent_os.plugin import ToolContext, ToolResult
from tests.unit.agent_bench import Bench


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
