"""Limits how much a plugin writes into the log. One that logs in a loop would fill the disk and hide all the rest."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import cast

#: The plugin whose code runs; empty: none.
_running: ContextVar[str] = ContextVar("plugin", default="")

PERIOD_SECONDS = 60.0  #: over which lines are counted
MOST_LINES = 300  #: of one plugin in a period
MOST_CHARACTERS = 4_000  #: of a line of a plugin, and of each value in it


@contextmanager
def lines_of(plugin: str) -> Generator[None]:
    """Count what is logged inside as lines of ``plugin``, also in threads that it starts with ``asyncio.to_thread``."""
    token = _running.set(plugin)
    try:
        yield
    finally:
        _running.reset(token)


class PluginLines(logging.Filter):
    """Lets the first :data:`MOST_LINES` lines of a plugin through in each period, and then one that says so."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Args: ``clock`` gives seconds, for the periods."""
        super().__init__()
        self._clock = clock
        self._counts: dict[str, tuple[float, int]] = {}  # by plugin: when its period began, and the lines in it

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether ``record`` is written."""
        plugin = _running.get()
        if not plugin:
            return True
        now = self._clock()
        began, count = self._counts.get(plugin, (now, 0))
        if now - began >= PERIOD_SECONDS:
            began, count = now, 0
        self._counts[plugin] = began, count + 1
        _shorten(record)
        if count == MOST_LINES:
            record.msg = f"the plugin {plugin!r} logs too much: its lines are left out for a minute"
            record.args, record.exc_info, record.exc_text = (), None, None
            record.levelno, record.levelname = logging.WARNING, "WARNING"
        return count <= MOST_LINES


def _shorten(record: logging.LogRecord) -> None:
    """Cut what is too long. A line of structlog's is a dictionary of values, and any other is a text."""
    message: object = record.msg
    if isinstance(message, dict):
        values = cast("dict[str, object]", message)
        record.msg = cast("str", {name: _cut(value) for name, value in values.items()})
        return
    try:
        text = record.getMessage()
    except Exception:  # wrong arguments: the handler reports them where it writes the line
        return
    if len(text) > MOST_CHARACTERS:
        record.msg, record.args = _cut(text), ()


def _cut(value: object) -> object:
    """A value as it is, or the beginning of a text or of a collection that is too long as a text."""
    if isinstance(value, str):
        text = value
    elif isinstance(value, list | dict | set | bytes):
        text = repr(cast("object", value))
    else:  # also a traceback, which the formatter shortens
        return value
    if len(text) <= MOST_CHARACTERS:
        return cast("object", value)
    return f"{text[:MOST_CHARACTERS]}… ({len(text)} characters)"
