"""What behaviour policies have learned: the tables ``policy_states``, ``policy_parts`` and those beside them.

The learned state is a cache: it can be learned again from the rewards. :mod:`~llmagent_os.ledger.policy_versions` has
the work on versions and snapshots.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial

import msgspec
import sqlalchemy as sa

from llmagent_os.errors import LedgerError
from llmagent_os.identity import PersonId, first_identity_of
from llmagent_os.ledger import policy_versions as versions
from llmagent_os.ledger.database import Database
from llmagent_os.ledger.identity_links import identities_of
from llmagent_os.ledger.schema import policy_parts, policy_snapshots, policy_states
from llmagent_os.ledger.writer import Writer

#: How many unused bodies are looked for in one transaction.
_SWEEP_BODIES = 64


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a state has learned."""

    state: int  #: the number of the state
    through: int  #: the row of the last reward that it was learned from
    stale_from: int | None  #: the first row that it did not learn as the ledger has it now; None: it has learned all
    epoch: int  #: rises when rows of rewards go, or belong to another person
    snapshots: tuple[int, ...]  #: the rows at which it can be taken up again, the first row first


class PolicyState:
    """Reads, stores and deletes the learned state of policies."""

    def __init__(self, writer: Writer) -> None:
        """Use the methods of ``Ledger``."""
        self._writer = writer

    # ── the state that a policy decides by ────────────────────────────────────────────────────────────────────────

    async def read(self, policy: str, parts: Collection[str] | None = None) -> tuple[int | None, dict[str, bytes]]:
        """The state of ``policy``.

        Args:
            policy: its name.
            parts: read only these parts; None: all of them.

        Returns:
            The row of the last reward that it was learned from (None: nothing is stored), and by name the parts that
            are stored.
        """

        def work(database: Database) -> tuple[int | None, dict[str, bytes]]:
            found = _progress(database, policy, live=True)
            return (None, {}) if found is None else (found.through, versions.read_parts(database, found.state, parts))

        return await self._writer.run(work)

    async def progress(self, policy: str) -> Progress | None:
        """How far the state of ``policy`` has learned; None: nothing is stored."""
        return await self._writer.run(lambda database: _progress(database, policy, live=True), reads=True)

    async def parts(self, state: int, names: Collection[str], through: int | None = None) -> dict[str, bytes]:
        """Parts of a state, by name, without those that are missing.

        Args:
            state: the number of the state.
            names: the names of the parts.
            through: as they were at this row, a snapshot; None: as they are now.
        """
        return await self._writer.run(lambda database: versions.read_parts(database, state, names, through), reads=True)

    async def stored(self, state: int, names: Collection[str]) -> set[str]:
        """The parts of ``names`` that a state has."""
        return await self._writer.run(lambda database: versions.stored_names(database, state, names), reads=True)

    async def begin(self, policy: str) -> Progress:
        """Store a state of ``policy`` that has learned nothing, in place of all that is stored."""

        def work(database: Database) -> Progress:
            _drop(database, policy)
            return _insert(database, policy, live=True, through=0)

        return await self._writer.run(work)

    async def advance(
        self, was: Progress, through: int, parts: Mapping[str, bytes], *, stale_from: int | None = None
    ) -> Progress | None:
        """Store what a state has learned from the rewards up to row ``through``: all of it, or nothing.

        A state that is not stale gets a snapshot whenever
        :data:`~llmagent_os.ledger.policy_versions.SNAPSHOT_ROWS` rows were learned since the last one.

        Args:
            was: the state as it was last stored.
            through: the row of the last reward that it was learned from.
            parts: those that have changed, by name.
            stale_from: the first row that was not learned, or not as the ledger has it; None: there is no new one.
                The state as it was stored gets a snapshot, if it was not stale.

        Returns:
            The state as it is stored now. None: nothing was stored. The state is gone or has moved on, or rows of
            rewards have changed since it was read (``epoch``).
        """

        def work(database: Database) -> Progress | None:
            now = _progress_of(database, was.state)
            if now is None or (now.through, now.epoch) != (was.through, was.epoch):
                return None
            if stale_from is not None:
                if now.stale_from is None and 0 < now.through < stale_from:
                    versions.add_snapshot(database, now.state, now.through)
                first = min(stale_from, now.stale_from or stale_from)
                here = policy_states.c.state == now.state
                database.sql.execute(sa.update(policy_states).where(here).values(stale_from=first))
            _write(database, now.state, through, parts)
            last = now.snapshots[-1] if now.snapshots else 0
            if now.stale_from is None and stale_from is None and through - last >= versions.SNAPSHOT_ROWS:
                versions.add_snapshot(database, now.state, through)
            return _progress_of(database, now.state)

        return await self._writer.run(work, lasting=False)

    async def rewind(self, was: Progress, through: int) -> Progress | None:
        """Take the state of a policy back to its snapshot at row ``through``; None: it has changed since it was read.

        It is not stale any more, since a snapshot is what the ledger says.
        """

        def work(database: Database) -> Progress | None:
            now = _progress_of(database, was.state)
            if now is None or now.epoch != was.epoch or through not in now.snapshots:
                return None
            versions.rewind(database, now.state, through)
            values = {"stale_from": None, "epoch": now.epoch + 1}
            database.sql.execute(sa.update(policy_states).where(policy_states.c.state == now.state).values(values))
            return _progress_of(database, now.state)

        return await self._writer.run(work)

    # ── a state that is being learned again ───────────────────────────────────────────────────────────────────────

    async def second(self, policy: str) -> Progress | None:
        """The state of ``policy`` that is being learned again; it is begun where there is none.

        It begins at the newest snapshot of the state that the policy decides by. None: the policy has no state, or its
        state is what the ledger says.
        """

        def work(database: Database) -> Progress | None:
            live = _progress(database, policy, live=True)
            if live is None or live.stale_from is None:
                return None
            found = _progress(database, policy, live=False)
            if found is not None:
                return found
            base = max(live.snapshots, default=0)
            made = _insert(database, policy, live=False, through=base)
            if base:
                for table in (policy_parts, policy_snapshots):
                    names = [column.name for column in table.c if column.name != "state"]
                    rest = [table.c[name] for name in names]
                    these = sa.select(sa.literal(made.state), *rest)
                    these = these.where(table.c.state == live.state, table.c.through <= base)
                    database.sql.execute(sa.insert(table).from_select(["state", *names], these))
                versions.prune(database, made.state)
            return _progress_of(database, made.state)

        return await self._writer.run(work)

    async def swap(self, policy: str, live: Progress, second: Progress) -> Progress | None:
        """Have ``policy`` decide by the state that was learned again, and delete the other one.

        Returns:
            The state; None: one of the two has changed since it was read, and nothing was done.
        """

        def work(database: Database) -> Progress | None:
            pairs = ((live, _progress(database, policy, live=True)), (second, _progress(database, policy, live=False)))
            if any(now is None or (now.state, now.epoch, now.through) != _key(was) for was, now in pairs):
                return None
            versions.drop_state(database, live.state)
            here = policy_states.c.state == second.state
            database.sql.execute(sa.update(policy_states).where(here).values(live=True))
            return _progress_of(database, second.state)

        return await self._writer.run(work)

    async def distrust(self, policy: str) -> None:
        """Delete the state that is being learned again, and the snapshot that it began at: a part is damaged."""

        def work(database: Database) -> None:
            second, live = (_progress(database, policy, live=live) for live in (False, True))
            if second is not None:
                versions.drop_state(database, second.state)
            if live is not None and live.snapshots:
                here = policy_snapshots.c.state == live.state
                database.sql.execute(
                    sa.delete(policy_snapshots).where(here, policy_snapshots.c.through == max(live.snapshots))
                )
                versions.prune(database, live.state)

        await self._writer.run(work)

    # ── deleting ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def lose(self, state: int, person: PersonId) -> None:
        """Note that the part of a person cannot be read: what was learned of the person has to be learned again."""

        def work(database: Database) -> None:
            first = versions.first_row(database, users=identities_of(database, first_identity_of(person)))
            versions.mark_changed(database, (first,), (person,))
            versions.remove_part(database, state, person)

        await self._writer.run(work)

    async def drop(self, policy: str) -> None:
        """Delete all states of ``policy``. The rewards stay, so that it can be learned again."""
        await self._writer.run(lambda database: _drop(database, policy))

    async def sweep(self) -> None:
        """Delete the bytes that no state needs, a few at a time, so that other work of the ledger comes in between."""
        after: int | None = 0
        while after is not None:
            work = partial(versions.delete_unused_bodies, after=after, limit=_SWEEP_BODIES)
            after = await self._writer.run(work, lasting=False)


