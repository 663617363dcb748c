"""Turns a plugin's method into a tool: the JSON schema for the model, and the check of the arguments it sends."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PydanticSchemaGenerationError,
    PydanticUserError,
    ValidationError,
    create_model,
)

from llmagent_os.chat import ToolSpec
from llmagent_os.errors import PluginError, ToolArgumentError
from llmagent_os.plugin.tool_source import Tool, ToolContext, ToolMark, ToolResult, ToolSource

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


def tool_methods(plugin: ToolSource) -> dict[str, Tool]:
    """Return the methods of ``plugin`` that are marked as tools, by name.

    Raises:
        PluginError: a tool is badly defined; the message names the plugin, the tool and the parameter.
    """
    found: dict[str, Tool] = {}
    for attribute, function in inspect.getmembers_static(type(plugin)):
        mark = getattr(function, "tool_mark", None)
        if isinstance(mark, ToolMark):
            found[attribute] = _tool(plugin, attribute, function, mark)
    return found


@dataclass(frozen=True, slots=True)
class _ToolMethod:
    """A method, and the model of its arguments. Aliases let an argument have a name such as ``json``."""

    name: str
    method: Callable[..., Awaitable[ToolResult]]
    arguments: type[BaseModel]

    def check(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments as the method takes them. An argument that was left out stays out."""
        try:
            checked = self.arguments.model_validate(dict(arguments))
        except ValidationError as error:
            wrong = "; ".join(_explain(item) for item in error.errors(include_url=False))
            raise ToolArgumentError(f"{self.name}: {wrong}") from None
        given = checked.model_fields_set
        fields = type(checked).model_fields
        return {str(fields[name].alias): getattr(checked, name) for name in fields if name in given}

    def call(self, context: ToolContext, arguments: Mapping[str, Any]) -> Awaitable[ToolResult]:
        """Call the method."""
        return self.method(context, **arguments)


def _tool(plugin: ToolSource, name: str, function: Callable[..., Any], mark: ToolMark) -> Tool:
    where = f"plugin {plugin.name!r}, tool {name!r}"
    if not _NAME.fullmatch(name):
        raise PluginError(f"{where}: a tool's name is lower case letters, digits and _")
    if not inspect.iscoroutinefunction(function):
        raise PluginError(f"{where}: must be 'async def'; a plain method would hold up everybody's messages")
    description, about = _documentation(inspect.getdoc(function) or "")
    if not description:
        raise PluginError(f"{where}: needs a docstring; the model reads it")
    parameters = list(inspect.signature(function).parameters.values())[1:]
    if not parameters or _hint(parameters[0], function, where) is not ToolContext:
        raise PluginError(f"{where}: the first parameter must be 'context: ToolContext'")
    fields: dict[str, Any] = {}
    for number, parameter in enumerate(parameters[1:]):
        here = f"{where}, parameter {parameter.name!r}"
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            raise PluginError(f"{here}: must be passable by its name (no *, no /)")
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[f"argument_{number}"] = (
            _hint(parameter, function, here),
            Field(default, alias=parameter.name, description=about.get(parameter.name)),
        )
    try:
        model = _model(name, fields, where)
        schema = _schema(model, where)
    except PluginError:
        for number, parameter in enumerate(parameters[1:]):  # so that the error names the parameter
            here = f"{where}, parameter {parameter.name!r}"
            _schema(_model(name, {"argument": fields[f"argument_{number}"]}, here), here)
        raise
    for needed in schema["required"]:
        if _is_for_rules(schema["properties"][needed]):
            here = f"{where}, parameter {needed!r}"
            raise PluginError(f"{here}: a RuleArgument needs a default, since models call the tool without it")
    spec = ToolSpec(
        name=name,
        description=description,
        parameters=_for_models(schema),
        permission=mark.permission,
        read_only=mark.read_only,
        plugin=plugin.name,
    )
    method = _ToolMethod(name, getattr(plugin, name), model)
    return Tool(spec, mark, method.check, method.call)


