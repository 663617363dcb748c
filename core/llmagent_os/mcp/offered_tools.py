"""A bot's own tools, as other programs see and call them with a token.

A call goes through the registry: permissions, checks of arguments and results, time limits, the circuit breaker. It
acts as the person of the token: records, timers and credentials are theirs.
"""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import structlog
from mcp import types

from llmagent_os.errors import LLMAgentOSError, ToolArgumentError
from llmagent_os.events import Conversation, Message, Sender
from llmagent_os.identity import Identity
from llmagent_os.languages import gettext, speaking
from llmagent_os.languages.written_phrases import join_sentences
from llmagent_os.mcp.access_tokens import Grant
from llmagent_os.people.access import Access
from llmagent_os.plugin import ASKED_EFFECTS, ToolContext, ToolMark, ToolResult
from llmagent_os.sealing.sealed_files import read_file
from llmagent_os.tools.registry import PROFILE_WRITE, Plugins
from llmagent_os.tools.result_statuses import NOTHING_DONE

#: Calls of one token in one minute.
MAX_CALLS = 120
#: Bytes of one picture or file of a result.
MAX_FILE = 4_000_000

_MINUTE = 60.0

_log = structlog.get_logger(__name__)


class UnheardTimers:
    """Stands where the person cannot be told that a timer is due: it remembers that one was set."""

    def __init__(self) -> None:
        self.was_set = False  #: the person is told that nothing will come of it

    async def set(self, key: str, at: datetime, *, deferrable: bool = False) -> None:
        self.was_set = True

    async def cancel(self, key: str) -> bool:
        return False


