"""Finds the parts of a message that say when."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class MentionKind(StrEnum):
    """What a mention says."""

    DATE = "date"
    TIME = "time"
    DURATION = "duration"
    RECURRENCE = "recurrence"
    LEAD = "lead"  #: "10 minutes before"


class TimeMention(msgspec.Struct, frozen=True):
    """One part of a text that says when."""

    kind: MentionKind
    start: int
    end: int
    text: str  #: ``text[start:end]``


def time_mentions(text: str, *, month_first: bool = True) -> tuple[TimeMention, ...]:
    """The parts of a message that say when, in the order of the text."""
    del text, month_first
    return ()
