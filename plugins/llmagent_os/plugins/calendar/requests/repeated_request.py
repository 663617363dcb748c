"""Reads what goes on from the request before: "same for the boiler", "and the gym too", "and the day after?"."""

from __future__ import annotations

import re
from datetime import date, timedelta

from llmagent_os.plugin import ToolCall
from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.conversation_state import LIST_LIFETIME
from llmagent_os.plugins.calendar.requests.clause import Clause
from llmagent_os.plugins.calendar.requests.masked_words import MaskedWords, rule
from llmagent_os.plugins.calendar.requests.politeness import plain
from llmagent_os.plugins.calendar.requests.request_sequence import ReadRequest
from llmagent_os.plugins.calendar.requests.targets import read_target
from llmagent_os.plugins.calendar.time.date_parsing import DateRange
from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError
from llmagent_os.plugins.calendar.time.time_mentions import MentionKind

_SAME_FOR = rule(
    r"(?:(?:please )?do )?(?:exactly )?(?:the )?same(?: thing| again)? (?:for|with|to|goes for|applies to) (?P<np>.+?)"
    r"(?: too| as well)?|(?P<np2>.+?)(?:,? too|,? as well|,? also)"
)
#: What of a call says which event it is about.
_EVENT = frozenset("which title date time person place kind among scope".split())
_REPEATED = frozenset(("move_event", "delete_event", "remind_before"))

_LEAD = re.compile(
    r"^(?:(?:and|n|ok|okay|so|then|also|what about|how about|what's|only|just|show me)\b[\s,]*)+", re.IGNORECASE
)
_COUNTED = re.compile(
    r"(?:(?:on|for) )?(?:the )?(?:(?P<unit>day|week|weekend|month) (?P<way>after|before)(?: (?:that|it))?"
    r"|(?P<next>following|previous) (?P<unit2>day|week|month))",
    re.IGNORECASE,
)
_PART = re.compile(
    r"(?:(?:in|during|at|for|on) )?(?:the )?(?P<part>morning|afternoon|evening|night|lunchtime|early morning"
    r"|late (?:morning|afternoon|evening))s?",
    re.IGNORECASE,
)


async def read_repeated(call: CalendarCall, clause: Clause) -> tuple[ReadRequest, ...]:
    """Return the request before, with another event or another time. Empty: the message does not go on from it.

    Args:
        call: with the message.
        clause: the message.
    """
    text = _LEAD.sub("", plain(clause.text).replace("\u2019", "'")).strip(" ?!.,")
    words = MaskedWords.of(clause)
    asks = _COUNTED.fullmatch(text) or _PART.fullmatch(text)
    same = None if asks else _SAME_FOR.fullmatch(words.text)
    if asks is None and same is None:
        return ()
    before = await call.store.last_read(LIST_LIFETIME)
    if len(before) != 1:
        return ()
    again = _asked_again(call, before[0], asks) if asks else _for_other(words, same, before[0]) if same else None
    return (ReadRequest(again, clause.text),) if again is not None else ()


def _for_other(words: MaskedWords, found: re.Match[str], before: ToolCall) -> ToolCall | None:
    """The request before, for another event of the calendar."""
    target = read_target(words, found["np"] or found["np2"])
    if before.name not in _REPEATED or target is None or not target.known or "title" not in target.arguments:
        return None
    if words.clause.has(MentionKind.TIME, MentionKind.RECURRENCE, MentionKind.LEAD):
        return None
    kept = {name: value for name, value in before.arguments.items() if name not in _EVENT}
    return ToolCall(before.name, {**kept, **target.arguments})


def _asked_again(call: CalendarCall, before: ToolCall, found: re.Match[str]) -> ToolCall | None:
    """The question before, about the time that is counted from its own, or about a part of its day."""
    given = before.arguments
    if before.name != "list_events" or {"title", "person", "among"} & given.keys():
        return None
    days = _days(call, given)
    if days is None:
        return None
    kept = {name: value for name, value in given.items() if name in ("asked", "kind")}
    if part := found.groupdict().get("part"):
        return ToolCall("list_events", {**kept, "date": _said(days), "time": f"in the {part}"}) if days.single else None
    return ToolCall("list_events", {**kept, "date": _said(_counted(days, found))})


def _days(call: CalendarCall, given: dict[str, str]) -> DateRange | None:
    """The days of a question; without a day, it was about today."""
    try:
        when = call.parse(given.get("date") or "today", None)
    except TimeExpressionError:
        return None
    return when.days


def _counted(days: DateRange, found: re.Match[str]) -> DateRange:
    """The days before or after others: the next day, or the whole week or month."""
    back = (found["way"] or found["next"]).lower() in ("before", "previous")
    unit = (found["unit"] or found["unit2"]).lower()
    if unit == "day":
        day = days.first - timedelta(days=1) if back else days.last + timedelta(days=1)
        return DateRange(day, day)
    if unit == "month":
        edge = days.first.replace(day=1)
        first = (edge - timedelta(days=1)).replace(day=1) if back else _next_month(days.last)
        return DateRange(first, _next_month(first) - timedelta(days=1))
    by = timedelta(days=-7 if back else 7)
    if unit == "weekend" or not days.single:
        return DateRange(days.first + by, days.last + by)
    monday = days.first - timedelta(days=days.first.weekday()) + by
    return DateRange(monday, monday + timedelta(days=6))


def _next_month(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)


def _said(days: DateRange) -> str:
    return days.first.isoformat() if days.single else f"{days.first.isoformat()} to {days.last.isoformat()}"
