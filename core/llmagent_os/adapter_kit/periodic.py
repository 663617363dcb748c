"""Work that is repeated for as long as an adapter runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

DAY_SECONDS = 24 * 60 * 60.0


async def repeat_every(seconds: float, *works: Callable[[], Awaitable[object]]) -> None:
    """Run ``works`` one after the other, now and after every pause of ``seconds``, until cancelled or one fails."""
    while True:
        for work in works:
            await work()
        await asyncio.sleep(seconds)
