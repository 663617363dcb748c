"""Interaction: how a reply reaches a person."""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TextIO, get_args

import msgspec

from llmagent_os.adapter import Reply
from llmagent_os.errors import ConfigError
from llmagent_os.graphics.themes import THEME_NAMES, ThemeName
from llmagent_os.serving.sync_bridge import run_sync
from llmagent_os.voice.engine_order import OGG_ENDING
from llmagent_os.voice.voice_config import VoiceConfig
from llmagent_os.voice.voice_packages import INSTALL
from llmagent_os.voice.voice_service import make_voice

#: How replies reach people. ``text`` is always there: ``voice`` adds the reply read aloud, ``graphics`` what a platform
#: can draw.
Interface = Literal["text", "voice", "graphics"]
INTERFACES: tuple[Interface, ...] = get_args(Interface)

#: The preference of a person's profile that chooses their interface.
INTERFACE = "interface"

#: The preference of a person's profile that chooses the colours of their pictures.
THEME = "theme"


class InteractionModule:
    """Renders replies.

    >>> InteractionModule().display_response("Added: lunch.")
    Added: lunch.
    """

    def __init__(self, interface: str = "text", theme: ThemeName = "light") -> None:
        """Args:
        interface: that of everybody who chose no other; see :meth:`set_interface`.
        theme: the colours of pictures, for everybody who chose no other.
        """
        self.theme: ThemeName = theme
        self.interface: Interface = "text"
        self.set_interface(interface)

    def set_interface(self, interface: str) -> None:
        """Choose the interface of everybody who chose no other: ``text``, ``voice`` or ``graphics``.

        Raises:
            ConfigError: there is no such interface; the message names the interfaces.
        """
        if interface not in INTERFACES:
            raise ConfigError(f"interface {interface!r} is none of {', '.join(INTERFACES)}")
        self.interface = interface

    def interface_of(self, preferences: Mapping[str, str]) -> Interface:
        """The interface of a person.

        Args:
            preferences: those of the person's profile.

        >>> InteractionModule("voice").interface_of({}), InteractionModule("voice").interface_of({"interface": "text"})
        ('voice', 'text')
        """
        chosen = preferences.get(INTERFACE)
        for each in INTERFACES:
            if chosen == each:
                return each
        return self.interface

    def theme_of(self, preferences: Mapping[str, str]) -> ThemeName:
        """The colours of a person's pictures.

        >>> InteractionModule().theme_of({}), InteractionModule().theme_of({"theme": "dark"})
        ('light', 'dark')
        """
        chosen = preferences.get(THEME)
        for each in THEME_NAMES:
            if chosen == each:
                return each
        return self.theme

    def render(self, reply: Reply) -> Reply:
        """``reply`` with a text that is never empty: every platform shows the text."""
        return msgspec.structs.replace(reply, text=reply.text.strip() or "…")

    def display_response(self, response: str | Reply, *, out: TextIO | None = None) -> None:
        """Print a reply, its card, its buttons, and its pictures in words, for a script without a platform.

        With the interface ``voice``, the reply is also read aloud into a file, and the path of the file is printed.

        Raises:
            ConfigError: the interface is ``voice``, and the offline voice is not installed.
        """
        reply = response if isinstance(response, Reply) else Reply(response)
        lines = [self.render(reply).body]
        lines += [reply.card.as_text()] if reply.card else []
        lines += [f"[{picture.path}: {picture.alt}]" for picture in reply.pictures]
        lines += [f"[{button.label}]" for button in reply.buttons]
        if self.interface == "voice":
            lines.append(f"[{_spoken(chr(10).join(lines))}]")
        print("\n".join(lines), file=out or sys.stdout)


def _spoken(text: str) -> Path:
    """The path of a file in which ``text`` is read aloud."""
    sound = run_sync(_speak, text)
    name = hashlib.sha256(text.encode()).hexdigest()[:12]
    path = Path(tempfile.mkdtemp(prefix="llmagent-os-")) / f"reply-{name}{OGG_ENDING}"
    path.write_bytes(sound)
    return path


async def _speak(text: str) -> bytes:
    voice = make_voice(VoiceConfig())
    if not voice.can_speak:
        raise ConfigError(f"interface 'voice' needs an engine that speaks: {INSTALL}")
    try:
        return await voice.speak(text)
    finally:
        await voice.aclose()
