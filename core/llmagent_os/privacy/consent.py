"""Consent: whether the bot may learn from a person, and whether it may remember what they say of themselves.

The first is asked at two places: ``Exchange.may_learn``, for whatever is answered, and ``Directory.may_teach``, for
reactions, which are not answered. The second is asked at one: ``reply.remembering.may_remember_in``. All other code
reads one of these.
"""

from __future__ import annotations

from collections.abc import Mapping

#: The preference that answers the question: ``off`` of a person who opted out. Whoever never said is learned from.
LEARNING = "learning"

#: The preference that says whether facts about the person are remembered: ``on`` or ``off``. For whoever never said,
#: the bot's owner has decided.
REMEMBERING = "memory"


def may_learn(preferences: Mapping[str, str]) -> bool:
    """Whether a person with these preferences may be learned from.

    Args:
        preferences: those of the person's profile, by name.

    >>> may_learn({}), may_learn({"learning": "off"})
    (True, False)
    """
    return preferences.get(LEARNING) != "off"


def may_remember(preferences: Mapping[str, str], default: bool) -> bool:
    """Whether facts that a person with these preferences states are remembered, and used in answers.

    Args:
        preferences: those of the person's profile, by name.
        default: what the bot's owner has set for people who never said.

    >>> may_remember({}, True), may_remember({"memory": "off"}, True), may_remember({"memory": "on"}, False)
    (True, False, True)
    """
    return preferences.get(REMEMBERING, "on" if default else "off") == "on"


def is_withdrawal(before: Mapping[str, str], after: Mapping[str, str]) -> bool:
    """Whether a change of preferences takes consent back.

    Args:
        before: the preferences that were.
        after: those that take their place.

    >>> is_withdrawal({}, {"learning": "off"}), is_withdrawal({"learning": "off"}, {"learning": "off"})
    (True, False)
    """
    return may_learn(before) and not may_learn(after)
