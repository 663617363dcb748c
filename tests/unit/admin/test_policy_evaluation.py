"""What breaks without this: a candidate is judged by rewards it was trained on, or by opinions that were withdrawn."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest

from llmagent_os.admin.policy_evaluation import as_logged, read_held_out, read_standing, train
from llmagent_os.events import Conversation, Message, Sender
from llmagent_os.feedback.implicit_signs import reward_of
from llmagent_os.feedback.rater_trust import MAX_WINDOW_OPINIONS
from llmagent_os.feedback.signals import SIGNALS, Kind
from llmagent_os.identity import Identity, PersonId
from llmagent_os.ledger import Interaction, Ledger, RewardEvent
from llmagent_os.policy.actions import ActionSpace
from llmagent_os.policy.contract import Decision
from llmagent_os.policy.learned import make_policy
from llmagent_os.policy_worker import PolicyWorker

SPACE = ActionSpace()
START = datetime(2026, 1, 1, tzinfo=UTC)
REPLIES, CUT = 20, 12  #: the number of replies in a ledger, and the first of them that is held out


class Book:
    """A ledger that is filled hour by hour: reply number n is given in hour n."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.count = 0
        self.replies: dict[int, Interaction] = {}

    async def reply(self, number: int, who: str = "ana", says: Kind | None = None) -> None:
        """Answer a message of ``who``, which is a sign on their reply before it if it ``says`` so."""
        room = Conversation(platform="web", channel=who)
        at = START + timedelta(hours=number)
        event = Message(
            event_id=f"m{number}", conversation=room, sender=Sender(who), text="hi", message_id=f"m{number}"
        )
        interaction = Interaction(
            interaction_id=f"web:m{number}",
            event_id=f"m{number}",
            episode_id=f"web:m{number - number % 4}",
            user_id=Identity(f"web::{who}"),
            conversation_key=room.key,
            context={"features": {"intent": "ask"}},
            action=SPACE.actions[number % 12],
            action_dist=dict.fromkeys(SPACE.labels, 1 / 12),
            pscore=1 / 12,
            policy_version="x",
            created_at=at,
        )
        signs: list[RewardEvent] = []
        if says is not None:
            before = [reply for reply in self.replies.values() if reply.user_id == interaction.user_id][-1]
            signs.append(reward_of(says, before, event, interaction.user_id, at - timedelta(seconds=5)))
        self.replies[number] = interaction
        await self.ledger.accept(event, max_pending=1000)
        await self.ledger.prepare(event, None, interaction, rewards=signs)

    async def react(
        self,
        on: int,
        hour: float,
        value: float,
        who: str | None = None,
        op: Literal["add", "remove"] = "add",
    ) -> None:
        """Have ``who``, by default the person answered, change their opinion of reply ``on`` by ``value``."""
        self.count += 1
        user_id = self.replies[on].user_id
        reward = RewardEvent(
            reward_id=f"web:r{self.count}",
            event_id=f"r{self.count}",
            interaction_id=f"web:m{on}",
            rater_id=user_id if who is None else Identity(f"web::{who}"),
            user_id=user_id,
            op=op,
            raw_value="👍",
            reward=value,
            mapping_version="1",
            at=START + timedelta(hours=hour),
        )
        await self.ledger.add_reward(reward)

    async def fill(self, until: int) -> None:
        """Answer ana and ben in turns; ana reacts, ben only goes on, and a troll dislikes everything."""
        for number in range(until):
            says: Kind = "reask" if number % 3 else "went_on"
            await self.reply(number, "ben" if number % 2 else "ana", says if number > 1 else None)
            await self.react(number, number + 0.2, -1.0, "troll")
            if number % 2 == 0:
                await self.react(number, number + 0.3, 1.0 if number % 4 else -1.0)
        await self.react(0, until - 0.5, 1.0, op="remove")


async def opened(folder: Path, name: str = "ledger") -> Book:
    return Book(await Ledger.open(f"sqlite:///{folder / name}.db", synchronous="NORMAL"))


