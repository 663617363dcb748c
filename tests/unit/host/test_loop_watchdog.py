"""What breaks without this: everybody waits for one blocking call, and nobody can say for which."""

from __future__ import annotations

import asyncio
import threading

from structlog.testing import capture_logs

from llmagent_os.host.health import Health, HostStatus
from llmagent_os.host.loop_watchdog import LoopWatchdog


class Clock:
    """Stands still until a test moves it."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def look_from_a_thread(watchdog: LoopWatchdog) -> None:
    """Return when the thread has looked: until then the caller blocks the loop."""
    thread = threading.Thread(target=watchdog.look)
    thread.start()
    thread.join()


async def test_a_blocking_call_is_named_while_it_blocks_and_measured_when_it_ends() -> None:
    clock, status = Clock(), HostStatus()
    watchdog = LoopWatchdog(status, 0.5, clock=clock)
    watchdog.attach()

    async def nap() -> None:
        clock.seconds += 3.0
        look_from_a_thread(watchdog)
        clock.seconds += 5.0
        look_from_a_thread(watchdog)

    with capture_logs() as logs:
        await asyncio.create_task(nap(), name="plugin sleepy: nap")
        watchdog.note()
    assert [line["event"] for line in logs] == [
        "the event loop is blocked: nobody is answered until this call returns",
        "the event loop is free again",
    ]
    for line in logs:
        assert line["task"] == "plugin sleepy: nap"
        assert "nap" in line["where"]
        assert "test_loop_watchdog.py" in line["where"]
    assert "look_from_a_thread" in logs[0]["calls"]
    assert status.metrics.loop_blocked == 1
    assert status.metrics.loop_lag_seconds.sum == 7.75
    report = await Health("bot", "model", status=status).report()
    assert report["event_loop"]["times_blocked"] == 1
    assert report["event_loop"]["last"]["task"] == "plugin sleepy: nap"
    assert b"llmagent_os_loop_blocked_total 1.0" in Health("bot", "model", status=status).metrics()


async def test_a_loop_that_is_busy_for_less_than_the_limit_is_left_alone() -> None:
    clock, status = Clock(), HostStatus()
    watchdog = LoopWatchdog(status, 0.5, clock=clock)
    watchdog.attach()
    clock.seconds += 0.7  # the pause between two notes, and less than the limit
    look_from_a_thread(watchdog)
    assert status.metrics.loop_blocked == 0
