"""Work in order within a channel, and side by side between channels."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

import structlog

from llmagent_os.errors import BadEventError

_log = structlog.stdlib.get_logger(__name__)

Work = Callable[[], Awaitable[object]]


class Lanes:
    """One queue a channel, each with a task of its own while there is something in it."""

    def __init__(self) -> None:
        self._queues: dict[str, deque[Work]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def put(self, channel: str, work: Work) -> None:
        """Do ``work`` after what is waiting there already. Whatever it raises is logged."""
        queue = self._queues.get(channel)
        if queue is not None:
            queue.append(work)
            return
        queue = self._queues[channel] = deque((work,))
        task = asyncio.create_task(self._drain(channel, queue))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Drop what waits, and return when nothing runs."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._queues.clear()

    async def _drain(self, channel: str, queue: deque[Work]) -> None:
        try:
            while queue:
                try:
                    await queue[0]()
                except BadEventError as error:
                    _log.warning("discord: an event is skipped", error=str(error))
                except Exception as error:  # one event must not silence a channel
                    _log.error("discord: an event is skipped", exc_info=error)
                queue.popleft()
        finally:
            self._queues.pop(channel, None)
