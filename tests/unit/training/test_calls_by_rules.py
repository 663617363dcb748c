"""Calls that a plugin's rules read. Without this, a model is blamed or praised for what it did not draw."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from llmagent_os.agent import AgentSettings
from llmagent_os.chat import ToolCall
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
