"""Changes values in a TOML text, and leaves all else of it as people wrote it: order, comments and spaces."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

import tomlkit
from tomlkit.container import Container
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, Array, InlineTable, Table

from llmagent_os.errors import ConfigError

#: A setting: its name, or the names of its table and of itself.
Name = tuple[str] | tuple[str, str]
Value = bool | str | Sequence[str]

MAX_LINE = 110  #: characters of a list on one line


def with_values(source: str, values: Mapping[Name, Value]) -> str:
    r"""Return a TOML text with other values.

    A list that is there is changed in its place: what stays in it keeps its comment, unless its order changes.

    Args:
        source: the text.
        values: by name. What is not in the text yet is added.

    Raises:
        ConfigError: the text has a mistake of syntax, or a value cannot be changed as it is written.

    >>> print(with_values('name = "a"  # mine\n\n[consent]\nask = false', {("name",): "b", ("consent", "ask"): True}))
    name = "b"  # mine
    <BLANKLINE>
    [consent]
    ask = true
    """
    read = _parsed(source).unwrap()
    changed = {name: value for name, value in values.items() if _at(read, name) != _plain(value)}
    if not changed:
        return source
    text = source
    try:
        for name, value in changed.items():
            if len(name) == 1 and name[0] not in read:
                text = _with_setting(text, name[0], value)
        document = _parsed(text)
        for name, value in changed.items():
            _change(document, name, value)
        text = tomlkit.dumps(document)
        if "\r\n" in source and not re.search(r"(?<!\r)\n", source):
            text = re.sub(r"(?<!\r)\n", "\r\n", text)
        after = _parsed(text).unwrap()
    except TOMLKitError as error:
        raise ConfigError(f"this TOML cannot be changed: {error}") from error
    for name, value in changed.items():
        if _at(after, name) != _plain(value):
            raise ConfigError(f"`{'.'.join(name)}` cannot be changed: write it on a line of its own")
    return text


def _parsed(source: str) -> tomlkit.TOMLDocument:
    try:
        return tomlkit.parse(source)
    except TOMLKitError as error:
        raise ConfigError(f"this is no TOML: {error}") from error


def _with_setting(source: str, name: str, value: Value) -> str:
    """``source`` with one more setting of the top, before the comments of the first table."""
    document = _parsed(source)
    for name_of in {key: item for key, item in document.body if key is not None and isinstance(item, Table | AoT)}:
        document.remove(name_of)
    head = tomlkit.dumps(document)
    if not source.startswith(head):  # a table is written with dots, between settings
        whole = _parsed(source)
        whole.add(name, _item(value))
        return tomlkit.dumps(whole)
    top = _parsed(head)
    _append(top, top, name, value)
    return tomlkit.dumps(top) + source[len(head) :]


def _change(document: tomlkit.TOMLDocument, name: Name, value: Value) -> None:
    holder: Any = document
    if len(name) == 2:
        if name[0] not in document:
            document.add(name[0], tomlkit.table())
        holder = cast("Any", document)[name[0]]
        if not hasattr(holder, "get"):
            raise ConfigError(f"`{name[0]}` must be a table: write [{name[0]}]")
    there = holder.get(name[-1])
    if isinstance(there, Array) and not isinstance(value, bool | str):
        _change_list(cast("Any", there), value)
    elif there is None and isinstance(holder, Table) and not isinstance(holder, InlineTable):
        _append(holder, holder.value, name[-1], value)
    elif there != _plain(value):
        holder[name[-1]] = _item(value)


def _append(holder: Any, container: Container, name: str, value: Value) -> None:
    """Add a setting behind the others of a table, and before the comments behind them, which are about what follows."""
    body, tail = container.body, list[Any]()
    while body and body[-1][0] is None:
        tail.insert(0, body.pop())
    holder.append(name, _item(value))
    body.extend(tail)


def _change_list(array: Any, wanted: Sequence[str]) -> None:
    """Change a list in its place."""
    for each in [each for each in array if each not in wanted]:
        array.remove(each)
    for at, each in enumerate(wanted):
        if at < len(array) and array[at] == each:
            continue
        if each in array[at:]:
            array.remove(each)
        if at == len(array):
            array.append(each)
        else:
            array.insert(at, each)
    while len(array) > len(wanted):
        array.pop()
    one = array.as_string()
    if "\n" not in one and len(one) > MAX_LINE:
        array.multiline(True)


def _item(value: Value) -> Any:
    if isinstance(value, str) and len(value) > MAX_LINE and "\n" not in value:
        return _wrapped(value)
    if isinstance(value, bool | str):
        return tomlkit.item(value)
    array: Any = tomlkit.array()
    array.extend(value)
    return array.multiline(len(array.as_string()) > MAX_LINE)


def _wrapped(value: str) -> Any:
    """A long text on several lines, which TOML reads as one."""
    escaped = tomlkit.string(value).as_string()[1:-1]
    lines = re.findall(rf".{{1,{MAX_LINE - 2}}}(?: |$)|.+?(?: |$)", escaped)
    text = "".join(['text = """\\\n', "\\\n".join(lines), '"""'])
    found = _parsed(text)
    return found["text"] if found.unwrap()["text"] == value else tomlkit.item(value)


def _at(read: Mapping[str, Any], name: Name) -> Any:
    value: Any = read
    for part in name:
        value = cast("Mapping[str, Any]", value).get(part) if isinstance(value, Mapping) else None
    return value


def _plain(value: Value) -> Any:
    return value if isinstance(value, bool | str) else [*value]
