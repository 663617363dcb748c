"""Counts log lines that repeat, in place of writing each of them.

A fault that happens again and again, or a client that is refused a thousand times a second, would fill the disk with
one line. The same line is written once a minute, with the number of times that it was left out since. Lines of one
warning that differ, by an address for one, are counted together after the first few of a minute.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, cast

#: How long a line is counted before it is written again, in seconds.
PERIOD_SECONDS = 60.0

#: How many lines of one warning that differ are written in one period.
MAX_VARIANTS = 20

#: How many different lines are remembered. Beyond that, those that were written first are forgotten.
MAX_LINES = 1000


class _Line:
    """A line that was written."""

    __slots__ = ("left_out", "record", "written_at")

    def __init__(self, record: logging.LogRecord, written_at: float) -> None:
        self.record = record
        self.written_at = written_at
        self.left_out = 0


class RepeatedLines(logging.Handler):
    """Hands records on to another handler, each line once a period."""

    def __init__(self, out: logging.Handler, clock: Callable[[], float] = time.monotonic) -> None:
        """Args:
        out: writes the lines.
        clock: seconds, for the periods.
        """
        super().__init__()
        self._out = out
        self._clock = clock
        self._lines: dict[object, _Line] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Write ``record``, or count it."""
        now = self._clock()
        self._report(now)
        key, kind = _key(record), _kind(record)
        if (line := self._lines.get(key)) is not None:
            line.left_out += 1
            return
        if record.levelno >= logging.WARNING:
            variants = self._lines.get(kind)
            if variants is None:
                self._remember(kind, _Line(record, now))
                variants = self._lines[kind]
                variants.left_out = -MAX_VARIANTS
            variants.left_out += 1
            if variants.left_out > 0:
                variants.record = record
                return
        self._remember(key, _Line(record, now))
        self._out.handle(record)

    def flush(self) -> None:
        """Write how often lines were left out so far."""
        self.acquire()
        try:
            self._report(float("inf"))
        finally:
            self.release()
        self._out.flush()

    def close(self) -> None:
        """Write what was counted, and close."""
        self.flush()
        self._out.close()
        super().close()

    def setFormatter(self, fmt: logging.Formatter | None) -> None:
        """Set the format of the lines."""
        self._out.setFormatter(fmt)

    def _remember(self, key: object, line: _Line) -> None:
        self._lines[key] = line
        if len(self._lines) > MAX_LINES:
            oldest = next(iter(self._lines))
            self._write_count(self._lines.pop(oldest))

    def _report(self, now: float) -> None:
        """Forget the lines whose period is over. How often each was left out is written."""
        while self._lines:  # in the order in which they were written
            key, line = next(iter(self._lines.items()))
            if now - line.written_at < PERIOD_SECONDS:
                break
            del self._lines[key]
            self._write_count(line)

    def _write_count(self, line: _Line) -> None:
        if line.left_out > 0:
            self._out.handle(_counted(line.record, line.left_out))


def _content(record: logging.LogRecord) -> dict[str, Any]:
    """What structlog has put into a record; empty for a record of the standard library."""
    held: object = record.msg
    return cast("dict[str, Any]", held) if isinstance(held, dict) else {}


def _key(record: logging.LogRecord) -> object:
    """The same for lines that are the same, but for the moment at which they were written."""
    error = repr(record.exc_info[1]) if record.exc_info else ""
    if content := _content(record):
        values = tuple(sorted((key, repr(value)) for key, value in content.items() if key != "timestamp"))
        return record.name, record.levelno, values, error
    return record.name, record.levelno, record.getMessage(), error


def _kind(record: logging.LogRecord) -> object:
    """The same for lines that differ in their values only."""
    return record.name, record.levelno, str(_content(record).get("event") or record.msg)


def _counted(record: logging.LogRecord, times: int) -> logging.LogRecord:
    """``record`` again, without its traceback, and with how often it was left out."""
    again = logging.makeLogRecord(record.__dict__)
    again.exc_info, again.exc_text = None, None
    if content := _content(record):
        again.msg = {key: value for key, value in content.items() if key != "exc_info"} | {"repeated": times}
    else:
        again.msg, again.args = f"{record.getMessage()} (repeated {times} times)", ()
    return again
