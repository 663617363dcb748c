"""Exports and erases what the ledger keeps about a person: all tables that hold something about people are here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
import sqlalchemy as sa
import structlog

from llmagent_os.errors import LedgerError
from llmagent_os.identity import NO_ACCOUNT, Identity, parts_of, person_kept_under
from llmagent_os.ledger.audit_log import exported_audit, put_pseudonyms
from llmagent_os.ledger.canary_tests import erase_from_tests
from llmagent_os.ledger.damaged_rows import UNREADABLE, damaged_of, erase_damaged, note
from llmagent_os.ledger.database import WIPE_DUE, Database
from llmagent_os.ledger.held_messages import exported_held
from llmagent_os.ledger.identity_links import identities_of
from llmagent_os.ledger.inbox import EMPTIED, Inbox
from llmagent_os.ledger.memories import export_memories
from llmagent_os.ledger.open_questions import exported_questions
from llmagent_os.ledger.platform_admins import exported_platform_admins
from llmagent_os.ledger.policy_versions import first_row, mark_changed
from llmagent_os.ledger.portable import upsert
from llmagent_os.ledger.row_codecs import (
    moment_as_json,
    readable_completion,
    readable_interaction,
    readable_rewards,
)
from llmagent_os.ledger.schema import (
    DEAD,
    DONE,
    FAILED,
    UNFINISHED,
    canary_conversations,
    completions,
    contacts,
    encounters,
    guesses,
    held,
    identities,
    inbox,
    interactions,
    keys,
    link_changes,
    link_codes,
    members,
    memories,
    open_questions,
    personas,
    platform_admins,
    records,
    requests,
    rewards,
    sent,
    silences,
    timers,
)
from llmagent_os.ledger.sealed_columns import seal
from llmagent_os.ledger.silences import exported_silences
from llmagent_os.ledger.taken_back import erase_contributions
from llmagent_os.ledger.usage_sums import exported_usage, keep_under_pseudonym
from llmagent_os.ledger.writer import Writer
from llmagent_os.records import INTERACTION

_log = structlog.stdlib.get_logger(__name__)

#: The pause between two tries at emptying the write-ahead log while another process reads.
WIPE_PAUSE_SECONDS = 1.0
#: Each pause is twice as long as the one before, up to this.
MAX_WIPE_PAUSE_SECONDS = 60.0

#: What is kept about a person: by kind, rows as JSON values.
Export = dict[str, list[dict[str, Any]]]


class Erasure:
    """Exports and erases persons."""

    def __init__(self, writer: Writer, inbox: Inbox, rewards_changed: Callable[[], None]) -> None:
        """Use the methods of ``Ledger``. ``rewards_changed`` is called after a person was erased."""
        self._writer = writer
        self._inbox = inbox
        self._rewards_changed = rewards_changed
        self._wiping: asyncio.Task[None] | None = None
        self._closed = False

    async def export(self, identity: Identity) -> Export:
        """Everything kept about a person, under all their identities, as JSON values, oldest first.

        The keys are ``interactions``, ``rewards``, ``records``, ``timers``, ``identities``, ``memories`` (what the
        person stated about themselves), ``contacts`` (the names that others find), ``encounters`` (the groups in
        which the person wrote), ``members``, ``requests`` (to be let in), ``link_codes`` (open ones), ``guesses`` (how
        many wrong codes in the last hour), ``canaries`` (conversations in which a new version was tested),
        ``personas`` (what kind of person each bot takes the person for), ``usage`` (what the person used of budgets),
        ``audit`` (what an admin did), ``held`` (messages that are answered when the bot works again), ``silences``
        (that the person brought about), ``platform_admins`` (what the person administers), ``open_questions``
        (that the bot has asked) and ``inbox`` (events that wait or were given up). Every interaction has its
        completions. Under ``damaged`` is what cannot be read, as it is.
        """
        return await self._writer.run(lambda database: _export(database, identities_of(database, identity)), reads=True)

    async def erase(self, identity: Identity) -> int:
        """Erase a person, and return how many rows were erased.

        Erases what the person said and was answered under all their identities, their rewards, records and timers, what
        others keep of what they share with them, and
        that these identities belong together. Policies that have learned from the person learn again without them.
        That the person was let in stays, under a pseudonym: ``members.revoke`` takes it back.

        Unfinished events of the person are dropped. Where a host of this process runs, it has done so
        (:meth:`Inbox.drop`), and the event that asks for the erasure is still to be answered. The host calls
        :meth:`wipe` after that; otherwise it is done here. A crash in between is noticed at the next start.
        """
        if not self._inbox.is_claimed:
            who = await self._writer.run(lambda database: identities_of(database, identity), reads=True)
            await self._inbox.drop(who)
        erased = await self._writer.run(
            lambda database: _erase(database, identities_of(database, identity)), lambda _: self._rewards_changed()
        )
        if self._inbox.is_claimed:
            self._wipe_behind()
        else:
            await self.wipe()
        return erased

    async def wipe(self) -> None:
        """Leave nothing in the ledger's files of what was erased: not in free pages, and not in the write-ahead log.

        While another process reads, or on a full disk, that is not possible. Then it is tried again behind, until it
        has worked: what was erased is erased, and nobody should ask for it again.
        """
        if self._closed or await self._wiped():
            return
        _log.warning("the ledger's files still hold what was erased: another process reads, or the disk is full")
        self._wipe_behind()

    def _wipe_behind(self) -> None:
        if self._wiping is None or self._wiping.done():
            self._wiping = asyncio.create_task(self._wipe_later())

    async def _wipe_later(self) -> None:
        wiped, pause = False, WIPE_PAUSE_SECONDS
        while not wiped:
            await asyncio.sleep(pause)
            wiped = await self._wiped()
            pause = min(pause * 2, MAX_WIPE_PAUSE_SECONDS)
        _log.info("the ledger's files hold nothing more of what was erased")

    async def _wiped(self) -> bool:
        try:
            compact = await self._writer.run(_to_compact, alone=True)
            if compact is not None:
                await asyncio.to_thread(compact)
            return await self._writer.run(_wipe, alone=True)
        except LedgerError as error:
            _log.error("the ledger's files cannot be wiped; trying again", error=str(error))
            return False

    async def close(self) -> None:
        """Stop trying to empty the write-ahead log. The last process that closes the ledger deletes it."""
        self._closed = True
        if self._wiping is not None:
            self._wiping.cancel()
            await asyncio.wait({self._wiping})


def _to_compact(database: Database) -> Callable[[], None] | None:
    """What is to be called on another thread before :func:`_wipe`, if anything is."""
    return database.compact if database.compacts_beside and _is_due(database) else None


def _is_due(database: Database) -> bool:
    due = sa.select(keys.c.value).where(keys.c.name == WIPE_DUE)
    return database.sql.execute(due).first() is not None


def _wipe(database: Database) -> bool:
    """Compact the file if rows were erased since the last time, and empty the log. Returns whether it is empty."""
    if _is_due(database):
        if database.compacts_beside:  # something was erased while it was compacted
            return False
        database.compact()
        database.sql.execute(sa.delete(keys).where(keys.c.name == WIPE_DUE))
    return database.checkpoint()


def _export(database: Database, who: list[Identity]) -> Export:
    rows = database.sql.execute
    said = sa.select(interactions).where(interactions.c.user_id.in_(who)).order_by(interactions.c.seq)
    written = _exported_completions(database, who)
    theirs = rewards.c.user_id.in_(who) | rewards.c.rater_id.in_(who)
    rated = sa.select(rewards).where(theirs).order_by(rewards.c.seq)
    kept = sa.select(records).where(records.c.user_id.in_(who)).order_by(records.c.plugin, records.c.key)
    to_come = sa.select(timers).where(timers.c.user_id.in_(who)).order_by(timers.c.at)
    links = sa.select(identities).where(identities.c.identity.in_(who)).order_by(identities.c.place)
    answered = [turn for row in rows(said).mappings().all() if (turn := readable_interaction(database, row))]
    known_as = [*who, *map(database.pseudonym, who)]
    let_in = sa.select(members).where(members.c.identity.in_(known_as)).order_by(members.c.approved_at)
    asks = sa.select(requests).where(requests.c.identity.in_(who)).order_by(requests.c.told_at)
    codes = sa.select(link_codes).where(link_codes.c.identity.in_(who)).order_by(link_codes.c.expires_at)
    wrong = sa.select(guesses).where(guesses.c.identity.in_(known_as)).order_by(guesses.c.since)
    events = sa.select(inbox).where(inbox.c.user_id.in_(who), inbox.c.body.is_not(None)).order_by(inbox.c.seq)
    return {
        "interactions": [
            msgspec.to_builtins(turn) | {"completions": written.get(turn.interaction_id, [])} for turn in answered
        ],
        "rewards": [msgspec.to_builtins(each) for each in readable_rewards(database, rows(rated).mappings().all())],
        "records": [
            {"plugin": row.plugin, "key": row.key, "record": _as_json(row.body, _noting(database, records, row))}
            for row in rows(kept).all()
        ],
        "timers": [
            {
                "plugin": row.plugin,
                "key": row.key,
                "at": moment_as_json(row.at),
                "conversation": _as_json(row.conversation, _noting(database, timers, row)),
            }
            for row in rows(to_come).all()
        ],
        "identities": [{"identity": row.identity, "linked_at": moment_as_json(row.linked_at)} for row in rows(links)],
        "memories": export_memories(database, who),
        **_exported_contacts(database, who),
        "members": [
            {"identity": row.identity, "name": row.name, "approved_at": moment_as_json(row.approved_at)}
            for row in rows(let_in)
        ],
        "requests": [
            {"identity": row.identity, "name": row.name, "code": row.code, "told_at": moment_as_json(row.told_at)}
            for row in rows(asks)
        ],
        "link_codes": [
            {"identity": row.identity, "code": row.code, "expires_at": moment_as_json(row.expires_at)}
            for row in rows(codes)
        ],
        "guesses": [{"count": row.count, "since": moment_as_json(row.since)} for row in rows(wrong)],
        **_exported_sums(database, who),
        "personas": _exported_personas(database, who),
        "inbox": [
            {"accepted_at": moment_as_json(row.accepted_at), "event": _as_json(row.body), "why": row.why}
            for row in rows(events)
        ],
        "damaged": damaged_of(database, who),  # the last: those before it may find more
    }


def _as_json(body: str, note_damage: Callable[[Exception], None] | None = None) -> Any:
    """What ``body`` says as JSON; the text itself where it is damaged, and ``note_damage`` is called."""
    try:
        return msgspec.json.decode(body)
    except UNREADABLE as error:
        if note_damage is not None:
            note_damage(error)
        return body


def _noting(database: Database, table: sa.Table, row: sa.Row[Any]) -> Callable[[Exception], None]:
    """Notes damage of a row of a plugin's."""
    return partial(note, database, table, [row.user_id, row.plugin, row.key], row.user_id)


