"""A model's words and its tools. What breaks without this: a person believes a reply that the tools contradict."""

from __future__ import annotations

from llmagent_os.agent import AgentSettings
from llmagent_os.chat import ToolCall
from llmagent_os.errors import ModelUnavailableError, PromptTooLongError
from llmagent_os.modules import PrivacyModule
from llmagent_os.plugin import ToolResult
from llmagent_os.reply.tool_loop import Answer
from tests.unit.agent_bench import Bench


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
    agent = bench.agent(ToolCall("write", {"what": "rain"}), "I wrote Raisins down at 5 PM.")
    text, kept = await bench.say(agent, "write down rain")
    assert text == "Written: rain."
    assert kept.completion == "I wrote Raisins down at 5 PM."
    assert kept.context["reply"] == "Written: rain."


def test_a_small_model_must_name_what_was_done() -> None:
    """It can be true in every word, and still say that nothing was there."""
    result = ToolResult({"status": "listed", "title": "lunch", "when": "today"}, "You have lunch today.")
    answer = Answer(own=frozenset("you have nothing".split()), results=[result])
    answer.text = "You have nothing today."
    assert answer.is_true(answer.text)
    assert answer.reply(PrivacyModule()).text == "You have lunch today."
    answer.text = "You have lunch."
    assert answer.reply(PrivacyModule()).text == "You have lunch."
    answer.results = [ToolResult(result.data | {"repeat": "every day"}, "You have lunch every day.")]
    assert answer.reply(PrivacyModule()).text == "You have lunch every day."


async def test_untrue_words_are_not_even_streamed(bench: Bench) -> None:
    shown: list[str] = []

    async def draft(text: str) -> None:
        shown.append(text)

    agent = bench.agent(ToolCall("write", {"what": "rain"}), "I wrote Raisins down today.")
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
