"""What ``/forget`` does once the person has said yes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import structlog

from llmagent_os.adapter import Reply
from llmagent_os.privacy.known_stores import known_stores
from llmagent_os.privacy.ledger_store import LedgerStore
from llmagent_os.privacy.stores import DataSubject, Stores

if TYPE_CHECKING:
    from llmagent_os.ledger import Ledger
    from llmagent_os.people.profiles import Profiles
    from llmagent_os.policy_worker import PolicyWorker

_log = structlog.stdlib.get_logger(__name__)


async def forget(stores: Stores, identities: Iterable[str]) -> Reply:
    """Erase a person from all ``stores``.

    Args:
        stores: of the installation.
        identities: all identities of the person, the one with the profile first.
    """
    erased = await stores.erase(DataSubject.of(identities))
    _log.info("a person was erased", **{each.store.replace(" ", "_"): each.count for each in erased})
    return Reply("Done: I have forgotten you.")


def stores_of(ledger: Ledger | None, profiles: Profiles | None, learning: PolicyWorker | None) -> Stores:
    """The stores of an agent that was put together by hand, without a runtime."""
    ledgers = [] if ledger is None else [LedgerStore("ledger", ledger=ledger)]
    return known_stores(ledgers=ledgers, profiles=profiles, learning=learning)
