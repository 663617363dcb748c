"""What breaks without this: a thumbs-down teaches the bot to go on, or a reaction taken back still counts."""

from __future__ import annotations

import pytest

from llmagent_os.ledger import RewardEvent
from llmagent_os.rewards import EMOJI, RewardMapping, plain, standing


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


def test_what_stands_is_this_persons_and_this_emojis() -> None:
    def row(rater: str, emoji: str, value: float) -> RewardEvent:
        return RewardEvent(
            reward_id=f"{rater}{emoji}{value}",
            event_id="1",
            interaction_id="i",
            rater_id=rater,
            user_id="u",
            op="add",
            raw_value=emoji,
            reward=value,
            mapping_version="v",
        )

    rows = [row("ana", "👍", 1.0), row("ben", "👎", -1.0), row("ana", "👍", -1.0)]
    assert standing(rows, "ana", "👍") == 0.0
    assert standing(rows, "ben", "👎") == -1.0
