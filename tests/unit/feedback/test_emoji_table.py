"""What breaks without this: a thumbs-down teaches the bot to go on, or a reaction taken back still counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec
import pytest

from llmagent_os.feedback.emoji_table import EMOJI, RewardMapping, emojis, opinion, plain, signs, verdict
from llmagent_os.feedback.rater_trust import FLOOD, Trust
from llmagent_os.identity import Identity
from llmagent_os.ledger import RewardEvent


@pytest.mark.parametrize(
    ("emoji", "reward"),
    [
        ("👍", 1.0),
        ("👍🏿", 1.0),
        ("❤️", 1.0),
        ("❤", 1.0),
        ("🎉", 1.0),
        ("+1", 1.0),
        (":+1:", 1.0),
        ("+1::skin-tone-3", 1.0),
        ("thumbsup_tone2", 1.0),
        ("👎", -1.0),
        ("👎🏼", -1.0),
        ("-1", -1.0),
        (":thumbsdown:", -1.0),
        ("🤦🏽‍♀️", -1.0),
        ("🦑", 0.0),
        ("party_parrot", 0.0),
        ("", 0.0),
    ],
)
def test_what_platforms_write_means_what_people_mean(emoji: str, reward: float) -> None:
    assert EMOJI(emoji) == reward


@pytest.mark.parametrize(
    ("raw", "bare"),
    [("<:Party:123>", "party"), ("<a:Party:123>", "party"), ("party:123", "party"), (" :TADA: ", "tada")],
)
def test_custom_emoji_go_by_their_name(raw: str, bare: str) -> None:
    assert plain(raw) == bare


def test_every_reward_is_between_minus_one_and_one() -> None:
    assert set(EMOJI.values.values()) == {1.0, -1.0}
    assert all(plain(emoji) == emoji for emoji in EMOJI.values), "an emoji written otherwise would never be found"


def test_a_mapping_of_ones_own() -> None:
    mapping = RewardMapping(version="team-2", values={"party_parrot": 0.5})
    assert mapping(":party_parrot:") == 0.5
    assert mapping("👍") == 0.0


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
    assert emojis(rows, "ana") == ["👎"]
    assert opinion(["👍", "👎"], EMOJI) == -1.0
    assert opinion(["👎", "🦑"], EMOJI) == -1.0, "an emoji that says nothing takes nothing back"
    assert opinion([], EMOJI) == 0.0


def test_who_is_not_trusted_has_no_opinion_and_leaves_the_others_theirs() -> None:
    rows = [row("ana", "👎", -1.0), row("ben", "👍", 1.0)]
    assert verdict(rows, ("ana",), {"ana": 0.0}) == verdict(rows[1:], ("ana",), {})
    assert verdict(rows[:1], ("ana",), {"ana": 0.0}).reward is None


def test_only_the_person_answered_withdraws_what_they_did_next() -> None:
    thanks = msgspec.structs.replace(row("ana", "", 1.0), kind="thanks")
    taken_off = row("ana", "👍", -1.0, "remove")
    assert signs([thanks, row("ben", "👎", -1.0), row("ben", "👎", 1.0, "remove")], ("ana",)) == [thanks]
    assert signs([thanks, row("ana", "🦑", 0.0), row("ana", "🦑", 0.0, "remove")], ("ana",)) == [thanks]
    assert signs([thanks, row("ana", "👍", 1.0), taken_off], ("ana",)) == []
    assert signs([row("ana", "👍", 1.0), taken_off, thanks], ("ana",)) == [thanks]


def test_the_person_answered_counts_fully_and_bystanders_less_however_many() -> None:
    crowd = [row(f"b{number}", "👎", -1.0) for number in range(20)]
    alone = verdict([row("ana", "👍", 1.0), *crowd], ("ana",), {})
    assert (alone.reward, alone.weight) == (1.0, 1.0)
    others = verdict(crowd, ("ana",), {})
    assert (others.reward, others.weight) == (-1.0, 0.5)
    one = verdict(crowd[:1], ("ana",), {})
    assert (one.reward, one.weight) == (-1.0, 0.25)
    assert verdict(crowd[:1], ("ana",), {"b0": 0.0}).reward is None, "who is not trusted at all has no say"
    assert verdict([row("ana", "👍", 1.0), row("ana", "👍", -1.0, "remove")], ("ana",), {}).reward is None


def test_linked_identities_are_one_person() -> None:
    both = [row("slack:T:ana", "👍", 1.0), row("web::ana", "👍", 1.0)]
    assert verdict(both, ("slack:T:ana", "web::ana"), {}).reward == 1.0


def test_a_bots_own_table_goes_before_and_changes_the_version() -> None:
    own = EMOJI.changed({"🦑": -0.5}, {"slack": {"eyes": 0.25}})
    assert (own("🦑"), own("eyes"), own("eyes", "slack"), own("👍")) == (-0.5, 0.0, 0.25, 1.0)
    assert own.knows("eyes", "slack") and not own.knows("eyes", "discord")
    assert own.version != EMOJI.version
    assert own.version != EMOJI.changed({"🦑": -0.4}, {"slack": {"eyes": 0.25}}).version


def test_a_flood_and_a_rater_who_only_says_no_lose_weight() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    trust = Trust()
    for second in range(FLOOD + 1):
        trust.note("flood", 1.0, start + timedelta(seconds=second))
    assert trust.score("flood") == 0.0
    trust.note("flood", 1.0, start + timedelta(hours=1))
    assert trust.score("flood") == 1.0, "it passes"
    for hour in range(50):
        trust.note("grump", -1.0, start + timedelta(hours=hour))
        trust.note("happy", 1.0, start + timedelta(hours=hour))
        trust.note("fair", -1.0 if hour % 4 else 1.0, start + timedelta(hours=hour))
    assert trust.score("grump") == 0.2
    assert trust.score("happy") == trust.score("fair") == trust.score("new") == 1.0
    assert Trust(trust.tallies).score("grump") == 0.2
