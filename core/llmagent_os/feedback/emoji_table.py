"""What people's reactions are worth: a versioned table from emoji to reward, and one opinion a rater.

>>> EMOJI("👍🏽"), EMOJI(":thumbsup::skin-tone-4:"), EMOJI("-1"), EMOJI("🦑")
(1.0, 1.0, -1.0, 0.0)
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from hashlib import sha256
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
    platforms: Mapping[str, Mapping[str, float]] = MappingProxyType({})  #: the same for one platform; goes before

    def __call__(self, emoji: str, platform: str = "") -> float:
        """The reward of ``emoji`` as the platform wrote it."""
        bare = plain(emoji)
        return self.platforms.get(platform, {}).get(bare, self.values.get(bare, 0.0))

    def knows(self, emoji: str, platform: str = "") -> bool:
        """Whether the table says what ``emoji`` is worth."""
        bare = plain(emoji)
        return bare in self.values or bare in self.platforms.get(platform, {})

    def changed(self, values: Mapping[str, float], platforms: Mapping[str, Mapping[str, float]]) -> RewardMapping:
        """The table with a bot's own entries, and a version that names them.

        >>> EMOJI.changed({"👍": 0.5}, {"slack": {":party_parrot:": 1.0}})("party_parrot", "slack")
        1.0
        """
        if not values and not platforms:
            return self
        own = {plain(emoji): value for emoji, value in values.items()}
        each = {name: {plain(emoji): value for emoji, value in table.items()} for name, table in platforms.items()}
        said = repr((sorted(own.items()), sorted((name, sorted(table.items())) for name, table in each.items())))
        version = f"{self.version}+{sha256(said.encode()).hexdigest()[:8]}"
        return RewardMapping(version=version, values={**self.values, **own}, platforms=each)


#: The mapping that is used where none is given.
EMOJI = RewardMapping(
    version="emoji-1",
    values=MappingProxyType({**dict.fromkeys(_GOOD.split(), 1.0), **dict.fromkeys(_BAD.split(), -1.0)}),
)


def emojis(rewards: Iterable[RewardEvent], rater_id: str) -> list[str]:
    """One person's emoji on a reply as they stand, in the order in which they were put on.

    Args:
        rewards: the rows of one interaction.
        rater_id: who reacted.
    """
    there: dict[str, None] = {}
    for row in rewards:
        if row.kind == "reaction" and row.rater_id == rater_id:
            there.pop(row.raw_value, None)
            if row.op == "add":
                there[row.raw_value] = None
    return list(there)


def opinion(emojis: Sequence[str], mapping: RewardMapping, platform: str = "") -> float:
    """What somebody thinks who put these on a reply: what the last that says anything says, for minds change."""
    worths = [mapping(emoji, platform) for emoji in emojis]
    return next((worth for worth in reversed(worths) if worth), 0.0)


#: What a sign that is no emoji is worth to learners that add up; the default learner finds out what each means.
IMPLICIT: Mapping[str, float] = MappingProxyType(
    {"reask": -0.5, "correction": -1.0, "edited": -0.5, "thanks": 1.0, "went_on": 0.0, "tool_failed": -0.5}
)

#: How much a bystander's opinion counts beside that of the person answered, and all of them at most.
BYSTANDER, BYSTANDERS = 0.25, 0.5


class Verdict(msgspec.Struct, frozen=True):
    """What the reactions on one reply come to."""

    reward: float | None  #: in [-1, 1]; None: nobody has an opinion
    weight: float  #: in [0, 1]


def verdict(rewards: Iterable[RewardEvent], own: Collection[str], trust: Mapping[str, float]) -> Verdict:
    """One opinion of many: that of the person answered, where they have one; else the bystanders' mean.

    However many they are, bystanders count at most half of what the person's own opinion would, and each of them at
    most a quarter. Who is not trusted counts less, and who is not at all has no opinion.

    Args:
        rewards: the rows of one interaction.
        own: the identities of the person answered.
        trust: by rater, in [0, 1]; 1 where it says nothing.
    """
    stands: dict[str, float] = {}
    for row in rewards:
        if row.kind == "reaction":
            stands[row.rater_id] = stands.get(row.rater_id, 0.0) + row.reward
    opinions = {
        rater: max(-1.0, min(1.0, value))
        for rater, value in stands.items()
        if abs(value) > 1e-9 and trust.get(rater, 1.0) > 0
    }
    mine = [rater for rater in opinions if rater in own]
    if mine:
        total = math.fsum(opinions[rater] for rater in mine)
        weight = max(trust.get(rater, 1.0) for rater in mine)
        return Verdict(max(-1.0, min(1.0, total)), weight)
    weights = {rater: BYSTANDER * trust.get(rater, 1.0) for rater in opinions}
    whole = math.fsum(weights.values())
    if not weights:
        return Verdict(None, 0.0)
    mean = math.fsum(weights[rater] * value for rater, value in opinions.items()) / whole
    return Verdict(mean, min(whole, BYSTANDERS))


def signs(rewards: Iterable[RewardEvent], own: Collection[str]) -> list[RewardEvent]:
    """The rows that are no reactions and still stand: whoever takes their reaction off withdraws what came before.

    Args:
        rewards: the rows of one interaction, in the order in which they came.
        own: the identities of the person answered.
    """
    found: list[RewardEvent] = []
    mine = 0.0
    for row in rewards:
        if row.kind != "reaction":
            found.append(row)
        elif row.rater_id in own:
            mine += row.reward
            if row.op == "remove" and row.reward and abs(mine) < 1e-9:
                found.clear()
    return found
