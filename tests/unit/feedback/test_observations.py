"""What breaks without this: the bot learns something else from its ledger than from people while they react."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec

from llmagent_os.feedback.observations import observations
from llmagent_os.feedback.rater_trust import MAX_WINDOW_OPINIONS, Trust
from llmagent_os.identity import Identity, PersonId
from llmagent_os.ledger import Interaction, RewardEvent, RewardWithReply

START = datetime(2026, 1, 1, tzinfo=UTC)
REPLY = Interaction(interaction_id="i", event_id="e", user_id=Identity("ana"), conversation_key="c")


def given(rater: str, value: float, kind: str = "reaction", op: Literal["add", "remove"] = "add") -> RewardEvent:
    return RewardEvent(
        reward_id="",
        event_id="",
        interaction_id="i",
        rater_id=Identity(rater),
        user_id=Identity("ana"),
        kind=kind,
        op=op,
        raw_value="",
        reward=value,
        mapping_version="v",
        at=START,
    )


def rated(so_far: Sequence[RewardEvent], interaction: Interaction | None = REPLY) -> RewardWithReply:
    """The row of the latest reward of a reply."""
    return RewardWithReply(
        seq=len(so_far),
        reward=so_far[-1],
        interaction=interaction,
        person=PersonId("ana"),
        identities=(Identity("ana"),),
        so_far=list(so_far),
    )


def seen(*rewards: RewardEvent, trust: Trust | None = None) -> list[tuple[str, float | None, float]]:
    """What the last of these rewards of one reply is observed as: kind, reward and weight."""
    trust = trust or Trust()
    found = [observations(rated(rewards[: number + 1]), trust) for number in range(len(rewards))]
    assert all(each.interaction == REPLY and each.person == "ana" for each in found[-1])
    return [(each.kind, each.reward, each.weight) for each in found[-1]]


def test_a_reaction_is_observed_as_the_opinion_of_all_raters_so_far() -> None:
    assert seen(given("ana", 1.0)) == [("reaction", 1.0, 1.0)]
    assert seen(given("ben", -1.0)) == [("reaction", -1.0, 0.25)]
    assert seen(given("ana", 1.0), given("ben", -1.0)) == [("reaction", 1.0, 1.0)]


def test_a_sign_is_observed_with_its_own_reward() -> None:
    assert seen(given("ana", 1.0), given("ana", -0.5, "reask")) == [("reask", -0.5, 1.0)]
    assert seen(given("ana", 0.0, "went_on")) == [("went_on", 0.0, 1.0)]


def test_what_speaks_of_a_tool_call_alone_teaches_no_policy() -> None:
    """A Yes to "Shall I?" would be taken for a like of the wording, and a No for a dislike."""
    yes, no = given("ana", 0.5, "confirmed"), given("ana", -0.5, "declined")
    assert seen(yes) == seen(no) == []
    assert seen(yes, given("ben", 1.0), given("ben", -1.0, op="remove")) == [("reaction", None, 0.0)]


def test_a_reaction_that_is_removed_withdraws_the_reply_and_what_came_before() -> None:
    added, removed, thanks = given("ana", 1.0), given("ana", -1.0, op="remove"), given("ana", 1.0, "thanks")
    assert seen(thanks, added, removed) == [("reaction", None, 0.0)]
    assert seen(added, removed, thanks) == [("thanks", 1.0, 1.0)]


def test_a_bystander_who_withdraws_leaves_the_persons_signs() -> None:
    removed = given("ben", 1.0, op="remove")
    found = seen(given("ana", 1.0, "thanks"), given("ben", -1.0), removed)
    assert found == [("reaction", None, 0.0), ("thanks", 1.0, 1.0)]


def test_what_changes_no_opinion_or_cannot_be_read_is_not_observed() -> None:
    assert seen(given("ana", 0.0)) == []
    assert seen(given("ana", 1.0, "of_a_later_version")) == []
    unreadable = RewardWithReply(
        seq=1, reward=None, interaction=REPLY, person=PersonId("ana"), identities=(), so_far=[]
    )
    assert observations(unreadable, Trust()) == []
    later = given("ana", 1.0, "of_a_later_version")
    assert seen(later, given("ben", -1.0), given("ben", 1.0, op="remove")) == [("reaction", None, 0.0)]


def test_one_opinion_too_many_in_a_flood_takes_the_opinion_back() -> None:
    trust = Trust()
    for number in range(MAX_WINDOW_OPINIONS):
        trust.note(Identity("ana"), 1.0, START + timedelta(seconds=number))
    late = msgspec.structs.replace(given("ana", 1.0), at=START + timedelta(seconds=59))
    assert seen(given("ana", 1.0, "thanks"), late, trust=trust) == [("reaction", None, 0.0), ("thanks", 1.0, 1.0)]


def test_trust_counts_every_opinion_once_and_no_removal_also_where_the_reply_is_gone() -> None:
    trust = Trust()
    observations(rated([given("ana", 1.0)], None), trust)
    seen(
        given("ana", 1.0), given("ana", -2.0), given("ana", 1.0, op="remove"), given("ana", 1.0, "thanks"), trust=trust
    )
    assert trust.tallies["ana"][:2] == [2.0, 1.0]
