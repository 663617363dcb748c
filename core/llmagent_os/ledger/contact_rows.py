"""Who may know whom: the tables ``contacts`` and ``encounters``, as functions inside the caller's transaction."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
import sqlalchemy as sa

from llmagent_os.contacts import Contact
from llmagent_os.events import LOCAL_WORKSPACE, Conversation, Event, Sender
from llmagent_os.identity import Identity, identity_of
from llmagent_os.ledger.database import Database
from llmagent_os.ledger.identity_links import identities_of
from llmagent_os.ledger.portable import upsert
from llmagent_os.ledger.row_codecs import encode_destination
from llmagent_os.ledger.schema import contacts, encounters, members
from llmagent_os.ledger.sealed_columns import sealed_values

#: How long two people who wrote in the same group may find each other, after the last time that each of them did.
#: ``privacy.retention.ENCOUNTERS`` says the same.
ENCOUNTER_LIFETIME = timedelta(days=90)

_MEET = upsert(encounters)

#: How many accounts are looked up in one statement.
_AT_ONCE = 500


def note_contact(database: Database, event: Event, name: str, given_name: str, now: datetime) -> None:
    """Note who did ``event``, and where: the name, the group, or the private conversation."""
    room, identity = event.conversation, identity_of(event)
    workspace = f"{room.platform}:{room.workspace}" if room.workspace else ""
    changed: dict[str, object] = {"name": name, "given_name": given_name, "workspace": workspace}
    if room.kind == "direct":
        changed |= {**encode_destination(event), "direct_at": now.timestamp()}
    changed = sealed_values(database, contacts, identity, changed)
    update = sa.update(contacts).where(contacts.c.identity == identity).values(changed)
    if not database.sql.execute(update).rowcount:
        database.sql.execute(sa.insert(contacts).values(identity=identity, hidden=False, **changed))
    if room.kind == "group":
        place = database.pseudonym(msgspec.structs.replace(room, thread=None).key)
        met = {"identity": identity, "at": now.timestamp()}
        database.sql.execute(_MEET.values(room=place, **met))
    old = encounters.c.at < (now - ENCOUNTER_LIFETIME).timestamp()
    database.sql.execute(sa.delete(encounters).where(old))


def find_contacts(database: Database, identity: Identity, now: datetime, name: str) -> list[Contact]:
    """The people of this name whom ``identity`` may know and who are not hidden, each once, sorted by name."""
    found: dict[tuple[Identity, ...], Contact] = {}
    for row in _known(database, identity, now):
        shown = _shown(row.name, row.given_name, name)
        if not shown:
            continue
        who = identities_of(database, Identity(row.identity))
        if not hidden(database, who):
            contact = Contact(_handle(database, row.identity), shown, direct_row(database, who) is not None)
            found.setdefault(tuple(sorted(who)), contact)
    return sorted(found.values(), key=lambda contact: contact.name.casefold())


def known_identity(database: Database, identity: Identity, now: datetime, handle: str) -> Identity | None:
    """The account behind ``handle``, if ``identity`` may know it and its person is not hidden. None: otherwise."""
    rows = _known(database, identity, now)
    found = next((Identity(row.identity) for row in rows if _handle(database, row.identity) == handle), None)
    return None if found is None or hidden(database, identities_of(database, found)) else found


def hidden(database: Database, who: list[Identity]) -> bool:
    """Whether a person, by all their accounts, does not want to be found."""
    rows = sa.select(contacts.c.identity).where(contacts.c.identity.in_(who), contacts.c.hidden.is_(True))
    return database.sql.execute(rows.limit(1)).first() is not None


def direct_row(database: Database, who: list[Identity]) -> sa.Row[tuple[str, str, str]] | None:
    """The account, the conversation and the sender of where a person last wrote to the bot in private."""
    columns = sa.select(contacts.c.identity, contacts.c.conversation, contacts.c.sender)
    private = columns.where(contacts.c.identity.in_(who), contacts.c.direct_at.is_not(None))
    return database.sql.execute(private.order_by(contacts.c.direct_at.desc()).limit(1)).first()


def read_private_place(database: Database, identity: Identity) -> tuple[Conversation, Sender] | None:
    """Where a person last wrote to the bot in private, and as whom. None: it is not noted, or cannot be read."""
    row = direct_row(database, identities_of(database, identity))
    if row is None:
        return None
    try:
        return (
            msgspec.json.decode(row.conversation, type=Conversation),
            msgspec.json.decode(row.sender, type=Sender),
        )
    except msgspec.MsgspecError:
        return None


def _handle(database: Database, identity: str) -> str:
    """By what plugins name an account: they do not learn its id."""
    return database.pseudonym(identity)[1:17]  # without the mark


def _known(database: Database, identity: Identity, now: datetime) -> list[sa.Row[tuple[str, str, str, bool]]]:
    """The accounts that ``identity`` may know: of the same workspace, or met in a group not too long ago.

    A platform whose people are all at one machine or page has :data:`LOCAL_WORKSPACE`. They may be strangers, so there
    two people know each other only if an admin has let in both.
    """
    mine = identities_of(database, identity)
    own = sa.select(contacts.c.workspace).where(contacts.c.identity.in_(mine), contacts.c.workspace != "")
    since = encounters.c.at >= (now - ENCOUNTER_LIFETIME).timestamp()
    rooms = sa.select(encounters.c.room).where(encounters.c.identity.in_(mine), since)
    met = sa.select(encounters.c.identity).where(encounters.c.room.in_(rooms), since)
    local, has_met = contacts.c.workspace.endswith(f":{LOCAL_WORKSPACE}"), contacts.c.identity.in_(met)
    needs_members = sa.and_(local, ~has_met).label("needs_members")
    query = sa.select(contacts.c.identity, contacts.c.name, contacts.c.given_name, needs_members)
    known = contacts.c.workspace.in_(own) | has_met
    rows = database.sql.execute(
        query.where(contacts.c.identity.not_in(mine), known).order_by(contacts.c.identity)
    ).all()
    strangers = [row.identity for row in rows if row.needs_members]
    let_in = _let_in(database, strangers) if strangers and _let_in(database, mine) else set[str]()
    return [row for row in rows if not row.needs_members or row.identity in let_in]


def _let_in(database: Database, accounts: Sequence[str]) -> set[str]:
    """Which of these accounts an admin has let in. After an erasure the table has their pseudonyms."""
    found = set[str]()
    for begin in range(0, len(accounts), _AT_ONCE):
        by_name = {
            name: each for each in accounts[begin : begin + _AT_ONCE] for name in (each, database.pseudonym(each))
        }
        query = sa.select(members.c.identity).where(members.c.identity.in_(by_name))
        found.update(by_name[row.identity] for row in database.sql.execute(query))
    return found


def _shown(name: str, given_name: str, wanted: str) -> str:
    """How a person is called who may have been meant; empty: another person was."""
    if _is_named(name, wanted):
        return name
    if not _is_named(given_name, wanted):
        return ""
    return f"{given_name} ({name})" if name else given_name


def _is_named(name: str, wanted: str) -> bool:
    """Whether all words of ``wanted`` are words of ``name``.

    >>> _is_named("Ana Luísa Stone", "ana luisa"), _is_named("Anabel", "Ana"), _is_named("Ana", "")
    (True, False, False)
    """
    words = set(_plain(wanted))
    return bool(words) and words <= set(_plain(name))


def _plain(text: str) -> list[str]:
    parts = unicodedata.normalize("NFKD", text)
    return "".join(char for char in parts if not unicodedata.combining(char)).casefold().split()
