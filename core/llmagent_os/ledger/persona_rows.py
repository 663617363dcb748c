"""What becomes of people's personas when accounts change hands: functions inside the caller's transaction.

A persona is computed, so nothing of it is kept for an account that leaves: it is counted again from the person's own
rewards, by the host, at its next look.
"""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from llmagent_os.identity import Identity, PersonId
from llmagent_os.ledger.database import Database
from llmagent_os.ledger.schema import personas
from llmagent_os.ledger.taken_back import leave_group


def write_persona(
    database: Database, bot: str, person: PersonId, persona: str, shares: str | None, through: int
) -> None:
    """Keep a person's persona in the place of the one before. The row has a new number, so readers see the change."""
    _delete(database, bot, person)
    row = {"bot": bot, "person": person, "persona": persona, "shares": shares, "through": through}
    database.sql.execute(sa.insert(personas).values(row))


def merge_personas(
    database: Database, into: PersonId, other: PersonId, accounts: Collection[Identity], now: float
) -> None:
    """Have ``into`` be of its persona, or else of that of ``other``, until it is counted again.

    Args:
        database: inside the transaction that links the two.
        into: the person that both are from now on.
        other: the person that ends.
        accounts: those of ``other``. The persona that it is of no more is trained without what they gave.
        now: the present, in seconds since 1970.
    """
    have = _personas(database, into)
    for bot, ended in _personas(database, other).items():
        kept = have.get(bot) or ended
        if ended and ended != kept:
            leave_group(database, bot, ended, accounts, now)
        _delete(database, bot, other)
        have[bot] = kept
    for bot, kept in have.items():
        write_persona(database, bot, into, kept, None, 0)


def split_personas(database: Database, before: PersonId, after: Collection[PersonId]) -> None:
    """Have people who were one person until now be of its persona, until each of them is counted again."""
    for bot, persona in _personas(database, before).items():
        _delete(database, bot, before)
        for person in after:
            write_persona(database, bot, person, persona, None, 0)


def _personas(database: Database, person: PersonId) -> dict[str, str]:
    """A person's persona, by bot."""
    query = sa.select(personas.c.bot, personas.c.persona).where(personas.c.person == person)
    return {row.bot: row.persona for row in database.sql.execute(query)}


def _delete(database: Database, bot: str, person: PersonId) -> None:
    database.sql.execute(sa.delete(personas).where(personas.c.bot == bot, personas.c.person == person))
