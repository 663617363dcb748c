"""Finds the events that a person means."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from rapidfuzz import fuzz

from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent
from llmagent_os.plugins.calendar.event_query import NTH, EventQuery, Kind
from llmagent_os.plugins.calendar.event_words import covers, is_same, own_words, telling_words
from llmagent_os.plugins.calendar.person_clock import SEARCH_HORIZON, EventMatch
from llmagent_os.plugins.calendar.phrasing import period_text
from llmagent_os.plugins.calendar.time.text_normalization import WEEKDAYS, normalize
from llmagent_os.plugins.calendar.time.time_expressions import TimeExpression, search_windows

_WEEKDAY = re.compile(rf"(?:(?:on|for|this|the|coming) )*(?:{'|'.join(WEEKDAYS)})")


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
            and in_clock(match.occurrence.start, clock.start, clock.end, clock.sure)
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
    asked = telling_words(title)
    whole = [
        match for match in found if all(any(is_same(word, own) for own in own_words(match.event)) for word in asked)
    ]
    return whole or found


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
    own = own_words(event)
    return (
        covers(own, telling_words(query.title))
        and covers(own, telling_words(query.person))
        and (not query.place or covers(telling_words(f"{event.place} {event.title}"), telling_words(query.place)))
    )


def _at(start: datetime, when: TimeExpression) -> bool:
    if when.moment is not None:
        return start == when.moment
    return (
        when.time_of_day is not None
        and when.time_of_day.kind == "at"
        and in_clock(start, when.time_of_day.start, when.time_of_day.end, when.time_of_day.sure)
    )


def in_clock(start: datetime, first: int, last: int, sure: bool) -> bool:
    """Return whether a moment is in a time of day, in minutes after midnight. Not ``sure``: of either half."""
    minute = start.hour * 60 + start.minute
    if first == last:
        return minute == first % 1440 if sure else minute % 720 == first % 720
    return first <= minute < last if sure else first % 720 <= minute % 720 < (last - first) + first % 720


def choose(found: list[EventMatch], which: str) -> list[EventMatch]:
    """Return the one that a word such as "next", "second" or "last" means; all for another word."""
    if which in ("last", "latest"):
        dated = [match for match in found if match.occurrence]
        return dated[-1:] or found[-1:]
    if which in NTH and which != "upcoming":
        return found[NTH[which] : NTH[which] + 1]
    return found
