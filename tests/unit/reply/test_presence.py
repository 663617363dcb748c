"""Silence in groups. What breaks without this: the bot butts in, or keeps what people say to each other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import msgspec
import pytest

from llmagent_os.agent import Agent, AgentSettings
from llmagent_os.events import Conversation, Message, Sender, event_key
from llmagent_os.handler import Outcome
from llmagent_os.identity import Identity
from llmagent_os.ledger import Interaction
from llmagent_os.modules import BehaviorModule
from llmagent_os.people.budget_config import BudgetConfig
from llmagent_os.people.budgeting import Budgeting
from llmagent_os.people.budgets import Budgets
from llmagent_os.people.directory import Directory
from llmagent_os.policy import Action, Context, Decision
from llmagent_os.policy.contract import DIMENSIONS, OPTIONAL_DIMENSIONS, label
from tests.unit.agent_bench import NOON, Bench, no_draft

THREAD = Conversation(platform="memory", channel="g", thread="t", kind="group")
NAMES = {"ana": "Ana Stone", "ben": "Ben Hill"}


class Chooses:
    """A behaviour policy that says what it is told, with a probability of 0.8, unless it is bound."""

    version = "chooses:1"

    def __init__(self) -> None:
        self.presence = "answer"
        self.explicit: list[Action] = []

    def decide(
        self,
        person_id: object,
        context: Context,
        explicit: Action,
        *,
        within: object = None,
        decision_id: str = "",
        episode_id: str = "",
    ) -> Decision:
        self.explicit.append(dict(explicit))
        action = {name: next(iter(values)) for name, values in DIMENSIONS.items()}
        action["presence"] = explicit.get("presence", self.presence)
        pscore = 1.0 if "presence" in explicit else 0.8
        return Decision(
            action=action,
            pscore=pscore,
            policy_version=self.version,
            action_dist={label(action): pscore},
            decision_id=decision_id,
            context=context,
            episode_id=episode_id,
        )

    def observe(self, *_: object, **__: object) -> None:
        """Learn nothing."""


class Thread:
    """A thread in which the bot takes part, and what it did there."""

    def __init__(self, bench: Bench, agent: Agent) -> None:
        self.bench, self.agent = bench, agent
        self.number = 0
        self.at = NOON

    async def say(
        self, text: str, *, who: str = "ana", addressed: bool = False, mentions: str = "", reply_to: str = ""
    ) -> Outcome:
        """Deliver a message as the host does."""
        self.number += 1
        self.at += timedelta(seconds=20)
        message = Message(
            event_id=f"e{self.number}",
            conversation=THREAD,
            sender=Sender(who, NAMES[who]),
            at=self.at,
            text=text,
            message_id=f"m{self.number}",
            addressed=addressed,
            mentions=(Sender(mentions, NAMES[mentions]),) if mentions else (),
            reply_to=reply_to or None,
        )
        ledger = self.bench.ledger
        await ledger.accept(message, max_pending=100)
        outcome = await self.agent.handle(message, no_draft)
        interaction = outcome.interaction
        if interaction is not None:
            interaction = msgspec.structs.replace(interaction, created_at=self.at)
        await ledger.prepare(message, outcome.reply, interaction, rewards=outcome.rewards)
        await ledger.finish(message, None)
        return outcome

    async def last(self) -> Interaction:
        found = (await self.bench.ledger.latest(THREAD.key, Identity("memory::ana"), 1)).decision
        assert found is not None
        return found


def thread(bench: Bench, policy: Chooses | None = None) -> Thread:
    parts: dict[str, object] = {"settings": AgentSettings(title="Calendar")}
    if policy is not None:
        dimensions = {**DIMENSIONS, **OPTIONAL_DIMENSIONS}
        parts["behavior"] = BehaviorModule(policy, dimensions=dimensions)  # type: ignore[arg-type]
    return Thread(bench, bench.agent("Lunch is at noon.", **parts))


@pytest.mark.parametrize(
    ("text", "mentions", "reply_to", "rule"),
    [
        ("can you come at five?", "ben", "", "mention"),
        ("Ben, can you come at five?", "", "", "name"),
        ("I saw it too", "", "m0", "reply"),
        ("ok, thanks!", "", "", "closing"),
    ],
)
async def test_a_silence_is_kept_as_a_decision_without_a_word(
    bench: Bench, text: str, mentions: str, reply_to: str, rule: str
) -> None:
    talk = thread(bench)
    await talk.say("when is lunch?", addressed=True)
    outcome = await talk.say(text, mentions=mentions, reply_to=reply_to)
    assert outcome.reply is None
    row = await talk.last()
    assert (row.silent, row.action, row.action_dist, row.pscore) == (
        True,
        {"presence": "silent"},
        {"presence=silent": 1.0},
        1.0,
    )
    assert row.context == {"intent": "silent", "rule": rule}
    assert (row.said, row.completion, row.user_id) == ("", "", "memory::ana")
    found = await bench.ledger.export(row.user_id)
    assert text not in str(found)


async def test_a_message_in_a_group_reads_the_ledger_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy group cost four reads for each message that people said to each other."""
    talk, read = thread(bench), list[str]()
    await talk.say("when is lunch?", addressed=True)
    for name in ("latest", "history"):
        real = getattr(bench.ledger, name)

        def counted(*args: object, real: Callable[..., object] = real, name: str = name) -> object:
            read.append(name)
            return real(*args)

        monkeypatch.setattr(bench.ledger, name, counted)
    assert (await talk.say("and dinner?")).reply is not None
    assert read == ["latest"]


