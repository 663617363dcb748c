"""Measures for how long a call keeps the event loop before it gives the loop back.

>>> import asyncio
>>> seconds = 0.0
>>> async def work() -> str:
...     global seconds
...     await asyncio.sleep(0)
...     seconds += 8.0  # time.sleep(8), for one
...     return "done"
>>> async def main() -> tuple[str, float]:
...     timer = StepTimer(work(), clock=lambda: seconds)
...     return await timer, timer.longest
>>> asyncio.run(main())
('done', 8.0)
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class StepTimer(Generic[T]):
    """An awaitable around another one. A step lasts from where the loop resumes the work to the next wait."""

    def __init__(self, work: Awaitable[T], *, clock: Callable[[], float] = time.monotonic) -> None:
        """Args: ``clock`` gives seconds that only ever increase."""
        self._work = work
        self._clock = clock
        self.longest = 0.0  #: seconds of the longest step so far

    def __await__(self) -> Generator[Any, Any, T]:
        steps = self._work.__await__()
        thrown: BaseException | None = None
        while True:
            started = self._clock()
            try:
                waits_for = next(steps) if thrown is None else steps.throw(thrown)
            except StopIteration as ended:
                result: T = ended.value
                return result
            finally:
                self.longest = max(self.longest, self._clock() - started)
            try:
                yield waits_for
            except BaseException as error:  # a cancellation: the work is to have it
                thrown = error
            else:
                thrown = None