def _exported_canaries(database: Database, who: list[Identity]) -> list[dict[str, Any]]:
    """The conversations of ``who`` that were counted in the tests of new versions, in their order."""
    theirs = sa.select(canary_conversations).where(canary_conversations.c.person.in_(who))
    return [
        {"version": row.version, "reward": row.reward, "begun_at": moment_as_json(row.begun_at)}
        for row in database.sql.execute(theirs.order_by(canary_conversations.c.seq))
    ]


def _exported_personas(database: Database, who: list[Identity]) -> list[dict[str, Any]]:
    """What kind of person each bot takes ``who`` for."""
    taken_for = sa.select(personas).where(personas.c.person.in_(who)).order_by(personas.c.bot)
    return [
        {"bot": row.bot, "persona": row.persona, "shares": _as_json(row.shares or "{}")}
        for row in database.sql.execute(taken_for)
    ]


def _exported_sums(database: Database, who: list[Identity]) -> Export:
    """What was counted of ``who`` in tests of new versions and for budgets, what they did as admins, and what waits."""
    return {
        "canaries": _exported_canaries(database, who),
        "usage": exported_usage(database, who),
        "audit": exported_audit(database, who),
        "held": exported_held(database, who),
        "silences": exported_silences(database, who),
        "platform_admins": exported_platform_admins(database, who),
        "open_questions": exported_questions(database, who),
    }


