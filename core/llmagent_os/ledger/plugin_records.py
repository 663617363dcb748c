"""Plugins' records in the ledger: the table ``records``."""

from __future__ import annotations

import time
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from llmagent_os.identity import NO_ACCOUNT, Identity, PersonId
from llmagent_os.ledger.damaged_rows import UNREADABLE, put_aside
from llmagent_os.ledger.database import Database
from llmagent_os.ledger.identity_links import identities_of, linked, person_of
from llmagent_os.ledger.portable import upsert
from llmagent_os.ledger.schema import records
from llmagent_os.ledger.sealed_columns import sealed_values
from llmagent_os.ledger.writer import Writer
from llmagent_os.records import SHORT_LIVED, Record, decode_record, encode_record, newer_record

_BODY: sa.ColumnElement[object] = sa.literal_column("excluded.body")
_VERSION: sa.ColumnElement[object] = sa.literal_column("excluded.version")
_PUT = upsert(records, {"body": _BODY, "version": _VERSION})  # with whom a record is shared stays


#: How long questions stay whether a call of a model is made, with the arguments of the call.
KEEP_QUESTION_DAYS = 1
#: How long an unfinished form stays, with what was filled in.
KEEP_FORM_DAYS = 1
#: How long it stays noted in which conversations a person was told what languages the model understands.
KEEP_TOLD_DAYS = 90
#: The agent's own records that end: the plugin, how the key begins, and the days after the moment ``at`` of the record.
_EXPIRING = (
    ("agent.approvals", "question:", KEEP_QUESTION_DAYS),
    ("agent", "model-language:", KEEP_TOLD_DAYS),
    ("agent.forms", "open:", KEEP_FORM_DAYS),
)


#: How many records are looked at in one step: the ledger's other work comes in between.
PRUNED_AT_ONCE = 500

#: Where a step begins: behind the record with this account, plugin and key.
PruneCursor = tuple[str, str, str]


def prune_records(database: Database, after: PruneCursor) -> tuple[int, PruneCursor | None]:
    """Delete those of the next :data:`PRUNED_AT_ONCE` of the agent's and the adapters' own records that are too old.

    Returns:
        How many were deleted, and where the next step begins; None: this one was the last.
    """
    place = (records.c.user_id, records.c.plugin, records.c.key)
    theirs = sa.or_(
        *(sa.and_(records.c.plugin == plugin, records.c.key.startswith(prefix)) for plugin, prefix, _ in _EXPIRING),
        sa.and_(records.c.user_id == NO_ACCOUNT, sa.or_(*map(records.c.key.startswith, SHORT_LIVED))),
    )
    query = sa.select(records).where(theirs, sa.tuple_(*place) > sa.tuple_(*map(sa.literal, after))).order_by(*place)
    rows = database.sql.execute(query.limit(PRUNED_AT_ONCE)).mappings().all()
    count, now = 0, time.time()
    for row in rows:
        if _end(row["plugin"], row["key"], row["body"]) < now:
            this = (records.c.user_id == row["user_id"], records.c.plugin == row["plugin"], records.c.key == row["key"])
            count += database.sql.execute(sa.delete(records).where(*this)).rowcount
    if len(rows) < PRUNED_AT_ONCE:
        return count, None
    return count, (rows[-1]["user_id"], rows[-1]["plugin"], rows[-1]["key"])


def _end(plugin: str, key: str, body: str) -> float:
    """When a record ends; a moment that is over: it does not say so, or cannot be read."""
    try:
        record = decode_record(body)
        for expiring, prefix, days in _EXPIRING:
            if plugin == expiring and key.startswith(prefix):
                return datetime.fromisoformat(record["at"]).timestamp() + days * 86_400
        return float(record["until"])
    except (*UNREADABLE, KeyError, TypeError, ValueError):
        return 0.0


def read_holder(database: Database, plugin: str, key: str) -> Identity | None:
    """The account that has a record of ``plugin`` under ``key``. None: no account has, or several have."""
    rows = sa.select(records.c.user_id).where(records.c.plugin == plugin, records.c.key == key).limit(2)
    found = [*database.sql.scalars(rows)]
    return Identity(found[0]) if len(found) == 1 else None


def read_every(database: Database, plugin: str) -> list[tuple[Identity, str, Record]]:
    """All records of ``plugin`` with their keys and accounts. Damaged ones are put aside."""
    found: list[tuple[Identity, str, Record]] = []
    for row in database.sql.execute(sa.select(records).where(records.c.plugin == plugin)).mappings().all():
        try:
            found.append((Identity(row["user_id"]), row["key"], decode_record(row["body"])))
        except UNREADABLE as error:
            put_aside(database, records, {**row}, row["user_id"], error)
    return found


class _Found(NamedTuple):
    """A record that was read."""

    key: str
    record: Record
    version: int
    owner: Identity  #: under whom it is kept


