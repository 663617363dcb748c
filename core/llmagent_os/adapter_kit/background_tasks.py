"""Background tasks: started, kept alive until they end, and stopped together.

asyncio itself keeps only a weak reference to a task, so a task that nobody else refers to may vanish while it runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from llmagent_os.adapter_kit.containment import contained

T = TypeVar("T")


class BackgroundTasks:
    """The tasks that one owner has started."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start ``work`` as a task, contained. The task is returned; the caller need not keep it."""
        task = asyncio.create_task(contained(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def running(self) -> list[asyncio.Task[Any]]:
        """The tasks that have not ended."""
        return list(self._tasks)

    async def close(self) -> None:
        """Cancel the tasks that still run, and return when all have ended. New tasks may be spawned later."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def run_together(*works: Coroutine[Any, Any, None]) -> None:
    """Run ``works`` side by side, contained, until the first ends, then cancel the others and wait for their end.

    An error of the one that ended is raised as it is; :class:`asyncio.TaskGroup` would wrap it into a group.
    """
    tasks = [asyncio.create_task(contained(work)) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
