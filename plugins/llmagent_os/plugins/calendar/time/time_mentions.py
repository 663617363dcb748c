"""Finds the parts of a message that say when.

The parsers of this package decide: a part is a mention if it is as long as possible and one of them understands it, or
knows that it cannot be. What only looks like a time, such as the number of a room, is left out by
:mod:`~llmagent_os.plugins.calendar.time.mention_rules`.

>>> [(each.kind.value, each.text) for each in time_mentions("lunch in room 4 with Bo on friday at noon, every 2 weeks")]
[('date', 'on friday'), ('time', 'at noon'), ('recurrence', 'every 2 weeks')]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from enum import StrEnum

import msgspec

from llmagent_os.plugins.calendar.time.date_parsing import parse_dates
from llmagent_os.plugins.calendar.time.duration_parsing import parse_duration
from llmagent_os.plugins.calendar.time.lead_parsing import parse_lead
from llmagent_os.plugins.calendar.time.mention_rules import Candidate, is_mention
from llmagent_os.plugins.calendar.time.mention_tokens import Token, tokens_of
from llmagent_os.plugins.calendar.time.recurrence import parse_recurrence
from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError
from llmagent_os.plugins.calendar.time.time_parsing import parse_time

MAX_TOKENS = 16  #: of one mention
#: Whether words are a time does not depend on the day. This one is no special day.
_ANY_DAY = datetime(2026, 6, 10, 12, 0)


class MentionKind(StrEnum):
    """What a mention says."""

    DATE = "date"  #: a day, several days, a span of days
    TIME = "time"  #: a time of day, a part of the day, or an exact delay ("in 20 minutes")
    DURATION = "duration"
    RECURRENCE = "recurrence"  #: how often, with its limits
    LEAD = "lead"  #: how long before something: "10 minutes before"


class TimeMention(msgspec.Struct, frozen=True):
    """A part of a message that says when."""

    kind: MentionKind
    start: int  #: characters from the beginning of the message
    end: int
    text: str  #: ``message[start:end]``


def time_mentions(text: str, *, month_first: bool = True) -> tuple[TimeMention, ...]:
    """Find the parts of a message that say when.

    Prepositions that belong to them ("on", "at", "from … to", "until") are inside. A number that is part of a name
    (LH 400, invoice 4711, 80th birthday, team 3, room 4B, a phone number) is in none.

    Args:
        text: the message.
        month_first: whether 3/4 is the 4th of March.

    Returns:
        The longest parts, not overlapping, in the order of the text.
    """
    tokens = tokens_of(text)
    finder = _Finder(text, tokens, month_first)
    return tuple(finder.found())


class _Finder:
    """Finds the mentions of one message."""

    def __init__(self, text: str, tokens: list[Token], month_first: bool) -> None:
        self._text, self._tokens, self._month_first = text, tokens, month_first
        self._parsers: tuple[tuple[MentionKind, Callable[[str], object]], ...] = (
            (MentionKind.RECURRENCE, parse_recurrence),
            (MentionKind.LEAD, parse_lead),
            (MentionKind.TIME, lambda said: parse_time(said, _ANY_DAY)),
            (MentionKind.DATE, lambda said: parse_dates(said, _ANY_DAY.date(), month_first=self._month_first)),
            (MentionKind.DURATION, parse_duration),
        )

    def found(self) -> Iterator[TimeMention]:
        """Yield the mentions, in the order of the text."""
        at, previous = 0, -1
        while at < len(self._tokens):
            mention = self._longest(at, previous)
            if mention is None:
                at += 1
                continue
            kind, last = mention
            yield self._mention(kind, at, last)
            at, previous = last + 1, last

    def _mention(self, kind: MentionKind, first: int, last: int) -> TimeMention:
        start, end = self._tokens[first].start, self._tokens[last].end
        return TimeMention(kind, start, end, self._text[start:end])

    def _longest(self, first: int, previous: int) -> tuple[MentionKind, int] | None:
        """Return the kind and the last token of the longest mention that begins with a token, or None."""
        if not self._tokens[first].timely:
            return None
        for last in range(self._run_end(first), first - 1, -1):
            said = self._text[self._tokens[first].start : self._tokens[last].end]
            for kind, parser in self._parsers:
                if _understands(parser, said) and is_mention(self._candidate(kind, first, last, previous)):
                    return kind, last
        return None

    def _run_end(self, first: int) -> int:
        """Return the last token that can belong to a mention."""
        last = first
        while (
            last + 1 < len(self._tokens)
            and self._tokens[last + 1].timely
            and not self._tokens[last].breaks
            and last + 1 - first < MAX_TOKENS
        ):
            last += 1
        return last

    def _candidate(self, kind: MentionKind, first: int, last: int, previous: int) -> Candidate:
        before = self._tokens[first - 1] if first and not self._tokens[first - 1].breaks else None
        after = self._tokens[last + 1] if last + 1 < len(self._tokens) and not self._tokens[last].breaks else None
        leads = (
            after is not None and after.timely and not after.words[0].isdigit() and after.words[0] not in ("and", "a")
        )
        return Candidate(
            kind=kind.value,
            tokens=self._tokens[first : last + 1],
            before=before,
            after=after,
            joins=previous == first - 1 and first > 0,
            leads=leads,
            message=self._text,
        )


def _understands(parser: Callable[[str], object], said: str) -> bool:
    try:
        parser(said)
    except TimeExpressionError:
        return False
    return True
