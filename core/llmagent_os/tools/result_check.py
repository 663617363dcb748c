"""Checks every result that a plugin returns. Nothing in a result is trusted."""

from __future__ import annotations

from typing import cast

import msgspec

from llmagent_os.adapter import OPEN_TO_ALL
from llmagent_os.errors import PluginError
from llmagent_os.graphics.chart import MAX_ALT
from llmagent_os.plugin import Button, ToolResult

MAX_DATA = 16_000  #: bytes of JSON: it goes into a model's context
MAX_TEXT = 16_000  #: characters
MAX_BUTTONS = 25  #: in one result
MAX_LABEL = 80  #: characters of a button's label
MAX_VALUE = 200  #: characters of a button's value
MAX_OPEN_VALUE = 60  #: bytes of the value of a button that anybody may press, with the plugin's name
MAX_ROWS = 200  #: of a card, or of a table
MAX_FILES = 10  #: in one result
MAX_COLUMNS = 20  #: of a table
MAX_DEPTH = 20  #: of nested lists and dicts
MAX_VALUES = 16_000  #: in ``data``, with those inside of others: more cannot be :data:`MAX_DATA` bytes or fewer


def checked(result: object, *, plugin: str, may_change_profile: bool) -> ToolResult:
    """Return a safe copy of ``result``. The plugin's name is put in front of every button's value.

    Args:
        result: whatever the plugin returned.
        plugin: its name.
        may_change_profile: whether the tool has the permission ``profile.write``.

    Raises:
        PluginError: ``result`` is not a sound :class:`ToolResult`; the message says what is wrong.
    """
    if not isinstance(result, ToolResult):
        raise PluginError(f"returned {type(result).__name__}, not a ToolResult")
    # Before anything is copied: to look at a result of a gigabyte would hold everybody up.
    if isinstance(result.text, str) and len(result.text) > MAX_TEXT:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise PluginError(f"returned a text of {len(result.text)} characters; 1 to {MAX_TEXT} are allowed")
    _is_json(result.data, "data", _Allowance())
    try:
        raw = msgspec.json.encode(result)
        sound = msgspec.json.decode(raw, type=ToolResult)  # a copy: the plugin cannot change it later
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError, OverflowError) as error:
        raise PluginError(f"returned something that is not JSON: {error}") from error
    data = len(msgspec.json.encode(sound.data)) if len(raw) > MAX_DATA else 0  # the whole is longer than a part
    if data > MAX_DATA:
        raise PluginError(f"returned {data} bytes of data; at most {MAX_DATA} fit a model's context")
    if not sound.text.strip() or len(sound.text) > MAX_TEXT:
        raise PluginError(f"returned a text of {len(sound.text)} characters; 1 to {MAX_TEXT} are allowed")
    files = len(sound.files) + len(sound.pictures)
    if len(sound.buttons) > MAX_BUTTONS or files > MAX_FILES:
        raise PluginError(
            f"returned {len(sound.buttons)} buttons and {files} files; "
            f"at most {MAX_BUTTONS} and {MAX_FILES} are allowed"
        )
    if sound.card is not None and len(sound.card.rows) > MAX_ROWS:
        raise PluginError(f"returned a card of {len(sound.card.rows)} rows; at most {MAX_ROWS} are allowed")
    if problem := _picture_problem(sound) or _table_problem(sound):
        raise PluginError(f"returned {problem}")
    if len(raw) > 4 * (MAX_DATA + MAX_TEXT):
        raise PluginError(f"returned {len(raw)} bytes in all; at most {4 * (MAX_DATA + MAX_TEXT)} are allowed")
    if sound.profile_changes and not may_change_profile:
        raise PluginError("returned profile_changes without the permission 'profile.write'")
    if not sound.buttons:
        return sound
    for button in sound.buttons:
        if not 0 < len(button.label) <= MAX_LABEL or not 0 < len(button.value) <= MAX_VALUE:
            raise PluginError(
                f"returned a button with a label or value that is empty or too long: {button.label[:90]!r}, "
                f"{button.value[:210]!r}"
            )
    buttons = tuple(_owned(button, plugin) for button in sound.buttons)
    return msgspec.structs.replace(sound, buttons=buttons)


