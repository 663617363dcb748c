"""The words of one request, and what is known when they are read."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from llmagent_os.plugins.calendar.calendar_event import CalendarEvent
from llmagent_os.plugins.calendar.time.time_mentions import MentionKind, TimeMention, time_mentions


@dataclass(frozen=True)
class Clause:
    """The words of one request."""

    text: str  #: as the person wrote them, with known misspellings put right
    now: datetime  #: the present moment, naive, on the person's wall clock
    month_first: bool = True  #: whether 3/4 is the 4th of March
    events: tuple[CalendarEvent, ...] = ()  #: the person's calendar
    mentions: tuple[TimeMention, ...] = field(default=())  #: what the words say of time, in order

    @classmethod
    def of(
        cls, text: str, now: datetime, *, month_first: bool = True, events: tuple[CalendarEvent, ...] = ()
    ) -> Clause:
        """A clause with its time mentions."""
        return cls(text, now, month_first, events, time_mentions(text, month_first=month_first))

    def said(self, *kinds: MentionKind) -> str | None:
        """The mentions of these kinds, joined by commas; None: there are none."""
        return ", ".join(mention.text for mention in self.mentions if mention.kind in kinds) or None

    def parts(self) -> list[str]:
        """The words between the mentions, in order: one more than there are mentions. Some may be empty."""
        begin, found = 0, list[str]()
        for mention in self.mentions:
            found.append(self.text[begin : mention.start].strip())
            begin = mention.end
        return [*found, self.text[begin:].strip()]
