"""For all tests of the administrator's commands: each of them sets up the log."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    """Close what a test logs to, and log as before it.

    A command that runs in this process logs to the standard error that its test has given it. The log would write
    there when the tests end, long after that is closed.
    """
    root, ours = logging.getLogger(), logging.getLogger("llmagent_os")
    before, levels, config = root.handlers[:], (root.level, ours.level), structlog.get_config()
    yield
    for handler in root.handlers:
        if handler not in before:
            handler.close()
    root.handlers = before
    root.level, ours.level = levels
    logging.captureWarnings(False)
    structlog.configure(**config)
