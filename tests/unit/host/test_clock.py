"""What breaks without this: the host never looks at its timers again, or looks without a pause."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from llmagent_os.host.clock import SystemClock


async def test_waiting_ends_when_the_moment_is_there_or_somebody_wakes_it() -> None:
    clock, woken = SystemClock(), asyncio.Event()
    await clock.wait(woken, clock.now() - timedelta(hours=1))
    waiting = asyncio.create_task(clock.wait(woken, clock.now() + timedelta(days=400_000)))
    endless = asyncio.create_task(clock.wait(woken, None))
    await asyncio.sleep(0)
    assert not waiting.done()
    woken.set()
    await asyncio.gather(waiting, endless)
