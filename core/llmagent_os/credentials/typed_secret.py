"""Takes a credential out of ``/credentials add NAME SECRET`` before anything of the command is stored or logged."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TypeVar

import msgspec

from llmagent_os.credentials.vault import Vault
from llmagent_os.events import Command, Edit, Event, Message, event_key
from llmagent_os.identity import identity_of

#: The command by which people give credentials.
COMMAND = "credentials"

#: Stands where the credential was.
HIDDEN = "•••"

_ARGUMENTS = re.compile(r"(?P<before>\s*add\s+\S+\s+)(?P<secret>\S.*)", re.IGNORECASE | re.DOTALL)
_TEXT = re.compile(rf"(?P<before>\s*/{COMMAND}(?:@\w+)?\s+add\s+\S+\s+)(?P<secret>\S.*)", re.IGNORECASE | re.DOTALL)

E = TypeVar("E", bound=Event)


def gives_secret(event: Event) -> bool:
    """Whether a person gives a credential with ``event``."""
    return _found(event) is not None


def without_typed_secret(event: E) -> E:
    """``event`` with ``•••`` in the place of a credential that it gives."""
    found = _found(event)
    if found is None:
        return event
    field = "arguments" if isinstance(event, Command) else "text"
    return msgspec.structs.replace(event, **{field: found["before"] + HIDDEN})


def hidden_in(text: str) -> str:
    """What a person typed, with ``•••`` in the place of a credential that it gives.

    >>> hidden_in("/credentials add mail hunter2"), hidden_in("add mail to my list")
    ('/credentials add mail •••', 'add mail to my list')
    """
    found = _TEXT.fullmatch(text)
    return text if found is None else found["before"] + HIDDEN


async def take_secret(vault: Vault, event: Event) -> Event:
    """Keep the credential that ``event`` gives, sealed, until the command is answered. Returns the event without it."""
    found = _found(event)
    if found is not None and isinstance(event, Command) and found["secret"].strip() != HIDDEN:
        await vault.secrets(identity_of(event)).put(_place(event), found["secret"].strip())
    return without_typed_secret(event)


async def taken_secret(vault: Vault, event: Event) -> str | None:
    """The credential that was taken out of ``event``. None: it gave none, or it is used."""
    return await vault.secrets(identity_of(event)).get(_place(event))


async def drop_taken(vault: Vault, event: Event) -> None:
    """Erase the credential that was taken out of ``event``."""
    await vault.secrets(identity_of(event)).delete(_place(event))


def _found(event: Event) -> re.Match[str] | None:
    match event:
        case Command(name=name, arguments=arguments) if name == COMMAND:
            return _ARGUMENTS.fullmatch(arguments)
        case Message(text=text) | Edit(text=text):
            return _TEXT.fullmatch(text)
        case _:
            return None


def _place(event: Event) -> str:
    return f"typed.{sha256(event_key(event).encode()).hexdigest()[:32]}"
