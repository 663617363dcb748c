"""Imports a calendar that a person sends as a file, or whose address they give."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path

from llmagent_os.adapter_kit.guarded_http import AddressError, GuardedHttp
from llmagent_os.events import Attachment, Command, Message
from llmagent_os.languages import LazyText, gettext, lazy_gettext, list_text, ngettext, number_text
from llmagent_os.languages.written_phrases import join_sentences
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
_ALARM_LEFT_OUT = lazy_gettext("I cannot read when it rings")
_ADDED, _CHANGED = lazy_gettext("{events} added"), lazy_gettext("{events} changed")
_DELETED = lazy_gettext("{events} deleted because the calendar cancels it")
_TAKEN_OUT, _PUT_BACK = lazy_gettext("{events} taken out"), lazy_gettext("{events} put back")
_AS_BEFORE = lazy_gettext("{events} put back as before")
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
    plan.left_out += [
        (gettext("an alarm of {title}", title=title), str(_ALARM_LEFT_OUT))
        for file in files
        for title in file.damaged_alarms
    ]
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
        undone_text=gettext("I've undone the import: {what}.", what=_counted(plan, _TAKEN_OUT, _AS_BEFORE, _PUT_BACK)),
    )
    result = await call.perform(
        change, gettext("That would be: {what}. Shall I?", what=_counted(plan, _ADDED, _CHANGED, _DELETED))
    )
    await call.store.focus_on(plan.after[0] if len(plan.after) == 1 else None)
    return result


def _said(plan: ImportPlan, files: Sequence[CalendarFile], others: int) -> str:
    """What the import did, in one or two sentences."""
    name = next((file.name for file in files if file.name), "")
    there = ngettext("{count} event was there already", "{count} events were there already", plan.unchanged)
    if plan.after or plan.cancelled:
        what = _counted(plan, _ADDED, _CHANGED, _DELETED)
        what = gettext("{what}, and {there}", what=what, there=there) if plan.unchanged else what
        first = (
            gettext("I've imported from “{name}”: {what}.", name=name, what=what)
            if name
            else gettext("I've imported: {what}.", what=what)
        )
    elif plan.unchanged:
        first = (
            gettext("Nothing to import from “{name}”: {there}.", name=name, there=there)
            if name
            else gettext("Nothing to import: {there}.", there=there)
        )
    else:
        first = (
            gettext("There is no event from “{name}” that I could import.", name=name)
            if name
            else gettext("There is no event that I could import.")
        )
    reasons = [f"{title} ({reason})" for title, reason in plan.left_out[:MAX_NAMED]]
    more = len(plan.left_out) - len(reasons)
    reasons += [ngettext("{count} more", "{count} more", more)] if more else []
    reasons += [ngettext("{count} task or note", "{count} tasks or notes", others)] if others else []
    left_out = gettext("Left out: {what}.", what=list_text(reasons)) if reasons else ""
    return join_sentences([first, left_out])


def _counted(plan: ImportPlan, added: LazyText, changed: LazyText, deleted: LazyText) -> str:
    """``2 events added (gym and lunch), 1 changed and 1 deleted (yoga)``."""
    parts: list[str] = []
    for events, done in ((plan.added, added), (plan.changed, changed), (plan.cancelled, deleted)):
        if events:
            is_named = done is not changed and len(events) <= MAX_NAMED
            names = list_text([event.title for event in events]) if is_named else ""
            count = number_text(len(events)) if parts else ngettext("{count} event", "{count} events", len(events))
            parts.append(str(done).format(events=count) + (f" ({names})" if names else ""))
    return list_text(parts)


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
