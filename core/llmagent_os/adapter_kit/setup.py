"""What an adapter is made from.

An entry point of the group ``llmagent_os.adapters`` is a callable that takes an :class:`AdapterSetup` and returns an
:class:`~llmagent_os.adapter.Adapter`:

.. code-block:: python

    def from_setup(setup: AdapterSetup) -> Adapter:
        return CarrierPigeon(loft=setup.data)
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, cast

from llmagent_os.adapter import Adapter
from llmagent_os.bot import BotConfig
from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError
from llmagent_os.events import Event
from llmagent_os.records import MemoryRecords, Records

GROUP = "llmagent_os.adapters"


async def wants_everything(event: Event) -> bool:
    """Where nobody is asked."""
    return True


@dataclass(frozen=True)
class AdapterSetup:
    """Everything an adapter may need to know about the installation it is part of."""

    settings: Settings
    bot: BotConfig
    data: Path  #: a folder for what it keeps itself; it may not exist yet
    health: Callable[[], Awaitable[Mapping[str, Any]]]  #: for ``/healthz``: a JSON object with ``ok``
    metrics: Callable[[], bytes]  #: for ``/metrics``: the Prometheus text format
    #: slash commands and what they do, as of now: plugins come and go
    commands: Callable[[], Mapping[str, str]] = dict[str, str]
    #: whether an event concerns the bot and is of somebody whom it answers: asked before files of it are fetched
    wants: Callable[[Event], Awaitable[bool]] = wants_everything
    #: durable documents of the adapter's own: how far it has read, what it is in the middle of
    store: Records = field(default_factory=MemoryRecords)


def known_adapters() -> dict[str, EntryPoint]:
    """Every installed adapter by name."""
    return {point.name: point for point in entry_points(group=GROUP)}


def make_adapter(name: str, setup: AdapterSetup) -> Adapter:
    """The installed adapter of this name.

    Raises:
        NotConfiguredError: it has no token.
        ConfigError: there is none, it cannot be imported, or its settings are wrong.
    """
    known = known_adapters()
    if name not in known:
        near = get_close_matches(name, known, 1, 0.6)
        hint = f"did you mean {near[0]!r}?" if near else f"installed: {', '.join(sorted(known)) or 'none'}"
        raise ConfigError(f"there is no adapter {name!r}; {hint}")
    try:
        factory = cast("Callable[[AdapterSetup], Adapter]", known[name].load())
    except Exception as error:
        raise ConfigError(f"adapter {name!r} cannot be imported: {type(error).__name__}: {error}") from error
    return factory(setup)
