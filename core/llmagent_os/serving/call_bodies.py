"""Reads what stands inside a model's markup of a tool call: JSON, XML, or a call as Python writes it.

Reading only finds names and arguments. Whether there is such a tool, and whether the arguments fit, is checked by
:func:`~llmagent_os.serving.tool_call_parsing.checked_call`.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Sequence
from typing import Any, cast

from llmagent_os.chat import ToolSpec

#: Name and arguments of a call: the arguments are JSON text or an object.
RawCall = tuple[str, Any]

_DECODER = json.JSONDecoder()
_ARGUMENT_KEYS = ("arguments", "parameters", "tool_input", "input")
_NAME_KEYS = ("name", "tool_name")
_OTHER_KEYS = frozenset(("type", "id", "tool_call_id", "function"))

_FUNCTION = re.compile(r"<function=([^<>\n]{1,80})>(.*?)(?:</function>|(?=<function=)|\Z)", re.DOTALL)
_PARAMETER = re.compile(r"<parameter=([^<>\n]{1,80})>(.*?)(?:</parameter>|(?=<parameter=)|\Z)", re.DOTALL)
_INVOKE = re.compile(r'<invoke name="([^"\n]{1,80})">(.*?)(?:</invoke>|(?=<invoke )|\Z)', re.DOTALL)
_NAMED = re.compile(r'<parameter name="([^"\n]{1,80})"[^<>]{0,40}>(.*?)(?:</parameter>|\Z)', re.DOTALL)
_KEY_VALUE = re.compile(r"<arg_key>([^<>\n]{1,80})</arg_key>\s*<arg_value>(.*?)(?:</arg_value>|\Z)", re.DOTALL)
_BARE_NAME = re.compile(r"\s*([\w.:-]{1,80})\s*(?=<arg_key>)")

_MAX_PYTHON_CHARACTERS = 20_000  # of calls written in Python; longer ones are text


class UnreadableCallError(ValueError):
    """What stands in the markup is no call; the message says why, in words for the model."""


def read_body(body: str, tools: Sequence[ToolSpec]) -> list[RawCall]:
    """Read the calls between an opening and a closing marker.

    Args:
        body: JSON of one call, of a list or of several; Qwen's ``<function=name>``, MiniMax's ``<invoke name="…">`` or
            GLM's ``name<arg_key>…``; or ``[name(argument="value")]`` of Llama 4.
        tools: what may be called: their schemas say which values are texts.

    Raises:
        UnreadableCallError: it is none of them.
    """
    if "<function=" in body:
        return [_from_xml(found, _PARAMETER, tools) for found in _FUNCTION.finditer(body)]
    if "<invoke name=" in body:
        return [_from_xml(found, _NAMED, tools) for found in _INVOKE.finditer(body)]
    if "<arg_key>" in body:
        return [_from_keys(body, tools)]
    if (calls := python_calls(body)) is not None:
        return calls
    if any(tool.name == body.strip() for tool in tools):
        return [(body.strip(), {})]  # GLM's call without arguments
    return [raw_call(value) for value in json_values(body)]


def json_values(text: str) -> list[Any]:
    """Read JSON values that stand one after the other, with blanks, commas or semicolons between them.

    Values in lists are given one by one.

    Raises:
        UnreadableCallError: something else is between them.
    """
    found: list[Any] = []
    at = 0
    while at < len(text):
        if text[at].isspace() or text[at] in ",;":
            at += 1
            continue
        value, at = json_at(text, at)
        found += cast("list[object]", value) if isinstance(value, list) else [value]
    if not found:
        raise UnreadableCallError("it is not JSON (nothing is there)")
    return found


def json_at(text: str, at: int) -> tuple[Any, int]:
    """Read the JSON value that begins at ``at``; gives the value, and where it ends.

    Raises:
        UnreadableCallError: there is none.
    """
    try:
        value: tuple[Any, int] = _DECODER.raw_decode(text, at)
    except (ValueError, RecursionError) as error:
        raise UnreadableCallError(f"it is not JSON ({error})") from error
    return value


def raw_call(value: Any) -> RawCall:
    """Name and arguments of a call in JSON, by any of the keys that models use.

    Raises:
        UnreadableCallError: it has another form.
    """
    fields = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    if isinstance(inner := fields.get("function"), dict):
        fields = cast("dict[str, Any]", inner)
    name = next((fields[key] for key in _NAME_KEYS if isinstance(fields.get(key), str)), None)
    if name is None and isinstance(inner, str):
        name = inner
    if not isinstance(name, str):
        raise UnreadableCallError('it does not have the form {"name": …, "arguments": {…}}')
    nothing: Any = {}
    return name, next((fields[key] for key in _ARGUMENT_KEYS if key in fields), nothing)


def is_call_object(value: Any) -> bool:
    """Whether JSON that stands alone has the form of a call, and of nothing else."""
    if not isinstance(value, dict):
        return False
    fields = cast("dict[str, Any]", value)
    inner: Any = fields.get("function")
    if isinstance(inner, dict) and not set(fields) - _OTHER_KEYS:
        fields = cast("dict[str, Any]", inner)
    named = any(isinstance(fields.get(key), str) for key in _NAME_KEYS)
    given = any(isinstance(fields.get(key), dict | str) for key in _ARGUMENT_KEYS)
    return named and given and not set(fields) - {*_NAME_KEYS, *_ARGUMENT_KEYS, *_OTHER_KEYS}


def python_calls(text: str) -> list[RawCall] | None:
    """Read calls as Llama 3.2 and 4 and Gemma write them; None: the text is something else. Nothing is evaluated.

    >>> python_calls('[now(zone="UTC"), today()]')
    [('now', {'zone': 'UTC'}), ('today', {})]
    >>> python_calls("[now(zone=open('x'))]") is None
    True
    """
    code = text.strip()
    if not re.match(r"\[?\s*[A-Za-z_][\w.]{0,80}\(", code) or len(code) > _MAX_PYTHON_CHARACTERS:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of backslashes in strings
            tree = ast.parse(code, mode="eval").body
        found = [
            (ast.unparse(each.func), {word.arg: ast.literal_eval(word.value) for word in each.keywords if word.arg})
            for each in (tree.elts if isinstance(tree, ast.List) else [tree])
            if isinstance(each, ast.Call) and not each.args
        ]
        json.dumps(found)  # bytes and sets are no arguments
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return None
    whole = len(found) == (len(tree.elts) if isinstance(tree, ast.List) else 1)
    return [*found] if found and whole else None


def _from_xml(found: re.Match[str], parameter: re.Pattern[str], tools: Sequence[ToolSpec]) -> RawCall:
    name, body = found[1].strip(), found[2]
    if body.lstrip().startswith("{"):  # Llama 3.1: <function=name>{"argument": …}</function>
        return name, body.strip()
    given = {each[1].strip(): _unwrapped(each[2]) for each in parameter.finditer(body)}
    return name, {key: typed(value, key, name, tools) for key, value in given.items()}


def _from_keys(body: str, tools: Sequence[ToolSpec]) -> RawCall:
    if (name := _BARE_NAME.match(body)) is None:
        raise UnreadableCallError("it does not begin with a tool's name")
    given = {each[1].strip(): _unwrapped(each[2]) for each in _KEY_VALUE.finditer(body)}
    return name[1], {key: typed(value, key, name[1], tools) for key, value in given.items()}


def _unwrapped(value: str) -> str:
    """A value without the line breaks that the form puts around it."""
    return value.removeprefix("\n").removesuffix("\n")


def typed(value: str, key: str, name: str, tools: Sequence[ToolSpec]) -> Any:
    """The value of an argument that was written without quotes: a text, if the tool takes a text there."""
    tool = next((tool for tool in tools if tool.name == name), None)
    schema: Any = tool.parameters.get("properties", {}).get(key) if tool is not None else None
    if not isinstance(schema, dict) or cast("dict[str, Any]", schema).get("type", "string") == "string":
        return value
    plain = {"True": "true", "False": "false", "None": "null"}.get(value.strip(), value)
    try:
        return json.loads(plain)
    except (ValueError, RecursionError):
        return value
