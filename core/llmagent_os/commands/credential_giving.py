"""How a person gives a credential: on a page, by a sign-in, by a code on a second device, or in a private message."""

from __future__ import annotations

import re

import msgspec

from llmagent_os.adapter import Button, Reply
from llmagent_os.credentials.credential import Credential, OAuthServer
from llmagent_os.credentials.oauth_flow import DeviceCode, OAuthRefusedError, OAuthUnreachableError
from llmagent_os.credentials.stored import StoredCredential
from llmagent_os.credentials.typed_secret import typed_place
from llmagent_os.credentials.vault import Vault
from llmagent_os.errors import PluginError
from llmagent_os.events import Command, Event
from llmagent_os.identity import identity_of
from llmagent_os.languages import gettext, translated
from llmagent_os.languages.written_phrases import join_sentences

_DONE = "agent:credentials:done:"


async def begin(vault: Vault, event: Event, plugin: str, credential: Credential) -> Reply:
    """Say how the person gives a credential, and prepare that. Only the person sees the reply."""
    if credential.command:
        return Reply(
            gettext("Type {command} to sign in to {title}.", command=credential.command, title=_title(credential))
        )
    if credential.server is not None:
        return await _sign_in(vault, event, plugin, credential, credential.server)
    address = await vault.form(plugin, credential.name, identity_of(event))
    if address:
        return Reply(
            gettext(
                "Give it to me on this page. It works once, and for 15 minutes:\n{address}\nPlease write no password "
                "here.",
                address=address,
            )
        )
    return _by_typing(event, credential)


async def keep_typed(vault: Vault, event: Event, plugin: str, credential: Credential, secret: str) -> Reply:
    """Keep what came behind ``/credentials add NAME``. Where others read along, it is not kept."""
    if is_seen(event):
        return Reply(
            gettext(
                "Others can read this chat, so I have not kept it. Please make a new one where you got it, delete your "
                "message, and give me the new one in a private conversation."
            )
        )
    if credential.server is not None or credential.command or credential.address:
        return await begin(vault, event, plugin, credential)
    between = "\n" if "\n" in secret else " "  # of a form: a line each
    user, _, password = secret.partition(between) if credential.kind == "login" else ("", "", secret)
    password = password.strip()
    if not password:
        how = "NAME PASSWORD" if credential.kind == "login" else "SECRET"
        command = f"/credentials add {credential.name} {how}"
        return Reply(gettext("I have not got it. Please write `{command}`.", command=command))
    if credential.pattern and not re.fullmatch(credential.pattern, password):
        refused = gettext("That is not for {title}, so I have not kept it.", title=_title(credential))
        looks = translated(credential.looks)
        wanted = gettext("What I need looks like this: {looks}.", looks=looks) if looks else ""
        return Reply(join_sentences([refused, wanted]))
    stored = StoredCredential(secret=password, user=user, given=vault.clock(), by=typed_place(event))
    try:
        await vault.put(plugin, credential.name, identity_of(event), stored)
    except PluginError:
        return Reply(gettext("That is too long for a password or token, so I have not kept it."))
    return thanks_for_typed(event, credential)


def thanks_for_typed(event: Event, credential: Credential) -> Reply:
    """What a person reads whose credential was typed and is kept."""
    if not (isinstance(event, Command) and event.message_id):
        return Reply(gettext("Thank you: I can sign in to {title} now.", title=_title(credential)))
    return Reply(
        gettext(
            "Thank you: I can sign in to {title} now. If this chat still shows your message, please delete it.",
            title=_title(credential),
        )
    )


