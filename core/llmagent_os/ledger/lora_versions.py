"""The versions of LoRAs and who contributed to them: the tables ``lora_versions`` and ``lora_contributors``."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from llmagent_os.identity import Identity, PersonId, first_identity_of
from llmagent_os.ledger.canary_tests import begin_test
from llmagent_os.ledger.database import Database
from llmagent_os.ledger.identity_links import identities_of
from llmagent_os.ledger.portable import greatest, insert_or_ignore
from llmagent_os.ledger.row_codecs import readable_rewards
from llmagent_os.ledger.schema import lora_contributors, lora_versions, rewards, training_jobs
from llmagent_os.ledger.taken_back import next_revision, retire_unserved, take_off, withdraw
from llmagent_os.ledger.training_rows import encode_training_field, encode_training_row, readable_versions
from llmagent_os.ledger.training_values import JobStatus, LoraVersion, Stage
from llmagent_os.ledger.writer import Writer


class LoraVersions:
    """Keeps versions. Which moves between stages there are, :mod:`llmagent_os.training.lora_version` says."""

    def __init__(self, writer: Writer) -> None:
        """Use ``Ledger.lora_versions``."""
        self._writer = writer

    async def add(
        self, version: LoraVersion, contributors: Collection[PersonId], *, lease: int | None = None
    ) -> LoraVersion | None:
        """Keep a new version with its contributors and those of its parent, and end the job that made it.

        Args:
            version: its name is a new one. A name that is there already changes nothing.
            contributors: whose words or reactions it was trained on.
            lease: of the version's job; None: no job made it.

        Returns:
            The version as it is kept. None: the job has another lease now, and nothing was kept.
        """
        return await self._writer.run(lambda database: _add(database, version, contributors, lease))

    async def get(self, name: str) -> LoraVersion | None:
        """The version of this name; None: there is none."""
        return next(iter(await self._select(lora_versions.c.name == name)), None)

    async def all(self, bot: str | None = None) -> list[LoraVersion]:
        """All versions, oldest first; those of ``bot`` only."""
        return await self._select(*(() if bot is None else (lora_versions.c.bot == bot,)))

    async def in_stages(self, bot: str, stages: Collection[Stage]) -> list[LoraVersion]:
        """The bot's versions in these stages, oldest first."""
        return await self._select(lora_versions.c.bot == bot, lora_versions.c.stage.in_(stages))

    async def contributors(self, name: str) -> list[tuple[PersonId, datetime | None]]:
        """Who contributed to a version, and when they took something back; None: they did not."""
        query = (
            sa.select(lora_contributors.c.person, sa.func.min(lora_contributors.c.withdrawn_at).label("back"))
            .where(lora_contributors.c.version == name)
            .group_by(lora_contributors.c.person)
            .order_by(lora_contributors.c.person)
        )

        def work(database: Database) -> list[tuple[PersonId, datetime | None]]:
            return [
                (PersonId(row.person), None if row.back is None else datetime.fromtimestamp(row.back).astimezone())
                for row in database.sql.execute(query)
            ]

        return await self._writer.run(work)

    async def contributing(self, bot: str, stages: Collection[Stage]) -> list[Identity]:
        """The accounts that contributed to a version of the bot in one of ``stages``, and took nothing back of it."""
        query = (
            sa.select(lora_contributors.c.identity)
            .distinct()
            .join(lora_versions, lora_versions.c.name == lora_contributors.c.version)
            .where(lora_versions.c.bot == bot, lora_versions.c.stage.in_(stages))
            .where(lora_contributors.c.withdrawn_at.is_(None))
            .order_by(lora_contributors.c.identity)
        )
        return await self._writer.run(
            lambda database: [Identity(row.identity) for row in database.sql.execute(query)], lasting=False
        )

    async def revision(self) -> int:
        """The revision of the last change of any version; 0: there is none. Costs one look into an index."""
        query = sa.select(sa.func.max(lora_versions.c.revision))
        return await self._writer.run(
            lambda database: int(database.sql.execute(query).scalar() or 0), lasting=False, reads=True
        )

    async def move(self, version: LoraVersion, stage: Stage, why: str, now: datetime) -> bool:
        """Move a version to another stage. Where it becomes active, its predecessor is retired.

        Returns:
            Whether it was moved. False: its stage is not that of ``version`` any more.
        """

        def work(database: Database) -> bool:
            if _stage(database, version.name) != version.stage:
                return False
            _move(database, version, stage, why, now)
            return True

        return await self._writer.run(work)

    async def roll_back(
        self, version: LoraVersion, why: str, now: datetime, base_hash: str = ""
    ) -> tuple[bool, LoraVersion | None]:
        """Take a version back. If it was active, the one that was active before it becomes active again.

        Stale versions do not: somebody has taken back what they were trained on. Nor do those of another base model
        than ``base_hash``; empty: than that of ``version``.

        Returns:
            Whether it was taken back (False: its stage is not that of ``version`` any more), and the version that
            became active (None: there is none, and the level above answers).
        """

        def work(database: Database) -> tuple[bool, LoraVersion | None]:
            if _stage(database, version.name) != version.stage:
                return False, None
            _move(database, version, Stage.ROLLED_BACK, why, now)
            before = _predecessor(database, version, base_hash) if version.stage == Stage.ACTIVE else None
            if before is not None:
                _move(database, before, Stage.ACTIVE, f"{version.name} was rolled back", now)
            return True, before

        return await self._writer.run(work)

    async def note_evaluation(self, name: str, evaluation: dict[str, Any]) -> None:
        """Replace what was measured of a version."""
        await self._writer.run(lambda database: _update(database, name, evaluation=evaluation))

    async def withdraw(self, identities: Collection[Identity], now: datetime) -> list[str]:
        """Mark what a person contributed to, as :func:`~llmagent_os.ledger.taken_back.withdraw` does."""
        return await self._writer.run(lambda database: withdraw(database, identities, now.timestamp()))

    async def contributed(self, identities: Collection[Identity]) -> list[LoraVersion]:
        """The versions that a person contributed to, oldest first."""
        given = sa.select(lora_contributors.c.version).where(lora_contributors.c.identity.in_(identities))
        return await self._select(lora_versions.c.name.in_(given) | lora_versions.c.subject.in_(identities))

    async def unneeded(self) -> list[str]:
        """The names of versions whose files are to be deleted: retired, and trained on what was taken back."""
        found = await self._select(lora_versions.c.stage == Stage.RETIRED, lora_versions.c.stale_since.is_not(None))
        return [version.name for version in found]

    async def _select(self, *where: sa.ColumnElement[bool]) -> list[LoraVersion]:
        query = sa.select(lora_versions).where(*where).order_by(lora_versions.c.seq)
        return await self._writer.run(
            lambda database: readable_versions(database, database.sql.execute(query).mappings().all())
        )


