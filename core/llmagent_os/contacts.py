"""The other people whom a plugin may find and ask for one person: the protocol, and one that finds nobody.

A plugin sees a name and a handle of a person, never an account. What it gives to another person is a document among
that person's records, and a timer under the same key: ``Plugin.due`` says it in the person's own conversation.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Protocol

import msgspec

from llmagent_os.records import Record

#: What became of a document for another person: it is on its way; it was given before; the person has not written to
#: the bot in private; the person is not known (any more), or does not want to be found.
Given = Literal["given", "given before", "unreachable", "unknown"]


class Contact(msgspec.Struct, frozen=True):
    """Somebody whom a person may know."""

    handle: str  #: stands for the account; says nothing by itself, and works only for people who may know the account
    name: str  #: as the person is known: one short line without markup
    can_be_asked: bool  #: the person has written to the bot in private


class Contacts(Protocol):
    """One plugin's way from one person to others.

    A person may know the people of the same workspace, and those who have written to the bot in the same group. Where a
    platform has no workspaces, only the groups count: strangers cannot find each other by name. The visitors of one web
    page are strangers too, except where an admin has let in both.
    """

    async def find(self, name: str, now: datetime) -> tuple[Contact, ...]:
        """The people of this name whom the person may know, and who want to be found; sorted by name.

        Args:
            name: all words of it must be words of the name that the platform shows, or that the person gave.
            now: the present.
        """
        ...

    async def give(self, handle: str, key: str, record: Record, at: datetime, *, mine: tuple[str, Record]) -> Given:
        """Put ``record`` among the records of a contact, and have ``Plugin.due`` answer ``key`` for them at ``at``.

        The person who gives gets ``mine``. All of it is done in one step, once for a key, and is durable on return.
        Both records are erased when either of the two people is forgotten.

        Args:
            handle: of a :class:`Contact`.
            key: of the record and of the timer.
            record: the document.
            at: when it is said; the present, normally.
            mine: the key and the document of the person who gives.

        Raises:
            LedgerError: ``record`` cannot be written as a JSON object, or ``key`` cannot be stored.
        """
        ...

    async def give_holder(self, holder: str, key: str, record: Record, at: datetime) -> Given:
        """Give a document to the one person who has this plugin's record under the key ``holder``.

        So two people who were brought together by :meth:`give` answer each other, and neither has the other's account.
        """
        ...

    async def hide(self, hidden: bool) -> None:
        """Have others find the person no longer, or again."""
        ...

    async def is_hidden(self) -> bool:
        """Whether others do not find the person."""
        ...


class NoContacts:
    """Finds nobody: for a plugin that does not ask for contacts, and where no ledger knows people."""

    async def find(self, name: str, now: datetime) -> tuple[Contact, ...]:
        return ()

    async def give(self, handle: str, key: str, record: Record, at: datetime, *, mine: tuple[str, Record]) -> Given:
        return "unknown"

    async def give_holder(self, holder: str, key: str, record: Record, at: datetime) -> Given:
        return "unknown"

    async def hide(self, hidden: bool) -> None:
        return None

    async def is_hidden(self) -> bool:
        return True
