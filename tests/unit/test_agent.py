"""What breaks without this: the personalisation layer forgets a person, believes a wrong tool result, or leaks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec
import pytest

from llmagent_os.agent import Agent
from llmagent_os.errors import ConfigError
from llmagent_os.events import Command, Conversation, Edit, Sender
from llmagent_os.feedback.verdict import verdict
from llmagent_os.handler import Outcome
from llmagent_os.identity import Identity, PersonId
from llmagent_os.ledger import RewardEvent
from llmagent_os.modules import BehaviorModule
from llmagent_os.people.profiles import Profiles
from llmagent_os.policy import Context, Decision, FixedPolicy, Kind
from llmagent_os.policy.contract import NOTHING_ASKED
from llmagent_os.policy_worker import decision_of
from llmagent_os.reply.services import Services
from llmagent_os.testing import ScriptedLLM
from tests.unit.agent_bench import Bench, no_draft


async def test_the_propensity_of_a_learned_policy_is_logged_and_rewards_reach_it(bench: Bench) -> None:
    class Coin(FixedPolicy):
        """Half the time brief."""

        version = "coin-1"

        def __init__(self) -> None:
            super().__init__()
            self.seen: list[tuple[Decision, float | None]] = []

        def decide(
            self,
            person_id: PersonId,
            context: Context,
            explicit: Mapping[str, str] = NOTHING_ASKED,
            *,
            decision_id: str = "",
            episode_id: str = "",
        ) -> Decision:
            sure = super().decide(person_id, context, explicit)
            return Decision(action=sure.action, pscore=0.5, policy_version="coin-1", action_dist={"a": 0.5, "b": 0.5})

        def observe(
            self,
            decision: Decision,
            reward: float | None,
            *,
            kind: Kind = "reaction",
            weight: float = 1.0,
            at: datetime | None = None,
        ) -> None:
            self.seen.append((decision, reward))

    coin = Coin()
    agent = bench.agent("Hi.", behavior=BehaviorModule(coin))
    _, kept = await bench.say(agent, "hello")
    assert (kept.pscore, kept.policy_version) == (0.5, "coin-1")
    reward = RewardEvent(
        reward_id="r1", event_id="r1", interaction_id=kept.interaction_id, rater_id=Identity("memory::u1"),
        user_id=kept.user_id, op="add", raw_value="👍", reward=1.0, mapping_version="1",
    )  # fmt: skip
    decision = decision_of(kept, PersonId("memory::u1"))
    assert decision is not None
    for given in (reward, msgspec.structs.replace(reward, reward_id="r2", raw_value="🦑", reward=0.0)):
        await bench.ledger.add_reward(given)
        stands = verdict(await bench.ledger.rewards_of(kept.interaction_id), (kept.user_id,), {})
        agent.behavior.observe(decision, stands.reward, weight=stands.weight)
    assert [value for _, value in coin.seen] == [1.0, 1.0], "a squid is no failure"
    assert coin.seen[0][0].decision_id == kept.interaction_id
    assert coin.seen[0][0].context["intent"] == "talk"


async def test_empty_messages_and_edits_are_not_answered(bench: Bench) -> None:
    agent = bench.agent("unused")
    room = Conversation(platform="memory", channel="c1")
    edit = Edit(event_id="e", conversation=room, sender=Sender("u1"), message_id="1", text="new")
    assert (await agent.handle(edit, no_draft)).reply is None
    assert (await agent.handle(bench.message(" \x00 "), no_draft)).reply is None
    assert bench.llm.requests == []


async def test_bots_are_not_answered(bench: Bench) -> None:
    """Two bots in one channel would thank each other for ever."""
    said = msgspec.structs.replace(bench.message("hello"), sender=Sender("b1", is_bot=True))
    assert await bench.agent("Hi.").handle(said, no_draft) == Outcome(None)


def test_a_script_without_a_loop_gets_its_answer() -> None:
    assert Agent(llm=ScriptedLLM("Hello.")).run("hi") == "Hello."


async def test_modules_that_a_subclass_sets_are_used_by_replies_and_commands(bench: Bench) -> None:
    """The article's way of writing an agent: every part is set after the constructor of the base class."""

    tones = {"tone": {"playful": "Be playful.", "formal": "Be formal."}}

    class Formal(Agent):
        def __init__(self) -> None:
            super().__init__(ledger=bench.ledger, profiles=Profiles(bench.folder / "tones", tones))
            self.llm = ScriptedLLM("Good day.")
            self.behavior = BehaviorModule(dimensions=tones)

    agent = Formal()
    room = bench.message("").conversation
    command = Command(event_id="c", conversation=room, sender=Sender("u1"), name="profile", arguments="set formal")
    outcome = await agent.handle(command, no_draft)
    assert outcome.reply is not None and "Tone: formal" in outcome.reply.text
    _, kept = await bench.say(agent, "hello")
    assert kept.action == {"tone": "formal"}


def test_an_agent_is_given_its_parts_or_services_and_not_both(bench: Bench) -> None:
    """One of the two would be passed over without a word: tools, say, that the author had not allowed."""
    with pytest.raises(ConfigError, match="not both"):
        bench.agent("Hello.", services=Services())
    with pytest.raises(AttributeError):
        bench.agent("Hello.").settings = Services().settings  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