class LedgerRecords:
    """One plugin's records about one person.

    A person may have several identities. A new record is kept under the identity that acts; a record that is there is
    changed where it is. So every identity keeps its own records when it is unlinked. Where two identities have a record
    under the same key, the one that acts sees its own, and otherwise that of the identity that was linked first.
    """

    def __init__(self, writer: Writer, plugin: str, identity: Identity) -> None:
        """Use ``Ledger.records``."""
        self._writer = writer
        self._plugin = plugin
        self._identity = identity

    async def get(self, key: str) -> Record | None:
        return next((record for _, record, _ in await self.versions(key)), None)

    async def put(self, key: str, record: Record) -> None:
        await self.put_version(key, record, 1)

    async def put_version(self, key: str, record: Record, version: int) -> None:
        body = encode_record(key, record)

        def work(database: Database) -> None:
            who = identities_of(database, self._identity)
            self._check_newer(database, who, key, version)
            owner = self._identity
            if len(who) > 1:
                found = set(database.sql.scalars(sa.select(records.c.user_id).where(*self._under(who, key))))
                owner = next((identity for identity in who if identity in found), owner)
            row = {"user_id": owner, "plugin": self._plugin, "key": key, "body": body, "version": version}
            database.sql.execute(_PUT, sealed_values(database, records, owner, row))

        await self._writer.run(work)

    async def delete(self, key: str, version: int | None = None) -> bool:
        def work(database: Database) -> bool:
            # Under all identities: what was deleted must not come back as another identity's record of the same key.
            who = identities_of(database, self._identity)
            if version is not None:
                self._check_newer(database, who, key, version)
            return database.sql.execute(sa.delete(records).where(*self._under(who, key))).rowcount > 0

        return await self._writer.run(work)

    async def items(self) -> list[tuple[str, Record]]:
        return [(key, record) for key, record, _ in await self.versions(None)]

    async def versions(self, key: str | None) -> list[tuple[str, Record, int]]:
        def work(database: Database) -> list[tuple[str, Record, int]]:
            return [(each.key, each.record, each.version) for each in self._read(database, key)]

        return await self._writer.run(work)

    async def replace(self, key: str, old: Record, of: int, new: Record | None, version: int) -> bool:
        body = None if new is None else encode_record(key, new)

        def work(database: Database) -> bool:
            there = next(iter(self._read(database, key)), None)
            if there is None or (there.record, there.version) != (old, of):
                return False
            this = self._under([there.owner], key)
            if body is None:
                database.sql.execute(sa.delete(records).where(*this))
            else:
                values = sealed_values(database, records, there.owner, {"body": body, "version": version})
                database.sql.execute(sa.update(records).where(*this).values(values))
            return True

        return await self._writer.run(work)

    async def count(self) -> int:
        def work(database: Database) -> int:
            theirs = self._under(identities_of(database, self._identity))
            return database.sql.execute(sa.select(sa.func.count()).select_from(records).where(*theirs)).scalar_one()

        return await self._writer.run(work, reads=True)

    async def size(self, *, but: str) -> int:
        def work(database: Database) -> int:
            theirs = self._under(identities_of(database, self._identity))
            total = sa.select(sa.func.sum(sa.func.length(records.c.body))).where(*theirs, records.c.key != but)
            return int(database.sql.execute(total).scalar() or 0)

        return await self._writer.run(work, reads=True)

    def _check_newer(self, database: Database, who: list[Identity], key: str, version: int) -> None:
        newest = sa.select(sa.func.max(records.c.version)).where(*self._under(who, key))
        found = database.sql.execute(newest).scalar()
        if found is not None and found > version:
            raise newer_record(key, found)

    def _read(self, database: Database, key: str | None = None) -> list[_Found]:
        """The records, sorted by key; of two under one key, that of the earlier identity. Damaged ones are put aside:
        the plugin finds none, and the next that it keeps under the same key would overwrite the damaged one.
        """
        who = identities_of(database, self._identity)
        rank = {identity: number for number, identity in enumerate(who)}
        rows = database.sql.execute(sa.select(records).where(*self._under(who, key))).mappings().all()
        found: dict[str, _Found] = {}
        for row in sorted(rows, key=lambda row: (row["key"], rank[row["user_id"]])):
            if row["key"] in found:
                continue
            try:
                record = decode_record(row["body"])
            except UNREADABLE as error:
                put_aside(database, records, {**row}, row["user_id"], error)
                continue
            found[row["key"]] = _Found(row["key"], record, row["version"], row["user_id"])
        return list(found.values())

    def _under(self, who: list[Identity], key: str | None = None) -> list[sa.ColumnElement[bool]]:
        found: list[sa.ColumnElement[bool]] = [records.c.user_id.in_(who), records.c.plugin == self._plugin]
        return found if key is None else [*found, records.c.key == key]


class LedgerSharedRecords:
    """What all people keep with one plugin. Nothing is kept anew: each document stays its person's."""

    def __init__(self, writer: Writer, plugin: str) -> None:
        """Use ``Ledger.shared_records``."""
        self._writer = writer
        self._plugin = plugin

    async def under(self, key: str) -> list[tuple[PersonId, Record]]:
        return [(person, record) for person, record, _ in await self.versions_under(key)]

    async def versions_under(self, key: str) -> list[tuple[PersonId, Record, int]]:
        def work(database: Database) -> list[tuple[PersonId, Record, int]]:
            query = sa.select(records).where(records.c.plugin == self._plugin, records.c.key == key)
            found: dict[PersonId, tuple[int, Record, int]] = {}
            for row in database.sql.execute(query.order_by(records.c.user_id)).mappings().all():
                identity = Identity(row["user_id"])
                person, accounts = person_of(database, identity), linked(database, identity)
                rank = accounts.index(identity) if identity in accounts else 0
                try:
                    record = decode_record(row["body"])
                except UNREADABLE as error:
                    put_aside(database, records, {**row}, row["user_id"], error)
                    continue
                if person not in found or rank < found[person][0]:  # as LedgerRecords chooses among accounts
                    found[person] = (rank, record, row["version"])
            return [(person, record, version) for person, (_, record, version) in found.items()]

        return await self._writer.run(work)