class OfferedTools:
    """The tools that a token opens, and their calls."""

    def __init__(
        self,
        plugins: Plugins,
        access: Access,
        *,
        context_of: Callable[[Identity], Awaitable[ToolContext]],
        place_of: Callable[[Identity], Awaitable[tuple[Conversation, Sender] | None]],
        without: Collection[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Args:
        plugins: the bot's tools, with its permissions.
        access: who may use the bot, and the audit log.
        context_of: makes the context of a person.
        place_of: where the person last wrote to the bot in private: timers that a call sets are answered there.
        without: names of plugins and servers whose tools are not offered.
        clock: seconds that only ever increase.
        """
        self._plugins, self._access, self._clock = plugins, access, clock
        self._context_of, self._place_of, self._without = context_of, place_of, frozenset(without)
        self._calls: dict[str, deque[float]] = {}

    def listed(self, grant: Grant) -> list[types.Tool]:
        """The tools that a token opens."""
        found: list[types.Tool] = []
        for spec in self._plugins.specs(grant.token.permissions):
            mark = self._plugins.mark_of(spec.name)
            if mark is not None and spec.plugin not in self._without and self._is_open(grant, spec.name, mark):
                tool = {
                    "name": spec.name,
                    "description": spec.description,
                    "inputSchema": spec.parameters,
                    "annotations": _annotations(mark),
                }
                found.append(types.Tool.model_validate(tool))
        return found

    def _is_open(self, grant: Grant, name: str, mark: ToolMark) -> bool:
        if mark.permission == PROFILE_WRITE:  # what a call learns of a person is kept by the chat
            return False
        if mark.effect in ASKED_EFFECTS and mark.effect not in grant.token.effects:
            return False
        return grant.token.private or not self._plugins.keep_private([name])

    async def call(self, grant: Grant, name: str, arguments: Mapping[str, Any]) -> types.CallToolResult:
        """Call a tool for the person of a token. What goes wrong is in the result."""
        token = grant.token
        if not self._takes(token.hash):
            return _refused(gettext("Too many calls. Try again in a minute."))
        mark = self._plugins.mark_of(name)
        if mark is None or name not in {tool.name for tool in self.listed(grant)}:
            return _refused(gettext("This token opens no tool “{tool}”.", tool=name[:80]))
        try:
            context = await self._context(grant, mark)
            with speaking(context.profile.language or "en"):
                result = await self._plugins.call(name, dict(arguments), context, allowed=token.permissions)
                await self._note(grant, name, mark, result)
                return await self._answer(grant, _with_notice(result, context))
        except ToolArgumentError as error:
            return _refused(str(error))
        except LLMAgentOSError as error:
            _log.warning("a call by MCP failed", tool=name, token=token.name, error=str(error))
            return _refused(gettext("Sorry, that did not work just now. Please try again in a moment."))

    def _takes(self, key: str) -> bool:
        now, calls = self._clock(), self._calls.setdefault(key, deque())
        while calls and now - calls[0] > _MINUTE:
            calls.popleft()
        if len(calls) >= MAX_CALLS:
            return False
        calls.append(now)
        return True

    async def _context(self, grant: Grant, mark: ToolMark) -> ToolContext:
        """The context of a call. A tool that asks itself does so, unless the token lets it act."""
        context = await self._context_of(grant.identity)
        place = await self._place_of(grant.identity)
        must_ask = mark.asks_itself and not set(ASKED_EFFECTS) <= set(grant.token.effects)
        context = dataclasses.replace(context, must_ask=must_ask)
        if place is None:
            return dataclasses.replace(context, timers=UnheardTimers())
        conversation, sender = place
        event_id = f"mcp:{uuid4().hex}"
        event = Message(event_id=event_id, conversation=conversation, sender=sender, text="", message_id=event_id)
        return dataclasses.replace(context, event=event, conversation_key=conversation.key)

    async def _note(self, grant: Grant, name: str, mark: ToolMark, result: ToolResult) -> None:
        """Note in the audit log what reached others or cannot be taken back."""
        effect, status = result.effect or mark.effect, str(result.data.get("status", "done"))
        if effect in ASKED_EFFECTS and status not in NOTHING_DONE:
            detail = f"{name}: {effect} {status}, by the MCP token {grant.token.name}"
            await self._access.note(grant.identity, "had done", detail=detail)

    async def _answer(self, grant: Grant, result: ToolResult) -> types.CallToolResult:
        if result.is_secret and not grant.token.private:
            return _refused(gettext("That is secret: I say it in a private conversation only."))
        content: list[types.ContentBlock] = [types.TextContent(text=_text(result))]
        for picture in result.pictures:
            data = await _bytes_of(picture.path)
            kind = "image/png" if picture.path.endswith(".png") else "image/jpeg"
            if data is None:
                content.append(types.TextContent(text=picture.alt))
            else:
                content.append(types.ImageContent(data=data, mime_type=kind))
        for path in result.files:
            data = await _bytes_of(path)
            if data is not None:
                blob = types.BlobResourceContents(uri=f"file:///{Path(path).name}", blob=data)
                content.append(types.EmbeddedResource(resource=blob))
        is_error = result.data.get("status") == "failed"
        return types.CallToolResult(content=content, structured_content=result.data, is_error=is_error)


def _with_notice(result: ToolResult, context: ToolContext) -> ToolResult:
    """``result``, which says so where it promises to come back to a person whom the bot cannot reach."""
    if not isinstance(context.timers, UnheardTimers) or not context.timers.was_set:
        return result
    notice = gettext(
        "But I cannot come back to you with this: I do not know where to reach you. Write to me in a private "
        "conversation once, and do it again."
    )
    return msgspec.structs.replace(result, text=join_sentences([result.text, notice]))


def _annotations(mark: ToolMark) -> dict[str, bool]:
    """What a tool does, in the hints of the protocol."""
    return {
        "readOnlyHint": mark.effect == "reads",
        "destructiveHint": mark.effect == "destructive",
        "openWorldHint": mark.effect == "outward",
    }


def _text(result: ToolResult) -> str:
    """What a person would read: the text, the card, the table, and the buttons, which only work in the chat."""
    parts = [result.text, result.card.as_text() if result.card is not None else "", *_table(result), result.waiting]
    if result.buttons:
        labels = ", ".join(button.label for button in result.buttons)
        parts.append(gettext("To choose in the chat: {choices}.", choices=labels))
    return "\n\n".join(dict.fromkeys(filter(None, parts)))


def _table(result: ToolResult) -> Iterator[str]:
    if result.table is not None:
        yield "\n".join("\t".join(row) for row in (result.table.head, *result.table.rows))


async def _bytes_of(path: str) -> str | None:
    """A file in base64. None: it cannot be read, or is too large."""
    try:
        content = await asyncio.to_thread(read_file, Path(path))
    except (OSError, LLMAgentOSError):
        return None
    return None if len(content) > MAX_FILE else base64.b64encode(content).decode()


def _refused(text: str) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(text=text)], is_error=True)