@pytest.mark.parametrize("learner", ["bayes", "reinforce"])
async def test_a_candidate_has_learned_what_the_bot_would_have_if_the_ledger_ended_at_the_cut(
    tmp_path: Path, learner: str
) -> None:
    """With the trust in raters as it was, and without what was said later of replies from before the cut."""
    book, ended = await opened(tmp_path), await opened(tmp_path, "ended")
    await book.fill(CUT)
    await ended.fill(CUT)
    for number in range(CUT, REPLIES):
        await book.reply(number, "ben" if number % 2 else "ana", "thanks")
        await book.react(number, number + 0.3, 1.0)
    await book.react(3, REPLIES, 1.0)
    trained, whole, replayed = (make_policy(learner) for _ in range(3))
    held_out = await read_held_out(book.ledger, SPACE)
    assert [decision.decision_id for decision in held_out.decisions] == [f"web:m{n}" for n in range(CUT, REPLIES)]
    count = await train(book.ledger, held_out.cut, [trained])
    await PolicyWorker(replayed, ended.ledger, "replayed").catch_up()
    await PolicyWorker(whole, book.ledger, "whole").catch_up()
    assert count == len(await ended.ledger.rewards_after(0, 1000))
    assert trained.version == replayed.version != whole.version
    for who in (PersonId("web::ana"), PersonId("web::ben")):
        assert trained.learner.beliefs(who).tolist() == replayed.learner.beliefs(who).tolist()
    await book.ledger.close()
    await ended.ledger.close()


async def test_a_late_reward_on_an_early_reply_is_not_trained_on(tmp_path: Path) -> None:
    """The message that the first held-out reply answers was not known either when that reply was decided."""
    book = await opened(tmp_path)
    for number in range(CUT):
        await book.reply(number)
    await book.react(5, CUT - 0.5, 1.0)
    await book.reply(CUT, says="thanks")
    await book.react(5, CUT - 0.4, -2.0)
    for number in range(CUT + 1, REPLIES):
        await book.reply(number)
    held_out = await read_held_out(book.ledger, SPACE)
    assert await train(book.ledger, held_out.cut, []) == 1
    await book.ledger.close()
    late = await opened(tmp_path, "late")
    for number in range(REPLIES):
        await late.reply(number)
    await late.react(5, CUT, 1.0)
    held_out = await read_held_out(late.ledger, SPACE)
    assert await train(late.ledger, held_out.cut, []) == 0
    await late.ledger.close()


async def test_a_platform_with_a_wrong_clock_does_not_end_the_training(tmp_path: Path) -> None:
    """One reward from the future at the beginning of a ledger would leave the candidates with nothing learned."""
    book = await opened(tmp_path)
    for number in range(REPLIES):
        await book.reply(number)
        if number < CUT:
            await book.react(number, 9000 if number == 1 else number + 0.5, 1.0)
    held_out = await read_held_out(book.ledger, SPACE)
    assert await train(book.ledger, held_out.cut, []) == CUT - 1
    await book.ledger.close()


async def test_candidates_are_judged_by_what_stands_at_the_end(tmp_path: Path) -> None:
    book = await opened(tmp_path)
    for number in range(REPLIES):
        await book.reply(number, says="thanks" if number > CUT else None)
    await book.react(CUT, 50, 1.0)
    await book.react(CUT + 1, 51, 1.0)
    await book.react(CUT + 1, 52, -1.0, op="remove")
    await book.react(CUT + 2, 53, -1.0, "troll")
    for number in range(MAX_WINDOW_OPINIONS):
        await book.react(0, 60 + number / 3600, 2.0 if number % 2 else -2.0 if number else -1.0)  # changes their mind
    await book.react(CUT + 3, 60.01, 1.0)
    await book.react(0, 900, -1.0)
    held_out = await read_held_out(book.ledger, SPACE)
    standing = await read_standing(book.ledger, held_out.decisions)
    await book.ledger.close()
    assert standing[0] == {"thanks": 1.0, "reaction": 1.0}
    assert standing[1] == {}, "taken back, with what came next"
    assert standing[2] == {"thanks": 1.0, "reaction": -1.0}, "a bystander's, where the person has none"
    assert standing[3] == {"thanks": 1.0}, "one opinion too many in a flood is none"
    assert standing[-1] == {}, "nobody said anything"
    logged = as_logged(held_out.decisions, standing, SPACE)
    assert logged.opinion[:4].tolist() == [2, 0, 1, 0]
    assert logged.follow_up[:4].tolist() == [3, 0, 3, 3]


def test_of_several_signs_that_follow_thanks_win_and_then_what_speaks_against() -> None:
    def nexts(*kinds: Kind) -> int:
        dist = dict.fromkeys(SPACE.labels, 1 / 12)
        decision = Decision(
            action=SPACE.actions[0], pscore=1 / 12, policy_version="x", action_dist=dist, person_id=PersonId("u")
        )
        return int(as_logged([decision], [{kind: SIGNALS[kind].reward for kind in kinds}], SPACE).follow_up[0])

    assert nexts() == 0
    assert nexts("went_on") == 1
    assert nexts("reask", "went_on") == nexts("edited") == nexts("tool_failed", "reask") == 2
    assert nexts("went_on", "thanks", "correction") == 3
