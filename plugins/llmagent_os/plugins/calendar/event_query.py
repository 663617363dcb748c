"""A search for events, made of the arguments of a tool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.event_words import telling_words
from llmagent_os.plugins.calendar.time.text_normalization import normalize
from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError
from llmagent_os.plugins.calendar.time.time_expressions import TimeExpression

#: Words that mean every event that fits.
ALL_WORDS = frozenset("all every everything each both any whole entire".split())
#: The places of words that count events.
NTH = {
    "first": 0,
    "1st": 0,
    "next": 0,
    "upcoming": 0,
    "second": 1,
    "2nd": 1,
    "third": 2,
    "3rd": 2,
    "fourth": 3,
    "4th": 3,
}

#: The value of the argument ``among``: only what the conversation listed last counts.
LISTED = "listed"

#: The value of ``which`` for what was listed and is not the event that "it" means.
OTHERS = "others"

#: Whether only reminders count, only events, or (empty) both.
Kind = Literal["", "reminder", "event"]


@dataclass(frozen=True)
class EventQuery:
    """A search for events, from the arguments of a tool."""

    which: str = ""  #: a word such as "next", "last" or "all"
    title: str = ""
    person: str = ""
    place: str = ""
    when: TimeExpression = field(default_factory=TimeExpression)
    date_said: str = ""  #: the date in the person's words
    kind: Kind = ""
    among_listed: bool = False  #: only what the conversation listed last counts

    @property
    def is_empty(self) -> bool:
        """Whether the search names no event at all."""
        return not (self.title or self.person or self.place or self.when or self.which or self.among_listed)

    @property
    def names_a_time(self) -> bool:
        """Whether one time of a repeated event is meant: by its day, or as the next or the second one."""
        dated = self.when.days is not None or self.when.moment is not None
        return dated or self.which in NTH or self.which in ("last", "latest") or (self.among_listed and not self.about)

    @property
    def about(self) -> str:
        """The words that are searched for: title, person or place."""
        return self.title or self.person or self.place

    @property
    def wants_all(self) -> bool:
        """Whether the person means every event that fits."""
        return self.which in ALL_WORDS or self.which == OTHERS

    @property
    def day(self) -> date | None:
        """The day, if the search is for exactly one."""
        return self.when.days.first if self.when.days and self.when.days.single else None


def event_query(call: CalendarCall, given: Mapping[str, str | None]) -> EventQuery:
    """Make a search of a tool's arguments, without words that name nothing ("it", "that event").

    Args:
        call: the call of the tool.
        given: its arguments ``which``, ``title``, ``date``, ``time``, ``person``, ``place``, ``kind`` and ``among``.

    Raises:
        TimeExpressionError: the date or the time cannot be resolved.
    """
    which, title, date_said, time_said, person, place = (
        given.get(key) for key in ("which", "title", "date", "time", "person", "place")
    )
    kind = given.get("kind")
    whole = normalize(which or "").split()
    many = next((word for word in whole if word in ALL_WORDS), "")
    return EventQuery(
        which=many or next((word for word in whole if word in NTH or word in ("last", "latest", OTHERS)), ""),
        title=(title or "").strip() if telling_words(title or "") else "",
        person=(person or "").strip() if telling_words(person or "") else "",
        place=(place or "").strip() if telling_words(place or "") else "",
        when=_read(call, date_said, time_said, (title, person, place)),
        date_said=date_said or "",
        kind="reminder" if kind == "reminder" else "event" if kind == "event" else "",
        among_listed=given.get("among") == LISTED,
    )


def _read(
    call: CalendarCall, date_said: str | None, time_said: str | None, named: Sequence[str | None]
) -> TimeExpression:
    """Parse the time of a search. A name that the model also took for a time ("lunch with Ana": Ana) is left out."""
    try:
        return call.parse(date_said, time_said)
    except TimeExpressionError as error:
        heard = normalize(error.heard)
        if error.problem != "unknown" or not any(f" {heard} " in f" {normalize(words or '')} " for words in named):
            raise
        of_date = error.field == "date"
    return _read(call, None if of_date else date_said, time_said if of_date else None, named)
