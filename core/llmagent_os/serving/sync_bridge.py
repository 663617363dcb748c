"""Calls asynchronous code from plain scripts.

Everything is implemented once, asynchronously. A script without an event loop reaches that code through one background
loop for the whole process. So a model that one call has loaded also serves the next call.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")


class _BackgroundLoop:
    """An event loop in its own thread. The first call starts the loop; it ends with the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                # A daemon thread: when the interpreter ends, nothing has to be stopped and nothing can hang.
                threading.Thread(target=self._loop.run_forever, name="llmagent-os", daemon=True).start()
            return self._loop


_background = _BackgroundLoop()


def run_sync(function: Callable[..., Coroutine[Any, Any, _T]], *arguments: object) -> _T:
    """Run ``await function(*arguments)`` from a thread without an event loop, and return its result.

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
            future.cancel()  # so that Ctrl-C also stops the work; does nothing if the work has ended
            raise
    raise RuntimeError(
        "an event loop is running here: await the asynchronous twin of this call (Agent.respond, LLM.complete, …)"
    )
