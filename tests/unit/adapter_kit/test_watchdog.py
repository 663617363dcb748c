"""The watchdog. What breaks without this: a dead connection looks healthy, and the bot stays deaf until a restart."""

from __future__ import annotations

import math

from llmagent_os.adapter_kit.watchdog import Watchdog


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_it_expires_when_a_connection_does_not_come_back_in_time() -> None:
    clock = Clock()
    watchdog = Watchdog(60.0, clock=clock)
    watchdog.start("shard 1")
    clock.seconds = 60.0
    assert not watchdog.expired
    clock.seconds = 60.5
    assert watchdog.expired


def test_a_connection_that_is_reported_lost_again_and_again_is_lost_since_the_first_report() -> None:
    """A connection that fails every few seconds would never count as lost."""
    clock = Clock()
    watchdog = Watchdog(60.0, clock=clock)
    for clock.seconds in (0.0, 30.0, 59.0, 61.0):
        watchdog.start("shard 1")
    assert watchdog.expired


def test_a_connection_that_is_back_is_not_counted() -> None:
    clock = Clock()
    watchdog = Watchdog(60.0, clock=clock)
    watchdog.start("shard 1")
    watchdog.stop("shard 1")
    clock.seconds = 1000.0
    assert not watchdog.expired
    assert watchdog.seconds_left == math.inf


def test_the_connection_that_is_lost_for_longest_counts() -> None:
    clock = Clock()
    watchdog = Watchdog(60.0, clock=clock)
    watchdog.start("shard 1")
    clock.seconds = 50.0
    watchdog.start("shard 2")
    assert watchdog.seconds_left == 10.0
    watchdog.stop("shard 1")
    assert watchdog.seconds_left == 60.0


def test_every_sign_of_life_restarts_the_timer() -> None:
    """A busy connection would be taken for a silent one."""
    clock = Clock()
    watchdog = Watchdog(60.0, clock=clock)
    for clock.seconds in (0.0, 50.0, 100.0, 150.0):
        watchdog.restart()
        assert not watchdog.expired


async def test_waiting_ends_when_the_limit_is_reached() -> None:
    moments = iter((0.0, 0.0, 0.0005, 0.001, 0.001))
    watchdog = Watchdog(0.001, clock=lambda: next(moments))
    watchdog.restart()
    await watchdog.wait_until_expired()
    assert watchdog.seconds_left == 0
