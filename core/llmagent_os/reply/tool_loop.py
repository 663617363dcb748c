"""Lets a model answer, calling tools in between, for a bounded number of rounds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import structlog

from llmagent_os.chat import ChatRequest, Completion, Message, ToolCall, ToolSpec, tool_message
from llmagent_os.errors import ModelError, NoModelError, PromptTooLongError
from llmagent_os.plugin import ToolResult
from llmagent_os.reply.answer import Answer
from llmagent_os.reply.model_failure import failure_of
from llmagent_os.reply.offered_calls import as_offered
from llmagent_os.reply.shown_tools import ShownTools
from llmagent_os.serving.model_card import Grounding
from llmagent_os.tools.result_statuses import FAILED, HELD_BACK

if TYPE_CHECKING:
    from llmagent_os.handler import Draft
    from llmagent_os.llm import LLM
    from llmagent_os.modules import PrivacyModule

_log = structlog.stdlib.get_logger(__name__)

#: Runs a tool call. The string is the call's round and its place in the round: ``0.1``; for a call that rules read
#: it is :meth:`GivenCalls.number`.
CallTool = Callable[[ToolCall, str], Awaitable[ToolResult]]


@dataclass(frozen=True)
class GivenCalls:
    """The tool calls that a plugin's rules read in a message, or the answer where it asks for none."""

    calls: tuple[ToolCall, ...]
    #: makes one result of those of several calls
    join: Callable[[Sequence[ToolCall], Sequence[ToolResult]], Awaitable[ToolResult]]
    answer: ToolResult | None = None  #: the plugin's own words; None: there are calls

    @staticmethod
    def number(place: int) -> str:
        """Name the call at ``place``, as a model's calls are named by round and place."""
        return f"read.{place}"


async def converse(
    llm: LLM,
    request: ChatRequest,
    call_tool: CallTool,
    *,
    rounds: int,
    privacy: PrivacyModule,
    draft: Draft | None = None,
    grounding: Grounding | None = None,
    given: GivenCalls | None = None,
    shown: ShownTools | None = None,
) -> Answer:
    """Let ``llm`` answer ``request``.

    Args:
        llm: the model.
        request: the messages, from the system message to what the person said last, and the tools.
        call_tool: runs one tool call. What it raises ends the loop.
        rounds: how often the model may call tools before it must use words.
        privacy: cleans words before they are shown.
        draft: called with the words while they are written, as long as they may be sent.
        grounding: whether the words are checked against the results; None: as the model's card says.
        given: calls that a plugin's rules read in the message. They are made in place of the model's own: the model
            puts a single result into words, and several are said as they are joined.
        shown: the tools of the request, which grow where the model looks for others; None: there are no others. One
            round more is for looking.
    """
    shown = shown or ShownTools(request.tools)
    card = llm.card
    known = str(request.messages[0]["content"])
    answer = Answer(known=known, own=card.own_words, taught=card.taught, grounding=grounding or card.checked)
    show = _shown_while_written(answer, privacy, draft)
    messages = list(request.messages)
    if given is not None and await _make_given(given, answer, messages, call_tool, request.tools):
        return answer
    messages = as_offered(messages, request.tools)
    for round_ in range(rounds + 2):
        last = rounds + min(shown.searches, 1)
        if round_ > last:
            break
        tools = shown.specs if round_ < last else ()
        try:
            completion = await _complete(llm, msgspec.structs.replace(request, tools=tools), messages, show)
        except ModelError as error:
            _note_failure(answer, error)
            return answer
        if answer.by_rules and completion.tool_calls:  # the rules have read everything: there is no more to do
            answer.rejected = (msgspec.structs.replace(completion, tool_calls=()),)
            return answer
        answer.completions.append(completion)
        answer.text = completion.text
        if not completion.tool_calls:
            if fault := answer.fault(privacy):
                _log.warning("a reply is not true to the results", fault=fault, grounding=answer.grounding)
            return answer
        if await _make_calls(completion, round_, answer, messages, call_tool, shown):
            return answer
    return answer


def _note_failure(answer: Answer, error: ModelError) -> None:
    """Complete the answer without the model: with the results of the calls, or with words of ours."""
    if isinstance(error, NoModelError) and answer.results:  # the plugin's own words are the answer
        return
    failure = failure_of(error)
    answer.rejected, answer.failure = error.rejected, failure.kind
    answer.text = "" if answer.results else failure.words


async def _make_calls(
    completion: Completion,
    round_: int,
    answer: Answer,
    messages: list[Message],
    call_tool: CallTool,
    shown: ShownTools,
) -> bool:
    """Make the calls of a completion. Returns whether the answer is complete.

    It is where a call failed: no model is asked to rephrase a failure, and the calls after it are not made. It is also
    where calls wait for a yes: the person reads what the others did, and then the question about all that wait.
    """
    has_failed = False
    messages.append(_call_message(completion.text, completion.tool_calls))
    for number, call in enumerate(completion.tool_calls):
        known = shown.specs
        if (found := await shown.answer(call)) is not None:  # nothing is done yet, and no person reads it
            messages.append(tool_message(found.data))
            answer.found_tools += [shown.specs] if shown.specs != known else []
            continue
        result = await call_tool(call, f"{round_}.{number}")
        answer.calls.append(call)
        answer.results.append(result)
        messages.append(tool_message(result.data))
        if result.data.get("status") == FAILED:
            has_failed = True
            break
    held_back = [result for result in answer.results if result.data.get("status") == HELD_BACK]
    if held_back:
        others = [result.text for result in answer.results if result not in held_back]
        text = "\n\n".join(dict.fromkeys([*others, held_back[-1].text]))
        answer.joined = msgspec.structs.replace(held_back[-1], text=text)
    return has_failed or bool(held_back)


def _shown_while_written(answer: Answer, privacy: PrivacyModule, draft: Draft | None) -> Draft:
    """Passes on what the model has written so far, where it may be sent."""

    async def show(text: str) -> None:
        text = privacy.release(text)
        finished, _, _ = text.rpartition(" ")  # the last word may be incomplete
        if draft is not None and finished and answer.may_show(finished):
            await draft(text)

    return show


async def _make_given(
    given: GivenCalls, answer: Answer, messages: list[Message], call_tool: CallTool, offered: Sequence[ToolSpec]
) -> bool:
    """Make the calls that rules read. Returns whether the answer is complete: no model has anything to say to it."""
    if given.answer is not None:
        answer.results.append(given.answer)
        return True
    answer.by_rules = len(given.calls)
    for number, call in enumerate(given.calls):
        result = await call_tool(call, given.number(number))
        answer.calls.append(call)
        answer.results.append(result)
        messages += [_call_message("", [call]), tool_message(result.data)]
    if len(given.calls) > 1:
        answer.joined = await given.join(answer.calls, answer.results)
        return True
    unknown = all(spec.name != answer.calls[0].name for spec in offered)  # the model was not taught its results
    return answer.is_fixed or unknown


def _call_message(text: str, calls: Sequence[ToolCall]) -> Message:
    made = [{"function": {"name": call.name, "arguments": call.arguments}} for call in calls]
    return {"role": "assistant", "content": text, "tool_calls": made}


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
