"""Brings a model to every style that it can have, and collects what it says to real questions.

A style is an instruction of the bot's dimensions in the system message, or an edit of what the model says anyway.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import msgspec

from llmagent_os.chat import ChatRequest, Completion, Message, ToolCall, ToolSpec
from llmagent_os.identity import NOBODY, PersonId
from llmagent_os.llm import LLM
from llmagent_os.modules.behavior import system_text
from llmagent_os.policy.contract import DIMENSIONS, NO_STYLES, Action, Dimensions
from llmagent_os.policy.persona import style_name
from llmagent_os.serving.tool_call_parsing import InvalidCallError
from llmagent_os.training.completion_batch import complete_all
from llmagent_os.training.wording_edits import EDITS

OWN = "own"  #: the style of a reply as the model writes it
_STYLE_LINE = "Style: "  # how `system_text` begins the line of values that have no words of their own

_WHOLE = re.compile(r".*[.!?…](?=\s|$)", re.DOTALL)


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """Something that people ask, as the model reads it when it answers."""

    messages: tuple[Message, ...]  #: the chat up to the reply, the bot's system message included
    tools: tuple[ToolSpec, ...] = ()  #: the tools that the reply may call
    origin: str = ""  #: where it comes from, for reports
    person: PersonId = NOBODY  #: who asked
    conversation: str = ""  #: examples of one conversation never stand on both sides of a split


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A reply that the model could learn."""

    style: str  #: :data:`OWN`, ``dimension=value`` of an instruction, or the name of an edit
    text: str
    calls: tuple[ToolCall, ...] = ()


def instructions(dimensions: Dimensions = DIMENSIONS, defaults: Action | None = None) -> dict[str, str]:
    """Write the line of the system message for every style that the bot's dimensions have, by ``dimension=value``.

    One dimension is changed at a time; the others keep their default. The initiative concerns the tools alone.

    >>> instructions({"tone": {"plain": "", "playful": "Write playfully."}})
    {'tone=plain': 'Style: plain.', 'tone=playful': 'Write playfully.'}
    """
    usual = {name: next(iter(values)) for name, values in dimensions.items()} | dict(defaults or {})
    return {
        style_name(name, value): system_text({**usual, name: value}, dimensions=dimensions)
        for name, values in dimensions.items()
        if name not in NO_STYLES
        for value in values
    }


def instructed(messages: Sequence[Message], instruction: str, others: Sequence[str] = ()) -> list[Message]:
    """Put an instruction into the system message, in the place of any other style that stands there, or at the end.

    Args:
        messages: the chat, with or without a system message.
        instruction: what to add.
        others: instructions that must not stand beside it.
    """
    first = messages[0] if messages and messages[0]["role"] == "system" else None
    said = str(first.get("content") or "").splitlines() if first else []
    out = {line for each in (*others, instruction) for line in each.splitlines()}
    styled = [line in out or line.startswith(_STYLE_LINE) for line in said]
    at = styled.index(True) if True in styled else len(said)
    after = [line for line, style in zip(said[at:], styled[at:], strict=True) if not style]
    system: Message = {**(first or {}), "role": "system", "content": "\n".join([*said[:at], instruction, *after])}
    return [system, *(messages[1:] if first else messages)]


async def write_candidates(
    llm: LLM,
    questions: Sequence[Question],
    styles: Mapping[str, str],
    *,
    edits: Mapping[str, Callable[[str], str]] = EDITS,
    lora: str | None = "base",
    max_tokens: int = 96,
    temperature: float = 0.7,
    seed: int = 0,
) -> list[list[Candidate]]:
    """Let the model answer every question in every style; gives the different candidates of each question.

    A reply that was cut off at ``max_tokens`` ends with its last whole sentence. A reply without a whole sentence, and
    one without words or calls, is no candidate. A reply with a tool call is not edited.

    Args:
        llm: the model.
        questions: what people ask.
        styles: instructions by style, as :func:`instructions` writes them.
        edits: functions that edit the model's own reply, by style.
        lora: see :class:`~llmagent_os.chat.ChatRequest`.
        max_tokens: most tokens in a reply.
        temperature: 0 takes the likeliest reply.
        seed: the same seed gives the same candidates.

    Raises:
        ModelError: the model cannot answer.
    """
    tried = (OWN, *styles)
    requests = [
        ChatRequest(
            messages=_messages(question, style, styles),
            tools=question.tools,
            lora=lora,
            max_tokens=max_tokens,
            temperature=temperature,
            seed=seed + number if temperature else None,
        )
        for number, question in enumerate(questions)
        for style in tried
    ]
    answers = iter(await complete_all(llm, requests))
    found: list[list[Candidate]] = []
    for _ in questions:
        replies = [_candidate(style, next(answers)) for style in tried]
        written = [each for each in replies if each is not None]
        own = next((each for each in written if each.style == OWN and not each.calls), None)
        if own is not None:
            written += [Candidate(style=style, text=edit(own.text)) for style, edit in edits.items()]
        found.append(_different(written))
    return found


def _candidate(style: str, answer: Completion | InvalidCallError) -> Candidate | None:
    """What the model says in a style; None: no whole sentence, or a call that cannot be run, so nothing to learn."""
    if isinstance(answer, InvalidCallError):
        return None
    text = _whole_sentences(answer.text) if answer.finish_reason == "length" else answer.text.strip()
    return Candidate(style=style, text=text, calls=answer.tool_calls) if text or answer.tool_calls else None


def _messages(question: Question, style: str, styles: Mapping[str, str]) -> list[Message]:
    if style == OWN:
        return list(question.messages)
    return instructed(question.messages, styles[style], list(styles.values()))


def _different(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The candidates that say something; of those that say the same, the first."""
    found: dict[tuple[str, str], Candidate] = {}
    for each in candidates:
        if each.text or each.calls:
            found.setdefault((each.text, str(each.calls)), each)
    return list(found.values())


def _whole_sentences(text: str) -> str:
    found = _WHOLE.match(text.strip())
    return found[0] if found else ""
