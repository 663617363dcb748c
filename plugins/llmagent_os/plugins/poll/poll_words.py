"""Reads what a person wrote to make a poll.

>>> from zoneinfo import ZoneInfo
>>> now = datetime(2026, 12, 1, 8, 0, tzinfo=ZoneInfo("Europe/Berlin"))
>>> read_poll("(named, until friday 5pm) Lunch where? | Soup | Salad", now).options
('Soup', 'Salad')
"""

from __future__ import annotations

import re
from datetime import datetime

import msgspec

from llmagent_os.plugins.kit.said_moment import read_moment

_RULES = re.compile(r"^\((?P<rules>[^()]*)\)\s*(?P<rest>.*)$", re.S)
_NAMED = frozenset(("named", "names", "public"))
_SEVERAL = frozenset(("several", "multiple", "several choices"))
_PLAIN = frozenset(("anonymous", "secret", "one choice", ""))


class PollWords(msgspec.Struct, frozen=True, kw_only=True):
    """What the words say about a poll."""

    question: str = ""
    options: tuple[str, ...] = ()  #: each once, in order
    is_named: bool = False
    is_several: bool = False
    until: datetime | None = None  #: on the person's wall clock
    unknown: str = ""  #: a rule in parentheses that nobody knows


def read_poll(text: str, now: datetime) -> PollWords:
    """Read "(named, several, until friday 5pm) Question? | A | B".

    Args:
        text: of the person. Rules in parentheses and options may be missing.
        now: the present moment, aware, in the person's zone.

    Raises:
        TimeExpressionError: the rules name a time that is over, or that cannot be.
    """
    found = _RULES.match(text.strip())
    rules = [] if found is None else [each.strip().lower() for each in found["rules"].split(",")]
    parts = [" ".join(each.split()) for each in (text if found is None else found["rest"]).split("|")]
    question, *options = [each for each in parts if each] or [""]
    until, unknown = None, ""
    for rule in rules:
        if rule.startswith("until "):
            said = read_moment(rule.removeprefix("until "), now)
            until, unknown = said.wall, unknown if said.wall is not None and not said.rule else rule
        elif rule not in _NAMED | _SEVERAL | _PLAIN:
            unknown = rule
    return PollWords(
        question=question,
        options=tuple(dict.fromkeys(options)),
        is_named=bool(_NAMED & {*rules}),
        is_several=bool(_SEVERAL & {*rules}),
        until=until,
        unknown=unknown,
    )