def _exported_contacts(database: Database, who: list[Identity]) -> Export:
    """How others find ``who`` by name, and the groups in which they wrote."""
    found = database.sql.execute(sa.select(contacts).where(contacts.c.identity.in_(who)))
    met = database.sql.execute(sa.select(encounters).where(encounters.c.identity.in_(who)))
    return {
        "contacts": [
            {"identity": row.identity, "name": row.name, "given_name": row.given_name, "hidden": row.hidden}
            for row in found
        ],
        "encounters": [{"room": row.room, "at": moment_as_json(row.at)} for row in met],
    }


def _exported_completions(database: Database, who: list[Identity]) -> dict[str, list[Any]]:
    """The completions of all replies to ``who``, as JSON values, by the id of the interaction, in order."""
    query = (
        sa.select(completions)
        .join(interactions, interactions.c.interaction_id == completions.c.interaction_id)
        .where(interactions.c.user_id.in_(who))
        .order_by(completions.c.interaction_id, completions.c.position)
    )
    found: dict[str, list[Any]] = {}
    for row in database.sql.execute(query).mappings().all():
        if (written := readable_completion(database, row)) is not None:
            as_json = msgspec.json.decode(msgspec.json.encode(written))  # with lists in place of tuples
            found.setdefault(row["interaction_id"], []).append(as_json)
    return found


