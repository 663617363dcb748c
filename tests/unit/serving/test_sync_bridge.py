"""What breaks without this: a plain script cannot call the agent, or a coroutine calling it by mistake hangs."""

from __future__ import annotations

import asyncio

import pytest

from llmagent_os.serving.sync_bridge import run_sync


async def _double(number: int) -> int:
    await asyncio.sleep(0)
    return 2 * number


def test_calls_share_one_loop() -> None:
    """A model that one call has loaded must serve the next call."""

    async def loop() -> int:
        return id(asyncio.get_running_loop())

    assert run_sync(_double, 21) == 42
    assert run_sync(loop) == run_sync(loop)


async def test_inside_a_loop_it_says_what_to_do_instead() -> None:
    """A synchronous call in a coroutine would block the loop for ever."""
    with pytest.raises(RuntimeError, match="await the asynchronous twin"):
        run_sync(_double, 1)
