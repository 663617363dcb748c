"""Talks with the calendar by its rules alone: buttons in words first, then requests. No model is asked."""

from __future__ import annotations

from datetime import datetime

import msgspec

from llmagent_os.plugin import ToolResult
from llmagent_os.plugins.calendar import CalendarPlugin
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent, stable_id
from tests.unit.plugins.read_messages import NOW
from tests.unit.plugins.test_calendar import Person, button

#: What :meth:`Talk.say` gives where the rules read nothing.
MODEL = "(the model)"


class Talk:
    """One person's conversation with the calendar, on a Wednesday morning."""

    def __init__(self, *, asks_first: bool = False) -> None:
        self.person = Person(zone="UTC", now=NOW, initiative="ask_first" if asks_first else "act")
        self.last = ToolResult({}, "")

    async def give(
        self, title: str, start: str, minutes: int = 60, repeat: str = "", *, reminder: bool = False
    ) -> None:
        """Put an event into the calendar."""
        event = CalendarEvent(
            event_id=stable_id(title, start),
            title=title,
            start=datetime.fromisoformat(start),
            minutes=minutes,
            repeat=repeat,
            reminder=reminder,
            created="2026-11-01T00:00:00+00:00",
        )
        await self.person.records.put(f"event:{event.event_id}", msgspec.to_builtins(event))

    async def say(self, text: str) -> str:
        """Say something, or press the button in square brackets. Returns the reply, with the rows of its card."""
        plugins = self.person.plugins
        if not plugins.specs():
            await plugins.add(CalendarPlugin())
        if text.startswith("["):
            self.last = await self.person.press(button(self.last, text[1:-1]))
            return self.last.text
        context = self.person.context(text)
        value = await plugins.button_meant(context)
        if value is not None:
            self.last = await plugins.press(value, context)
            return self.last.text
        read = await plugins.requests_in(context)
        if isinstance(read, ToolResult):
            self.last = read
            return read.text
        replies: list[str] = []
        for place, call in enumerate(read):
            own = self.person.context(text, f"{context.call_id}:read.{place}")
            self.last = await plugins.call(call.name, call.arguments, own)
            replies.append(self.last.text + _rows(self.last))
        return " ".join(replies) or MODEL


def _rows(result: ToolResult) -> str:
    """The rows of a result's card, in square brackets."""
    rows = [": ".join(row) for row in result.card.rows] if result.card is not None else []
    return f" [{', '.join(rows)}]" if rows else ""
