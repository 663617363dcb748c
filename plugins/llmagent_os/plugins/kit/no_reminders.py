"""Knows words that want no reminders at all: "never remind me again"."""

from __future__ import annotations

import re

_NONE = re.compile(
    r"(?:(?:please|ok(?:ay)?|no|just)[, ]+)*"
    r"(?:(?:(?:never|don'?t(?: ever)?|do not(?: ever)?) (?:remind|notify|nag|alert|ping)"
    r"|(?:stop|quit) (?:reminding|notifying|nagging|alerting|pinging)) (?:me|us)"
    r"(?: (?:again|ever|ever again|any ?more|at all|(?:about|of) (?:anything|everything)))*"
    r"|(?:no more|stop (?:all|the|all the|all my|my)) (?:reminders|alarms|notifications)"
    r"|(?:(?:i )?(?:don'?t|do not) want|i want no)(?: any)?(?: more)? (?:reminders|notifications)(?: any ?more)?)"
    r"(?:,? please)?[\s.!]*",
    re.IGNORECASE,
)


def wants_no_reminders(text: str) -> bool:
    """Return whether a message wants no reminders, and names none.

    >>> wants_no_reminders("Never remind me again!"), wants_no_reminders("don't remind me of the dentist")
    (True, False)
    """
    return _NONE.fullmatch(text.strip().replace("\u2019", "'")) is not None
