"""A model's words and its tools. What breaks without this: a person believes a reply that the tools contradict."""

from __future__ import annotations

import re

import pytest
from structlog.testing import capture_logs

from llmagent_os.agent import AgentSettings
from llmagent_os.chat import ToolCall
from llmagent_os.errors import (
    BadToolCallError,
    ModelBusyError,
    ModelError,
    ModelNotFoundError,
    ModelRefusedError,
    ModelSetupError,
    ModelUnavailableError,
    PromptTooLongError,
)
from llmagent_os.modules import PrivacyModule
from llmagent_os.plugin import ToolResult
from llmagent_os.reply.answer import Answer
from tests.unit.agent_bench import Bench

#: Of a bot whose model copies.
CHECKED = AgentSettings(grounding="enforce")


async def test_a_tool_is_called_and_its_result_phrased(bench: Bench) -> None:
    agent = bench.agent(ToolCall("write", {"what": "rain"}), "I wrote rain down.")
    text, kept = await bench.say(agent, "write down rain")
    assert text == "I wrote rain down."
    assert kept.tool_calls == [
        {"name": "write", "arguments": {"what": "rain"}, "result": {"status": "written", "what": "rain"}}
    ]
    assert kept.context["intent"] == "write"
    assert bench.llm.requests[1].messages[-1]["role"] == "tool"


async def test_words_that_do_not_fit_the_result_are_replaced_by_the_tools_own(bench: Bench) -> None:
    agent = bench.agent(ToolCall("write", {"what": "rain"}), "I wrote Raisins down at 5 PM.", settings=CHECKED)
    text, kept = await bench.say(agent, "write down rain")
    assert text == "Written: rain."
    assert kept.completion == "I wrote Raisins down at 5 PM."
    assert kept.context["reply"] == "Written: rain."
    assert kept.context["replaced"] == "ungrounded"
    assert kept.context["ungrounded"] == "name"


def test_a_small_model_must_name_what_was_done() -> None:
    """It can be true in every word, and still say that nothing was there."""
    result = ToolResult({"status": "listed", "title": "lunch", "when": "today"}, "You have lunch today.")
    own = frozenset("you have nothing a team meeting".split())
    answer = Answer(own=own, grounding="enforce", results=[result])
    answer.text = "You have nothing today."
    assert answer.fault_in(answer.text) is None
    assert answer.fault(PrivacyModule()) == "omission"
    assert answer.reply(PrivacyModule()).text == "You have lunch today."
    answer.text = "You have lunch."
    assert answer.reply(PrivacyModule()).text == "You have lunch."
    answer.results = [ToolResult(result.data | {"repeat": "every day"}, "You have lunch every day.")]
    assert answer.reply(PrivacyModule()).text == "You have lunch every day."
    answer.results = [ToolResult({"status": "listed", "title": "tea"}, "You have tea.")]
    answer.text = "You have a team meeting."
    assert answer.reply(PrivacyModule()).text == "You have tea.", "a part of a word names nothing"


async def test_untrue_words_are_not_even_streamed(bench: Bench) -> None:
    shown: list[str] = []

    async def draft(text: str) -> None:
        shown.append(text)

    agent = bench.agent(ToolCall("write", {"what": "rain"}), "I wrote Raisins down today.", settings=CHECKED)
    await agent.respond(bench.message("write down rain"), draft)
    assert not any("Raisins down" in text for text in shown)


async def test_true_words_are_streamed(bench: Bench) -> None:
    shown: list[str] = []

    async def draft(text: str) -> None:
        shown.append(text)

    await bench.agent("Hello you there").respond(bench.message("hi"), draft)
    assert shown[-1] == "Hello you there"
    assert len(shown) > 1


async def test_a_model_that_calls_tools_for_ever_is_stopped(bench: Bench) -> None:
    agent = bench.agent(ToolCall("write", {"what": "rain"}), settings=AgentSettings(tool_rounds=2))
    text, kept = await bench.say(agent, "write down rain")
    assert len(bench.diary.contexts) <= 3
    assert bench.llm.requests[-1].tools == ()
    assert text == "Written: rain."
    assert kept.completion == ""


async def test_a_model_that_is_down_says_so_and_nothing_is_lost(bench: Bench) -> None:
    text, _ = await bench.say(bench.agent(ModelUnavailableError("no server at :1")), "hi")
    assert "not available" in text


async def test_a_model_that_dies_after_the_tool_leaves_the_tools_own_words(bench: Bench) -> None:
    agent = bench.agent(ToolCall("write", {"what": "rain"}), ModelUnavailableError("gone"))
    assert (await bench.say(agent, "write down rain"))[0] == "Written: rain."


async def test_what_is_asked_before_acting_is_asked_in_the_tools_words(bench: Bench) -> None:
    """ "Add it?" of a model, above the button that deletes it, would have people delete what they meant to keep."""
    text, _ = await bench.say(bench.agent(ToolCall("ask", {}), "Sure, add?"), "delete it")
    assert text == "Sure?"


