"""Changes values in a TOML text, and leaves all else of it as people wrote it: order, comments and spaces."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any, cast

from llmagent_os.config.toml_places import Place, TomlPlaces
from llmagent_os.errors import ConfigError

#: A setting: its name, or the names of its table and of itself.
Name = tuple[str] | tuple[str, str]
Value = bool | str | Sequence[str]

MAX_LINE = 110  #: characters of a list on one line

_REST = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\n|$)")


def with_values(source: str, values: Mapping[Name, Value]) -> str:
    r"""Return a TOML text with other values.

    Args:
        source: the text, without mistakes of syntax.
        values: by name. What is not in the text yet is added.

    Raises:
        ConfigError: the text is written in such a way that a value cannot be changed.

    >>> print(with_values('name = "a"  # mine\n\n[consent]\nask = false', {("name",): "b", ("consent", "ask"): True}))
    name = "b"  # mine
    <BLANKLINE>
    [consent]
    ask = true
    """
    for name, value in values.items():
        read = tomllib.loads(source)
        if _at(read, name) == _plain(value):
            continue
        source = _changed(source, name, value)
        if _at(tomllib.loads(source), name) != _plain(value):
            raise ConfigError(f"`{'.'.join(name)}` cannot be changed: write it on a line of its own")
    return source


def literal(value: Value) -> str:
    """Write a value as TOML does."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    one = f"[{', '.join(map(literal, value))}]"
    if len(one) <= MAX_LINE:
        return one
    return "[\n" + "".join(f"    {literal(each)},\n" for each in value) + "]"


def _changed(source: str, name: Name, value: Value) -> str:
    places = TomlPlaces.of(source)
    if place := places.values.get(name):
        begin = _offset(source, place)
        return source[:begin] + literal(value) + source[_end(source, begin, name) :]
    line = f"{name[-1]} = {literal(value)}\n"
    if len(name) == 1:
        return _before_tables(source, line)
    if name[:1] in places.values:
        raise ConfigError(f"`{name[0]}` is written in braces: write it as a table [{name[0]}]")
    if head := places.keys.get(name[:1]):
        begin = source.find("\n", _offset(source, head)) + 1
        return source[:begin] + line + source[begin:] if begin else f"{source}\n{line}"
    return f"{source.rstrip()}\n\n[{name[0]}]\n{line}"


def _before_tables(source: str, line: str) -> str:
    """``source`` with a setting of the top, which must stand before every table."""
    tops = [place for path, place in TomlPlaces.of(source).values.items() if len(path) == 1]
    if not tops:
        return line + source
    begin = _offset(source, max(tops))
    end = source.find("\n", _end(source, begin, ("?",))) + 1
    return source[:end] + line + source[end:] if end else f"{source}\n{line}"


def _offset(source: str, place: Place) -> int:
    lines = source.split("\n")
    return sum(len(each) + 1 for each in lines[: place.line - 1]) + place.column - 1


def _end(source: str, begin: int, name: tuple[str, ...]) -> int:
    """Where the value ends that begins at an offset: the first place where it is whole, and the line says no more."""
    for end in range(begin + 1, len(source) + 1):
        if _REST.match(source, end):
            try:
                tomllib.loads(f"x = {source[begin:end]}")
            except tomllib.TOMLDecodeError:
                continue
            return end
    raise ConfigError(f"`{'.'.join(name)}` cannot be changed: write it on a line of its own")


def _at(read: Mapping[str, Any], name: Name) -> Any:
    value: Any = read
    for part in name:
        value = cast("Mapping[str, Any]", value).get(part) if isinstance(value, Mapping) else None
    return value


def _plain(value: Value) -> Any:
    return value if isinstance(value, bool | str) else [*value]
