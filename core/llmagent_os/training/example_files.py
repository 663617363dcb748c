"""Reads the examples that somebody wrote: files, and lists in memory.

An example is ``{"input": what a person says, "output": what to answer}``, or a chat, ``{"messages": [{"role": …,
"content": …}, …], "tools": […]}``. Every assistant's turn of a chat is learned. ``tools`` may be left out.

==========  ==========================================================================
file        holds
==========  ==========================================================================
``.json``   a list of examples
``.jsonl``  an example a line
``.csv``    an example a row; the first row names the columns, ``input`` and ``output``
==========  ==========================================================================
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import msgspec

from llmagent_os.chat import Message, ToolCall, ToolSpec
from llmagent_os.errors import ConfigError
from llmagent_os.serving.tool_call_parsing import calls_of
from llmagent_os.training.training_example import TrainingExample

_FORM = 'write {"input": …, "output": …} or {"messages": […]}'
_ROLES = ("system", "user", "assistant", "tool")


def read_examples(
    path: str | os.PathLike[str], *, systems: Sequence[str | None] = (None,), tools: Sequence[ToolSpec] = ()
) -> list[TrainingExample]:
    """Read a file of examples; its name ends with ``.json``, ``.jsonl`` or ``.csv``.

    Args:
        path: the file, in UTF-8.
        systems: an ``input``/``output`` example is given once with each of these system messages before it; None: with
            none.
        tools: the tools of examples that name none themselves.

    Raises:
        ConfigError: the file cannot be read, or an example is wrong; the message names the file and the line, and
            says what to write.
    """
    file = Path(path).expanduser()
    if (located := _FORMATS.get(file.suffix.lower())) is None:
        raise ConfigError(f"{file}: examples are read from {', '.join(_FORMATS)} files, and this is none by its name")
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: byte {error.start} is not UTF-8: save the file in UTF-8") from error
    try:
        found = [each for where, value in located(file, text) for each in _examples(where, value, systems, tools)]
    except RecursionError as error:
        raise ConfigError(f"{file} is not an example a line or a list of them: it is nested too deeply") from error
    if not found:
        raise ConfigError(f"{file} holds no examples: {_FORM}")
    return found


def examples_of(
    data: Sequence[object],
    origin: str = "train_data",
    *,
    systems: Sequence[str | None] = (None,),
    tools: Sequence[ToolSpec] = (),
) -> list[TrainingExample]:
    """Read examples from a list in memory.

    >>> (one,) = examples_of([{"input": "hi", "output": "Hello!"}])
    >>> one.origin, one.messages[-1]
    ('train_data[0]', {'role': 'assistant', 'content': 'Hello!'})

    Args:
        data: the examples.
        origin: what to call the list.
        systems: see :func:`read_examples`.
        tools: see :func:`read_examples`.

    Raises:
        ConfigError: an example is wrong, or there is none; the message names the example and says what to write.
    """
    if not data:
        raise ConfigError(f'{origin} is empty: give at least one {{"input": …, "output": …}}')
    return [each for at, value in enumerate(data) for each in _examples(f"{origin}[{at}]", value, systems, tools)]


# ── files ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _in_json(file: Path, text: str) -> Iterator[tuple[str, object]]:
    """The items of a JSON list, each with the line that it begins in."""
    decoder, line, counted = json.JSONDecoder(), 1, 0
    try:
        at = _after_space(text, 0)
        if text[at : at + 1] != "[":
            begins = 1 + text.count("\n", 0, at)
            raise ConfigError(f'{file}:{begins} does not begin a list: write [{{"input": …, "output": …}}, …]')
        at = _after_space(text, at + 1)
        while text[at : at + 1] != "]":
            value, end = decoder.raw_decode(text, at)
            line, counted = line + text.count("\n", counted, at), at
            yield f"{file}:{line}", value
            at = _after_space(text, end)
            if text[at : at + 1] == ",":
                at = _after_space(text, at + 1)
            elif text[at : at + 1] != "]":
                raise json.JSONDecodeError("a comma or ] is missing", text, at)
        if (at := _after_space(text, at + 1)) < len(text):
            raise json.JSONDecodeError("there is more after the list", text, at)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{file}:{error.lineno} is not JSON, at column {error.colno}: {error.msg}") from error
    except ValueError as error:  # a number of thousands of digits
        raise ConfigError(f"{file}: an example after line {line} cannot be read: {error}") from error


def _after_space(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def _in_json_lines(file: Path, text: str) -> Iterator[tuple[str, object]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            yield f"{file}:{number}", json.loads(line)
        except ValueError as error:
            raise ConfigError(f"{file}:{number} is not JSON ({error}): write one example a line") from error


def _in_csv(file: Path, text: str) -> Iterator[tuple[str, object]]:
    rows, begins = csv.DictReader(io.StringIO(text, newline=""), strict=True), 1
    try:
        columns = rows.fieldnames or ()
        if missing := [name for name in ("input", "output") if name not in columns]:
            named = ", ".join(columns) or "nothing"
            raise ConfigError(f"{file}:1 has no column {' and no column '.join(missing)}: the first row names {named}")
        begins = rows.line_num + 1  # a row may go over several lines
        for row in rows:
            yield f"{file}:{begins}", row
            begins = rows.line_num + 1
    except csv.Error as error:
        raise ConfigError(f"{file}:{begins} is not CSV: {error}") from error


_FORMATS: dict[str, Callable[[Path, str], Iterator[tuple[str, object]]]] = {
    ".json": _in_json,
    ".jsonl": _in_json_lines,
    ".csv": _in_csv,
}


# ── examples ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _examples(
    where: str, value: object, systems: Sequence[str | None], tools: Sequence[ToolSpec]
) -> Iterator[TrainingExample]:
    """What is learned from one example: each assistant's turn, with all turns before it."""
    if not isinstance(value, Mapping):
        raise ConfigError(f"{where} is {type(value).__name__}, not a dict: {_FORM}")
    example = cast("Mapping[str, Any]", value)
    if "messages" in example:
        chats, known = [_chat(where, example["messages"])], _tools(where, example.get("tools", tools))
    else:
        pair = [
            {"role": role, "content": _text(where, example, key)}
            for key, role in (("input", "user"), ("output", "assistant"))
        ]
        chats = [[*([{"role": "system", "content": system}] if system else []), *pair] for system in systems]
        known = tuple(tools)
    for chat in chats:
        for at, turn in enumerate(chat):
            if turn["role"] == "assistant":
                _check_offered(f"{where}['messages'][{at}]", calls_of(turn), known)
                yield TrainingExample(messages=tuple(chat[: at + 1]), tools=known, origin=where, conversation=where)


