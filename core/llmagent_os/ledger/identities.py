"""Which identities are one person, in the table ``identities``, and the codes that join them.

Nothing that is kept ever moves: every row stays under the identity it was made on, and a person is a view over several.
That is why taking a link back gives each side exactly what was its own. Everything is looked up each time: another
process may have linked or unlinked in the meantime.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from enum import Enum

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from llmagent_os.ledger import sql
from llmagent_os.ledger.connection import Database
from llmagent_os.ledger.schema import guesses, identities, link_codes, policy_parts, policy_progress, rewards
from llmagent_os.ledger.writer import Writer

#: So many wrong codes may an identity give in an hour.
MAX_GUESSES = 5

#: So many identities may give wrong codes in an hour; then no code is looked at any more. Whoever has many accounts
#: gets no further with them than this.
MAX_GUESSERS = 1000

_HOUR = timedelta(hours=1)
_fills = msgspec.json.Decoder(dict[str, str])


class Refused(Enum):
    """Why a code did not join anything."""

    WRONG = "wrong"  #: there is no such code, or not any more
    OWN = "own"  #: it is the code of whoever gave it
    SAME = "same"  #: the two are one person already
    TOO_OFTEN = "too often"  #: too many wrong ones came before it


class Joined(msgspec.Struct, frozen=True):
    """What a code did."""

    person: str  #: who both are now
    joined: str  #: the person that the one who gave the code was until then
    issuer: str  #: the identity whose code it was


class Link(msgspec.Struct, frozen=True):
    """One identity of a person who has several."""

    identity: str
    person: str
    filled: dict[str, str] | None  #: the gaps of the profile that this one's filled; None: not seen to yet


class Identities:
    """The links of a ledger."""

    def __init__(self, writer: Writer, changed: Callable[[], None]) -> None:
        """Use ``Ledger.identities``. ``changed`` is called whenever somebody was linked or unlinked."""
        self._writer = writer
        self._changed = changed

    async def person(self, identity: str) -> str:
        """The person that ``identity`` is part of: another identity, or itself."""
        return await self._writer.run(lambda database: person(database, identity))

    async def everyone(self, identity: str) -> tuple[str, ...]:
        """All identities of the person, in the order in which they were linked; ``identity`` alone if it is not."""
        return await self._writer.run(lambda database: tuple(_linked(database, identity)) or (identity,))

    async def links(self, identity: str) -> list[Link]:
        """All that is linked to ``identity``, itself among it, in order; nothing if it is not."""
        return await self._writer.run(lambda database: _links(database, identity))

    async def issue(self, identity: str, code: str, now: datetime, valid: timedelta) -> None:
        """Keep ``code`` for ``identity`` in place of the one before."""
        values = {"code": code, "expires_at": (now + valid).timestamp(), "used_by": None, "joined": None}
        statement = insert(link_codes).values({"identity": identity, **values})
        statement = statement.on_conflict_do_update(index_elements=[link_codes.c.identity], set_=values)
        old = sa.delete(link_codes).where(link_codes.c.expires_at <= now.timestamp())

        def work(database: Database) -> None:
            database.sql.execute(old)
            database.sql.execute(statement)

        await self._writer.run(work)

    async def join(self, identity: str, code: str | None, now: datetime) -> Joined | Refused:
        """Make ``identity``, and whatever it is linked to, one person with whoever issued ``code``.

        One transaction. The same identity may give the same code again, after a crash: the answer is the same.

        Args:
            identity: who gave it.
            code: None: what was given is no code.
            now: the present.
        """
        return await self._writer.run(lambda database: _join(database, identity, code, now), lambda _: self._changed())

    async def note_fill(self, identity: str, filled: dict[str, str]) -> None:
        """Keep which gaps of the person's profile were filled from that of ``identity``."""
        raw = msgspec.json.encode(filled).decode()
        statement = sa.update(identities).where(identities.c.identity == identity).values(filled=raw)
        await self._writer.run(lambda database: database.sql.execute(statement).rowcount)

    async def leave(self, identity: str) -> str | None:
        """Take ``identity`` out of its person.

        Returns:
            The person that the others are now, who may be one identity alone; None: it was linked to nothing.
        """
        return await self._writer.run(lambda database: _leave(database, identity), lambda _: self._changed())


def person(database: Database, identity: str) -> str:
    """The person that ``identity`` is part of, inside the caller's transaction."""
    row = database.driver.execute(sql.person, (identity,)).fetchone()
    return identity if row is None else str(row[0])


def own_first(database: Database, identity: str) -> list[str]:
    """``identity`` and then the others of its person, in order, inside the caller's transaction."""
    return [identity, *(other for other in _linked(database, identity) if other != identity)]


