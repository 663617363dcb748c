"""What breaks without this: reactions teach a dimension that nobody could see in the reply."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from llmagent_os.chat import Completion, ToolCall, ToolSpec
from llmagent_os.identity import PersonId
from llmagent_os.modules import PrivacyModule
from llmagent_os.plugin import ToolResult
from llmagent_os.policy_worker import decision_of
from llmagent_os.reply.answer import Answer
from llmagent_os.reply.shown_dimensions import shown_dimensions
from llmagent_os.serving.model_card import Grounding
from tests.unit.agent_bench import Bench

LOOK_UP = ToolSpec(name="look", description="", parameters={}, read_only=True)
WRITE = ToolSpec(name="write", description="", parameters={})
ACT = {"mode": "task_oriented", "verbosity": "brief", "initiative": "act"}
ASK = {**ACT, "initiative": "ask_first"}
STYLE = ["mode", "verbosity"]


def shown(
    action: dict[str, str],
    words: str,
    called: Sequence[tuple[str, ToolResult]],
    grounding: Grounding = "off",
) -> list[str]:
    completions = [Completion(text="", tool_calls=(ToolCall(name, {}),)) for name, _ in called]
    answer = Answer(
        text=words,
        grounding=grounding,
        completions=[*completions, Completion(text=words)],
        calls=[ToolCall(name, {}) for name, _ in called],
        results=[result for _, result in called],
    )
    reply = answer.reply(PrivacyModule())
    return shown_dimensions(PrivacyModule(), action, answer, reply, [LOOK_UP, WRITE])


@pytest.mark.parametrize("action", [ACT, ASK])
def test_a_look_up_does_not_show_whether_the_bot_acts_or_asks(action: dict[str, str]) -> None:
    found = ToolResult({"status": "listed", "title": "lunch"}, "You have lunch.")
    assert shown(action, "You've got lunch.", [("look", found)]) == STYLE


def test_what_was_done_or_asked_first_shows_the_initiative() -> None:
    done = ToolResult({"status": "created", "title": "lunch"}, "I've added lunch.")
    asked = ToolResult({"status": "confirm", "title": "lunch"}, "Shall I add lunch?")
    assert shown(ACT, "Added lunch.", [("write", done)]) == [*STYLE, "initiative"]
    assert shown(ASK, "Shall I add lunch?", [("write", asked)]) == ["initiative"], "the plugin's own words"


@pytest.mark.parametrize("status", ["failed", "missing", "unclear", "not_found", "past"])
def test_nothing_that_could_be_done_shows_no_initiative(status: str) -> None:
    result = ToolResult({"status": status}, "What time is it?")
    assert "initiative" not in shown(ACT, "What time?", [("write", result)])


def test_a_plugin_that_pays_no_heed_to_the_initiative_does_not_show_it() -> None:
    always_asks = ToolResult({"status": "confirm"}, "Delete all?")
    never_asks = ToolResult({"status": "set"}, "All right.")
    assert shown(ACT, "Delete all?", [("write", always_asks)]) == []
    assert shown(ASK, "Done.", [("write", never_asks)]) == STYLE


def test_words_that_a_plugin_fixed_show_no_style() -> None:
    done = ToolResult({"status": "created", "title": "lunch"}, "I've added lunch.")
    replaced = shown(ACT, "I've added Dinner at 9.", [("write", done)], "enforce")
    assert replaced == ["initiative"], "not true, and replaced"
    assert shown(ACT, "", []) == []
    assert shown(ACT, "Hello!", []) == STYLE


def test_the_model_s_own_words_show_a_style_also_where_a_tool_would_say_the_same() -> None:
    """Else no opinion of the calendar's default style would ever be credited: the tool's words are in that style."""
    done = ToolResult({"status": "created", "title": "lunch"}, "I've added lunch.")
    assert shown(ACT, "I've added lunch.", [("write", done)]) == [*STYLE, "initiative"]


async def test_the_ledger_keeps_what_could_show_and_the_learner_is_told(bench: Bench) -> None:
    _, talk = await bench.say(bench.agent("Hello!"), "hi")
    assert talk.context["shown"] == STYLE
    _, wrote = await bench.say(bench.agent(ToolCall("write", {"what": "rain"}), "I wrote rain."), "write rain")
    assert wrote.context["shown"] == [*STYLE, "initiative"]
    logged = {"action": ACT, "action_dist": {"x": 1.0}, "policy_version": "bayes-4+1"}
    decision = decision_of(msgspec.structs.replace(talk, **logged), PersonId("ana"))
    assert decision is not None and decision.shown == ("mode", "verbosity")
    old = {key: value for key, value in talk.context.items() if key != "shown"}
    decision = decision_of(msgspec.structs.replace(talk, context=old, **logged), PersonId("ana"))
    assert decision is not None and decision.shown is None, "older rows do not say: everything is credited"


async def test_a_question_that_was_not_answered_is_repeated_once(bench: Bench) -> None:
    first, _ = await bench.say(bench.agent(ToolCall("ask", {}), "Sure?"), "delete it all")
    assert first == "Sure?"
    agent = bench.agent("It is sunny.", "It is noon.")
    second, kept = await bench.say(agent, "how is the weather?")
    assert second == "It is sunny. I'm still waiting for your answer: Sure?"
    assert kept.context["shown"] == STYLE and kept.completions[-1].sent, "the words are still the model's"
    third, _ = await bench.say(agent, "what time is it?")
    assert third == "It is noon."


async def test_a_question_that_was_answered_is_not_repeated(bench: Bench) -> None:
    await bench.say(bench.agent(ToolCall("ask", {}), "Sure?"), "delete it all")
    await bench.say(bench.agent(), "yes")
    reply, _ = await bench.say(bench.agent("It is sunny."), "how is the weather?")
    assert reply == "It is sunny."
