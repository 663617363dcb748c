"""Somebody who uses the everyday plugins by commands, buttons and words, with records and timers in memory."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from llmagent_os.adapter_kit.outgoing_files import MemoryFiles
from llmagent_os.events import Event
from llmagent_os.identity import PersonId
from llmagent_os.people.profiles import Profile
from llmagent_os.plugin import Plugin, ToolContext, ToolResult, WebAccess
from llmagent_os.records import MemoryRecords, MemorySharedRecords
from llmagent_os.timers import MemoryTimers
from llmagent_os.tools.registry import Plugins

#: A Tuesday.
MORNING = datetime(2026, 12, 1, 8, 0)


@dataclass
class EverydayPerson:
    """Somebody in Berlin, on a Tuesday morning."""

    plugin: Plugin
    zone: str = "Europe/Berlin"
    now: datetime = MORNING
    room: str = "room"
    records: MemoryRecords = field(default_factory=MemoryRecords)
    timers: MemoryTimers = field(default_factory=MemoryTimers)
    files: MemoryFiles = field(default_factory=MemoryFiles)
    shared: MemorySharedRecords = field(default_factory=MemorySharedRecords)
    web: WebAccess = field(default_factory=WebAccess)
    plugins: Plugins = field(default_factory=lambda: Plugins(installed=()))
    shown: ToolResult | None = None  #: the last reply
    calls: int = 0

    def context(self, text: str = "", event: Event | None = None) -> ToolContext:
        self.calls += 1
        return ToolContext(
            user_id=PersonId("ana"),
            conversation_key=self.room,
            call_id=str(self.calls),
            now=self.now.replace(tzinfo=ZoneInfo(self.zone)),
            time_zone=self.zone,
            text=text,
            records=self.records,
            timers=self.timers,
            files=self.files,
            shared=self.shared,
            web=self.web,
            event=event,
            profile=Profile(user_id=PersonId("ana")),
        )

    async def loaded(self) -> Plugins:
        if not self.plugins.health():
            await self.plugins.add(self.plugin)
        return self.plugins

    async def command(self, line: str, event: Event | None = None) -> ToolResult:
        """Type a slash command, with or without its slash."""
        name, _, arguments = line.removeprefix("/").partition(" ")
        self.shown = await (await self.loaded()).command(name, arguments, self.context(event=event))
        return self.shown

    async def call(self, tool: str, **arguments: str) -> ToolResult:
        """Call a tool as a model does."""
        self.shown = await (await self.loaded()).call(tool, arguments, self.context())
        return self.shown

    async def press(self, label: str) -> ToolResult:
        """Press a button of the last reply."""
        buttons = self.shown.buttons if self.shown is not None else ()
        value = next(each.value for each in buttons if each.label == label)
        return await self.press_value(value)

    async def press_value(self, value: str) -> ToolResult:
        """Press a button of an earlier reply."""
        self.shown = await self.plugins.press(value, self.context())
        return self.shown

    async def say(self, text: str) -> ToolResult | None:
        """Say words: they answer an open question. None: they answer none."""
        plugins, context = await self.loaded(), self.context(text)
        value = await plugins.button_meant(context)
        self.shown = None if value is None else await plugins.press(value, context)
        return self.shown

    async def wait(self, **how_long: float) -> list[ToolResult]:
        """Let time pass in one step, as if the host was off until then. Returns what was said when it was back."""
        real = self.now.replace(tzinfo=ZoneInfo(self.zone)).astimezone(ZoneInfo("UTC")) + timedelta(**how_long)
        self.now = real.astimezone(ZoneInfo(self.zone)).replace(tzinfo=None)
        said: list[ToolResult] = []
        for key, at in self.timers.ring(real):
            context = replace(self.context(), now=real.astimezone(ZoneInfo(self.zone)))
            result = await (await self.loaded()).due(self.plugin.name, key, at, context)
            said += [] if result is None else [result]
        self.shown = said[-1] if said else self.shown
        return said
