"""``/credentials``: what a person gave tools to sign in elsewhere; gives, renews and removes it."""

from __future__ import annotations

from datetime import datetime

from llmagent_os.adapter import Button, Reply
from llmagent_os.commands.credential_giving import begin, finish_device, keep_typed
from llmagent_os.credentials.credential import Credential
from llmagent_os.credentials.typed_secret import HIDDEN
from llmagent_os.credentials.vault import Vault
from llmagent_os.events import Command, Event
from llmagent_os.identity import Identity, identity_of
from llmagent_os.reply.services import Services
from llmagent_os.tools.credential_use import GIVE

#: Begins the value of every button here; what to do and the credential follow.
CREDENTIALS = "agent:credentials:"

_NONE = Reply("None of my tools needs a password or a sign-in of yours.")
_CLOSED = Reply("That button is no longer open.")


async def credentials(services: Services, command: Command) -> Reply:
    """Answer ``/credentials``, and with ``add NAME``, ``add NAME SECRET`` or ``remove NAME`` behind it.

    The secret of such a command was taken out before the command was stored.
    """
    known = services.plugins.credentials if services.plugins is not None else []
    if services.vault is None or not known:
        return _NONE
    words = command.arguments.split(maxsplit=2)
    if not words:
        return await _listed(services.vault, known, identity_of(command))
    verb, name = words[0].lower(), words[1].lower() if len(words) > 1 else ""
    found = _named(known, name)
    is_typed = verb == "add" and words[2:] == [HIDDEN]
    if verb not in ("add", "remove") or len(found) != 1 or (len(words) > 2 and not is_typed):
        return _unknown(known, found, command.arguments)
    return await _done(services.vault, command, "typed" if is_typed else verb, *found[0])


async def credentials_pressed(services: Services, event: Event, value: str) -> Reply:
    """Answer a button. Its value begins with :data:`CREDENTIALS`."""
    verb, _, name = value.removeprefix(CREDENTIALS).partition(":")
    found = _named(services.plugins.credentials if services.plugins is not None else [], name)
    if services.vault is None or len(found) != 1:
        return _CLOSED
    return await _done(services.vault, event, {"give": "add"}.get(verb, verb), *found[0])


async def _done(vault: Vault, event: Event, verb: str, plugin: str, credential: Credential) -> Reply:
    match verb:
        case "add":
            return await begin(vault, event, plugin, credential)
        case "typed":
            return await keep_typed(vault, event, plugin, credential)
        case "done":
            return await finish_device(vault, event, plugin, credential)
        case "remove":
            there = await vault.remove(plugin, credential.name, identity_of(event))
            removed = f"Removed: I cannot sign in to {credential.title} any more."
            return Reply(removed if there else "You have given me none.")
        case _:
            return _CLOSED


async def _listed(vault: Vault, known: list[tuple[str, Credential]], identity: Identity) -> Reply:
    lines: list[str] = []
    buttons: list[Button] = []
    for plugin, credential in known:
        stored = await vault.read(plugin, credential.name, identity)
        value = f"{plugin}.{credential.name}"
        about = f" {credential.about}" if credential.about else ""
        if stored is None:
            state = "you have given none"
        elif stored.refused:
            state = "it is not taken any more"
        else:
            state = f"given on {_day(stored.given)}"
        lines.append(f"- **{credential.name}**, for {credential.title}: {state}.{about}")
        if stored is None or stored.refused:
            buttons.append(Button(f"Add {credential.name}"[:80], f"{GIVE}{value}"))
        if stored is not None:
            buttons.append(Button(f"Remove {credential.name}"[:80], f"{CREDENTIALS}remove:{value}"))
    lines.append("\nNobody is shown them, no model either. `/forget` destroys them.")
    return Reply("\n".join(lines), buttons=tuple(buttons[:25]))


def _named(known: list[tuple[str, Credential]], name: str) -> list[tuple[str, Credential]]:
    """The credentials that a name means: ``mail``, or ``post.mail`` where several plugins have one of the name."""
    return [(plugin, each) for plugin, each in known if name in (each.name, f"{plugin}.{each.name}")]


def _unknown(known: list[tuple[str, Credential]], found: list[tuple[str, Credential]], said: str) -> Reply:
    names = ", ".join(f"`{plugin}.{each.name}`" for plugin, each in (found or known))
    if len(found) > 1:
        return Reply(f"Several of my tools have one of that name. Write one of these: {names}.")
    return Reply(
        f"I don't know `/credentials {said[:60]}`. Write `/credentials add NAME` or `/credentials remove NAME`. "
        f"There are: {names}."
    )


def _day(moment: datetime) -> str:
    return f"{moment.day} {moment:%B %Y}"
