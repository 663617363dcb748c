"""What behaviour policies have learned: the tables ``policy_states``, ``policy_parts`` and those beside them.

The learned state is a cache: it can be learned again from the rewards. :mod:`~llmagent_os.ledger.policy_versions` has
the work on versions and snapshots.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

import msgspec
import sqlalchemy as sa

from llmagent_os.errors import LedgerError
from llmagent_os.identity import PersonId, first_identity_of
from llmagent_os.ledger import policy_versions as versions
from llmagent_os.ledger.database import Database
from llmagent_os.ledger.identity_links import identities_of
from llmagent_os.ledger.policy_changes import KEPT_ROWS, changed_since, drop_changes, note_changes
from llmagent_os.ledger.policy_sweep import delete_unused_bodies, due_sweep, end_sweep, next_parts, note_sweep
from llmagent_os.ledger.schema import policy_parts, policy_snapshots, policy_states, rewards
from llmagent_os.ledger.writer import Writer

#: The most rows that are learned again.
MOST_ROWS = 50_000

_COLUMNS = ("state", "through", "base", "floor", "revision", "stale_from", "epoch", "origin")

#: How many unused bodies are looked for in one transaction.
_SWEEP_BODIES = 64


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a state has learned."""

    state: int  #: the number of the state
    through: int  #: the row of the last reward that it was learned from
    base: int  #: the row up to which its parts have learned; what comes after it is learned again at a start
    floor: int  #: who was last heard up to this row may have no part: they are made of their own rewards; 0: nobody
    revision: int  #: rises with every change
    stale_from: int | None  #: the first row that it did not learn as the ledger has it now; None: it has learned all
    epoch: int  #: rises when rows of rewards go, or belong to another person
    origin: int  #: the row of the snapshot that it began with, whose parts it shares; 0: it began with nothing
    snapshots: tuple[int, ...]  #: the rows at which it can be taken up again, the first row first

    @property
    def is_new(self) -> bool:
        """Whether the state has learned nothing yet."""
        return not self.origin and self.through <= self.floor


