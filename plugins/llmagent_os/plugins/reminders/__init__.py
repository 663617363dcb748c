"""The plugin of reminders: it speaks at the time that a person has named, on the platform where they have asked.

=====================  ===============================================================================================
``reminder``           a reminder, and when it rings
``reminder_call``      the person's reminders and their timers, during one request
``reminder_setting``   sets and changes reminders, and asks for what is missing
``reminder_requests``  reads words about reminders, before a model is asked
``reminder_list``      lists reminders, and finds the one that is meant
``reminder_form``      the form in which a person sets one
``ringing``            announces reminders; Done and the buttons that remind again
=====================  ===============================================================================================
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from llmagent_os.languages import gettext, gettext_noop
from llmagent_os.people.profiles import Profile
from llmagent_os.plugin import FormErrors, FormValues, Span, ToolCall, ToolContext, ToolResult, form_button, tool
from llmagent_os.plugins.kit.no_reminders import wants_no_reminders
from llmagent_os.plugins.kit.open_question import ANSWER, answers_question, ask, close_question, take_question
from llmagent_os.plugins.kit.said_moment import TimeExpressionError, read_moment
from llmagent_os.plugins.kit.serialized_plugin import SerializedPlugin, serialized
from llmagent_os.plugins.reminders.reminder_call import GONE, ReminderCall
from llmagent_os.plugins.reminders.reminder_form import NEW_REMINDER, answer_reminder_form
from llmagent_os.plugins.reminders.reminder_list import (
    DELETE_ALL,
    delete_all,
    list_reminders,
    list_to_delete,
    on_reminder_meant,
)
from llmagent_os.plugins.reminders.reminder_requests import REMIND, means_last, read_request
from llmagent_os.plugins.reminders.reminder_setting import change_reminder, set_reminder
from llmagent_os.plugins.reminders.ringing import announce, finish, snooze

__all__ = ["RemindersPlugin"]

_ON_ONE = re.compile(r"(?P<verb>delete|change) +(?P<which>#?\d+|\S+) *(?P<to>.*)", re.I | re.S)
_YES = re.compile(
    r"(?:yes|yep|yeah|sure|ok(?:ay)?|do it|delete (?:them|all)|ja|sí|si|是的?|好的?)"
    r"(?:[\s,]+(?:please|bitte|por favor))?[\s.!。]*",
    re.I,
)


class RemindersPlugin(SerializedPlugin):
    """Keeps every person's reminders in the plugin's records, and one timer for each."""

    name = "reminders"
    about = "reminders at a time, once or again and again"
    work = "is looking at your reminders…"
    is_personal = True
    commands = {  # noqa: RUF012
        "remind": gettext_noop("reminds you: /remind call Ana tomorrow at 6pm"),
        "reminders": gettext_noop("your reminders; /reminders delete 2, /reminders change 2 friday 9am"),
    }

    reading = (
        "/reminders",
        "page:*",
    )
    forms = (NEW_REMINDER,)

    @tool(permission="reminders.write", open_to_groups=True)
    @serialized
    async def set_reminder(self, context: ToolContext, what: Span, when: Span | None = None) -> ToolResult:
        """Remind the person of something at a time, once or again and again.

        Args:
            context: of the person
            what: what to remind them of
            when: the time in their words, such as "tomorrow at 6pm" or "every weekday at 8:30"
        """
        return await set_reminder(ReminderCall(context), what, when or "")

    @tool(permission="reminders.read", read_only=True)
    @serialized
    async def list_reminders(self, context: ToolContext) -> ToolResult:
        """List the person's reminders."""
        return await list_reminders(ReminderCall(context))

    @tool(permission="reminders.write")
    @serialized
    async def change_reminder(self, context: ToolContext, which: Span, to: Span) -> ToolResult:
        """Change when a reminder comes, or what it says.

        Args:
            context: of the person
            which: its number, or words of it
            to: the new time or the new words
        """
        call = ReminderCall(context)
        return await on_reminder_meant(call, which, lambda found: change_reminder(call, found, to))

    @tool(permission="reminders.write")
    @serialized
    async def delete_reminder(self, context: ToolContext, which: Span) -> ToolResult:
        """Delete a reminder. The person can undo it.

        Args:
            context: of the person
            which: its number, or words of it
        """
        call = ReminderCall(context)
        return await on_reminder_meant(call, which, call.delete)

    @serialized
    async def answer_to(self, context: ToolContext) -> ToolResult | None:
        """Answer words that want no reminders at all with those that there are."""
        return await list_to_delete(ReminderCall(context)) if wants_no_reminders(context.text) else None

    @serialized
    async def command(self, context: ToolContext, name: str, arguments: str) -> ToolResult:
        arguments = arguments.strip()
        call = ReminderCall(context)
        await close_question(context)
        if name == "remind" or arguments.lower() == "new":
            if name == "remind" and arguments:
                return await set_reminder(call, _what_of(arguments))
            await ask(context, "what", when="")
            return ToolResult(
                {"status": "missing", "need": "what"},
                gettext("What should I remind you of?"),
                buttons=(form_button(NEW_REMINDER),),
            )
        if not arguments:
            return await list_reminders(call)
        asked = _ON_ONE.fullmatch(arguments)
        if asked is None or (asked["verb"].lower() == "change") != bool(asked["to"]):
            text = gettext("I know /reminders, “/reminders delete 2” and “/reminders change 2 friday 9am”.")
            return ToolResult({"status": "unclear"}, text)
        if not (to := asked["to"]):
            return await on_reminder_meant(call, asked["which"], call.delete)
        return await on_reminder_meant(call, asked["which"], lambda found: change_reminder(call, found, to))

    @serialized
    async def submitted(self, context: ToolContext, form: str, values: FormValues) -> ToolResult | FormErrors:
        await close_question(context)
        return await answer_reminder_form(ReminderCall(context), values)

    @serialized
    async def pressed(self, context: ToolContext, value: str) -> ToolResult:
        verb, _, rest = value.partition(":")
        call = ReminderCall(context)
        if verb == ANSWER:
            return await self._answered(call)
        if verb == "page" and rest.isdecimal():
            return await list_reminders(call, int(rest[:6]))
        if verb == "undo":
            return await call.restore(rest)
        if verb == "done":
            return await finish(call, rest)
        if verb == "snooze":
            ref, _, until = rest.partition(":")
            return await snooze(call, ref, until)
        found = await call.items.by_ref(rest) if verb == "delete" else None
        return ToolResult({"status": "stale"}, str(GONE)) if found is None else await call.delete(found)

    async def _answered(self, call: ReminderCall) -> ToolResult:
        question = await take_question(call.context)
        text = call.context.text
        if question is not None and question.what == DELETE_ALL:
            return await delete_all(call, int(question.given["upto"]))
        if question is None or not text:
            return ToolResult({"status": "stale"}, str(GONE))
        if question.what == "when":
            return await set_reminder(call, question.given["what"], text)
        return await set_reminder(call, _what_of(text), question.given["when"])

    async def button_meant(self, context: ToolContext) -> str | None:
        """Words after a question answer it. Words that say no time do not answer "When?"."""
        question = await answers_question(context)
        if question is None:
            return await means_last(ReminderCall(context))
        if question.what == DELETE_ALL and not _YES.fullmatch(context.text.strip()):
            await close_question(context)
            return None
        if question.what == "when":
            try:
                said = read_moment(context.text, context.now)
            except TimeExpressionError:
                return ANSWER
            if said.wall is None:
                await close_question(context)
                return None
        return ANSWER

    async def requests_in(self, context: ToolContext) -> tuple[ToolCall, ...] | ToolResult:
        """Read "remind me to …", "my reminders", "delete my reminder to …" and "make it 7 instead"."""
        return await read_request(ReminderCall(context))

    @serialized
    async def due(self, context: ToolContext, key: str, at: datetime) -> ToolResult | None:
        return await announce(ReminderCall(context), key, at)

    async def profile_changed(self, context: ToolContext, before: Profile, assumed_zone: str) -> ToolResult | None:
        """Repeated reminders follow the person's clock. Single ones do where the zone was only assumed before."""
        async with self.locks.of(context.user_id):
            call, count = ReminderCall(context), 0
            for each in await call.pending():
                if each.zone == context.time_zone or each.is_delay or not (each.rule or not before.time_zone):
                    continue
                moved = each.in_zone(context.time_zone, context.now.astimezone(UTC))
                await call.items.put(moved)
                await call.schedule(moved)
                count += 1
        if not count:
            return None
        return ToolResult({"status": "moved"}, gettext("Your reminders now follow the clock there."))


def _what_of(text: str) -> str:
    """What to remind of, without "remind me to" before it."""
    found = REMIND.fullmatch(text)
    return found["what"] if found is not None else text
