"""Synchronous calls of asynchronous code, for plain scripts.

There is one implementation of everything, and it is asynchronous. A script without an event loop reaches it through
one background loop a process, so that a model loaded by one call serves the next.
"""

from __future__ import annotations

import asyncio
import atexit
import threading
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import TypeVar

from anyio.from_thread import BlockingPortal, start_blocking_portal

_T = TypeVar("_T")


class _Portal:
    """The background loop, started when first needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._manager: AbstractContextManager[BlockingPortal] | None = None
        self._portal: BlockingPortal | None = None

    def get(self) -> BlockingPortal:
        with self._lock:
            if self._portal is None:
                self._manager = start_blocking_portal(name="llmagent-os")
                self._portal = self._manager.__enter__()
                atexit.register(self.stop)
            return self._portal

    def stop(self) -> None:
        with self._lock:
            if self._manager is not None:
                self._manager.__exit__(None, None, None)
                self._manager = self._portal = None


_shared = _Portal()


def run_sync(function: Callable[..., Awaitable[_T]], *arguments: object) -> _T:
    """Call ``await function(*arguments)`` from a thread without an event loop, and return its result.

    Raises:
        RuntimeError: an event loop is running in this thread; await the asynchronous twin instead.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return _shared.get().call(function, *arguments)
    raise RuntimeError(
        "an event loop is running here: await the asynchronous twin of this call (Agent.respond, LLM.complete, …)"
    )
