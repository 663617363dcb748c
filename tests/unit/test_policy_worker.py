"""What breaks without this: reactions that teach nothing, that are learned twice after a crash, or never unlearned."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
import time
from collections.abc import AsyncGenerator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
from pytest import MonkeyPatch

from llmagent_os.agent import Agent, AgentSettings
from llmagent_os.errors import LedgerError
from llmagent_os.events import Edit, Sender, now
from llmagent_os.feedback.rater_trust import MAX_WINDOW_OPINIONS, Trust
from llmagent_os.host.host import Host
from llmagent_os.identity import Identity, PersonId
from llmagent_os.ledger import Interaction, Ledger, RewardEvent, RewardWithReply, row_codecs
from llmagent_os.ledger.policy_state import Progress
from llmagent_os.modules import BehaviorModule
from llmagent_os.people.linking import Joined
from llmagent_os.people.profiles import PREFERENCES, Profiles
from llmagent_os.policy import Decision, Dimensions, Kind
from llmagent_os.policy.contract import DIMENSIONS
from llmagent_os.policy.dimensions import starting
from llmagent_os.policy.learned import LEARNERS, LearnedPolicy, make_behavior
from llmagent_os.policy.learner import Learner
from llmagent_os.policy.state_bytes import pack, unpack
from llmagent_os.policy_worker import TRUST_PART, PolicyWorker, decision_of, learn, learned_state
from llmagent_os.policy_worker.tastes import Taste
from llmagent_os.reply.exchange import decide, open_exchange
from llmagent_os.reply.services import Services
from llmagent_os.testing import MemoryAdapter, ScriptedLLM, Sent

ANA = PersonId("memory::ana")
BEN = PersonId("memory::ben")

SEED = 0  #: of what is chosen
DEFAULTS = {"mode": "task_oriented", "verbosity": "normal", "initiative": "act"}


class Bot:
    """A running bot that learns, on a ledger on disk."""

    def __init__(
        self,
        ledger: Ledger,
        profiles: Profiles,
        learner: str,
        dimensions: Dimensions,
        name: str,
        settings: AgentSettings,
    ) -> None:
        defaults = starting(dimensions, {})
        policy = make_behavior(learner, defaults, None, 0.03, dimensions, seed=SEED)
        self.ledger = ledger
        self.platform = MemoryAdapter(name)
        self.learning = PolicyWorker(policy, ledger, f"test:{learner}")
        self.llm = ScriptedLLM("Fine.")
        self.services = Services(
            behavior=BehaviorModule(policy, defaults=defaults, dimensions=dimensions),
            profiles=profiles,
            ledger=ledger,
            policy_worker=self.learning,
            settings=settings,
        )
        self.agent = Agent(llm=self.llm, services=self.services)
        self.count = 0

    @property
    def learner(self) -> Learner:
        return self.learning._policy.learner  # pyright: ignore[reportPrivateUsage]

    async def say(self, text: str, user: str = "ana") -> Sent:
        self.count += 1
        await self.platform.say(text, user=user, channel=user, event_id=uuid4().hex)
        return (await self.platform.sent(self.count))[-1]

    async def kept(self, user: str) -> list[Interaction]:
        return await self.ledger.history(self.platform.room(user).key, Identity(f"{self.platform.name}::{user}"), 200)

    async def rewards(self, user: str) -> list[tuple[str, float]]:
        await self.settled()
        rows = [row for each in await self.kept(user) for row in await self.ledger.rewards_of(each.interaction_id)]
        return [(row.kind, row.reward) for row in rows]

    async def settled(self) -> None:
        while await self.ledger.unfinished():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await self.learning.catch_up()

    async def opinions(self, user: str, likes: dict[str, str], times: int) -> list[tuple[Sent, str]]:
        given: list[tuple[Sent, str]] = []
        for number in range(times):
            sent = await self.say(f"request number {number} about the garden", user)
            await self.settled()
            action = (await self.kept(user))[-1].action
            emoji = "👍" if likes.items() <= action.items() else "👎"
            await self.platform.react(sent, emoji, user=user)
            await self.settled()
            given.append((sent, emoji))
        return given


@contextlib.asynccontextmanager
async def running(
    folder: Path,
    learner: str = "bayes",
    dimensions: Dimensions = DIMENSIONS,
    name: str = "memory",
    settings: AgentSettings = AgentSettings(),  # noqa: B008
) -> AsyncGenerator[Bot]:
    ledger = await Ledger.open(f"sqlite:///{folder / 'ledger.db'}", synchronous="NORMAL")
    bot = Bot(ledger, Profiles(folder / "profiles", {**PREFERENCES, **dimensions}), learner, dimensions, name, settings)
    await bot.learning.open()
    await bot.learning.catch_up()
    tasks = [
        asyncio.create_task(Host(bot.agent, ledger, [bot.platform], may_rate=bot.services.directory.may_teach).run()),
        asyncio.create_task(bot.learning.run()),
    ]
    try:
        yield bot
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await ledger.close()


async def test_two_people_get_their_own_and_the_profile_says_so_until_they_take_it_back(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        brief = await bot.opinions("ana", {"verbosity": "brief"}, 15)
        await bot.opinions("ben", {"mode": "conversational"}, 15)
        tastes = bot.learning.tastes(ANA), bot.learning.tastes(BEN)
        assert tastes[0]["verbosity"][0] == "brief"
        assert tastes[1]["mode"][0] == "conversational"
        text = (await bot.say("/profile", "ana")).reply.text
        assert "From your reactions on 15 replies" in text
        assert "- short answers (" in text
        for sent, emoji in brief:
            await bot.platform.react(sent, emoji, user="ana", removed=True)
        await bot.settled()
        assert "learned nothing yet" in (await bot.say("/profile", "ana")).reply.text
        assert bot.learning.tastes(ANA)["verbosity"][1] < 0.8


async def test_the_profile_does_not_claim_to_know_what_it_does_not(tmp_path: Path, monkeypatch: MonkeyPatch) -> None:
    async with running(tmp_path) as bot:
        await bot.opinions("ana", {"verbosity": "brief"}, 1)
        believed = {
            "mode": Taste("conversational", 0.54, 0.5),
            "verbosity": Taste("detailed", 0.56, 0.5),
            "initiative": Taste("act", 0.88, 0.8),
        }

        def tastes(_user_id: str) -> dict[str, Taste]:
            return believed

        monkeypatch.setattr(bot.learning, "tastes", tastes)
        _, _, *lines = (await bot.say("/profile")).reply.text.splitlines()
        assert lines == [
            "From your reactions on one reply I have learned that you like:",
            "- task oriented or conversational: I cannot tell yet",
            "- detailed answers (56% sure)",
            "- me to act at once rather than ask first (88% sure)",
            "",
            "`/profile set brief` corrects it, and taking reactions off unlearns it.",
        ]
        await bot.say("/profile set conversational")
        assert (
            "- chatty answers rather than task-oriented ones (you told me so)" in (await bot.say("/profile")).reply.text
        )


async def test_a_reaction_on_what_nobody_chose_how_to_say_teaches_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        shown = await bot.say("/profile")
        await bot.platform.react(shown, "👍", user="ana")
        await bot.settled()
        assert len(await bot.ledger.rewards_after(0, 100)) == 1
        text = (await bot.say("/profile")).reply.text
        assert text.startswith("You have told me nothing about yourself yet")
        assert "From your reactions I have learned nothing yet" in text


async def test_a_second_emoji_on_a_reply_is_no_second_vote(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        sent = await bot.say("hello there")
        for emoji in ("👎", "😢", "😡", "🦑"):
            await bot.platform.react(sent, emoji, user="ana")
        await bot.platform.react(sent, "🦑", user="ana", removed=True)
        await bot.platform.react(sent, "😢", user="ana", removed=True)
        await bot.settled()
        _, parts = await bot.ledger.policy_state("test:bayes")
        good, bad, _, recent = json.loads(parts[TRUST_PART])["memory::ana"]
        assert (good, bad, recent) == (0, 1, 1)


async def test_taking_reactions_off_is_no_vote_and_no_flood(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        for sent, emoji in await bot.opinions("ana", {"mode": "nobody's"}, 12):
            await bot.platform.react(sent, emoji, user="ana", removed=True)
        await bot.settled()
        _, parts = await bot.ledger.policy_state("test:bayes")
        good, bad, _, recent = json.loads(parts[TRUST_PART])["memory::ana"]
        assert (good, bad, recent) == (0, 12, 12)


@pytest.mark.parametrize("learner", ["bayes", "reinforce"])
async def test_deleting_what_was_learned_and_replaying_the_ledger_gives_the_same_bit_for_bit(
    tmp_path: Path, learner: str
) -> None:
    async with running(tmp_path, learner) as bot:
        given = await bot.opinions("ana", {"verbosity": "brief"}, 6)
        await bot.platform.react(given[0][0], given[0][1], user="ana", removed=True)
        await bot.say("no, I meant the other garden")
        await bot.platform.react(given[3][0], "🎉", user="ben")
        await bot.settled()
        before = await bot.ledger.policy_state(f"test:{learner}")
        # A crash between learning and noting it: the state is of before, and the rows are learned again.
    async with running(tmp_path, learner) as bot:
        assert await bot.ledger.policy_state(f"test:{learner}") == before
        await bot.ledger.drop_policy(f"test:{learner}")
    async with running(tmp_path, learner) as bot:
        assert await bot.ledger.policy_state(f"test:{learner}") == before


async def test_after_a_restart_people_are_read_when_they_write(tmp_path: Path, monkeypatch: MonkeyPatch) -> None:
    monkeypatch.setattr("llmagent_os.policy.bayes.bayes_learner.POOL_PEOPLE", 1)
    async with running(tmp_path) as bot:
        await bot.opinions("ana", {"verbosity": "brief"}, 6)
        await bot.opinions("ben", {"mode": "conversational"}, 2)
        tastes = bot.learning.tastes(ANA)
    async with running(tmp_path) as bot:
        assert not bot.learner.knows(ANA) and bot.learner.knows(BEN)
        await bot.say("good morning", "ana")
        assert bot.learner.knows(ANA)
        assert bot.learning.tastes(ANA) == tastes
    async with running(tmp_path) as bot:
        await damage(bot.ledger, {"memory::ana": b"garbage"})
        await bot.say("good evening", "ana")
        await bot.settled()
        assert bot.learner.knows(ANA), "what cannot be read is learned again"


async def test_what_could_not_be_stored_is_stored_with_what_comes_next(
    tmp_path: Path, monkeypatch: MonkeyPatch
) -> None:
    async with running(tmp_path) as bot:
        whole, keep = bot.learner.changes, bot.ledger.learned.advance
        failures = 1

        async def fails(
            was: Progress, through: int, parts: Mapping[str, bytes], *, stale_from: int | None = None
        ) -> Progress | None:
            nonlocal failures
            if failures:
                failures -= 1
                raise LedgerError("the disk is full")
            return await keep(was, through, parts, stale_from=stale_from)

        monkeypatch.setattr(bot.ledger.learned, "advance", fails)
        with contextlib.suppress(LedgerError):
            await bot.opinions("ana", {"verbosity": "brief"}, 1)
        await bot.opinions("ben", {"mode": "conversational"}, 2)
        assert not failures and "memory::ana" not in whole()
        assert "memory::ana" in (await bot.ledger.policy_state("test:bayes"))[1]


async def test_damaged_state_is_learned_again(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        await bot.opinions("ana", {"verbosity": "brief"}, 3)
        before = await bot.ledger.policy_state("test:bayes")
        await damage(bot.ledger, {"": b"garbage"})
    async with running(tmp_path) as bot:
        assert await bot.ledger.policy_state("test:bayes") == before


OWN = {
    "tone": {"formal": "Write formally.", "very_playful": "Write very playfully."},
    "verbosity": {"brief": "Use one sentence.", "normal": ""},
}


async def test_dimensions_of_its_own_are_chosen_told_asked_for_and_learned(tmp_path: Path) -> None:
    async with running(tmp_path, dimensions=OWN) as bot:

        async def told() -> str:
            await bot.say("hello there")
            assert (await bot.kept("ana"))[-1].action.keys() == OWN.keys()
            return str(bot.llm.requests[-1].messages[0]["content"]).partition("\nNow:")[0]

        assert await told() == "Write formally.\nUse one sentence."
        said = (await bot.say("/profile set terse")).reply.text
        assert "formal, very_playful, brief, normal" in said and "ask_first" not in said
        assert "- Tone: very playful" in (await bot.say("/profile set very playful")).reply.text
        assert "- Verbosity: normal" in (await bot.say("/profile set normal")).reply.text
        assert await told() == "Style: normal.\nWrite very playfully."
        assert set((await bot.kept("ana"))[-1].action_dist) == {"tone=very_playful,verbosity=normal"}
        await bot.opinions("ben", {"tone": "very_playful"}, 15)
        assert bot.learning.tastes(BEN)["tone"][0] == "very_playful"
        await bot.opinions("ana", {}, 1)
        said = (await bot.say("/profile")).reply.text
        assert "- tone: very playful (you told me so)" in said and "mode" not in said
        assert "`/profile set brief`" in said
        await bot.say("/profile clear tone")
        assert "- tone: very playful (you told me so)" not in (await bot.say("/profile")).reply.text


@pytest.mark.parametrize("learner", LEARNERS)
async def test_after_a_change_of_dimensions_all_is_learned_again_from_what_still_fits(
    tmp_path: Path, learner: str
) -> None:
    name = f"test:{learner}"
    async with running(tmp_path, learner) as bot:
        await bot.opinions("ana", {"verbosity": "brief"}, 3)
        before = await bot.ledger.policy_state(name)
    await Profiles(tmp_path / "profiles").update(PersonId("later::ana"), verbosity="detailed")
    async with running(tmp_path, learner, OWN, name="later") as bot:
        through, parts = await bot.ledger.policy_state(name)
        assert through == before[0] and "memory::ana" in parts, "what was said of brief replies fits"
        await bot.opinions("ana", {"tone": "formal"}, 3)
        assert (await bot.kept("ana"))[-1].action.keys() == OWN.keys()
        assert "later::ana" in (await bot.ledger.policy_state(name))[1]
        text = (await bot.say("/profile")).reply.text
        _, _, learned = text.partition("From your reactions")
        assert "detailed" not in learned and "you told me so" not in learned, "her wish for details is none of these"
    async with running(tmp_path, learner) as bot:  # and back: what was said of either still counts
        parts = (await bot.ledger.policy_state(name))[1]
        assert {"memory::ana", "later::ana"} <= parts.keys()


async def test_what_people_do_next_is_a_sign(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        await bot.say("what is on my list for friday")
        await bot.say("what's on the list for friday?")
        await bot.say("no, I meant saturday")
        await bot.say("perfect, thanks!")
        await bot.say("now something quite different please")
        assert await bot.rewards("ana") == [("reask", -0.5), ("correction", -1.0), ("thanks", 1.0), ("went_on", 0.0)]


async def test_silence_is_no_reward_and_an_edit_is_one(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        await bot.say("what is on my list for friday")
        assert await bot.rewards("ana") == []
        message_id = (await bot.kept("ana"))[-1].context["message_id"]
        room = bot.platform.room("ana")
        for event_id in ("edit1", "edit1"):  # delivered twice
            text = "what is on my list for sunday"
            await bot.platform.deliver(
                Edit(event_id=event_id, conversation=room, sender=Sender("ana"), message_id=message_id, text=text)
            )
        assert await bot.rewards("ana") == [("edited", -0.5)]


async def test_somebody_who_does_not_want_to_be_learned_from_is_not(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        assert "do not learn" in (await bot.say("/profile learning off")).reply.text
        version = bot.learning.version
        sent = await bot.say("hello there")
        await bot.platform.react(sent, "👎", user="ana")
        await bot.settled()
        kept = (await bot.kept("ana"))[-1]
        assert (kept.action, kept.pscore, kept.policy_version) == (DEFAULTS, 1.0, "fixed-1")
        assert bot.learning.version == version
        assert "do not learn" in (await bot.say("/profile")).reply.text
        await bot.say("/profile learning on")
        await bot.say("/profile set brief")
        await bot.say("hello again")
        assert (await bot.kept("ana"))[-1].action["verbosity"] == "brief"


async def test_a_crowd_of_bystanders_does_not_outweigh_the_person_answered(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        sent = await bot.say("hello there")
        await bot.platform.react(sent, "👍", user="ana")
        for number in range(12):
            await bot.platform.react(sent, "👎", user=f"troll{number}")
        await bot.settled()
        rows = await bot.ledger.rewards_after(0, 100)
        assert len(rows) == 13
        seen = decision_of((await bot.kept("ana"))[-1], ANA)
        assert seen is not None
        tastes = bot.learning.tastes(ANA)
        assert tastes["mode"][0] == seen.action["mode"]


async def test_forgetting_somebody_forgets_what_was_learned(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        await bot.opinions("ana", {"verbosity": "brief"}, 4)
        asked = await bot.say("/forget")
        await bot.platform.press(asked, asked.reply.buttons[0].value, user="ana")
        bot.count += 1
        await bot.platform.sent(bot.count)
        await bot.settled()
        assert not names(await bot.ledger.policy_state("test:bayes"), b"memory::ana"), "nor among the raters"


async def test_a_reward_that_is_no_number_is_not_kept(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        bad = RewardEvent(
            reward_id="r",
            event_id="r",
            interaction_id="i",
            rater_id=Identity("a"),
            user_id=Identity("a"),
            op="add",
            raw_value="👍",
            reward=float("nan"),
            mapping_version="1",
        )
        with pytest.raises(ValueError, match="not finite"):
            await bot.ledger.add_reward(bad)


async def test_erasing_somebody_from_outside_leaves_no_trace_in_what_was_learned(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        await bot.opinions("ana", {"verbosity": "brief"}, 3)
        await bot.opinions("ben", {"verbosity": "brief"}, 3)
    ledger = await Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    await ledger.forget(Identity("memory::ana"))
    left = await ledger.policy_state("test:bayes")
    assert not names(left, b"memory::ana") and "" not in left[1], "what all people share named her"
    await ledger.close()
    async with running(tmp_path) as bot:
        state = await bot.ledger.policy_state("test:bayes")
        assert "memory::ben" in state[1] and not names(state, b"memory::ana")


async def damage(ledger: Ledger, parts: Mapping[str, bytes]) -> None:
    """Store other bytes in place of parts of what was learned."""
    progress = await ledger.learned.progress("test:bayes")
    assert progress is not None
    assert await ledger.learned.advance(progress, progress.through, parts)


async def linked(bot: Bot, ledger: Ledger) -> None:
    await ledger.identities.issue(Identity("memory::ana"), "code", now(), timedelta(minutes=10))
    assert isinstance(await ledger.identities.join(Identity("memory::ben"), "code", now()), Joined)
    await bot.settled()


async def replayed(folder: Path, learner: str = "bayes") -> tuple[int | None, dict[str, bytes]]:
    """What the ledger alone says, learned by a process that knows nothing."""
    ledger = await Ledger.open(f"sqlite:///{folder / 'ledger.db'}")
    await PolicyWorker(make_behavior(learner, DEFAULTS, None, 0.03), ledger, "replayed").catch_up()
    state = await ledger.policy_state("replayed")
    await ledger.drop_policy("replayed")
    await ledger.close()
    return state


def names(state: tuple[int | None, dict[str, bytes]], *who: bytes) -> bool:
    """Whether any of these is anywhere in what was learned."""
    return any(each in body for body in (*state[1].values(), *map(str.encode, state[1])) for each in who)


@pytest.mark.parametrize("learner", ["bayes", "reinforce"])
async def test_after_a_link_an_unlink_and_a_forgetting_the_state_is_what_the_ledger_says(
    tmp_path: Path, learner: str
) -> None:
    name = f"test:{learner}"
    async with running(tmp_path, learner) as bot:
        given = await bot.opinions("ana", {"verbosity": "brief"}, 4)
        await bot.opinions("ben", {"verbosity": "brief"}, 4)
        await bot.opinions("cleo", {"verbosity": "brief"}, 2)
        await bot.platform.react(given[0][0], "👎", user="cleo")
        await linked(bot, bot.ledger)
        state = await bot.ledger.policy_state(name)
        assert "memory::ana" in state[1] and "memory::ben" not in state[1], "they are one person"
        assert "on 8 replies" in (await bot.say("/profile", "ben")).reply.text
        assert await replayed(tmp_path, learner) == state
        assert await bot.ledger.identities.leave(Identity("memory::ben")) is not None
        await bot.settled()
        state = await bot.ledger.policy_state(name)
        assert {"memory::ana", "memory::ben"} <= state[1].keys()
        assert await replayed(tmp_path, learner) == state
        await linked(bot, bot.ledger)
        asked = await bot.say("/forget", "ben")
        await bot.platform.press(asked, asked.reply.buttons[0].value, user="ben")
        bot.count += 1
        await bot.platform.sent(bot.count)
        await bot.opinions("cleo", {"verbosity": "brief"}, 2)
        state = await bot.ledger.policy_state(name)
        assert "memory::cleo" in state[1] and not names(state, b"memory::ana", b"memory::ben")
        assert await replayed(tmp_path, learner) == state


async def test_a_crash_while_somebody_is_forgotten_leaves_a_bot_that_starts(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        await bot.opinions("ana", {"verbosity": "brief"}, 3)
        await bot.opinions("ben", {"verbosity": "brief"}, 3)
        await bot.ledger.forget(Identity("memory::ana"))
    async with running(tmp_path) as bot:
        state = await bot.ledger.policy_state("test:bayes")
        assert "memory::ben" in state[1]
    assert await replayed(tmp_path) == state


async def test_who_is_forgotten_while_it_learns_does_not_come_back(tmp_path: Path, monkeypatch: MonkeyPatch) -> None:
    async with running(tmp_path) as bot:
        await bot.opinions("ben", {"verbosity": "brief"}, 2)
        read = bot.ledger.rewards_after

        async def rated(after: int, limit: int) -> list[RewardWithReply]:
            rows = await read(after, limit)
            if any(row.person == "memory::ana" for row in rows):
                monkeypatch.setattr(bot.ledger, "rewards_after", read)
                await bot.ledger.forget(Identity("memory::ana"))
            return rows

        monkeypatch.setattr(bot.ledger, "rewards_after", rated)
        await bot.opinions("ana", {"verbosity": "brief"}, 1)
        state = await bot.ledger.policy_state("test:bayes")
        assert not names(state, b"memory::ana")
    assert await replayed(tmp_path) == state


@pytest.mark.parametrize("part", ["", "memory::ana", TRUST_PART])
async def test_a_part_that_is_whole_but_makes_no_sense_is_learned_again(tmp_path: Path, part: str) -> None:
    async with running(tmp_path) as bot:
        await bot.opinions("ana", {"verbosity": "brief"}, 3)
        before = await bot.ledger.policy_state("test:bayes")
        _, facts = unpack(before[1][""])
        damaged = b"[1]" if part == TRUST_PART else pack({}, facts if part == "" else {})
        await damage(bot.ledger, {part: damaged})
    async with running(tmp_path) as bot:
        assert await bot.ledger.policy_state("test:bayes") == before


async def test_who_asks_and_does_not_wait_has_nothing_learned_twice(tmp_path: Path, monkeypatch: MonkeyPatch) -> None:
    async with running(tmp_path) as bot:
        await bot.opinions("ana", {"verbosity": "brief"}, 2)
    ledger = await Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    await ledger.drop_policy("test:bayes")
    learning = PolicyWorker(make_behavior("bayes", DEFAULTS, None, 0.03), ledger, "test:bayes")
    seen: list[int] = []

    def slowly(policy: LearnedPolicy, rows: list[RewardWithReply], trust: Trust, _shard: object) -> None:
        seen.extend(row.seq for row in rows)
        time.sleep(0.2)
        learn(policy, rows, trust)

    monkeypatch.setattr(learned_state, "learn", slowly)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await learning.catch_up()
    await learning.catch_up()
    await ledger.close()
    assert seen and len(seen) == len(set(seen))


async def test_one_row_that_cannot_be_learned_does_not_stop_the_rest(tmp_path: Path, monkeypatch: MonkeyPatch) -> None:
    async with running(tmp_path) as bot:
        await bot.opinions("ana", {"verbosity": "brief"}, 1)
        observe = bot.learning._policy.observe  # pyright: ignore[reportPrivateUsage]

        def fails(decision: Decision, reward: float | None, *, kind: Kind = "reaction", weight: float = 1.0) -> None:
            if decision.person_id == "memory::ben":
                raise ZeroDivisionError
            observe(decision, reward, kind=kind, weight=weight)

        monkeypatch.setattr(bot.learning._policy, "observe", fails)  # pyright: ignore[reportPrivateUsage]
        await bot.opinions("ben", {"verbosity": "brief"}, 1)
        await bot.opinions("ana", {"verbosity": "brief"}, 2)
        assert "on 3 replies" in (await bot.say("/profile")).reply.text


async def test_a_reward_that_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        given = await bot.opinions("ana", {"verbosity": "brief"}, 3)
    with contextlib.closing(sqlite3.connect(tmp_path / "ledger.db")) as raw, raw:
        raw.execute("UPDATE rewards SET kind = 'of_a_later_version' WHERE seq = 1")
    assert "memory::ana" in (await replayed(tmp_path))[1]
    async with running(tmp_path) as bot:
        await bot.platform.react(given[0][0], "🎉", user="ana")
        await bot.settled()
        assert bot.learning.tastes(ANA)


@pytest.mark.parametrize("learner", ["bayes", "reinforce"])
async def test_what_is_no_opinion_of_the_person_takes_nothing_back(tmp_path: Path, learner: str) -> None:
    async with running(tmp_path, learner) as bot:
        await bot.opinions("ana", {"verbosity": "brief"}, 5)
        sent = await bot.say("what is on my list for friday")
        await bot.say("perfect, thanks!")
        await bot.settled()
        before = bot.learner.changes()[""]
        for user in ("ana", "troll"):
            await bot.platform.react(sent, "🦑", user=user)
            await bot.platform.react(sent, "🦑", user=user, removed=True)
        await bot.settled()
        after = bot.learner.changes()[""]
        assert after == before, "an emoji that says nothing teaches nothing"
        observed: list[tuple[str, float | None]] = []
        observe = bot.learning._policy.observe  # pyright: ignore[reportPrivateUsage]

        def noted(
            decision: Decision,
            reward: float | None,
            *,
            kind: Kind = "reaction",
            weight: float = 1.0,
            at: datetime | None = None,
        ) -> None:
            observed.append((kind, reward))
            observe(decision, reward, kind=kind, weight=weight, at=at)

        bot.learning._policy.observe = noted  # type: ignore[method-assign]  # pyright: ignore
        await bot.platform.react(sent, "👎", user="troll")
        await bot.platform.react(sent, "👎", user="troll", removed=True)
        await bot.settled()
        assert observed == [("reaction", -1.0), ("reaction", None), ("thanks", 1.0)], "her thanks still stand"


@pytest.mark.parametrize("learner", ["bayes", "reinforce"])
async def test_what_is_beyond_a_flood_teaches_nothing(tmp_path: Path, learner: str) -> None:
    async with running(tmp_path, learner) as bot:
        sent = await bot.say("hello there")
        other = await bot.say("hello once more")
        await bot.platform.react(other, "👍", user="ana")
        for _ in range(MAX_WINDOW_OPINIONS):
            await bot.platform.react(sent, "👎", user="ana")
            await bot.platform.react(sent, "👎", user="ana", removed=True)
            await bot.settled()
        before = bot.learner.changes()[""]
        weights = unpack(before)[0].get("weights")
        await bot.platform.react(sent, "👎", user="ana")
        await bot.settled()
        after = bot.learner.changes()[""]
        rows = await bot.ledger.rewards_after(0, 200)
        assert rows[-1].reward is not None and rows[-1].reward.reward == -1.0
        if weights is not None:
            assert (unpack(after)[0]["weights"] == weights).all()
        await bot.platform.react(other, "👍", user="ana", removed=True)
        await bot.settled()
        assert "learned nothing yet" not in (await bot.say("/profile")).reply.text


async def test_learning_off_stops_what_is_said_of_earlier_replies_too(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        first = await bot.say("what is on my list for friday")
        second = await bot.say("and what is on it for sunday")
        await bot.platform.react(first, "👍", user="ana")
        await bot.settled()
        await bot.say("/profile learning off")
        await bot.settled()
        version = bot.learning.version
        await bot.say("no, that's wrong")
        await bot.platform.react(second, "👎", user="ana")
        room = bot.platform.room("ana")
        message_id = (await bot.kept("ana"))[0].context["message_id"]
        await bot.platform.deliver(
            Edit(event_id="e", conversation=room, sender=Sender("ana"), message_id=message_id, text="something else")
        )
        await bot.settled()
        assert bot.learning.version == version
        await bot.platform.react(second, "👎", user="ana", removed=True)
        await bot.settled()
        assert bot.learning.version == version
        await bot.platform.react(first, "👍", user="ana", removed=True)
        await bot.settled()
        assert bot.learning.version != version, "taking off still takes back"


async def test_the_profile_tells_of_what_was_learned_without_reactions(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        await bot.say("what is on my list for friday")
        await bot.say("perfect, thanks!")
        await bot.settled()
        said = (await bot.say("/profile")).reply.text
        assert "From how you took one reply I have learned" in said


async def test_the_profile_does_not_count_what_nothing_was_learned_from(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        await bot.opinions("ana", {"verbosity": "brief"}, 3)
    async with running(tmp_path, dimensions=OWN) as bot:
        assert "learned nothing yet" in (await bot.say("/profile")).reply.text


@pytest.mark.parametrize("learner", ["bayes", "reinforce"])
async def test_another_gamma_or_default_is_learned_with_from_the_start(tmp_path: Path, learner: str) -> None:
    name = f"test:{learner}"
    async with running(tmp_path, learner) as bot:
        for number in range(4):
            await bot.say(f"request number {number} about the garden")
            await bot.say("no, that's wrong")
        await bot.settled()
    states: list[object] = []
    for drop in (False, True):
        ledger = await Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
        if drop:
            await ledger.drop_policy(name)
        policy = make_behavior(learner, DEFAULTS | {"verbosity": "brief"}, 0.9, 0.03)
        await PolicyWorker(policy, ledger, name).catch_up()
        states.append(await ledger.policy_state(name))
        await ledger.close()
    assert states[0] == states[1]


async def test_a_button_is_answered_as_its_person_likes_it_after_a_restart_too(tmp_path: Path) -> None:
    async with running(tmp_path, "reinforce") as bot:
        await bot.opinions("ana", {"verbosity": "brief"}, 3)
        assert bot.learner.knows(ANA)
    async with running(tmp_path, "reinforce") as bot:
        assert not bot.learner.knows(ANA)
        await decide(bot.services, await open_exchange(bot.services, bot.platform.message("x", user="ana")), {})
        assert bot.learner.knows(ANA)


async def test_a_masked_secret_is_no_edit(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        text = "my password is hunter2hunter2 and my key is sk-abcdefghijklmnopqrstuvwxyz123456"
        await bot.say(text)
        await bot.settled()
        kept = (await bot.kept("ana"))[-1]
        assert kept.said != text
        room = bot.platform.room("ana")
        await bot.platform.deliver(
            Edit(
                event_id="e",
                conversation=room,
                sender=Sender("ana"),
                message_id=kept.context["message_id"],
                text=text,
            )
        )
        assert await bot.rewards("ana") == []


async def test_a_reply_that_hundreds_react_to_does_not_hold_up_everybody(
    tmp_path: Path, monkeypatch: MonkeyPatch
) -> None:
    ledger = await Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    for number in range(100):
        await ledger.add_reward(
            RewardEvent(
                reward_id=str(number),
                event_id=str(number),
                interaction_id="i",
                rater_id=Identity(str(number)),
                user_id=Identity("a"),
                op="add",
                raw_value="👍",
                reward=1.0,
                mapping_version="1",
            )
        )
    read: list[object] = []
    reward = row_codecs.decode_reward

    def counted(row: sa.RowMapping) -> RewardEvent:
        read.append(row)
        return reward(row)

    monkeypatch.setattr(row_codecs, "decode_reward", counted)
    rows = await ledger.rewards_after(36, 64)
    await ledger.close()
    assert [len(row.so_far) for row in rows] == list(range(37, 101))
    assert all(row.reward == row.so_far[-1] for row in rows)
    assert len(read) <= 100, "the ledger writes nothing meanwhile"


async def test_a_bot_that_shows_its_model_nothing_of_before_has_signs_and_sessions_all_the_same(tmp_path: Path) -> None:
    async with running(tmp_path, settings=AgentSettings(remembered_turns=0)) as bot:
        await bot.say("what is on my list for friday")
        await bot.say("no, I meant saturday")
        assert await bot.rewards("ana") == [("correction", -1.0)]
        first, second = await bot.kept("ana")
        assert (first.episode_id, second.turn_index) == (second.episode_id, 1)
        assert [each["role"] for each in bot.llm.requests[-1].messages] == ["system", "user"]


async def test_clearing_the_profile_does_not_switch_learning_on_again(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        await bot.say("/profile learning off")
        await bot.say("/profile set brief")
        cleared = (await bot.say("/profile clear")).reply.text
        assert "Learning: off" in cleared and "brief" not in cleared
        assert "do not learn" in (await bot.say("/profile")).reply.text
