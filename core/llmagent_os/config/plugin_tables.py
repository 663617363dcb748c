"""The settings of plugins: tables ``[plugin.NAME]`` of a bot's TOML file, and variables for what is secret.

The field ``api_key`` of the plugin ``weather`` is read from ``LLMAGENT_OS_PLUGIN_WEATHER_API_KEY`` before the table.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import msgspec
from pydantic import BaseModel, SecretStr, ValidationError, create_model
from pydantic.fields import FieldInfo

from llmagent_os.config.field_comments import comments_of
from llmagent_os.config.misnamed import PREFIX
from llmagent_os.config.toml_document import TomlDocument, read_toml
from llmagent_os.config.toml_tables import checked, read_file
from llmagent_os.errors import ConfigError

#: The table of a bot's file that holds one table for each plugin.
TABLE = "plugin"
PLUGIN_PREFIX = f"{PREFIX}PLUGIN_"  #: of the variables


def variable_of(plugin: str, name: str) -> str:
    """The variable of a plugin's field.

    >>> variable_of("weather", "api_key")
    'LLMAGENT_OS_PLUGIN_WEATHER_API_KEY'
    """
    return f"{PLUGIN_PREFIX}{plugin}_{name}".upper()


@dataclass(frozen=True)
class PluginTables:
    """Where the settings of a bot's plugins stand."""

    file: Path | None = None  #: the bot's TOML file, read again at every load of a plugin; None: there is none
    variables: Mapping[str, str] = field(default_factory=dict[str, str])  #: of the environment and ``.env``, by name
    #: the table of a plugin where there is no file, for tests
    tables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])

    def checked(self, plugin: str, model: type[BaseModel]) -> BaseModel:
        """Return the settings of a plugin.

        Raises:
            ConfigError: a value is wrong or missing. The message names the file and the line, or the variable.
        """
        document = self._document()
        table = document.values.get(TABLE, {})
        given: object = cast("dict[str, Any]", table).get(plugin, {}) if isinstance(table, dict) else {}
        named = {name: variable_of(plugin, name) for name in model.model_fields}
        outside = {name: self.variables[each] for name, each in named.items() if self.variables.get(each)}
        values = {**(cast("dict[str, Any]", given) if isinstance(given, dict) else {}), **outside}
        try:
            found = model.model_validate(values)
        except ValidationError as error:
            if wrong := [*_wrong_variables(plugin, model, error, outside)]:
                raise ConfigError("\n".join(wrong)) from None  # without its cause, whose text would show a secret
            self._checked(plugin, model, document, values)
            raise ConfigError(f"[{TABLE}.{plugin}] cannot be read: {error.error_count()} mistakes") from None
        if not outside:  # TOML has types of its own, which are checked beside those of the model
            self._checked(plugin, model, document, values)
        return found

    def _checked(self, plugin: str, model: type[BaseModel], document: TomlDocument, values: dict[str, Any]) -> None:
        inner: Any = create_model("Plugins", **cast("Any", {plugin: (model, ...)}))
        outer: Any = create_model("File", **cast("Any", {TABLE: (inner, ...)}))
        own = dataclasses.replace(document, values={TABLE: {plugin: values}}, mistakes=())
        checked(outer, own, self.file or Path("bot.toml"))

    def _document(self) -> TomlDocument:
        if self.file is not None:
            return read_file(self.file)
        return dataclasses.replace(
            read_toml(""), values={TABLE: {name: dict(each) for name, each in self.tables.items()}}
        )


def _wrong_variables(
    plugin: str, model: type[BaseModel], error: ValidationError, outside: Mapping[str, str]
) -> Iterator[str]:
    """What is wrong with variables: values that are refused, and secrets that are not set."""
    for each in error.errors(include_url=False, include_input=False):
        name = str(each["loc"][0]) if each["loc"] else ""
        if name in outside:
            yield f"{variable_of(plugin, name)} is wrong: {each['msg']}"
        elif each["type"] == "missing" and name in model.model_fields and _is_secret(model.model_fields[name]):
            about = model.model_fields[name].description
            yield f"{variable_of(plugin, name)} is not set" + (f"; it is {about}" if about else "")


def described(plugin: str, model: type[BaseModel]) -> str:
    """Write a plugin's settings as they stand in ``bot.toml`` and in ``.env``, with their defaults and comments."""
    comments = dict(comments_of(model))
    plain = [name for name, each in model.model_fields.items() if not _is_secret(each)]
    secret = [name for name in model.model_fields if name not in plain]
    parts: list[str] = []
    if plain:
        lines = [line for name in plain for line in _toml(name, model.model_fields[name], comments.get(name, ""))]
        parts.append("\n".join(["# in bot.toml", f"[{TABLE}.{plugin}]", *lines]))
    if secret:
        lines = [
            line
            for name in secret
            for line in _commented(f"{variable_of(plugin, name)}=", model.model_fields[name], comments.get(name, ""))
        ]
        parts.append("\n".join(["# in .env", *lines]))
    return "\n\n".join(parts)


def _is_secret(given: FieldInfo) -> bool:
    return given.annotation is SecretStr


def _toml(name: str, given: FieldInfo, comment: str) -> Iterator[str]:
    if given.is_required() or given.default is None:
        yield from _commented(f"{name} = ", given, comment)
    else:
        default = given.get_default(call_default_factory=True, validated_data={})
        yield from _commented(f"{name} = {_written(default)}", given, comment)


def _written(value: object) -> str:
    """A default as TOML's text. JSON's texts, numbers, truth values and lists are TOML's, too."""
    return msgspec.json.encode(value, enc_hook=str).decode()


def _commented(line: str, given: FieldInfo, comment: str) -> Iterator[str]:
    about = given.description or comment
    needed = "needed" if given.is_required() else ""
    text = "; ".join(filter(None, (about, needed)))
    if text:
        yield f"# {text}"
    is_filled = line.rstrip().endswith("=")
    yield f"# {line.rstrip()}" if is_filled and not given.is_required() else line.rstrip()
