"""Limits how long the host waits for code of a plugin.

No thread can be ended from outside. One that hangs is left behind: it keeps no place in the pool of threads that all
share, and the process does not wait for it when it ends.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import TypeVar

from llmagent_os.errors import PluginError

_T = TypeVar("_T")


async def in_limited_thread(
    work: Callable[[], _T], seconds: float, what: str, *, late: Callable[[_T], object] | None = None
) -> _T:
    """Return what ``work`` gives.

    Args:
        work: is called in a thread of its own.
        seconds: after which it is given up.
        what: names the work in the error, such as ``importing /plugins/weather.py``.
        late: is given, in that thread, what ``work`` returned after it was given up.

    Raises:
        PluginError: it took longer. What ``work`` raises is raised as it is.
    """
    outcome: Future[_T] = Future()
    outcome.set_running_or_notify_cancel()  # from now on a cancelled wait does not cancel it
    context = contextvars.copy_context()

    def run() -> None:
        try:
            outcome.set_result(context.run(work))
        except BaseException as error:
            outcome.set_exception(error)

    threading.Thread(target=run, name=f"plugin: {what}", daemon=True).start()
    try:
        async with asyncio.timeout(seconds):
            return await asyncio.wrap_future(outcome)
    except (TimeoutError, asyncio.CancelledError) as error:
        if late is not None:
            outcome.add_done_callback(lambda done: None if done.exception() else late(done.result()))
        if isinstance(error, asyncio.CancelledError) or outcome.done():
            raise
        raise PluginError(
            f"{what} took longer than {seconds:g} s and was given up: no code of a module may wait or loop for ever"
        ) from None


async def within(seconds: float, late: str, work: Awaitable[_T]) -> _T:
    """Return what ``work`` gives.

    Args:
        seconds: after which it is cancelled.
        late: begins the error, such as ``the process did not start``.
        work: to wait for.

    Raises:
        PluginError: it took longer. What ``work`` raises is raised as it is.
    """
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            return await work
    except TimeoutError:
        if not limit.expired():
            raise
        raise PluginError(f"{late} within {seconds:g} s, and was given up") from None
