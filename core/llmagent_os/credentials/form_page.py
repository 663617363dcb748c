"""The page on which a person gives a credential. In a chat it would be kept by the platform."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from llmagent_os.adapter_kit.pages import PageResponse
from llmagent_os.credentials.credential import Credential

MAX_FIELD_CHARACTERS = 8_000  #: of what is written into one field

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:26rem;margin:3rem auto;padding:0 1rem;color:#222}"
    "label{display:block;margin:1rem 0 .2rem}input{width:100%;box-sizing:border-box;padding:.5rem;font:inherit}"
    "button{margin-top:1.4rem;padding:.55rem 1.2rem;font:inherit}.wrong{color:#a00}"
)
_SECRETS = {"token": "Token", "password": "Password", "login": "Password", "oauth2": "Token"}


def wrong_fields(credential: Credential, given: Mapping[str, str], *, plain: bool) -> str:
    """What is wrong with what was written. Empty: nothing.

    Args:
        credential: that is asked for.
        given: the fields, by name.
        plain: whether an address may begin with http://.
    """
    names = [name for name, wanted in _wanted(credential).items() if wanted]
    if not all(given.get(name) for name in names):
        return "Please fill in every field."
    if any(len(given[name]) > MAX_FIELD_CHARACTERS for name in names):
        return "One of the fields is too long."
    if credential.address and (wrong := _wrong_address(given["address"], credential.example, plain=plain)):
        return wrong
    if credential.pattern and not re.fullmatch(credential.pattern, given["secret"]):
        looks = f": {credential.looks}" if credential.looks else ""
        return f"That does not look like what is needed{looks}."
    return ""


def full_address(address: str) -> str:
    """An address with its scheme."""
    return address if "://" in address else f"https://{address}"


def form_page(credential: Credential, given: Mapping[str, str] | None = None, wrong: str = "") -> PageResponse:
    """The form. The secret that was written is not shown again.

    Args:
        credential: that is asked for.
        given: what was written before.
        wrong: what is wrong with it; empty: the form is shown for the first time.
    """
    given = given or {}
    parts = [f"<h1>{_text(_heading(credential))}</h1>"]
    parts += [f'<p class="wrong">{_text(wrong)}</p>'] if wrong else []
    parts += [f"<p>{_text(credential.about)}</p>"] if credential.about else []
    parts += [f"<p>Where you get it: {_text(credential.where)}</p>"] if credential.where else []
    parts.append('<form method="post" autocomplete="off">')
    if credential.address:
        parts.append(_field("address", credential.address, given.get("address", ""), hint=credential.example))
    if credential.kind == "login":
        parts.append(_field("user", credential.user, given.get("user", "")))
    parts.append(_field("secret", _SECRETS[credential.kind], kind="password", hint=credential.looks))
    parts.append("<button>Send</button></form>")
    return _page(_heading(credential), "\n".join(parts), 422 if wrong else 200)


def sign_in_page(credential: Credential, address: str, *, account: str, bot: str, cookie: str) -> PageResponse:
    """The page before a sign-in. Whoever was sent the address by somebody else sees here for whom the sign-in is.

    Args:
        credential: that is asked for.
        address: where the person signs in.
        account: in the chat, which can use the sign-in from then on.
        bot: the title of the bot; empty: it has none.
        cookie: with which the browser comes back.
    """
    for_bot = f"The bot <b>{_text(bot)}</b>" if bot else "The bot"
    body = (
        f"<h1>{_text(_heading(credential))}</h1><p>{for_bot} will use your sign-in for the chat account "
        f"<b>{_text(account)}</b>. Go on only if this account is yours, and you have asked for this page yourself.</p>"
        f'<p><a href="{_text(address)}">This is my account: sign in</a></p>'
    )
    page = _page(_heading(credential), body, 200)
    return PageResponse(status=200, headers={"Set-Cookie": cookie}, body=page.body)


def message_page(heading: str, text: str, status: int = 200) -> PageResponse:
    """A page that says one thing."""
    return _page(heading, f"<h1>{_text(heading)}</h1><p>{_text(text)}</p>", status)


def _wanted(credential: Credential) -> dict[str, bool]:
    return {"address": bool(credential.address), "user": credential.kind == "login", "secret": True}


def _heading(credential: Credential) -> str:
    return f"Connect {credential.title}"


def _wrong_address(address: str, example: str, *, plain: bool) -> str:
    try:
        parts = urlsplit(full_address(address))
        _ = parts.port  # raises where it is no number
    except ValueError:
        return "The server's address cannot be read."
    if not parts.hostname or parts.username or parts.scheme not in ("https", "http"):
        return f"The server's address should look like {example or 'https://server.example.org/'}."
    if parts.scheme == "http" and not plain:
        return "The server's address should begin with https://, so that nobody reads the password on its way."
    return ""


def _field(name: str, label: str, value: str = "", *, kind: str = "text", hint: str = "") -> str:
    shown = f' value="{_text(value)}"' if value else ""
    hint = f' placeholder="{_text(hint)}"' if hint else ""
    box = f'<input id="{name}" name="{name}" type="{kind}" required{hint}{shown}>'
    return f'<label for="{name}">{_text(label)}</label>\n{box}'


def _page(title: str, body: str, status: int) -> PageResponse:
    whole = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{_text(title)}</title><style>{_STYLE}</style>{body}</html>"
    )
    return PageResponse(status=status, body=whole.encode())


def _text(text: str) -> str:
    return html.escape(text)
