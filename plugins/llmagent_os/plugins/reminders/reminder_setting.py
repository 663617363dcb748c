"""Sets and changes reminders, and asks for what is missing."""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from llmagent_os.languages import date_and_time_text, gettext
from llmagent_os.plugin import Button, ToolResult
from llmagent_os.plugins.kit.open_question import ask
from llmagent_os.plugins.kit.said_moment import (
    SaidMoment,
    TimeExpressionError,
    clock_note,
    read_moment,
    to_aware,
)
from llmagent_os.plugins.reminders.reminder import Reminder
from llmagent_os.plugins.reminders.reminder_call import ReminderCall

MAX_REMINDERS = 100  #: of one person
MAX_CHARACTERS = 500  #: of what a reminder says

_BARE_HOUR = re.compile(r"(?:at )?(?P<hour>1[0-2]|[1-9])(?::(?P<minute>[0-5]\d))?(?: ?o[’']?clock)?", re.I)


async def set_reminder(call: ReminderCall, what: str, when: str = "") -> ToolResult:
    """Set a reminder. What is missing is asked for.

    Args:
        call: of the person.
        what: what to be reminded of, with or without its time.
        when: the time, where it is known apart from ``what``.
    """
    context = call.context
    if len(what) + len(when) > MAX_CHARACTERS:
        text = gettext("A reminder has at most {count} characters. Please say it shorter.", count=MAX_CHARACTERS)
        return ToolResult({"status": "too_long"}, text)
    try:
        said = read_moment(when or what, context.now)
    except TimeExpressionError as error:
        return await _ask_when(call, what if when else _without_time(what, context.now), unreadable_text(error))
    named = what.strip() if when else said.rest
    if not named:
        await ask(context, "what", when=when or what)
        return ToolResult({"status": "missing", "need": "what"}, gettext("What should I remind you of?"))
    if said.wall is None:
        return await _ask_when(call, named, unreadable_text(None) if when else "")
    if len(await call.pending()) >= MAX_REMINDERS:
        text = gettext("You have {count} reminders, and I keep no more. /reminders deletes some.", count=MAX_REMINDERS)
        return ToolResult({"status": "full"}, text)
    blank = Reminder(what=named, wall=said.wall, zone=context.time_zone, next=context.now, made_by=context.call_id)
    reminder = await call.items.add(blank.at(said))
    await call.schedule(reminder)
    await call.note_last(reminder, is_new=True)
    return ToolResult(
        {"status": "set", "what": reminder.what, "when": reminder.when, "number": str(reminder.number)},
        f"{_set_text(reminder)}{clock_text(said, ZoneInfo(reminder.zone))}",
        buttons=(Button(gettext("Undo"), f"delete:{reminder.ref}"),),
        word_for_word=bool(said.clock),
    )


def is_bare_hour(words: str) -> bool:
    """Whether words are an hour alone, as in "make it 7"."""
    return _BARE_HOUR.fullmatch(words.strip()) is not None


async def change_reminder(call: ReminderCall, reminder: Reminder, to: str) -> ToolResult:
    """Change when a reminder rings, what it says, or both."""
    try:
        said = read_moment(_nearest(reminder, to) or to, call.context.now)
    except TimeExpressionError as error:
        return ToolResult({"status": "unclear", "need": "when"}, unreadable_text(error))
    if len(to) > MAX_CHARACTERS or not to.strip():
        text = gettext("Say what is new, in at most {count} characters.", count=MAX_CHARACTERS)
        return ToolResult({"status": "unclear", "need": "change"}, text)
    changed = replace(reminder, what=said.rest or reminder.what)
    if said.wall is not None:
        if said.is_clock_time and not reminder.rule:  # "make it 7pm": on the day that it is on
            said = _on_day_of(reminder, said, call.context.now)
        changed = replace(changed, zone=call.context.time_zone).at(said)
    await call.items.change(changed)
    await call.schedule(changed)
    await call.note_last(changed)
    text = gettext("Changed: {what}, {when}.", what=changed.what, when=changed.when)
    return ToolResult(
        {"status": "changed", "what": changed.what, "when": changed.when},
        f"{text}{clock_text(said, ZoneInfo(changed.zone))}",
        buttons=(call.undo(changed),),
    )


def _nearest(reminder: Reminder, to: str) -> str:
    """A bare hour in the half of the day that is nearer to the reminder; empty: the words are no bare hour.

    "7" is 19:00 for a reminder at 18:00, and 7:00 for one at 8:00.
    """
    found = _BARE_HOUR.fullmatch(to.strip())
    if found is None:
        return ""
    minute = int(found["minute"] or 0)
    before = reminder.wall.hour * 60 + reminder.wall.minute
    hour = min(
        (int(found["hour"]) % 12, int(found["hour"]) % 12 + 12), key=lambda each: abs(each * 60 + minute - before)
    )
    return f"at {hour:02}:{minute:02}"


def _on_day_of(reminder: Reminder, said: SaidMoment, now: datetime) -> SaidMoment:
    """A time of day on the day of a reminder, where that is still to come."""
    wall = datetime.combine(reminder.wall.date(), said.wall.time()) if said.wall is not None else now
    zone = ZoneInfo(str(now.tzinfo))
    return replace(said, wall=wall, clock=clock_note(wall, zone)) if to_aware(wall, zone) > now else said


def clock_text(said: SaidMoment, zone: ZoneInfo) -> str:
    """What the clocks do at the time that was asked for, as a further sentence; mostly empty."""
    if said.clock == "skipped" and said.wall is not None:
        when = date_and_time_text(to_aware(said.wall, zone))
        return " " + gettext("The clocks are set forward over that time, so it is {when}.", when=when)
    if said.clock == "twice":
        return " " + gettext("The clocks show that time twice on that day. I take the first.")
    return ""


def _set_text(reminder: Reminder) -> str:
    if reminder.repeats:
        return gettext(
            "I'll remind you of “{what}” {repeats}: the next time is {when}.",
            what=reminder.what,
            repeats=reminder.repeats,
            when=reminder.when,
        )
    return gettext("I'll remind you of “{what}”: {when}.", what=reminder.what, when=reminder.when)


async def _ask_when(call: ReminderCall, what: str, why: str) -> ToolResult:
    await ask(call.context, "when", what=what)
    question = gettext("When should I remind you of “{what}”?", what=what)
    return ToolResult({"status": "missing", "need": "when", "what": what}, f"{why} {question}".strip())


def _without_time(what: str, now: datetime) -> str:
    """What is to be said, without words of a time that cannot be: the person is asked for another one."""
    words = what.split()
    for count in range(len(words) - 1, 0, -1):  # the time stands at the end, or it stays in the text
        try:
            if read_moment(" ".join(words[:count]), now).wall is None:
                return " ".join(words[:count]).strip(" ,;:-")
        except TimeExpressionError:
            continue
    return what


def unreadable_text(error: TimeExpressionError | None) -> str:
    """Why words name no time at which a person can be reminded."""
    if error is not None and error.problem == "past":
        return gettext("That time is over already.")
    if error is not None and error.field == "repeat" and error.problem == "impossible":
        return gettext("I repeat a reminder once a day at most.")
    return gettext("I read times such as “tomorrow at 9”, “every weekday at 8:30” and “2027-01-15 14:00”.")
