"""Finds the tool calls that a server left in the text, in the markup of the model's own chat template.

A server without a parser for its model sends the markup as text. Read are the forms of Hermes, Qwen, GLM and MiniMax
(``<tool_call>``), Qwen-Coder and Llama 3.1 (``<function=name>``), Mistral (``[TOOL_CALLS]``), Llama 3 and 4
(``<|python_tag|>``, JSON or Python alone), DeepSeek (``<｜tool▁calls▁begin｜>``), Kimi
(``<|tool_calls_section_begin|>``), Granite and Phi (``<|tool_call|>``), Command R (``<|START_ACTION|>``) and InternLM
(``<|action_start|>``). vLLM documents them with the parsers that it has for them:
https://docs.vllm.ai/en/latest/features/tool_calling.html.

Markup is a call wherever it stands, unless it is quoted as `code`. Without any markup, a text is a call only if tools
were offered and the whole text is JSON of a call's form, or Python that calls these tools.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence

import msgspec

from llmagent_os.chat import ToolSpec
from llmagent_os.serving.call_bodies import (
    RawCall,
    UnreadableCallError,
    is_call_object,
    json_at,
    json_values,
    python_calls,
    raw_call,
    read_body,
)

#: What opens a call and what closes it, in the order in which they are looked for. The name is for the owner.
_PAIRS = (
    ("<tool_call>", "</tool_call>", "Hermes and Qwen"),
    ("<tool_calls>", "</tool_calls>", "Hermes and Qwen"),
    ("<function_call>", "</function_call>", "Hermes and Qwen"),
    ("<minimax:tool_call>", "</minimax:tool_call>", "MiniMax"),
    ("<|tool_call|>", "<|/tool_call|>", "Granite and Phi"),
    ("<|python_tag|>", "<|eom_id|>", "Llama"),
    ("<|python_start|>", "<|python_end|>", "Llama"),
    ("<|START_ACTION|>", "<|END_ACTION|>", "Command R"),
    ("<|action_start|><|plugin|>", "<|action_end|>", "InternLM"),
    ("<function=", "</function>", "Qwen-Coder"),
)
_MISTRAL = "[TOOL_CALLS]"
_DEEPSEEK = "<｜tool▁calls▁begin｜>", "<｜tool▁call▁begin｜>"
_KIMI = "<|tool_calls_section_begin|>", "<|tool_call_begin|>"

#: All that can open a call.
MARKERS = (*(opening for opening, _, _ in _PAIRS), _MISTRAL, *_DEEPSEEK, *_KIMI)
LONGEST_MARKER = max(map(len, MARKERS))
_ANY = re.compile("|".join(map(re.escape, MARKERS)))

#: Only these need their end: the others' servers take the end token out of the text.
_CLOSED = ("<tool_call>", "<tool_calls>", "<function_call>", "<minimax:tool_call>")

_DEEPSEEK_CALL = re.compile(
    r"<｜tool▁call▁begin｜>([^<>]{0,120})<｜tool▁sep｜>(.*?)(?:<｜tool▁call▁end｜>|\Z)", re.DOTALL
)
_KIMI_CALL = re.compile(
    r"<\|tool_call_begin\|>\s*([^<\s]{1,120})\s*<\|tool_call_argument_begin\|>(.*?)(?:<\|tool_call_end\|>|\Z)",
    re.DOTALL,
)
# Possessive: what was taken is not given back, so a text of blanks costs one pass.
_MISTRAL_NAME = re.compile(r"\s*+([\w.:-]{1,80}+)\s*+(?:\[CALL_ID\]\s*+[\w-]{1,80}+\s*+)?+(?:\[ARGS\])?+\s*+(?=\{)")
_END_TOKENS = re.compile(r"<\|(?:eom_id|eot_id|im_end)\|>|</s>")
_FENCE = re.compile(r"```[a-z_]{0,12}[ \t]{0,4}\n")


class FoundCalls(msgspec.Struct, frozen=True):
    """What was found in a text."""

    text: str  #: the words around the calls
    calls: list[RawCall]  #: none: the text is only words
    form: str = ""  #: whose markup it is, for the owner


def find_calls(text: str, tools: Sequence[ToolSpec]) -> FoundCalls:
    """Find the calls in a text.

    Args:
        text: all that the model wrote, without its thoughts.
        tools: what was offered.

    Raises:
        UnreadableCallError: there is markup of a call, and what is in the markup is none.
    """
    opening = opening_in(text)
    if opening is None:
        return _unmarked(text, tools)
    if opening[0] == _MISTRAL:
        return _mistral(text, opening.start())
    if opening[0] in _DEEPSEEK:
        return _each(text, opening.start(), _DEEPSEEK_CALL, _deepseek_call, "DeepSeek")
    if opening[0] in _KIMI:
        return _each(text, opening.start(), _KIMI_CALL, _kimi_call, "Kimi")
    return _paired(text, opening, tools)


def opening_in(text: str, start: int = 0) -> re.Match[str] | None:
    """The first marker that opens a call; None: there is none. A marker that is quoted as code opens nothing."""
    return next((found for found in _ANY.finditer(text, start) if text[found.start() - 1 : found.start()] != "`"), None)


def unfinished_marker(text: str) -> int:
    """Where a marker may begin that is not complete yet; the length of ``text``: nowhere."""
    for at in range(max(0, len(text) - LONGEST_MARKER), len(text)):
        if text[at] in "<[" and any(marker.startswith(text[at:]) for marker in MARKERS):
            return at
    return len(text)


def _paired(text: str, opening: re.Match[str], tools: Sequence[ToolSpec]) -> FoundCalls:
    """Calls between an opening and a closing marker."""
    words, calls, at = "", list[RawCall](), 0
    first = opening[0]
    found: re.Match[str] | None = opening
    while found is not None:
        words += text[at : found.start()]
        begin = found.start() if found[0] == "<function=" else found.end()
        close = next((closing for marker, closing, _ in _PAIRS if marker == found[0]), "")
        end = text.find(close, found.end()) if close else -1
        if end < 0 and found[0] in _CLOSED:
            raise UnreadableCallError(f"it ends before {close}")
        body = text[begin:] if end < 0 else text[begin:end]
        calls += read_body(_END_TOKENS.sub("", body), tools)
        at = len(text) if end < 0 else end + len(close)
        found = opening_in(text, at)
    if not calls:
        raise UnreadableCallError("its name or its arguments are missing")
    form = next((form for marker, _, form in _PAIRS if marker == first), "")
    return FoundCalls(_END_TOKENS.sub("", words + text[at:]).strip(), calls, form)


def _mistral(text: str, start: int) -> FoundCalls:
    words, calls = [text[:start]], list[RawCall]()
    for part in text[start:].split(_MISTRAL)[1:]:
        if name := _MISTRAL_NAME.match(part):
            arguments, end = json_at(part, name.end())
            calls.append((name[1], arguments))
        else:
            at = len(part) - len(part.lstrip())
            value, end = json_at(part, at)
            calls += [raw_call(each) for each in (value if isinstance(value, list) else [value])]  # pyright: ignore[reportUnknownVariableType]
        words.append(_END_TOKENS.sub("", part[end:]))
    return FoundCalls("".join(words).strip(), calls, "Mistral")


def _each(
    text: str, start: int, pattern: re.Pattern[str], read: Callable[[re.Match[str]], RawCall], form: str
) -> FoundCalls:
    calls = [read(found) for found in pattern.finditer(text, start)]
    if not calls:
        raise UnreadableCallError("its name or its arguments are missing")
    return FoundCalls(text[:start].strip(), calls, form)


def _deepseek_call(found: re.Match[str]) -> RawCall:
    name, _, rest = found[2].partition("\n")
    if "```" in rest:  # V3 and R1: function<sep>name, and the arguments in a fence
        return name.strip(), rest.partition("```")[2].partition("\n")[2].partition("```")[0].strip()
    return found[1].strip(), found[2].strip()


def _kimi_call(found: re.Match[str]) -> RawCall:
    return found[1].removeprefix("functions.").partition(":")[0], found[2].strip()


def _unmarked(text: str, tools: Sequence[ToolSpec]) -> FoundCalls:
    """Calls without markup: the whole text is JSON or Python, perhaps in a fence."""
    only_words = FoundCalls(text, [])
    body = text.strip()
    if (fence := _FENCE.match(body)) and body.endswith("```"):
        body = body[fence.end() : -3].strip()
    names = {tool.name for tool in tools}
    if not names or not may_be_unmarked(body):
        return only_words
    calls = python_calls(body)
    if calls is not None:
        return FoundCalls("", calls, "Python") if all(name in names for name, _ in calls) else only_words
    try:
        values = json_values(body)
    except UnreadableCallError:
        return only_words
    if not all(map(is_call_object, values)):
        return only_words
    return FoundCalls("", [raw_call(value) for value in values], "JSON without markup")


def may_be_unmarked(begin: str) -> bool:
    """Whether a text that begins so may be a call without markup."""
    return begin.lstrip().startswith(("{", "[", "```")) or re.match(r"\s*[A-Za-z_]\w{0,80}\(", begin) is not None


def said_calls(calls: Sequence[RawCall]) -> str:
    """The calls in words, for errors and for the model."""
    return "".join(
        f"{name}({arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False, default=str)})"
        for name, arguments in calls
    )
