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
