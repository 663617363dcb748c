"""Which accounts administer a workspace or a group on its platform: the table ``platform_admins``.

A role is in the table from when the platform first confirms it until the platform says otherwise.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from llmagent_os.identity import Identity
from llmagent_os.ledger.database import Database
from llmagent_os.ledger.portable import upsert
from llmagent_os.ledger.row_codecs import moment_as_json, readable_moment
from llmagent_os.ledger.schema import platform_admins
from llmagent_os.ledger.writer import Writer

_CONFIRM = upsert(platform_admins, {"confirmed_at": sa.bindparam("again")})


class PlatformAdmin(msgspec.Struct, frozen=True):
    """One account that administers one place."""

    identity: Identity
    place: str  #: platform and workspace, ``slack:T1``; of a group its channel too, ``telegram::-1007``
    since: datetime  #: UTC
    confirmed_at: datetime  #: when the platform said it last, UTC


class PlatformAdmins:
    """Notes what platforms say about their admins."""

    def __init__(self, writer: Writer) -> None:
        """Use ``Ledger.platform_admins``."""
        self._writer = writer

    async def confirm(self, identity: Identity, place: str, now: datetime) -> bool:
        """Note that an account administers a place. Returns whether that is new.

        Raises:
            LedgerError: the ledger cannot be written.
        """
        at = now.timestamp()
        row = {"identity": identity, "place": place, "since": at, "confirmed_at": at, "again": at}

        def work(database: Database) -> bool:
            known = database.sql.execute(sa.select(platform_admins.c.place).where(_is(identity, place))).first()
            database.sql.execute(_CONFIRM, row)
            return known is None

        return await self._writer.run(work)

    async def take_back(self, identity: Identity, place: str) -> bool:
        """Note that an account does not administer a place. Returns whether it did.

        Raises:
            LedgerError: the ledger cannot be written.
        """
        gone = sa.delete(platform_admins).where(_is(identity, place))
        return await self._writer.run(lambda database: database.sql.execute(gone).rowcount > 0)

    async def listed(self) -> list[PlatformAdmin]:
        """All that are noted, by place."""
        query = sa.select(platform_admins).order_by(platform_admins.c.place, platform_admins.c.identity)
        return await self._writer.run(
            lambda database: [_admin(row) for row in database.sql.execute(query)], lasting=False
        )


def _is(identity: Identity, place: str) -> sa.ColumnElement[bool]:
    return sa.and_(platform_admins.c.identity == identity, platform_admins.c.place == place)


def _admin(row: sa.Row[Any]) -> PlatformAdmin:
    never = datetime.fromtimestamp(0, UTC)
    since, confirmed = readable_moment(row.since) or never, readable_moment(row.confirmed_at) or never
    return PlatformAdmin(Identity(row.identity), row.place, since, confirmed)


def exported_platform_admins(database: Database, who: Collection[Identity]) -> list[dict[str, Any]]:
    """What people administer on platforms, as JSON values."""
    theirs = sa.select(platform_admins).where(platform_admins.c.identity.in_(who)).order_by(platform_admins.c.place)
    return [
        {"place": row.place, "since": moment_as_json(row.since), "confirmed_at": moment_as_json(row.confirmed_at)}
        for row in database.sql.execute(theirs)
    ]
