"""Suggests questions that fit what is in a person's calendar now."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from llmagent_os.plugins.calendar.calendar_call import CalendarCall

#: How far ahead an event may be that a question is suggested about.
AHEAD = timedelta(days=14)

#: The longest title that stands in a suggested question, in characters.
MAX_TITLE_CHARACTERS = 40


async def suggested_questions(call: CalendarCall) -> tuple[str, ...]:
    """Suggest to ask about today, if something is left of it, and about the next event on a later day."""
    found = call.matches_within(await call.store.events(), [(call.now, call.now + AHEAD)])
    tomorrow = datetime.combine(call.today, time()) + timedelta(days=1)
    starts = [(match.occurrence.start, match.event.title) for match in found if match.occurrence is not None]
    today = ("What do I have today?",) if any(start < tomorrow for start, _ in starts) else ()
    later = (title for start, title in starts if start >= tomorrow and 0 < len(title) <= MAX_TITLE_CHARACTERS)
    return (*today, *(f"When is {title}?" for title in list(later)[:1]))
