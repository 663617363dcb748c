"""What breaks without this: the personalisation layer forgets a person, believes a wrong tool result, or leaks."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

import msgspec
import pytest

from llmagent_os.agent import Agent
from llmagent_os.chat import ToolCall
from llmagent_os.errors import ConfigError, ContainedError
from llmagent_os.events import Command, Conversation, Edit, Sender
from llmagent_os.feedback.verdict import verdict
from llmagent_os.handler import Outcome
from llmagent_os.identity import Identity, PersonId
from llmagent_os.ledger import RewardEvent
from llmagent_os.ledger.database import Database
from llmagent_os.modules import BehaviorModule, KnowledgeBase
from llmagent_os.modules.knowledge import Hit
from llmagent_os.people.profiles import Profiles
from llmagent_os.policy import Context, Decision, FixedPolicy, Kind
from llmagent_os.policy.contract import EVERYTHING, NOTHING_ASKED
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
            within: Mapping[str, Collection[str]] = EVERYTHING,
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


async def test_a_knowledge_base_whose_search_runs_dry_leaves_nobody_waiting_for_ever(bench: Bench) -> None:
    class OneFact(KnowledgeBase):
        def retrieve_knowledge(self, text: str, *, limit: int = 3, least: float = 0.5) -> list[Hit]:
            return [next(iter(super().retrieve_knowledge(text)))]

    with pytest.raises(ContainedError, match="StopIteration"):
        await bench.say(bench.agent("Hi.", kb=OneFact()), "what do parrots eat?")


def command(bench: Bench, name: str) -> Command:
    said = bench.message("")
    return Command(event_id=said.event_id, conversation=said.conversation, sender=said.sender, name=name)


#: Rows that lie in the ledger as JSON, and are not what the agent has written.
ODD_ROWS = (
    "context = '{'",
    'context = \'{"reply": 7, "buttons": 7}\'',
    'context = \'{"buttons": [[1, 2], "yes"]}\'',
    "tool_calls = '[{}]'",
    'tool_calls = \'[{"name": 7, "arguments": [], "result": null}]\'',
    "pscore = 'x'",
    "created_at = 'x'",
)


@pytest.mark.parametrize("damage", ODD_ROWS)
async def test_one_damaged_turn_stops_neither_the_next_message_nor_a_command(bench: Bench, damage: str) -> None:
    """Every later message there failed, ``/help`` too."""
    agent = bench.agent("Hi.")
    await bench.say(agent, "first")
    await bench.say(agent, "second")

    def work(database: Database) -> None:
        database.execute(f"UPDATE interactions SET {damage} WHERE said = 'second'")

    await bench.ledger._writer.run(work)  # pyright: ignore[reportPrivateUsage]
    text, _ = await bench.say(agent, "yes")
    assert text == "Hi."
    assert "first" in [message["content"] for message in bench.llm.requests[-1].messages]
    for name in ("help", "profile", "forget", "diary"):
        outcome = await agent.handle(command(bench, name), no_draft)
        assert outcome.reply is not None


@pytest.mark.parametrize("held", [b"", b'{"_default": {"1": {"profile": {"user_id"', b"\xff", b"[7]"])
async def test_a_damaged_profile_stops_neither_a_message_nor_a_command(bench: Bench, held: bytes) -> None:
    """Every message of the person failed, and ``/forget`` too."""
    agent = bench.agent("Hi.")
    await bench.profiles.update(PersonId("memory::u1"), name="Sam")
    (path,) = (bench.folder / "profiles").glob("*.json")
    path.write_bytes(held)
    assert (await bench.say(agent, "hello"))[0] == "Hi."
    for name in ("help", "profile", "forget", "diary"):
        outcome = await agent.handle(command(bench, name), no_draft)
        assert outcome.reply is not None


async def test_a_time_zone_that_this_machine_lacks_gives_the_bots_own_hours(bench: Bench) -> None:
    """A profile from another machine: every message of the person failed."""
    agent = bench.agent(ToolCall("write", {"what": "rain"}), "Done.")
    await bench.profiles.update(PersonId("memory::u1"), time_zone="Asia/Tokyo")
    (path,) = (bench.folder / "profiles").glob("*.json")
    path.write_text(path.read_text().replace("Asia/Tokyo", "Mars/Olympus"))
    await bench.say(agent, "write down rain")
    assert (bench.diary.contexts[0].now.hour, bench.diary.contexts[0].time_zone) == (12, "UTC")
    for name in ("help", "profile", "diary"):
        outcome = await agent.handle(command(bench, name), no_draft)
        assert outcome.reply is not None
    assert (await bench.profiles.get(PersonId("memory::u1"))).time_zone == "Mars/Olympus"


TOKEN = "xoxb-123456789012-1234567890123-AbCdEfGhIjKlMnOp"


async def test_a_pasted_token_reaches_no_model_tool_record_or_reply(bench: Bench) -> None:
    """It came back in part, and stood in the tool calls that training reads."""
    agent = bench.agent(ToolCall("write", {"what": "the token [secret]"}), "Noted: [secret].")
    text, kept = await bench.say(agent, f"write down the token {TOKEN} and that the pw is hunter22")
    (context,) = bench.diary.contexts
    shown = "".join(str(message) for request in bench.llm.requests for message in request.messages)
    stored = str(await bench.ledger.export(Identity("memory::u1")))
    for part in (TOKEN, "xoxb", "AbCdEf", "hunter22"):
        assert part not in shown and part not in context.text and part not in text and part not in stored
    assert kept.said == "write down the token [secret] and that the pw is [secret]"


async def test_a_token_that_a_model_knows_is_neither_said_nor_kept(bench: Bench) -> None:
    """A knowledge base, or an earlier record, may hold one."""
    agent = bench.agent(
        ToolCall("write", {"what": "x", "password": "hunter22"}), ToolCall("write", {"what": TOKEN}), TOKEN
    )
    text, kept = await bench.say(agent, "what is it?")
    assert TOKEN not in text
    kept_all = str(msgspec.to_builtins(kept))
    assert TOKEN not in kept_all and "hunter22" not in kept_all and "AbCdEf" not in kept_all
