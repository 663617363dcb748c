"""What breaks without this: a platform that is down is hammered, or not tried again before tomorrow."""

from __future__ import annotations

import pytest

from llmagent_os.adapter_kit.backoff import Backoff


@pytest.mark.parametrize(
    ("backoff", "waits"),
    [
        (Backoff(first=1.0, factor=2.0, most=10.0, jitter=0.0), [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]),
        (Backoff(first=1.0, factor=3.0, most=60.0, jitter=0.0), [1.0, 3.0, 9.0, 27.0, 60.0]),
        (Backoff(first=0.0, jitter=0.0), [0.0, 0.0, 0.0]),
        (Backoff(first=5.0, factor=1.0, jitter=0.0), [5.0, 5.0]),
    ],
)
def test_waits_grow_up_to_the_limit(backoff: Backoff, waits: list[float]) -> None:
    assert [backoff.seconds(tries) for tries in range(1, len(waits) + 1)] == waits


def test_a_failure_that_never_ends_keeps_the_longest_wait() -> None:
    assert Backoff(most=30.0, jitter=0.0).seconds(1_000_000) == 30.0


def test_many_that_failed_together_do_not_come_back_together() -> None:
    waits = {Backoff(first=10.0, jitter=0.2).seconds(1) for _ in range(50)}
    assert len(waits) > 1
    assert all(8.0 <= wait <= 12.0 for wait in waits)
