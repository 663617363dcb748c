"""Interaction: how a reply reaches a person, within what their platform can do."""

from __future__ import annotations

import sys
from typing import TextIO

import msgspec

from llmagent_os.adapter import Reply
from llmagent_os.errors import ConfigError

#: Interfaces by name. Voice and graphics come with the adapters that carry them.
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
            ConfigError: there is no such interface; names those there are.
        """
        if interface not in INTERFACES:
            raise ConfigError(f"interface {interface!r} is none of {', '.join(INTERFACES)}")
        self.interface = interface

    def render(self, reply: Reply) -> Reply:
        """``reply`` so that its text is complete by itself: every platform shows the text, few show cards."""
        return msgspec.structs.replace(reply, text=reply.text.strip() or "…")

    def display_response(self, response: str | Reply, *, out: TextIO | None = None) -> None:
        """Print a reply, as a script without a platform shows it."""
        reply = response if isinstance(response, Reply) else Reply(response)
        lines = [self.render(reply).text]
        lines += [f"[{button.label}]" for button in reply.buttons]
        print("\n".join(lines), file=out or sys.stdout)
