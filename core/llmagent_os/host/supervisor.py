"""Keeps the adapters running."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import structlog

from llmagent_os.adapter import Accept, Adapter, SharesConnection
from llmagent_os.adapter_kit.backoff import Backoff
from llmagent_os.adapter_kit.containment import contain
from llmagent_os.errors import AdapterError, ConfigError
from llmagent_os.host.health import HostStatus
from llmagent_os.ledger import Membership

#: The state of an adapter whose connection another host has: this one only sends.
STANDS_BY = "standing by"

_log = structlog.stdlib.get_logger(__name__)


class AdapterSupervisor:
    """Holds the host's adapters by platform, runs them, and starts one again that died."""

    def __init__(
        self, adapters: Iterable[Adapter], backoff: Backoff, status: HostStatus, membership: Membership
    ) -> None:
        """Nothing is started yet.

        Args:
            adapters: the platforms.
            backoff: the wait before an adapter that died is started again.
            status: gets the state of every adapter.
            membership: says which connections are this host's.

        Raises:
            ConfigError: two adapters have the same name.
        """
        self._adapters: dict[str, Adapter] = {}
        for adapter in adapters:
            if adapter.name in self._adapters:
                raise ConfigError(f"two adapters are called {adapter.name!r}: leave one out")
            self._adapters[adapter.name] = adapter
        self._backoff = backoff
        self._status = status
        self._membership = membership
        status.adapters = dict.fromkeys(self._adapters, "not started")
        self.dead: set[str] = set()  #: platforms whose adapter died and waits to be started again
        self.unusable: set[str] = set()  #: platforms whose adapter cannot run before its configuration is mended

    def __contains__(self, platform: str) -> bool:
        return platform in self._adapters

    def __getitem__(self, platform: str) -> Adapter:
        return self._adapters[platform]

    @property
    def platforms(self) -> tuple[str, ...]:
        """The names of the adapters."""
        return tuple(self._adapters)

    @property
    def local(self) -> tuple[str, ...]:
        """The adapters whose events can be answered only by the host that has taken them."""
        return tuple(name for name, adapter in self._adapters.items() if not isinstance(adapter, SharesConnection))

    def set_unusable(self, platform: str, error: ConfigError) -> None:
        """Note that an adapter cannot run, and log it once. The other platforms go on."""
        if platform not in self.unusable:
            self.unusable.add(platform)
            self._status.adapters[platform] = str(error)
            _log.error("the adapter cannot run", platform=platform, error=str(error))

    def start(self, accept: Accept) -> list[asyncio.Task[ConfigError | None]]:
        """Run every adapter in a task. A task ends when its adapter returns, or with the error of its configuration."""
        return [
            asyncio.create_task(self._keep_running(adapter, accept), name=f"adapter {name}")
            for name, adapter in self._adapters.items()
        ]

    async def _keep_running(self, adapter: Adapter, accept: Accept) -> ConfigError | None:
        """Run one adapter, and again whenever it dies, until it returns.

        Returns:
            What is wrong with its configuration, where that ended it; else None.
        """
        loop = asyncio.get_running_loop()
        states = self._status.adapters
        tries = 0
        while True:
            started = loop.time()
            states[adapter.name] = "running"
            self.dead.discard(adapter.name)
            try:
                await self._run(adapter, accept)
            except ConfigError as unusable:  # another try would fail alike
                self.set_unusable(adapter.name, unusable)
                return unusable
            except BaseException as raised:
                error = contain(raised)
                # An adapter that ran well for a while starts anew with a short wait.
                tries = 1 if loop.time() - started > self._backoff.most else tries + 1
                wait = self._backoff.seconds(tries)
                states[adapter.name] = f"died: {error!r}"
                self.dead.add(adapter.name)
                # The text of an error that an adapter raises on purpose says everything; others need their traceback.
                why = {"error": str(error)} if isinstance(error, AdapterError) else {"exc_info": error}
                _log.error("the adapter died; starting it again", platform=adapter.name, seconds=round(wait, 1), **why)
                await asyncio.sleep(wait)
                self._status.metrics.adapter_restarts += 1
            else:
                states[adapter.name] = "ended"
                return None

    async def _run(self, adapter: Adapter, accept: Accept) -> None:
        """Run an adapter. Where it has one connection for all hosts, only one host has it, and the others only send."""
        if not isinstance(adapter, SharesConnection) or not adapter.has_one_connection:
            await adapter.run(accept)
            return

        async def received() -> None:
            self._status.adapters[adapter.name] = "running"
            await adapter.run(accept)

        async def only_sends() -> None:
            self._status.adapters[adapter.name] = STANDS_BY
            await adapter.stand_by()

        await self._membership.while_held(f"connection:{adapter.name}", received, only_sends)
