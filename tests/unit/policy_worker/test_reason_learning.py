"""Reasons from the ledger's rows to the policy. What breaks without this: what people tap changes nothing for them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal, TypeAlias

import pytest

from llmagent_os.feedback.rater_trust import Trust
from llmagent_os.identity import Identity, PersonId
from llmagent_os.ledger import Interaction, RewardEvent, RewardWithReply
from llmagent_os.policy.contract import Action
from llmagent_os.policy.learned import LearnedPolicy, make_behavior
from llmagent_os.policy_worker.reward_learning import learn, observations_of_person
from tests.unit.policy.reactions import HERE, chance

ANA = PersonId("web::ana")
DEFAULTS: Action = {"mode": "task_oriented", "verbosity": "normal", "initiative": "act"}
BRIEF = {"verbosity": "brief"}

#: A row: its kind, raw value, reward and operation.
Given: TypeAlias = tuple[str, str, float, Literal["add", "remove"]]


def rows(policy: LearnedPolicy, *given: Given) -> list[RewardWithReply]:
    """The rows of one reply in the bot's usual way: kind, raw value, reward and operation of each."""
    decision = policy.decide(ANA, HERE, DEFAULTS)
    reply = Interaction(
        interaction_id="web:1",
        event_id="1",
        user_id=Identity("web::ana"),
        conversation_key="c",
        context={"features": HERE},
        action=decision.action,
        action_dist=decision.action_dist,
        pscore=decision.pscore,
        policy_version="bayes",
    )
    so_far: list[RewardEvent] = []
    found: list[RewardWithReply] = []
    for number, (kind, raw, reward, op) in enumerate(given, 1):
        so_far.append(
            RewardEvent(
                reward_id=f"web:{number}:{kind}",
                event_id=str(number),
                interaction_id="web:1",
                rater_id=Identity("web::ana"),
                user_id=Identity("web::ana"),
                kind=kind,
                op=op,
                raw_value=raw,
                reward=reward,
                mapping_version="v",
                at=datetime(2026, 1, 1, tzinfo=UTC),
            )
        )
        found.append(
            RewardWithReply(
                seq=number,
                reward=so_far[-1],
                interaction=reply,
                person=ANA,
                identities=(Identity("web::ana"),),
                so_far=list(so_far),
            )
        )
    return found


BAD: Given = ("reaction", "👎", -1.0, "add")
OFF: Given = ("reaction", "👎", 1.0, "remove")
LONG: Given = ("reason", "too_long", 0.0, "add")
SHORT: Given = ("reason", "too_short", 0.0, "add")
WRONG: Given = ("reason", "wrong", 0.0, "add")


def learned(*given: Given) -> float:
    """How likely the next reply is brief."""
    policy = make_behavior("bayes", DEFAULTS, None, 0.03, seed=1)
    learn(policy, rows(policy, *given), Trust())
    return chance(policy, ANA, BRIEF)


@pytest.mark.parametrize("after", [(), (("went_on", "", 0.0, "add"),)])
def test_a_reason_in_the_ledger_moves_the_person_it_was_given_by(
    after: tuple[Given, ...],
) -> None:
    assert learned(BAD, LONG, *after) > 0.9
    assert learned(BAD, WRONG, *after) < 0.1
    assert learned(BAD, SHORT, *after) < 0.1


def test_a_changed_reason_takes_the_place_of_the_first_and_the_thumb_takes_it_along() -> None:
    assert learned(BAD, SHORT, LONG) > 0.9
    assert learned(BAD, LONG, SHORT) < 0.1
    assert learned(BAD, LONG, OFF) < 0.1


def test_a_person_who_is_made_again_of_their_own_rows_has_their_reasons() -> None:
    policy = make_behavior("bayes", DEFAULTS, None, 0.03, seed=1)
    given = rows(policy, BAD, LONG)
    policy.observe(policy.decide(PersonId("ben"), HERE), 1.0)
    policy.learner.take(ANA, policy.learner.rebuilt(observations_of_person(policy, given)))
    assert chance(policy, ANA, BRIEF) > 0.9
