"""``/forget``: erases everything that is kept about a person, after they said so twice."""

from __future__ import annotations

from hashlib import sha256

import structlog

from llmagent_os.adapter import Button, Reply
from llmagent_os.commands.platform_names import platform_names
from llmagent_os.events import Command, Event
from llmagent_os.identity import identity_of
from llmagent_os.markup.word_list import join_words
from llmagent_os.privacy.known_stores import known_stores
from llmagent_os.privacy.ledger_store import LedgerStore
from llmagent_os.privacy.stores import DataSubject, Stores
from llmagent_os.reply.services import Services

_log = structlog.stdlib.get_logger(__name__)

#: Begins the value of the button that erases a person. A hash of the account that asked comes after it.
FORGET = "agent:forget:"


async def ask_forget(services: Services, command: Command) -> Reply:
    """Answer ``/forget``: ask first."""
    places = platform_names(await services.directory.identities_of(identity_of(command)))
    also = f", on {join_words(places)}" if len(places) > 1 else ""
    return Reply(
        f"This erases your profile, your events and everything you told me{also}. Are you sure?",
        buttons=(Button("Yes, forget me", forget_value(command), "danger"), Button("No", "agent:keep")),
    )


async def forget(services: Services, event: Event) -> Reply:
    """Erase the person who did ``event``, in all their accounts and from all stores."""
    subject = DataSubject.of(await services.directory.identities_of(identity_of(event)))
    erased = await _stores(services).erase(subject, pass_over=True)
    _log.info("a person was erased", **{each.store.replace(" ", "_"): each.count for each in erased})
    if any(each.problem for each in erased):
        return Reply(
            "I have forgotten you, except for a conversation on a platform that I cannot open right now. Those who run "
            "me have been told, and can erase it."
        )
    return Reply("Done: I have forgotten you.")


def _stores(services: Services) -> Stores:
    """The stores of the installation; without a runtime, those of the services themselves."""
    if services.stores is not None:
        return services.stores
    ledgers = [] if services.ledger is None else [LedgerStore("ledger", ledger=services.ledger)]
    return known_stores(ledgers=ledgers, profiles=services.profiles, learning=services.policy_worker)


def forget_value(event: Event) -> str:
    """The value of the button that erases whoever did ``event``. Pressed by another person it means nothing."""
    return FORGET + sha256(identity_of(event).encode()).hexdigest()[:12]
