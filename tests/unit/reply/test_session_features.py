"""What breaks without this: the tone jumps in the middle of a thought, or stays although somebody disliked it."""

from __future__ import annotations

from llmagent_os.identity import Identity
from llmagent_os.ledger import RewardEvent
from llmagent_os.modules import BehaviorModule
from llmagent_os.policy.learned import make_policy
from tests.unit.agent_bench import NOON, Bench


def behavior() -> BehaviorModule:
    return BehaviorModule(make_policy("bayes", seed=1))


async def test_the_next_turn_of_a_session_knows_how_the_last_one_was_answered(bench: Bench) -> None:
    agent = bench.agent("One.", "Two.", "Three.", behavior=behavior())
    _, first = await bench.say(agent, "tell me something")
    _, second = await bench.say(agent, "and another thing")
    assert "previous_action" not in first.context["features"]
    assert second.context["features"]["previous_action"] == ",".join(
        f"{key}={first.action[key]}" for key in sorted(first.action)
    )
    assert sum(first.action[key] != second.action[key] for key in first.action) <= 1
    _, elsewhere = await bench.say(agent, "tell me something", channel="c2")
    assert "previous_action" not in elsewhere.context["features"], "another session"


async def test_after_an_opinion_the_choice_is_free(bench: Bench) -> None:
    agent = bench.agent("One.", "Two.", "Three.", behavior=behavior())
    _, first = await bench.say(agent, "tell me something")
    disliked = RewardEvent(
        reward_id="r1",
        event_id="r1",
        interaction_id=first.interaction_id,
        rater_id=Identity("memory::u1"),
        user_id=first.user_id,
        op="add",
        raw_value="👎",
        reward=-1.0,
        mapping_version="emoji-1",
        at=NOON,
    )
    await bench.ledger.add_reward(disliked)
    _, second = await bench.say(agent, "and what about cats")
    assert "previous_action" not in second.context["features"]
    _, third = await bench.say(agent, "thanks!")
    assert "previous_action" not in third.context["features"], "said in words"
