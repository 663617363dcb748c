"""Sets up structured logs: one line per log event, as JSON or for a terminal, with secrets and contact data masked.

The host binds ``event_id`` while it works on an event. So every line about the event carries the same id, including
lines of a plugin and of the standard library's ``logging``.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, TextIO, cast

import structlog
from structlog.typing import EventDict, WrappedLogger

from llmagent_os.admin.repeated_lines import RepeatedLines
from llmagent_os.privacy.masking import redact
from llmagent_os.tools.plugin_logging import PluginLines

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["auto", "console", "json"]

#: Keys that are never masked. The program makes their values itself, and they are needed whole to find a line again.
_UNMASKED_KEYS = frozenset({"timestamp", "level", "logger", "event_id"})

#: A shorter secret would mask ordinary words.
_MIN_SECRET_CHARACTERS = 6


def configure(
    level: Level = "info", format: Format = "auto", *, stream: TextIO | None = None, secrets: Iterable[str] = ()
) -> None:
    """Send the logs of this program, and the warnings of libraries, to ``stream``.

    Args:
        level: the lowest level that is logged. Libraries are limited to warnings, except at ``debug``.
        format: ``json``, ``console``, or ``auto``: console if ``stream`` is a terminal, else JSON.
        stream: standard error by default.
        secrets: values that are masked wherever they appear.
    """
    out = stream or sys.stderr
    terminal = out.isatty()
    shared: list[Callable[[WrappedLogger, str, EventDict], Any]] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.PositionalArgumentsFormatter(),
    ]
    if format == "json" or (format == "auto" and not terminal):
        renderer: Any = structlog.processors.JSONRenderer(ensure_ascii=False)
    else:
        renderer = structlog.dev.ConsoleRenderer(colors=terminal, pad_event_to=0)
    handler = RepeatedLines(logging.StreamHandler(out))
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                Mask(secrets),
                renderer,
            ],
        )
    )
    # A filter on the handler, not levels on loggers: some libraries set the level of their own loggers.
    others = logging.INFO if level == "debug" else logging.WARNING
    handler.addFilter(lambda record: record.levelno >= others or record.name.startswith("llmagent_os"))
    handler.addFilter(PluginLines())
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    root.setLevel(others)
    logging.getLogger("llmagent_os").setLevel(level.upper())
    logging.captureWarnings(True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )


class Mask:
    """A structlog processor that masks secrets, contact data and passwords in a log event.

    >>> Mask(["open-sesame"])(None, "info", {"event": "ana@example.org said open-sesame"})
    {'event': '[email] said [secret]'}
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = tuple(secret for secret in secrets if len(secret) >= _MIN_SECRET_CHARACTERS)

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> Mapping[str, Any]:
        return {key: value if key in _UNMASKED_KEYS else self._masked(value) for key, value in event.items()}

    def _masked(self, value: object) -> object:
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, dict):
            return {str(key): self._masked(item) for key, item in cast("dict[object, object]", value).items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._masked(item) for item in cast("Iterable[object]", value)]
        text = value if isinstance(value, str) else repr(value)
        for secret in self._secrets:
            text = text.replace(secret, "[secret]")
        return redact(text)
