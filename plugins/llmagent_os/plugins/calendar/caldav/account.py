"""Which server and calendar a person has connected, and how the last sync went."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from llmagent_os.languages import gettext_noop
from llmagent_os.plugin import Credential, ToolContext

RECORD = "caldav"  #: the key of the record
TIMER = "caldav"  #: the key of the timer of the next sync
OLD_SECRET = "caldav-password"  #: under which passwords were kept that people gave before there were credentials
POLL = timedelta(minutes=2)  #: between two looks at the server
FORM_POLL = timedelta(seconds=15)  #: between two looks whether the form was filled in
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=2), timedelta(hours=1)  #: after a sync that failed


#: What a person gives to connect a server.
CREDENTIAL = Credential(
    name="caldav",
    kind="login",
    title=gettext_noop("your calendar"),
    about=gettext_noop(
        "The server keeps the calendar of your phone. Use a password for apps, if your provider offers one."
    ),
    address=gettext_noop("Address of the server (CalDAV)"),
    example="https://dav.example.org/",
    command="/caldav",
)


class DavAccount(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A person's connection to a server."""

    state: Literal["form", "choose", "on", "refused"]  #: waits for the form, asks which calendar, works, works no more
    since: str  #: when this state began: a moment in UTC, in ISO format
    server: str = ""  #: as the person named it
    user: str = ""
    calendar: str = ""  #: the address of the calendar
    name: str = ""  #: what the server calls the calendar
    choices: tuple[tuple[str, str], ...] = ()  #: addresses and names of calendars to choose from
    token: str = ""  #: of the last sync
    alarms: bool = False  #: alarms that are set on the phone become reminders here, too
    failures: int = 0  #: syncs in a row that failed
    problem: str = ""  #: why the last one failed
    synced: str = ""  #: when the last one succeeded: a moment in UTC, in ISO format

    def next_sync(self, now: datetime) -> datetime:
        """When to sync again."""
        if not self.failures:
            return now + POLL
        doubled: timedelta = FIRST_PAUSE * 2 ** min(self.failures - 1, 10)
        return now + min(LONGEST_PAUSE, doubled)


async def read_account(context: ToolContext) -> DavAccount | None:
    """The person's connection. None: they have none."""
    found = await context.records.get(RECORD)
    try:
        return None if found is None else msgspec.convert(found, DavAccount)
    except msgspec.ValidationError:
        return None


async def keep_account(context: ToolContext, account: DavAccount) -> None:
    """Keep a connection."""
    await context.records.put(RECORD, msgspec.to_builtins(account))


async def sync_soon(context: ToolContext) -> None:
    """Have the server told of what was changed just now, if one is connected."""
    account = await read_account(context)
    if account is not None and account.state == "on":
        await context.timers.set(TIMER, context.now)