def _progress(database: Database, policy: str, *, live: bool) -> Progress | None:
    here = (policy_states.c.policy == policy, policy_states.c.live == sa.literal(live))
    state: int | None = database.sql.execute(sa.select(policy_states.c.state).where(*here)).scalar()
    return None if state is None else _progress_of(database, state)


def _progress_of(database: Database, state: int) -> Progress | None:
    row = database.sql.execute(sa.select(policy_states).where(policy_states.c.state == state)).first()
    if row is None:
        return None
    snapshots = tuple(versions.snapshots_of(database, state))
    return Progress(state=state, through=row.through, stale_from=row.stale_from, epoch=row.epoch, snapshots=snapshots)


def _insert(database: Database, policy: str, *, live: bool, through: int) -> Progress:
    values = {"policy": policy, "live": live, "through": through, "stale_from": None, "epoch": 0}
    key = database.sql.execute(sa.insert(policy_states).values(values)).inserted_primary_key
    if key is None:
        raise LedgerError(f"the state of the policy {policy!r} cannot be stored: the database gave it no number")
    return Progress(state=key[0], through=through, stale_from=None, epoch=0, snapshots=())


def _write(database: Database, state: int, through: int, parts: Mapping[str, bytes]) -> None:
    versions.write_parts(database, state, through, parts)
    database.sql.execute(sa.update(policy_states).where(policy_states.c.state == state).values(through=through))


def _drop(database: Database, policy: str) -> None:
    for row in database.sql.execute(sa.select(policy_states.c.state).where(policy_states.c.policy == policy)).all():
        versions.drop_state(database, row.state)


def _key(progress: Progress) -> tuple[int, int, int]:
    return progress.state, progress.epoch, progress.through