def _erase_positions(database: Database, platform: str, _workspace: str, own_id: str) -> None:
    """Erase where a person talks with the bot alone from the adapter's records, also where the adapter does not run."""
    theirs = (records.c.plugin == f"adapter.{platform}", records.c.user_id == NO_ACCOUNT)
    for row in database.sql.execute(sa.select(records).where(*theirs)).all():
        body = _as_json(row.body)
        places: Any = body.get("channels") if isinstance(body, dict) else None  # pyright: ignore
        if not isinstance(places, dict):
            continue
        left = {place: at for place, at in places.items() if not isinstance(at, dict) or at.get("user") != own_id}  # pyright: ignore
        if len(left) < len(places):  # pyright: ignore[reportUnknownArgumentType]
            new = msgspec.json.encode({**body, "channels": left}).decode()
            database.sql.execute(
                sa.update(records).where(*theirs, records.c.key == row.key).values(body=seal(database, NO_ACCOUNT, new))
            )


def _erase_interactions(database: Database, who: list[Identity]) -> None:
    """Erase from the adapters' records how commands of a person are answered, but of those that wait for an answer."""
    waiting = sa.select(inbox.c.body).where(inbox.c.user_id.in_(who), UNFINISHED)
    events = [event for body in database.sql.scalars(waiting) if isinstance(event := _as_json(body), dict)]  # pyright: ignore
    unanswered = {f"{INTERACTION}{event.get('event_id')}" for event in events}  # pyright: ignore
    for platform, _, own_id in map(parts_of, who):
        theirs = (records.c.plugin == f"adapter.{platform}", records.c.user_id == NO_ACCOUNT)
        query = sa.select(records.c.key, records.c.body).where(*theirs, records.c.key.startswith(INTERACTION))
        for row in database.sql.execute(query).all():
            body = _as_json(row.body)
            value: Any = body.get("value") if isinstance(body, dict) else None  # pyright: ignore
            is_theirs = not isinstance(value, dict) or value.get("user_id") in (own_id, None)  # pyright: ignore
            if is_theirs and row.key not in unanswered:
                database.sql.execute(sa.delete(records).where(*theirs, records.c.key == row.key))


