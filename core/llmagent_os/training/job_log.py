"""The log of a job: what its process prints, without what people said."""

from __future__ import annotations

import structlog
from structlog.typing import EventDict, WrappedLogger

from llmagent_os.privacy.masking import redact


def _masked(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {key: redact(value) if isinstance(value, str) else value for key, value in event.items()}


def set_up_log() -> None:
    """Print log events to standard output, which is the job's log, without what people said.

    By default structlog prints the local variables of every frame with an error: here, whole chats.
    """
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=True),
            structlog.processors.format_exc_info,
            _masked,
            structlog.dev.ConsoleRenderer(colors=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(),
    )
