"""Masks the secrets in an event, before it is stored or answered."""

from __future__ import annotations

import asyncio
from typing import TypeVar

import msgspec

from llmagent_os.credentials.typed_secret import without_typed_secret
from llmagent_os.events import Command, Edit, Event, Message
from llmagent_os.privacy.masking import without_secrets

E = TypeVar("E", bound=Event)

#: From this many characters on, a text is masked in a thread: 8000 characters in one line take 60 ms.
LONG_CHARACTERS = 1500


async def mask_event(event: E) -> E:
    """``event`` without the secrets that its person wrote: credentials, cards, IBANs, national identity numbers.

    The text of a message, of an edit, of a command's arguments and of a filled-in form is masked. The same object is
    returned where there is nothing to mask.
    """
    event = without_typed_secret(event)
    match event:
        case Message() | Edit():
            masked = await mask_text(event.text)
            return event if masked == event.text else msgspec.structs.replace(event, text=masked)
        case Command():
            masked = await mask_text(event.arguments)
            values = tuple([(key, await mask_text(value)) for key, value in event.values])
            if masked == event.arguments and values == event.values:
                return event
            return msgspec.structs.replace(event, arguments=masked, values=values)
        case _:
            return event


async def mask_text(text: str) -> str:
    """``text`` without secrets; a long text is masked in a thread."""
    if len(text) < LONG_CHARACTERS:
        return without_secrets(text)
    return await asyncio.to_thread(without_secrets, text)
