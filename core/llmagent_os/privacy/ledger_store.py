"""The store of a ledger: conversations, rewards, plugins' records and timers, links, and who was let in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from llmagent_os.identity import Identity
from llmagent_os.ledger import Ledger
from llmagent_os.ledger.connection import is_made
from llmagent_os.ledger.location import file_of
from llmagent_os.privacy.retention import CONVERSATIONS, UNTIL_FORGOTTEN, oldest_kept
from llmagent_os.privacy.stores import DataSubject, EraseOrder, Holds

#: The ledger's tables. All of them keep something about people, or something that was computed from it.
TABLES = frozenset(
    {
        "inbox",  # what people wrote, until it is answered
        "interactions",  # what people wrote and were answered
        "completions",  # what models read and wrote for these answers
        "tool_sets",  # which tools models could call for these answers; about no person
        "sent",  # which messages of a platform an interaction became
        "canary_tests",  # how new LoRAs do on some conversations; about no person
        "canary_conversations",  # whose conversations these were, and how the person took them
        "rewards",  # reactions and other signs of what people think of replies
        # What policies have learned. The person's part and everything that may name the person is deleted, with all
        # snapshots that have learned from them. Policies learn again without them.
        "policy_states",
        "policy_snapshots",
        "policy_parts",
        "policy_changes",
        "policy_bodies",
        # Documents of plugins. Those of adapters (``adapter.<name>``, without a person) say how far a channel was read,
        # which reply is on its way, and which long value a button has: they are about no one person.
        "records",
        "timers",  # moments at which plugins want to speak to a person
        "held",  # messages that are answered when the bot works again
        "silences",  # where the bot is silent, and who brought that about
        "platform_admins",  # what a person administers on the platform
        "open_questions",  # where the bot has asked a person for a reason
        "memories",  # facts and preferences that people stated about themselves
        "contacts",  # the names by which others find a person, and the last private conversation
        "encounters",  # in which groups a person wrote
        "identities",  # which accounts are one person
        "link_codes",  # open codes of /link
        "link_changes",  # when accounts were linked or unlinked in the last hour
        "guesses",  # wrong codes of the last hour
        "members",  # who was let in
        "requests",  # who asks to be let in
        "damaged",  # rows of the others that cannot be read
        "personas",  # what kind of person a bot's policy has found each person to be
        "usage",  # how much a person used in an hour, a day and a month
        "audit",  # what an admin did, and to whom
        "keys",  # the ledger's own key of its pseudonyms
        "hosts",  # which hosts share the ledger; about no person
        "leases",  # what each of them alone does; about no person
    }
)

#: Tables in which an erasure leaves something that stands for the person, and why. None of it is an id or a word: a
#: pseudonym (:mod:`llmagent_os.ledger.pseudonyms`) only tells whether the same id is seen again.
LEAVES = {
    "members": "whether a person is answered is decided by an admin, who takes it back with /revoke; as a pseudonym",
    "guesses": "forgetting oneself must not make wrong codes uncounted; as a pseudonym, for an hour",
    "usage": "forgetting oneself must not make a budget new; as a pseudonym, until the sums are old",
    "audit": "what an admin did must stay known; as a pseudonym",
    "inbox": "a redelivery of an erased message must not be answered; the ids of events as pseudonyms, for 30 days",
}


class LedgerStore:
    """One ledger: that of a running host, or a file that is opened for each call."""

    unit = "row"
    order = EraseOrder.LEDGER

    def __init__(
        self,
        name: str,
        *,
        ledger: Ledger | None = None,
        url: str = "sqlite://",
        data: Path | None = None,
        keep: timedelta = CONVERSATIONS.time,
    ) -> None:
        """Args:
        name: the store's name.
        ledger: the open ledger. None: that of ``url`` is opened for each call, and is not made if it is missing.
        url: the ledger's database URL.
        data: the data folder, if the file is in there.
        keep: how long the words of conversations are kept.
        """
        self._keep = keep
        self.name = name
        self._ledger = ledger
        self._url = url
        self.holds = Holds(tables=TABLES, paths=_paths(file_of(url), data), leaves=LEAVES)

    async def identities(self, identity: Identity) -> tuple[Identity, ...]:
        """All identities that this ledger has linked to ``identity``, the one with the profile first."""
        async with self._opened() as ledger:
            return (identity,) if ledger is None else await ledger.identities.everyone(identity)

    async def export(self, subject: DataSubject) -> dict[str, Any]:
        """``interactions``, ``rewards``, ``records``, ``timers``, ``memories`` and more: see ``Ledger.export``.

        What policies have learned is not exported: it is computed from the interactions and rewards.
        """
        found: dict[str, list[Any]] = {}
        async with self._opened() as ledger:
            if ledger is None:
                return {}
            for identity in await _one_of_each(ledger, subject):
                for kind, rows in (await ledger.export(identity)).items():
                    found.setdefault(kind, []).extend(rows)
        return found

    async def erase(self, subject: DataSubject) -> int:
        """Erase the person's rows; returns how many there were. ``holds.leaves`` says what stays."""
        async with self._opened() as ledger:
            return 0 if ledger is None else sum([await ledger.forget(identity) for identity in subject.identities])

    async def prune(self) -> int:
        """Delete answered events that are older than ``retention.FINISHED_EVENTS``, and the words of old conversations.

        Returns:
            How many rows were deleted or emptied.
        """
        async with self._opened() as ledger:
            if ledger is None:
                return 0
            emptied = 0 if self._keep == UNTIL_FORGOTTEN else await ledger.delete_old_words(oldest_kept(self._keep))
            return emptied + await ledger.prune()

    @asynccontextmanager
    async def _opened(self) -> AsyncGenerator[Ledger | None]:
        """The ledger; None: there is no such file."""
        if self._ledger is not None:
            yield self._ledger
        elif not await asyncio.to_thread(is_made, self._url):
            yield None
        else:
            ledger = await Ledger.open(self._url)
            try:
                yield ledger
            finally:
                await ledger.close()


async def data_subject(identity: Identity, ledgers: tuple[LedgerStore, ...]) -> DataSubject:
    """The person that ``identity`` is part of, by the first of ``ledgers`` that has linked it to others.

    Raises:
        ConfigError: ``identity`` is not written ``platform:workspace:id``.
    """
    subject = DataSubject.of((identity,))
    for ledger in ledgers:
        identities = await ledger.identities(identity)
        if len(identities) > 1:
            return DataSubject.of(identities)
    return subject


async def _one_of_each(ledger: Ledger, subject: DataSubject) -> list[Identity]:
    """One identity for each person that ``subject`` is to this ledger, which may not know all of the links."""
    found, seen = list[Identity](), set[Identity]()
    for identity in subject.identities:
        if identity not in seen:
            found.append(identity)
            seen.update(await ledger.identities.everyone(identity))
    return found


def _paths(file: Path | None, data: Path | None) -> tuple[str, ...]:
    """The ledger's file with SQLite's files beside it, below the data folder."""
    if file is None or data is None or not file.resolve().is_relative_to(data.resolve()):
        return ()
    return (f"{file.resolve().relative_to(data.resolve())}*",)