def _hint(parameter: inspect.Parameter, function: Callable[..., Any], where: str) -> object:
    hint = parameter.annotation
    if hint is parameter.empty:
        raise PluginError(f"{where}: parameter {parameter.name!r} needs a type hint")
    if not isinstance(hint, str):
        return cast("object", hint)
    try:
        return cast("object", eval(hint, getattr(inspect.unwrap(function), "__globals__", {})))
    except Exception as error:
        raise PluginError(f"{where}: the type hint {hint!r} cannot be read ({error}); import it at run time") from error


def _model(name: str, fields: dict[str, Any], where: str) -> type[BaseModel]:
    # A model that writes JSON mixes up "4" and 4, so numbers are taken for strings and the other way round.
    config = ConfigDict(extra="forbid", coerce_numbers_to_str=True, validate_default=True)
    try:
        return create_model(name, __config__=config, **fields)
    except (PydanticSchemaGenerationError, PydanticUserError, TypeError) as error:
        raise PluginError(f"{where}: no JSON type for this hint: {str(error).splitlines()[0]}") from error


def _schema(model: type[BaseModel], where: str) -> dict[str, Any]:
    try:
        schema = model.model_json_schema(by_alias=True)
    except PydanticUserError as error:
        raise PluginError(f"{where}: no JSON schema for this hint: {str(error).splitlines()[0]}") from error
    try:
        plain = _plain(schema, schema.pop("$defs", {}))
    except RecursionError:
        raise PluginError(f"{where}: a type that contains itself cannot be put into a tool's schema") from None
    return {"type": "object", "properties": plain.get("properties", {}), "required": plain.get("required", [])}


def _is_for_rules(schema: Mapping[str, Any]) -> bool:
    return bool(schema.get("x-rules-only"))


def _for_models(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema without the arguments that only the plugin's own rules give."""
    shown = {name: each for name, each in schema["properties"].items() if not _is_for_rules(each)}
    return {**schema, "properties": shown}


def _plain(node: object, definitions: dict[str, Any]) -> Any:
    """The schema in the form that models know: references written out, no titles, and no ``null``.

    Pydantic writes ``null`` for an argument that may be left out.
    """
    if isinstance(node, list):
        return [_plain(item, definitions) for item in cast("list[object]", node)]
    if not isinstance(node, dict):
        return node
    schema = dict(cast("dict[str, Any]", node))
    reference = schema.pop("$ref", None)
    if reference is not None:
        schema = {**definitions[str(reference).rpartition("/")[2]], **schema}
    options = [option for option in schema.get("anyOf", []) if option != {"type": "null"}]
    if len(options) == 1:
        schema = {**{key: value for key, value in schema.items() if key != "anyOf"}, **options[0]}
    if schema.get("default", "") is None:
        del schema["default"]
    if isinstance(schema.get("title"), str):
        del schema["title"]
    if "properties" in schema:
        properties = {key: _plain(value, definitions) for key, value in schema["properties"].items()}
        rest = {key: _plain(value, definitions) for key, value in schema.items() if key != "properties"}
        return {**rest, "properties": properties}
    return {key: _plain(value, definitions) for key, value in schema.items()}


def _documentation(text: str) -> tuple[str, dict[str, str]]:
    """Split a docstring into its description and the texts of its ``Args:`` section, by argument."""
    before, _, section = re.sub(r"\n(?=(Args|Returns|Raises):\n)", "\f", text).partition("\fArgs:\n")
    about: dict[str, str] = {}
    name = ""
    for line in section.partition("\f")[0].splitlines():
        entry = re.fullmatch(r"    (\w+)(?: \([^)]*\))?: +(.+)", line)
        if entry:
            name = entry[1]
            about[name] = entry[2]
        elif name and line.strip():
            about[name] += " " + line.strip()
    return " ".join(before.partition("\f")[0].split()), about


def _explain(item: Any) -> str:
    path = ".".join(str(part) for part in item["loc"])
    if item["type"] == "extra_forbidden":
        return f"there is no argument {path!r}"
    if item["type"] == "missing":
        return f"the argument {path!r} is missing"
    return f"{path}={item['input']!r}: {item['msg']}"
