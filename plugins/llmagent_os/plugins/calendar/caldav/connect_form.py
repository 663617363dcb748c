"""The page on which a person gives the password of their calendar server. In a chat, the password would be kept."""

from __future__ import annotations

import html
import re
from datetime import datetime
from urllib.parse import parse_qs, urlsplit

import msgspec

from llmagent_os.plugin import PageRequest, PageResponse, ToolContext, Visitor
from llmagent_os.plugins.calendar.caldav.account import FORM_LIFETIME, SECRET, keep_account, read_account
from llmagent_os.plugins.calendar.ics.page_keys import page_key

MAX_FIELD_CHARACTERS = 500  #: of what is written into one field

_PATH = re.compile(r"caldav/([A-Za-z0-9_-]{43})")
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:26rem;margin:3rem auto;padding:0 1rem;color:#222}"
    "label{display:block;margin:1rem 0 .2rem}input{width:100%;box-sizing:border-box;padding:.5rem;font:inherit}"
    "button{margin-top:1.4rem;padding:.55rem 1.2rem;font:inherit}.wrong{color:#a00}"
)


async def connect_page(request: PageRequest, visitor: Visitor) -> PageResponse | None:
    """Show the form, or take what was written into it. None: the address is not, or no longer, that of a form."""
    match = _PATH.fullmatch(request.path)
    context = await visitor(page_key(match[1])) if match else None
    if match is None or context is None:
        return None
    account = await read_account(context)
    key = page_key(match[1])
    if account is None or account.state != "form" or account.page != key:
        return None
    if context.now - datetime.fromisoformat(account.since) > FORM_LIFETIME:
        return None
    if request.method != "POST":
        return _page(_form())
    given = {name: values[0].strip() for name, values in parse_qs(request.body.decode("utf-8", "replace")).items()}
    server, user, password = (given.get(name, "") for name in ("server", "user", "password"))
    if wrong := _wrong(server, user, password, plain=context.web.allow_private):
        return _page(_form(server, user, wrong), 422)
    await _keep(context, _address(server), user, password)
    await context.records.delete(key)
    return _page("<h1>Thank you</h1><p>You can close this page. I will say in the chat whether it works.</p>")


async def _keep(context: ToolContext, server: str, user: str, password: str) -> None:
    account = await read_account(context)
    if account is None:
        return
    await context.secrets.put(SECRET, password)
    changed = msgspec.structs.replace(
        account, state="new", page="", since=context.now.isoformat(), server=server, user=user
    )
    await keep_account(context, changed)


def _address(server: str) -> str:
    return server if "://" in server else f"https://{server}"


def _wrong(server: str, user: str, password: str, *, plain: bool) -> str:
    """What is wrong with what was written. Empty: nothing."""
    if not (server and user and password):
        return "Please fill in all three fields."
    if any(len(value) > MAX_FIELD_CHARACTERS for value in (server, user, password)):
        return "One of the fields is too long."
    try:
        parts = urlsplit(_address(server))
        _ = parts.port  # raises where it is no number
    except ValueError:
        return "The server's address cannot be read."
    if not parts.hostname or parts.username or parts.scheme not in ("https", "http"):
        return "The server's address should look like https://dav.example.org/."
    if parts.scheme == "http" and not plain:
        return "The server's address should begin with https://, so that nobody reads the password on its way."
    return ""


def _form(server: str = "", user: str = "", wrong: str = "") -> str:
    said = f'<p class="wrong">{html.escape(wrong)}</p>' if wrong else ""
    return f"""<h1>Connect your calendar</h1>{said}
<p>Your calendar server keeps the calendar of your phone. Use a password for apps, if your provider offers one.</p>
<form method="post" autocomplete="off">
<label for="server">Address of the server (CalDAV)</label>
<input id="server" name="server" required placeholder="https://dav.example.org/" value="{html.escape(server)}">
<label for="user">Your name there</label>
<input id="user" name="user" required value="{html.escape(user)}">
<label for="password">Password</label>
<input id="password" name="password" type="password" required>
<button>Connect</button></form>"""


def _page(body: str, status: int = 200) -> PageResponse:
    whole = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Connect your calendar</title><style>{_STYLE}</style>{body}</html>"
    )
    return PageResponse(status=status, body=whole.encode())
