"""What breaks without this: a thumbs-down teaches the bot to go on, or an emoji that people use is not understood."""

from __future__ import annotations

import pytest

from llmagent_os.feedback.emoji_table import EMOJI, RewardMapping, plain


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


def test_a_bots_own_table_goes_before_and_changes_the_version() -> None:
    own = EMOJI.changed({"🦑": -0.5}, {"slack": {"eyes": 0.25}})
    assert (own("🦑"), own("eyes"), own("eyes", "slack"), own("👍")) == (-0.5, 0.0, 0.25, 1.0)
    assert own.knows("eyes", "slack") and not own.knows("eyes", "discord")
    assert own.version != EMOJI.version
    assert own.version != EMOJI.changed({"🦑": -0.4}, {"slack": {"eyes": 0.25}}).version
