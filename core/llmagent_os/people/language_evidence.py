"""Weighs the messages of a person to say which language the person writes.

Each plain message gives its language one or two points, up to :data:`MOST_POINTS`, and takes as many from the others.
So a message in another language, or a quotation, changes nothing for a person who is known to write this one, and
whoever goes over to another language is followed after a few messages.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from llmagent_os.languages.identification import WrittenIn

#: Points by language.
Evidence = Mapping[str, int]

#: The most points that a language has.
MOST_POINTS = 6

#: The fewest points that say that a person writes a language: one long message, or two short ones.
ENOUGH_POINTS = 2


def weighed(evidence: Evidence, written: WrittenIn) -> dict[str, int]:
    """The evidence after one more message.

    >>> weighed({"en": 6}, WrittenIn("de", 2)), weighed({"de": 1}, WrittenIn("de", 2))
    ({'en': 4, 'de': 2}, {'de': 3})
    """
    lost = {language: points - written.points for language, points in evidence.items()}
    won = min(MOST_POINTS, evidence.get(written.language, 0) + written.points)
    return {language: points for language, points in (lost | {written.language: won}).items() if points > 0}


def noticed(evidence: Evidence, among: Collection[str], present: str | None = None) -> str | None:
    """The language that a person writes. None: nobody knows yet.

    Args:
        evidence: that the person's messages gave.
        among: the languages that may be the answer.
        present: what was noticed before. It stays until another one has more points.

    >>> noticed({"de": 4, "en": 2}, ("en", "de")), noticed({"de": 1}, ("en", "de"))
    ('de', None)
    >>> noticed({"de": 3, "en": 3}, ("en", "de"), "de"), noticed({"fr": 6}, ("en", "de"))
    ('de', None)
    """
    enough = {each: points for each, points in evidence.items() if each in among and points >= ENOUGH_POINTS}
    if not enough:
        return present if present in among else None
    best = max(enough.values())
    return present if present is not None and enough.get(present) == best else max(enough, key=enough.__getitem__)
