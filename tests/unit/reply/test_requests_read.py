"""Calls that a plugin's rules read. Without this, rules would act unchecked, and models be blamed for them."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import pytest

from llmagent_os.agent import Agent, AgentSettings
from llmagent_os.chat import ToolCall
from llmagent_os.errors import NoModelError
from llmagent_os.identity import PersonId
from llmagent_os.plugin import Plugin, ToolContext, ToolResult
from llmagent_os.serving.model_card import ModelCard
from llmagent_os.training.lora_choice import ANY_STYLE, LoraChoice
from llmagent_os.training.misread_by_rules import cues_of
from tests.unit.agent_bench import Bench

RULES = AgentSettings(request_rules=True)


async def test_a_read_call_is_made_and_the_model_puts_the_result_into_words(bench: Bench) -> None:
    agent = bench.agent("I wrote rain down.", settings=RULES)
    text, kept = await bench.say(agent, "!write rain")
    assert text == "I wrote rain down."
    assert kept.tool_calls[0]["arguments"] == {"what": "rain"}
    assert kept.calls_by_rules == 1
    assert [each.tool_calls for each in await bench.ledger.completions_of(kept.interaction_id)] == [()]
    called, result = bench.llm.requests[0].messages[-2:]
    assert called["tool_calls"] == [{"function": {"name": "write", "arguments": {"what": "rain"}}}]
    assert result["role"] == "tool"


async def test_the_conversation_goes_on_as_if_the_model_had_called(bench: Bench) -> None:
    agent = bench.agent("I wrote rain down.", "You are welcome.", settings=RULES)
    await bench.say(agent, "!write rain")
    await bench.say(agent, "thanks")
    roles = [message["role"] for message in bench.llm.requests[-1].messages]
    assert roles[1:] == ["user", "assistant", "tool", "assistant", "user"]


async def test_rules_yield_to_a_lora_that_has_learned_what_they_misread(bench: Bench) -> None:
    """Without this, a person whose habit of speech was learned is misread as before: no model is asked."""

    class Learned:
        async def choose(
            self, person_id: PersonId, session: str = "", style: Mapping[str, str] = ANY_STYLE
        ) -> LoraChoice:
            cues = tuple(map(frozenset, cues_of([("pop", "jot")])))
            return LoraChoice(lora="loras/sam", above=(None,), cues=cues)

    agent = bench.agent(ToolCall("write", {"what": "rain"}), "I wrote rain down.", "I wrote jot sun down.")
    agent = Agent(llm=agent.llm, services=msgspec.structs.replace(agent.services, settings=RULES, lora=Learned()))
    _, kept = await bench.say(agent, "!write Pop and jot rain")
    assert kept.calls_by_rules == 0
    assert kept.tool_calls[0]["arguments"] == {"what": "rain"}
    _, kept = await bench.say(agent, "!write jot sun")
    assert kept.calls_by_rules == 1


async def test_several_calls_are_made_in_order_and_told_in_the_tools_words(bench: Bench) -> None:
    agent = bench.agent(settings=RULES)
    text, kept = await bench.say(agent, "!write rain; write snow")
    assert text == "Written: rain. Written: snow."
    assert [call["arguments"]["what"] for call in kept.tool_calls] == ["rain", "snow"]
    assert [context.call_id for context in bench.diary.contexts] == [
        f"{kept.interaction_id}:read.0",
        f"{kept.interaction_id}:read.1",
    ]
    assert not bench.llm.requests


async def test_a_question_comes_last_and_the_rest_is_done(bench: Bench) -> None:
    agent = bench.agent(settings=RULES)
    text, kept = await bench.say(agent, "!ask rain; write snow")
    assert text == "Written: snow. Sure?"
    assert [button[0] for button in kept.context["buttons"]] == ["Yes", "No"]


@pytest.mark.parametrize("text", ["!burn it", "!rename Ana", "!write"])
async def test_calls_that_no_model_could_make_are_left_to_the_model(bench: Bench, text: str) -> None:
    settings = AgentSettings(request_rules=True, permissions=("diary.*",))
    agent = bench.agent("What do you mean?", settings=settings)
    reply, kept = await bench.say(agent, text)
    assert reply == "What do you mean?"
    assert not kept.tool_calls


async def test_a_failed_call_is_told_and_no_model_is_asked(bench: Bench) -> None:
    agent = bench.agent(settings=RULES)
    text, _ = await bench.say(agent, "!fail")
    assert text.startswith("Sorry, that did not work")
    assert not bench.llm.requests


async def test_the_model_makes_no_further_call_of_what_was_read(bench: Bench) -> None:
    agent = bench.agent(ToolCall("write", {"what": "more"}), settings=RULES)
    text, kept = await bench.say(agent, "!write rain")
    assert text == "Written: rain."
    assert len(kept.tool_calls) == 1


async def test_another_model_reads_by_itself_unless_the_bot_says_so(bench: Bench) -> None:
    _, kept = await bench.say(bench.agent("Hm."), "!write rain")
    assert not kept.tool_calls
    agent = bench.agent("I wrote rain down.")
    agent.llm.card = ModelCard(native=True)
    _, kept = await bench.say(agent, "!write rain")
    assert kept.calls_by_rules == 1
    agent = bench.agent("Hm.", settings=AgentSettings(request_rules=False))
    agent.llm.card = ModelCard(native=True)
    _, kept = await bench.say(agent, "!write rain")
    assert not kept.tool_calls


@pytest.mark.parametrize("method", ["requests_in", "answer_to"])
async def test_rules_that_fail_are_not_told_as_a_missing_model(bench: Bench, method: str) -> None:
    """Without this, somebody whose plugin is down reads that the bot cannot talk, and looks in the wrong place."""

    class Broken(Plugin):
        name = "broken"

        async def requests_in(self, context: ToolContext) -> tuple[ToolCall, ...]:
            if method == "requests_in":
                raise OSError("no water")
            return ()

        async def answer_to(self, context: ToolContext) -> ToolResult | None:
            if method == "answer_to":
                raise OSError("no water")
            return None

    await bench.plugins.add(Broken())
    no_model = NoModelError("none")
    agent = bench.agent(no_model, "Fine.", no_model, settings=RULES)
    assert "did not work just now" in (await bench.say(agent, "how are my roses?"))[0]
    assert (await bench.say(agent, "how are my roses?"))[0] == "Fine.", "a model that there is answers"
    assert "You're welcome" in (await bench.say(agent, "thanks"))[0]
