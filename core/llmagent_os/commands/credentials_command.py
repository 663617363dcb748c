"""``/credentials``: what a person gave tools to sign in elsewhere; gives, renews and removes it."""

from __future__ import annotations

from llmagent_os.adapter import Button, Reply
from llmagent_os.commands.credential_giving import begin, finish_device, is_seen, keep_typed, thanks_for_typed
from llmagent_os.credentials.credential import Credential
from llmagent_os.credentials.typed_secret import HIDDEN, drop_taken, taken_secret, typed_place
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

    The arguments were taken out before the command was stored, and are erased when the command is answered. If that
    is cut short, the command is run again and finds them.
    """
    known = services.plugins.credentials if services.plugins is not None else []
    if services.vault is None:
        return Reply(str(_NONE))
    reply = await _answered(services.vault, known, command) if known else Reply(str(_NONE))
    await drop_taken(services.vault, command)
    return reply


async def _answered(vault: Vault, known: list[tuple[str, Credential]], command: Command) -> Reply:
    typed = await taken_secret(vault, command)
    if typed is None and HIDDEN in command.arguments:
        return await _given_before(vault, known, command)
    words = [*(command.arguments if typed is None else typed).split(maxsplit=2), "", "", ""]
    verb, name, secret = words[0].lower(), words[1], words[2]
    if verb in ("", "list", "help") and not name:
        return await _listed(vault, known, identity_of(command))
    found = _named(known, name.lower())
    if verb not in ("add", "remove") or len(found) != 1 or (secret and verb == "remove"):
        return _unknown(known, found, command)
    if secret:
        return await keep_typed(vault, command, *found[0], secret)
    return await _done(vault, command, verb, *found[0])


async def _given_before(vault: Vault, known: list[tuple[str, Credential]], command: Command) -> Reply:
    """Answer a command whose arguments are used: it is run again after a crash, or nothing of it was kept."""
    for plugin, credential in known:
        stored = await vault.read(plugin, credential.name, identity_of(command))
        if stored is not None and stored.by == typed_place(command):
            return thanks_for_typed(command, credential)
    return Reply(gettext("I have not kept what you wrote behind `/credentials`. Please write it again."))


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
    lines += ["", gettext("Nobody is shown them, no model either. `/forget` destroys them.")]
    return Reply("\n".join(lines), buttons=tuple(buttons[:25]))


def _named(known: list[tuple[str, Credential]], name: str) -> list[tuple[str, Credential]]:
    """The credentials that a name means: ``mail``, or ``post.mail`` where several plugins have one of the name."""
    return [(plugin, each) for plugin, each in known if name in (each.name, f"{plugin}.{each.name}")]


def _unknown(known: list[tuple[str, Credential]], found: list[tuple[str, Credential]], command: Command) -> Reply:
    """Say what can be written. What was written is not repeated: it may be a password."""
    names = ", ".join(f"`{plugin}.{each.name}`" for plugin, each in (found or known))
    if len(found) > 1:
        return Reply(gettext("Several of my tools have one of that name. Write one of these: {names}.", names=names))
    unknown = gettext(
        "I don't know what you wrote behind `/credentials`, and I have not kept it. Write `/credentials add NAME` or "
        "`/credentials remove NAME`. There are: {names}.",
        names=names,
    )
    delete = gettext("If your message holds a password, please delete it: others can read this chat.")
    return Reply(join_sentences([unknown, delete if is_seen(command) else ""]))
