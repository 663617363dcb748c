"""A person's calendar at a secret address, for calendar programs that subscribe to it.

Whoever knows the address can read the calendar, so it is unguessable and can be renewed. The records hold its hash
only; the address itself is with the person's passwords.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets

import msgspec

from llmagent_os.languages import gettext
from llmagent_os.languages.written_phrases import join_sentences
from llmagent_os.plugin import Button, PageRequest, PageResponse, ToolContext, ToolResult, Visitor
from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent
from llmagent_os.plugins.calendar.icalendar_export import to_icalendar
from llmagent_os.plugins.calendar.ics.page_keys import page_key

SECRET = "calendar-feed"  #: the name of the address among the person's secrets
RECORD = "feed"  #: the key of the record that says which address is valid
REFRESH = "PT15M"  #: how often programs are asked to look again
KEEP_SECONDS = 60  #: how long a program may use what it has without asking

_PATH = re.compile(r"feed/([A-Za-z0-9_-]{43})\.ics")


async def feed_command(call: CalendarCall, arguments: str) -> ToolResult:
    """Answer ``/feed``, ``/feed new`` and ``/feed off``."""
    context = call.context
    if arguments == "off":
        had_one = await _revoke(context)
        text = gettext("Your feed is off: its address no longer works.") if had_one else gettext("You have no feed.")
        return ToolResult({"status": "off"}, text)
    if not context.web.public_url:
        return ToolResult(
            {"status": "unavailable"},
            gettext(
                "I have no address on the web that a calendar program could read. Whoever runs me can set {setting}. "
                "Until then, `/export calendar` gives you your calendar as a file.",
                setting="LLMAGENT_OS_PUBLIC_URL",
            ),
        )
    if arguments not in ("", "new"):
        return ToolResult({"status": "unclear"}, gettext("I know /feed, /feed new and /feed off."))
    token = None if arguments == "new" else await _token(context)
    renewed = token is None and await _revoke(context)
    if token is None:
        token = await _new_token(context)
    lead = gettext("The old address no longer works.") if renewed else ""
    address = gettext("Your calendar, for other programs to subscribe to:") + f"\n{_address(context, token)}"
    near = gettext("It works on this computer only.") if "://127.0.0.1" in context.web.public_url else ""
    secret = gettext("Keep it to yourself: whoever has it can read your calendar.")
    return ToolResult(
        {"status": "feed"},
        f"{join_sentences([lead, address])}\n{join_sentences([near, secret])}",
        buttons=(Button(gettext("New address"), "feed:new"), Button(gettext("Turn off"), "feed:off", "danger")),
        is_secret=True,
    )


async def feed_page(request: PageRequest, visitor: Visitor) -> PageResponse | None:
    """Answer a program that subscribes. None: the address is not, or no longer, that of a feed."""
    match = _PATH.fullmatch(request.path)
    context = await visitor(page_key(match[1])) if match else None
    if match is None or context is None:
        return None
    valid = await context.records.get(RECORD)
    if valid is None or valid.get("key") != page_key(match[1]):
        return None
    if request.method not in ("GET", "HEAD"):
        return PageResponse(status=405, content_type="text/plain", body=b"This address can only be read.\n")
    events = await CalendarCall(context).store.events()
    tag = _tag(events)
    headers = {"ETag": tag, "Cache-Control": f"private, max-age={KEEP_SECONDS}"}
    if tag in (each.strip() for each in request.headers.get("if-none-match", "").split(",")):
        return PageResponse(status=304, content_type="text/calendar; charset=utf-8", headers=headers)
    headers |= {"Content-Disposition": 'inline; filename="calendar.ics"'}
    content = await asyncio.to_thread(_content, events, context)
    return PageResponse(content_type="text/calendar; charset=utf-8", headers=headers, body=content)


def _content(events: list[CalendarEvent], context: ToolContext) -> bytes:
    properties = {"x-wr-calname": "Calendar", "refresh-interval": REFRESH, "x-published-ttl": REFRESH}
    return to_icalendar(events, context.now, properties).content


def _tag(events: list[CalendarEvent]) -> str:
    """The ETag: the same as long as the calendar is."""
    ordered = sorted(events, key=lambda event: event.event_id)
    return f'"{hashlib.sha256(msgspec.json.encode(ordered)).hexdigest()[:32]}"'


async def _token(context: ToolContext) -> str | None:
    """The secret of the feed's address. None: there is no feed, or another account of the person made it."""
    token, valid = await context.secrets.get(SECRET), await context.records.get(RECORD)
    return token if token and valid is not None and valid.get("key") == page_key(token) else None


async def _new_token(context: ToolContext) -> str:
    token = secrets.token_urlsafe(32)
    await context.secrets.put(SECRET, token)
    await context.records.put(page_key(token), {"page": "feed"})
    await context.records.put(RECORD, {"key": page_key(token), "made": context.now.isoformat()})
    return token


async def _revoke(context: ToolContext) -> bool:
    """End the feed. Returns whether there was one."""
    valid = await context.records.get(RECORD)
    await context.secrets.delete(SECRET)
    if valid is None:
        return False
    await context.records.delete(str(valid.get("key", "")))
    return await context.records.delete(RECORD)


def _address(context: ToolContext, token: str) -> str:
    return f"{context.web.public_url}/pages/calendar/feed/{token}.ics"