class PolicyState:
    """Reads, stores and deletes the learned state of policies."""

    def __init__(self, writer: Writer) -> None:
        """Use the methods of ``Ledger``."""
        self._writer = writer
        #: called with the name of a policy inside every transaction that writes its state, before anything is written.
        #: It raises a LedgerError where this process may not write: it has lost the lease of the learner.
        self.guard: Callable[[Database, str], None] = _allow

    # ── the state that a policy decides by ────────────────────────────────────────────────────────────────────────

    async def read(self, policy: str, parts: Collection[str] | None = None) -> tuple[int | None, dict[str, bytes]]:
        """The state of ``policy``.

        Args:
            policy: its name.
            parts: read only these parts; None: all of them.

        Returns:
            The row of the last reward that its parts were learned from (None: nothing is stored), and by name the parts
            that are stored.
        """

        def work(database: Database) -> tuple[int | None, dict[str, bytes]]:
            found = _progress(database, policy, live=True)
            return (None, {}) if found is None else (found.base, versions.read_parts(database, found.state, parts))

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
            self.guard(database, policy)
            old = _progress(database, policy, live=True)
            _drop(database, policy)
            made = _insert(database, policy, live=True)
            revision = 0 if old is None else old.revision + 1
            return _changed(database, made.state, revision=revision)

        return await self._writer.run(work)

    async def note(self, was: Progress, through: int, changed: Sequence[tuple[int, str]]) -> Progress | None:
        """Store up to which row a state has learned, and whose rewards these were, but not what was learned.

        That is a function of the parts at ``base`` and of the rewards after it. So a crash loses nothing.

        Args:
            was: the state as it was last stored.
            through: the row of the last reward that was learned.
            changed: the row of each reward, and the person.

        Returns:
            The state as it is stored now; None: it has changed since it was read, and nothing was stored.
        """

        def work(database: Database) -> Progress | None:
            now = self._guarded(database, was.state)
            if now is None or (now.through, now.epoch) != (was.through, was.epoch):
                return None
            note_changes(database, now.state, changed)
            row = max(now.through, through)  # after a start, rows are learned again that were noted before
            return _changed(database, now.state, through=row, revision=now.revision + 1)

        return await self._writer.run(work, lasting=False)

    async def changed_since(self, state: int, through: int) -> list[tuple[int, str]]:
        """The rows of rewards after row ``through`` that a state has learned lately, and whose they are, in order."""
        return await self._writer.run(lambda database: changed_since(database, state, through))

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
            now = self._guarded(database, was.state)
            if now is None or (now.through, now.epoch) != (was.through, was.epoch):
                return None
            if stale_from is not None:
                if now.stale_from is None and 0 < now.base < stale_from:
                    versions.add_snapshot(database, now.state, now.base)
                _changed(database, now.state, stale_from=min(stale_from, now.stale_from or stale_from))
            versions.write_parts(database, now.state, through, parts)
            drop_changes(database, now.state, before=through - KEPT_ROWS, after=through)
            _changed(database, now.state, through=through, base=through, revision=now.revision + 1)
            last = max((*now.snapshots, now.origin))
            if now.stale_from is None and stale_from is None and through - last >= versions.SNAPSHOT_ROWS:
                versions.add_snapshot(database, now.state, through)
            return _progress_of(database, now.state)

        return await self._writer.run(work, lasting=False)

    async def rewind(self, was: Progress, through: int) -> Progress | None:
        """Take the state of a policy back to its snapshot at row ``through``; None: it has changed since it was read.

        It is not stale any more, since a snapshot is what the ledger says.
        """

        def work(database: Database) -> Progress | None:
            now = self._guarded(database, was.state)
            if now is None or now.epoch != was.epoch or through not in now.snapshots:
                return None
            _drop_children(database, now.state)
            versions.rewind(database, now.state, through)
            return _changed(database, now.state, stale_from=None, epoch=now.epoch + 1, revision=now.revision + 1)

        return await self._writer.run(work)

    # ── a state that is being learned again ───────────────────────────────────────────────────────────────────────

    async def second(self, policy: str) -> Progress | None:
        """The state of ``policy`` that is being learned again; it is begun where there is none.

        It begins at the newest snapshot of the state that the policy decides by, whose parts it shares. Where more than
        :data:`MOST_ROWS` rows came after that, it begins with nothing, so many rows before the end. Its ``floor`` is
        there: who was not heard since is made of their own rewards when they write. None: the policy has no state, or
        its state is what the ledger says.
        """

        def work(database: Database) -> Progress | None:
            live = _progress(database, policy, live=True)
            if live is None or live.stale_from is None:
                return None
            found = _progress(database, policy, live=False)
            if found is not None:
                return found
            self.guard(database, policy)
            last = database.sql.execute(sa.select(sa.func.max(rewards.c.seq))).scalar() or 0
            origin, made = max(live.snapshots, default=0), _insert(database, policy, live=False)
            floor = min(live.floor, origin)
            if last - origin > MOST_ROWS:  # it begins with nothing, and people of before are made of their own rewards
                origin, floor = 0, last - MOST_ROWS
            start, parent = max(origin, floor), live.state if origin else None
            values = {"parent": parent, "origin": origin, "floor": floor, "through": start, "base": start}
            return _changed(database, made.state, **values)

        return await self._writer.run(work)

    async def swap(self, policy: str, live: Progress, second: Progress) -> Progress | None:
        """Have ``policy`` decide by the state that was learned again, and delete the other one.

        Returns:
            The state; None: one of the two has changed since it was read, and nothing was done.
        """

        def work(database: Database) -> Progress | None:
            self.guard(database, policy)
            pairs = ((live, _progress(database, policy, live=True)), (second, _progress(database, policy, live=False)))
            if any(now is None or (now.state, now.epoch, now.through) != _key(was) for was, now in pairs):
                return None
            versions.replace_state(database, live.state, second.state)
            values = {"through": second.through, "base": second.through, "floor": second.floor, "stale_from": None}
            numbers = {"epoch": max(live.epoch, second.epoch) + 1, "revision": live.revision + 1}
            return _changed(database, live.state, **values, **numbers)

        return await self._writer.run(work)

    async def distrust(self, policy: str) -> None:
        """Delete the state that is being learned again, and the snapshot that it began at: a part is damaged."""

        def work(database: Database) -> None:
            self.guard(database, policy)
            second, live = (_progress(database, policy, live=live) for live in (False, True))
            if second is not None:
                versions.drop_state(database, second.state)
            if live is not None and live.snapshots:
                here = policy_snapshots.c.state == live.state
                database.sql.execute(
                    sa.delete(policy_snapshots).where(here, policy_snapshots.c.through == max(live.snapshots))
                )
                note_sweep(database)

        await self._writer.run(work)

    def _guarded(self, database: Database, state: int) -> Progress | None:
        """The state; None: it is gone. Raises what :attr:`guard` does."""
        query = sa.select(policy_states.c.policy).where(policy_states.c.state == state)
        policy: str | None = database.sql.execute(query).scalar()
        if policy is None:
            return None
        self.guard(database, policy)
        return _progress_of(database, state)

    # ── deleting ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def lose(self, state: int, person: PersonId) -> None:
        """Note that the part of a person cannot be read: what was learned of the person has to be learned again."""

        def work(database: Database) -> None:
            if self._guarded(database, state) is None:
                return
            first = versions.first_row(database, users=identities_of(database, first_identity_of(person)))
            versions.mark_changed(database, (first,), (person,))
            versions.remove_part(database, state, person)

        await self._writer.run(work)

    async def drop(self, policy: str) -> None:
        """Delete all states of ``policy``. The rewards stay, so that it can be learned again."""

        def work(database: Database) -> None:
            self.guard(database, policy)
            _drop(database, policy)

        await self._writer.run(work)

    async def sweep(self) -> None:
        """Delete what no state needs, a few at a time, so that other work of the ledger comes in between."""
        due = await self._writer.run(due_sweep)
        if due is None:
            return
        part: tuple[int, str] | None = (0, "")
        while part is not None:
            part = await self._writer.run(partial(_pruned, after=part), lasting=False)
        after: int | None = 0
        while after is not None:
            work = partial(delete_unused_bodies, after=after, limit=_SWEEP_BODIES)
            after = await self._writer.run(work, lasting=False)
        await self._writer.run(lambda database: end_sweep(database, due), lasting=False)