def unlearn(database: Database, who: Collection[str]) -> None:
    """Delete what policies have learned if rewards by or of ``who`` are in it, which are to mean something else: it is
    learned again from the ledger, so that it is what the ledger says, whenever it was learned.
    """
    theirs = rewards.c.user_id.in_(who) | rewards.c.rater_id.in_(who)
    if database.sql.execute(sa.select(rewards.c.seq).where(theirs).limit(1)).first() is not None:
        for table in (policy_parts, policy_progress):
            database.sql.execute(sa.delete(table))


def forget_links(database: Database, who: list[str]) -> int:
    """Erase that ``who``, all identities of a person, belong together, and their codes. Returns how many rows."""
    erased = 0
    for table in (identities, link_codes):  # not wrong guesses, which are forgotten within the hour
        erased += database.sql.execute(sa.delete(table).where(table.c.identity.in_(who))).rowcount
    used = sa.update(link_codes).where(link_codes.c.used_by.in_(who)).values(used_by="", joined=None)
    return erased + database.sql.execute(used).rowcount


def _linked(database: Database, identity: str) -> list[str]:
    return [str(row[0]) for row in database.driver.execute(sql.linked, (identity,))]


def _links(database: Database, identity: str) -> list[Link]:
    query = sa.select(identities).where(identities.c.person == person(database, identity))
    return [
        Link(row.identity, row.person, None if row.filled is None else _fills.decode(row.filled))
        for row in database.sql.execute(query.order_by(identities.c.place))
    ]


def _join(database: Database, identity: str, code: str | None, now: datetime) -> Joined | Refused:
    rows = database.sql.execute
    rows(sa.delete(guesses).where(guesses.c.since <= (now - _HOUR).timestamp()))
    if not _may_guess(database, identity):
        return Refused.TOO_OFTEN
    is_open = (link_codes.c.code == code, link_codes.c.expires_at > now.timestamp())
    found = rows(sa.select(link_codes).where(*is_open)).first() if code else None
    if found is None or found.used_by not in (None, identity):
        _count_guess(database, identity, now)
        return Refused.WRONG
    if found.identity == identity:
        return Refused.OWN
    theirs, mine = person(database, found.identity), person(database, identity)
    if theirs == mine:
        return Joined(theirs, found.joined, found.identity) if found.used_by else Refused.SAME
    if found.used_by:  # and taken back since: a code is good for once
        _count_guess(database, identity, now)
        return Refused.WRONG
    _merge(database, theirs, mine, now.timestamp())
    unlearn(database, _linked(database, theirs))
    rows(sa.update(link_codes).where(*is_open).values(used_by=identity, joined=mine))
    return Joined(theirs, mine, found.identity)


def _merge(database: Database, into: str, other: str, now: float) -> None:
    """Make the person ``other`` part of the person ``into``."""
    rows = database.sql.execute
    have, come = _linked(database, into), _linked(database, other) or [other]
    if not have:
        rows(sa.insert(identities).values(identity=into, person=into, place=0, filled="{}", linked_at=now))
    last = rows(sa.select(sa.func.max(identities.c.place)).where(identities.c.person == into)).scalar_one()
    rows(sa.delete(identities).where(identities.c.person == other))
    for place, identity in enumerate(come, last + 1):
        # What theirs had filled was a gap of ``other``'s profile, which is theirs alone from now on.
        filled = None if identity == other else "{}"
        values = {"identity": identity, "person": into, "place": place, "filled": filled, "linked_at": now}
        rows(sa.insert(identities).values(values))


def _leave(database: Database, identity: str) -> str | None:
    rows = database.sql.execute
    before = person(database, identity)
    rest = [other for other in _linked(database, identity) if other != identity]
    if not rest:
        return None
    unlearn(database, [identity, *rest])
    rows(sa.delete(identities).where(identities.c.identity == identity))
    # An open code would join to whatever its identity is then part of.
    rows(sa.delete(link_codes).where(link_codes.c.identity.in_([identity, *rest]), link_codes.c.used_by.is_(None)))
    if len(rest) == 1:
        rows(sa.delete(identities).where(identities.c.identity.in_(rest)))
        return rest[0]
    if before != identity:
        return before
    first, *others = rest
    rows(sa.update(identities).where(identities.c.identity.in_(others)).values(person=first, filled=None))
    rows(sa.update(identities).where(identities.c.identity == first).values(person=first, filled="{}"))
    return first


def _may_guess(database: Database, identity: str) -> bool:
    query = sa.select(guesses.c["count"]).where(guesses.c.identity == identity)
    count: int | None = database.sql.execute(query).scalar()
    if count is not None:
        return count < MAX_GUESSES
    everybody = database.sql.execute(sa.select(sa.func.count()).select_from(guesses)).scalar_one()
    return everybody < MAX_GUESSERS


def _count_guess(database: Database, identity: str, now: datetime) -> None:
    statement = insert(guesses).values(identity=identity, since=now.timestamp(), count=1)
    more = {"count": guesses.c["count"] + 1}
    database.sql.execute(statement.on_conflict_do_update(index_elements=[guesses.c.identity], set_=more))
