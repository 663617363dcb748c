"""Describes tools to a server, in as much of JSON Schema as the server takes.

What is left out is still checked: the tool checks its arguments itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

import structlog

from llmagent_os.chat import ToolSpec
from llmagent_os.serving.chat_markup import inert
from llmagent_os.serving.tool_call_parsing import tool_schemas

MAX_DESCRIPTION = 1024  #: characters; OpenAI refuses a longer one
MAX_DEPTH = 64  #: lists and objects in each other, in the schema of a tool

_NEVER = frozenset(("$schema", "$id", "$comment", "$anchor"))
_PLAIN = frozenset(("type", "properties", "required", "items", "enum", "description"))

_log = structlog.get_logger(__name__)


def server_tools(tools: Sequence[ToolSpec], *, plain: bool = False) -> list[dict[str, Any]]:
    """The tools in OpenAI's form. One whose schema is deeper than :data:`MAX_DEPTH` is left out, and logged.

    Args:
        tools: what is offered.
        plain: use only the keywords that every server knows; for one that refused the whole schema.

    >>> weird = {"$schema": "x", "properties": {"at": {"anyOf": [{"type": "integer"}, {"type": "null"}]}}}
    >>> (tool,) = server_tools([ToolSpec(name="t", description="T.", parameters=weird)], plain=True)
    >>> tool["function"]["parameters"]
    {'properties': {'at': {'type': 'integer'}}, 'type': 'object'}
    """
    offered: list[ToolSpec] = []
    for tool in tools:
        if _is_deep(tool.parameters):
            _log.warning("a tool is not offered: its schema is nested too deeply", tool=tool.name, most=MAX_DEPTH)
        else:
            offered.append(tool)
    described: list[dict[str, Any]] = inert(tool_schemas(offered))
    for each in described:
        function = each["function"]
        schema = _plain(function["parameters"]) if plain else _without(function["parameters"], names=False)
        schema["type"] = "object"
        schema.setdefault("properties", {})
        function["parameters"] = schema
        if len(function["description"]) > MAX_DESCRIPTION:
            function["description"] = f"{function['description'][: MAX_DESCRIPTION - 1]}…"
    return described


def _without(schema: Any, *, names: bool) -> Any:
    """``schema`` without keys that say nothing of a value. ``names``: the keys are names of arguments."""
    if isinstance(schema, dict):
        items = cast("dict[str, Any]", schema)
        return {
            key: _without(value, names=key == "properties" and not names)
            for key, value in items.items()
            if names or key not in _NEVER
        }
    if isinstance(schema, list):
        return [_without(value, names=False) for value in cast("list[object]", schema)]
    return schema


def _is_deep(schema: object) -> bool:
    """Whether a schema is deeper than :data:`MAX_DEPTH`. Its levels are counted without recursion."""
    level: list[object] = [schema]
    for _ in range(MAX_DEPTH):
        level = [inner for each in level for inner in _inner(each)]
    return bool(level)


def _inner(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return cast("dict[str, object]", value).values()
    return cast("list[object]", value) if isinstance(value, list) else ()


def _plain(schema: Any) -> dict[str, Any]:
    """``schema`` in the keywords of :data:`_PLAIN`. Of several possible types, the first that is not null."""
    if not isinstance(schema, dict):
        return {}
    fields = dict(cast("dict[str, Any]", schema))
    for key in ("anyOf", "oneOf", "allOf"):
        choices = [cast("dict[str, Any]", each) for each in _inner(fields.get(key)) if isinstance(each, dict)]
        fields |= ([each for each in choices if each.get("type") != "null"] or [fields])[0]
    if isinstance(fields.get("type"), list):
        fields["type"] = next((each for each in fields["type"] if each != "null"), "string")
    if "const" in fields:
        fields.setdefault("enum", [fields["const"]])
    kept = {key: value for key, value in fields.items() if key in _PLAIN}
    if isinstance(kept.get("properties"), dict):
        kept["properties"] = {name: _plain(value) for name, value in kept["properties"].items()}
    if "items" in kept:
        kept["items"] = _plain(kept["items"])
    return kept
