"""The stores that ``/export`` reads and ``/forget`` erases."""

from __future__ import annotations

from llmagent_os.privacy.known_stores import known_stores
from llmagent_os.privacy.ledger_store import LedgerStore
from llmagent_os.privacy.stores import Stores
from llmagent_os.reply.services import Services


def stores_of(services: Services) -> Stores:
    """The stores of the installation; without a runtime, those of the services themselves."""
    if services.stores is not None:
        return services.stores
    ledgers = [] if services.ledger is None else [LedgerStore("ledger", ledger=services.ledger)]
    return known_stores(
        ledgers=ledgers, profiles=services.profiles, learning=services.policy_worker, loras=services.loras
    )
