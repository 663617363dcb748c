"""Imports a calendar that a person sends as a file, or whose address they give."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path

from llmagent_os.adapter_kit.guarded_http import AddressError, GuardedHttp
from llmagent_os.events import Attachment, Command, Message
from llmagent_os.languages import gettext
from llmagent_os.markup.word_list import join_words
from llmagent_os.plugin import ToolResult
from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.event_change import Change
from llmagent_os.plugins.calendar.ics.file_reading import (
    MAX_FILE_BYTES,
    CalendarFile,
    CalendarFileError,
    read_calendar_file,
)
from llmagent_os.plugins.calendar.ics.import_plan import ImportPlan, plan_import
from llmagent_os.sealing.sealed_files import read_file

MAX_NAMED = 3  #: events that a reply names
_ALARM_LEFT_OUT = "I cannot read when it rings"
_DELETED = "deleted because the calendar cancels it"
READING_SECONDS = 8.0  #: for an address

_ADDRESS = re.compile(r"\b(?:webcals?|https?)://[^\s<>\"'|]+", re.I)
#: In front of the address: "remind me to load the car, see https://example.org" asks for no import.
_ASKED = re.compile(
    r"(?:\bimport|^(?:(?:please|can you|could you|would you|and|now|hey|hi|i want to|i'd like to)[\s,]+)*"
    r"(?:subscribe|load|read in|take over))\b[^.!?;]*$",
    re.I,
)
_PASTED = re.compile(r"^BEGIN:VCALENDAR\b(?:.*END:VCALENDAR|.*)", re.S | re.M)
_FILE_TYPES = frozenset({"text/calendar", "application/ics", "application/calendar+json"})


async def import_received(call: CalendarCall) -> ToolResult | None:
    """Import the calendar files of a message, a calendar that was pasted, or one at an address. None: it has none."""
    event = call.context.event
    files = [each for each in event.attachments if _is_calendar(each)] if isinstance(event, Message) else []
    if files:
        return await _import_files(call, files)
    if pasted := _PASTED.search(call.context.text):
        return await _import_contents(call, [pasted[0].encode()])
    address = calendar_address(call.context.text)
    return None if address is None else await import_address(call, address)


def calendar_address(text: str) -> str | None:
    """The address of a calendar that a message asks to import. None: it names none.

    >>> calendar_address("please import https://example.org/team.ics?key=1.")
    'https://example.org/team.ics?key=1'
    >>> calendar_address("remind me to load the car, see https://example.org/menu")
    """
    found = _ADDRESS.search(text)
    if found is None:
        return None
    address = found[0].rstrip(".,;:!?)")
    path = address.partition("?")[0].lower()
    if (
        address.lower().startswith("webcal")
        or path.endswith((".ics", ".ical", ".ifb"))
        or _ASKED.search(text[: found.start()])
    ):
        return re.sub(r"^webcals?(?=:)", "https", address, flags=re.I)
    return None


async def import_command(call: CalendarCall, arguments: str) -> ToolResult:
    """Answer ``/import ADDRESS``, and ``/import`` with files."""
    event = call.context.event
    if isinstance(event, Command) and event.attachments:
        files = [each for each in event.attachments if _is_calendar(each)]
        return (
            await _import_files(call, files)
            if files
            else _failed(gettext("That is no calendar file: I read .ics files."))
        )
    address = calendar_address(f"import {arguments}")
    if address is None:
        return ToolResult(
            {"status": "missing"}, gettext("Send me an .ics file, or the address of one: `/import ADDRESS`.")
        )
    return await import_address(call, address)


async def import_address(call: CalendarCall, address: str) -> ToolResult:
    """Import the calendar at an address."""
    try:
        async with GuardedHttp(
            allow_private=call.context.web.allow_private, seconds=READING_SECONDS, max_bytes=MAX_FILE_BYTES
        ) as http:
            response = await http.request("GET", address, headers={"Accept": "text/calendar"})
    except AddressError as error:
        return _failed(gettext("I could not read that address: {why}.", why=error))
    if response.status != 200:
        status = response.status
        return _failed(gettext("I could not read that address: the server answers {status}.", status=status))
    return await _import_contents(call, [response.body])


async def _import_files(call: CalendarCall, files: Sequence[Attachment]) -> ToolResult:
    if problem := next((each for each in files if each.problem), None):
        return _failed(gettext("I could not fetch {name}: {why}.", name=problem.name, why=problem.problem))
    try:
        contents = [await asyncio.to_thread(_read, each.path) for each in files]
    except OSError as error:
        why = error.strerror or gettext("it is gone")
        return _failed(gettext("I could not read the file: {why}. Please send it again.", why=why))
    return await _import_contents(call, contents)


async def _import_contents(call: CalendarCall, contents: Sequence[bytes]) -> ToolResult:
    if (done := await call.done_before()) is not None:
        return done
    try:
        files = [await asyncio.to_thread(read_calendar_file, content) for content in contents]
    except CalendarFileError as error:
        return _failed(str(error))
    entries = [entry for file in files for entry in file.entries]
    now = call.context.now.isoformat()
    plan = await asyncio.to_thread(plan_import, entries, await call.store.events(), call.zone.key, now)
    others = sum(file.others for file in files)
    plan.left_out += [(f"an alarm of {title}", _ALARM_LEFT_OUT) for file in files for title in file.damaged_alarms]
    said = _said(plan, files, others)
    if not plan.after and not plan.cancelled:
        status = "unchanged" if plan.unchanged else "empty"
        return ToolResult({"status": status, "count": str(plan.unchanged)}, said)
    data = {"status": "imported", "count": str(len(plan.after)), "added": str(len(plan.added))}
    data |= {"changed": str(len(plan.changed))} if plan.changed else {}
    data |= {"deleted": str(len(plan.cancelled))} if plan.cancelled else {}
    data |= {"left_out": str(len(plan.left_out))} if plan.left_out else {}
    change = Change(
        before=(*plan.before, *plan.cancelled, *plan.leads_before),
        after=(*plan.after, *plan.leads_after),
        data=data,
        text=said,
        undo=True,
        undone_text=f"I've undone the import: {_counted(plan, 'taken out', 'put back as before', 'put back')}.",
    )
    result = await call.perform(change, f"That would be: {_counted(plan, 'added', 'changed', _DELETED)}. Shall I?")
    await call.store.focus_on(plan.after[0] if len(plan.after) == 1 else None)
    return result


def _said(plan: ImportPlan, files: Sequence[CalendarFile], others: int) -> str:
    """What the import did, in one or two sentences."""
    name = next((f" from “{file.name}”" for file in files if file.name), "")
    if plan.after or plan.cancelled:
        first = f"I've imported{name}: {_counted(plan, 'added', 'changed', _DELETED)}"
        first += f", and {_events(plan.unchanged)} {_was(plan.unchanged)} there already." if plan.unchanged else "."
    elif plan.unchanged:
        first = f"Nothing to import{name}: {_events(plan.unchanged)} {_was(plan.unchanged)} there already."
    else:
        first = f"There is no event{name} that I could import."
    reasons = [f"{title} ({reason})" for title, reason in plan.left_out[:MAX_NAMED]]
    more = len(plan.left_out) - len(reasons)
    reasons += [f"{more} more"] if more else []
    reasons += [f"{others} {'task or note' if others == 1 else 'tasks or notes'}"] if others else []
    return f"{first} Left out: {join_words(reasons)}." if reasons else first


def _counted(plan: ImportPlan, added: str, changed: str, deleted: str) -> str:
    """``2 events added (gym and lunch), 1 changed and 1 deleted (yoga)``."""
    parts: list[str] = []
    for events, done in ((plan.added, added), (plan.changed, changed), (plan.cancelled, deleted)):
        if events:
            is_named = done != changed and len(events) <= MAX_NAMED
            names = join_words([event.title for event in events]) if is_named else ""
            count = len(events) if parts else _events(len(events))
            parts.append(f"{count} {done}" + (f" ({names})" if names else ""))
    return join_words(parts)


def _events(count: int) -> str:
    return f"{count:,} {'event' if count == 1 else 'events'}"


def _was(count: int) -> str:
    return "was" if count == 1 else "were"


def _failed(text: str) -> ToolResult:
    return ToolResult({"status": "unclear"}, text)


def _is_calendar(file: Attachment) -> bool:
    kind = file.content_type.partition(";")[0].strip().lower()
    return kind in _FILE_TYPES or file.name.lower().endswith((".ics", ".ical", ".icalendar"))


def _read(path: str) -> bytes:
    file = Path(path)
    if file.stat().st_size > 2 * MAX_FILE_BYTES:  # encrypted, it is a little larger
        return b" " * (MAX_FILE_BYTES + 1)
    return read_file(file)[: MAX_FILE_BYTES + 1]
