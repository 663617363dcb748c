"""Consent: what a person allows the bot to do with what it hears from them. The one place that decides it.

There are three switches, and each is a preference in the person's profile, ``on`` or ``off``:

=============  ======================================================================================================
``remember``   keep facts that the person states, such as their name, their place, and how they like to be answered
``learning``   learn from their reactions, and from how they take replies, how to answer them
``training``   use their conversations to train models
=============  ======================================================================================================

Who has set a switch is not asked again. For everybody else the bot's owner decides (``[consent]`` in the bot's TOML
file, where training is off). What is learned from nobody is also trained on nobody: ``training`` needs ``learning``.

:func:`consent_of` is asked at two places: ``Exchange.consent``, for whatever is answered, and ``Directory``, for
reactions and trainings. All other code reads one of these. Profiles record each change of a switch, with its moment
(:class:`ConsentChange`), whatever has made it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

#: The preferences that are switches.
REMEMBER, LEARNING, TRAINING = SWITCHES = ("remember", "learning", "training")


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """What is allowed: by a person, or by an owner for people who have not said."""

    remember: bool = True
    learning: bool = True
    training: bool = True  #: also of the owner who writes a plain script; a bot's TOML file has it off


class ConsentChange(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the record that a profile keeps."""

    switch: str  #: one of :data:`SWITCHES`; ``asked``: the person was asked
    value: str  #: ``on`` or ``off``; empty: as the owner decides; of ``asked``: what the owner had decided by then
    at: datetime  #: UTC


def consent_of(preferences: Mapping[str, str], defaults: Consent) -> Consent:
    """What a person with these preferences allows.

    Args:
        preferences: those of the person's profile, by name.
        defaults: what the owner decides for whoever has not said.

    >>> consent_of({"training": "on", "learning": "off"}, Consent())
    Consent(remember=True, learning=False, training=False)
    """

    def switch(name: str, default: bool) -> bool:
        return {"on": True, "off": False}.get(preferences.get(name, ""), default)

    learning = switch(LEARNING, defaults.learning)
    return Consent(
        remember=switch(REMEMBER, defaults.remember),
        learning=learning,
        training=learning and switch(TRAINING, defaults.training),
    )


def is_withdrawal(before: Mapping[str, str], after: Mapping[str, str], defaults: Consent) -> bool:
    """Whether a change of preferences takes back that the person may be trained on.

    >>> is_withdrawal({}, {"learning": "off"}, Consent())
    True
    >>> is_withdrawal({}, {"learning": "off"}, Consent(training=False))
    False
    """
    return consent_of(before, defaults).training and not consent_of(after, defaults).training


def changes_between(before: Mapping[str, str], after: Mapping[str, str], at: datetime) -> list[ConsentChange]:
    """The entries of the record for a change of preferences.

    Args:
        before: the preferences that were.
        after: those that take their place.
        at: when.
    """
    return [
        ConsentChange(switch=name, value=after.get(name, ""), at=at)
        for name in SWITCHES
        if before.get(name) != after.get(name)
    ]
