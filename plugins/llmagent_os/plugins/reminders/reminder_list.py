"""Lists reminders, and finds the one that a person means."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from llmagent_os.languages import gettext, ngettext
from llmagent_os.plugin import Button, Card, ToolResult
from llmagent_os.plugins.kit.item_meant import MAX_SHOWN, with_item_meant
from llmagent_os.plugins.kit.open_question import ANSWER, ask
from llmagent_os.plugins.kit.pages import page_of
from llmagent_os.plugins.reminders.reminder import Reminder
from llmagent_os.plugins.reminders.reminder_call import ReminderCall

PAGE_SIZE = 8  #: reminders in one reply
DELETE_ALL = "delete_all"  #: the open question whether all reminders are deleted


async def list_reminders(call: ReminderCall, number: int = 1) -> ToolResult:
    """List the reminders that will ring."""
    pending = await call.pending()
    if not pending:
        text = gettext("You have no reminders. “/remind call Ana tomorrow at 6pm” sets one.")
        return ToolResult({"status": "empty"}, text)
    page = page_of(pending, number, PAGE_SIZE)
    lines = [_line(each) for each in page.items]
    return ToolResult(
        {"status": "listed", "count": str(len(pending)), "reminders": "; ".join(lines)},
        ngettext("You have {count} reminder.", "You have {count} reminders.", len(pending)),
        card=Card(rows=tuple((str(each.number), line) for each, line in zip(page.items, lines, strict=True))),
        buttons=(*(_delete_button(each) for each in page.items), *page.buttons("page:")),
    )


async def list_to_delete(call: ReminderCall) -> ToolResult:
    """Answer "never remind me again": nothing is deleted before the person says which, or that it is all of them."""
    listed = await list_reminders(call)
    if listed.data["status"] == "empty":
        text = gettext(
            "You have set no reminders with /remind. If your calendar reminds you, say “delete all my reminders”."
        )
        return msgspec.structs.replace(listed, text=text)
    lead = gettext("I have deleted nothing yet. The buttons below delete reminders.")
    return msgspec.structs.replace(listed, text=f"{lead} {listed.text}")


async def on_reminder_meant(
    call: ReminderCall, which: str, act: Callable[[Reminder], Awaitable[ToolResult]]
) -> ToolResult:
    """Do something with the reminder that a number or words mean."""
    missing = gettext("I found no reminder “{which}”. /reminders lists them.", which=which[:80])
    return await with_item_meant(await call.find(which), act, missing=missing, line=_line)


async def ask_delete_all(call: ReminderCall) -> ToolResult:
    """Show the reminders and ask whether all of them go. It cannot be undone."""
    pending = await call.pending()
    shown = pending[:MAX_SHOWN]
    await ask(call.context, DELETE_ALL, upto=str(max(each.number for each in pending)))
    text = ngettext(
        "Should I delete your {count} reminder? This cannot be undone.",
        "Should I delete all your {count} reminders? This cannot be undone.",
        len(pending),
    )
    return ToolResult(
        {"status": "asked", "count": str(len(pending))},
        text,
        card=Card(rows=tuple((str(each.number), _line(each)) for each in shown)),
        buttons=(Button(gettext("Delete all"), ANSWER),),
    )


async def delete_all(call: ReminderCall, upto: int) -> ToolResult:
    """Delete the pending reminders up to a number: those that the person was asked about."""
    gone = [each for each in await call.pending() if each.number <= upto]
    for each in gone:
        await call.delete(each)
    text = ngettext("Deleted {count} reminder.", "Deleted {count} reminders.", len(gone))
    return ToolResult({"status": "deleted", "count": str(len(gone))}, text)


def _line(reminder: Reminder) -> str:
    repeats = f" ({reminder.repeats})" if reminder.repeats else ""
    return f"{reminder.what}: {reminder.when}{repeats}"


def _delete_button(reminder: Reminder) -> Button:
    return Button(gettext("Delete {number}", number=reminder.number), f"delete:{reminder.ref}")
