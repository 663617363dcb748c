"""Consent: the one question whether the bot may learn from a person.

It is asked at two places: ``Exchange.may_learn``, for whatever is answered, and ``Directory.may_teach``, for reactions,
which are not answered. All other code reads one of these.
"""

from __future__ import annotations

from collections.abc import Mapping

#: The preference that answers the question: ``off`` of a person who opted out. Whoever never said is learned from.
LEARNING = "learning"


def may_learn(preferences: Mapping[str, str]) -> bool:
    """Whether a person with these preferences may be learned from.

    Args:
        preferences: those of the person's profile, by name.

    >>> may_learn({}), may_learn({"learning": "off"})
    (True, False)
    """
    return preferences.get(LEARNING) != "off"


def is_withdrawal(before: Mapping[str, str], after: Mapping[str, str]) -> bool:
    """Whether a change of preferences takes consent back.

    Args:
        before: the preferences that were.
        after: those that take their place.

    >>> is_withdrawal({}, {"learning": "off"}), is_withdrawal({"learning": "off"}, {"learning": "off"})
    (True, False)
    """
    return may_learn(before) and not may_learn(after)
