"""Who was let in, and who asks to be let in: the tables ``members`` and ``requests``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa

from llmagent_os.identity import Identity
from llmagent_os.ledger import statements
from llmagent_os.ledger.database import Database
from llmagent_os.ledger.identity_links import identities_of
from llmagent_os.ledger.portable import insert_or_ignore
from llmagent_os.ledger.row_codecs import readable_moment
from llmagent_os.ledger.schema import members, requests
from llmagent_os.ledger.sealed_columns import sealed_values
from llmagent_os.ledger.writer import Writer

#: How many identities may ask at the same time. Further ones get no answer until a request is approved or expires.
MAX_REQUESTS = 100


class Membership(msgspec.Struct, frozen=True):
    """Whether a person was let in."""

    identities: tuple[Identity, ...]  #: all identities of the person; the one that was asked about is first
    approved: bool  #: at least one of them was let in


class Member(msgspec.Struct, frozen=True):
    """An identity that was let in."""

    identity: Identity
    name: str  #: the name it had when it was let in, chosen by whoever has the identity
    approved_at: datetime  #: UTC
    approved_by: str  #: an identity, or ``command line``


class Request(msgspec.Struct, frozen=True):
    """An identity that asks to be let in."""

    identity: Identity
    code: str
    name: str  #: the name it has, chosen by whoever has the identity
    expires_at: datetime  #: UTC
    new: bool = False  #: the request was made just now
    tell: bool = True  #: whether to tell the person the code (again)


class Members:
    """Notes who asks to be let in, lets people in, and takes that back."""

    def __init__(self, writer: Writer) -> None:
        """Use ``Ledger.members``."""
        self._writer = writer

    async def membership(self, identity: Identity) -> Membership:
        """Whether ``identity``, or another identity of the same person, was let in."""

        def work(database: Database) -> Membership:
            who = tuple(identities_of(database, identity))
            member = statements.SELECT_MEMBER
            return Membership(
                who, any(database.execute(member, (each, database.pseudonym(each))).fetchone() for each in who)
            )

        return await self._writer.run(work, reads=True)

    async def ask(
        self, identity: Identity, name: str, code: str, event: str, now: datetime, *, valid: timedelta, again: timedelta
    ) -> Request | None:
        """Note that ``identity`` asks to be let in. Asking again gives the same code for as long as that is valid.

        Args:
            identity: who asks.
            name: the name that the person goes by.
            code: a new code, used where the identity has none.
            event: the key of the event that asks. Run again after a crash, the event gets the same answer.
            now: the present.
            valid: how long a code is good.
            again: how long the person is not told the code again.

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
        """Let in the identity whose request has ``code``. None: no request has it.

        While the code is valid, the same call has the same result.
        """

        def work(database: Database) -> Member | None:
            query = sa.select(requests).where(requests.c.code == code, requests.c.expires_at > now.timestamp())
            row = database.sql.execute(query).first()
            return None if row is None else _let_in(database, row.identity, row.name, by, now)

        return await self._writer.run(work)

    async def allow(self, identity: Identity, by: str, now: datetime) -> Member:
        """Let in ``identity``, which has not asked."""
        return await self._writer.run(lambda database: _let_in(database, identity, "", by, now))

    async def revoke(self, identity: Identity) -> tuple[Identity, ...]:
        """Take back that ``identity``, and all that it is linked to, was let in. Returns those that had been."""

        def work(database: Database) -> tuple[Identity, ...]:
            who = identities_of(database, identity)
            database.sql.execute(sa.delete(requests).where(requests.c.identity.in_(who)))
            gone: list[Identity] = []
            for each in who:
                rows = members.c.identity.in_([each, database.pseudonym(each)])
                if database.sql.execute(sa.delete(members).where(rows)).rowcount:
                    gone.append(each)
            return tuple(sorted(gone))

        return await self._writer.run(work)

    async def listed(self) -> list[Member]:
        """All identities that were let in, in the order in which they were."""
        query = sa.select(members).order_by(members.c.approved_at, members.c.identity)
        return await self._writer.run(
            lambda database: [_member(row) for row in database.sql.execute(query)], reads=True
        )

    async def requests(self, now: datetime) -> list[Request]:
        """All open requests; those that expire first come first."""
        waiting = sa.select(requests).where(_is_open(now.timestamp()))
        query = waiting.order_by(requests.c.expires_at, requests.c.identity)
        return await self._writer.run(
            lambda database: [_request(row) for row in database.sql.execute(query)], reads=True
        )


def _is_open(now: float) -> sa.ColumnElement[bool]:
    return sa.and_(requests.c.expires_at > now, requests.c.identity.not_in(sa.select(members.c.identity)))


def _ask(database: Database, row: dict[str, Any], expires_at: float, told_since: float) -> Request | None:
    rows, now = database.sql.execute, float(row["told_at"])
    rows(sa.delete(requests).where(requests.c.expires_at <= now))
    mine = requests.c.identity == row["identity"]
    known = rows(sa.select(requests).where(mine)).first()
    if known is None:
        asking = rows(sa.select(sa.func.count()).select_from(requests).where(_is_open(now))).scalar_one()
        if asking >= MAX_REQUESTS:
            return None
        new = sealed_values(database, requests, row["identity"], row)
        rows(sa.insert(requests).values({**new, "expires_at": expires_at}))
        return _request(rows(sa.select(requests).where(mine)).one(), new=True)
    if known.told_for != row["told_for"]:
        if known.told_at > told_since:
            return _request(known, tell=False)
        rows(sa.update(requests).where(mine).values(told_at=now, told_for=row["told_for"]))
    return _request(known)


def _let_in(database: Database, identity: Identity, name: str, by: str, now: datetime) -> Member:
    row = {"identity": identity, "name": name, "approved_at": now.timestamp(), "approved_by": by}
    database.sql.execute(insert_or_ignore(members), sealed_values(database, members, identity, row))
    return _member(database.sql.execute(sa.select(members).where(members.c.identity == identity)).one())


def _member(row: sa.Row[Any]) -> Member:
    return Member(row.identity, row.name, _moment(row.approved_at), row.approved_by)


def _request(row: sa.Row[Any], *, new: bool = False, tell: bool = True) -> Request:
    return Request(row.identity, row.code, row.name, _moment(row.expires_at), new, tell)


def _moment(seconds: float) -> datetime:
    """A moment, in seconds since 1970; 1970 where the row is damaged. Who was let in does not depend on it."""
    return readable_moment(seconds) or datetime.fromtimestamp(0, UTC)
