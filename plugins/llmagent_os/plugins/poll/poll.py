"""A poll, a vote, and how the votes are counted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from msgspec.structs import replace


class Poll(msgspec.Struct, frozen=True, kw_only=True):
    """A question with its options. It is kept by whoever made it."""

    poll_id: str  #: cannot be guessed
    question: str
    options: tuple[str, ...]
    is_named: bool = False  #: the names of voters are shown
    is_several: bool = False  #: a person may choose several options
    until: datetime | None = None  #: when it closes by itself, in UTC
    zone: str = "UTC"  #: IANA time zone of whoever made it
    is_closed: bool = False
    room: str  #: the key of its conversation
    made: datetime
    made_by: str  #: the ``call_id`` that made it: after a crash the same call makes no second one

    def is_over(self, now: datetime) -> bool:
        """Whether nobody can vote any more."""
        return self.is_closed or (self.until is not None and self.until <= now)


class Vote(msgspec.Struct, frozen=True, kw_only=True):
    """What one person chose. It is kept by that person."""

    choices: tuple[int, ...] = ()  #: places of options, from 0; empty: the vote was withdrawn
    name: str = ""  #: of the voter, where the poll is named
    at: datetime  #: of the last change
    last_press: str = ""  #: the ``call_id`` that changed it last: run again after a crash, it changes nothing

    def pressed(self, choice: int, poll: Poll, name: str, press: str, now: datetime) -> Vote:
        """The vote after a press of an option: chosen, changed, or withdrawn if it was chosen before."""
        if press == self.last_press:
            return self
        if choice in self.choices:
            choices = tuple(each for each in self.choices if each != choice)
        else:
            choices = (*self.choices, choice) if poll.is_several else (choice,)
        return replace(self, choices=choices, name=name if poll.is_named else "", at=now, last_press=press)


class OptionCount(msgspec.Struct, frozen=True):
    """One option and its votes."""

    option: str
    count: int
    names: tuple[str, ...] = ()  #: of the voters, where the poll is named


def counted(poll: Poll, votes: Sequence[Vote]) -> list[OptionCount]:
    """Count the votes, in the order of the options."""
    found: list[OptionCount] = []
    for place, option in enumerate(poll.options):
        of_it = [vote for vote in votes if place in vote.choices]
        names = tuple(sorted(vote.name for vote in of_it if vote.name)) if poll.is_named else ()
        found.append(OptionCount(option, len(of_it), names))
    return found
