"""What breaks without this: one faulty listener makes a write that has succeeded look failed."""

from __future__ import annotations

from llmagent_os.ledger.listeners import Listeners


def test_a_listener_that_fails_stops_neither_the_others_nor_the_caller() -> None:
    """A bug in a report would keep the policy from learning."""
    called: list[int] = []
    listeners = Listeners[[int]]()

    def fail(_: int) -> None:
        raise RuntimeError("a bug")

    listeners.add(fail)
    listeners.add(called.append)
    listeners.notify(7)
    assert called == [7]


def test_the_same_function_added_twice_ends_one_at_a_time() -> None:
    """Two runs that watch with the same function would switch each other off."""
    called: list[int] = []
    listeners = Listeners[[int]]()
    stop = listeners.add(called.append)
    listeners.add(called.append)
    stop()
    listeners.notify(1)
    assert called == [1]


def test_a_listener_may_end_itself_while_it_is_called() -> None:
    """A watcher that waits for one change would crash the write it waits for."""
    called: list[str] = []
    listeners = Listeners[[]]()

    def once() -> None:
        called.append("once")
        stop()

    stop = listeners.add(once)
    listeners.add(lambda: called.append("always"))
    listeners.notify()
    listeners.notify()
    assert called == ["once", "always", "always"]
