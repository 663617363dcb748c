"""Takes what is typed behind ``/credentials`` out of an event before anything of the event is stored or logged.

People type the command with a verb that there is not, with the credential in the place of its name, or in the middle of
a sentence. So no shape of a credential is looked for: everything behind the command is hidden that is not known to be
harmless.
"""

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

#: Of what is typed behind the command. More is hidden and not kept.
MAX_TYPED_CHARACTERS = 10_000

#: The command, and how it is misspelled.
_NAME = r"cred(?:s|[a-z]{1,8}ls?)?"
#: Verbs that are left in the clear. What stands behind them is hidden.
_VERB = r"(?:add|set|renew|give|change|update|remove|list|help)"
#: The command anywhere in a text, or at its beginning without the slash: mentions and marks of a quote may precede it.
_TEXT = re.compile(
    rf"(?:(?<![a-z0-9/])[/\uff0f]\s?{_NAME}(?![a-z])(?:@\w+)?|/{_NAME}(?=\W{{1,3}}{_VERB}\b)"
    rf"|^(?:@[\w.-]+|<[^>\n]{{0,80}}>|<|[^\w@<]|_)*+{_NAME}(?=\W{{1,3}}{_VERB}\b))"
    r"(?P<tail>.*)",
    re.IGNORECASE | re.DOTALL,
)
_COMMANDS = re.compile(_NAME, re.IGNORECASE)
_HARMLESS = re.compile(rf"[\W_]*(?:{_VERB}[\W_]{{0,3}}|remove[ ]+[\w.-]{{1,81}}[\W_]*)?", re.IGNORECASE)
_BEFORE = re.compile(rf"[\W_]*{_VERB}\b\s*", re.IGNORECASE)

E = TypeVar("E", bound=Event)


def gives_secret(event: Event) -> bool:
    """Whether ``event`` may hold a credential that its person gives, or held one before it was hidden."""
    text = _text(event)
    return HIDDEN in text[_start(event) :] or _hidden(event) != text


def without_typed_secret(event: E) -> E:
    """``event`` with ``•••`` in the place of a credential that it may hold."""
    hidden = _hidden(event)
    if hidden == _text(event):
        return event
    return msgspec.structs.replace(event, **{"arguments" if isinstance(event, Command) else "text": hidden})


def hidden_in(text: str) -> str:
    """What a person typed, with ``•••`` in the place of a credential that it may hold.

    >>> hidden_in("/credentials add mail hunter2"), hidden_in("add mail to my list")
    ('/credentials add •••', 'add mail to my list')
    """
    found = _TEXT.search(text)
    return text if found is None else text[: found.start("tail")] + _hidden_behind(found["tail"])


async def take_secret(vault: Vault, event: Event) -> Event:
    """Keep what ``event`` gives, sealed, until the command is answered. Returns the event without it."""
    without = without_typed_secret(event)
    if isinstance(event, Command) and event.name == COMMAND and without is not event:
        typed = event.arguments.strip()
        if HIDDEN not in typed and len(typed) <= MAX_TYPED_CHARACTERS:
            await vault.secrets(identity_of(event)).put(typed_place(event), typed)
    return without


async def taken_secret(vault: Vault, event: Event) -> str | None:
    """The arguments of the command, as they were taken out of ``event``. None: none were, or they are used."""
    return await vault.secrets(identity_of(event)).get(typed_place(event))


async def drop_taken(vault: Vault, event: Event) -> None:
    """Erase what was taken out of ``event``."""
    await vault.secrets(identity_of(event)).delete(typed_place(event))


def typed_place(event: Event) -> str:
    """Under which name the arguments of a command are kept until it is answered."""
    return f"typed.{sha256(event_key(event).encode()).hexdigest()[:32]}"


def _text(event: Event) -> str:
    match event:
        case Command(arguments=text) | Message(text=text) | Edit(text=text):
            return text
        case _:
            return ""


def _start(event: Event) -> int:
    """Where in the text of ``event`` stands what is behind the command; its end: the command is not there."""
    text = _text(event)
    if isinstance(event, Command) and _COMMANDS.fullmatch(event.name):
        return 0
    found = _TEXT.search(text)
    return len(text) if found is None else found.start("tail")


def _hidden(event: Event) -> str:
    text, start = _text(event), _start(event)
    return text[:start] + _hidden_behind(text[start:])


def _hidden_behind(tail: str) -> str:
    """What stands behind the command, as it may be stored."""
    if _HARMLESS.fullmatch(tail):
        return tail
    before = _BEFORE.match(tail)
    kept = before[0] if before is not None else tail[: len(tail) - len(tail.lstrip())]
    return kept + HIDDEN
