"""Lets a model answer, calling tools in between, for a bounded number of rounds."""

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

#: What a person reads when the model does not answer.
NO_MODEL = "Sorry, my language model is not available right now. Please try again in a moment."

#: What a person reads whose message alone is more than the model can take in.
TOO_LONG = "Sorry, that is more than I can read at once. Please say it in fewer words."

#: The status of a result that stands for a failed tool. Its text is sent as it is.
FAILED = "failed"

#: The status of a result that asks before it acts. "Yes" does what its text says, so no model may rephrase the text.
CONFIRM = "confirm"

#: The statuses of results that a reply must name: something was done, or found.
DONE = frozenset(("created", "noted", "deleted", "moved", "unchanged", "listed", "set"))

#: Runs a tool call. The string is the call's round and its place in the round: ``0.1``.
CallTool = Callable[[ToolCall, str], Awaitable[ToolResult]]


@dataclass
class Answer:
    """What a model has answered so far, and what the tools gave it. It grows while the model works."""

    known: str = ""  #: the system message: what the model knew besides the results
    own: frozenset[str] = frozenset()  #: the words that the model uses by itself; empty: they are not known
    text: str = ""  #: the model's last words
    completions: list[Completion] = field(default_factory=list[Completion])
    #: completions after these, whose tool calls were not valid: the model did not get further
    rejected: tuple[Completion, ...] = ()
    calls: list[ToolCall] = field(default_factory=list[ToolCall])
    results: list[ToolResult] = field(default_factory=list[ToolResult])  #: one for each call
    open_question: str = ""  #: what was asked in the turn before and not answered, as a sentence

    def is_true(self, text: str) -> bool:
        """Whether everything in ``text`` stands in the results or in the system message."""
        if not self.results:
            return True
        if self.results[-1].data.get("status") == CONFIRM:
            return text == self.results[-1].text
        sources = (str(value) for result in self.results for value in (*result.data.values(), result.text))
        return is_faithful(text, [*sources, self.known], self.own)

    def names_it(self, text: str) -> bool:
        """Whether ``text`` names what the last tool did or found, its repetition, and what it conflicts with.

        Only a small model whose words are known is checked: every word of its reply can be true, and the reply can
        still be about something else.
        """
        data = self.results[-1].data if self.results else {}
        if not self.own or data.get("status") not in DONE:
            return True
        what = next((key for key in ("title", "events", "name", "place") if key in data), None)
        needed = [str(data[key]).casefold() for key in (what, "repeat", "conflict") if key in data]
        return all(words in text.casefold() for words in needed)

    def with_waiting(self, text: str) -> str:
        """``text``, and what still waits for the person where the text does not say it.

        The question of the turn before is repeated once. A reply that asks something itself does not repeat it.
        """
        waiting = [result.waiting for result in self.results if result.waiting]
        asks = any(result.buttons for result in self.results[-1:])
        sentences = waiting or ([self.open_question] if self.open_question and not asks else [])
        return " ".join([text, *(sentence for sentence in dict.fromkeys(sentences) if sentence not in text)])

    def reply(self, privacy: PrivacyModule) -> Reply:
        """The model's words where they are true to the results, else the words of the last tool; and what waits."""
        text = privacy.release(self.text)
        if not self.results:
            return Reply(self.with_waiting(text or "Sorry, I have no answer to that."))
        last = self.results[-1]
        good = text and self.is_true(text) and self.names_it(text)
        return Reply(self.with_waiting(text if good else last.text), last.card, last.buttons, last.files)


async def converse(
    llm: LLM,
    request: ChatRequest,
    call_tool: CallTool,
    *,
    rounds: int,
    privacy: PrivacyModule,
    draft: Draft | None = None,
) -> Answer:
    """Let ``llm`` answer ``request``.

    Args:
        llm: the model.
        request: the messages, from the system message to what the person said last, and the tools.
        call_tool: runs one tool call. What it raises ends the loop.
        rounds: how often the model may call tools before it must use words.
        privacy: cleans words before they are shown.
        draft: called with the words while they are written, as long as they are true.
    """
    answer = Answer(known=str(request.messages[0]["content"]), own=llm.card.own_words)

    async def show(text: str) -> None:
        text = privacy.release(text)
        finished, _, _ = text.rpartition(" ")  # the last word may be incomplete
        if draft is not None and finished and answer.is_true(finished):
            await draft(text)

    messages = list(request.messages)
    for round_ in range(rounds + 1):
        tools = request.tools if round_ < rounds else ()
        try:
            completion = await _complete(llm, msgspec.structs.replace(request, tools=tools), messages, show)
        except PromptTooLongError as error:
            _log.warning("there was too much to read", error=str(error))
            answer.rejected = error.rejected
            answer.text = "" if answer.results else TOO_LONG
            return answer
        except ModelError as error:
            _log.error("the model did not answer", error=str(error))
            answer.rejected = error.rejected
            answer.text = "" if answer.results else NO_MODEL
            return answer
        answer.completions.append(completion)
        answer.text = completion.text
        if not completion.tool_calls:
            return answer
        calls = [{"function": {"name": call.name, "arguments": call.arguments}} for call in completion.tool_calls]
        messages.append({"role": "assistant", "content": completion.text, "tool_calls": calls})
        for number, call in enumerate(completion.tool_calls):
            result = await call_tool(call, f"{round_}.{number}")
            answer.calls.append(call)
            answer.results.append(result)
            messages.append(tool_message(result.data))
            if result.data.get("status") == FAILED:
                return answer  # no model is asked to rephrase a failure
    return answer


async def _complete(llm: LLM, request: ChatRequest, messages: list[Message], show: Draft) -> Completion:
    """The model's reply to ``messages``.

    Where the messages are too long for the model, the oldest exchanges are removed from the list: one long message must
    not silence the conversation after it.
    """
    rejected: tuple[Completion, ...] = ()  # of the tries before the messages were shortened
    while True:
        try:
            completion = await llm.complete(msgspec.structs.replace(request, messages=list(messages)), show)
            return msgspec.structs.replace(completion, rejected=(*rejected, *completion.rejected))
        except ModelError as error:
            error.rejected = rejected = (*rejected, *error.rejected)
            asked = [at for at, message in enumerate(messages) if message["role"] == "user"]
            if not isinstance(error, PromptTooLongError) or len(asked) < 2:  # only what the person said last is left
                raise
            del messages[asked[0] : asked[1]]
