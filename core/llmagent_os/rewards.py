"""What a reaction is worth: a small, versioned table from emoji to reward.

>>> EMOJI("👍🏽"), EMOJI(":thumbsup::skin-tone-4:"), EMOJI("-1"), EMOJI("🦑")
(1.0, 1.0, -1.0, 0.0)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

import msgspec

from llmagent_os.ledger.values import RewardEvent

_GOOD = (
    "👍 ❤ 🎉 🔥 👏 🙏 💯 😍 🥰 😊 🙂 😀 😃 😄 😁 🤩 😎 🙌 💪 ✅ ⭐ 🌟 💖 💙 💚 💛 🧡 💜 🖤 🤍 🤎 👌 🚀 🏆 "
    "+1 thumbsup heart tada fire clap pray 100 heart_eyes smile slightly_smiling_face blush grinning raised_hands "
    "muscle white_check_mark star star2 sparkling_heart ok_hand rocket trophy yes"
)
_BAD = (
    "👎 😠 😡 🤬 😞 😒 🙁 ☹ 😢 😭 💩 🤮 🤢 ❌ 💔 😤 🙄 🤦 "
    "-1 thumbsdown angry rage disappointed unamused slightly_frowning_face frowning cry sob poop hankey face_vomiting "
    "nauseated_face x broken_heart face_with_rolling_eyes facepalm face_palm no"
)

#: What changes an emoji's look and not what it says: skin tones, the variation selectors, a joined gender sign.
_LOOKS = re.compile("[\U0001f3fb-\U0001f3ff\ufe0e\ufe0f]|\u200d[\u2640\u2642]")
_TONE = re.compile(r":?:skin-tone-\d:?$|_(?:light|medium_light|medium|medium_dark|dark)_skin_tone$|_tone\d$")


def plain(emoji: str) -> str:
    """``emoji`` without skin tone, gender and presentation; a name without its colons, in lower case.

    Understands a character, Slack's and Discord's names (``:+1::skin-tone-2:``), and Discord's own emoji
    (``<:party:123>``, ``party:123``).

    >>> plain("👍🏿"), plain("❤️"), plain("+1::skin-tone-2"), plain("<a:Party:123>"), plain("🤦🏽‍♀️")
    ('👍', '❤', '+1', 'party', '🤦')
    """
    bare = _LOOKS.sub("", emoji.strip())
    custom = re.fullmatch(r"<?(?:a?:)?([A-Za-z0-9_~]+):\d+>?", bare)
    if custom:
        return custom[1].lower()
    return _TONE.sub("", bare.lower()).strip(":")


class RewardMapping(msgspec.Struct, frozen=True):
    """From an emoji to a reward in [-1, 1]. Its version is written beside every reward it gave."""

    version: str  #: changes whenever the table does
    values: Mapping[str, float]  #: by :func:`plain` emoji; what is not there is worth nothing

    def __call__(self, emoji: str) -> float:
        """The reward of ``emoji`` as the platform wrote it."""
        return self.values.get(plain(emoji), 0.0)


#: The mapping that is used where none is given.
EMOJI = RewardMapping(
    version="emoji-1",
    values=MappingProxyType({**dict.fromkeys(_GOOD.split(), 1.0), **dict.fromkeys(_BAD.split(), -1.0)}),
)


def standing(rewards: Iterable[RewardEvent], rater_id: str, raw_value: str) -> float:
    """What one person's one emoji on a reply is worth at present: 0 where it was taken off again.

    Args:
        rewards: the rows of one interaction.
        rater_id: who reacted.
        raw_value: the emoji, as the platform wrote it.
    """
    return sum(row.reward for row in rewards if row.rater_id == rater_id and row.raw_value == raw_value)
