"""Lets a model answer, calling tools in between, for a bounded number of rounds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import msgspec
import structlog

from llmagent_os.adapter import Reply
from llmagent_os.chat import ChatRequest, Completion, Message, ToolCall, ToolSpec, tool_message
from llmagent_os.errors import ModelError, PromptTooLongError
from llmagent_os.plugin import ToolResult
from llmagent_os.reply.claim_check import claims_too_much
from llmagent_os.reply.grounding_check import Fault, fault_in, holds
from llmagent_os.reply.model_failure import FailureKind, failure_of
from llmagent_os.reply.offered_calls import as_offered
from llmagent_os.reply.taught_check import Sayable, is_sayable, known_values, may_begin, of_result, of_talk
from llmagent_os.serving.model_card import Grounding
from llmagent_os.serving.taught_replies import NOTHING_TAUGHT, TaughtReplies
from llmagent_os.tools.result_statuses import ASKING, CONFIRM, FAILED

if TYPE_CHECKING:
    from llmagent_os.handler import Draft
    from llmagent_os.llm import LLM
    from llmagent_os.modules import PrivacyModule

_log = structlog.stdlib.get_logger(__name__)

#: The statuses of results that a reply must name: something was done, or found.
DONE = frozenset(("created", "noted", "deleted", "moved", "unchanged", "listed", "set"))

#: What is said where a model gave no words, or none that may be sent, and no tool has words.
NO_ANSWER = "Sorry, I have no answer to that."
NOT_UNDERSTOOD = "I'm not sure what you mean. Could you say it another way?"

#: Why a person read other words than the model's: these were not true to the results, or there were none.
Replaced = Literal["ungrounded", "failure"]

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


@dataclass
class Answer:
    """What a model has answered so far, and what the tools gave it. It grows while the model works."""

    known: str = ""  #: the system message: what the model knew besides the results
    own: frozenset[str] = frozenset()  #: the words that the model uses by itself; empty: they are not known
    taught: TaughtReplies = NOTHING_TAUGHT  #: the texts that the model was taught; empty: they are not known
    grounding: Grounding = "off"  #: whether the model's words are checked against the results
    text: str = ""  #: the model's last words
    completions: list[Completion] = field(default_factory=list[Completion])
    #: completions after these, whose tool calls were not valid: the model did not get further
    rejected: tuple[Completion, ...] = ()
    calls: list[ToolCall] = field(default_factory=list[ToolCall])
    results: list[ToolResult] = field(default_factory=list[ToolResult])  #: one for each call
    by_rules: int = 0  #: how many of the first calls a plugin's rules read in the message; no model drew them
    joined: ToolResult | None = None  #: the one result that stands for those of several calls; None: the last stands
    failure: FailureKind | None = None  #: why the model gave no answer; None: it gave one
    open_question: str = ""  #: what was asked in the turn before and not answered, as a sentence

    @property
    def asks(self) -> bool:
        """Whether the last tool's text is said as it is: it asks before it acts, so that "yes" does what it says, or
        the tool wants it so.
        """
        last = self.results[-1] if self.results else None
        return last is not None and (last.word_for_word or last.data.get("status") == CONFIRM)

    @property
    def by_lora(self) -> bool:
        """Whether a LoRA had a part in the last words."""
        return any(completion.lora_version != "base" for completion in self.completions[-1:])

    def fault_in(self, text: str) -> Fault | None:
        """What ``text`` says that neither the results nor the system message hold; None: nothing, or no results."""
        if not self.results:
            return None
        sources = (str(value) for result in self.results for value in (*result.data.values(), result.text))
        return fault_in(text, [*sources, self.known], self.own)

    def may_show(self, text: str) -> bool:
        """Whether ``text``, which may be the beginning of a reply, may be sent."""
        if self.asks or (self.results and self.results[-1].card is not None):
            return text == self.results[-1].text
        if self.grounding != "enforce":
            return True
        said = self.sayable()
        return self.fault_in(text) is None and (said is None or may_begin(text, said)) and not self.overclaims(text)

    def sayable(self) -> Sayable | None:
        """What the model can say that is true; None: it is not known what the model was taught.

        A LoRA may have taught the model new words: those are checked as any model's are.
        """
        known = known_values(self.known)
        if self.by_lora:
            return None
        if self.results and self.taught.results:
            tool = self.calls[-1].name if self.calls else ""
            return of_result(self.taught, tool, self.results[-1].data, known)
        if not self.results and self.taught.talk:
            return of_talk(self.taught, known)
        return None

    def overclaims(self, text: str) -> bool:
        """Whether ``text`` says that something was done that no result did."""
        return claims_too_much(text, [str(result.data.get("status", "")) for result in self.results])

    def omits(self, text: str) -> bool:
        """Whether ``text`` leaves out what the last tool did or found, its repetition, what it conflicts with, or asks.

        Only a small model whose words are known is checked: every word of its reply can be true, and the reply can
        still be about something else, or leave a person without the question that they have to answer.
        """
        data = self.results[-1].data if self.results else {}
        if self.own and data.get("status") in ASKING:
            return "?" not in text
        known_words = self.taught.results and not self.by_lora
        if not self.own or known_words or data.get("status") not in DONE:
            return False  # what a model was taught to say of a result names what there is to name
        what = next((key for key in ("title", "events", "name", "place") if key in data), None)
        return not all(holds(text, str(data[key])) for key in (what, "repeat", "conflict") if key in data)

    def fault(self, privacy: PrivacyModule) -> Fault | None:
        """What the check of the whole reply finds; None: nothing, or the check is off, or the words are a tool's."""
        text = privacy.release(self.text)
        if self.grounding == "off" or self.failure is not None or not text or self.asks:
            return None
        if fault := self.fault_in(text):
            return fault
        if self.overclaims(text):
            return "claim"
        if self.omits(text):
            return "omission"
        said = self.sayable()
        return None if said is None or is_sayable(text, said) else "untaught"

    def replaced(self, privacy: PrivacyModule) -> Replaced | None:
        """Why the person reads other words than the model's; None: they read the model's, or a tool's question."""
        if self.failure is not None:
            return "failure"
        if self.grounding == "enforce" and self.fault(privacy) is not None:
            return "ungrounded"
        return None

    def with_waiting(self, text: str) -> str:
        """``text``, and what still waits for the person where the text does not say it.

        The question of the turn before is repeated once. A reply that asks something itself does not repeat it.
        """
        waiting = [result.waiting for result in self.results if result.waiting]
        asks = any(result.buttons for result in self.results[-1:])
        sentences = waiting or ([self.open_question] if self.open_question and not asks else [])
        return " ".join([text, *(sentence for sentence in dict.fromkeys(sentences) if sentence not in text)])

    def reply(self, privacy: PrivacyModule) -> Reply:
        """The model's words, unless they may not be sent; then the words of the last tool. Then what waits."""
        text = privacy.release(self.text)
        if not self.results:
            is_true = self.replaced(privacy) != "ungrounded"
            return Reply(self.with_waiting((text or NO_ANSWER) if is_true else NOT_UNDERSTOOD))
        last = self.joined or self.results[-1]
        # A card shows what was found. The tool's sentence leads to it; the model's would say all of it once more.
        good = text and not self.asks and last.card is None and self.replaced(privacy) is None
        return Reply(self.with_waiting(text if good else last.text), last.card, last.buttons, last.files)


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
    """
    card = llm.card
    known = str(request.messages[0]["content"])
    checked = grounding or card.checked
    answer = Answer(known=known, own=card.own_words, taught=card.taught, grounding=checked)

    show = _shown_while_written(answer, privacy, draft)
    messages = list(request.messages)
    if given is not None and await _make_given(given, answer, messages, call_tool, request.tools):
        return answer
    messages = as_offered(messages, request.tools)
    for round_ in range(rounds + 1):
        tools = request.tools if round_ < rounds else ()
        try:
            completion = await _complete(llm, msgspec.structs.replace(request, tools=tools), messages, show)
        except ModelError as error:
            failure = failure_of(error)
            answer.rejected, answer.failure = error.rejected, failure.kind
            answer.text = "" if answer.results else failure.words
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
        messages.append(_call_message(completion.text, completion.tool_calls))
        for number, call in enumerate(completion.tool_calls):
            result = await call_tool(call, f"{round_}.{number}")
            answer.calls.append(call)
            answer.results.append(result)
            messages.append(tool_message(result.data))
            if result.data.get("status") == FAILED:
                return answer  # no model is asked to rephrase a failure
    return answer


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
    only = answer.results[0]
    unknown = all(spec.name != answer.calls[0].name for spec in offered)  # the model was not taught its results
    return only.word_for_word or unknown or only.data.get("status") == FAILED


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
