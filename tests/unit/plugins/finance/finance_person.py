"""Somebody who sends statements to the finance plugin, through the registry that checks every result."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from llmagent_os.adapter_kit.outgoing_files import MemoryFiles
from llmagent_os.events import Attachment, Conversation, Message, Sender
from llmagent_os.identity import PersonId
from llmagent_os.people.profiles import Profile
from llmagent_os.plugin import ToolContext, ToolResult
from llmagent_os.plugins.finance import FinancePlugin
from llmagent_os.records import MemoryRecords
from llmagent_os.timers import MemoryTimers
from llmagent_os.tools.registry import Plugins
from llmagent_os.tools.result_check import checked

NOW = datetime(2026, 11, 22, 17, 0, tzinfo=UTC)


@dataclass
class Person:
    """Somebody with a bank account."""

    folder: Path
    now: datetime = NOW
    records: MemoryRecords = field(default_factory=MemoryRecords)
    timers: MemoryTimers = field(default_factory=MemoryTimers)
    files: MemoryFiles = field(default_factory=MemoryFiles)
    plugins: Plugins = field(default_factory=lambda: Plugins(installed=()))
    plugin: FinancePlugin = field(default_factory=FinancePlugin)
    calls: int = 0

    def context(self, text: str = "", event: Message | None = None, question: str = "") -> ToolContext:
        self.calls += 1
        return ToolContext(
            user_id=PersonId("ana"),
            conversation_key="room",
            call_id=str(self.calls),
            now=self.now.astimezone(ZoneInfo("Europe/Berlin")),
            time_zone="Europe/Berlin",
            text=text,
            question=question,
            records=self.records,
            timers=self.timers,
            files=self.files,
            profile=Profile(user_id=PersonId("ana")),
            event=event,
        )

    async def ready(self) -> Plugins:
        if not self.plugins.specs():
            await self.plugins.add(self.plugin)
        return self.plugins

    async def types(self, arguments: str) -> ToolResult:
        """Type ``/finance ARGUMENTS``."""
        await self.ready()
        # Checked as by the registry, which would also draw the chart.
        result = await self.plugin.command(self.context(), "finance", arguments)
        return checked(result, plugin="finance", may_change_profile=False)

    async def sends(self, *contents: bytes | str, name: str = "statement.csv") -> ToolResult | None:
        """Send files in the chat."""
        attachments: list[Attachment] = []
        for number, content in enumerate(contents):
            path = self.folder / f"{number}-{name}"
            path.write_bytes(content.encode() if isinstance(content, str) else content)
            attachments.append(Attachment(name, "application/octet-stream", str(path), path.stat().st_size))
        room = Conversation(platform="test", channel="room")
        event = Message(
            event_id="e",
            conversation=room,
            sender=Sender("ana"),
            text="",
            message_id="m",
            attachments=tuple(attachments),
        )
        return await (await self.ready()).received(self.context(event=event))

    async def presses(self, result: ToolResult | None, label: str) -> ToolResult:
        """Press the button with a label."""
        assert result is not None
        value = next(button.value for button in result.buttons if button.label == label)
        return await self.plugins.press(value, self.context())

    async def imports(self, *contents: bytes | str, name: str = "statement.csv") -> ToolResult:
        """Send files and agree to the import of each."""
        result = await self.sends(*contents, name=name)
        for _ in contents:
            result = await self.presses(result, "Import")
        assert result is not None
        return result

    async def calls_tool(self, tool: str, **arguments: str) -> ToolResult:
        return await (await self.ready()).call(tool, arguments, self.context())
