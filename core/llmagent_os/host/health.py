"""How a running host is doing, for ``/healthz`` and Prometheus."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from llmagent_os.adapter_kit.containment import is_cancelled
from llmagent_os.host.metrics import Metrics
from llmagent_os.ledger.membership import Alone, Membership

if TYPE_CHECKING:
    from llmagent_os.tools.registry import Plugins

#: The states of an adapter that does what it should. One stands by where another host has the platform's connection.
WELL = ("running", "standing by")

#: What a model was last seen doing.
ModelState = Literal["not loaded", "loading", "ready", "failed"]


class Blocked(msgspec.Struct, frozen=True):
    """What kept the event loop for so long that other people waited."""

    task: str  #: the task's name; that of a plugin's call is ``plugin NAME: TOOL``
    where: str  #: the function that called what blocked, with its file and line
    seconds: float  #: how long, so far


class HostStatus:
    """What a host says about itself. The host writes it; adapters serve it, so it is made before both."""

    def __init__(self) -> None:
        self.taking = False  #: whether events are being accepted and run
        self.handing_over = False  #: it stops, and accepts events for the other hosts until its connections are closed
        self.blocked: Blocked | None = None  #: what kept the event loop last; None: nothing has
        self.adapters: dict[str, str] = {}  #: by name: ``running``, ``ended``, or what an adapter died of
        self.metrics = Metrics()

    @property
    def is_stopping(self) -> bool:
        """Whether the host cancels the current task, and not code that is not the host's."""
        return not self.taking and is_cancelled()


class Health:
    """Collects the report.

    >>> import asyncio
    >>> asyncio.run(Health("calendar", "calendar").report())["ok"]
    False
    """

    def __init__(
        self, bot: str, model: str, *, plugins: Plugins | None = None, status: HostStatus | None = None
    ) -> None:
        """Args: ``bot`` and ``model`` are names. ``status`` is the one that the host was given."""
        self.bot = bot
        self.model = model
        self.status = status or HostStatus()
        self._plugins = plugins
        self._model_state: ModelState = "not loaded"
        self._model_problem = ""
        self._started = time.monotonic()
        self._version = version("llmagent-os")  # reads a file
        self._behind: Callable[[], int] | None = None
        self._membership: Membership = Alone()
        self._training: Callable[[], Awaitable[dict[str, Any]]] | None = None

    def note_model(self, state: ModelState, problem: str = "") -> None:
        """Note what the model is doing, and what is wrong with it."""
        self._model_state, self._model_problem = state, problem

    def watch_learning(self, behind: Callable[[], int]) -> None:
        """Report how many rewards the policy has not learned yet. That is no failure: it is learned behind."""
        self._behind = behind

    def watch_training(self, training: Callable[[], Awaitable[dict[str, Any]]]) -> None:
        """Report the training that runs, with its progress, and the LoRAs that answer."""
        self._training = training

    def watch_membership(self, membership: Membership) -> None:
        """Report this host's part among those that share the ledger."""
        self._membership = membership

    async def report(self) -> dict[str, Any]:
        """The state as JSON. ``ok``: the host takes messages, every adapter runs, and the model has not failed."""
        status = self.status
        plugins = self._plugins.health() if self._plugins else ()
        running = status.taking and all(state in WELL for state in status.adapters.values())
        return {
            "ok": running and self._model_state != "failed" and self._membership.may_act(),
            "version": self._version,
            "bot": self.bot,
            "uptime_seconds": round(time.monotonic() - self._started, 1),
            "adapters": dict(status.adapters),
            "hosts": self._membership.report(),
            "queue_depth": status.metrics.queue_depth,
            "event_loop": {
                "times_blocked": status.metrics.loop_blocked,
                "last": None if status.blocked is None else msgspec.to_builtins(status.blocked),
            },
            "model": {"name": self.model, "state": self._model_state, "problem": self._model_problem},
            "learning": {"rewards_behind": 0 if self._behind is None else self._behind()},
            "training": {} if self._training is None else await self._training(),
            "plugins": {plugin.name: plugin.state for plugin in plugins},
        }

    def metrics(self) -> bytes:
        """The page that Prometheus reads."""
        return self.status.metrics.page()