def _check_offered(where: str, calls: Sequence[ToolCall], tools: Sequence[ToolSpec]) -> None:
    """Refuse a call that the model is shown no tool or no argument for: it would learn to make it all the same."""
    offered = {tool.name: tool.parameters.get("properties") for tool in tools}
    for call in calls if offered else ():
        if call.name not in offered:
            raise ConfigError(f"{where} calls {call.name!r}, and the model knows {', '.join(offered)}")
        known = offered[call.name]
        if known is not None and (unknown := [name for name in call.arguments if name not in known]):
            named = ", ".join(known) or "no argument"
            raise ConfigError(f"{where} gives {call.name!r} the argument {unknown[0]!r}, and the model knows {named}")


def _text(where: str, example: Mapping[str, Any], key: str) -> str:
    value = example.get(key)
    if not isinstance(value, str) or not value.strip():
        raise ConfigError(f"{where}[{key!r}] is {value!r}, it must be a text that is not empty")
    _check_characters(f"{where}[{key!r}]", value)
    return value


def _check_characters(where: str, text: str) -> None:
    """Refuse half of a character (a lone surrogate, which JSON can write): no model has a token for it."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ConfigError(f"{where} has half of a character, {text[error.start]!r}, at {error.start}") from error


def _chat(where: str, messages: object) -> list[Message]:
    if not isinstance(messages, Sequence) or isinstance(messages, str):
        raise ConfigError(f"{where}['messages'] is {type(messages).__name__}, it must be a list of turns")
    chat = [_turn(f"{where}['messages'][{at}]", turn) for at, turn in enumerate(cast("Sequence[object]", messages))]
    if not any(turn["role"] == "assistant" for turn in chat):
        raise ConfigError(f"{where}['messages'] has no assistant's turn to learn")
    if chat[0]["role"] == "assistant":
        raise ConfigError(f"{where}['messages'] begins with the assistant: there is nothing that it answers")
    return chat


def _turn(where: str, value: object) -> Message:
    turn: Message = dict(cast("Mapping[str, Any]", value)) if isinstance(value, Mapping) else {}
    if turn.get("role") not in _ROLES:
        raise ConfigError(f"{where} has no role, which must be {', '.join(_ROLES[:-1])} or {_ROLES[-1]}")
    content = turn.get("content")
    if content is not None and not isinstance(content, str):
        raise ConfigError(f"{where}['content'] is {type(content).__name__}, it must be a text")
    _check_characters(f"{where}['content']", content or "")
    try:
        calls = calls_of(turn)
        if not all(isinstance(cast("object", each), str) for call in calls for each in (call.name, *call.arguments)):
            raise TypeError("a name is no text")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        form = "{'name': …, 'arguments': {…}}"
        raise ConfigError(f"{where}['tool_calls'] cannot be read ({error}): write a list of {form}") from error
    if turn["role"] == "assistant" and not (content or "").strip() and not calls:
        raise ConfigError(f"{where} says nothing: give it a content, or tool_calls")
    return turn


def _tools(where: str, value: object) -> tuple[ToolSpec, ...]:
    """Tools as :class:`ToolSpec`, as its fields, or as OpenAI writes them, inside ``{"function": …}``."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise ConfigError(f"{where}['tools'] is {type(value).__name__}, it must be a list of tools")
    tools = cast("Sequence[object]", value)
    return tuple(_tool(f"{where}['tools'][{at}]", tool) for at, tool in enumerate(tools))


def _tool(where: str, tool: Any) -> ToolSpec:
    if isinstance(tool, ToolSpec):
        return tool
    try:
        return msgspec.convert(tool.get("function", tool), ToolSpec)
    except (AttributeError, msgspec.ValidationError) as error:
        form = "{'name': …, 'description': …, 'parameters': {…}}"
        raise ConfigError(f"{where} is no tool ({error}): write {form}") from error
