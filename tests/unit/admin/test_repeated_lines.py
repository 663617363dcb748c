"""Lines that repeat. What breaks without this: a client that is refused fills the disk with the log."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from typing import Any

import pytest
import structlog

from llmagent_os.admin import log_setup
from llmagent_os.admin.repeated_lines import MAX_LINES, MAX_VARIANTS, PERIOD_SECONDS, RepeatedLines


class Log:
    """A log in memory, and its clock."""

    def __init__(self) -> None:
        self.now = 0.0
        self.text = io.StringIO()
        self.handler = RepeatedLines(logging.StreamHandler(self.text), lambda: self.now)
        self.logger = logging.Logger("x")
        self.logger.addHandler(self.handler)

    @property
    def lines(self) -> list[str]:
        return self.text.getvalue().splitlines()


def test_a_line_that_repeats_is_written_once_a_minute_with_its_number() -> None:
    log = Log()
    for _ in range(10_000):
        log.logger.error("socket.accept() out of system resources")
    assert log.lines == ["socket.accept() out of system resources"]
    log.now += PERIOD_SECONDS
    for _ in range(3):
        log.logger.error("socket.accept() out of system resources")
    assert log.lines[1:] == [
        "socket.accept() out of system resources (repeated 9999 times)",
        "socket.accept() out of system resources",
    ]
    log.handler.close()
    assert log.lines[3:] == ["socket.accept() out of system resources (repeated 2 times)"]


def test_a_traceback_that_repeats_is_written_once() -> None:
    """22 MB of one traceback."""
    log = Log()
    for _ in range(1000):
        try:
            raise OSError(24, "Too many open files")
        except OSError:
            log.logger.exception("no more files")
    assert sum("Traceback" in line for line in log.lines) == 1
    assert len(log.lines) < 10


def test_other_lines_in_between_do_not_begin_the_count_anew() -> None:
    log = Log()
    for number in range(100):
        log.logger.error("the same")
        log.logger.info("another %d", number)
    assert log.lines.count("the same") == 1
    assert sum(line.startswith("another") for line in log.lines) == 100, "what differs is no repetition"


def test_a_warning_with_another_address_each_time_is_counted_too() -> None:
    log = Log()
    for number in range(1000):
        log.logger.warning("refused %s", f"10.0.0.{number}")
    assert len(log.lines) == MAX_VARIANTS
    log.handler.flush()
    assert "repeated 980 times" in log.lines[-1]


def test_what_is_remembered_is_bounded() -> None:
    log = Log()
    for number in range(MAX_LINES * 3):
        log.logger.info("line %d", number)
    assert len(log.lines) == MAX_LINES * 3
    assert len(log.handler._lines) <= MAX_LINES  # pyright: ignore[reportPrivateUsage]


@pytest.fixture
def configured() -> io.StringIO:
    stream = io.StringIO()
    logging.getLogger().handlers = []
    log_setup.configure("info", "json", stream=stream)
    return stream


def test_the_programs_log_counts(configured: io.StringIO) -> None:
    """Lines of structlog and of the standard library, at every level."""
    mine = structlog.stdlib.get_logger("llmagent_os.x")
    for _ in range(500):
        mine.info("refused", why="no token")
        mine.warning("refused", why="no secret")
        logging.getLogger("asyncio").error("socket.accept() out of system resources")
    mine.info("refused", why="other")
    logging.getLogger().handlers[0].flush()
    written: list[dict[str, Any]] = [json.loads(line) for line in configured.getvalue().splitlines()]
    assert [(each["event"], each.get("why"), each.get("repeated")) for each in written] == [
        ("refused", "no token", None),
        ("refused", "no secret", None),
        ("socket.accept() out of system resources", None, None),
        ("refused", "other", None),
        ("refused", "no token", 499),
        ("refused", "no secret", 499),
        ("socket.accept() out of system resources (repeated 499 times)", None, None),
    ]


def test_what_an_event_loop_reports_is_counted(configured: io.StringIO) -> None:
    """The loop reports every refused connection with a traceback, a hundred at a time."""

    async def report() -> None:
        for _ in range(500):
            error = OSError(24, "Too many open files")
            asyncio.get_running_loop().call_exception_handler(
                {"message": "socket.accept() out of system resources", "exception": error}
            )

    asyncio.run(report())
    assert len(configured.getvalue().splitlines()) == 1
