"""Says when something is in the language in force: in what the calendar says by itself, such as a reminder.

What is said about a message is in English, as the message was: see
:mod:`~llmagent_os.plugins.calendar.phrasing`.
"""

from __future__ import annotations

from datetime import date, datetime

from llmagent_os.languages import ENGLISH, gettext, language_in_force
from llmagent_os.languages.written_phrases import day_parts_text
from llmagent_os.languages.written_phrases import moment_text as written_moment
from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent
from llmagent_os.plugins.calendar.phrasing import day_text, moment_text


def said_moment(moment: datetime, now: datetime, *, same_day: bool = False) -> str:
    """A moment on the person's wall clock.

    Args:
        moment: what is said.
        now: the present moment, on the same clock.
        same_day: the day is known already.

    >>> said_moment(datetime(2026, 11, 23, 15), datetime(2026, 11, 22, 17))
    'tomorrow, Monday 23 November, at 3 PM'
    """
    if language_in_force() == ENGLISH:
        return moment_text(moment, now, same_day=same_day)
    return f"{moment:%H:%M}" if same_day else written_moment(moment)


def said_day(day: date, today: date) -> str:
    """A day.

    >>> said_day(date(2026, 11, 23), date(2026, 11, 23))
    'today'
    """
    return day_text(day, today) if language_in_force() == ENGLISH else day_parts_text("MMMMEEEEd", day)


def said_event_time(call: CalendarCall, event: CalendarEvent, start: datetime | None) -> str:
    """When an event is, as :meth:`CalendarCall.time_text` says it in English."""
    if language_in_force() == ENGLISH:
        return call.time_text(event, start)
    if start is None:
        return gettext("no date")
    return said_day(start.date(), call.today) if event.all_day else said_moment(start, call.now)
