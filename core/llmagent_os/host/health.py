"""How a running host is doing, for ``/healthz`` and Prometheus."""

from __future__ import annotations

import time
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from llmagent_os.host.host import Host
    from llmagent_os.tools.registry import Plugins

#: What a model was last seen doing.
ModelState = Literal["not loaded", "loading", "ready", "failed"]


class Health:
    """Collects the report. Made before the host, because the host's adapters serve it.

    >>> import asyncio
    >>> asyncio.run(Health("calendar", "calendar").report())["ok"]
    False
    """

    def __init__(self, bot: str, model: str) -> None:
        self.bot = bot
        self.model = model
        self.model_state: ModelState = "not loaded"
        self.model_problem = ""
        self.host: Host | None = None  #: set when there is one
        self.plugins: Plugins | None = None
        self._started = time.monotonic()

    async def report(self) -> dict[str, Any]:
        """The state as JSON. ``ok``: the host takes messages, every adapter runs, and the model has not failed."""
        host = self.host
        adapters = host.health if host else {}
        plugins = self.plugins.health() if self.plugins else ()
        running = host is not None and host.taking and all(state == "running" for state in adapters.values())
        return {
            "ok": running and self.model_state != "failed",
            "version": version("llmagent-os"),
            "bot": self.bot,
            "uptime_seconds": round(time.monotonic() - self._started, 1),
            "adapters": adapters,
            "queue_depth": host.metrics.queue_depth() if host else 0,
            "model": {"name": self.model, "state": self.model_state, "problem": self.model_problem},
            "plugins": {each.name: each.state for each in plugins},
        }

    def metrics(self) -> bytes:
        """The page that Prometheus reads; empty before there is a host."""
        return self.host.metrics.page() if self.host else b""