def _allow(_database: Database, _policy: str) -> None:
    """Let every process write: there is one."""


def _pruned(database: Database, after: tuple[int, str]) -> tuple[int, str] | None:
    """Prune the next parts after one of them. Returns the last of these; None: there are no more."""
    found = next_parts(database, after, _SWEEP_BODIES)
    for state in {state for state, _ in found}:
        these = policy_parts.c.part.in_([part for its, part in found if its == state])
        versions.prune(database, state, these)
    return found[-1] if len(found) == _SWEEP_BODIES else None


def _progress(database: Database, policy: str, *, live: bool) -> Progress | None:
    here = (policy_states.c.policy == policy, policy_states.c.live == sa.literal(live))
    state: int | None = database.sql.execute(sa.select(policy_states.c.state).where(*here)).scalar()
    return None if state is None else _progress_of(database, state)


def _progress_of(database: Database, state: int) -> Progress | None:
    row = database.sql.execute(sa.select(policy_states).where(policy_states.c.state == state)).first()
    if row is None:
        return None
    kept = {name: getattr(row, name) for name in _COLUMNS}
    return Progress(**kept, snapshots=tuple(versions.snapshots_of(database, state)))


def _insert(database: Database, policy: str, *, live: bool) -> Progress:
    values = {"policy": policy, "live": live, "through": 0, "stale_from": None, "epoch": 0}
    key = database.sql.execute(sa.insert(policy_states).values(values)).inserted_primary_key
    made = None if key is None else _progress_of(database, key[0])
    if made is None:
        raise LedgerError(f"the state of the policy {policy!r} cannot be stored: the database gave it no number")
    return made


def _changed(database: Database, state: int, **values: int | None) -> Progress:
    """Change values of a state that is there, and return the state."""
    database.sql.execute(sa.update(policy_states).where(policy_states.c.state == state).values(values))
    now = _progress_of(database, state)
    if now is None:
        raise LedgerError(f"the state {state} of a policy is gone: start again, and it is learned from the rewards")
    return now


def _drop_children(database: Database, state: int) -> None:
    """Delete the states that began with the parts of a state."""
    for row in database.sql.execute(sa.select(policy_states.c.state).where(policy_states.c.parent == state)).all():
        versions.drop_state(database, row.state)


def _drop(database: Database, policy: str) -> None:
    for row in database.sql.execute(sa.select(policy_states.c.state).where(policy_states.c.policy == policy)).all():
        versions.drop_state(database, row.state)


def _key(progress: Progress) -> tuple[int, int, int]:
    return progress.state, progress.epoch, progress.through
