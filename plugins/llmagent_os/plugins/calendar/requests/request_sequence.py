"""What the requests of one message share: a verb, a day, the name of an event."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import msgspec

from llmagent_os.plugin import ToolCall
from llmagent_os.plugins.calendar.requests.clause import Clause
from llmagent_os.plugins.calendar.requests.creation_note import note_of
from llmagent_os.plugins.calendar.requests.left_alone import event_named
from llmagent_os.plugins.calendar.requests.openings import Asks, opening_of, opens_other, opens_request
from llmagent_os.plugins.calendar.requests.politeness import plain
from llmagent_os.plugins.calendar.time.time_mentions import MentionKind

#: Things to do that are also words of requests.
_TASK = re.compile(
    r"(?:to )?(?:leave|see|check(?: on| in)?|make|bring|take|get|give|tell|read|find|turn|stop|keep|feed|put|book"
    r"|have|do|set|pick)\b",
    re.IGNORECASE,
)
_BARE_HOUR = re.compile(r"(?:at )?(?P<hour>\d{1,2})(?:[:.](?P<minute>\d\d))?", re.IGNORECASE)
_SOON, _NOON = 3 * 60, 12 * 60  #: minutes
#: "On the same day", "that day": the day of the request before.
_SAME_DAY = re.compile(r"\b(?:on |for )?(?:the |that )?(?:same|that) day\b(?! of)", re.IGNORECASE)
#: The event that was named before, where a place follows "at it", it is not meant.
_IT = re.compile(r"\b(?:it|that|this one|that one)\b", re.IGNORECASE)
#: "Another one with the accountant": one more of what was asked for before.
_ANOTHER = re.compile(
    r"^(?:and |also )*(?:another(?: one)?|one more|one)(?=\s(?:with|for|at|on|in)\b|\s*\d)", re.IGNORECASE
)


@dataclass(frozen=True)
class ReadRequest:
    """One request of a message."""

    call: ToolCall
    words: str  #: what the person said for it, with the verb that it shares with the request before
    unsure: bool = False  #: the person is asked before it is done


def shared_verb(text: str) -> str:
    """Return the first words of a request, which a part behind it shares."""
    opening = opening_of(text)
    if opening is not None:
        return text[: opening[1]].strip(" ,:")
    match = re.match(r"\w+", text)
    return match[0] if match and opens_other(text) else ""


def on_day(call: ToolCall, date: str) -> ToolCall:
    """Return an event on the day of the event before it, where it has a time of day and no day of its own."""
    given = call.arguments
    if call.name != "create_event" or not date or "time" not in given or {"date", "repeat"} & given.keys():
        return call
    return msgspec.structs.replace(call, arguments={**given, "date": date})


def after_request(clause: Clause, before: ToolCall) -> Clause:
    """Return the words of a request with what they mean of the one before: "that day" is its day, "one" its name."""
    text, given = clause.text, before.arguments
    date, title = given.get("new_date", given.get("date")), given.get("title")
    if date and not clause.has(MentionKind.DATE):
        text = _SAME_DAY.sub(str(date), text)
    if title and before.name == "create_event":
        text = _ANOTHER.sub(str(title), text)
    if text == clause.text:
        return clause
    return Clause.of(text, clause.now, month_first=clause.month_first, events=clause.events)


def noted(request: ReadRequest, sentence: Clause) -> ReadRequest | None:
    """Return a request for a new event with the note that the sentence behind it adds; None: it says something else."""
    note = "" if sentence.mentions else note_of(sentence.text)
    if not note or request.call.name != "create_event":
        return None
    arguments = {**request.call.arguments, "note": note}
    return replace(request, call=msgspec.structs.replace(request.call, arguments=arguments))


def day_of_list(before: str, line: Clause, found: list[ReadRequest]) -> str:
    """Return the day of the request before for a line that begins with a time: "friday 9:30 retro; 11:00 demo".

    Args:
        before: the message in front of the line.
        line: one of a list.
        found: the requests of the lines before it.
    """
    if not found or not re.search(r"[;\n]\s*$", before) or not line.mentions or line.mentions[0].start:
        return ""
    is_time = line.mentions[0].kind is MentionKind.TIME
    return str(found[-1].call.arguments.get("date", "")) if is_time and found[-1].call.name == "create_event" else ""


def on_named_day(clause: Clause) -> Clause:
    """Return the message with the only day that it names in the place of "that day" behind it."""
    days = [each for each in clause.mentions if each.kind is MentionKind.DATE]
    found = _SAME_DAY.search(clause.text)
    if found is None or len(days) != 1 or days[0].start > found.start() or " " not in clause.text[: found.start()]:
        return clause
    text = _SAME_DAY.sub(f" {days[0].text}", clause.text).replace("  ", " ")
    return Clause.of(text, clause.now, month_first=clause.month_first, events=clause.events)


def about_named(clause: Clause, before: Clause) -> Clause:
    """Return the words with the event that the words before them name, in the place of "it"."""
    title = event_named(before)
    if not title:
        return clause
    text = _IT.sub(f"the {title}", clause.text, count=1)
    return Clause.of(text, clause.now, month_first=clause.month_first, events=clause.events)


def goes_on_about_time(left: Clause, right: Clause) -> bool:
    """Return whether a part says the time of what the part before it says the day of: "gala, sat 12 dec, 9:30"."""
    if not right.mentions or right.mentions[0].start or right.mentions[0].kind is not MentionKind.TIME:
        return False
    return left.has(MentionKind.DATE) and not left.has(MentionKind.TIME) and not right.has(MentionKind.DATE)


def last_day(clause: Clause) -> str:
    """Return the day behind the last time, which both events share: "football at 4 and ballet at 5 tomorrow"."""
    kinds = [each.kind for each in clause.mentions]
    behind = kinds == [MentionKind.TIME, MentionKind.DATE] and not plain(clause.text[clause.mentions[1].end :])
    joined = behind and not clause.text[clause.mentions[0].end : clause.mentions[1].start].strip()
    return clause.mentions[1].text if joined else ""


def is_next_task(verb: str, clause: Clause) -> bool:
    """Return whether words are one more thing to be reminded of: "remind me to call Tom at noon and leave at 4"."""
    opening = opening_of(f"{verb} ")
    reminds = opening is not None and opening[0] is Asks.REMINDER
    return reminds and bool(clause.mentions) and _TASK.match(plain(clause.text)) is not None


def may_follow(first: list[ReadRequest], left: Clause, right: Clause) -> bool:
    """Return whether the words behind a request can be another one, and no part of it."""
    call = first[-1].call
    if call.name != "create_event":
        return True
    opening = opening_of(plain(left.text))
    verb_follows = opens_request(plain(right.text))
    if opening is not None and opening[0] is Asks.REMINDER and verb_follows and not right.mentions:
        # "remind me to cancel the gym and move the car": both are what to be reminded of
        return (
            opening_of(plain(right.text)) is None
            and re.match(r"(?:what|when|where|who|show|tell)\b", plain(right.text)) is not None
        )
    if is_untimed(call):
        return verb_follows and opens_other(plain(right.text))
    return bool(right.mentions) or verb_follows


def is_untimed(call: ToolCall) -> bool:
    """Return whether a call adds an event without any time."""
    return call.name == "create_event" and not {"date", "time", "repeat"} & call.arguments.keys()


def at_same_hours(first: list[ReadRequest], rest: list[ReadRequest]) -> list[ReadRequest]:
    """Return the requests behind one to be woken: a bare hour soon after it is in the morning, as that is."""
    woken, then = first[-1].call, rest[0].call
    hours = [_BARE_HOUR.fullmatch(str(call.arguments.get("time", ""))) for call in (woken, then)]
    if woken.name != "create_event" or then.name != "create_event" or not hours[0] or not hours[1]:
        return rest
    wakes = re.match(r"wake\b", str(woken.arguments.get("title", "")), re.IGNORECASE)
    minutes = [int(hour["hour"]) * 60 + int(hour["minute"] or 0) for hour in hours if hour]
    if not wakes or not 0 <= minutes[1] - minutes[0] < _SOON or minutes[1] >= _NOON:
        return rest
    given = {**then.arguments, "time": f"{then.arguments['time']} am"}
    return [replace(rest[0], call=msgspec.structs.replace(then, arguments=given)), *rest[1:]]


def with_reminder(first: list[ReadRequest], rest: list[ReadRequest], left: Clause) -> list[ReadRequest]:
    """Join requests. "…, remind me on thursday" is about what was said before, which may be no request itself."""
    call, title = rest[0].call, first[-1].call.arguments.get("title")
    is_bare = call.name == "create_event" and not {"title", "person"} & call.arguments.keys()
    if not is_bare or not title or opening_of(plain(rest[0].words)) != (Asks.REMINDER, len("remind me")):
        return [*first, *rest]
    date = str(first[-1].call.arguments.get("date", ""))  # "I have to go to the bank tomorrow, remind me at 9"
    call = on_day(call, date)
    about = ReadRequest(msgspec.structs.replace(call, arguments={"title": title, **call.arguments}), rest[0].words)
    opening = opening_of(plain(left.text))
    before = [] if opening is not None and opening[0] is Asks.HAVING else first
    return [*before, about, *rest[1:]]
