"""Connects a person's calendar with a CalDAV server: ``/caldav``, the choice of a calendar, and the timer of syncs."""

from __future__ import annotations

import asyncio
import re
import time
from datetime import UTC, datetime, timedelta

import msgspec

from llmagent_os.adapter_kit.guarded_http import GuardedHttp
from llmagent_os.credentials.open_page import PAGE_TIME
from llmagent_os.languages import gettext
from llmagent_os.plugin import Button, ToolContext, ToolResult
from llmagent_os.plugins.calendar.caldav.account import (
    CREDENTIAL,
    FORM_POLL,
    OLD_SECRET,
    RECORD,
    TIMER,
    DavAccount,
    keep_account,
    read_account,
)
from llmagent_os.plugins.calendar.caldav.connection_status import connection_told, host_of
from llmagent_os.plugins.calendar.caldav.dav_client import DavCalendar, DavClient, DavError, DavRefusedError
from llmagent_os.plugins.calendar.caldav.phone_alarms import alarm_button, alarms_command
from llmagent_os.plugins.calendar.caldav.sync import Sync
from llmagent_os.plugins.calendar.caldav.sync_news import drop_news, keep_news
from llmagent_os.plugins.calendar.caldav.synced_objects import SyncedObjects
from llmagent_os.plugins.calendar.calendar_call import CalendarCall

SYNC_SECONDS = 3.0  #: of one sync: what is left over is done in the next one, at once
REQUEST_SECONDS = 3.0  #: of one request
FINDING_SECONDS = 8.0  #: until the person's calendars are found
SOON = timedelta(seconds=1)  #: between two syncs of which the first had more to do
MAX_CHOICES = 10  #: calendars to choose from

_PICK = re.compile(r"caldav:pick:(\d)")


async def caldav_command(call: CalendarCall, arguments: str) -> ToolResult:
    """Answer ``/caldav``, ``/caldav off`` and ``/caldav alarms``."""
    context = call.context
    if context.event is not None and context.event.conversation.kind != "direct":
        return ToolResult({"status": "refused"}, gettext("Please write /caldav to me in a private conversation."))
    account = await read_account(context)
    if arguments == "off":
        return (
            await _disconnected(context)
            if account
            else ToolResult({"status": "off"}, gettext("You have no server connected."))
        )
    if account is not None and account.state == "on":
        setting, _, said = arguments.partition(" ")
        return (
            await alarms_command(call, account, said.strip()) if setting == "alarms" else connection_told(call, account)
        )
    return await _form_offered(context)


async def caldav_pressed(call: CalendarCall, value: str) -> ToolResult | None:
    """Answer a button of this module. None: it is none."""
    if value in ("caldav:off", "caldav:alarms on", "caldav:alarms off", "caldav:renew"):
        return await caldav_command(call, value.removeprefix("caldav:").removesuffix("renew"))
    match = _PICK.fullmatch(value)
    if match is None:
        return None
    account = await read_account(call.context)
    if account is None or account.state != "choose" or int(match[1]) >= len(account.choices):
        return ToolResult({"status": "stale"}, gettext("That choice is no longer open. Type /caldav to begin again."))
    url, name = account.choices[int(match[1])]
    return await _connected(call.context, account, DavCalendar(url, name))


async def caldav_due(call: CalendarCall) -> ToolResult | None:
    """Go on when the timer rings: look whether the form was filled in, find the calendars, or sync."""
    context = call.context
    account = await read_account(context)
    match account.state if account else "":
        case "form" if account is not None:
            given = context.credentials.get(CREDENTIAL.name)
            if given is not None:
                named = msgspec.structs.replace(account, server=given.address, user=given.user)
                return await _find_calendars(context, named)
            if context.now - datetime.fromisoformat(account.since) > PAGE_TIME:
                await _give_up(context, account)
            else:
                await context.timers.set(TIMER, context.now + FORM_POLL)
            return None
        case "on" if account is not None:
            await _sync(call, account)
            return None
        case _:
            return None


async def _form_offered(context: ToolContext) -> ToolResult:
    address = await context.credentials.form(CREDENTIAL.name)
    if not address:
        return ToolResult(
            {"status": "unavailable"},
            gettext(
                "To connect your calendar I need a page on the web on which you can give its password. Whoever runs me "
                "can set {setting}.",
                setting="LLMAGENT_OS_PUBLIC_URL",
            ),
        )
    # A calendar whose password is given anew goes on from the last sync: what was changed here since is not lost.
    before = await read_account(context)
    await _disconnect(context, forget=before is None or before.state != "refused")
    now = context.now.astimezone(UTC).isoformat()
    last = before.calendar if before is not None and before.state == "refused" else ""
    await keep_account(context, DavAccount(state="form", since=now, calendar=last))
    await context.timers.set(TIMER, context.now + FORM_POLL)
    return ToolResult(
        {"status": "form"},
        gettext(
            "Give me the address of your calendar server on this page. It works once, and for 15 minutes:\n{address}\n"
            "Please write no password here in the chat.",
            address=address,
        ),
        is_secret=True,
    )


