"""Calls that a plugin's rules read. Without this, a model is blamed or praised for what it did not draw."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from llmagent_os.agent import AgentSettings
from llmagent_os.chat import ToolCall, ToolSpec
from llmagent_os.identity import PersonId
from llmagent_os.serving.tool_call_parsing import calls_of
from llmagent_os.training.calls_by_rules import as_model_call
from llmagent_os.training.ledger_examples import ledger_examples
from llmagent_os.training.training_example import CORRECTED
from tests.unit.agent_bench import Bench
from tests.unit.training.talk import Talk, talking
from tests.unit.training.test_ledger_examples import summary


@pytest.fixture
async def talk(bench: Bench) -> AsyncIterator[Talk]:
    async with talking(bench, settings=AgentSettings(request_rules=True)) as opened:
        yield opened


async def test_thanks_are_for_the_words_alone(talk: Talk) -> None:
    await talk.say("!write rain", "I wrote rain down.")
    await talk.say("thanks!", "You are welcome.")
    assert summary(await talk.examples()) == [("I wrote rain down.", 1.0, 1.0)]


async def test_what_rules_misread_and_the_person_put_right_is_learned(talk: Talk) -> None:
    """Without this, rules misread a habit of speech for ever: no model would learn it, and none would be asked."""
    await talk.say("!write pop rain", "I wrote pop rain down.")
    await talk.say("no, I meant rain", ToolCall("write", {"what": "rain"}), "I wrote rain down.")
    (learned,) = (each for each in (await talk.examples()).examples if each.misread)
    assert [turn["role"] for turn in learned.messages] == ["system", "user", "assistant"]
    assert learned.messages[-2]["content"] == "!write pop rain"
    assert calls_of(learned.messages[-1]) == [ToolCall("write", {"what": "rain"})]
    assert learned.rejected is not None
    assert calls_of(learned.rejected) == [ToolCall("write", {"what": "pop rain"})]
    assert learned.misread == ("pop",)
    assert learned.reward > 0 and learned.origin.endswith(CORRECTED)


async def test_rules_that_misread_once_more_show_nothing(talk: Talk) -> None:
    await talk.say("!write pop rain", "I wrote pop rain down.")
    await talk.say("!write pop rain", "I wrote pop rain down.")
    assert not [each for each in (await talk.examples()).examples if each.misread]


async def test_a_person_who_opted_out_of_learning_teaches_no_call_that_rules_misread(talk: Talk) -> None:
    await talk.say("!write pop rain", "I wrote pop rain down.")
    await talk.say("no, I meant rain", ToolCall("write", {"what": "rain"}), "I wrote rain down.")
    found = await ledger_examples(talk.bench.ledger, _nobody_agrees)
    assert found.examples == ()


async def _nobody_agrees(person: PersonId) -> bool:
    return False


@pytest.mark.parametrize("second", ["!write rain /p3", "!stamp rain"])
async def test_a_call_that_no_model_could_make_is_nobodys_target(talk: Talk, second: str) -> None:
    """The model would learn to call a tool, or to give an argument, that it was never shown."""
    sent = await talk.say("jot rain down", ToolCall("write", {"what": "jot"}), "I wrote jot down.")
    await talk.react(sent, "👎")
    await talk.say(second, "I wrote rain down.")
    found = await talk.examples()
    assert found.examples
    assert not [each for each in found.examples if each.reward > 0 or each.origin.endswith(CORRECTED)]


LOOK = ToolSpec(name="look", description="", parameters={"properties": {"date": {"x-span": True}}}, read_only=True)
ADD = ToolSpec(name="add", description="", parameters={"properties": {"date": {"x-span": True}}})


def test_a_look_up_is_learned_without_what_only_rules_give() -> None:
    asked = {"date": "on friday", "asked": "count"}
    assert as_model_call(ToolCall("look", asked), [LOOK, ADD]) == ToolCall("look", {"date": "friday"})
    assert as_model_call(ToolCall("add", asked), [LOOK, ADD]) is None
    assert as_model_call(ToolCall("look", {"asked": "count"}), [LOOK, ADD]) is None
    assert as_model_call(ToolCall("copy", {"date": "friday"}), [LOOK, ADD]) is None


async def test_a_correction_of_the_call_is_held_against_no_words(talk: Talk) -> None:
    await talk.say("!write rain", "I wrote rain down.")
    await talk.say("no, that's wrong", "Sorry.")
    found = await talk.examples()
    assert found.examples == ()
    assert found.passed_over == {"no opinion is about what a model wrote": 1}


async def test_a_failed_call_is_held_against_no_model(talk: Talk) -> None:
    sent = await talk.say("!fail")
    assert sent.reply.text.startswith("Sorry")
    assert (await talk.examples()).examples == ()


async def test_what_rules_read_in_the_second_try_is_the_target_of_the_first(talk: Talk) -> None:
    """The model misread the first words. The rules understood the next, and show which call was meant."""
    await talk.say("jot rain down", ToolCall("write", {"what": "jot"}), "I wrote jot down.")
    sent = await talk.say("no, jot rain", "Hm.")
    assert sent.reply.text == "Hm."
    await talk.say("!write rain", "I wrote rain down.")
    learned = [each for each, reward, _ in summary(await talk.examples()) if reward > 0]
    assert [("write", {"what": "rain"})] in learned
