"""What breaks without this: a reaction taken back still counts, or a crowd outvotes the person who was answered."""

from __future__ import annotations

from typing import Literal

import msgspec

from llmagent_os.feedback.emoji_table import EMOJI
from llmagent_os.feedback.verdict import emojis, opinion, signs, verdict
from llmagent_os.identity import Identity
from llmagent_os.ledger import RewardEvent

ANA = Identity("ana")


def row(rater: str, emoji: str, value: float, op: Literal["add", "remove"] = "add") -> RewardEvent:
    return RewardEvent(
        reward_id=f"{rater}{emoji}{value}{op}",
        event_id="1",
        interaction_id="i",
        rater_id=Identity(rater),
        user_id=Identity("u"),
        op=op,
        raw_value=emoji,
        reward=value,
        mapping_version="v",
    )


def test_a_changed_mind_is_one_opinion() -> None:
    rows = [row("ana", "👍", 1.0), row("ben", "👎", -1.0), row("ana", "👎", -2.0), row("ana", "👍", 0.0, "remove")]
    assert emojis(rows, ANA) == ["👎"]
    assert opinion(["👍", "👎"], EMOJI) == -1.0
    assert opinion(["👎", "🦑"], EMOJI) == -1.0, "an emoji that says nothing takes nothing back"
    assert opinion([], EMOJI) == 0.0


def test_who_is_not_trusted_has_no_opinion_and_leaves_the_others_theirs() -> None:
    rows = [row("ana", "👎", -1.0), row("ben", "👍", 1.0)]
    assert verdict(rows, (ANA,), {ANA: 0.0}) == verdict(rows[1:], (ANA,), {})
    assert verdict(rows[:1], (ANA,), {ANA: 0.0}).reward is None


def test_only_the_person_answered_withdraws_what_they_did_next() -> None:
    thanks = msgspec.structs.replace(row("ana", "", 1.0), kind="thanks")
    taken_off = row("ana", "👍", -1.0, "remove")
    assert signs([thanks, row("ben", "👎", -1.0), row("ben", "👎", 1.0, "remove")], (ANA,)) == [thanks]
    assert signs([thanks, row("ana", "🦑", 0.0), row("ana", "🦑", 0.0, "remove")], (ANA,)) == [thanks]
    assert signs([thanks, row("ana", "👍", 1.0), taken_off], (ANA,)) == []
    assert signs([row("ana", "👍", 1.0), taken_off, thanks], (ANA,)) == [thanks]


def test_the_person_answered_counts_fully_and_bystanders_less_however_many() -> None:
    crowd = [row(f"b{number}", "👎", -1.0) for number in range(20)]
    alone = verdict([row("ana", "👍", 1.0), *crowd], (ANA,), {})
    assert (alone.reward, alone.weight) == (1.0, 1.0)
    others = verdict(crowd, (ANA,), {})
    assert (others.reward, others.weight) == (-1.0, 0.5)
    one = verdict(crowd[:1], (ANA,), {})
    assert (one.reward, one.weight) == (-1.0, 0.25)
    assert verdict(crowd[:1], (ANA,), {Identity("b0"): 0.0}).reward is None, "who is not trusted at all has no say"
    assert verdict([row("ana", "👍", 1.0), row("ana", "👍", -1.0, "remove")], (ANA,), {}).reward is None


def test_linked_identities_are_one_person() -> None:
    both = [row("slack:T:ana", "👍", 1.0), row("web::ana", "👍", 1.0)]
    assert verdict(both, (Identity("slack:T:ana"), Identity("web::ana")), {}).reward == 1.0
