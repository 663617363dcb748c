"""What is asked about a new event where something is missing: what it is, which day, what time."""

from __future__ import annotations

import re
from datetime import timedelta

from llmagent_os.plugin import ToolResult
from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.phrasing import day_text, moment_text
from llmagent_os.plugins.calendar.requested_times import RequestedTimes
from llmagent_os.plugins.calendar.requests.event_nouns import is_errand, is_whole_day
from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError
from llmagent_os.plugins.calendar.time.time_expressions import TimeExpression, find_slot

#: These are on one day, also where a longer time is named.
_ON_ONE_DAY = re.compile(r"\b(?:deadline|due|tax(?:es)?|payment|renewal|rent|pay ?day|birthday|anniversary)\b", re.I)


def needed(title: str, wanted: RequestedTimes, reminder: bool) -> str:
    """Return what to ask for: ``when``, ``date`` or ``time``. Empty: nothing is missing."""
    when, again, length = wanted.first, wanted.again, wanted.length
    vague = when.days is not None and not when.days.single and not again
    if when.moment or (when.time_of_day and when.time_of_day.kind != "all_day"):
        return "date" if vague else ""
    if not when and not again:
        return "when"
    if vague and when.days is not None and when.days.span:
        return ""
    if vague and not reminder and _ON_ONE_DAY.search(title):
        return "date"  # "deadline mid december"
    days_long = length is not None and length >= timedelta(days=1)
    hourly = again is not None and again.within_day
    if when.time_of_day or hourly or reminder or is_whole_day(title) or is_errand(title) or days_long:
        return ""
    return "date" if vague else "time"


def known_time(call: CalendarCall, when: TimeExpression) -> str:
    """Say as much of the time as is known."""
    if when.time_of_day is None and when.days is not None and when.days.single:
        return day_text(when.days.first, call.today)
    try:
        found = find_slot(when, call.now, zone=call.zone)
    except TimeExpressionError:
        return "then"
    return moment_text(found.start, call.now, end=found.end if found.all_day else None, all_day=found.all_day)


def ask_for(call: CalendarCall, need: str, known: dict[str, str], title: str, when: TimeExpression) -> ToolResult:
    """Ask for what :func:`needed` names."""
    known_when = {"when": known_time(call, when)} if when else {}
    suffix = f", {known_when['when']}" if known_when and known_when["when"] != "then" else ""
    question = {
        "when": f"When is {title}?",
        "date": f"Which day is {title}?",
        "time": f"What time is {title}{suffix}?",
    }[need]
    return ToolResult({"status": "missing", "need": need, **known, **known_when}, question)
