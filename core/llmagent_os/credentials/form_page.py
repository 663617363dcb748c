"""The page on which a person gives a credential. In a chat it would be kept by the platform."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from llmagent_os.adapter_kit.pages import PageResponse
from llmagent_os.credentials.credential import Credential
from llmagent_os.languages import gettext, language_in_force, lazy_gettext, translated

MAX_FIELD_CHARACTERS = 8_000  #: of what is written into one field

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:26rem;margin:3rem auto;padding:0 1rem;color:#222}"
    "label{display:block;margin:1rem 0 .2rem}input{width:100%;box-sizing:border-box;padding:.5rem;font:inherit}"
    "button{margin-top:1.4rem;padding:.55rem 1.2rem;font:inherit}.wrong{color:#a00}"
)
_TOKEN, _PASSWORD = lazy_gettext("Token"), lazy_gettext("Password")
_SECRETS = {"token": _TOKEN, "password": _PASSWORD, "login": _PASSWORD, "oauth2": _TOKEN}


def wrong_fields(credential: Credential, given: Mapping[str, str], *, plain: bool) -> str:
    """What is wrong with what was written. Empty: nothing.

    Args:
        credential: that is asked for.
        given: the fields, by name.
        plain: whether an address may begin with http://.
    """
    names = [name for name, wanted in _wanted(credential).items() if wanted]
    if not all(given.get(name) for name in names):
        return gettext("Please fill in every field.")
    if any(len(given[name]) > MAX_FIELD_CHARACTERS for name in names):
        return gettext("One of the fields is too long.")
    if credential.address and (wrong := _wrong_address(given["address"], credential.example, plain=plain)):
        return wrong
    if credential.pattern and not re.fullmatch(credential.pattern, given["secret"]):
        if looks := translated(credential.looks):
            return gettext("That does not look like what is needed: {looks}.", looks=looks)
        return gettext("That does not look like what is needed.")
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
    parts += [f"<p>{_text(translated(credential.about))}</p>"] if credential.about else []
    if where := translated(credential.where):
        parts.append(f"<p>{_text(gettext('Where you get it: {where}', where=where))}</p>")
    parts.append('<form method="post" autocomplete="off">')
    if credential.address:
        parts.append(
            _field("address", translated(credential.address), given.get("address", ""), hint=credential.example)
        )
    if credential.kind == "login":
        parts.append(_field("user", translated(credential.user), given.get("user", "")))
    parts.append(_field("secret", str(_SECRETS[credential.kind]), kind="password", hint=translated(credential.looks)))
    parts.append(f"<button>{_text(gettext('Send'))}</button></form>")
    return _page(_heading(credential), "\n".join(parts), 422 if wrong else 200)


def sign_in_page(credential: Credential, address: str, *, account: str, bot: str, cookie: str) -> PageResponse:
    """The page before a sign-in. Whoever was sent the address by somebody else sees here for whom the sign-in is.

    Args:
        credential: that is asked for.
        address: where the person signs in.
        account: in the chat, which can use the sign-in from then on.
        bot: the title of the bot.
        cookie: with which the browser comes back.
    """
    for_account = gettext(
        "The bot “{bot}” will use your sign-in for the chat account “{account}”. Go on only if this account is "
        "yours, and you have asked for this page yourself.",
        bot=bot,
        account=account,
    )
    mine = gettext("This is my account: sign in")
    body = (
        f"<h1>{_text(_heading(credential))}</h1><p>{_text(for_account)}</p>"
        f'<p><a href="{_text(address)}">{_text(mine)}</a></p>'
    )
    page = _page(_heading(credential), body, 200)
    return PageResponse(status=200, headers={"Set-Cookie": cookie}, body=page.body)


def message_page(heading: str, text: str, status: int = 200) -> PageResponse:
    """A page that says one thing."""
    return _page(heading, f"<h1>{_text(heading)}</h1><p>{_text(text)}</p>", status)


def _wanted(credential: Credential) -> dict[str, bool]:
    return {"address": bool(credential.address), "user": credential.kind == "login", "secret": True}


def _heading(credential: Credential) -> str:
    return gettext("Connect {title}", title=translated(credential.title))


def _wrong_address(address: str, example: str, *, plain: bool) -> str:
    try:
        parts = urlsplit(full_address(address))
        _ = parts.port  # raises where it is no number
    except ValueError:
        return gettext("The server's address cannot be read.")
    if not parts.hostname or parts.username or parts.scheme not in ("https", "http"):
        shown = example or "https://server.example.org/"
        return gettext("The server's address should look like {example}.", example=shown)
    if parts.scheme == "http" and not plain:
        return gettext("The server's address should begin with https://, so that nobody reads the password on its way.")
    return ""


def _field(name: str, label: str, value: str = "", *, kind: str = "text", hint: str = "") -> str:
    shown = f' value="{_text(value)}"' if value else ""
    hint = f' placeholder="{_text(hint)}"' if hint else ""
    box = f'<input id="{name}" name="{name}" type="{kind}" required{hint}{shown}>'
    return f'<label for="{name}">{_text(label)}</label>\n{box}'


def _page(title: str, body: str, status: int) -> PageResponse:
    whole = (
        f'<!doctype html><html lang="{language_in_force()}"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{_text(title)}</title><style>{_STYLE}</style>{body}</html>"
    )
    return PageResponse(status=status, body=whole.encode())


def _text(text: str) -> str:
    return html.escape(text)
