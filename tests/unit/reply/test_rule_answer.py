"""Talk that a plugin's rules answer. What breaks without this: a model guesses, and a thumb teaches nonsense."""

from __future__ import annotations

import msgspec
import pytest

from llmagent_os.agent import AgentSettings
from llmagent_os.chat import ToolCall
from llmagent_os.identity import PersonId
from llmagent_os.plugin import ToolContext, ToolResult
from llmagent_os.policy.contract import label
from llmagent_os.policy_worker.reward_learning import decision_of
from tests.unit.agent_bench import Bench

RULES = AgentSettings(request_rules=True)


@pytest.fixture
def contexts(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> list[ToolContext]:
    """Has the diary answer "thx", and keeps what it was given."""
    found: list[ToolContext] = []

    async def answer_to(self: object, context: ToolContext) -> ToolResult | None:
        found.append(context)
        if context.text == "break":
            raise ValueError("out of ink")
        if context.text == "cheers":
            return ToolResult({"status": "talk"}, "Any time!", shown=("mode",))
        return ToolResult({"status": "talk"}, "You're welcome.") if context.text == "thx" else None

    monkeypatch.setattr(type(bench.diary), "answer_to", answer_to)
    return found


async def test_rules_answer_in_place_of_the_model(bench: Bench, contexts: list[ToolContext]) -> None:
    agent = bench.agent("I wrote it down.", settings=RULES)
    text, kept = await bench.say(agent, "thx")
    assert text == "You're welcome."
    assert bench.llm.requests == []
    assert (kept.said, kept.context["intent"], kept.context["reply"]) == ("thx", "talk", "You're welcome.")
    assert contexts[0].style["mode"] in ("task_oriented", "conversational")


async def test_a_thumb_under_it_teaches_nothing(bench: Bench, contexts: list[ToolContext]) -> None:
    """Neither the policy, nor a LoRA: the words are nobody's choice."""
    _, kept = await bench.say(bench.agent("Hm.", settings=RULES), "thx")
    chosen = msgspec.structs.replace(kept, policy_version="bayes-1", action_dist={label(kept.action): 1.0})
    assert decision_of(chosen, PersonId("u1")) is None
    assert kept.completions == ()
    assert "shown" not in kept.context


async def test_a_thumb_under_words_in_a_style_teaches_that_style(bench: Bench, contexts: list[ToolContext]) -> None:
    _, kept = await bench.say(bench.agent("Hm.", settings=RULES), "cheers")
    chosen = msgspec.structs.replace(kept, policy_version="bayes-1", action_dist={label(kept.action): 1.0})
    decision = decision_of(chosen, PersonId("u1"))
    assert decision is not None
    assert decision.shown == ("mode",), "the plugin chose the words by nothing else"
    assert kept.completions == (), "a LoRA learns nothing of it"


async def test_the_model_answers_what_no_rule_does(bench: Bench, contexts: list[ToolContext]) -> None:
    agent = bench.agent("Hello.", "Hello again.", settings=RULES)
    assert (await bench.say(agent, "hi"))[0] == "Hello."
    assert (await bench.say(agent, "break"))[0] == "Hello again.", "rules that fail have no say"


async def test_a_bot_may_leave_all_words_to_its_model(bench: Bench, contexts: list[ToolContext]) -> None:
    agent = bench.agent("Any time!", settings=AgentSettings(request_rules=False))
    assert (await bench.say(agent, "thx"))[0] == "Any time!"
    assert contexts == []


async def test_rules_know_what_was_asked(bench: Bench, contexts: list[ToolContext]) -> None:
    """Words after a question may be its answer."""
    agent = bench.agent("What is it called?", "Fine.", "Fine.", settings=RULES)
    for said in ("add something", "stress", "thx"):
        await bench.say(agent, said)
    assert [context.question for context in contexts] == ["", "What is it called?", ""]


async def test_what_waits_is_said_with_it(bench: Bench, contexts: list[ToolContext]) -> None:
    agent = bench.agent(ToolCall("ask", {}), "Sure?", settings=RULES)
    await bench.say(agent, "delete it")
    assert (await bench.say(agent, "thx"))[0] == "You're welcome. I'm still waiting for your answer: Sure?"
