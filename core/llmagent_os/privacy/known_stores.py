"""Which stores there are: the one list of what ``/forget`` erases and ``llmagent-os profile export`` prints.

A running host and the command line both make their registry here. Whoever adds a part that keeps something about people
adds its store to :func:`known_stores`; tests/unit/privacy/test_known_stores.py fails for a table or a file that no
store holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path

from llmagent_os.adapter import Adapter, Remembers
from llmagent_os.adapter_kit.person_secrets import SecretPlace
from llmagent_os.errors import ConfigError
from llmagent_os.ledger.shared_rows import SharedRows
from llmagent_os.privacy.computed_store import ComputedStore, Computes
from llmagent_os.privacy.file_store import FileStore
from llmagent_os.privacy.job_store import JobStore, TrainingFolders
from llmagent_os.privacy.key_store import KeyStore
from llmagent_os.privacy.knowledge_store import KnowledgeStore
from llmagent_os.privacy.learned_store import LearnedStore, Learning
from llmagent_os.privacy.ledger_store import LedgerStore
from llmagent_os.privacy.lora_store import LoraStore, TrainedLoras
from llmagent_os.privacy.outgoing_store import OutgoingStore
from llmagent_os.privacy.platform_store import OtherPlatformStore, PlatformStore
from llmagent_os.privacy.profile_store import ProfileFiles, ProfileStore
from llmagent_os.privacy.retention import kept_times
from llmagent_os.privacy.secret_store import SecretStore
from llmagent_os.privacy.stores import Store, Stores


def known_stores(
    *,
    ledgers: Iterable[LedgerStore] = (),
    profiles: ProfileFiles | None = None,
    data: Path | None = None,
    secrets: SecretPlace | None = None,
    shared: SharedRows | None = None,
    adapters: Iterable[Adapter] = (),
    make: Callable[[str], Adapter] | None = None,
    learning: Learning | None = None,
    model: Computes | None = None,
    loras: TrainedLoras | None = None,
    jobs: TrainingFolders | None = None,
    keep: Mapping[str, timedelta] | None = None,
) -> Stores:
    """Register the store of every part that is given.

    Args:
        ledgers: all ledgers of the installation. The one that knows the links comes last.
        profiles: the profiles; None: there are none.
        data: the data folder; None: nothing is kept in files.
        secrets: of all people; None: they are in the data folder.
        shared: the tables that several hosts share; None: this machine keeps files in their place.
        adapters: those that run.
        make: makes the adapter of a platform that does not run, for what it has left in the data folder; None: nothing
            is looked for.
        learning: what a running policy has in memory; None: no policy runs.
        model: that answers people in this process; None: none does.
        loras: the LoRAs that were trained; None: none ever was.
        jobs: the folders of trainings; None: there are none.
        keep: how long each kind is kept, as ``retention.kept_times`` gives it; None: as the table says.

    Raises:
        ConfigError: an adapter can erase what it keeps, but not export it or say where it is.
    """
    stores, running = Stores(), tuple(adapters)
    times = kept_times("") if keep is None else keep
    for store in _of_adapters(running, times):
        stores.register(store)
    if data is not None:
        if make is not None:
            stores.register(OtherPlatformStore(data, [adapter.name for adapter in running], make, shared))
        for store in _files(data, times, secrets):
            stores.register(store)
    if profiles is not None:
        stores.register(ProfileStore(profiles))
    if loras is not None:
        stores.register(LoraStore(loras))
    if jobs is not None:
        stores.register(JobStore(jobs, keep=times["trainings"]))
    for ledger in ledgers:
        stores.register(ledger)
    if learning is not None:
        stores.register(LearnedStore(learning))
    if model is not None:
        stores.register(ComputedStore(model))
    return stores


def _of_adapters(running: Iterable[Adapter], times: Mapping[str, timedelta]) -> Iterator[Store]:
    for adapter in running:
        if isinstance(adapter, Remembers):
            yield PlatformStore(adapter, times["transcripts"])
        elif hasattr(adapter, "forget"):
            raise ConfigError(
                f"adapter {adapter.name!r} has forget(), but not keeps and export(): see llmagent_os.adapter.Remembers"
            )


def _files(data: Path, times: Mapping[str, timedelta], secrets: SecretPlace | None) -> tuple[Store, ...]:
    """The stores of what every installation may have in its data folder."""
    outgoing = OutgoingStore(data, times["outgoing"])
    return FileStore(data, times["files"]), outgoing, SecretStore(data, secrets), KnowledgeStore(data), KeyStore(data)
