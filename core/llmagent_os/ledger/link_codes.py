"""The codes that link two identities, and the wrong codes of the last hour: ``link_codes`` and ``guesses``.

All functions work inside the caller's transaction.

How safe a code is. There are 30^8 = 6.6e11 codes, and a code is good for ten minutes. One identity may give
:data:`MAX_GUESSES` wrong codes in an hour. Where N identities guess and C codes are open at every moment, a code is hit
within an hour with a probability of at most 5 N C / 6.6e11: for a thousand identities and a hundred open codes 8e-7.
No number of guessers keeps others from linking. A guesser who has seen half of a code (it was on a screen) has
:data:`MAX_WRONG` tries for the other half, whatever the number of identities: 10 / 30^4 = 1.2e-5. Then the code ends,
and its owner asks for a new one.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum

import msgspec
import sqlalchemy as sa

from llmagent_os.identity import Identity, PersonId
from llmagent_os.ledger.database import Database
from llmagent_os.ledger.identity_links import identities_of, merge, person_of
from llmagent_os.ledger.link_changes import may_change, note_change
from llmagent_os.ledger.portable import upsert
from llmagent_os.ledger.schema import guesses, link_codes

#: How many wrong codes one identity may give in an hour.
MAX_GUESSES = 5

#: How many wrong codes may begin as an open code does, from all identities together, before that code ends.
MAX_WRONG = 10

#: How many characters of a code such a wrong code has in common with it: the first half, which is written first.
_HALF = 4

_HOUR = timedelta(hours=1)
_ISSUE = upsert(link_codes)
_COUNT_GUESS = upsert(guesses, {"count": guesses.c["count"] + 1})


class Refused(Enum):
    """Why a code did not link anything."""

    WRONG = "wrong"  #: there is no such code, or it is no longer valid
    OWN = "own"  #: the identity that gave the code had issued it
    SAME = "same"  #: the two are one person already
    TOO_OFTEN = "too often"  #: too many wrong codes were given before
    CHANGED_OFTEN = "changed often"  #: one of the two was linked and unlinked too often in the last hour


class Joined(msgspec.Struct, frozen=True):
    """What a code has linked."""

    person: PersonId  #: the person that both are now
    joined: PersonId  #: the person that the identity which gave the code was part of until then
    issuer: Identity  #: the identity that issued the code


def issue(database: Database, identity: Identity, code: str, now: datetime, valid: timedelta) -> None:
    """Keep ``code`` for ``identity``, in place of its earlier code. Deletes codes that are no longer valid."""
    values = {"code": code, "expires_at": (now + valid).timestamp(), "used_by": None, "joined": None, "wrong": 0}
    database.sql.execute(sa.delete(link_codes).where(link_codes.c.expires_at <= now.timestamp()))
    database.sql.execute(_ISSUE, {"identity": identity, **values})


def join(database: Database, identity: Identity, code: str | None, now: datetime) -> Joined | Refused:
    """Link ``identity`` to the identity that issued ``code``; see ``Identities.join``."""
    rows = database.sql.execute
    prune_guesses(database, now)
    if not _may_guess(database, identity):
        return Refused.TOO_OFTEN
    is_open = (link_codes.c.code == code, link_codes.c.expires_at > now.timestamp())
    found = rows(sa.select(link_codes).where(*is_open)).first() if code else None
    if found is None or found.used_by not in (None, identity):
        _count_guess(database, identity, now)
        if found is None and code:
            _count_against_codes(database, code)
        return Refused.WRONG
    if found.identity == identity:
        return Refused.OWN
    theirs, mine = person_of(database, found.identity), person_of(database, identity)
    if theirs == mine:
        return Joined(theirs, found.joined, found.identity) if found.used_by else Refused.SAME
    if found.used_by:  # used, and unlinked since: a code links once
        _count_guess(database, identity, now)
        return Refused.WRONG
    both = [*identities_of(database, found.identity), *identities_of(database, identity)]
    if not may_change(database, both, now):
        return Refused.CHANGED_OFTEN
    merge(database, theirs, mine, now.timestamp())
    note_change(database, both, now)
    rows(sa.update(link_codes).where(*is_open).values(used_by=identity, joined=mine))
    return Joined(theirs, mine, found.identity)


def _may_guess(database: Database, identity: Identity) -> bool:
    query = sa.select(guesses.c["count"]).where(guesses.c.identity == database.pseudonym(identity))
    count: int | None = database.sql.execute(query).scalar()
    return count is None or count < MAX_GUESSES


def prune_guesses(database: Database, now: datetime) -> int:
    """Delete the wrong codes that are older than an hour. Returns how many identities had given them."""
    old = sa.delete(guesses).where(guesses.c.since <= (now - _HOUR).timestamp())
    return database.sql.execute(old).rowcount


def _count_guess(database: Database, identity: Identity, now: datetime) -> None:
    database.sql.execute(_COUNT_GUESS, {"identity": database.pseudonym(identity), "since": now.timestamp(), "count": 1})


def _count_against_codes(database: Database, code: str) -> None:
    """Count a wrong code against the open codes that begin as it does, and end those with too many."""
    begins_so = link_codes.c.code.startswith(code[:_HALF], autoescape=True)
    database.sql.execute(sa.update(link_codes).where(begins_so).values(wrong=link_codes.c.wrong + 1))
    database.sql.execute(sa.delete(link_codes).where(begins_so, link_codes.c.wrong >= MAX_WRONG))
