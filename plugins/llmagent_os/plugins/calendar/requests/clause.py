"""The words of one request, and what is known when they are read."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

import msgspec

from llmagent_os.plugins.calendar.calendar_event import CalendarEvent
from llmagent_os.plugins.calendar.time.time_mentions import MentionKind, TimeMention, time_mentions

#: The first of the characters that stand for time mentions in :attr:`Clause.masked`, and a pattern for any of them.
_FIRST_MARK = 0xE000
MARK = "[\ue000-\uf8ff]"


@dataclass(frozen=True, eq=False)
class Clause:
    """The words of one request."""

    text: str  #: as the person wrote them, with known misspellings put right
    now: datetime  #: the present moment, naive, on the person's wall clock
    month_first: bool = True  #: whether 3/4 is the 4th of March
    events: tuple[CalendarEvent, ...] = ()  #: the person's calendar
    mentions: tuple[TimeMention, ...] = ()  #: what the words say of time, in order

    @classmethod
    def of(cls, text: str, now: datetime, *, month_first: bool = True, events: tuple[CalendarEvent, ...] = ()) -> Self:
        """A clause with its time mentions."""
        text = re.sub(MARK, "", text)
        return cls(text, now, month_first, events, time_mentions(text, month_first=month_first))

    def part(self, begin: int, end: int | None = None) -> Self:
        """The words from ``begin`` to ``end``, without spaces around, and the mentions that lie in them."""
        end = len(self.text) if end is None else end
        begin += len(self.text[begin:end]) - len(self.text[begin:end].lstrip())
        text = self.text[begin:end].rstrip()
        inside = (each for each in self.mentions if begin <= each.start and each.end <= begin + len(text))
        return replace(self, text=text, mentions=tuple(_moved(each, -begin) for each in inside))

    def cut(self, pattern: re.Pattern[str]) -> Self:
        """The clause without what a pattern finds, where that has no mention in it."""
        clause = self
        for match in reversed(list(pattern.finditer(self.text))):
            begin, end = match.span()
            if any(each.start < end and begin < each.end for each in clause.mentions):
                continue
            text = f"{clause.text[:begin]} {clause.text[end:].lstrip()}"
            by = len(text) - len(clause.text)
            moved = tuple(_moved(each, by) if each.start >= end else each for each in clause.mentions)
            clause = replace(clause, text=text, mentions=moved)
        return clause

    def after(self, words: str) -> Self:
        """The clause with ``words`` in front of it, such as the verb of the request before."""
        by = len(words) + 1
        return replace(self, text=f"{words} {self.text}", mentions=tuple(_moved(each, by) for each in self.mentions))

    def without(self, is_left_out: Callable[[TimeMention], bool]) -> Self:
        """The clause with fewer mentions: the words of the others are ordinary words."""
        return replace(self, mentions=tuple(each for each in self.mentions if not is_left_out(each)))

    @property
    def masked(self) -> str:
        """The text with one character, of :data:`MARK`, in place of each mention."""
        begin, out = 0, list[str]()
        for number, mention in enumerate(self.mentions):
            out += [self.text[begin : mention.start], f" {chr(_FIRST_MARK + number)} "]
            begin = mention.end
        return " ".join("".join([*out, self.text[begin:]]).split())

    def mention(self, mark: str) -> TimeMention:
        """The mention that a character of :attr:`masked` stands for."""
        return self.mentions[ord(mark) - _FIRST_MARK]

    def unmasked(self, text: str) -> str:
        """``text``, taken from :attr:`masked`, with the words of its mentions."""
        return re.sub(MARK, lambda match: self.mention(match[0]).text, text)

    def has(self, *kinds: MentionKind) -> bool:
        """Whether the words say something of one of these kinds."""
        return any(mention.kind in kinds for mention in self.mentions)

    def said(self, *kinds: MentionKind) -> str | None:
        """The mentions of these kinds, joined by commas; None: there are none."""
        return ", ".join(mention.text for mention in self.mentions if mention.kind in kinds) or None


def _moved(mention: TimeMention, by: int) -> TimeMention:
    return msgspec.structs.replace(mention, start=mention.start + by, end=mention.end + by)
