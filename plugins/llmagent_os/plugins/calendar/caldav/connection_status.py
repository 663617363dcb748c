"""Says how a person's calendar and a CalDAV server are connected."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

from llmagent_os.languages import gettext
from llmagent_os.languages.written_phrases import join_sentences
from llmagent_os.plugin import Button, ToolResult
from llmagent_os.plugins.calendar.caldav.account import DavAccount
from llmagent_os.plugins.calendar.caldav.phone_alarms import alarm_button
from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.said_times import said_moment


def connection_told(call: CalendarCall, account: DavAccount) -> ToolResult:
    """The connection, when it was last used, and what was wrong then."""
    synced = call.to_wall(datetime.fromisoformat(account.synced)) if account.synced else None
    told = gettext(
        "“{name}” on {host} is in step with yours; last looked at {when}.",
        name=account.name or gettext("Your calendar"),
        host=host_of(account),
        when=gettext("not yet") if synced is None else said_moment(synced, call.now),
    )
    failed = gettext("The last try failed: {why}. I go on trying.", why=account.problem) if account.problem else ""
    return ToolResult(
        {"status": "connected"},
        join_sentences([told, failed]),
        buttons=(alarm_button(account), Button(gettext("Disconnect"), "caldav:off")),
    )


def host_of(account: DavAccount) -> str:
    """The name of the server."""
    return urlsplit(account.server).hostname or account.server
