"""Finds the events that a person means."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Literal

from rapidfuzz import fuzz

from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent
from llmagent_os.plugins.calendar.person_clock import SEARCH_HORIZON, EventMatch
from llmagent_os.plugins.calendar.phrasing import period_text
from llmagent_os.plugins.calendar.time.text_normalization import WEEKDAYS, normalize
from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError
from llmagent_os.plugins.calendar.time.time_expressions import TimeExpression, search_windows

# Words that do not tell one event from another.
_EMPTY = frozenset(
    "a an the my our your his her their some with for to of on in at and it that this these those one ones them thing "
    "things event events reminder reminders calendar schedule plan plans entry entries item items agenda stuff about "
    "anything something everything all".split()
)
# Words that may be missing in an event's title, if the search has other words too.
_KINDS = frozenset(
    "meeting appointment call session class event reminder date visit lesson time practice rehearsal training".split()
)
ALL_WORDS = frozenset("all every everything each both any whole entire".split())
_NTH = {
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

_WEEKDAY = re.compile(rf"(?:(?:on|for|this|the|coming) )*(?:{'|'.join(WEEKDAYS)})")

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
        return dated or self.which in _NTH or self.which in ("last", "latest") or (self.among_listed and not self.about)

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
        which=many or next((word for word in whole if word in _NTH or word in ("last", "latest", OTHERS)), ""),
        title=(title or "").strip() if _words(title or "") else "",
        person=(person or "").strip() if _words(person or "") else "",
        place=(place or "").strip() if _words(place or "") else "",
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


def search_events(
    call: CalendarCall, events: Sequence[CalendarEvent], query: EventQuery, *, point: timedelta = timedelta(minutes=1)
) -> list[EventMatch]:
    """Return the events that fit, at the times that fit, sorted. A search without a day looks only ahead.

    Args:
        call: the tool's call.
        events: the calendar.
        query: the search.
        point: the length of a point in time ("at 3").
    """
    fitting = [event for event in events if fits_query(event, query) and is_of_kind(event, query.kind)]
    spans = search_windows(query.when, call.now, point=point)
    if query.when.days is not None or query.when.moment is not None:
        found = call.matches_within(fitting, spans)
        if not found and query.about and (later := _a_week_later(call, query)):
            return search_events(call, events, later, point=point)
        starting = [match for match in found if match.occurrence and _at(match.occurrence.start, query.when)]
        found = starting or found
    elif query.when.time_of_day is not None:
        clock = query.when.time_of_day
        found = [
            match
            for match in call.matches_within(fitting, [(call.now - timedelta(hours=1), call.now + timedelta(days=60))])
            if match.occurrence
            and not match.event.all_day
            and _in_clock(match.occurrence.start, clock.start, clock.end, clock.sure)
        ]
        first: dict[str, EventMatch] = {}
        for match in found:
            first.setdefault(match.event.event_id, match)
        found = list(first.values())
    else:
        found = call.upcoming(fitting)
    found = _best(found, query.title)
    return choose(found if query.kind == "reminder" else _without_lead_reminders(found), query.which)


def _a_week_later(call: CalendarCall, query: EventQuery) -> EventQuery | None:
    """The search on the next day of that name, where a weekday is that of today: it may mean either of them."""
    days = query.when.days
    if query.day != call.today or days is None or not _WEEKDAY.fullmatch(normalize(query.date_said)):
        return None
    week = timedelta(days=7)
    moved = replace(days, first=days.first + week, last=days.last + week)
    return replace(query, when=replace(query.when, days=moved), date_said="")


def _best(found: list[EventMatch], title: str) -> list[EventMatch]:
    """Those of the found events that have all words of the search, where there are any: also "appointment"."""
    asked = _words(title)
    whole = [match for match in found if all(any(_same(word, own) for own in _own(match.event)) for word in asked)]
    return whole or found


def _own(event: CalendarEvent) -> list[str]:
    return _words(f"{event.title} {event.person} {event.place}")


def is_of_kind(event: CalendarEvent, kind: Kind) -> bool:
    """Return whether an event counts where only ``kind`` is meant."""
    return not kind or event.reminder == (kind == "reminder")


def _without_lead_reminders(found: list[EventMatch]) -> list[EventMatch]:
    """What was found, without the reminders that come before another event that was found: they follow it."""
    ids = {match.event.event_id for match in found}
    return [match for match in found if match.event.leads_to not in ids]


def last_past_event(call: CalendarCall, events: Sequence[CalendarEvent], query: EventQuery) -> list[EventMatch]:
    """Return the latest past time of what fits: a list of one match or none."""
    found = call.matches_within(
        [event for event in events if fits_query(event, query)], [(call.now - SEARCH_HORIZON, call.now)]
    )
    return found[-1:]


def most_similar_event(call: CalendarCall, events: Sequence[CalendarEvent], query: EventQuery) -> EventMatch | None:
    """Return the coming event whose title is most like the one that was not found."""
    scored = [
        (fuzz.WRatio(query.about.casefold(), match.event.title.casefold()), match) for match in call.upcoming(events)
    ]
    best = max(scored, key=lambda pair: pair[0], default=None)
    return best[1] if best and best[0] >= 60 else None


def searched_period(call: CalendarCall, query: EventQuery) -> str:
    """Say which period was searched. Empty: the search has no date."""
    return period_text(query.when, query.date_said, call.now) if query.when.days or query.when.moment else ""


def fits_query(event: CalendarEvent, query: EventQuery) -> bool:
    """Return whether an event has the words of the search."""
    own = _words(f"{event.title} {event.person} {event.place}")
    return (
        _covers(own, _words(query.title))
        and _covers(own, _words(query.person))
        and (not query.place or _covers(_words(f"{event.place} {event.title}"), _words(query.place)))
    )


def fits_words(event: CalendarEvent, words: str) -> bool:
    """Return whether an event has all of ``words`` that tell one event from another, in any of its fields."""
    asked = _words(words)
    return bool(asked) and _covers(_words(f"{event.title} {event.person} {event.place}"), asked)


def is_generic(words: str) -> bool:
    """Return whether ``words`` name a kind of event and no event: "appointment"."""
    return all(word in _KINDS for word in _words(words))


def _covers(own: list[str], asked: list[str]) -> bool:
    telling = [word for word in asked if word not in _KINDS] or asked
    return all(any(_same(word, other) for other in own) for word in telling)


def _same(word: str, other: str) -> bool:
    if word == other:
        return True
    if min(len(word), len(other)) < 4 or word.isdigit():
        return False
    return fuzz.ratio(word, other) >= 82


def _words(text: str) -> list[str]:
    found = re.findall(r"[^\W_]+", text.casefold().replace("'s", "").replace("’s", ""))
    return [_singular(word) for word in found if word not in _EMPTY]


def _singular(word: str) -> str:
    if word.endswith(("sses", "ches", "shes")):
        return word[:-2]
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def _at(start: datetime, when: TimeExpression) -> bool:
    if when.moment is not None:
        return start == when.moment
    return (
        when.time_of_day is not None
        and when.time_of_day.kind == "at"
        and _in_clock(start, when.time_of_day.start, when.time_of_day.end, when.time_of_day.sure)
    )


def _in_clock(start: datetime, first: int, last: int, sure: bool) -> bool:
    minute = start.hour * 60 + start.minute
    if first == last:
        return minute == first % 1440 if sure else minute % 720 == first % 720
    return first <= minute < last if sure else first % 720 <= minute % 720 < (last - first) + first % 720


def choose(found: list[EventMatch], which: str) -> list[EventMatch]:
    """Return the one that a word such as "next", "second" or "last" means; all for another word."""
    if which in ("last", "latest"):
        dated = [match for match in found if match.occurrence]
        return dated[-1:] or found[-1:]
    if which in _NTH and which != "upcoming":
        return found[_NTH[which] : _NTH[which] + 1]
    return found