def _add(
    database: Database, version: LoraVersion, contributors: Collection[PersonId], lease: int | None
) -> LoraVersion | None:
    rows = database.sql.execute
    if lease is not None and not _end_job(database, version, lease):
        return None
    stage, why = version.stage, version.why
    if (known := _get(database, version.name)) is not None:
        return known
    kept = msgspec.structs.replace(version, stage=Stage.CANDIDATE, why="", revision=next_revision(database))
    rows(sa.insert(lora_versions).values(encode_training_row(kept)))
    given = {(identity, person) for person in contributors for identity in _everyone(database, person)}
    parent = sa.select(lora_contributors).where(lora_contributors.c.version == version.parent)
    for identity, person in sorted(given):
        rows(sa.insert(lora_contributors).values(version=version.name, identity=identity, person=person))
    for row in rows(parent).all():
        inherited = {"version": version.name, "identity": row.identity, "person": row.person}
        rows(insert_or_ignore(lora_contributors).values(inherited | {"withdrawn_at": row.withdrawn_at}))
    here = lora_contributors.c.version == version.name
    people = rows(sa.select(sa.func.count(sa.distinct(lora_contributors.c.person))).where(here)).scalar_one()
    old = _get(database, version.parent)
    stale = (
        {} if old is None or old.stale_since is None else {"stale_since": old.stale_since, "withdrawn": old.withdrawn}
    )
    _update(database, version.name, people=people, **stale)
    if stage != Stage.CANDIDATE:
        _move(database, kept, stage, why, version.created_at)
    retire_unserved(database, version.name, "people took back what its parent was trained on")
    _take_off_since(database, version)
    return _get(database, version.name)


def _everyone(database: Database, person: PersonId) -> list[Identity]:
    return identities_of(database, first_identity_of(person))


