"""Reads words about reminders that leave no doubt, before a model is asked."""

from __future__ import annotations

import re

from llmagent_os.plugin import ToolCall, ToolResult
from llmagent_os.plugins.kit.said_moment import TimeExpressionError, read_moment
from llmagent_os.plugins.reminders.reminder_call import ReminderCall
from llmagent_os.plugins.reminders.reminder_list import ask_delete_all
from llmagent_os.plugins.reminders.reminder_setting import is_bare_hour

_PLEASE = r"(?:please |hey |ok(?:ay)?,? )?(?:(?:can|could|would|will) you (?:please )?)?"
REMIND = re.compile(rf"{_PLEASE}remind me(?: (?:to|about|of|that))? (?P<what>.+)", re.I | re.S)
_OTHERWISE = re.compile(
    rf"{_PLEASE}(?:(?:set|create|make|add)(?: me)? (?:a|another) reminder(?: (?P<when>(?:for|at|on|in) .+?))?"
    r" (?:to|about|that|of) (?P<what>.+)|(?:don[’']?t|do not) let me forget (?:to |about |that )?(?P<other>.+))",
    re.I | re.S,
)
_LIST = re.compile(
    r"(?:what are |which are |show |list |show me |do i have |what )?(?:all |any )?(?:of )?(?:my )?reminders"
    r"(?: do i have| are there)?\W*",
    re.I,
)
_REMOVE = re.compile(
    rf"{_PLEASE}(?:delete|cancel|remove|drop|stop) (?:my |the |that )?reminder"
    r"(?: (?:to|about|for|of|that says) (?P<which>.+?))?[.!]*",
    re.I,
)
_REMOVE_ALL = re.compile(
    rf"{_PLEASE}(?:delete|cancel|remove|drop|stop|clear|erase) (?:all(?: of)? )?(?:my |the )?reminders[.!]*", re.I
)
_CHANGE = re.compile(
    rf"{_PLEASE}(?:change|move|reschedule|set) (?:my |the |that )?reminder"
    r"(?: (?:to|about|for|of) (?P<which>.+?))? to (?P<to>.+?)[.!]*",
    re.I,
)
#: About the reminder that was spoken of last.
_IT_TO = re.compile(
    r"(?:no,? )?(?:make|move|change|set) (?:it|that)(?: to| for| at)? (?P<to>.+?)(?: instead)?[.!]*", re.I
)
_AWAY = re.compile(
    r"(?:(?:oh|no|wait|sorry|please)[, ]+)*(?:cancel|delete|remove|scratch|forget) (?:it|that|this)[.!]*", re.I
)
_UNDO = re.compile(r"(?:please )?undo(?: (?:it|that|this|the last one))?(?: please)?[.!]*", re.I)
#: What is no thing to be reminded of at a time: a question, and a time before or after something else.
_NOT_OURS = re.compile(
    r"(?:what|when|where|who|whom|whose|which|how|why|whether|if)\b|.*\b(?:before|after|ahead of|prior to)\b",
    re.I | re.S,
)


async def read_request(call: ReminderCall) -> tuple[ToolCall, ...] | ToolResult:
    """The tool call that the whole of a message asks for, or a question. Empty: the rules do not understand all of it.

    Words about a reminder that there is not are left to others: a calendar may have one of its own.
    """
    text = call.context.text.strip()
    if _LIST.fullmatch(text) and "reminders" in text.lower():
        return (ToolCall("list_reminders", {}),)
    if _REMOVE_ALL.fullmatch(text):
        return await ask_delete_all(call) if await call.pending() else ()
    if found := _CHANGE.fullmatch(text):
        return await _about(call, "change_reminder", found["which"], to=found["to"])
    if found := _REMOVE.fullmatch(text):
        return await _about(call, "delete_reminder", found["which"])
    if call.context.answered_last == "reminders" and (found := _IT_TO.fullmatch(text)) and _has_time(call, found["to"]):
        return await _about(call, "change_reminder", None, to=found["to"])
    return _to_set(call, text.rstrip(".!"))


async def means_last(call: ReminderCall) -> str | None:
    """The button that takes the reminder away which was just set. None: the words mean none."""
    if call.context.answered_last == "reminders" and _UNDO.fullmatch(call.context.text.strip()):
        return await call.undo_of_last()
    if call.context.answered_last != "reminders" or not _AWAY.fullmatch(call.context.text.strip()):
        return None
    last = await call.last()
    return None if last is None else f"delete:{last.ref}"


def _to_set(call: ReminderCall, text: str) -> tuple[ToolCall, ...]:
    if found := REMIND.fullmatch(text):
        what, when = found["what"], ""
    elif found := _OTHERWISE.fullmatch(text):
        what, when = found["what"] or found["other"], found["when"] or ""
    else:
        return ()
    if _NOT_OURS.match(what) or not _is_readable(call, f"{what} {when}"):
        return ()
    return (ToolCall("set_reminder", {"what": what} | ({"when": when} if when else {})),)


def _is_readable(call: ReminderCall, words: str) -> bool:
    """Whether the words name something. A time that is missing or not understood is asked for."""
    try:
        return bool(read_moment(words, call.context.now).rest)
    except TimeExpressionError:
        return True


def _has_time(call: ReminderCall, words: str) -> bool:
    if is_bare_hour(words):
        return True
    try:
        return read_moment(words, call.context.now).wall is not None
    except TimeExpressionError:
        return False


async def _about(call: ReminderCall, tool: str, which: str | None, **more: str) -> tuple[ToolCall, ...]:
    """A call about the reminder that words mean; without words, about the one that was set last, or the only one."""
    if which:
        found = await call.find(which)
        return (ToolCall(tool, {"which": which, **more}),) if found else ()
    last = await call.last()
    if last is None and len(pending := await call.pending()) == 1:
        last = pending[0]
    return () if last is None else (ToolCall(tool, {"which": str(last.number), **more}),)
