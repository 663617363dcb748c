"""Which identities are one person: the table ``identities``, as functions inside the caller's transaction.

Nothing that is kept ever moves. Every row stays under the identity it was made on, and a person is a view over several
identities. So unlinking gives each side exactly its own rows back. Every call looks the links up: another process may
have linked or unlinked in the meantime.
"""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from llmagent_os.identity import Identity, PersonId, first_identity_of, person_kept_under
from llmagent_os.ledger import statements
from llmagent_os.ledger.damaged_rows import UNREADABLE, note
from llmagent_os.ledger.database import Database
from llmagent_os.ledger.persona_rows import merge_personas, split_personas
from llmagent_os.ledger.policy_versions import first_row, mark_changed
from llmagent_os.ledger.schema import identities, link_codes

_filled_decoder = msgspec.json.Decoder(dict[str, str])


class Link(msgspec.Struct, frozen=True):
    """One identity of a person who has several."""

    identity: Identity
    person: PersonId
    #: by field, what this identity's profile has filled of the gaps of the person's; None: not filled in yet
    filled: dict[str, str] | None


def person_of(database: Database, identity: Identity) -> PersonId:
    """The person that ``identity`` is part of; ``identity`` itself where it is linked to no other."""
    row = database.execute(statements.SELECT_PERSON, (identity,)).fetchone()
    return person_kept_under(identity) if row is None else PersonId(row[0])


def identities_of(database: Database, identity: Identity) -> list[Identity]:
    """All identities of a person: ``identity`` first, then the others in the order in which they were linked."""
    return [identity, *(other for other in linked(database, identity) if other != identity)]


def linked(database: Database, identity: Identity) -> list[Identity]:
    """All identities of a person in the order in which they were linked; empty where ``identity`` is linked to none."""
    return [Identity(row[0]) for row in database.execute(statements.SELECT_LINKED, (identity,))]


def links_of(database: Database, identity: Identity) -> list[Link]:
    """The links of a person, in order; empty where ``identity`` is linked to none."""
    query = sa.select(identities).where(identities.c.person == person_of(database, identity))
    rows = database.sql.execute(query.order_by(identities.c.place)).all()
    return [Link(row.identity, row.person, _filled(database, row.identity, row.filled)) for row in rows]


def _filled(database: Database, identity: Identity, raw: str | None) -> dict[str, str] | None:
    """Which gaps were filled. From a damaged row: none, so that nothing is filled in or taken back."""
    try:
        return None if raw is None else _filled_decoder.decode(raw)
    except UNREADABLE as error:
        note(database, identities, [identity], identity, error)
        return {}


def merge(database: Database, into: PersonId, other: PersonId, now: float) -> None:
    """Make the person ``other`` part of the person ``into``.

    Policies then learn again what the rows of ``other`` have taught, which belong to ``into`` now, and the rewards that
    the two gave each other, which mean something else now.

    Args:
        database: inside a transaction.
        into: the person that both are from now on.
        other: the person that ends.
        now: the present, in seconds since 1970.
    """
    rows = database.sql.execute
    # A person id is also an identity: the one whose profile is the person's.
    first, ended = first_identity_of(into), first_identity_of(other)
    have, come = linked(database, first), linked(database, ended) or [ended]
    if not have:
        rows(sa.insert(identities).values(identity=first, person=into, place=0, filled="{}", linked_at=now))
    last = rows(sa.select(sa.func.max(identities.c.place)).where(identities.c.person == into)).scalar_one()
    moved = (first_row(database, users=come), first_row(database, users=have or [first], raters=come))
    mark_changed(database, moved, (into, other))
    merge_personas(database, into, other, come, now)
    rows(sa.delete(identities).where(identities.c.person == other))
    for place, identity in enumerate(come, last + 1):
        # The others had filled gaps of the profile of ``other``. That profile is not the person's any more.
        filled = None if identity == ended else "{}"
        values = {"identity": identity, "person": into, "place": place, "filled": filled, "linked_at": now}
        rows(sa.insert(identities).values(values))


def leave(database: Database, identity: Identity) -> PersonId | None:
    """Take ``identity`` out of its person. Policies then learn again what the rows have taught that change hands.

    Returns:
        The person that the others are now, who may be one identity alone. None: ``identity`` was linked to no other.
    """
    rows = database.sql.execute
    before = person_of(database, identity)
    rest = [other for other in linked(database, identity) if other != identity]
    if not rest:
        return None
    # Where the person is named after ``identity``, the rows of the others belong to a person of another name now.
    one, others = ([identity], rest) if first_identity_of(before) != identity else (rest, [identity])
    moved = (first_row(database, users=one), first_row(database, users=others, raters=one))
    mark_changed(database, moved, (before, person_kept_under(identity), person_kept_under(rest[0])))
    named = before if first_identity_of(before) != identity else person_kept_under(rest[0])
    split_personas(database, before, (person_kept_under(identity), named))
    rows(sa.delete(identities).where(identities.c.identity == identity))
    # An open code would link to whatever its identity is part of by then.
    rows(sa.delete(link_codes).where(link_codes.c.identity.in_([identity, *rest]), link_codes.c.used_by.is_(None)))
    if len(rest) == 1:
        rows(sa.delete(identities).where(identities.c.identity.in_(rest)))
        return person_kept_under(rest[0])
    if first_identity_of(before) != identity:
        return before
    # The profile of ``identity`` was the person's. That of the account that was linked next takes its place.
    first, *others = rest
    person = person_kept_under(first)
    rows(sa.update(identities).where(identities.c.identity.in_(others)).values(person=person, filled=None))
    rows(sa.update(identities).where(identities.c.identity == first).values(person=person, filled="{}"))
    return person
