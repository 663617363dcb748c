"""Functions that are called when something in the ledger has changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, ParamSpec

import structlog

_log = structlog.stdlib.get_logger(__name__)

P = ParamSpec("P")


class Listeners(Generic[P]):
    """Any number of functions, called in the order in which they were added.

    >>> listeners = Listeners[[str]]()
    >>> stop = listeners.add(print)
    >>> listeners.notify("changed")
    changed
    >>> stop()
    >>> listeners.notify("changed again")
    """

    def __init__(self) -> None:
        self._listeners: dict[object, Callable[P, None]] = {}

    def add(self, listener: Callable[P, None]) -> Callable[[], None]:
        """Call ``listener`` from now on. Returns the function that ends this; calling that twice does no harm."""
        registration = object()  # the same function may be added twice, and each time ends by itself
        self._listeners[registration] = listener

        def stop() -> None:
            self._listeners.pop(registration, None)

        return stop

    def notify(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Call every listener. What is written is written: a listener that fails is logged and stops nothing."""
        for listener in tuple(self._listeners.values()):
            try:
                listener(*args, **kwargs)
            except Exception:
                _log.exception("a listener of the ledger failed")