async def test_a_question_to_nobody_in_particular_is_answered(bench: Bench) -> None:
    talk = thread(bench)
    await talk.say("when is lunch?", addressed=True)
    assert (await talk.say("and dinner?")).reply is not None


async def test_two_people_who_talk_to_each_other_are_left_alone_until_one_of_them_turns_to_the_bot(
    bench: Bench,
) -> None:
    talk = thread(bench)
    await talk.say("when is lunch?", addressed=True)
    await talk.say("Ben, will you be there?")
    assert (await talk.say("I will bring the cake", who="ben")).reply is None
    assert (await talk.last()).context["rule"] == "between"
    assert (await talk.say("when is dinner?", who="ben", addressed=True)).reply is not None
    assert (await talk.say("and breakfast?", who="ben")).reply is not None


async def test_thanks_are_a_reward_also_where_nothing_is_said(bench: Bench) -> None:
    talk = thread(bench, Chooses())
    answered = await talk.say("when is lunch?", addressed=True)
    assert answered.interaction is not None
    await talk.say("thanks")
    rewards = await bench.ledger.rewards_of(answered.interaction.interaction_id)
    assert [reward.kind for reward in rewards] == ["thanks"]


async def test_a_bot_may_answer_thanks_with_an_emoji(bench: Bench) -> None:
    talk = Thread(bench, bench.agent("At noon.", settings=AgentSettings(title="Calendar", thanks_emoji="🙏")))
    await talk.say("when is lunch?", addressed=True)
    assert (await talk.say("thanks")).reaction == "🙏"
    assert (await talk.say("look", mentions="ben")).reaction == ""


async def test_who_asks_for_silence_gets_it_until_the_bot_is_addressed(bench: Bench) -> None:
    talk = thread(bench)
    await talk.say("when is lunch?", addressed=True)
    assert (await talk.say("be quiet for an hour")).reply is None
    assert (await talk.say("and dinner?", who="ben")).reply is None
    assert (await talk.last()).context["rule"] == "asked"
    later = thread(bench)  # after a restart
    later.number = talk.number
    assert (await later.say("and tea?")).reply is None
    assert (await later.say("and dinner?", addressed=True)).reply is not None
    assert (await later.say("and breakfast?")).reply is not None


async def test_who_addresses_the_bot_with_it_is_told_until_when(bench: Bench) -> None:
    outcome = await thread(bench).say("please be quiet for 2 hours", addressed=True)
    assert outcome.reply is not None
    assert outcome.reply.text == "I stay silent here until 14:00, or until you mention me."
    assert outcome.reply.only_for == "ana"


async def test_a_direct_conversation_has_no_such_rules(bench: Bench) -> None:
    agent = bench.agent("You're welcome.")
    assert (await agent.handle(bench.message("thanks"), no_draft)).reply is not None


async def test_a_policy_with_the_dimension_chooses_and_a_mention_after_its_silence_is_its_reward(bench: Bench) -> None:
    policy = Chooses()
    talk = thread(bench, policy)
    await talk.say("when is lunch?", addressed=True)
    assert policy.explicit[-1]["presence"] == "answer"  # whoever addresses the bot is answered
    policy.presence = "silent"
    assert (await talk.say("and dinner?")).reply is None
    assert "presence" not in policy.explicit[-1]
    row = await talk.last()
    assert (row.silent, row.action["presence"], row.pscore, row.policy_version) == (True, "silent", 0.8, "chooses:1")
    assert (row.context["rule"], row.context["shown"], row.said) == ("policy", ["presence"], "")
    await talk.say("when is dinner?", addressed=True)
    rewards = await bench.ledger.rewards_of(row.interaction_id)
    assert [(reward.kind, reward.reward) for reward in rewards] == [("reask", -0.5)]


async def test_not_you_is_the_reward_of_an_answer_that_nobody_asked_for(bench: Bench) -> None:
    talk = thread(bench, Chooses())
    await talk.say("when is lunch?", addressed=True)
    unasked = await talk.say("and dinner?")
    assert unasked.interaction is not None
    assert "presence" in unasked.interaction.context["shown"]
    assert (await talk.say("not you")).reply is None
    rewards = await bench.ledger.rewards_of(unasked.interaction.interaction_id)
    assert [(reward.kind, reward.reward) for reward in rewards] == [("correction", -1.0)]


async def test_silences_are_no_turns_of_a_conversation(bench: Bench) -> None:
    """Else a talk between others would push what the person and the bot said out of the model's sight."""
    talk = thread(bench)
    first = await talk.say("when is lunch?", addressed=True)
    for _ in range(12):
        await talk.say("look at that", mentions="ben")
    assert first.interaction is not None
    turns = await bench.ledger.history(THREAD.key, first.interaction.user_id, 9)
    assert [turn.interaction_id for turn in turns] == ["memory:e1"]
    assert event_key(bench.message("x")) not in {turn.interaction_id for turn in turns}


async def test_a_silence_uses_nothing_of_a_budget(bench: Bench) -> None:
    budgets = Budgets(bench.ledger, Directory(bench.ledger, None), BudgetConfig(), "calendar", "UTC")
    message = Message(
        event_id="e1", conversation=THREAD, sender=Sender("ana"), text="thanks", message_id="m1", addressed=False
    )
    assert (await Budgeting(bench.agent("unused"), budgets).handle(message, no_draft)).reply is None
    (_, person), *_ = await budgets.used_by(message)
    assert person["day"].messages == 0