def _picture_problem(result: ToolResult) -> str:
    """What is wrong with the pictures or the chart of a result; empty: nothing."""
    for picture in result.pictures:
        if not 0 < len(picture.alt.strip()) <= MAX_ALT:
            return (
                f"the picture {picture.path[-60:]!r} with {len(picture.alt)} characters of words for whoever does not "
                f"see it; 1 to {MAX_ALT} are needed"
            )
    if result.chart is not None and (problem := result.chart.problem()):
        return f"a chart that cannot be drawn: {problem}"
    return ""


def _table_problem(result: ToolResult) -> str:
    table = result.table
    if table is None:
        return ""
    if not 0 < len(table.head) <= MAX_COLUMNS or len(table.rows) > MAX_ROWS:
        return f"a table of {len(table.head)} columns and {len(table.rows)} rows; 1 to {MAX_COLUMNS}, and {MAX_ROWS}"
    uneven = next((row for row in table.rows if len(row) != len(table.head)), None)
    return "" if uneven is None else f"a table with {len(uneven)} cells in a row of {len(table.head)} columns"


def without_prefix(result: ToolResult, plugin: str) -> ToolResult:
    """Return a checked result with its buttons' values as the plugin gave them."""
    own = tuple(
        msgspec.structs.replace(each, value=each.value.removeprefix(OPEN_TO_ALL).removeprefix(f"{plugin}:"))
        for each in result.buttons
    )
    return msgspec.structs.replace(result, buttons=own)


def _owned(button: Button, plugin: str) -> Button:
    """``button`` with the plugin's name in its value, and with the mark that says that anybody may press it.

    Raises:
        PluginError: the value is too long for a button that anybody may press.
    """
    value = f"{OPEN_TO_ALL if button.open_to_all else ''}{plugin}:{button.value}"
    if button.open_to_all and len(value.encode()) > MAX_OPEN_VALUE:  # every platform must carry it, with its mark
        raise PluginError(f"returned a button that is open to all with a value of more than {MAX_OPEN_VALUE} bytes")
    return msgspec.structs.replace(button, value=value)


class _Allowance:
    """How many values and characters may still come."""

    def __init__(self) -> None:
        self.values, self.characters = MAX_VALUES, MAX_DATA

    def take(self, value: object) -> None:
        """Count a value.

        Raises:
            PluginError: there are too many.
        """
        self.values -= 1
        self.characters -= len(value) if isinstance(value, str) else 0
        if self.values < 0 or self.characters < 0:
            raise PluginError(f"returned more than {MAX_DATA} bytes of data; more do not fit a model's context")


def _is_json(value: object, where: str, left: _Allowance, depth: int = 0) -> None:
    """Refuse what ``msgspec`` encodes and JSON does not have: dates, sets and bytes would come back as strings."""
    left.take(value)
    if depth > MAX_DEPTH:
        raise PluginError(f"returned {where[:60]}… nested deeper than {MAX_DEPTH}")
    if value is None or isinstance(value, (str, int)):  # a truth value is an int
        return
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            raise PluginError(f"returned {where}={value!r}, which is not JSON")
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(cast("list[object]", value)):
            _is_json(item, f"{where}[{number}]", left, depth + 1)
    elif isinstance(value, dict):
        for key, item in cast("dict[object, object]", value).items():
            if not isinstance(key, str):
                raise PluginError(f"returned {where} with the key {key!r}; JSON keys are strings")
            left.take(key)
            _is_json(item, f"{where}.{key[:80]}", left, depth + 1)
    else:
        raise PluginError(f"returned {where} of type {type(value).__name__}, which is not JSON")
