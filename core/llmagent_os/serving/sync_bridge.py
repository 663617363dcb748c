"""Synchronous calls of asynchronous code, for plain scripts.

There is one implementation of everything, and it is asynchronous. A script without an event loop reaches it through
one background loop a process, so that a model loaded by one call serves the next.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")


class _Background:
    """An event loop in a thread of its own, started when first needed. It ends with the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                # A daemon: nothing has to be stopped, or can hang, when the interpreter ends.
                threading.Thread(target=self._loop.run_forever, name="llmagent-os", daemon=True).start()
            return self._loop


_background = _Background()


def run_sync(function: Callable[..., Coroutine[Any, Any, _T]], *arguments: object) -> _T:
    """Call ``await function(*arguments)`` from a thread without an event loop, and return its result.

    Raises:
        RuntimeError: an event loop is running in this thread; await the asynchronous twin instead.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        future = asyncio.run_coroutine_threadsafe(function(*arguments), _background.loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()  # Ctrl-C stops the work too; does nothing where it has ended
            raise
    raise RuntimeError(
        "an event loop is running here: await the asynchronous twin of this call (Agent.respond, LLM.complete, …)"
    )
