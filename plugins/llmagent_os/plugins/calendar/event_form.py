"""The form in which a person puts an event into the calendar."""

from __future__ import annotations

import dataclasses
from datetime import datetime

from llmagent_os.languages import gettext, gettext_noop
from llmagent_os.plugin import Form, FormErrors, FormField, FormValues, ToolContext, ToolResult
from llmagent_os.plugins.calendar.calendar_call import READ_CALL
from llmagent_os.plugins.calendar.event_tools import EventTools

MAX_MINUTES = 14 * 24 * 60  #: of an event

NEW_EVENT = Form(
    key="new",
    title=gettext_noop("New event"),
    opened_by=("calendar new", "calendar add"),
    fields=(
        FormField(key="title", label=gettext_noop("What is it?"), max_length=100),
        FormField(key="day", label=gettext_noop("Day"), kind="date", default="today"),
        FormField(key="time", label=gettext_noop("Time"), kind="time"),
        FormField(
            key="minutes",
            label=gettext_noop("Length in minutes"),
            kind="number",
            required=False,
            help=gettext_noop("Empty: the usual length"),
        ),
        FormField(key="place", label=gettext_noop("Place"), required=False, max_length=100),
    ),
)


async def answer_event_form(tools: EventTools, context: ToolContext, values: FormValues) -> ToolResult | FormErrors:
    """Put the event that was filled in into the calendar.

    Args:
        tools: create events.
        context: of the person.
        values: what was filled in.
    """
    day, clock, minutes = values.day("day"), values.clock("time"), values.number("minutes")
    if minutes is not None and not (0 < minutes <= MAX_MINUTES and minutes == int(minutes)):
        return FormErrors({"minutes": gettext("Write whole minutes, such as 90.")})
    now = context.now.replace(tzinfo=None)
    if day is None or clock is None or datetime.combine(day, clock) < now.replace(second=0, microsecond=0):
        is_before = day is not None and day < now.date()
        return FormErrors({"day" if is_before else "time": gettext("That time is over already.")})
    # As if rules had read the words: nothing of them is to be put right.
    call = dataclasses.replace(context, call_id=f"{context.call_id}{READ_CALL}form")
    return await tools.create_event(
        call,
        title=values.text("title"),
        date=str(day),
        time=f"{clock:%H:%M}",
        duration=None if minutes is None else f"{int(minutes)} minutes",
        place=values.text("place") or None,
    )
