"""Versions and snapshots of learned states, as functions inside the caller's transaction.

A part of a state is stored in versions. Each version names the row of rewards up to which it was learned. A read takes
the newest one. A snapshot is a row at which the state can be taken up again: it needs, of every part, the newest
version up to that row. A version that is neither the newest nor needed by a snapshot is deleted.

Up to each of its snapshots a state is what the ledger says. Where rows of rewards go, or belong to another person from
now on, :func:`mark_changed` drops the snapshots that come after the first of these rows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import sqlalchemy as sa

from llmagent_os.identity import Identity, PersonId
from llmagent_os.ledger.database import Database
from llmagent_os.ledger.portable import insert_or_ignore, upsert
from llmagent_os.ledger.schema import policy_bodies, policy_parts, policy_snapshots, policy_states, rewards

#: The rows between one snapshot and the next.
SNAPSHOT_ROWS = 512
#: The most snapshots of one state. The rows between two of them double with their age.
MAX_SNAPSHOTS = 10

#: The names of parts that are no person's are empty or begin with a zero character: they are less than this.
_FIRST_PERSON = "\x01"

_KEEP_PART = upsert(policy_parts)
_KEEP_SNAPSHOT = insert_or_ignore(policy_snapshots)


def read_parts(
    database: Database, state: int, names: Collection[str] | None = None, through: int | None = None
) -> dict[str, bytes]:
    """Read parts of a state.

    Args:
        database: inside a transaction.
        state: which state.
        names: only these parts; None: all of them.
        through: as they were at this row, which must be a snapshot; None: as they are now.
    """
    newest = _newest(state, names, through)
    query = sa.select(newest.c.part, policy_bodies.c.bytes).join(policy_bodies, policy_bodies.c.body == newest.c.body)
    return {row.part: bytes(row.bytes) for row in database.sql.execute(query)}


def stored_names(database: Database, state: int, names: Collection[str]) -> set[str]:
    """The parts of ``names`` that a state has."""
    newest = _newest(state, names, None)
    return {row.part for row in database.sql.execute(sa.select(newest.c.part).where(newest.c.body.is_not(None)))}


def _newest(state: int, names: Collection[str] | None, through: int | None) -> sa.Subquery:
    """The newest versions of parts, up to row ``through``."""
    here = policy_parts.c.state == state
    if names is not None:
        here &= policy_parts.c.part.in_(names)
    if through is not None:
        here &= policy_parts.c.through <= through
    last = sa.func.max(policy_parts.c.through).label("last")
    found = sa.select(policy_parts.c.part, last).where(here).group_by(policy_parts.c.part).subquery()
    is_last = (policy_parts.c.part == found.c.part) & (policy_parts.c.through == found.c.last)
    query = sa.select(policy_parts.c.part, policy_parts.c.body).join(found, is_last)
    return query.where(policy_parts.c.state == state).subquery()


def write_parts(database: Database, state: int, through: int, parts: Mapping[str, bytes]) -> None:
    """Store new versions of parts, and delete the versions that nothing needs any more."""
    if not parts:
        return
    snapshots = snapshots_of(database, state)
    kept = snapshots[-1] if snapshots else -1
    old = (policy_parts.c.state == state) & policy_parts.c.part.in_(parts) & (policy_parts.c.through > kept)
    _delete(database, old)
    version = max(through, kept + 1)  # a snapshot keeps its own versions, also where the state is still at its row
    for part, body in parts.items():
        (number,) = database.sql.execute(sa.insert(policy_bodies).values(bytes=body)).inserted_primary_key or (None,)
        row = {"state": state, "part": part, "through": version, "body": number}
        database.sql.execute(_KEEP_PART, row)


def snapshots_of(database: Database, state: int) -> list[int]:
    """The rows at which a state can be taken up again, the first row first."""
    query = sa.select(policy_snapshots.c.through).where(policy_snapshots.c.state == state)
    return [row.through for row in database.sql.execute(query.order_by(policy_snapshots.c.through))]


def add_snapshot(database: Database, state: int, through: int) -> None:
    """Make the present state, which was learned up to row ``through``, one that can be taken up again."""
    database.sql.execute(_KEEP_SNAPSHOT, {"state": state, "through": through})
    have = snapshots_of(database, state)
    if gone := set(have) - set(thinned(have, through)):
        here = policy_snapshots.c.state == state
        database.sql.execute(sa.delete(policy_snapshots).where(here, policy_snapshots.c.through.in_(gone)))
        prune(database, state)


def thinned(snapshots: Iterable[int], through: int) -> list[int]:
    """Choose the snapshots to keep: the oldest of every age from 1 to 2, 2 to 4, 4 to 8 … times :data:`SNAPSHOT_ROWS`.

    >>> thinned(range(0, 16 * 512 + 1, 512), 16 * 512)
    [0, 512, 4608, 6656, 7680, 8192]
    """
    by_age: dict[int, int] = {}
    for each in sorted(snapshots, reverse=True):
        by_age[((through - each) // SNAPSHOT_ROWS).bit_length()] = each
    return sorted(by_age.values())[-MAX_SNAPSHOTS:]


def prune(database: Database, state: int) -> None:
    """Delete the versions of a state that are neither the newest nor needed by a snapshot."""
    newer, between = policy_parts.alias(), policy_snapshots.alias()
    is_newer = (newer.c.state == state, newer.c.part == policy_parts.c.part, newer.c.through > policy_parts.c.through)
    next_one = sa.select(sa.func.min(newer.c.through)).where(*is_newer).correlate(policy_parts).scalar_subquery()
    first_snapshot = (
        sa.select(sa.func.min(between.c.through))
        .where(between.c.state == state, between.c.through >= policy_parts.c.through)
        .correlate(policy_parts)
        .scalar_subquery()
    )
    needed = sa.func.coalesce(first_snapshot < next_one, sa.false())
    _delete(database, (policy_parts.c.state == state) & next_one.is_not(None) & ~needed)


def rewind(database: Database, state: int, through: int) -> None:
    """Take a state back to its snapshot at row ``through``; 0: to where nothing was learned."""
    here = policy_snapshots.c.state == state
    database.sql.execute(sa.delete(policy_snapshots).where(here, policy_snapshots.c.through > through))
    # From row 0 on nothing is kept: versions at row 0 are of a state that was begun, and is begun again.
    _delete(database, (policy_parts.c.state == state) & (policy_parts.c.through > (through or -1)))
    database.sql.execute(sa.update(policy_states).where(policy_states.c.state == state).values(through=through))


def drop_state(database: Database, state: int) -> None:
    """Delete a state. The bytes of people's parts stay until :func:`delete_unused_bodies`."""
    _delete(database, policy_parts.c.state == state)
    for table in (policy_snapshots, policy_states):
        database.sql.execute(sa.delete(table).where(table.c.state == state))


