"""Logs: what opens a door must not be in them, and the lines about one message must be found together."""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from llmagent_os.admin import log_setup as logs


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    """A stream to log to."""
    logging.getLogger().handlers = []
    yield io.StringIO()
    structlog.contextvars.clear_contextvars()


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_every_line_about_a_message_has_its_id(out: io.StringIO) -> None:
    """Also lines of the standard library's logging: a plugin's author uses that."""
    logs.configure("info", "json", stream=out)
    structlog.contextvars.bind_contextvars(event_id="web:+49 30 901820")
    structlog.stdlib.get_logger("llmagent_os.host.host").info("hello", n=1)
    logging.getLogger("llmagent_os.plugins.x").warning("bad %s", "thing")
    first, second = lines(out)
    assert first["event_id"] == second["event_id"] == "web:+49 30 901820"
    assert (first["event"], first["n"], first["level"], first["logger"]) == (
        "hello",
        1,
        "info",
        "llmagent_os.host.host",
    )
    assert second["event"] == "bad thing"


def test_contact_data_and_secrets_are_masked_at_any_depth(out: io.StringIO) -> None:
    logs.configure("info", "json", stream=out, secrets=["the-web-token", "", "ab"])
    structlog.stdlib.get_logger("llmagent_os.x").warning(
        "from ana@example.org",
        headers={"auth": ["Bearer the-web-token"]},
        thing=ValueError("my password is hunter22"),
        table="ab",
    )
    (line,) = lines(out)
    assert line["event"] == "from [email]"
    assert line["headers"] == {"auth": ["Bearer [secret]"]}
    assert "hunter22" not in line["thing"]
    assert line["table"] == "ab"


def test_exceptions_are_masked_too(out: io.StringIO) -> None:
    """A traceback ends with the message, and that often holds what the person said."""
    logs.configure("info", "json", stream=out)
    try:
        raise ValueError("cannot mail ana@example.org")
    except ValueError:
        structlog.stdlib.get_logger("llmagent_os.x").exception("failed")
        logging.getLogger("aiohttp").exception("failed")
    for line in lines(out):
        assert "ValueError: cannot mail [email]" in line["exception"]


def test_others_are_held_to_warnings_and_ours_to_the_level(out: io.StringIO) -> None:
    """An access log a request would drown what matters."""
    logs.configure("info", "json", stream=out)
    logging.getLogger("sqlalchemy.engine").info("SELECT 1")
    loud = logging.getLogger("bm25s")  # sets its own level when it is imported
    loud.setLevel("DEBUG")
    loud.debug("no")
    logging.getLogger("llmagent_os.a").debug("no")
    structlog.stdlib.get_logger("llmagent_os.a").debug("no")
    assert lines(out) == []
    logs.configure("debug", "json", stream=out)
    structlog.stdlib.get_logger("llmagent_os.a").debug("yes")
    logging.getLogger("others").info("yes")
    assert [line["event"] for line in lines(out)] == ["yes", "yes"]


def test_python_warnings_are_logged(out: io.StringIO) -> None:
    logs.configure("info", "json", stream=out)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    assert "DeprecationWarning: old" in lines(out)[0]["event"]


def test_configuring_twice_does_not_log_twice(out: io.StringIO) -> None:
    logs.configure("info", "json", stream=out)
    logs.configure("info", "json", stream=out)
    logging.getLogger("llmagent_os").warning("once")
    assert len(lines(out)) == 1


def test_console_format_is_for_eyes(out: io.StringIO) -> None:
    logs.configure("info", "console", stream=out)
    structlog.stdlib.get_logger("llmagent_os.host.host").warning("slow", seconds=3)
    assert "slow" in out.getvalue()
    assert "seconds=3" in out.getvalue()
    assert not out.getvalue().startswith("{")
