"""Chooses the event loop of a host: uvloop where it is installed, which takes less of the processor for a message."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """What makes the event loop, for ``asyncio.Runner``. None: Python's own, where uvloop is not installed."""
    try:
        import uvloop
    except ImportError:  # Windows, PyPy, and platforms without a wheel
        return None
    return uvloop.new_event_loop
