"""Answers the calendar's buttons. A button's value may be old, repeated or made up, so everything is checked."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from llmagent_os.languages import gettext, list_text
from llmagent_os.plugin import ToolResult
from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.event_change import Change
from llmagent_os.plugins.calendar.reminders import finish_reminder, snooze_reminder

_DO = re.compile(r"do:([0-9a-f]{16}):(\d{1,2})")
_ALL = re.compile(r"all:([0-9a-f]{16})")
_NO = re.compile(r"no:([0-9a-f]{16})")
_UNDO = re.compile(r"undo:([0-9a-f]{16})")
_DONE = re.compile(r"done:([0-9a-f]{16}):(\d{1,11})")
_SNOOZE = re.compile(r"snooze:([0-9a-f]{16}):(\d{1,11})")


#: What words can mean that no button shows: forget the unfinished event; undo, where there is nothing; never mind.
DROP, NOTHING, NOTED = "drop", "undo-nothing", "never-mind"


async def answer_button(call: CalendarCall, value: str) -> ToolResult:
    """Answer the press of a button.

    ``value`` may also be ``yes`` or ``no``: an answer in words to this conversation's last question.
    """
    if value in ("yes", "no"):
        ask_id = await call.store.open_question()
        value = "" if ask_id is None else f"do:{ask_id}:0" if value == "yes" else f"no:{ask_id}"
        question = await call.store.question(ask_id) if ask_id else None
        if question and len(question.options) > 1 and value.startswith("do:"):
            return ToolResult({"status": "ambiguous"}, gettext("Which one? Please choose one of the buttons."))
    if match := _DO.fullmatch(value):
        return await _do(call, match[1], int(match[2]))
    if match := _ALL.fullmatch(value):
        return await _do_all(call, match[1])
    if value == DROP:
        return await _drop(call)
    if value == NOTHING:
        return ToolResult({"status": "unchanged"}, gettext("There is nothing of this conversation that I could undo."))
    if value == NOTED:
        return ToolResult({"status": "kept"}, gettext("All right."))
    if match := _NO.fullmatch(value):
        return await _no(call, match[1])
    if match := _UNDO.fullmatch(value):
        return await _undo(call, match[1])
    if match := _DONE.fullmatch(value):
        return await finish_reminder(call, match[1])
    if match := _SNOOZE.fullmatch(value):
        return await snooze_reminder(call, match[1], match[2])
    return _stale()


async def answer_question(call: CalendarCall, given: Mapping[str, str | None]) -> ToolResult:
    """Answer the button whose value is the argument ``value`` of a tool."""
    return await answer_button(call, given["value"] or "")


async def _do(call: CalendarCall, ask_id: str, number: int) -> ToolResult:
    done = await call.store.change(ask_id)
    if done is not None and done.choice != number:
        return ToolResult({"status": "stale"}, gettext("You have chosen already, so I did nothing more."))
    if done is not None:  # pressed twice, or repeated after a crash
        result = done.result(ask_id) if done.undone else await call.store.apply(ask_id, done)
        await call.store.close(ask_id)
        return result
    question = await call.store.question(ask_id)
    if question is None or number >= len(question.options):
        return _stale()
    change = question.options[number]
    if not await call.store.holds(change.before):
        return await _changed_since(call, ask_id)
    if change.data.get("status") == "unchanged":
        await call.store.close(ask_id)
        return ToolResult(dict(change.data), change.text)
    result = await call.store.apply(ask_id, msgspec.structs.replace(change, choice=number))
    await call.store.close(ask_id)
    return result


async def _do_all(call: CalendarCall, ask_id: str) -> ToolResult:
    """Carry out all options of a question, as one change."""
    question = await call.store.question(ask_id)
    if question is None:
        return _stale()
    before = tuple(event for option in question.options for event in option.before)
    after = tuple(event for option in question.options for event in option.after)
    if not await call.store.holds(before):
        return await _changed_since(call, ask_id)
    text = " ".join(option.text for option in question.options)
    data = {"status": question.options[0].data.get("status", ""), "count": str(len(question.options))}
    result = await call.store.apply(ask_id, Change(before=before, after=after, data=data, text=text, undo=True))
    await call.store.close(ask_id)
    return result


async def _changed_since(call: CalendarCall, ask_id: str) -> ToolResult:
    """Close a question whose events are not as they were when it was asked."""
    await call.store.close(ask_id)
    return ToolResult(
        {"status": "stale"}, gettext("Your calendar has changed since I asked, so I did nothing. Please ask again.")
    )


async def _drop(call: CalendarCall) -> ToolResult:
    """Forget the unfinished event."""
    half = await call.store.unfinished_event()
    await call.store.keep_unfinished(None)
    title = str((half or {}).get("title", ""))
    return ToolResult(
        {"status": "kept"},
        gettext("All right, I won't add {title}.", title=title) if title else gettext("All right, I added nothing."),
    )


async def _no(call: CalendarCall, ask_id: str) -> ToolResult:
    if await call.store.change(ask_id) is not None:
        return ToolResult({"status": "stale"}, gettext("That is done already."))
    await call.store.close(ask_id)
    return ToolResult({"status": "kept"}, gettext("All right, nothing has changed."))


async def _undo(call: CalendarCall, change_id: str) -> ToolResult:
    change = await call.store.undo(change_id)
    if change is None:
        return _stale()
    names = list(dict.fromkeys(event.title for event in change.before or change.after))
    titles = list_text(names[:5])
    data = {"status": "restored"} | ({"title": names[0]} if len(names) == 1 else {"count": str(len(names))})
    if change.undone_text:
        return ToolResult(data, change.undone_text)
    if not change.before:
        return ToolResult(data, gettext("I've taken {titles} out of your calendar again.", titles=titles))
    return ToolResult(data, gettext("I've put {titles} back as before.", titles=titles))


def _stale() -> ToolResult:
    return ToolResult(
        {"status": "stale"}, gettext("That button is too old to be used. Please tell me again what you would like.")
    )
