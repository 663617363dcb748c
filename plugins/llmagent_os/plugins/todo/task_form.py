"""The form in which a person adds a task."""

from __future__ import annotations

from datetime import datetime

from llmagent_os.languages import gettext, gettext_noop
from llmagent_os.plugin import Form, FormErrors, FormField, FormValues, ToolResult
from llmagent_os.plugins.kit.said_moment import MORNING, SaidMoment
from llmagent_os.plugins.todo.task import TaskWords
from llmagent_os.plugins.todo.task_answers import add_read_task
from llmagent_os.plugins.todo.task_store import MAX_CHARACTERS, TaskStore

NEW_TASK = Form(
    key="new",
    title=gettext_noop("New task"),
    opened_by=("todo add", "todo new"),
    fields=(
        FormField(key="text", label=gettext_noop("What is to be done?"), max_length=MAX_CHARACTERS),
        FormField(key="day", label=gettext_noop("Due on"), kind="date", required=False),
        FormField(key="time", label=gettext_noop("Due at"), kind="time", required=False),
        FormField(
            key="priority",
            label=gettext_noop("Priority"),
            kind="choice",
            default="0",
            choices=(
                ("0", gettext_noop("None")),
                ("1", gettext_noop("Low")),
                ("2", gettext_noop("Medium")),
                ("3", gettext_noop("High")),
            ),
        ),
        FormField(key="in_list", label=gettext_noop("List"), required=False, max_length=40),
    ),
)


async def answer_task_form(store: TaskStore, values: FormValues) -> ToolResult | FormErrors:
    """Keep the task that was filled in."""
    now = store.context.now
    day, clock = values.day("day"), values.clock("time")
    if clock is not None and day is None:
        day = now.date()
    due = None if day is None else datetime.combine(day, clock or MORNING)
    if due is not None and (due if clock is not None else due.replace(hour=23, minute=59)) < now.replace(tzinfo=None):
        return FormErrors({"day": gettext("That time is over already.")})
    said = None if due is None else SaidMoment("", due)
    in_list = "-".join(values.text("in_list").lstrip("#").split()).casefold()
    return await add_read_task(store, TaskWords(values.text("text"), in_list, int(values.text("priority")), said))
