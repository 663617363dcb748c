"""Reads slash commands out of messages, for platforms that have no commands of their own.

>>> parse("/Profile  undo "), parse("/start@calendar_bot"), parse("/etc/passwd"), parse("and/or")
(('profile', 'undo'), ('start', ''), None, None)
"""

from __future__ import annotations

import re

from llmagent_os.events import Command, Message

_COMMAND = re.compile(r"/([a-z][a-z0-9_-]*)(?:@\w+)?(?:\s+(.*))?", re.IGNORECASE | re.DOTALL)


def parse(text: str) -> tuple[str, str] | None:
    """The name of the command in lower case, and its arguments. None: ``text`` is no command."""
    match = _COMMAND.fullmatch(text.strip()) if text.startswith("/") else None
    return (match[1].lower(), match[2] or "") if match else None


def command_of(message: Message) -> Command | None:
    """``message`` as a command. None: it is none, or it has files, which a command has not."""
    found = parse(message.text)
    if found is None or message.attachments:
        return None
    name, arguments = found
    return Command(
        event_id=message.event_id,
        conversation=message.conversation,
        sender=message.sender,
        at=message.at,
        name=name,
        arguments=arguments,
        message_id=message.message_id,
    )
