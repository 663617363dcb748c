"""A person who talks to the health plugin, with records, files and timers in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from llmagent_os.adapter_kit.outgoing_files import MemoryFiles
from llmagent_os.events import Conversation, Message, Sender
from llmagent_os.identity import PersonId
from llmagent_os.people.profiles import Profile
from llmagent_os.plugin import ToolContext, ToolResult
from llmagent_os.plugins.health import HealthPlugin
from llmagent_os.records import MemoryRecords
from llmagent_os.timers import MemoryTimers
from llmagent_os.tools.registry import Plugins

NOON = datetime(2026, 11, 22, 11, tzinfo=UTC)


class Patient:
    """Says things, presses buttons and waits, through the registry."""

    def __init__(
        self, plugins: Plugins, zone: str = "Europe/Berlin", *, kind: str = "direct", locale: str = ""
    ) -> None:
        self.plugins, self.zone, self.locale = plugins, zone, locale
        self.group = kind == "group"
        self.now = NOON
        self.records, self.timers, self.files = MemoryRecords(), MemoryTimers(), MemoryFiles()
        self.profile = Profile(user_id=PersonId("ana"), time_zone=zone or None)
        self.calls = 0

    def context(self, text: str = "") -> ToolContext:
        self.calls += 1
        room = Conversation(platform="web", channel="c", kind="group" if self.group else "direct")
        sender = Sender("ana", locale=self.locale)
        event = Message(event_id=str(self.calls), conversation=room, sender=sender, text=text, message_id="m")
        zone = ZoneInfo(self.zone or "UTC")
        return ToolContext(
            user_id=PersonId("ana"),
            conversation_key=room.key,
            call_id=str(self.calls),
            now=self.now.astimezone(zone),
            time_zone=zone.key,
            text=text,
            records=self.records,
            profile=self.profile,
            timers=self.timers,
            files=self.files,
            event=event,
        )

    async def command(self, line: str) -> ToolResult:
        name, _, rest = line.removeprefix("/").partition(" ")
        return await self.plugins.command(name, rest, self.context(line))

    async def press(self, result: ToolResult, label: str) -> ToolResult:
        button = next(each for each in result.buttons if each.label == label)
        return await self.plugins.press(button.value, self.context())

    async def wait_until(self, moment: datetime) -> list[ToolResult]:
        """What is said by timers until then, each at its moment."""
        said: list[ToolResult] = []
        while self.timers.pending and min(self.timers.pending.values()) <= moment:
            self.now = min(self.timers.pending.values())
            for key, at in self.timers.ring(self.now):
                result = await self.plugins.due("health", key, at, self.context())
                said += [result] if result is not None else []
        self.now = moment
        return said

    def moved_to(self, zone: str) -> ToolContext:
        self.zone, self.profile = zone, Profile(user_id=PersonId("ana"), time_zone=zone)
        return replace(self.context())


async def health_plugins() -> Plugins:
    """A registry with the plugin alone."""
    plugins = Plugins(installed=())
    await plugins.add(HealthPlugin())
    return plugins
