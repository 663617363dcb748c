"""Tries a real OpenAI-compatible server as a bot uses it, and says what works.

    python benchmarks/server_dialects.py http://127.0.0.1:8000/v1 MODEL

Each line is one thing that a bot does: a streamed text, a tool call, results that are sent back, several calls in one
turn, schemas of any kind, two messages in a row. The last line says how the server handles tools. The exit code is 1 if
something does not work. A model that does not choose to call a tool is no fault of the server: the line says so.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable

import structlog

from llmagent_os.chat import ChatRequest, Completion, Message, ToolCall, ToolHandling, ToolSpec, tool_message
from llmagent_os.errors import ModelError
from llmagent_os.llm import LLM


def _tool(name: str, about: str, properties: dict[str, object], required: tuple[str, ...] = ()) -> ToolSpec:
    schema = {"type": "object", "properties": properties, "required": list(required)}
    return ToolSpec(name=name, description=about, parameters=schema)


TEXT = {"type": "string", "x-span": True}
CREATE = _tool("create_event", "Adds an event to the calendar.", {"title": TEXT, "date": TEXT}, ("title",))
LIST = _tool("list_events", "Lists the events of a day.", {"date": TEXT})
NOW = _tool("now", "Tells the time.", {})
ODD = _tool(
    "set_rule",
    "Sets a rule.",
    {
        "kind": {"enum": ["a", "b"], "type": "string"},
        "limit": {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "null"}], "default": None},
        "days": {"type": "array", "items": {"type": "string", "pattern": "^[a-z]+$"}, "maxItems": 7},
        "more": {"type": "object", "additionalProperties": {"type": "string"}},
    },
    ("kind",),
)
SYSTEM: Message = {"role": "system", "content": "You look after a calendar. Call a tool where one fits."}
FRIDAY: Message = {"role": "user", "content": "what do I have friday"}
LISTED: list[Message] = [
    {"role": "assistant", "content": "", "tool_calls": [ToolCall("list_events", {"date": "friday"})]},
    tool_message({"status": "listed", "events": [{"title": "lunch with Ana", "time": "noon"}]}),
]
BOTH: list[Message] = [
    {
        "role": "assistant",
        "content": "Sure.",
        "tool_calls": [ToolCall("create_event", {"title": "tea"}), ToolCall("list_events", {})],
    },
    tool_message({"status": "created", "title": "tea"}),
    tool_message({"status": "listed", "events": []}),
]


class Trial:
    """The checks, each of which gives a few words on what it saw."""

    def __init__(self, llm: LLM, max_tokens: int) -> None:
        self._llm = llm
        self._max_tokens = max_tokens
        self.handling = ToolHandling()  #: how the server handled tools

    async def ask(self, *messages: Message, tools: tuple[ToolSpec, ...] = (CREATE, LIST)) -> Completion:
        """One reply."""
        request = ChatRequest(messages=list(messages), tools=tools, max_tokens=self._max_tokens)
        reply = await self._llm.complete(request)
        self.handling = reply.tool_handling or self.handling
        return reply

    async def text(self) -> str:
        """A text, streamed, with its tokens counted."""
        drafts: list[str] = []

        async def draft(text: str) -> None:
            drafts.append(text)

        request = ChatRequest(messages=[{"role": "user", "content": "thanks"}], max_tokens=self._max_tokens)
        await self._llm.complete(request)
        reply = await self._llm.complete(request, draft)
        if not reply.text.startswith(drafts[-1] if drafts else ""):
            raise ValueError(f"the draft {drafts[-1]!r} is no beginning of {reply.text!r}")
        return f"{len(drafts)} drafts, tokens {reply.server_tokens}, {reply.text[:40]!r}"

    async def call(self) -> str:
        """A tool call."""
        return _said(await self.ask(SYSTEM, FRIDAY))

    async def result(self) -> str:
        """The result of a call, sent back."""
        return _said(await self.ask(SYSTEM, FRIDAY, *LISTED))

    async def results(self) -> str:
        """Several calls in one turn, with their results."""
        return _said(await self.ask(SYSTEM, {"role": "user", "content": "tea, and what else?"}, *BOTH))

    async def history(self) -> str:
        """Calls of earlier exchanges."""
        answered: Message = {"role": "assistant", "content": "Lunch with Ana, at noon."}
        return _said(await self.ask(SYSTEM, FRIDAY, *LISTED, answered, FRIDAY))

    async def schemas(self) -> str:
        """Schemas with choices, lists, objects and no arguments."""
        return _said(await self.ask(SYSTEM, FRIDAY, tools=(ODD, NOW, LIST)))

    async def names(self) -> str:
        """A name with a dot."""
        dotted = _tool("calendar.list", "Lists the events of a day.", {"date": TEXT})
        return _said(await self.ask(SYSTEM, FRIDAY, tools=(dotted,)))

    async def turns(self) -> str:
        """No system message, and two messages in a row."""
        return _said(await self.ask({"role": "user", "content": "hello"}, FRIDAY))

    async def limit(self) -> str:
        """A reply that is cut off."""
        messages: list[Message] = [{"role": "user", "content": "thanks"}]
        reply = await self._llm.complete(ChatRequest(messages=messages, max_tokens=2))
        if reply.finish_reason != "length":
            raise ValueError(f"finish_reason is {reply.finish_reason}")
        return repr(reply.text)


def _said(reply: Completion) -> str:
    if reply.tool_calls:
        return " and ".join(f"{call.name}({call.arguments})" for call in reply.tool_calls)
    return f"words: {reply.text[:60]!r}"


async def _try(check: Callable[[], Awaitable[str]]) -> bool:
    name = (check.__doc__ or "").rstrip(".")
    try:
        print(f"ok      {name}: {await check()}", flush=True)
    except (ModelError, ValueError) as error:
        print(f"FAILED  {name}: {type(error).__name__}: {error}", flush=True)
        return False
    return True


async def main() -> int:
    """Try the server that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("model")
    parser.add_argument("--key", default=None)
    parser.add_argument("--max-tokens", type=int, default=200)
    given = parser.parse_args()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    async with LLM.from_pretrained(f"openai:{given.model}", base_url=given.url, api_key=given.key) as llm:
        trial = Trial(llm, given.max_tokens)
        checks = (
            trial.text,
            trial.call,
            trial.result,
            trial.results,
            trial.history,
            trial.schemas,
            trial.names,
            trial.turns,
            trial.limit,
        )
        done = [await _try(check) for check in checks]
    print(f"tools: refused {trial.handling.refused!r}, left in the text {trial.handling.form!r}")
    return 0 if all(done) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
