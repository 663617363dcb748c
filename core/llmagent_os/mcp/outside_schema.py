"""JSON schemas of outside servers: made safe and small, and arguments checked against them.

A schema of a stranger can be made to cost without end: by regular expressions that never finish, by references that
multiply, or by its size. So references are written out within bounds, and what costs is left out. The server checks
its arguments itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError

from llmagent_os.errors import PluginError, ToolArgumentError
from llmagent_os.mcp.outside_text import cleaned_text

#: Bytes of a schema, which every request to a model holds.
MAX_SCHEMA = 12_000
#: Parts that a schema may have once its references are written out.
MAX_PARTS = 1_500
#: How deep a schema may be nested. What lies deeper may be anything.
MAX_DEPTH = 10
#: Bytes of the arguments of one call.
MAX_ARGUMENTS = 100_000
#: Characters of a description inside a schema.
MAX_DESCRIPTION = 300
#: Wrong arguments that an error names.
MAX_ERRORS = 5

#: Keywords whose value is one schema, a list of schemas, or schemas by name.
_SCHEMA = ("items", "additionalProperties", "not", "contains", "propertyNames")
_SCHEMAS = ("anyOf", "oneOf", "allOf", "prefixItems")
_NAMED = ("properties",)
#: Keywords that are kept as they are.
_PLAIN = (
    "type const default required minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength "
    "minItems maxItems minProperties maxProperties format"
).split()
_WORDS = ("title", "description")


class _TooLargeError(Exception):
    """A schema has too many parts."""


def safe_schema(schema: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The schema of a tool's arguments as models are offered it and arguments are checked: an object, without ``$ref``.

    Args:
        schema: as the server gave it.
        where: names the tool in errors.

    Raises:
        PluginError: the schema is too large, or is none.
    """
    parts = [0]

    def resolved(reference: object) -> object:
        place: object = schema
        names = str(reference).removeprefix("#").split("/")[1:]
        for name in names:
            name = name.replace("~1", "/").replace("~0", "~")
            place = cast("dict[str, object]", place).get(name) if isinstance(place, dict) else None
        return place if str(reference).startswith("#") else None

    def safe(value: object, depth: int) -> Any:
        parts[0] += 1
        if parts[0] > MAX_PARTS:
            raise _TooLargeError
        if isinstance(value, bool):
            return value
        if not isinstance(value, dict) or depth > MAX_DEPTH:
            return {}
        part = cast("dict[str, Any]", value)
        if "$ref" in part:
            beside = {key: each for key, each in part.items() if key in _WORDS}
            target = safe(resolved(part["$ref"]), depth + 1)
            return cast("dict[str, Any]", target) | _words(beside) if isinstance(target, dict) else target
        made = {key: part[key] for key in _PLAIN if key in part and _is_visible(part[key])} | _words(part)
        if isinstance(part.get("enum"), list):
            made["enum"] = [each for each in cast("list[object]", part["enum"]) if _is_visible(each)] or [None]
        made |= {key: safe(part[key], depth + 1) for key in _SCHEMA if isinstance(part.get(key), dict | bool)}
        made |= {key: _each(part[key], safe, depth) for key in _SCHEMAS if isinstance(part.get(key), list)}
        for key in _NAMED:
            if isinstance(part.get(key), dict):
                named = cast("dict[str, object]", part[key])
                made[key] = {_name(name): safe(each, depth + 1) for name, each in named.items()}
        if isinstance(made.get("required"), list):
            made["required"] = [_name(str(name)) for name in made["required"]]
        return made

    try:
        made: dict[str, Any] = {"properties": {}, **cast("dict[str, Any]", safe(dict(schema), 0)), "type": "object"}
        if len(json.dumps(made)) > MAX_SCHEMA:
            raise _TooLargeError
        Draft202012Validator.check_schema(made)
    except (_TooLargeError, RecursionError):
        raise PluginError(f"{where}: its schema is too large; at most {MAX_SCHEMA} bytes are taken") from None
    except SchemaError as error:
        raise PluginError(f"{where}: its schema is none: {cleaned_text(error.message, 200, lines=False)}") from None
    return made


def argument_check(schema: Mapping[str, Any], where: str) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """A check of arguments against a safe schema, for :attr:`~llmagent_os.plugin.Tool.check`."""
    validator = Draft202012Validator(schema)

    def check(arguments: Mapping[str, Any]) -> dict[str, Any]:
        try:
            size = len(json.dumps(arguments))
        except (TypeError, ValueError, RecursionError):
            raise ToolArgumentError(f"{where}: the arguments are not JSON") from None
        if size > MAX_ARGUMENTS:
            raise ToolArgumentError(f"{where}: {size} bytes of arguments; at most {MAX_ARGUMENTS} are sent")
        wrong: list[str] = []
        errors = cast("Any", validator).iter_errors(dict(arguments))
        for error in cast("list[ValidationError]", errors):
            wrong.append(_said(error))
            if len(wrong) == MAX_ERRORS:
                break
        if wrong:
            raise ToolArgumentError(f"{where}: {'; '.join(wrong)}")
        return dict(arguments)

    return check


def _said(error: ValidationError) -> str:
    path = ".".join(str(part) for part in error.absolute_path)
    return f"{path}: {error.message[:200]}" if path else error.message[:200]


def _each(values: object, safe: Callable[[object, int], Any], depth: int) -> list[Any]:
    return [safe(each, depth + 1) for each in cast("list[object]", values)] or [{}]


def _words(part: Mapping[str, Any]) -> dict[str, str]:
    return {key: cleaned_text(str(part[key]), MAX_DESCRIPTION, lines=False) for key in _WORDS if part.get(key)}


def _name(text: str) -> str:
    """The name of an argument. It goes back to the server, so it is not cleaned: a name that would be is refused."""
    if not text or text != cleaned_text(text, 100, lines=False):
        raise SchemaError(f"the name of an argument cannot be {text[:40]!r}")
    return text


def _is_visible(value: object) -> bool:
    """Whether a plain value hides nothing. It is compared with what is sent, so it is taken as it is or not at all."""
    if isinstance(value, dict):
        return all(_is_visible(name) and _is_visible(each) for name, each in cast("dict[str, object]", value).items())
    if isinstance(value, list):
        return all(map(_is_visible, cast("list[object]", value)))
    return not isinstance(value, str) or value == cleaned_text(value, 200, lines=False)
