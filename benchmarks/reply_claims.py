"""Says whether a reply claims what did not happen: what it says is compared with how the calendar changed.

What a sentence claims is read by its verbs. So an unusual wording may go unnoticed, and the dialogues name what must
not be said beside it. A question, and what is said not to have happened, claim nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class Event(Protocol):
    """What is compared of an event."""

    @property
    def event_id(self) -> str:
        """Stays the same when the event is changed."""
        ...

    @property
    def title(self) -> str:
        """What it is."""
        ...


@dataclass(frozen=True)
class Changes:
    """How a calendar changed by one reply: numbers of events."""

    added: int = 0
    changed: int = 0
    deleted: int = 0

    @classmethod
    def between(cls, before: Sequence[Event], after: Sequence[Event]) -> Changes:
        """Compare a calendar before and after."""
        old, new = {each.event_id: each for each in before}, {each.event_id: each for each in after}
        added, deleted = len(new.keys() - old.keys()), len(old.keys() - new.keys())
        changed = sum(old[key] != new[key] for key in old.keys() & new.keys())
        return cls(added, changed, deleted)


_SENTENCE = re.compile(r"[^.!?\n]+[.!?\n]?")
_UNDONE = re.compile(
    r"\b(?:not|no|nothing|never|n't|cannot|can't|couldn't|didn't|don't|haven't|unchanged|unless|if|was already|"
    r"would|could|should|shall|before|sorry)\b|n't",
    re.IGNORECASE,
)
_ADDED = re.compile(
    r"\b(?:i(?:'ve| have)? (?:added|put|scheduled|booked|noted|saved|set|created)|it's in|is in your calendar now|"
    r"i(?:'ll| will) remind you|i've noted|noted a reminder|done! it's in|you'll be reminded|all set)\b",
    re.IGNORECASE,
)
_CHANGED = re.compile(
    r"\b(?:i(?:'ve| have)? (?:changed|moved|updated|renamed|pushed|rescheduled|shifted)|now it's|^now:|it's now|"
    r"is now)\b",
    re.IGNORECASE,
)
_DELETED = re.compile(
    r"\b(?:i(?:'ve| have)? (?:deleted|removed|cancelled|canceled|taken|cleared|dropped)|it's gone|is gone|gone:)",
    re.IGNORECASE,
)


def false_claims(text: str, changes: Changes) -> list[str]:
    """Give the sentences of a reply that claim what did not happen.

    >>> false_claims("I've added lunch for tomorrow.", Changes(added=1))
    []
    >>> false_claims("I'll remind you: take the pizza out. It's gone.", Changes(deleted=1))
    ["I'll remind you: take the pizza out."]
    >>> false_claims("Shall I add lunch? I've not deleted anything.", Changes())
    []
    """
    found: list[str] = []
    for sentence in (each.group().strip() for each in _SENTENCE.finditer(text.replace("’", "'"))):
        if sentence.endswith("?") or _UNDONE.search(sentence):
            continue
        claimed = [
            (_ADDED, changes.added or changes.changed),  # putting back, and giving a date, are changes
            (_CHANGED, changes.changed or changes.added),
            (_DELETED, changes.deleted or changes.changed),  # one day of a repetition is taken out by a change
        ]
        if any(pattern.search(sentence) and not happened for pattern, happened in claimed):
            found.append(sentence)
    return found
