"""The form in which a person sets a reminder."""

from __future__ import annotations

from llmagent_os.languages import gettext_noop
from llmagent_os.plugin import Form, FormErrors, FormField, FormValues, ToolResult
from llmagent_os.plugins.kit.said_moment import TimeExpressionError, read_moment
from llmagent_os.plugins.reminders.reminder_call import ReminderCall
from llmagent_os.plugins.reminders.reminder_setting import set_reminder, unreadable_text

#: The words of a repetition, by the value of its choice.
_REPEATS = {
    "once": "",
    "day": "every day",
    "weekday": "every weekday",
    "week": "every week",
    "month": "every month",
}

_MONTHS = tuple("January February March April May June July August September October November December".split())

NEW_REMINDER = Form(
    key="new",
    title=gettext_noop("New reminder"),
    opened_by=("remind", "reminders new"),
    fields=(
        FormField(key="what", label=gettext_noop("What should I remind you of?"), max_length=150),
        FormField(key="day", label=gettext_noop("Day"), kind="date", default="today"),
        FormField(key="time", label=gettext_noop("Time"), kind="time"),
        FormField(
            key="repeat",
            label=gettext_noop("Again"),
            kind="choice",
            default="once",
            choices=(
                ("once", gettext_noop("Once")),
                ("day", gettext_noop("Every day")),
                ("weekday", gettext_noop("Every weekday")),
                ("week", gettext_noop("Every week")),
                ("month", gettext_noop("Every month")),
            ),
        ),
    ),
)


async def answer_reminder_form(call: ReminderCall, values: FormValues) -> ToolResult | FormErrors:
    """Set the reminder that was filled in."""
    what, day, clock = values.text("what"), values.day("day"), values.clock("time")
    if day is None or clock is None:
        raise ValueError("the form needs a day and a time")
    again = _REPEATS[values.text("repeat")]
    when = f"{again} starting {_MONTHS[day.month - 1]} {day.day} {day.year} at {clock:%H:%M}"
    if not again:
        when = f"{day} {clock:%H:%M}"
    try:
        read_moment(when, call.context.now)
    except TimeExpressionError as error:
        return FormErrors({"day" if day < call.context.now.date() else "time": unreadable_text(error)})
    return await set_reminder(call, what, when)
