"""Names what keeps the event loop: a call that does not await holds up every person at once.

A task on the loop notes the time again and again. A thread sees when it does not, and reads where the loop's thread is.
So a call that never ends is named too.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import structlog

from llmagent_os.host.health import Blocked, HostStatus

#: Frames of these files are between the loop and the code that blocks.
_LOOP_FOLDER = str(Path(asyncio.__file__).parent)
_CORE_FOLDER = str(Path(__file__).parents[1])
#: How many of the innermost frames are logged.
STACK_FRAMES = 8

_log = structlog.stdlib.get_logger(__name__)


class LoopWatchdog:
    """Watches one event loop from a thread of its own."""

    def __init__(
        self, status: HostStatus, limit_seconds: float, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Nothing is watched before :meth:`run`.

        Args:
            status: is told what blocked, and counts it.
            limit_seconds: how late the loop may be.
            clock: seconds that only ever increase.
        """
        self._status = status
        self._limit = limit_seconds
        self._period = limit_seconds / 2  # between two notes of the time
        self._clock = clock
        self._noted = 0.0  # when the loop noted the time last
        self._named: Blocked | None = None  # what blocks now, as far as the thread has seen
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loop_thread = 0

    async def run(self) -> None:
        """Watch the loop that runs this, until cancelled."""
        self.attach()
        stopped = threading.Event()
        threading.Thread(target=self._watch, args=(stopped,), name="loop watchdog", daemon=True).start()
        try:
            while True:
                await asyncio.sleep(self._period)
                self.note()
        finally:
            stopped.set()

    def attach(self) -> None:
        """Watch the loop of the caller."""
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._noted = self._clock()

    def note(self) -> None:
        """Note on the loop that it runs, and say how long it was blocked if it was."""
        present = self._clock()
        late = max(0.0, present - self._noted - self._period)
        self._noted = present
        self._status.metrics.loop_lag_seconds.observe(late)
        named, self._named = self._named, None
        if named is not None:
            self._status.blocked = Blocked(named.task, named.where, round(late, 2))
            _log.error("the event loop is free again", task=named.task, where=named.where, seconds=round(late, 1))

    def _watch(self, stopped: threading.Event) -> None:
        while not stopped.wait(self._period):
            try:
                self.look()
            except Exception as error:  # a log that cannot be written must not end the watch
                self._named = self._named or Blocked("", f"unknown: {error!r}", 0.0)

    def look(self) -> None:
        """From another thread: name what blocks the loop, once for each time."""
        loop = self._loop
        late = self._clock() - self._noted - self._period
        if late < self._limit or self._named is not None or loop is None:
            return
        innermost = sys._current_frames().get(self._loop_thread)  # pyright: ignore[reportPrivateUsage]
        if innermost is None:
            return
        frames = _frames_of_task(innermost)
        if not frames:  # the loop itself waits: the whole machine was too busy, or stood still
            return
        task = asyncio.current_task(loop)
        blocked = Blocked("" if task is None else task.get_name(), _place(_culprit(frames)), round(late, 2))
        self._named = self._status.blocked = blocked
        self._status.metrics.loop_blocked += 1
        _log.error(
            "the event loop is blocked: nobody is answered until this call returns",
            task=blocked.task,
            where=blocked.where,
            calls=" > ".join(_place(frame) for frame in frames[-STACK_FRAMES:]),
        )


def _frames_of_task(innermost: FrameType) -> list[FrameType]:
    """The frames between the event loop and what runs now, from the outermost; empty: no task and no callback runs."""
    frames: list[FrameType] = []
    frame: FrameType | None = innermost
    while frame is not None:
        if frame.f_code.co_filename.startswith(_LOOP_FOLDER) and frame.f_code.co_name == "_run":
            return frames[::-1]
        frames.append(frame)
        frame = frame.f_back
    return []


def _culprit(frames: list[FrameType]) -> FrameType:
    """The first frame that is neither asyncio's nor this project's core; else the last."""
    for frame in frames:
        if not frame.f_code.co_filename.startswith((_LOOP_FOLDER, _CORE_FOLDER)):
            return frame
    return frames[-1]


def _place(frame: FrameType) -> str:
    """Where a frame is: function, file and line."""
    return f"{frame.f_code.co_qualname} ({frame.f_code.co_filename}:{frame.f_lineno})"
