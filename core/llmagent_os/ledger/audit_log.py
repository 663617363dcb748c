"""What admins and approvals did: the table ``audit``, which is only added to."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from llmagent_os.identity import Identity
from llmagent_os.ledger.database import Database
from llmagent_os.ledger.row_codecs import moment_as_json, readable_moment
from llmagent_os.ledger.schema import audit, interactions
from llmagent_os.ledger.writer import Writer


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was done."""

    at: datetime  #: UTC
    actor: str  #: an identity, a pseudonym after the person was forgotten, or ``command line``
    role: str  #: of the actor then
    action: str  #: such as ``approve``
    subject: str = ""  #: whom or what it was done to: an identity, a pseudonym, or empty
    detail: str = ""  #: more about it, without ids of people and without what they said


class AuditLog:
    """Adds entries and reads them. Nothing changes an entry, except that an erasure puts pseudonyms into it."""

    def __init__(self, writer: Writer) -> None:
        """Use ``Ledger.audit``."""
        self._writer = writer

    async def add(self, entry: AuditEntry) -> None:
        """Add ``entry``.

        Raises:
            LedgerError: it cannot be written.
        """
        row = {**msgspec.structs.asdict(entry), "at": entry.at.timestamp()}
        await self._writer.run(lambda database: database.sql.execute(sa.insert(audit).values(**row)))

    async def latest(self, limit: int, *, by: str = "", of: Collection[str] | None = None) -> list[AuditEntry]:
        """The last entries, newest first.

        Args:
            limit: how many.
            by: with ``of``: what this account did is among them too.
            of: only what was done to accounts of these workspaces, or in them where no account is the subject. What
                was done to people who were forgotten since belongs to no workspace. None: everything.
        """
        query = sa.select(audit).order_by(audit.c.seq.desc()).limit(limit)
        if of is not None:
            to_nobody = sa.and_(audit.c.subject == "", _in_workspaces(audit.c.actor, of))
            query = query.where(sa.or_(audit.c.actor == by, to_nobody, _in_workspaces(audit.c.subject, of)))
        return await self._writer.run(
            lambda database: [_entry(row) for row in database.sql.execute(query)], lasting=False
        )

    async def last_seen(self, accounts: Collection[str]) -> dict[str, datetime]:
        """When each of these accounts was last answered, or did something that is in the log. Some may be missing."""

        def work(database: Database) -> dict[str, datetime]:
            found: dict[str, datetime] = {}
            for account in accounts:
                did = sa.select(sa.func.max(audit.c.at)).where(audit.c.actor == account)
                said = sa.select(sa.func.max(interactions.c.created_at)).where(interactions.c.user_id == account)
                at = [moment for query in (did, said) if (moment := database.sql.execute(query).scalar()) is not None]
                if at and (last := readable_moment(max(at))) is not None:
                    found[account] = last
            return found

        return await self._writer.run(work, lasting=False, reads=True)


def _in_workspaces(column: sa.Column[Any], workspaces: Collection[str]) -> sa.ColumnElement[bool]:
    begins = [sa.func.substr(column, 1, len(each) + 1) == f"{each}:" for each in workspaces]
    return sa.or_(sa.false(), *begins)


def _entry(row: sa.Row[Any]) -> AuditEntry:
    return AuditEntry(
        at=readable_moment(row.at) or datetime.fromtimestamp(0, UTC),
        actor=row.actor,
        role=row.role,
        action=row.action,
        subject=row.subject,
        detail=row.detail,
    )


def exported_audit(database: Database, who: Collection[Identity]) -> list[dict[str, Any]]:
    """What people did, and what was done to them, as JSON values, oldest first. Others in it are left out."""
    names = [*who, *map(database.pseudonym, who)]
    about = audit.c.actor.in_(names) | audit.c.subject.in_(names)
    return [
        {"at": moment_as_json(row.at), "action": row.action, "detail": row.detail, "you did it": row.actor in who}
        for row in database.sql.execute(sa.select(audit).where(about).order_by(audit.c.seq))
    ]


def put_pseudonyms(database: Database, who: Collection[Identity]) -> int:
    """Put pseudonyms in the place of people who are erased. That an admin did something stays."""
    changed = 0
    for column in (audit.c.actor, audit.c.subject):
        for identity in who:
            theirs = sa.update(audit).where(column == identity)
            changed += database.sql.execute(theirs.values({column: database.pseudonym(identity)})).rowcount
    return changed