async def test_one_long_message_does_not_silence_the_conversation(bench: Bench) -> None:
    """The person is told what is wrong, and what follows is answered without the message that was too long."""
    too_long = PromptTooLongError("the prompt is 9000 tokens")
    agent = bench.agent("Hello.", *[too_long] * 4, "Hello again.")
    await bench.say(agent, "hi")
    text, _ = await bench.say(agent, "word " * 3000)
    assert "fewer words" in text
    text, _ = await bench.say(agent, "hi again")
    assert text == "Hello again."
    shown = [message["content"] for message in bench.llm.requests[-1].messages if message["role"] == "user"]
    assert shown == ["hi again"]


async def test_a_tool_that_fails_is_said_plainly(bench: Bench) -> None:
    text, kept = await bench.say(bench.agent(ToolCall("fail", {}), "All done!"), "fail")
    assert kept.tool_calls[0]["result"] == {"status": "failed"}
    assert "did not work" in text


@pytest.mark.parametrize(
    "said",
    [
        "Alles klar: Regen ist für Montag, den 23. eingetragen.",
        "Written down! Is there anything else that I can do for Ana?",
        "好的，已记下 rain。",
    ],
)
async def test_a_model_without_a_card_speaks_for_itself(bench: Bench, said: str) -> None:
    """The check knows no German nouns, no small talk and no other script: a large model would be censored by it."""
    shown: list[str] = []

    async def draft(text: str) -> None:
        shown.append(text)

    agent = bench.agent(ToolCall("write", {"what": "rain"}), said)
    outcome = await agent.respond(bench.message("write down rain"), draft)
    assert outcome.reply is not None
    assert outcome.interaction is not None
    assert outcome.reply.text == said
    assert shown[-1] == said
    assert not {"replaced", "ungrounded", "failure"} & set(outcome.interaction.context)


async def test_advice_marks_a_reply_and_sends_it(bench: Bench) -> None:
    """Whoever wants to know how true a model is finds it in the log and in the ledger."""
    settings = AgentSettings(grounding="advise")
    agent = bench.agent(ToolCall("write", {"what": "rain"}), "I wrote Raisins down.", settings=settings)
    with capture_logs() as logs:
        text, kept = await bench.say(agent, "write down rain")
    assert text == "I wrote Raisins down."
    assert kept.context["ungrounded"] == "name"
    assert "replaced" not in kept.context
    assert kept.completions[-1].sent
    (line,) = [line for line in logs if "not true" in line["event"]]
    assert (line["fault"], line["grounding"]) == ("name", "advise")


async def test_a_replaced_reply_is_in_the_log_and_in_the_ledger(bench: Bench) -> None:
    """Nobody could find out why a bot never says what its model wrote."""
    agent = bench.agent(ToolCall("write", {"what": "rain"}), "I wrote Raisins down.", settings=CHECKED)
    with capture_logs() as logs:
        _, kept = await bench.say(agent, "write down rain")
    (line,) = [line for line in logs if "not true" in line["event"]]
    assert (line["fault"], line["grounding"]) == ("name", "enforce")
    assert kept.completion == "I wrote Raisins down.", "what was said before"
    assert kept.context["reply"] == "Written: rain."
    assert not kept.completions[-1].sent


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (ModelBusyError("http://10.0.0.7:8000/v1 refused with 429"), "busy", "too much to do right now.*in a moment"),
        (ModelUnavailableError("http://10.0.0.7:8000/v1 broke off"), "unavailable", "not available right now"),
        (ModelRefusedError("http://10.0.0.7:8000/v1 does not want"), "refused", "does not want to answer"),
        (ModelSetupError("http://10.0.0.7:8000/v1 refused with 401"), "misconfigured", "owner has to look"),
        (ModelNotFoundError("http://10.0.0.7:8000/v1 has no model"), "misconfigured", "owner has to look"),
        (ModelError("the model ./m cannot be loaded"), "misconfigured", "owner has to look"),
        (PromptTooLongError("9000 tokens"), "too_long", "fewer words"),
        (BadToolCallError("no call"), "confused", "nothing was done"),
    ],
)
async def test_a_failure_is_said_in_words_that_fit(bench: Bench, error: ModelError, kind: str, words: str) -> None:
    """ "Try again in a moment" is wrong advice where the key is wrong, and an address is nobody's business."""
    with capture_logs() as logs:
        text, kept = await bench.say(bench.agent(error), "hi")
    assert re.search(words, text)
    assert "10.0.0.7" not in text
    (line,) = [line for line in logs if line["event"] == "the model did not answer"]
    assert (line["kind"], line["error"]) == (kind, str(error))
    assert (kept.context["failure"], kept.context["replaced"]) == (kind, "failure")
