"""Interaction: how a reply reaches a person."""

from __future__ import annotations

import sys
from typing import TextIO

import msgspec

from llmagent_os.adapter import Reply
from llmagent_os.errors import ConfigError

#: The interfaces that a script can choose. Voice and graphics come with the adapters that carry them.
INTERFACES = ("text",)


class InteractionModule:
    """Renders replies.

    >>> InteractionModule().display_response("Added: lunch.")
    Added: lunch.
    """

    def __init__(self) -> None:
        self.interface = "text"

    def set_interface(self, interface: str) -> None:
        """Choose the interface.

        Raises:
            ConfigError: there is no such interface; the message names the interfaces.
        """
        if interface not in INTERFACES:
            raise ConfigError(f"interface {interface!r} is none of {', '.join(INTERFACES)}")
        self.interface = interface

    def render(self, reply: Reply) -> Reply:
        """``reply`` with a text that is never empty: every platform shows the text."""
        return msgspec.structs.replace(reply, text=reply.text.strip() or "…")

    def display_response(self, response: str | Reply, *, out: TextIO | None = None) -> None:
        """Print a reply, its card and its buttons, for a script without a platform."""
        reply = response if isinstance(response, Reply) else Reply(response)
        lines = [self.render(reply).text]
        lines += [reply.card.as_text()] if reply.card else []
        lines += [f"[{button.label}]" for button in reply.buttons]
        print("\n".join(lines), file=out or sys.stdout)