def delete_unused_bodies(database: Database, after: int, limit: int) -> int | None:
    """Delete the bytes that no version has any more.

    Args:
        database: inside a transaction.
        after: look at the bodies after this number.
        limit: look at no more than this many.

    Returns:
        The number of the last body that was looked at; None: there are no more.
    """
    query = sa.select(policy_bodies.c.body).where(policy_bodies.c.body > after).order_by(policy_bodies.c.body)
    found = [row.body for row in database.sql.execute(query.limit(limit))]
    _delete_unused(database, found)
    return found[-1] if len(found) == limit else None


def first_row(
    database: Database, *, users: Collection[Identity] | None = None, raters: Collection[Identity] | None = None
) -> int | None:
    """The first row of rewards for replies to ``users`` that ``raters`` have given; None: there is none.

    Args:
        database: inside a transaction.
        users: the identities that were answered; None: any.
        raters: the identities that gave the rewards; None: any.
    """
    query = sa.select(sa.func.min(rewards.c.seq))
    for column, identities in ((rewards.c.user_id, users), (rewards.c.rater_id, raters)):
        if identities is not None:
            query = query.where(column.in_(identities))
    found: int | None = database.sql.execute(query).scalar()
    return found


def mark_changed(
    database: Database, rows: Iterable[int | None], people: Collection[PersonId] = (), *, erased: bool = False
) -> None:
    """Note that rows of rewards go, or belong to another person from now on.

    - Snapshots after the first of these rows are dropped.
    - The state that a policy decides by stays, without the parts of ``people``: the policy makes these again out of the
      people's own rows. It is stale from the first of the rows on.
    - A state that is being learned again goes back to its newest snapshot before these rows.

    Args:
        database: inside a transaction.
        rows: the first of the rows, of several kinds; None: there is none of a kind. If there is none at all, nothing
            has to be learned again.
        people: the people whose rows they are, as the parts name them.
        erased: whether a person is erased. Then the parts that are no person's go too, since they may name the person,
            and their bytes and those of the person's parts are deleted at once.
    """
    first = min((row for row in rows if row is not None), default=None)
    if first is None:
        return
    named = set[str](people)
    for row in database.sql.execute(sa.select(policy_states)).all():
        state, through = row.state, row.through
        values: dict[str, int] = {"epoch": row.epoch + 1}
        if first <= through:
            here = policy_snapshots.c.state == state
            database.sql.execute(sa.delete(policy_snapshots).where(here, policy_snapshots.c.through >= first))
            if row.live:
                values["stale_from"] = first if row.stale_from is None else min(first, row.stale_from)
                _mark_missing(database, state, through, named, erased=erased)
                prune(database, state)
            else:
                rewind(database, state, max(snapshots_of(database, state), default=0))
        database.sql.execute(sa.update(policy_states).where(policy_states.c.state == state).values(values))


