"""Exports and erases what the ledger keeps about a person: all tables that hold something about people are here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import sqlalchemy as sa

from llmagent_os.identity import Identity
from llmagent_os.ledger.connection import Database
from llmagent_os.ledger.damaged_rows import UNREADABLE, damaged_of, erase_damaged, note
from llmagent_os.ledger.identity_links import identities_of
from llmagent_os.ledger.policy_state import drop_learned_from
from llmagent_os.ledger.row_codecs import (
    moment_as_json,
    readable_completion,
    readable_interaction,
    readable_rewards,
)
from llmagent_os.ledger.schema import (
    DONE,
    FAILED,
    completions,
    identities,
    inbox,
    interactions,
    link_codes,
    members,
    records,
    requests,
    rewards,
    sent,
    timers,
)
from llmagent_os.ledger.writer import Writer

#: What is kept about a person: by kind, rows as JSON values.
Export = dict[str, list[dict[str, Any]]]


class Erasure:
    """Exports and erases persons."""

    def __init__(self, writer: Writer, rewards_changed: Callable[[], None]) -> None:
        """Use the methods of ``Ledger``. ``rewards_changed`` is called after a person was erased."""
        self._writer = writer
        self._rewards_changed = rewards_changed

    async def export(self, identity: Identity) -> Export:
        """Everything kept about a person, under all their identities, as JSON values, oldest first.

        The keys are ``interactions``, ``rewards``, ``records``, ``timers``, ``identities`` and ``members``. Every
        interaction has its completions. Under ``damaged`` is what cannot be read, as it is.
        """
        return await self._writer.run(lambda database: _export(database, identities_of(database, identity)))

    async def erase(self, identity: Identity) -> int:
        """Erase a person, and return how many rows were erased.

        Erases what the person said and was answered under all their identities, their rewards, records and timers, and
        that these identities belong together. Policies that have learned from the person learn again without them.

        Nothing of it is left in the file: SQLite overwrites what it deletes (``secure_delete``). Events of the person
        that are still being answered count as said afterwards. Whether the person was let in is not erased: see
        ``members.revoke``.
        """
        erased = await self._writer.run(
            lambda database: _erase(database, identities_of(database, identity)), lambda _: self._rewards_changed()
        )
        # Without a checkpoint the text would stay in the write-ahead log for a while.
        await self._writer.run(lambda database: database.checkpoint(), alone=True)
        return erased


def _export(database: Database, who: list[Identity]) -> Export:
    rows = database.sql.execute
    said = sa.select(interactions).where(interactions.c.user_id.in_(who)).order_by(interactions.c.seq)
    written = _exported_completions(database, who)
    theirs = rewards.c.user_id.in_(who) | rewards.c.rater_id.in_(who)
    rated = sa.select(rewards).where(theirs).order_by(rewards.c.seq)
    kept = sa.select(records).where(records.c.user_id.in_(who)).order_by(records.c.plugin, records.c.key)
    to_come = sa.select(timers).where(timers.c.user_id.in_(who)).order_by(timers.c.at)
    links = sa.select(identities).where(identities.c.identity.in_(who)).order_by(identities.c.place)
    let_in = sa.select(members).where(members.c.identity.in_(who)).order_by(members.c.approved_at)
    answered = [turn for row in rows(said).mappings().all() if (turn := readable_interaction(database, row))]
    return {
        "interactions": [
            msgspec.to_builtins(turn) | {"completions": written.get(turn.interaction_id, [])} for turn in answered
        ],
        "rewards": [msgspec.to_builtins(each) for each in readable_rewards(database, rows(rated).mappings().all())],
        "records": [
            {"plugin": row.plugin, "key": row.key, "record": _readable_json(database, records, row, row.body)}
            for row in rows(kept).all()
        ],
        "timers": [
            {
                "plugin": row.plugin,
                "key": row.key,
                "at": moment_as_json(row.at),
                "conversation": _readable_json(database, timers, row, row.conversation),
            }
            for row in rows(to_come).all()
        ],
        "identities": [{"identity": row.identity, "linked_at": moment_as_json(row.linked_at)} for row in rows(links)],
        "members": [
            {"identity": row.identity, "name": row.name, "approved_at": moment_as_json(row.approved_at)}
            for row in rows(let_in)
        ],
        "damaged": damaged_of(database, who),  # the last: those before it may find more
    }


def _readable_json(database: Database, table: sa.Table, row: sa.Row[Any], raw: str) -> Any:
    """A value from JSON; the text itself where the row is damaged, which is noted."""
    try:
        return msgspec.json.decode(raw)
    except UNREADABLE as error:
        note(database, table, [row.user_id, row.plugin, row.key], row.user_id, error)
        return raw


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


def _erase(database: Database, who: list[Identity]) -> int:
    drop_learned_from(database, who)  # reads their rewards: before these are gone
    theirs = sa.select(interactions.c.interaction_id).where(interactions.c.user_id.in_(who))
    by_or_for_them = rewards.c.user_id.in_(who) | rewards.c.rater_id.in_(who)
    answered = (inbox.c.user_id.in_(who), inbox.c.state.in_([DONE, FAILED]))
    steps: tuple[sa.Delete | sa.Update, ...] = (
        *erase_damaged(who),
        sa.delete(sent).where(sent.c.interaction_id.in_(theirs)),
        sa.delete(rewards).where(by_or_for_them | rewards.c.interaction_id.in_(theirs)),
        sa.delete(completions).where(completions.c.interaction_id.in_(theirs)),
        sa.delete(interactions).where(interactions.c.user_id.in_(who)),
        sa.delete(records).where(records.c.user_id.in_(who)),
        sa.delete(timers).where(timers.c.user_id.in_(who)),
        sa.delete(requests).where(requests.c.identity.in_(who)),
        sa.update(inbox).where(*answered).values(user_id="", body=None, why=None),
        # The links. Wrong guesses stay: they are deleted within the hour.
        sa.delete(identities).where(identities.c.identity.in_(who)),
        sa.delete(link_codes).where(link_codes.c.identity.in_(who)),
        sa.update(link_codes).where(link_codes.c.used_by.in_(who)).values(used_by="", joined=None),
    )
    return sum(database.sql.execute(step).rowcount for step in steps)
