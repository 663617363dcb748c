"""Order by key: work of one key runs one after the other, work of different keys side by side.

Adapters use a conversation, a channel or a chat as the key, so that two messages of one conversation never overtake
each other and no conversation waits for another one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from weakref import WeakValueDictionary

import structlog

from llmagent_os.adapter_kit.background_tasks import BackgroundTasks
from llmagent_os.adapter_kit.containment import contain
from llmagent_os.errors import BadEventError

_log = structlog.stdlib.get_logger(__name__)


class KeyedLocks:
    """One lock per key. A lock exists only while a task holds it or waits for it."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[Hashable, asyncio.Lock] = WeakValueDictionary()

    def of(self, key: Hashable) -> asyncio.Lock:
        """The lock of ``key``. Tasks get the lock in the order in which they asked for it.

        The caller holds the lock with ``async with`` at once: a lock that nothing refers to is forgotten.
        """
        lock = self._locks.get(key)
        if lock is None:
            self._locks[key] = lock = asyncio.Lock()
        return lock


class KeyedQueue:
    """One queue of jobs per key, worked off in the background."""

    def __init__(self) -> None:
        self._locks = KeyedLocks()
        self._tasks = BackgroundTasks()

    def put(self, key: Hashable, job: Callable[[], Awaitable[object]]) -> None:
        """Run ``job`` after the jobs that were put under ``key`` before. An error of a job is logged and dropped."""
        # Tasks start in the order in which they were made, and a lock is handed on in that order too.
        self._tasks.spawn(self._run(key, job))

    async def close(self) -> None:
        """Drop the jobs that wait, cancel those that run, and return when all have ended."""
        await self._tasks.close()

    async def _run(self, key: Hashable, job: Callable[[], Awaitable[object]]) -> None:
        async with self._locks.of(key):
            try:
                await job()
            except BadEventError as error:
                _log.warning("an event is skipped", error=str(error))
            except BaseException as raised:  # one broken event must not stop the events behind it
                _log.error("an event is skipped", exc_info=contain(raised))
