"""The circuit breaker: a service that is down must not be asked again and again, nor forgotten for ever."""

from __future__ import annotations

from llmagent_os.tools.circuit_breaker import CircuitBreaker


class ManualSeconds:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_rest_doubles_with_every_failed_trial() -> None:
    """A service that stays down would otherwise be tried, and waited for, every minute."""
    clock = ManualSeconds()
    breaker = CircuitBreaker(failures=1, rest=10, clock=clock)
    breaker.failed("x")
    clock.now = 10
    assert breaker.allow()
    assert not breaker.allow()  # one trial at a time
    breaker.failed("x")
    assert breaker.retry_in == 20