def _take_off_since(database: Database, version: LoraVersion) -> None:
    """Mark the version where a reaction was taken off while it was trained."""
    raters = sa.select(lora_contributors.c.identity).where(lora_contributors.c.version == version.name)
    since = sa.select(rewards).where(
        rewards.c.seq > version.through, rewards.c.op == "remove", rewards.c.rater_id.in_(raters)
    )
    for reward in readable_rewards(database, database.sql.execute(since).mappings().all()):
        take_off(database, reward)


def _end_job(database: Database, version: LoraVersion, lease: int) -> bool:
    """Note that the job has made the version. False: it has another lease now."""
    now = version.created_at.timestamp()
    running = (training_jobs.c.job_id == version.job) & (training_jobs.c.status == JobStatus.RUNNING)
    ended = {
        "status": JobStatus.DONE,
        "version": version.name,
        "why": f"made {version.name}: {version.stage.value}" + (f", {version.why}" if version.why else ""),
        "lease_until": None,
        "finished_at": now,
        "seconds": training_jobs.c.seconds + greatest(0.0, now - training_jobs.c.started_at),
    }
    end = sa.update(training_jobs).where(running, training_jobs.c.lease == lease).values(ended)
    return database.sql.execute(end).rowcount > 0


def _get(database: Database, name: str) -> LoraVersion | None:
    rows = database.sql.execute(sa.select(lora_versions).where(lora_versions.c.name == name)).mappings().all()
    return next(iter(readable_versions(database, rows)), None)


def _stage(database: Database, name: str) -> str | None:
    return database.sql.execute(sa.select(lora_versions.c.stage).where(lora_versions.c.name == name)).scalar()


def _update(database: Database, name: str, **values: Any) -> None:
    row = {key: encode_training_field(key, value) for key, value in values.items()}
    here = sa.update(lora_versions).where(lora_versions.c.name == name)
    database.sql.execute(here.values(row | {"revision": next_revision(database)}))


def _slot(version: LoraVersion) -> sa.ColumnElement[bool]:
    """The versions that would take each other's place."""
    return sa.and_(
        lora_versions.c.bot == version.bot,
        lora_versions.c.level == version.level,
        lora_versions.c.subject == version.subject,
    )


def _move(database: Database, version: LoraVersion, stage: Stage, why: str, now: datetime) -> None:
    if stage == Stage.CANARY:
        _retire_canaries(database, version)
        begin_test(database, version.name, version.bot)
    if stage != Stage.ACTIVE:
        _update(database, version.name, stage=stage, why=why)
        return
    serving = [Stage.ACTIVE, Stage.CANARY, Stage.SHADOW, Stage.ROLLED_BACK]
    is_stale = lora_versions.c.stale_since.is_not(None) & lora_versions.c.stage.in_(serving)
    replaced = (lora_versions.c.stage == Stage.ACTIVE) | is_stale
    old = sa.select(lora_versions.c.name).where(_slot(version), replaced, lora_versions.c.name != version.name)
    for row in database.sql.execute(old).all():
        _update(database, row.name, stage=Stage.RETIRED, why=f"{version.name} took its place")
    _update(database, version.name, stage=stage, why=why, promoted_at=now)


def _retire_canaries(database: Database, version: LoraVersion) -> None:
    """Retire the level's canaries that were not decided yet: only one is tested at a time."""
    others = sa.select(lora_versions.c.name).where(
        _slot(version), lora_versions.c.stage == Stage.CANARY, lora_versions.c.name != version.name
    )
    for row in database.sql.execute(others).all():
        _update(database, row.name, stage=Stage.RETIRED, why=f"{version.name} took its place before it was decided")


def _predecessor(database: Database, version: LoraVersion, base_hash: str) -> LoraVersion | None:
    """The version that was active before ``version``, and may be active again."""
    query = sa.select(lora_versions).where(
        _slot(version),
        lora_versions.c.stage == Stage.RETIRED,
        lora_versions.c.promoted_at.is_not(None),
        lora_versions.c.stale_since.is_(None),
        lora_versions.c.base_hash == (base_hash or version.base_hash),
    )
    rows = database.sql.execute(query.order_by(lora_versions.c.promoted_at.desc()).limit(1)).mappings().all()
    return next(iter(readable_versions(database, rows)), None)
