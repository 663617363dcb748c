"""Waits for work that Ctrl-C is to end at once, also where the work itself cannot be ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from threading import Thread
from typing import Any, TypeVar

_T = TypeVar("_T")


def run_interruptibly(work: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
    """Run ``work`` in a thread of its own, and return what it gives. Raises whatever it raises.

    ``asyncio.run`` would wait at Ctrl-C until a model is loaded. Here KeyboardInterrupt is raised at once, and the
    thread goes on until the process ends.
    """
    done: Future[_T] = Future()

    def run() -> None:
        try:
            done.set_result(asyncio.run(work()))
        except BaseException as raised:
            done.set_exception(raised)

    Thread(target=run, daemon=True).start()
    return done.result()
