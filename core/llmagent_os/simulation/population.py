"""Makes up the people of a simulation: one part of their tastes is common to all, the other differs."""

from __future__ import annotations

import random
from collections.abc import Mapping

from llmagent_os.errors import ConfigError
from llmagent_os.policy import Action
from llmagent_os.policy.contract import NO_STYLES, Dimensions
from llmagent_os.simulation.simulated_person import Habits, SimulatedPerson
from llmagent_os.simulation.simulation_options import SimulationOptions
from llmagent_os.simulation.style_recognition import StyleRecognition

#: A value is a taste that the model can express if so many of its replies in it are recognised. The people themselves
#: learn the styles from twice as many replies, and so see them better.
LEAST_RECOGNISED = 0.7
#: How many accounts the hostile votes come from.
HOSTILE_ACCOUNTS = 5


def expressible(dimensions: Dimensions, recognised: Mapping[tuple[str, str], float]) -> dict[str, list[str]]:
    """By dimension, the values that the model can be brought to so that they show, in the order of the bot.

    Args:
        dimensions: of the bot.
        recognised: by dimension and value, the share of replies in that value that are recognised.
    """
    found = {
        name: [value for value in values if recognised.get((name, value), 0.0) >= LEAST_RECOGNISED]
        for name, values in dimensions.items()
        if name not in NO_STYLES
    }
    return {name: values for name, values in found.items() if len(values) > 1}


def tastes_of(values: Mapping[str, list[str]], defaults: Action, count: int) -> list[Action]:
    """Give each person a taste: all like another value of the first dimension than the bot's own, and differ elsewhere.

    Where there is one dimension only, all like the same. Values other than the bot's own come first.

    Raises:
        ConfigError: there is no dimension with values that show.

    >>> tastes_of({"mode": ["dry", "warm"], "length": ["long", "short"]}, {"mode": "dry", "length": "long"}, 2)
    [{'mode': 'warm', 'length': 'short'}, {'mode': 'warm', 'length': 'long'}]
    """
    if not values:
        raise ConfigError("the model answers alike in every style of the bot: there is no taste that it can express")
    common, *others = values
    first = {common: _others_first(values[common], defaults.get(common, ""))[0]}
    return [
        first
        | {
            name: ordered[(number // 2**place) % len(ordered)]
            for place, name in enumerate(others)
            for ordered in [_others_first(values[name], defaults.get(name, ""))]
        }
        for number in range(count)
    ]


def make_people(
    tastes: list[Action], values: Mapping[str, list[str]], recognition: StyleRecognition, options: SimulationOptions
) -> list[SimulatedPerson]:
    """Make the people who are measured.

    Args:
        tastes: of each.
        values: by dimension, what a taste may turn to.
        recognition: how all of them see styles.
        options: how they react.
    """
    rng = random.Random(f"{options.seed} population")
    turning = set(rng.sample(range(options.people), round(options.drift * options.people)))
    return [
        SimulatedPerson(
            f"person-{number}",
            taste,
            recognition,
            Habits(options.silent, options.flipped),
            later_taste=_turned(taste, values) if number in turning else None,
            turns_at=options.reactions // 2,
            seed=options.seed,
        )
        for number, taste in enumerate(tastes)
    ]


def make_hostile(
    people: list[SimulatedPerson], recognition: StyleRecognition, options: SimulationOptions
) -> list[SimulatedPerson]:
    """Make accounts that vote for the opposite of what the others have in common."""
    first = people[0].taste
    common = {name: value for name, value in first.items() if all(each.taste.get(name) == value for each in people)}
    return [
        SimulatedPerson(f"hostile-{number}", common or first, recognition, Habits(0.0), hostile=True, seed=options.seed)
        for number in range(min(HOSTILE_ACCOUNTS, options.hostile))
    ]


def _others_first(values: list[str], default: str) -> list[str]:
    return sorted(values, key=lambda value: value == default)


def _turned(taste: Action, values: Mapping[str, list[str]]) -> Action:
    """Another value of the last dimension."""
    name = list(taste)[-1]
    choice = values[name]
    return taste | {name: choice[(choice.index(taste[name]) + 1) % len(choice)]}
