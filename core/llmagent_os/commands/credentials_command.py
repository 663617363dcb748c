"""``/credentials``: what a person gave tools to sign in elsewhere; gives, renews and removes it."""

from __future__ import annotations

from llmagent_os.adapter import Button, Reply
from llmagent_os.commands.credential_giving import begin, finish_device, keep_typed
from llmagent_os.credentials.credential import Credential
from llmagent_os.credentials.typed_secret import HIDDEN
from llmagent_os.credentials.vault import Vault
from llmagent_os.events import Command, Event
from llmagent_os.identity import Identity, identity_of
from llmagent_os.languages import date_text, gettext, lazy_gettext, translated
from llmagent_os.languages.written_phrases import join_sentences
from llmagent_os.reply.services import Services
from llmagent_os.tools.credential_use import GIVE

#: Begins the value of every button here; what to do and the credential follow.
CREDENTIALS = "agent:credentials:"

_NONE = lazy_gettext("None of my tools needs a password or a sign-in of yours.")
_CLOSED = lazy_gettext("This button is no longer open.")


async def credentials(services: Services, command: Command) -> Reply:
    """Answer ``/credentials``, and with ``add NAME``, ``add NAME SECRET`` or ``remove NAME`` behind it.

    The secret of such a command was taken out before the command was stored.
    """
    known = services.plugins.credentials if services.plugins is not None else []
    if services.vault is None or not known:
        return Reply(str(_NONE))
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
        return Reply(str(_CLOSED))
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
            title = translated(credential.title)
            removed = gettext("Removed: I cannot sign in to {title} any more.", title=title)
            return Reply(removed if there else gettext("You have given me none."))
        case _:
            return Reply(str(_CLOSED))


async def _listed(vault: Vault, known: list[tuple[str, Credential]], identity: Identity) -> Reply:
    lines: list[str] = []
    buttons: list[Button] = []
    for plugin, credential in known:
        stored = await vault.read(plugin, credential.name, identity)
        value = f"{plugin}.{credential.name}"
        if stored is None:
            state = gettext("you have given none")
        elif stored.refused:
            state = gettext("it is not taken any more")
        else:
            state = gettext("given on {date}", date=date_text(stored.given))
        row = gettext(
            "**{name}**, for {title}: {state}.", name=credential.name, title=translated(credential.title), state=state
        )
        lines.append(f"- {join_sentences([row, translated(credential.about)])}")
        if stored is None or stored.refused:
            buttons.append(Button(gettext("Add {name}", name=credential.name)[:80], f"{GIVE}{value}"))
        if stored is not None:
            buttons.append(Button(gettext("Remove {name}", name=credential.name)[:80], f"{CREDENTIALS}remove:{value}"))
    lines.append(gettext("Nobody is shown them, no model either. `/forget` destroys them."))
    return Reply("\n".join(lines), buttons=tuple(buttons[:25]))


def _named(known: list[tuple[str, Credential]], name: str) -> list[tuple[str, Credential]]:
    """The credentials that a name means: ``mail``, or ``post.mail`` where several plugins have one of the name."""
    return [(plugin, each) for plugin, each in known if name in (each.name, f"{plugin}.{each.name}")]


def _unknown(known: list[tuple[str, Credential]], found: list[tuple[str, Credential]], said: str) -> Reply:
    names = ", ".join(f"`{plugin}.{each.name}`" for plugin, each in (found or known))
    if len(found) > 1:
        return Reply(gettext("Several of my tools have one of that name. Write one of these: {names}.", names=names))
    return Reply(
        gettext(
            "I don't know `{command}`. Write `/credentials add NAME` or `/credentials remove NAME`. There are: "
            "{names}.",
            command=f"/credentials {said[:60]}",
            names=names,
        )
    )
