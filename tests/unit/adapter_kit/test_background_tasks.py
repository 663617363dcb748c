"""Background tasks. What breaks without this: work vanishes half-way, or goes on after the adapter was stopped."""

from __future__ import annotations

import asyncio
import gc

import pytest

from llmagent_os.adapter_kit.background_tasks import BackgroundTasks, run_together


async def test_a_task_that_nobody_keeps_runs_to_its_end() -> None:
    """A button would stay pressed for ever if garbage collection took the task that answers it."""
    tasks, done, go_on = BackgroundTasks(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        await go_on.wait()
        done.set()

    tasks.spawn(work())
    await asyncio.sleep(0)
    gc.collect()
    go_on.set()
    await done.wait()


async def test_close_cancels_what_runs_and_waits_for_its_end() -> None:
    """A stopped adapter would go on talking to the platform."""
    tasks, cleaned_up = BackgroundTasks(), asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned_up.set()

    task = tasks.spawn(work())
    await asyncio.sleep(0)
    await tasks.close()
    assert task.cancelled()
    assert cleaned_up.is_set()


async def test_a_task_returns_its_result_to_who_waits_for_it() -> None:
    async def work() -> int:
        return 7

    assert await BackgroundTasks().spawn(work()) == 7


async def test_when_one_of_several_works_fails_the_others_are_stopped_and_the_error_is_raised_as_it_is() -> None:
    """The host tells a wrong token (ConfigError) from an outage by the error's type: a group would hide it."""
    stopped = asyncio.Event()

    async def serve() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    async def fail() -> None:
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError, match="gone"):
        await run_together(serve(), fail())
    assert stopped.is_set()


async def test_cancelling_stops_all_works() -> None:
    """A process could not end."""
    stopped: list[int] = []

    async def serve(number: int) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append(number)

    running = asyncio.create_task(run_together(serve(1), serve(2)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert sorted(stopped) == [1, 2]
