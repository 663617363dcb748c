"""What kind of person the policy of a bot has found each person to be: the table ``personas``.

A host computes it (:mod:`llmagent_os.training.persona_tracker`). Trainings and reports read it.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import sqlalchemy as sa

from llmagent_os.identity import PersonId, first_identity_of
from llmagent_os.ledger.damaged_rows import UNREADABLE
from llmagent_os.ledger.database import Database
from llmagent_os.ledger.identity_links import identities_of
from llmagent_os.ledger.persona_rows import write_persona
from llmagent_os.ledger.schema import personas, rewards
from llmagent_os.ledger.taken_back import leave_group
from llmagent_os.ledger.writer import Writer


class KeptPersona(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a person's persona."""

    persona: str = ""  #: its name, as ``verbosity=brief``; empty: none
    #: how often the policy has chosen each style for the person lately, in [0, 1]; None: to be counted again
    shares: dict[str, float] | None = None


class Personas:
    """Keeps one persona for each person of a bot."""

    def __init__(self, writer: Writer) -> None:
        """Use ``Ledger.personas``."""
        self._writer = writer

    async def revision(self, bot: str) -> tuple[int, int]:
        """Another pair after every change of a bot's personas, in whatever process."""
        query = sa.select(sa.func.count(), sa.func.coalesce(sa.func.max(personas.c.seq), 0))

        def work(database: Database) -> tuple[int, int]:
            count, last = database.sql.execute(query.where(personas.c.bot == bot)).one()
            return count, last

        return await self._writer.run(work, lasting=False)

    async def through(self, bot: str) -> int:
        """The last row of rewards that was counted for anybody; 0: none was."""
        query = sa.select(sa.func.max(personas.c.through)).where(personas.c.bot == bot)
        return await self._writer.run(
            lambda database: int(database.sql.execute(query).scalar() or 0), lasting=False, reads=True
        )

    async def get(self, bot: str, person: PersonId) -> KeptPersona | None:
        """What is kept of a person; None: nothing."""
        query = sa.select(personas).where(personas.c.bot == bot, personas.c.person == person)

        def work(database: Database) -> KeptPersona | None:
            row = database.sql.execute(query).first()
            return None if row is None else KeptPersona(persona=row.persona, shares=_shares(row.shares))

        return await self._writer.run(work)

    async def to_count_again(self, bot: str) -> list[PersonId]:
        """People who have other accounts now than when they were counted."""
        query = sa.select(personas.c.person).where(personas.c.bot == bot, personas.c.shares.is_(None))
        return await self._writer.run(
            lambda database: [PersonId(row.person) for row in database.sql.execute(query)], lasting=False
        )

    async def all(self, bot: str) -> dict[PersonId, str]:
        """The persona of everybody who has one."""
        query = sa.select(personas.c.person, personas.c.persona)
        query = query.where(personas.c.bot == bot, personas.c.persona != "")
        return await self._writer.run(
            lambda database: {PersonId(row.person): row.persona for row in database.sql.execute(query)}, lasting=False
        )

    async def members(self, bot: str, persona: str) -> list[PersonId]:
        """The people of a persona, sorted."""
        return sorted(person for person, theirs in (await self.all(bot)).items() if theirs == persona)

    async def put(
        self, bot: str, person: PersonId, persona: str, shares: Mapping[str, float], through: int, now: float
    ) -> bool:
        """Keep a person's persona. The versions of a persona that the person is of no more are marked.

        Args:
            bot: the bot's name.
            person: whose persona it is.
            persona: its name; empty: none.
            shares: see :class:`KeptPersona`.
            through: the last row of rewards that was counted.
            now: the present, in seconds since 1970.

        Returns:
            False: the person was erased meanwhile, or has given nothing, and nothing is kept.
        """
        raw = msgspec.json.encode({name: round(share, 4) for name, share in shares.items()}).decode()

        def work(database: Database) -> bool:
            accounts = identities_of(database, first_identity_of(person))
            given = sa.select(rewards.c.seq).where(rewards.c.user_id.in_(accounts)).limit(1)
            here = (personas.c.bot == bot) & (personas.c.person == person)
            before: str = database.sql.execute(sa.select(personas.c.persona).where(here)).scalar() or ""
            if before and before != persona:
                leave_group(database, bot, before, accounts, now)
            if database.sql.execute(given).first() is None:
                database.sql.execute(sa.delete(personas).where(here))
                return False
            write_persona(database, bot, person, persona, raw, through)
            return True

        return await self._writer.run(work)

    async def remove(self, bot: str, person: PersonId) -> None:
        """Keep nothing of a person any more."""
        here = (personas.c.bot == bot) & (personas.c.person == person)
        await self._writer.run(lambda database: database.sql.execute(sa.delete(personas).where(here)).rowcount)


def _shares(raw: str | None) -> dict[str, float] | None:
    """Shares from JSON. None: there are none, or the row is damaged: they are counted again."""
    try:
        return None if raw is None else msgspec.json.decode(raw, type=dict[str, float])
    except UNREADABLE:
        return None
