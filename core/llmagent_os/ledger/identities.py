"""The part of the ledger that knows which identities are one person, and the codes that link them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
import sqlalchemy as sa

from llmagent_os.identity import Identity, PersonId
from llmagent_os.ledger import link_changes, link_codes
from llmagent_os.ledger.database import Database
from llmagent_os.ledger.identity_links import Link, identities_of, leave, linked, links_of, person_of
from llmagent_os.ledger.link_codes import Joined, Refused
from llmagent_os.ledger.schema import identities
from llmagent_os.ledger.sealed_columns import seal
from llmagent_os.ledger.writer import Writer


class Identities:
    """Links identities to persons, and looks up who is who."""

    def __init__(self, writer: Writer, rewards_changed: Callable[[], None]) -> None:
        """Use ``Ledger.identities``.

        Args:
            writer: runs the work.
            rewards_changed: called after identities were linked or unlinked: their rewards are of another person then.
        """
        self._writer = writer
        self._rewards_changed = rewards_changed

    async def person(self, identity: Identity) -> PersonId:
        """The person that ``identity`` is part of; ``identity`` itself where it is linked to no other."""
        return await self._writer.run(lambda database: person_of(database, identity), reads=True)

    async def everyone(self, identity: Identity) -> tuple[Identity, ...]:
        """All identities of a person in the order in which they were linked; ``identity`` alone if it is not linked."""
        return await self._writer.run(lambda database: tuple(linked(database, identity)) or (identity,), reads=True)

    async def links(self, identity: Identity) -> list[Link]:
        """The links of a person, that of ``identity`` included, in order; empty where ``identity`` is not linked."""
        return await self._writer.run(lambda database: links_of(database, identity), reads=True)

    async def issue(self, identity: Identity, code: str, now: datetime, valid: timedelta) -> None:
        """Keep ``code`` for ``identity``, in place of its earlier code."""
        await self._writer.run(lambda database: link_codes.issue(database, identity, code, now, valid))

    async def join(self, identity: Identity, code: str | None, now: datetime) -> Joined | Refused:
        """Make ``identity``, and all that it is linked to, one person with the identity that issued ``code``.

        One transaction. The same identity may give the same code again, after a crash, and gets the same answer.

        Args:
            identity: the identity that gave the code.
            code: the code; None: what was given is no code.
            now: the present.
        """
        return await self._writer.run(
            lambda database: link_codes.join(database, identity, code, now), lambda _: self._rewards_changed()
        )

    async def prune(self) -> int:
        """Delete the wrong codes that are older than an hour. Returns how many identities had given them."""
        return await self._writer.run(lambda database: link_codes.prune_guesses(database, datetime.now(UTC)))

    async def note_fill(self, identity: Identity, filled: dict[str, str]) -> None:
        """Keep which gaps of the person's profile were filled from the profile of ``identity``."""
        raw = msgspec.json.encode(filled).decode()

        def work(database: Database) -> None:
            statement = sa.update(identities).where(identities.c.identity == identity)
            database.sql.execute(statement.values(filled=seal(database, identity, raw)))

        await self._writer.run(work)

    async def may_change(self, identity: Identity, now: datetime) -> bool:
        """Whether the person of ``identity`` may link or unlink accounts once more in this hour."""
        return await self._writer.run(
            lambda database: link_changes.may_change(database, identities_of(database, identity), now)
        )

    async def leave(self, identity: Identity, now: datetime | None = None) -> PersonId | None:
        """Take ``identity`` out of its person.

        Args:
            identity: who leaves.
            now: the present, from which on the change is counted; None: it is not counted.

        Returns:
            The person that the others are now, who may be one identity alone. None: ``identity`` was linked to no
            other.
        """

        def work(database: Database) -> PersonId | None:
            before = identities_of(database, identity)
            rest = leave(database, identity)
            if rest is not None and now is not None:
                link_changes.note_change(database, before, now)
            return rest

        return await self._writer.run(work, lambda _: self._rewards_changed())
