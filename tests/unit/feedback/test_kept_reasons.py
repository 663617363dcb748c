"""What breaks without this: a reason outlives its 👎, or speaks for somebody else."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

import pytest

from llmagent_os.feedback.kept_reasons import OFFERED, read_reason, standing_reason, written_reason
from llmagent_os.feedback.observations import observations
from llmagent_os.feedback.rater_trust import Trust
from llmagent_os.feedback.stated_reasons import StatedReason, stated_reason
from llmagent_os.identity import Identity, PersonId
from llmagent_os.ledger import Interaction, RewardEvent, RewardWithReply

ANA, PHONE, BEN = Identity("ana"), Identity("ana's phone"), Identity("ben")
REPLY = Interaction(interaction_id="i", event_id="e", user_id=ANA, conversation_key="c")


def row(
    who: Identity,
    value: float = 0.0,
    raw: str = "",
    op: Literal["add", "remove", "ask"] = "add",
    kind: str = "reaction",
) -> RewardEvent:
    return RewardEvent(
        reward_id=f"web:{raw or value}:mark",
        event_id="",
        interaction_id="i",
        rater_id=who,
        user_id=ANA,
        kind=kind,
        op=op,
        raw_value=raw,
        reward=value,
        mapping_version="v",
        at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def why(raw: str, who: Identity = ANA, op: Literal["add", "ask"] = "add") -> RewardEvent:
    return row(who, 0.0, raw, op, "reason")


BAD, GOOD, OFF = row(ANA, -1.0, "👎"), row(ANA, 2.0, "👍"), row(ANA, 1.0, "👎", "remove")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([BAD], None),
        ([BAD, why("too_long")], "too_long"),
        ([BAD, why("too_long"), why("tone", PHONE)], "tone"),
        ([BAD, why("", op="ask")], None),
        ([BAD, why("too_long", BEN)], None),
        ([why("too_long"), BAD], None),
        ([BAD, why("too_long"), OFF], None),
        ([BAD, why("too_long"), OFF, BAD], None),
        ([BAD, why("too_long"), GOOD], None),
        ([row(BEN, -1.0, "👎"), why("too_long", BEN)], None),
    ],
)
def test_a_reason_stands_as_long_as_the_dislike_of_the_person_who_was_answered(
    rows: list[RewardEvent], said: str | None
) -> None:
    found = standing_reason(rows, (ANA, PHONE))
    assert (found and found.said) == said


@pytest.mark.parametrize("words", ["way too long!", "not friendly enough", "that's not what I asked", "be brief"])
def test_what_is_read_from_words_is_kept_as_it_was_read(words: str) -> None:
    found = stated_reason(words, ["brief"])
    assert found is not None
    assert read_reason(written_reason(found)) == found


def test_words_that_say_nothing_known_are_kept_and_teach_nothing() -> None:
    assert read_reason("words:the room was taken") is None
    assert read_reason("") is None
    assert OFFERED["unasked"] == StatedReason(about="initiative")


def test_a_reason_has_the_dislike_observed_again_and_a_bystanders_has_nothing() -> None:
    def seen(*rows: RewardEvent) -> list[tuple[str, float | None, StatedReason | None, StatedReason | None]]:
        found = observations(
            RewardWithReply(
                seq=1,
                reward=rows[-1],
                interaction=REPLY,
                person=PersonId("ana"),
                identities=(ANA, PHONE),
                so_far=list(rows),
            ),
            Trust(),
        )
        return [(each.kind, each.reward, each.reason, each.reason_before) for each in found]

    long = OFFERED["too_long"]
    assert seen(BAD, why("too_long")) == [("reaction", -1.0, long, None)]
    assert seen(BAD, why("too_long"), OFF) == [("reaction", None, None, long)]
    assert seen(BAD, why("too_long"), row(ANA, 0.0, kind="went_on")) == [("went_on", 0.0, long, long)]
    assert seen(BAD, why("", op="ask")) == seen(BAD, why("too_long", BEN)) == seen(why("too_long")) == []
