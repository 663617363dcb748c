"""A plugin that is loaded, with everything the registry knows about it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec
import structlog

from llmagent_os.adapter_kit.containment import contain
from llmagent_os.errors import PluginError
from llmagent_os.plugin import Tool, ToolSource
from llmagent_os.tools.circuit_breaker import CircuitBreaker, State
from llmagent_os.tools.module_namespace import ModuleNamespace

ENTRY_POINT = "entry point"  #: the ``source`` of an installed plugin
ADDED = "added"  #: the ``source`` of a plugin that a program has added

_HEALTH_STATES: dict[State, Literal["working", "resting", "trial"]] = {
    "closed": "working",
    "open": "resting",
    "half-open": "trial",
}

_log = structlog.get_logger(__name__)


class PluginHealth(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a plugin, for ``llmagent-os doctor`` and ``/healthz``."""

    name: str
    source: str  #: ``entry point``, ``added``, or the path of the plugin's file or folder
    #: resting: cut off after failures in a row; unreachable: a server that is not there, see ``ToolSource.trouble``
    state: Literal["working", "resting", "trial", "unreachable", "not loaded"]
    tools: tuple[str, ...] = ()
    failures: int = 0  #: in a row
    retry_in: float = 0.0  #: seconds until a resting plugin is tried again
    problem: str = ""  #: the last failure, or the reason why the newest version could not be loaded
    hung: int = 0  #: the number of calls that did not end when they were cancelled


@dataclass(eq=False)
class LoadedPlugin:
    """One loaded version of a plugin, and its calls."""

    plugin: ToolSource
    source: str  #: see :attr:`PluginHealth.source`
    origin: str  #: the key of its problems: the source, and for an installed plugin the name of its entry point
    breaker: CircuitBreaker
    namespace: ModuleNamespace | None = None  #: its modules, kept as long as it is loaded; None: ordinary ones
    tools: Mapping[str, Tool] = field(default_factory=dict[str, Tool])  #: by name; read once it has started
    running: int = 0  #: calls under way
    idle: asyncio.Event = field(default_factory=asyncio.Event)  #: set while no call is under way
    hung: set[asyncio.Task[Any]] = field(default_factory=set[asyncio.Task[Any]])  #: calls that ignore cancellation

    def __post_init__(self) -> None:
        self.idle.set()

    def call_started(self) -> None:
        """Count a call."""
        self.running += 1
        self.idle.clear()

    def call_ended(self) -> None:
        """Take a call off the count."""
        self.running -= 1
        if not self.running:
            self.idle.set()

    def health(self, problem: str) -> PluginHealth:
        """Return the plugin's state. ``problem`` is why its newest version is not loaded, or empty."""
        state, trouble = _HEALTH_STATES[self.breaker.state], self.plugin.trouble()
        return PluginHealth(
            name=self.plugin.name,
            source=self.source,
            state="unreachable" if trouble and state == "working" else state,
            tools=tuple(self.tools),
            failures=self.breaker.failures,
            retry_in=self.breaker.retry_in,
            problem=problem or trouble or self.breaker.last_error,
            hung=len(self.hung),
        )

    async def start(self, seconds: float) -> None:
        """Start the plugin.

        Raises:
            PluginError: the plugin raised something, or took longer than ``seconds``.
        """
        try:
            async with asyncio.timeout(seconds):
                await self.plugin.start()
        except BaseException as raised:
            error = contain(raised)
            raise PluginError(f"plugin {self.plugin.name!r} does not start: {type(error).__name__}: {error}") from error

    async def stop_when_idle(self, seconds: float) -> None:
        """Wait for the calls under way, then stop the plugin within ``seconds`` and unload its modules."""
        await self.idle.wait()  # bounded: every call has a timeout
        try:
            async with asyncio.timeout(seconds):
                await self.plugin.stop()
        except BaseException as raised:
            error = contain(raised)
            _log.warning("plugin did not stop", plugin=self.plugin.name, exc_info=error)
        if self.namespace is not None:
            self.namespace.close()


def health_of_all(loaded: Mapping[str, LoadedPlugin], problems: Mapping[str, str]) -> tuple[PluginHealth, ...]:
    """Return the state of every plugin, including those that could not be loaded.

    Args:
        loaded: plugin name to loaded plugin.
        problems: origin to the reason why this plugin, or its newest version, is not loaded.
    """
    working = tuple(each.health(problems.get(each.origin, "")) for each in loaded.values())
    origins = {each.origin for each in loaded.values()}
    missing = tuple(
        PluginHealth(
            name=Path(source).stem.removeprefix(f"{ENTRY_POINT} "),
            source=source,
            state="not loaded",
            problem=problem,
        )
        for source, problem in problems.items()
        if source not in origins
    )
    return working + missing
