"""Check the tables of a TOML document by a model of pydantic's, and say of every mistake where it is and what is right.

A new table of a file needs nothing here: its fields, types and bounds are read from its model. A check of the table's
own raises :exc:`ValueError`. Its text may begin with the path in backticks: `` `rewards.slack.eyes` cannot be … ``.
Then the mistake is shown there. A check of several mistakes raises :exc:`~llmagent_os.errors.WrongValuesError`.

TOML has types, so ``"3"`` is no number and ``"yes"`` no truth value, although pydantic would take them for one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path as FilePath
from typing import Any, TypeVar, cast, get_args, get_origin

import msgspec
from pydantic import BaseModel, ValidationError

from llmagent_os.config.mistakes import Mistake, MistakesError
from llmagent_os.config.toml_document import TomlDocument, read_toml
from llmagent_os.config.toml_places import Path
from llmagent_os.errors import ConfigError, WrongValuesError

Model = TypeVar("Model", bound=BaseModel)

_QUOTED = re.compile(r"`([^`]+)`")


def read_file(file: FilePath) -> TomlDocument:
    """Read a TOML file.

    Raises:
        ConfigError: the file cannot be read, or is no UTF-8.
    """
    try:
        return read_toml(file.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file} cannot be read: it is no UTF-8 text ({error.reason}); save it as UTF-8") from error
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror or error}") from error


def checked(model: type[Model], document: TomlDocument, file: FilePath) -> Model:
    """Return what a document says, as a model.

    Raises:
        MistakesError: the document has mistakes. All of them are named.
    """
    mistakes = [*document.mistakes, *_of_other_types(model, document)]
    try:
        value = model.model_validate(document.values)
    except ValidationError as error:
        for found in error.errors():
            # Where a line cannot be read, what is missing may be in that line.
            if found["type"] != "missing" or not document.mistakes:
                mistakes += _mistakes(model, document, dict(found))
    else:
        if not mistakes:
            return value
    raise MistakesError(file, document.source, mistakes)


def _mistakes(model: type[BaseModel], document: TomlDocument, found: Mapping[str, Any]) -> Iterator[Mistake]:
    path: Path = tuple(found["loc"])
    kind = found["type"]
    if kind == "value_error":  # raised by a check of ours
        error: ValueError = found["ctx"]["error"]
        if isinstance(error, WrongValuesError):
            for below, text in error.found:
                yield document.mistake((*path, *below), text, key=_is_about_name(text))
            return
        text = str(error)
        if text.startswith("`"):
            yield document.mistake(_named_path(document, text) or path, text, key=_is_about_name(text))
        else:
            yield document.mistake(path, f"`{_written(path)}` cannot be {found['input']!r}: {text}")
    elif kind == "extra_forbidden":
        yield document.mistake(path, _unknown(model, path), key=True)
    elif kind == "missing":
        yield document.mistake(path, f"`{_written(path)}` is missing: write `{path[-1]} = ...`", key=True)
    else:
        yield document.mistake(path, f"`{_written(path)}` cannot be {_short(found['input'])}: {_right(path, found)}")


def _of_other_types(model: type[BaseModel], document: TomlDocument) -> Iterator[Mistake]:
    """The values that pydantic would turn into another type."""

    def walk(table: type[BaseModel], values: Mapping[str, Any], path: Path) -> Iterator[Mistake]:
        for name, given in values.items():
            value: object = given
            field = table.model_fields.get(name)
            if field is None:
                continue
            below = next(models_in(field.annotation), None)
            if isinstance(given, dict) and below is not None:
                tables = cast("dict[str, Any]", given)
                if get_origin(field.annotation) is dict:  # a table for each name
                    for each, value in tables.items():
                        if isinstance(value, dict):
                            yield from walk(below, cast("dict[str, Any]", value), (*path, name, each))
                else:
                    yield from walk(below, tables, (*path, name))
            elif right := _right_type(set(_types(field.annotation)), value):
                text = f"`{_written((*path, name))}` cannot be {_short(value)}: {right}"
                yield document.mistake((*path, name), text)

    return walk(model, document.values, ())


def _right_type(kinds: set[object], value: object) -> str:
    """What to write in a field of these types; empty: the value may be of one of them."""
    if not isinstance(value, str | bool | int | float) or not kinds or not kinds <= {bool, int, float}:
        return ""
    if type(value) in kinds | ({int} if float in kinds else set()):
        return ""
    return _FLOAT if float in kinds else _INT if int in kinds else _BOOL


def _types(annotation: object) -> Iterator[object]:
    """The types that a value of a field may have, without None."""
    parts = get_args(annotation)
    if not parts and annotation is not type(None):
        yield annotation
    for part in parts:
        yield from _types(part)


def _named_path(document: TomlDocument, text: str) -> Path | None:
    """The path that a text names first, if the document has it."""
    named = _QUOTED.match(text)
    known = {".".join(map(str, path)): path for path in (*document.places.keys, *document.places.values)}
    return known.get(named[1]) if named else None


def _is_about_name(text: str) -> bool:
    return re.search(r"` is no |is the name of|is no word|there is no platform", text) is not None


def _written(path: Path) -> str:
    return ".".join(map(str, path))


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _unknown(model: type[BaseModel], path: Path) -> str:
    """What is said of a key that there is not: the nearest one in its table, or the table that has it."""
    name, table = str(path[-1]), _model_at(model, path[:-1])
    text = f"`{_written(path)}` is no setting"
    if near := get_close_matches(name, table.model_fields, 1, 0.6):
        return f"{text}; did you mean `{near[0]}`?"
    if others := [where for where, each in _tables(model) if name in each.model_fields and where != path[:-1]]:
        where = f"in [{_written(others[0])}]" if others[0] else "above all tables"
        return f"{text}; write `{name}` {where}"
    return f"{text}; there are: {', '.join(table.model_fields)}"


def _model_at(model: type[BaseModel], path: Path) -> type[BaseModel]:
    for name in path:
        field = model.model_fields.get(str(name))
        model = next(models_in(field.annotation), model) if field else model
    return model


def models_in(annotation: object) -> Iterator[type[BaseModel]]:
    """The models that a type is made of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from models_in(part)


