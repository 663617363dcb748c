"""The boundary around code that is not the host's: handlers, plugins, adapters, language models, callbacks.

Whatever such code raises leaves the boundary as an ordinary :class:`Exception`: ``SystemExit`` (``argparse`` raises
it), ``KeyboardInterrupt``, ``GeneratorExit``, a panic of a Rust extension, a ``CancelledError`` that nobody asked for.
asyncio ends its loop where ``SystemExit`` or ``KeyboardInterrupt`` leaves a task, and a task that dies of any other
``BaseException`` answers nobody. Only the cancellation of the task by its owner passes the boundary.

A signal is not caught here: ``llmagent-os`` and ``asyncio.run`` both turn Ctrl-C into a cancellation.

>>> import asyncio
>>> async def leave() -> None:
...     raise SystemExit(2)
>>> asyncio.run(contained(leave()))
Traceback (most recent call last):
    ...
llmagent_os.errors.ContainedError: SystemExit: 2
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import structlog

from llmagent_os.errors import ContainedError

T = TypeVar("T")

_log = structlog.stdlib.get_logger(__name__)


def is_cancelled() -> bool:
    """Whether the current task itself is being cancelled, and not only a task that it awaits."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def contain(raised: BaseException, *, cancelled: bool | None = None) -> Exception:
    """Return ``raised`` as an ordinary error. Call it in ``except BaseException as raised:``.

    Args:
        raised: what foreign code raised.
        cancelled: whether the owner of this task cancels it now. None: a task that is being cancelled is cancelled by
            its owner.

    Returns:
        ``raised`` itself if it is an Exception, else a :class:`ContainedError` that is caused by it.

    Raises:
        asyncio.CancelledError: the owner cancels this task, whatever foreign code made of the cancellation.
        GeneratorExit: no event loop runs, so Python itself closes the coroutine.
    """
    try:
        task = asyncio.current_task()
    except RuntimeError:  # no event loop runs
        task = None
    if task is None and isinstance(raised, GeneratorExit):
        raise raised
    if cancelled is None:
        cancelled = task is not None and task.cancelling() > 0
    if cancelled:
        raise raised if isinstance(raised, asyncio.CancelledError) else asyncio.CancelledError from raised
    while task is not None and task.cancelling():  # foreign code cancelled the task that it runs in
        task.uncancel()
    return raised if isinstance(raised, Exception) else _error(raised)


async def contained(work: Awaitable[T]) -> T:
    """Return the result of ``work``.

    Raises:
        Exception: what ``work`` raised, as :func:`contain` gives it.
        asyncio.CancelledError: the owner cancels this task.
    """
    try:
        return await work
    except BaseException as raised:
        error = contain(raised)
        raise error from error.__cause__


def contained_call(function: Callable[..., T], *arguments: Any) -> T:
    """Call ``function``, in a thread of an executor for one.

    Raises:
        Exception: what ``function`` raised, as :func:`contain` gives it.
    """
    try:
        return function(*arguments)
    except BaseException as raised:
        if isinstance(raised, Exception) and not isinstance(raised, StopIteration):
            raise
        # A future cannot hold StopIteration: whoever awaits it would wait for ever.
        raise _error(raised) from raised


def run_loop(main: Coroutine[Any, Any, T], runner: asyncio.Runner) -> T:
    """Run ``main`` to its end, as ``runner.run`` does, and go on where a task or a callback tries to end the process.

    :func:`contained` cannot stand around the tasks that foreign code makes by itself, such as the arguments of its
    ``asyncio.gather``. asyncio ends the loop where ``SystemExit`` or ``KeyboardInterrupt`` leaves one of them. The loop
    loses nothing by that, and is started again here. The caller handles SIGINT, so that no ``KeyboardInterrupt`` is
    from the keyboard.

    Raises:
        BaseException: what ``main`` itself raised.
    """
    loop = runner.get_loop()
    task = loop.create_task(main)
    while True:
        try:
            return loop.run_until_complete(task)
        except (SystemExit, KeyboardInterrupt) as raised:
            if task.done():
                raise
            _log.error("a task tried to end the process; the host goes on", exc_info=raised)


def _error(raised: BaseException) -> ContainedError:
    error = ContainedError(f"{type(raised).__name__}: {raised}" if str(raised) else type(raised).__name__)
    error.__cause__ = raised
    return error
