"""What becomes of trained weights when people take back what they gave, as functions inside the caller's transaction.

A reaction that is taken off, a consent that is withdrawn and an erasure make every version stale that the person
contributed to: shared and group versions that answer people are trained again without it, and retired by their
successors. The person's own versions, and those that answer nobody, are retired at once, and their files are deleted
(:meth:`LoraVersions.unneeded`). Trainings that run begin again from the ledger as it is then. Whoever is of another
persona from now on marks the versions of the group that the person leaves.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, TypeAlias

import msgspec
import sqlalchemy as sa

from llmagent_os.identity import Identity
from llmagent_os.ledger.canary_tests import silence
from llmagent_os.ledger.damaged_rows import UNREADABLE
from llmagent_os.ledger.database import Database
from llmagent_os.ledger.policy_versions import first_row
from llmagent_os.ledger.portable import position_of
from llmagent_os.ledger.schema import lora_contributors, lora_versions, personas, rewards, training_jobs
from llmagent_os.ledger.training_values import JobStatus, Level, Stage
from llmagent_os.ledger.values import RewardEvent

_Json: TypeAlias = "dict[str, _Json] | list[_Json] | str | float | bool | None"

#: Stands in an evaluation for a person who was erased.
ERASED = "erased"

#: The stages of versions that answer nobody. Nothing speaks for keeping one that is stale.
_UNSERVED = (Stage.CANDIDATE, Stage.SHADOW, Stage.REJECTED, Stage.ROLLED_BACK)

_TAKEN_OFF = "a reaction was taken off"
_WITHDRAWN = "the person has withdrawn their consent"
_ERASED = "the person was erased"
_LEFT = "the person is of another persona now"


def next_revision(database: Database) -> int:
    """The revision of the next change of a version."""
    last = database.sql.execute(sa.select(sa.func.max(lora_versions.c.revision))).scalar()
    return int(last or 0) + 1


def take_off(database: Database, reward: RewardEvent) -> None:
    """Mark the versions that learned from the reaction that ``reward`` takes off. Any other reward changes nothing."""
    if reward.op != "remove":
        return
    given = sa.select(rewards.c.seq, rewards.c.raw_value).where(
        rewards.c.interaction_id == reward.interaction_id,
        rewards.c.rater_id == reward.rater_id,
        rewards.c.kind == reward.kind,
        rewards.c.op == "add",
    )
    # What the value says is known once it is opened: the same value is sealed to another text each time.
    rows = database.sql.execute(given.order_by(rewards.c.seq))
    first = next((row.seq for row in rows.all() if row.raw_value == reward.raw_value), None)
    if first is None:
        return
    theirs = (
        sa.select(lora_contributors.c.version)
        .join(lora_versions, lora_versions.c.name == lora_contributors.c.version)
        .where(lora_contributors.c.identity == reward.rater_id, lora_versions.c.through >= first)
    )
    names = [row.version for row in database.sql.execute(theirs)]
    if names:
        _mark(database, names, [reward.rater_id], reward.at.timestamp(), _TAKEN_OFF)


def withdraw(database: Database, who: Collection[Identity], now: float) -> list[str]:
    """Mark all versions that a person contributed to; returns their names. Trainings that run begin again."""
    names = _contributed(database, who)
    _mark(database, names, who, now, _WITHDRAWN)
    silence(database, who)
    _begin_again(database, who)
    database.sql.execute(sa.delete(personas).where(personas.c.person.in_(who)))
    return names


def leave_group(database: Database, bot: str, persona: str, who: Collection[Identity], now: float) -> None:
    """Mark the versions of a persona's group that a person contributed to, who is of this persona no more.

    A training of the group that runs begins again.
    """
    theirs = (
        sa.select(lora_versions.c.name)
        .join(lora_contributors, lora_contributors.c.version == lora_versions.c.name)
        .where(
            lora_versions.c.bot == bot,
            lora_versions.c.level == Level.GROUP,
            lora_versions.c.subject == persona,
            lora_contributors.c.identity.in_(who),
        )
    )
    _mark(database, sorted({row.name for row in database.sql.execute(theirs)}), who, now, _LEFT)
    of_group = (training_jobs.c.bot == bot) & (training_jobs.c.level == Level.GROUP)
    _begin_again(database, who, of_group & (training_jobs.c.subject == persona))


def erase_contributions(database: Database, who: Collection[Identity], now: float) -> int:
    """Mark as :func:`withdraw` does, and leave nothing that names the person.

    Comes before the person's rewards and interactions are deleted. Returns how many rows named the person.
    """
    names = _contributed(database, who)
    _mark(database, names, who, now, _ERASED)
    _begin_again(database, who)
    own = (lora_versions.c.level == Level.PERSONAL) & lora_versions.c.subject.in_(who)
    changed = {"subject": "", "evaluation": "{}", "revision": next_revision(database)}
    steps: tuple[sa.Delete | sa.Update, ...] = (
        sa.update(lora_versions).where(own).values(changed),
        sa.delete(lora_contributors).where(lora_contributors.c.identity.in_(who) | lora_contributors.c.person.in_(who)),
        sa.delete(training_jobs).where(training_jobs.c.level == Level.PERSONAL, training_jobs.c.subject.in_(who)),
        sa.delete(personas).where(personas.c.person.in_(who)),
    )
    erased = sum(database.sql.execute(step).rowcount for step in steps)
    _erase_from_evaluations(database, who)
    return erased


def _contributed(database: Database, who: Collection[Identity]) -> list[str]:
    given = sa.select(lora_contributors.c.version).where(lora_contributors.c.identity.in_(who))
    own = sa.select(lora_versions.c.name).where(
        lora_versions.c.level == Level.PERSONAL, lora_versions.c.subject.in_(who)
    )
    return sorted({row[0] for query in (given, own) for row in database.sql.execute(query)})


def _mark(database: Database, names: Collection[str], who: Collection[Identity], now: float, why: str) -> None:
    """Make versions stale, and retire those that are of the person alone, or answer nobody."""
    rows = database.sql.execute
    for name in names:
        here = (lora_contributors.c.version == name) & lora_contributors.c.identity.in_(who)
        new = here & lora_contributors.c.withdrawn_at.is_(None)
        people = rows(sa.select(sa.func.count(sa.distinct(lora_contributors.c.person))).where(new)).scalar_one()
        rows(sa.update(lora_contributors).where(new).values(withdrawn_at=now))
        values: dict[str, Any] = {
            "stale_since": sa.func.coalesce(lora_versions.c.stale_since, now),
            "withdrawn": lora_versions.c.withdrawn + people,
            "revision": next_revision(database),
        }
        rows(sa.update(lora_versions).where(lora_versions.c.name == name).values(values))
        own = (lora_versions.c.level == Level.PERSONAL) & lora_versions.c.subject.in_(who)
        retired = sa.update(lora_versions).where(lora_versions.c.name == name, own)
        rows(retired.values(stage=Stage.RETIRED, why=why))
        retire_unserved(database, name, why)


def retire_unserved(database: Database, name: str, why: str) -> None:
    """Retire a stale version if it answers nobody: its weights and its report must not lie there for ever."""
    unserved = lora_versions.c.stage.in_(_UNSERVED) & lora_versions.c.stale_since.is_not(None)
    retired = sa.update(lora_versions).where(lora_versions.c.name == name, unserved)
    database.sql.execute(retired.values(stage=Stage.RETIRED, why=why))


def _begin_again(database: Database, who: Collection[Identity], which: sa.ColumnElement[bool] | None = None) -> None:
    """Have the trainings that may have read what the person gave begin again from nothing; only ``which``.

    Whoever has given nothing yet interrupts no training.
    """
    if first_row(database, users=who) is None and first_row(database, raters=who) is None:
        return
    begun = training_jobs.c.lease > 0  # a process has had it: a try may not count, where a stop interrupted it
    open_ = training_jobs.c.status.in_([JobStatus.WAITING, JobStatus.RUNNING])
    cancelled = sa.case((training_jobs.c.cancelling, JobStatus.CANCELLED.value), else_=JobStatus.WAITING.value)
    database.sql.execute(
        sa.update(training_jobs)
        .where(begun, open_, sa.true() if which is None else which)
        .values(
            status=cancelled,
            tries=0,
            lease=training_jobs.c.lease + 1,
            lease_until=None,
            epoch=training_jobs.c.epoch + 1,
            progress="{}",
        )
    )


def _erase_from_evaluations(database: Database, who: Collection[Identity]) -> None:
    """Take the person's name out of what was measured of versions."""
    named = sa.or_(*(position_of(lora_versions.c.evaluation, identity) > 0 for identity in who))
    for row in database.sql.execute(sa.select(lora_versions.c.name, lora_versions.c.evaluation).where(named)).all():
        try:
            found = _without(msgspec.json.decode(row.evaluation), frozenset(who))
        except UNREADABLE:
            found = {}
        here = sa.update(lora_versions).where(lora_versions.c.name == row.name)
        database.sql.execute(here.values(evaluation=msgspec.json.encode(found).decode()))


def _without(value: _Json, who: frozenset[str]) -> _Json:
    """A JSON value with :data:`ERASED` in place of every text that names one of ``who``."""
    match value:
        case str():
            return ERASED if any(name in value for name in who) else value
        case list():
            return [_without(each, who) for each in value]
        case dict():
            return {str(_without(key, who)): _without(each, who) for key, each in value.items()}
        case _:
            return value
