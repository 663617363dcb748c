"""Finds the parts of a message that say when.

The parsers of this package decide: a part is a mention if it is as long as possible and one of them understands it, or
knows that it cannot be. What only looks like a time, such as the number of a room, is left out by
:mod:`~llmagent_os.plugins.calendar.time.mention_rules`.

>>> [(each.kind.value, each.text) for each in time_mentions("lunch in room 4 with Bo on friday at noon, every 2 weeks")]
[('date', 'on friday'), ('time', 'at noon'), ('recurrence', 'every 2 weeks')]
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

import msgspec

from llmagent_os.plugins.calendar.time.day_lists import parse_days
from llmagent_os.plugins.calendar.time.duration_parsing import parse_duration
from llmagent_os.plugins.calendar.time.holidays import HOLIDAYS
from llmagent_os.plugins.calendar.time.lead_parsing import parse_lead
from llmagent_os.plugins.calendar.time.mention_candidate import Candidate
from llmagent_os.plugins.calendar.time.mention_rules import ADVERB, is_mention, says_repeat
from llmagent_os.plugins.calendar.time.mention_tokens import Token, tokens_of
from llmagent_os.plugins.calendar.time.recurrence import parse_limits, parse_recurrence
from llmagent_os.plugins.calendar.time.recurrence_limits import RecurrenceLimits
from llmagent_os.plugins.calendar.time.text_normalization import normalize
from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError
from llmagent_os.plugins.calendar.time.time_parsing import parse_times

MAX_TOKENS = 16  #: of one mention
MAX_MESSAGE_TOKENS = 300  #: of one message; what stands behind them is not looked at
#: Parts of one message that are tried. An everyday message has fewer than a fifth of them; one with more is no request.
MAX_ATTEMPTS = 300
#: Whether words are a time does not depend on the day. This one is no special day.
_ANY_DAY = datetime(2026, 6, 10, 12, 0)
# No mention begins or ends with these, except that "from now on" does.
_NEVER_FIRST = frozenset("or of -".split())
_NEVER_LAST = frozenset("at on by to from until for and or of the a an every each this in - after about".split())
_LEAD_WORDS = frozenset("before beforehand ahead prior advance earlier".split())
_SELDOM = re.compile(
    r"\b(?:(?:every|each|per|a|once a) (?:month|year|quarter)|monthly|yearly|annually|quarterly)\b", re.I
)
# Words that change no time: they stand before places and people, too.
_EMPTY_WORDS = frozenset("at on in by for and or the a an with - of".split())


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


# Behind them, a number is a time: "friday 8".
_DAYS = (MentionKind.DATE, MentionKind.RECURRENCE)


@lru_cache(maxsize=256)
def time_mentions(text: str, *, month_first: bool = True) -> tuple[TimeMention, ...]:
    """Find the parts of a message that say when.

    Prepositions that belong to them ("on", "at", "from … to", "until") are inside. A number that is part of a name
    (LH 400, invoice 4711, 80th birthday, team 3, room 4B, a phone number) is in none.

    Args:
        text: the message.
        month_first: whether 3/4 is the 4th of March.

    Returns:
        The longest parts, not overlapping, in the order of the text. None, where the message is nothing but a long row
        of numbers and words of time.
    """
    tokens = tokens_of(text)[:MAX_MESSAGE_TOKENS]
    finder = _Finder(text, tokens, month_first)
    found = tuple(finder.found())
    if finder.is_worn_out:
        return ()
    return tuple(each for each in found if not _describes(each, found, tokens))


def _describes(mention: TimeMention, found: Sequence[TimeMention], tokens: Sequence[Token]) -> bool:
    """Whether words only describe a thing that has its day: "the monthly report on friday", "easter lunch may 1"."""
    after = next((token for token in tokens if token.start > mention.end), None)
    if mention.kind is MentionKind.DATE and normalize(mention.text) in HOLIDAYS:
        dates = [each for each in found if each.kind is MentionKind.DATE]
        return len(dates) > 1 and after is not None and not any(each.start == after.start for each in found)
    if mention.kind is not MentionKind.RECURRENCE or not ADVERB.fullmatch(mention.text.casefold()):
        return False
    if after is None or after.timely:
        return False
    others = [each for each in found if each.kind is MentionKind.RECURRENCE and each != mention]
    if others:  # "the quarterly report every 3 months", but "daily writing, except on sunday"
        return any(re.match(r"(?:every|each)\b", each.text, re.I) for each in others)
    return any(each.kind is MentionKind.DATE for each in found)


def has_other_time_words(text: str, mentions: Sequence[TimeMention]) -> bool:
    """Return whether a message has words of time outside its mentions, such as "after" or "every"."""
    inside = [(each.start, each.end) for each in mentions]
    return any(
        token.timely
        and not any(start <= token.start < end for start, end in inside)
        and set(token.words) - _EMPTY_WORDS
        for token in tokens_of(text)
    )


class _Previous(NamedTuple):
    """The mention before another one."""

    kind: MentionKind
    last: int  #: the number of its last token


class _Finder:
    """Finds the mentions of one message."""

    def __init__(self, text: str, tokens: list[Token], month_first: bool) -> None:
        self._text, self._tokens, self._month_first = text, tokens, month_first
        self._repeats = says_repeat(text)
        self._attempts = 0
        self._parsers: tuple[tuple[MentionKind, Callable[[str], object]], ...] = (
            (MentionKind.RECURRENCE, lambda said: parse_recurrence(said, _ANY_DAY.date(), month_first=month_first)),
            (MentionKind.LEAD, parse_lead),
            (MentionKind.TIME, lambda said: parse_times(said, _ANY_DAY)),
            *([(MentionKind.RECURRENCE, self._parse_limits)] if self._repeats else []),
            (MentionKind.DATE, lambda said: parse_days(said, _ANY_DAY.date(), month_first=month_first)),
            (MentionKind.DURATION, parse_duration),
        )

    @property
    def is_worn_out(self) -> bool:
        """Whether so much was tried that the rest of the message was not looked at."""
        return self._attempts >= MAX_ATTEMPTS

    def found(self) -> Iterator[TimeMention]:
        """Yield the mentions, in the order of the text."""
        at, previous = 0, _Previous(MentionKind.LEAD, -2)
        while at < len(self._tokens) and not self.is_worn_out:
            mention = self._longest(at, previous)
            if mention is None:
                at += 1
                continue
            kind, last = mention
            yield self._mention(kind, at, last)
            at, previous = last + 1, _Previous(kind, last)

    def _parse_limits(self, said: str) -> RecurrenceLimits:
        """Parse limits that stand apart from their repetition: "every day at 9 for 5 days"."""
        found = parse_limits(said, _ANY_DAY.date(), month_first=self._month_first)
        if found.span is not None and found.span.unit in ("day", "week") and _SELDOM.search(self._text):
            raise TimeExpressionError("unknown", "repeat", said)  # every month for 3 days: that is its length
        return found

    def _mention(self, kind: MentionKind, first: int, last: int) -> TimeMention:
        start, end = self._tokens[first].start, self._tokens[last].end
        return TimeMention(kind, start, end, self._text[start:end])

    def _longest(self, first: int, previous: _Previous) -> tuple[MentionKind, int] | None:
        """Return the kind and the last token of the longest mention that begins with a token, or None."""
        if not self._tokens[first].timely or self._tokens[first].words[0] in _NEVER_FIRST:
            return None
        for last in range(self._run_end(first), first - 1, -1):
            if self._tokens[last].words[-1] in _NEVER_LAST and self._tokens[last - 1].words != ("now",):
                continue
            said = self._text[self._tokens[first].start : self._tokens[last].end]
            for kind, parser in self._parsers:
                if not self._can_be(kind, first, last):
                    continue
                self._attempts += 1
                if not _understands(parser, said):
                    continue
                if is_mention(self._candidate(kind, first, last, previous)):
                    return kind, last
        return None

    def _can_be(self, kind: MentionKind, first: int, last: int) -> bool:
        """Whether a parser is worth the time."""
        if kind is MentionKind.RECURRENCE:
            return self._repeats
        if kind is MentionKind.LEAD:
            return any(not _LEAD_WORDS.isdisjoint(token.words) for token in self._tokens[first : last + 1])
        return True

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

    def _candidate(self, kind: MentionKind, first: int, last: int, previous: _Previous) -> Candidate:
        before = self._tokens[first - 1] if first and not self._tokens[first - 1].breaks else None
        after = self._tokens[last + 1] if last + 1 < len(self._tokens) and not self._tokens[last].breaks else None
        leads = after is not None and after.timely and after.words[0] not in ("and", "a")
        if leads and after is not None and after.words[0].isdigit():  # "sat 8", and not "sat 8 people"
            behind = self._tokens[last + 2] if last + 2 < len(self._tokens) and not after.breaks else None
            leads = behind is None or behind.timely
        return Candidate(
            kind=kind.value,
            tokens=self._tokens[first : last + 1],
            before=before,
            after=after,
            joins=previous.last == first - 1 and (kind is not MentionKind.TIME or previous.kind in _DAYS),
            leads=leads,
            message=self._text,
        )


def _understands(parser: Callable[[str], object], said: str) -> bool:
    try:
        parser(said)
    except TimeExpressionError as error:
        return error.problem in ("impossible", "ambiguous")  # it says when, and the person has to be asked
    return True