def _tables(model: type[BaseModel], path: Path = ()) -> Iterator[tuple[Path, type[BaseModel]]]:
    yield path, model
    for name, field in model.model_fields.items():
        for table in models_in(field.annotation):
            yield from _tables(table, (*path, name))


_BOOL, _INT, _FLOAT = "write true or false, without quotes", "write a whole number, without quotes", "write a number"

#: What to write, by the kind of pydantic's error. ``{name}`` is the key, ``{given}`` what was written.
_TO_WRITE = {
    "tuple_type": "write a list, such as {name} = [{given}]",
    "list_type": "write a list, such as {name} = [{given}]",
    "bool_type": _BOOL,
    "bool_parsing": _BOOL,
    "int_type": _INT,
    "int_parsing": _INT,
    "int_from_float": _INT,
    "float_type": _FLOAT,
    "float_parsing": _FLOAT,
    "string_type": "write text in quotes: {given}",
    "dict_type": "write a table, such as [{path}]",
    "model_type": "write a table, such as [{path}]",
    "model_attributes_type": "write a table, such as [{path}]",
    "string_too_short": "write at least {min_length} characters",
    "string_too_long": "write at most {max_length} characters",
    "too_long": "write at most {max_length} of them",
    "greater_than_equal": "write a number of {ge} or more",
    "greater_than": "write a number above {gt}",
    "less_than_equal": "write a number of at most {le}",
    "less_than": "write a number below {lt}",
}


def _right(path: Path, found: Mapping[str, Any]) -> str:
    """What to write in place of a value."""
    kind, context, given = found["type"], found.get("ctx", {}), found["input"]
    if kind == "literal_error":
        values = re.findall(r"'([^']*)'", str(context["expected"]))
        near = get_close_matches(str(given).lower(), values, 1, 0.6)
        there = " or ".join([", ".join(values[:-1]), values[-1]] if len(values) > 1 else values)
        return f"write {there}" + (f"; did you mean {near[0]!r}?" if near else "")
    if kind in _TO_WRITE:
        names: dict[str, Any] = {"name": path[-1], "path": _written(path), "given": _as_text(given), **context}
        return _TO_WRITE[kind].format(**names)
    message = str(found["msg"])
    return f"{message[0].lower()}{message[1:]}"


def _as_text(value: object) -> str:
    """A value as TOML's text in quotes."""
    return msgspec.json.encode(value if isinstance(value, str) else str(value)).decode()
