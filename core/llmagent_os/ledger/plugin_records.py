"""Plugins' records in the ledger: the table ``records``."""

from __future__ import annotations

import time
from datetime import datetime

import sqlalchemy as sa

from llmagent_os.identity import Identity, PersonId
from llmagent_os.ledger.connection import Database
from llmagent_os.ledger.damaged_rows import UNREADABLE, put_aside
from llmagent_os.ledger.identity_links import identities_of, linked, person_of
from llmagent_os.ledger.portable import upsert
from llmagent_os.ledger.schema import records
from llmagent_os.ledger.sealed_columns import sealed_values
from llmagent_os.ledger.writer import Writer
from llmagent_os.records import Record, decode_record, encode_record

_BODY: sa.ColumnElement[object] = sa.literal_column("excluded.body")
_PUT = upsert(records, {"body": _BODY})  # with whom a record is shared stays


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


def prune_records(database: Database) -> int:
    """Delete the agent's own records that are too old. Returns how many."""
    count = 0
    for plugin, prefix, days in _EXPIRING:
        before = time.time() - days * 86_400
        theirs = (records.c.plugin == plugin, records.c.key.startswith(prefix))
        for row in database.sql.execute(sa.select(records).where(*theirs)).mappings().all():
            if _moment(row["body"]) < before:
                this = (records.c.user_id == row["user_id"], records.c.plugin == plugin, records.c.key == row["key"])
                count += database.sql.execute(sa.delete(records).where(*this)).rowcount
    return count


def _moment(body: str) -> float:
    """When a record was made; 0: it does not say so, or cannot be read."""
    try:
        return datetime.fromisoformat(decode_record(body)["at"]).timestamp()
    except (*UNREADABLE, KeyError, TypeError, ValueError):
        return 0.0


def read_holder(database: Database, plugin: str, key: str) -> Identity | None:
    """The account that has a record of ``plugin`` under ``key``. None: no account has, or several have."""
    rows = sa.select(records.c.user_id).where(records.c.plugin == plugin, records.c.key == key).limit(2)
    found = [*database.sql.scalars(rows)]
    return Identity(found[0]) if len(found) == 1 else None


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
        def work(database: Database) -> Record | None:
            return dict(self._read(database, key)).get(key)

        return await self._writer.run(work)

    async def put(self, key: str, record: Record) -> None:
        body = encode_record(key, record)

        def work(database: Database) -> None:
            who = identities_of(database, self._identity)
            owner = self._identity
            if len(who) > 1:
                found = set(database.sql.scalars(sa.select(records.c.user_id).where(*self._under(who, key))))
                owner = next((identity for identity in who if identity in found), owner)
            row = {"user_id": owner, "plugin": self._plugin, "key": key, "body": body}
            database.sql.execute(_PUT, sealed_values(database, records, owner, row))

        await self._writer.run(work)

    async def delete(self, key: str) -> bool:
        def work(database: Database) -> bool:
            # Under all identities: what was deleted must not come back as another identity's record of the same key.
            who = identities_of(database, self._identity)
            return database.sql.execute(sa.delete(records).where(*self._under(who, key))).rowcount > 0

        return await self._writer.run(work)

    async def items(self) -> list[tuple[str, Record]]:
        return await self._writer.run(self._read)

    def _read(self, database: Database, key: str | None = None) -> list[tuple[str, Record]]:
        """The records, sorted by key; of two under one key, that of the earlier identity. Damaged ones are put aside:
        the plugin finds none, and the next that it keeps under the same key would overwrite the damaged one.
        """
        who = identities_of(database, self._identity)
        rank = {identity: number for number, identity in enumerate(who)}
        rows = database.sql.execute(sa.select(records).where(*self._under(who, key))).mappings().all()
        found: dict[str, Record] = {}
        for row in sorted(rows, key=lambda row: (row["key"], rank[row["user_id"]])):
            if row["key"] in found:
                continue
            try:
                found[row["key"]] = decode_record(row["body"])
            except UNREADABLE as error:
                put_aside(database, records, {**row}, row["user_id"], error)
        return list(found.items())

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
        def work(database: Database) -> list[tuple[PersonId, Record]]:
            query = sa.select(records).where(records.c.plugin == self._plugin, records.c.key == key)
            found: dict[PersonId, tuple[int, Record]] = {}
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
                    found[person] = (rank, record)
            return [(person, record) for person, (_, record) in found.items()]

        return await self._writer.run(work)
