"""Who was let in, and who asks to be: the tables ``members`` and ``requests``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from llmagent_os.ledger import sql
from llmagent_os.ledger.connection import Database
from llmagent_os.ledger.identities import own_first
from llmagent_os.ledger.schema import members, requests
from llmagent_os.ledger.writer import Writer

#: So many may ask at the same time. Whoever comes later is not answered before one of these is let in or expires.
MAX_REQUESTS = 100


class Standing(msgspec.Struct, frozen=True):
    """What is known about an identity at the door."""

    identities: tuple[str, ...]  #: of the same person, itself first
    approved: bool  #: one of them was let in


class Member(msgspec.Struct, frozen=True):
    """An identity that was let in."""

    identity: str
    name: str  #: what they were called then; they chose it themselves
    approved_at: datetime
    approved_by: str  #: an identity, or ``command line``


class Request(msgspec.Struct, frozen=True):
    """An identity that asks to be let in."""

    identity: str
    code: str
    name: str  #: what they are called; they chose it themselves
    expires_at: datetime
    new: bool = False  #: it has only now been made
    tell: bool = True  #: whether the code should be said (again)


class Members:
    """Those of a ledger."""

    def __init__(self, writer: Writer) -> None:
        """Use ``Ledger.members``."""
        self._writer = writer

    async def standing(self, identity: str) -> Standing:
        """Whether ``identity``, or another of the same person, was let in."""

        def work(database: Database) -> Standing:
            who = tuple(own_first(database, identity))
            return Standing(who, any(database.driver.execute(sql.member, (each,)).fetchone() for each in who))

        return await self._writer.run(work)

    async def ask(
        self, identity: str, name: str, code: str, event: str, now: datetime, *, valid: timedelta, again: timedelta
    ) -> Request | None:
        """Note that ``identity`` asks to be let in. Asking again gives the same code for as long as it is valid.

        Args:
            identity: who.
            name: what they are called.
            code: a new one, for where they have none.
            event: the key of what they did: run again after a crash, it gets the same answer.
            now: the present.
            valid: how long a code is good.
            again: so soon it is not to be said again.

        Returns:
            None: too many are asking already.
        """
        return await self._writer.run(
            lambda database: _ask(
                database,
                {"identity": identity, "name": name, "code": code, "told_for": event, "told_at": now.timestamp()},
                (now + valid).timestamp(),
                (now - again).timestamp(),
            )
        )

    async def approve(self, code: str, by: str, now: datetime) -> Member | None:
        """Let in whoever was told ``code``; the same again while the code is valid. None: nobody was."""

        def work(database: Database) -> Member | None:
            query = sa.select(requests).where(requests.c.code == code, requests.c.expires_at > now.timestamp())
            row = database.sql.execute(query).first()
            return None if row is None else _let_in(database, row.identity, row.name, by, now)

        return await self._writer.run(work)

    async def allow(self, identity: str, by: str, now: datetime) -> Member:
        """Let ``identity`` in without its asking."""
        return await self._writer.run(lambda database: _let_in(database, identity, "", by, now))

    async def revoke(self, identity: str) -> tuple[str, ...]:
        """Take back that ``identity``, and whatever is linked to it, was let in. Returns those that had been."""

        def work(database: Database) -> tuple[str, ...]:
            who = own_first(database, identity)
            database.sql.execute(sa.delete(requests).where(requests.c.identity.in_(who)))
            gone = sa.delete(members).where(members.c.identity.in_(who)).returning(members.c.identity)
            return tuple(sorted(database.sql.execute(gone).scalars()))

        return await self._writer.run(work)

    async def listed(self) -> list[Member]:
        """All who were let in, the first ones first."""
        query = sa.select(members).order_by(members.c.approved_at, members.c.identity)
        return await self._writer.run(lambda database: [_member(row) for row in database.sql.execute(query)])

    async def requests(self, now: datetime) -> list[Request]:
        """All who ask, those first whose codes end first."""
        waiting = sa.select(requests).where(_is_open(now.timestamp()))
        query = waiting.order_by(requests.c.expires_at, requests.c.identity)
        return await self._writer.run(lambda database: [_request(row) for row in database.sql.execute(query)])


def _is_open(now: float) -> sa.ColumnElement[bool]:
    return sa.and_(requests.c.expires_at > now, requests.c.identity.not_in(sa.select(members.c.identity)))


def _ask(database: Database, row: dict[str, Any], expires_at: float, said_since: float) -> Request | None:
    rows, now = database.sql.execute, float(row["told_at"])
    rows(sa.delete(requests).where(requests.c.expires_at <= now))
    mine = requests.c.identity == row["identity"]
    known = rows(sa.select(requests).where(mine)).first()
    if known is None:
        asking = rows(sa.select(sa.func.count()).select_from(requests).where(_is_open(now))).scalar_one()
        if asking >= MAX_REQUESTS:
            return None
        rows(sa.insert(requests).values({**row, "expires_at": expires_at}))
        return _request(rows(sa.select(requests).where(mine)).one(), new=True)
    if known.told_for != row["told_for"]:
        if known.told_at > said_since:
            return _request(known, tell=False)
        rows(sa.update(requests).where(mine).values(told_at=now, told_for=row["told_for"]))
    return _request(known)


def _let_in(database: Database, identity: str, name: str, by: str, now: datetime) -> Member:
    statement = insert(members).values(identity=identity, name=name, approved_at=now.timestamp(), approved_by=by)
    database.sql.execute(statement.on_conflict_do_nothing())
    return _member(database.sql.execute(sa.select(members).where(members.c.identity == identity)).one())


def _member(row: sa.Row[Any]) -> Member:
    return Member(row.identity, row.name, datetime.fromtimestamp(row.approved_at, UTC), row.approved_by)


def _request(row: sa.Row[Any], *, new: bool = False, tell: bool = True) -> Request:
    return Request(row.identity, row.code, row.name, datetime.fromtimestamp(row.expires_at, UTC), new, tell)