def _mark_missing(database: Database, state: int, through: int, people: set[str], *, erased: bool) -> None:
    """Take parts out of a state. Snapshots may still have older versions of them."""
    here = policy_parts.c.state == state
    gone = here & policy_parts.c.part.in_(people)
    if erased:
        gone |= here & _is_no_person()
    last = max(snapshots_of(database, state), default=-1)
    names = [row.part for row in database.sql.execute(sa.select(policy_parts.c.part).where(gone).distinct())]
    _delete(database, gone & (policy_parts.c.through > last))
    stay = here & policy_parts.c.part.in_(names)  # in snapshots
    version = max(through, last + 1)
    for row in database.sql.execute(sa.select(policy_parts.c.part).where(stay).distinct()).all():
        database.sql.execute(_KEEP_PART, {"state": state, "part": row.part, "through": version, "body": None})


def remove_part(database: Database, state: int, part: str) -> None:
    """Take one part out of a state."""
    row = database.sql.execute(sa.select(policy_states.c.through).where(policy_states.c.state == state)).first()
    if row is not None:
        _mark_missing(database, state, row.through, {part}, erased=False)


def _is_no_person() -> sa.ColumnElement[bool]:
    return policy_parts.c.part < _FIRST_PERSON


#: How many bodies are deleted together with their versions. Of more of them, only those that may name people are: to
#: overwrite all of them at once would hold up everything else that the ledger has to do.
_BODIES_AT_ONCE = 256


def _delete(database: Database, which: sa.ColumnElement[bool]) -> None:
    """Delete versions, and their bytes where no other version has them."""
    query = sa.select(policy_parts.c.body, _is_no_person().label("shared")).where(which)
    rows = [row for row in database.sql.execute(query) if row.body is not None]
    database.sql.execute(sa.delete(policy_parts).where(which))
    if len(rows) > _BODIES_AT_ONCE:
        rows = [row for row in rows if row.shared]
    _delete_unused(database, [row.body for row in rows])


def _delete_unused(database: Database, bodies: list[int]) -> None:
    for start in range(0, len(bodies), _BODIES_AT_ONCE):
        these = policy_bodies.c.body.in_(bodies[start : start + _BODIES_AT_ONCE])
        used = sa.select(policy_parts.c.body).where(policy_parts.c.body == policy_bodies.c.body).exists()
        database.sql.execute(sa.delete(policy_bodies).where(these, ~used))
