"""What a bot may choose on a platform: some dimensions exist on some platforms only, and some values likewise.

The policy chooses among the values that are left, and its probabilities are those of that choice. So a value that a
platform lacks has the probability 0 there. What is learned belongs to the values, not to the platforms: a taste from
one platform holds on all others where the value is allowed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import cast

import msgspec

from llmagent_os.errors import WrongValuesError
from llmagent_os.policy.contract import Action, Dimensions
from llmagent_os.policy.dimensions import Declared, Wrong

#: The TOML key, as error texts name it.
KEY = "behavior.platforms"


class ChoiceLimits(msgspec.Struct, frozen=True):
    """What a bot may choose on each platform. Nothing named: everything."""

    #: by platform and dimension the values that are allowed; empty: the platform lacks the dimension
    platforms: dict[str, dict[str, tuple[str, ...]]] = {}
    only: dict[str, tuple[str, ...]] = {}  #: the platforms on which a dimension exists; not named: on all of them
    unlearned: tuple[str, ...] = ()  #: the dimensions that only a person's wish changes

    def dimensions_on(self, platform: str, dimensions: Dimensions) -> Dimensions:
        """Return the dimensions that exist on a platform, with the values that are allowed there.

        >>> limits = ChoiceLimits({"sms": {"tone": ("plain",)}}, only={"colour": ("web",)})
        >>> dimensions = {"tone": {"plain": "", "playful": "Joke."}, "colour": {"red": "", "blue": ""}}
        >>> limits.dimensions_on("sms", dimensions)
        {'tone': {'plain': ''}}
        """
        allowed = self.platforms.get(platform, {})
        found: dict[str, Mapping[str, str]] = {}
        for name, values in dimensions.items():
            if platform and platform not in self.only.get(name, (platform,)):
                continue
            left = {value: words for value, words in values.items() if value in allowed.get(name, values)}
            if left:
                found[name] = left
        return found

    def within(
        self, platform: str, dimensions: Dimensions, defaults: Action, wishes: Mapping[str, str]
    ) -> dict[str, tuple[str, ...]]:
        """Return the values among which the policy chooses, of the dimensions that have fewer of them than usual.

        Args:
            platform: where the person is answered; empty: not known, and nothing is limited by it.
            dimensions: all of the bot.
            defaults: a value of each dimension.
            wishes: the values that the person has asked for.
        """
        there, found = self.dimensions_on(platform, dimensions), dict[str, tuple[str, ...]]()
        for name, values in dimensions.items():
            left = tuple(there.get(name, (defaults[name],)))
            if name in self.unlearned and len(left) > 1:
                wish = wishes.get(name, "")
                left = (next(value for value in (wish, defaults[name], left[0]) if value in left),)
            if len(left) < len(values):
                found[name] = left
        return found

    def taught(self, platform: str, dimensions: Dimensions) -> tuple[str, ...]:
        """Return the dimensions of which something is learned from a reply on a platform."""
        return tuple(name for name in self.dimensions_on(platform, dimensions) if name not in self.unlearned)


def limits_of(found: Declared, table: object) -> ChoiceLimits:
    """Return the limits of a bot.

    Args:
        found: the bot's dimensions.
        table: ``[behavior.platforms]``: by platform and dimension a list of values, or ``false``.

    Raises:
        WrongValuesError: the table cannot be used. The texts name the keys and say what to write.

    >>> limits_of(Declared({"tone": {"plain": "", "playful": ""}}), {"telegram": {"tone": ["plain"]}}).platforms
    {'telegram': {'tone': ('plain',)}}
    """
    wrong: list[Wrong] = []
    platforms: dict[str, dict[str, tuple[str, ...]]] = {}
    if not isinstance(table, dict):
        text = f"`{KEY}` cannot be {table!r}: write a table for a platform, such as [{KEY}.telegram]"
        raise WrongValuesError([(("platforms",), text)])
    for platform, limits in cast("dict[str, object]", table).items():
        where = ("platforms", platform)
        if not isinstance(limits, dict):
            text = f"`{KEY}.{platform}` cannot be {limits!r}: write a table, such as [{KEY}.{platform}]"
            wrong.append((where, text))
            continue
        platforms[platform] = {}
        for name, values in cast("dict[str, object]", limits).items():
            mistakes = list(_wrong(found, (*where, name), platform, name, values))
            wrong += mistakes
            if not mistakes:
                platforms[platform][name] = () if values is False else tuple(cast("list[str]", values))
    if wrong:
        raise WrongValuesError(wrong)
    return ChoiceLimits(platforms, found.only, found.unlearned)


def _wrong(found: Declared, path: tuple[str, ...], platform: str, name: str, values: object) -> Iterator[Wrong]:
    where = f"`{KEY}.{platform}.{name}`"
    if name not in found.values:
        near = get_close_matches(name, found.values, 1, 0.6)
        hint = f"did you mean `{near[0]}`?" if near else f"there are: {', '.join(found.values)}"
        yield path, f"{where} is no dimension of this bot; {hint}"
        return
    there = list(found.values[name])
    if values is False:
        return
    if not isinstance(values, list) or not values:
        text = (
            f'{where} cannot be {values!r}: write a list of values, such as ["{there[0]}"], or false for none of them'
        )
        yield path, text
        return
    if platform not in found.only.get(name, (platform,)):
        text = f"{where}: the dimension exists only on {', '.join(found.only[name])}; take one of the two settings out"
        yield path, text
    for number, value in enumerate(cast("list[object]", values)):
        if value not in there:
            near = get_close_matches(str(value), there, 1, 0.6)
            hint = f"did you mean {near[0]!r}?" if near else f"write some of {', '.join(there)}"
            yield (*path, number), f"{where} cannot have {value!r}: {hint}"
        elif value in cast("list[object]", values)[:number]:
            yield (*path, number), f"{where} has {value!r} twice: take one of the two out"
