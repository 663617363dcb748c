"""Structured logs: one line an event, as JSON or for a terminal, with secrets and contact data masked.

The host binds ``event_id`` while it works on an event, so that every line about it carries the same id, also those of
a plugin or of the standard library's ``logging``.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, TextIO, cast

import structlog
from structlog.typing import EventDict, WrappedLogger

from llmagent_os.privacy.masking import redact

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["auto", "console", "json"]

#: What is never masked: made by the program itself, and needed whole to find a line again.
_OURS = frozenset({"timestamp", "level", "logger", "event_id"})

#: A secret shorter than this would mask ordinary words.
_SHORTEST = 6


def configure(
    level: Level = "info", format: Format = "auto", *, stream: TextIO | None = None, secrets: Iterable[str] = ()
) -> None:
    """Send the logs of this program, and the warnings of others, to ``stream``.

    Args:
        level: the least that is logged. Other people's libraries are held to warnings, unless it is ``debug``.
        format: ``json``, ``console``, or ``auto``: console where ``stream`` is a terminal.
        stream: standard error unless given.
        secrets: values that must not be seen, wherever they turn up.
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
    handler = logging.StreamHandler(out)
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
    # On the handler and not on loggers: some libraries set their own loggers' level.
    others = logging.INFO if level == "debug" else logging.WARNING
    handler.addFilter(lambda record: record.levelno >= others or record.name.startswith("llmagent_os"))
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
    """A processor that leaves nothing in an event that should not be in a log.

    >>> Mask(["open-sesame"])(None, "info", {"event": "ana@example.org said open-sesame"})
    {'event': '[email] said [secret]'}
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = tuple(secret for secret in secrets if len(secret) >= _SHORTEST)

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> Mapping[str, Any]:
        return {key: value if key in _OURS else self._masked(value) for key, value in event.items()}

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
