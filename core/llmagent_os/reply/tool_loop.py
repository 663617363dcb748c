"""One turn: a model answers, calling tools in between, for a bounded number of rounds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
import structlog

from llmagent_os.adapter import Reply
from llmagent_os.chat import ChatRequest, Completion, Message, ToolCall, tool_message
from llmagent_os.errors import ModelError, PromptTooLongError
from llmagent_os.plugin import ToolResult
from llmagent_os.reply.grounding_check import is_faithful

if TYPE_CHECKING:
    from llmagent_os.handler import Draft
    from llmagent_os.llm import LLM
    from llmagent_os.modules import PrivacyModule

_log = structlog.stdlib.get_logger(__name__)

#: What is said where the model does not answer.
NO_MODEL = "Sorry, my language model is not available right now. Please try again in a moment."

#: What is said where the person's message alone is more than the model can read.
TOO_LONG = "Sorry, that is more than I can read at once. Please say it in fewer words."

#: The status of a result that stands for a tool that failed; its text is said as it is.
FAILED = "failed"

#: The status of a result that asks before it acts: "yes" does what its text says, so no model may put it otherwise.
CONFIRM = "confirm"

#: Statuses of results that a reply must name: something was done, or found.
DONE = frozenset(("created", "noted", "deleted", "moved", "unchanged", "listed", "set"))

#: Runs the tool call of a given round and number.
CallTool = Callable[[ToolCall, str], Awaitable[ToolResult]]


@dataclass
class Turn:
    """What happened between a message and its reply."""

    known: str = ""  #: the system message: what the model was told besides the results
    own: frozenset[str] = frozenset()  #: the words that the model uses by itself, where they are known
    text: str = ""  #: the model's last words
    completions: list[Completion] = field(default_factory=list[Completion])
    calls: list[ToolCall] = field(default_factory=list[ToolCall])
    results: list[ToolResult] = field(default_factory=list[ToolResult])  #: one a call

    def is_true(self, text: str) -> bool:
        """Whether ``text`` says nothing that neither the results nor the system message hold."""
        if not self.results:
            return True
        if self.results[-1].data.get("status") == CONFIRM:
            return text == self.results[-1].text
        told = (str(value) for result in self.results for value in (*result.data.values(), result.text))
        return is_faithful(text, [*told, self.known], self.own)

    def names_it(self, text: str) -> bool:
        """Whether ``text`` names what the last tool did or found, that it repeats, and what it conflicts with.

        Asked only of a small model whose words are known: it can be true in every word and still about something else.
        """
        data = self.results[-1].data if self.results else {}
        if not self.own or data.get("status") not in DONE:
            return True
        what = next((key for key in ("title", "events", "name", "place") if key in data), None)
        due = [str(data[key]).casefold() for key in (what, "repeat", "conflict") if key in data]
        return all(each in text.casefold() for each in due)

    def reply(self, privacy: PrivacyModule) -> Reply:
        """The model's words where they are true to what the tools found, else the last tool's own."""
        text = privacy.release(self.text)
        if not self.results:
            return Reply(text or "Sorry, I have no answer to that.")
        last = self.results[-1]
        good = text and self.is_true(text) and self.names_it(text)
        return Reply(text if good else last.text, last.card, last.buttons, last.files)


async def converse(
    llm: LLM,
    request: ChatRequest,
    call_tool: CallTool,
    *,
    rounds: int,
    privacy: PrivacyModule,
    draft: Draft | None = None,
) -> Turn:
    """Let ``llm`` answer ``request``.

    Args:
        llm: the model.
        request: the system message first, what the person said last, and the tools.
        call_tool: runs one tool call; what it raises ends the turn.
        rounds: so often the model may call tools; then it must use words.
        privacy: cleans words before they are shown.
        draft: shown the words while they are written, as long as they are true.
    """
    turn = Turn(known=str(request.messages[0]["content"]), own=llm.card.own_words)

    async def show(text: str) -> None:
        text = privacy.release(text)
        finished, _, _ = text.rpartition(" ")  # the last word may be half written
        if draft is not None and finished and turn.is_true(finished):
            await draft(text)

    messages = list(request.messages)
    for round_ in range(rounds + 1):
        tools = request.tools if round_ < rounds else ()
        try:
            completion = await _complete(llm, msgspec.structs.replace(request, tools=tools), messages, show)
        except PromptTooLongError as error:
            _log.warning("there was too much to read", error=str(error))
            turn.text = "" if turn.results else TOO_LONG
            return turn
        except ModelError as error:
            _log.error("the model did not answer", error=str(error))
            turn.text = "" if turn.results else NO_MODEL
            return turn
        turn.completions.append(completion)
        turn.text = completion.text
        if not completion.tool_calls:
            return turn
        calls = [{"function": {"name": call.name, "arguments": call.arguments}} for call in completion.tool_calls]
        messages.append({"role": "assistant", "content": completion.text, "tool_calls": calls})
        for number, call in enumerate(completion.tool_calls):
            result = await call_tool(call, f"{round_}.{number}")
            turn.calls.append(call)
            turn.results.append(result)
            messages.append(tool_message(result.data))
            if result.data.get("status") == FAILED:
                return turn  # no model is asked to put a failure nicely
    return turn


async def _complete(llm: LLM, request: ChatRequest, messages: list[Message], show: Draft) -> Completion:
    """The model's reply to ``messages``.

    Where they are too long for it, the oldest exchanges are taken out of the list: one long message must not silence
    the conversation after it.
    """
    while True:
        try:
            return await llm.complete(msgspec.structs.replace(request, messages=list(messages)), show)
        except PromptTooLongError:
            asked = [at for at, message in enumerate(messages) if message["role"] == "user"]
            if len(asked) < 2:  # what the person said last is all there is
                raise
            del messages[asked[0] : asked[1]]
