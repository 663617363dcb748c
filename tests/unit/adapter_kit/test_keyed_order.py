"""Order by key. What breaks without this: a person's second message is answered before the first one."""

from __future__ import annotations

import asyncio
from functools import partial

from llmagent_os.adapter_kit.keyed_order import KeyedLocks, KeyedQueue
from llmagent_os.errors import BadEventError


async def test_locks_of_one_key_are_given_in_the_order_of_asking() -> None:
    """Messages of one conversation would overtake each other."""
    locks, order = KeyedLocks(), list[int]()

    async def work(number: int) -> None:
        async with locks.of("conversation"):
            await asyncio.sleep(0)
            order.append(number)

    await asyncio.gather(*(work(number) for number in range(10)))
    assert order == list(range(10))


async def test_locks_of_different_keys_do_not_wait_for_each_other() -> None:
    """One slow download would hold up every conversation."""
    locks = KeyedLocks()
    async with locks.of("one"), locks.of("two"):
        pass


async def test_a_lock_that_nobody_needs_is_forgotten() -> None:
    """A bot with a million conversations would fill the memory."""
    locks = KeyedLocks()
    for number in range(100):
        async with locks.of(number):
            pass
    assert len(vars(locks)["_locks"]) == 0


async def test_a_queue_runs_the_jobs_of_one_key_one_after_the_other() -> None:
    queue, log, done = KeyedQueue(), list[str](), asyncio.Event()

    async def job(number: int) -> None:
        log.append(f"begin {number}")
        await asyncio.sleep(0)
        log.append(f"end {number}")
        if number == 2:
            done.set()

    for number in range(3):
        queue.put("channel", partial(job, number))
    await done.wait()
    assert log == ["begin 0", "end 0", "begin 1", "end 1", "begin 2", "end 2"]


async def test_a_queue_runs_different_keys_side_by_side() -> None:
    queue, second = KeyedQueue(), asyncio.Event()

    async def waits_for_the_other() -> None:
        await second.wait()

    async def other() -> None:
        second.set()

    queue.put("one", waits_for_the_other)
    queue.put("two", other)
    await second.wait()
    await queue.close()


async def test_a_job_that_fails_does_not_stop_the_jobs_behind_it() -> None:
    """One malformed event would silence a channel."""
    queue, done = KeyedQueue(), asyncio.Event()

    async def malformed() -> None:
        raise BadEventError("malformed")

    async def broken() -> None:
        raise ZeroDivisionError

    async def fine() -> None:
        done.set()

    for job in (malformed, broken, fine):
        queue.put("channel", job)
    await done.wait()


async def test_closing_a_queue_drops_what_waits_and_stops_what_runs() -> None:
    """Events of an old connection would be handled while the new one is open."""
    queue, ran = KeyedQueue(), list[int]()

    async def never_ends() -> None:
        ran.append(1)
        await asyncio.Event().wait()

    async def waits() -> None:
        ran.append(2)

    queue.put("channel", never_ends)
    queue.put("channel", waits)
    await asyncio.sleep(0)
    await queue.close()
    assert ran == [1]
