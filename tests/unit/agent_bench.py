"""An agent with real storage and one small plugin, for the tests of replies and commands."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from llmagent_os.adapter import Button
from llmagent_os.agent import Agent
from llmagent_os.chat import ToolCall
from llmagent_os.events import Conversation, Message, Sender, Timer
from llmagent_os.ledger import Interaction, Ledger
from llmagent_os.people.profiles import Profiles
from llmagent_os.plugin import Plugin, RuleArgument, Span, ToolContext, ToolResult, tool
from llmagent_os.testing import ScriptedLLM
from llmagent_os.tools.registry import Plugins

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Diary(Plugin):
    """A plugin small enough to see through."""

    name = "diary"
    commands = {"diary": "show it"}  # noqa: RUF012
    work = "is writing in your diary…"

    def __init__(self) -> None:
        self.contexts: list[ToolContext] = []

    @tool(permission="diary.write")
    async def write(self, context: ToolContext, what: Span, page: RuleArgument | None = None) -> ToolResult:
        """Write something down."""
        self.contexts.append(context)
        await context.records.put(what, {"what": what})
        await context.timers.set(what, context.now)
        return ToolResult({"status": "written", "what": what}, f"Written: {what}.")

    @tool(permission="profile.write")
    async def rename(self, context: ToolContext, name: Span) -> ToolResult:
        """Learn a name."""
        return ToolResult(
            {"status": "set", "name": name}, f"Hello {name}.", profile_changes={"name": name, "verbosity": "brief"}
        )

    @tool()
    async def choose(self, context: ToolContext) -> ToolResult:
        """Offer what there is."""
        return ToolResult({"status": "ambiguous"}, "Which one?", buttons=(Button("Mail ana@example.org", "1"),))

    @tool()
    async def ask(self, context: ToolContext, what: Span | None = None) -> ToolResult:
        """Ask before doing."""
        return ToolResult({"status": "confirm"}, "Sure?", buttons=(Button("Yes", "yes"), Button("No", "no")))

    @tool()
    async def tear(self, context: ToolContext) -> ToolResult:
        """Tear a page out."""
        return ToolResult({"status": "torn"}, "Torn out.", buttons=(Button("Undo", "undo"),))

    @tool()
    async def fail(self, context: ToolContext) -> ToolResult:
        """Fail."""
        raise ValueError("out of ink")

    @tool(offered=False)
    async def stamp(self, context: ToolContext, what: RuleArgument | None = None) -> ToolResult:
        """Stamp a page."""
        return ToolResult({"status": "stamped"}, "Stamped.")

    async def button_meant(self, context: ToolContext) -> str | None:
        return "torn" if context.text == "tear it up" else None

    async def requests_in(self, context: ToolContext) -> tuple[ToolCall, ...]:
        """``!write rain; tear``: tools by name, with one argument; ``!write rain /p3``: on a page."""
        if not context.text.startswith("!"):
            return ()
        calls = (part.split(maxsplit=1) for part in context.text[1:].split(";"))
        return tuple(ToolCall(name, _arguments(rest[0]) if rest else {}) for name, *rest in calls)

    async def pressed(self, context: ToolContext, value: str) -> ToolResult:
        self.contexts.append(context)
        return ToolResult({"status": "pressed"}, f"You pressed {value}.")

    async def due(self, context: ToolContext, key: str, at: datetime) -> ToolResult | None:
        if key == "fail":
            raise ValueError("out of ink")
        text = f"{key}, due at {at.hour}."
        return None if key == "nothing" else ToolResult({"status": "due"}, text, buttons=(Button("Done", "done"),))

    async def suggestions(self, context: ToolContext) -> tuple[str, ...]:
        if context.profile.name == "Fay":
            raise ValueError("out of ink")
        return ("Read me yesterday", "Tear it up", "Stamp it") if context.profile.name else ()

    async def command(self, context: ToolContext, name: str, arguments: str) -> ToolResult:
        return ToolResult({"status": "shown"}, "An empty diary.")


def _arguments(said: str) -> dict[str, str]:
    what, _, page = said.partition(" /")
    return {"what": what} | ({"page": page} if page else {})


class Bench:
    """An agent with real storage, and what it was given."""

    def __init__(self, folder: Path, ledger: Ledger, profiles: Profiles, plugins: Plugins, diary: Diary) -> None:
        self.folder, self.ledger, self.profiles, self.plugins, self.diary = folder, ledger, profiles, plugins, diary
        self.number = 0

    def agent(self, *script: str | ToolCall | Exception, **parts: object) -> Agent:
        self.llm = ScriptedLLM(*script)
        values: dict[str, object] = {
            "llm": self.llm,
            "plugins": self.plugins,
            "profiles": self.profiles,
            "ledger": self.ledger,
            "clock": lambda: NOON,
        }
        return Agent(**(values | parts))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

    def message(self, text: str, *, user: str = "u1", channel: str = "c1") -> Message:
        self.number += 1
        room = Conversation(platform="memory", channel=channel)
        key = str(self.number)
        return Message(event_id=key, conversation=room, sender=Sender(user), text=text, message_id=key)

    def timer(self, key: str) -> Timer:
        room = Conversation(platform="memory", channel="c1")
        return Timer(event_id=f"timer-{key}", conversation=room, sender=Sender("u1"), at=NOON, plugin="diary", key=key)

    async def say(self, agent: Agent, text: str, *, user: str = "u1", channel: str = "c1") -> tuple[str, Interaction]:
        """Deliver a message as the host does; the reply and what was kept."""
        message = self.message(text, user=user, channel=channel)
        outcome = await agent.respond(message)
        assert outcome.reply is not None
        assert outcome.interaction is not None
        await self.ledger.accept(message, max_pending=100)
        await self.ledger.prepare(message, outcome.reply, outcome.interaction)
        await self.ledger.finish(message, None)
        return outcome.reply.text, outcome.interaction


async def no_draft(_: str) -> None:
    """Show no draft."""