async def _find_calendars(context: ToolContext, account: DavAccount) -> ToolResult:
    try:
        async with asyncio.timeout(FINDING_SECONDS), _http(context) as http:
            client = await _client(context, http, account)
            found = (await client.calendars())[:MAX_CHOICES]
        if not found:
            raise DavError("I found no calendar there that may hold events")
    except (DavError, TimeoutError) as error:
        error = error if isinstance(error, DavError) else DavError("the server takes too long to answer")
        await _give_up(context, account)
        return ToolResult(
            {"status": "failed"},
            gettext("I could not connect your calendar: {why}. Type /caldav to try again.", why=error),
        )
    if len(found) == 1:
        return await _connected(context, account, found[0])
    choices = tuple((each.url, each.name) for each in found)
    await keep_account(context, msgspec.structs.replace(account, state="choose", choices=choices))
    buttons = tuple(
        Button(name[:80] or gettext("no name"), f"caldav:pick:{number}") for number, (_, name) in enumerate(choices)
    )
    return ToolResult(
        {"status": "ambiguous"}, gettext("Which calendar shall I keep in step with yours here?"), buttons=buttons
    )


async def _connected(context: ToolContext, account: DavAccount, found: DavCalendar) -> ToolResult:
    if account.calendar != found.url:
        await _forget_synced(context)
    on = msgspec.structs.replace(account, state="on", calendar=found.url, name=found.name, choices=())
    await keep_account(context, on)
    await context.timers.set(TIMER, context.now + SOON)
    return ToolResult(
        {"status": "connected"},
        gettext(
            "Connected: I keep “{name}” on {host} in step with your calendar here.",
            name=found.name or gettext("your calendar"),
            host=host_of(on),
        ),
        buttons=(alarm_button(on), Button(gettext("Disconnect"), "caldav:off")),
    )


async def _sync(call: CalendarCall, account: DavAccount) -> None:
    context, now = call.context, call.context.now
    await context.timers.set(TIMER, account.next_sync(now))  # whatever happens below, there is a next time
    try:
        async with _http(context) as http:
            client = await _client(context, http, account)
            report = await Sync(call, client, account, time.monotonic() + SYNC_SECONDS).run()
    except DavRefusedError as error:
        await keep_account(context, msgspec.structs.replace(account, state="refused", problem=str(error)))
        await context.credentials.refused(CREDENTIAL.name)
        text = gettext(
            "I no longer reach your calendar on {host}: {why}. Type /caldav to renew it.",
            host=host_of(account),
            why=error,
        )
        await keep_news(context, (text,), renew=True)
        return
    except DavError as error:
        failed = msgspec.structs.replace(account, failures=account.failures + 1, problem=str(error))
        await keep_account(context, failed)
        await context.timers.set(TIMER, failed.next_sync(now))
        return
    done = msgspec.structs.replace(
        account, token=report.token, failures=0, problem="", synced=now.astimezone(UTC).isoformat()
    )
    await keep_account(context, done)
    await context.timers.set(TIMER, done.next_sync(now) if report.complete else now + SOON)
    if report.news:
        await keep_news(context, report.news)


def _http(context: ToolContext) -> GuardedHttp:
    return GuardedHttp(allow_private=context.web.allow_private, seconds=REQUEST_SECONDS, max_bytes=20_000_000)


async def _client(context: ToolContext, http: GuardedHttp, account: DavAccount) -> DavClient:
    given = context.credentials.get(CREDENTIAL.name)
    password = given.secret if given is not None else await context.secrets.get(OLD_SECRET)
    if password is None:
        raise DavRefusedError("its password is gone")
    return DavClient(http, account.server, account.user, password, plain=context.web.allow_private)


async def _disconnected(context: ToolContext) -> ToolResult:
    await _disconnect(context)
    return ToolResult(
        {"status": "off"}, gettext("Disconnected. Both calendars stay as they are, and the password is erased.")
    )


async def _give_up(context: ToolContext, account: DavAccount) -> None:
    """End an attempt to connect. What is known of a calendar that was connected before stays for the next attempt."""
    await _disconnect(context, forget=not account.calendar)
    if account.calendar:
        await keep_account(context, DavAccount(state="refused", since=account.since, calendar=account.calendar))


async def _disconnect(context: ToolContext, *, forget: bool = True) -> None:
    """End the connection.

    Args:
        context: of the person.
        forget: what both sides had after the last sync is forgotten, too.
    """
    await context.timers.cancel(TIMER)
    await drop_news(context)
    await context.credentials.remove(CREDENTIAL.name)
    await context.secrets.delete(OLD_SECRET)
    await context.records.delete(RECORD)
    if forget:
        await _forget_synced(context)


async def _forget_synced(context: ToolContext) -> None:
    synced = SyncedObjects(context.records)
    await synced.load()
    await synced.drop_all()
