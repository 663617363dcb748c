"""What the ledger keeps. What breaks without this: secrets are stored, or the wrong words are learned from."""

from __future__ import annotations

from llmagent_os.chat import ToolCall
from tests.unit.agent_bench import Bench


async def test_what_is_kept_for_training_holds_no_contact_data(bench: Bench) -> None:
    agent = bench.agent("I noted ana@example.org.")
    _, kept = await bench.say(agent, "my address is ana@example.org")
    assert "ana@example.org" not in str(kept)
    _, offered = await bench.say(bench.agent(ToolCall("choose", {}), "Which one?"), "which mail?")
    assert offered.context["buttons"] == [["Mail [email]", "diary:1"]]
    assert kept.token_ids == []


async def test_words_that_were_not_sent_are_not_learned_from(bench: Bench) -> None:
    """A thumb up under the tool's own words must not teach the model the wrong words that they stand for."""
    call = ToolCall("write", {"what": "rain"})
    _, wrong = await bench.say(bench.agent(call, "I wrote Raisins down at 5 PM."), "write down rain")
    assert wrong.completion == "I wrote Raisins down at 5 PM."
    assert (wrong.token_ids, wrong.behavior_logprobs) == ([], [])
    _, right = await bench.say(bench.agent(call, "I wrote rain down."), "write down rain")
    assert right.context["reply"] == right.completion
    assert len(right.token_ids) == len(right.behavior_logprobs) > 0