def _is_of_shared(who: list[Identity]) -> sa.ColumnElement[bool]:
    """Whether a timer says a record that somebody else shares with ``who``."""
    shared = sa.select(records.c.user_id, records.c.plugin, records.c.key).where(records.c.shared_with.in_(who))
    return sa.tuple_(timers.c.user_id, timers.c.plugin, timers.c.key).in_(shared)


def _erase(database: Database, who: list[Identity]) -> int:
    database.sql.execute(upsert(keys).values(name=WIPE_DUE, value=""))
    taught = (first_row(database, users=who), first_row(database, raters=who))  # before these rows are gone
    mark_changed(database, taught, list(map(person_kept_under, who)), erased=True)
    contributed = erase_contributions(database, who, time.time())
    theirs = sa.select(interactions.c.interaction_id).where(interactions.c.user_id.in_(who))
    by_or_for_them = rewards.c.user_id.in_(who) | rewards.c.rater_id.in_(who)
    answered = (inbox.c.user_id.in_(who), inbox.c.state.in_([DONE, FAILED, DEAD]))
    steps: tuple[sa.Delete | sa.Update, ...] = (
        *erase_damaged(who),
        sa.delete(open_questions).where(
            open_questions.c.user_id.in_(who) | open_questions.c.interaction_id.in_(theirs)
        ),
        sa.delete(sent).where(sent.c.interaction_id.in_(theirs)),
        sa.delete(rewards).where(by_or_for_them | rewards.c.interaction_id.in_(theirs)),
        sa.delete(completions).where(completions.c.interaction_id.in_(theirs)),
        sa.delete(interactions).where(interactions.c.user_id.in_(who)),
        sa.delete(timers).where(_is_of_shared(who)),
        sa.delete(records).where(records.c.user_id.in_(who) | records.c.shared_with.in_(who)),
        sa.delete(memories).where(memories.c.user_id.in_(who)),
        sa.delete(contacts).where(contacts.c.identity.in_(who)),
        sa.delete(encounters).where(encounters.c.identity.in_(who)),
        sa.delete(timers).where(timers.c.user_id.in_(who)),
        sa.delete(held).where(held.c.user_id.in_(who)),
        sa.delete(silences).where(silences.c.user_id.in_(who)),
        sa.delete(platform_admins).where(platform_admins.c.identity.in_(who)),
        sa.delete(requests).where(requests.c.identity.in_(who)),
        # Whom a person let in stays let in.
        sa.update(members).where(members.c.approved_by.in_(who)).values(approved_by=""),
        sa.update(inbox).where(*answered).values(**{**EMPTIED, "state": inbox.c.state}),
        # The links. Wrong codes are counted under a pseudonym, and deleted within the hour.
        sa.delete(identities).where(identities.c.identity.in_(who)),
        sa.delete(link_codes).where(link_codes.c.identity.in_(who)),
        sa.delete(link_changes).where(link_changes.c.identity.in_(who)),
        sa.update(link_codes).where(link_codes.c.used_by.in_(who)).values(used_by="", joined=None),
    )
    erased = contributed + sum(database.sql.execute(step).rowcount for step in steps)
    erased += erase_from_tests(database, who)
    erased += keep_under_pseudonym(database, who) + put_pseudonyms(database, who)
    for identity in who:
        _erase_positions(database, *parts_of(identity))
    _erase_interactions(database, who)
    for identity in who:
        let_in = sa.update(members).where(members.c.identity == identity)
        database.sql.execute(let_in.values(identity=database.pseudonym(identity), name=""))
    return erased