async def finish_device(vault: Vault, event: Event, plugin: str, credential: Credential) -> Reply:
    """Answer the button of a person who says that they have signed in on a second device."""
    identity = identity_of(event)
    place = _device(plugin, credential)
    raw = await vault.secrets(identity).get(place)
    again = gettext("Write `{command}` to begin again.", command=f"/credentials add {credential.name}")
    if raw is None or credential.server is None:
        return Reply(join_sentences([gettext("That sign-in is no longer open."), again]))
    code = msgspec.json.decode(raw, type=DeviceCode)
    try:
        stored = await vault.oauth.by_device(credential.server, code.device_code, vault.clock())
    except OAuthRefusedError as error:
        await vault.secrets(identity).delete(place)
        return Reply(join_sentences([gettext("That did not work: {why}.", why=error), again]))
    except OAuthUnreachableError as error:
        unreachable = gettext("I cannot ask the server now: {why}.", why=error)
        return Reply(unreachable, buttons=(_done_button(plugin, credential),))
    if stored is None:
        waits = join_sentences([gettext("You have not signed in yet."), _device_words(code)])
        return Reply(waits, buttons=(_done_button(plugin, credential),))
    if await vault.secrets(identity).get(place) != raw:  # meanwhile the person was forgotten, or has begun anew
        return Reply(join_sentences([gettext("That sign-in is no longer open."), again]))
    await vault.put(plugin, credential.name, identity, stored)
    await vault.secrets(identity).delete(place)
    return Reply(gettext("Thank you: I can sign in to {title} now.", title=_title(credential)))


async def _sign_in(vault: Vault, event: Event, plugin: str, credential: Credential, server: OAuthServer) -> Reply:
    identity = identity_of(event)
    if server.authorize_url and vault.public_url:
        address = await vault.sign_in(plugin, credential.name, event)
        return Reply(
            gettext(
                "Sign in to {title} on this page. It works once, and for 15 minutes:\n{address}",
                title=_title(credential),
                address=address,
            )
        )
    if not server.device_url:
        return _needs_page()
    try:
        code = await vault.oauth.device_code(server)
    except (OAuthRefusedError, OAuthUnreachableError) as error:
        return Reply(gettext("I cannot begin the sign-in: {why}. Please try again later.", why=error))
    await vault.secrets(identity).put(_device(plugin, credential), msgspec.json.encode(code).decode())
    return Reply(_device_words(code), buttons=(_done_button(plugin, credential),))


def _by_typing(event: Event, credential: Credential) -> Reply:
    if credential.address:
        return _needs_page()
    where = gettext("You get it here: {where}.", where=translated(credential.where)) if credential.where else ""
    looks = gettext("It looks like this: {looks}.", looks=translated(credential.looks)) if credential.looks else ""
    if event.conversation.kind != "direct" and not (isinstance(event, Command) and not event.message_id):
        command = f"/credentials add {credential.name}"
        private = gettext("Please write `{command}` to me in a private conversation.", command=command)
        return Reply(join_sentences([private, where]))
    what = "NAME PASSWORD" if credential.kind == "login" else credential.kind.upper()
    told = gettext(
        "Write this to me here: `{command}`. I keep it sealed, and nothing that I store of this chat has it.",
        command=f"/credentials add {credential.name} {what}",
    )
    return Reply(join_sentences([told, where, looks]))


def _needs_page() -> Reply:
    return Reply(
        gettext(
            "For this I need a page on the web on which you can sign in. Whoever runs me can set {setting}.",
            setting="LLMAGENT_OS_PUBLIC_URL",
        )
    )


def is_seen(event: Event) -> bool:
    """Whether others can read the command: where it is a message in a group. Slack's and Discord's are none."""
    return event.conversation.kind != "direct" and isinstance(event, Command) and bool(event.message_id)


def _device_words(code: DeviceCode) -> str:
    return gettext(
        "Open {address} on any device, type the code {code}, and come back here.",
        address=code.verification_uri,
        code=code.user_code,
    )


def _done_button(plugin: str, credential: Credential) -> Button:
    return Button(gettext("I have signed in"), f"{_DONE}{plugin}.{credential.name}")


def _title(credential: Credential) -> str:
    return translated(credential.title)


def _device(plugin: str, credential: Credential) -> str:
    return f"device.{plugin}.{credential.name}"
