"""The versioned table that says what an emoji is worth as a reward.

>>> EMOJI("👍🏽"), EMOJI(":thumbsup::skin-tone-4:"), EMOJI("-1"), EMOJI("🦑"), EMOJI("pressed:👎")
(1.0, 1.0, -1.0, 0.0, -1.0)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from types import MappingProxyType

import msgspec

from llmagent_os.events import PRESSED

_POSITIVE = (
    "👍 ❤ 🎉 🔥 👏 🙏 💯 😍 🥰 😊 🙂 😀 😃 😄 😁 🤩 😎 🙌 💪 ✅ ⭐ 🌟 💖 💙 💚 💛 🧡 💜 🖤 🤍 🤎 👌 🚀 🏆 "
    "+1 thumbsup heart tada fire clap pray 100 heart_eyes smile slightly_smiling_face blush grinning raised_hands "
    "muscle white_check_mark star star2 sparkling_heart ok_hand rocket trophy yes"
)
_NEGATIVE = (
    "👎 😠 😡 🤬 😞 😒 🙁 ☹ 😢 😭 💩 🤮 🤢 ❌ 💔 😤 🙄 🤦 "
    "-1 thumbsdown angry rage disappointed unamused slightly_frowning_face frowning cry sob poop hankey face_vomiting "
    "nauseated_face x broken_heart face_with_rolling_eyes facepalm face_palm no"
)

#: The parts of an emoji that change only its look: skin tones, variation selectors, a joined gender sign.
_LOOKS = re.compile("[\U0001f3fb-\U0001f3ff\ufe0e\ufe0f]|\u200d[\u2640\u2642]")
_TONE_NAME = re.compile(r":?:skin-tone-\d:?$|_(?:light|medium_light|medium|medium_dark|dark)_skin_tone$|_tone\d$")


def plain(emoji: str) -> str:
    """Return ``emoji`` without skin tone, gender and presentation; a name without its colons, in lower case.

    Understands a character, the names that Slack and Discord use (``:+1::skin-tone-2:``), Discord's custom emoji
    (``<:party:123>``, ``party:123``), and the thumbs of feedback buttons (``pressed:👍``).

    >>> plain("👍🏿"), plain("❤️"), plain("+1::skin-tone-2"), plain("<a:Party:123>"), plain("🤦🏽‍♀️")
    ('👍', '❤', '+1', 'party', '🤦')
    """
    bare = _LOOKS.sub("", emoji.strip().removeprefix(PRESSED))
    custom = re.fullmatch(r"<?(?:a?:)?([A-Za-z0-9_~]+):\d+>?", bare)
    if custom:
        return custom[1].lower()
    return _TONE_NAME.sub("", bare.lower()).strip(":")


class RewardMapping(msgspec.Struct, frozen=True):
    """Maps an emoji to a reward in [-1, 1]. The ledger keeps the version of the mapping with every reward it gave."""

    version: str  #: changes whenever the table does
    values: Mapping[str, float]  #: rewards by :func:`plain` emoji; an emoji that is not in the table is worth 0
    #: The same for single platforms, by the platform's name. A platform's table comes before :attr:`values`.
    platforms: Mapping[str, Mapping[str, float]] = MappingProxyType({})

    def __call__(self, emoji: str, platform: str = "") -> float:
        """Return the reward of ``emoji``, written as the platform writes it."""
        bare = plain(emoji)
        return self.platforms.get(platform, {}).get(bare, self.values.get(bare, 0.0))

    def knows(self, emoji: str, platform: str = "") -> bool:
        """Return whether the table says what ``emoji`` is worth."""
        bare = plain(emoji)
        return bare in self.values or bare in self.platforms.get(platform, {})

    def changed(self, values: Mapping[str, float], platforms: Mapping[str, Mapping[str, float]]) -> RewardMapping:
        """Return the table with a bot's own entries, under a version that names these entries.

        >>> EMOJI.changed({"👍": 0.5}, {"slack": {":party_parrot:": 1.0}})("party_parrot", "slack")
        1.0
        """
        if not values and not platforms:
            return self
        own = {plain(emoji): value for emoji, value in values.items()}
        tables = {name: {plain(emoji): value for emoji, value in table.items()} for name, table in platforms.items()}
        entries = repr((sorted(own.items()), sorted((name, sorted(table.items())) for name, table in tables.items())))
        version = f"{self.version}+{sha256(entries.encode()).hexdigest()[:8]}"
        return RewardMapping(version=version, values={**self.values, **own}, platforms=tables)


#: The default table, used by a bot that declares no entries of its own.
EMOJI = RewardMapping(
    version="emoji-1",
    values=MappingProxyType({**dict.fromkeys(_POSITIVE.split(), 1.0), **dict.fromkeys(_NEGATIVE.split(), -1.0)}),
)
