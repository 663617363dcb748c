"""What an adapter is made from, and how an adapter is found.

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
from llmagent_os.adapter_kit.forms import FormFor, SentForms, no_form
from llmagent_os.adapter_kit.pages import AnswerPage
from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError
from llmagent_os.languages import ENGLISH
from llmagent_os.ledger.announcements import Announcements
from llmagent_os.ledger.shared_rows import SharedRows
from llmagent_os.records import MemoryRecords, Records

#: The group of entry points that make adapters.
GROUP = "llmagent_os.adapters"


@dataclass(frozen=True)
class BotDescription:
    """What people see of a bot before it says anything."""

    name: str  #: lower case
    title: str = "Agent"  #: what people call the bot
    about: str = ""  #: one line for an empty conversation
    examples: tuple[str, ...] = ()  #: messages offered in an empty conversation


@dataclass(frozen=True)
class AdapterSetup:
    """Everything an adapter may need to know about the installation it is part of."""

    settings: Settings
    bot: BotDescription
    data: Path  #: a folder of the adapter's own; it may not exist yet
    health: Callable[[], Awaitable[Mapping[str, Any]]]  #: for ``/healthz``: a JSON object with ``ok``
    metrics: Callable[[], bytes]  #: for ``/metrics``: the Prometheus text format
    #: name and help of every slash command in the language in force, at the moment of the call: plugins come and go
    commands: Callable[[], Mapping[str, str]] = dict[str, str]
    languages: tuple[str, ...] = (ENGLISH,)  #: that the bot speaks; the first is for people of whom nothing is known
    #: the names of those with which people may give files, at the moment of the call
    file_commands: Callable[[], frozenset[str]] = frozenset[str]
    form_for: FormFor = no_form  #: which form is opened for an event, on platforms that have forms
    sent_forms: SentForms = field(default_factory=SentForms)  #: says what was wrong with a form that was sent
    listens: bool = False  #: whether the bot understands recordings
    pages: AnswerPage | None = None  #: answers requests for pages of plugins, for adapters that serve HTTP to browsers
    #: durable documents of the adapter's own, such as how far it has read
    store: Records = field(default_factory=MemoryRecords)
    #: the tables that several hosts share. None: the ledger is in SQLite, and the adapter keeps files in ``data``
    shared: SharedRows | None = None
    announcements: Announcements = field(default_factory=Announcements)  #: of what this host and others change

    @property
    def several_hosts(self) -> bool:
        """Whether other hosts may run the same bot: then each of them may send replies, and uses :attr:`store`."""
        return self.shared is not None


def known_adapters() -> dict[str, EntryPoint]:
    """Every installed adapter by name."""
    return {point.name: point for point in entry_points(group=GROUP)}


def make_adapter(name: str, setup: AdapterSetup) -> Adapter:
    """Make the installed adapter of this name.

    Raises:
        NotConfiguredError: the adapter has no token.
        ConfigError: there is no such adapter, it cannot be imported, or its settings are wrong.
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
