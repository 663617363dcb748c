"""The tests of canaries and the conversations that were counted: ``canary_tests`` and ``canary_conversations``.

A page of replies is looked at in one transaction: what was counted, and the row up to which was counted, are written
together. So nothing is counted twice, whenever the process is killed.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

import msgspec
import sqlalchemy as sa

from llmagent_os.ledger.canary_values import CanaryConversation, CanaryTest, CanaryTrial, TrialReply
from llmagent_os.ledger.damaged_rows import UNREADABLE
from llmagent_os.ledger.database import Database
from llmagent_os.ledger.portable import upsert
from llmagent_os.ledger.schema import canary_conversations, canary_tests, interactions, rewards
from llmagent_os.ledger.writer import Writer

_COLUMNS = tuple(interactions.c[name] for name in TrialReply.__struct_fields__ if name != "trial")


class _Context(msgspec.Struct):
    """Of a reply's context, what is read here."""

    canary: CanaryTrial | None = None


class CanaryTests:
    """Keeps what is known of canaries that are tested. How they are tested, the training says."""

    def __init__(self, writer: Writer) -> None:
        """Use ``Ledger.canary_tests``."""
        self._writer = writer

    async def all(self, bot: str) -> list[CanaryTest]:
        """The tests of a bot's versions, those that have ended too."""
        query = sa.select(canary_tests).where(canary_tests.c.bot == bot)
        return await self._writer.run(lambda database: _tests(database, query), reads=True)

    async def get(self, version: str) -> CanaryTest | None:
        """The test of a version; None: it was never a canary."""
        query = sa.select(canary_tests).where(canary_tests.c.version == version)
        return await self._writer.run(lambda database: next(iter(_tests(database, query)), None), reads=True)

    async def conversations(self, version: str) -> list[CanaryConversation]:
        """The conversations that were counted in a version's test, in their order."""
        query = sa.select(canary_conversations).where(canary_conversations.c.version == version)

        def work(database: Database) -> list[CanaryConversation]:
            return [
                CanaryConversation(
                    person=row.person,
                    by_canary=row.by_canary,
                    reward=row.reward,
                    begun_at=datetime.fromtimestamp(row.begun_at, UTC),
                )
                for row in database.sql.execute(query.order_by(canary_conversations.c.seq))
            ]

        return await self._writer.run(work)

    async def begin(self, version: str, settings: str, against: str) -> None:
        """Begin a test, or begin it again with other settings or against another version. Nothing is counted yet."""

        def work(database: Database) -> None:
            database.sql.execute(sa.delete(canary_conversations).where(canary_conversations.c.version == version))
            changed = {"settings": settings, "against": against, "epoch": canary_tests.c.epoch + 1}
            database.sql.execute(sa.update(canary_tests).where(canary_tests.c.version == version).values(changed))

        await self._writer.run(work)

    async def count(self, test: CanaryTest, through: int, counted: Sequence[CanaryConversation]) -> bool:
        """Note that replies up to row ``through`` were looked at, and what was counted of them.

        Returns:
            Whether it was noted. False: the test is not as ``test`` says any more, and nothing was.
        """
        rows = [
            {"version": test.version, **msgspec.structs.asdict(each), "begun_at": each.begun_at.timestamp()}
            for each in counted
        ]
        same = sa.and_(
            canary_tests.c.version == test.version,
            canary_tests.c.through == test.through,
            canary_tests.c.epoch == test.epoch,
        )

        def work(database: Database) -> bool:
            if not database.sql.execute(sa.update(canary_tests).where(same).values(through=through)).rowcount:
                return False
            if rows:
                database.sql.execute(sa.insert(canary_conversations), rows)
            return True

        return await self._writer.run(work)

    async def end(self, version: str) -> None:
        """Note that a test was decided, and that its report is written."""
        query = sa.update(canary_tests).where(canary_tests.c.version == version).values(ended=True)
        await self._writer.run(lambda database: database.sql.execute(query))

    # ── replies ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def replies_after(self, seq: int, limit: int) -> list[TrialReply]:
        """At most ``limit`` replies after row ``seq``, in their order, with the test that they are part of."""
        query = _replies().where(interactions.c.seq > seq).order_by(interactions.c.seq).limit(limit)
        return await self._writer.run(lambda database: _read(database, query), reads=True)

    async def first_of_conversation(self, reply: TrialReply) -> bool:
        """Whether no earlier reply of the same episode is part of a test. Looks at the episode only."""
        if not reply.turn_index:
            return True
        before = (
            _replies()
            .where(*_of_person(reply), interactions.c.seq < reply.seq)
            .order_by(interactions.c.seq.desc())
            .limit(reply.turn_index)
        )
        found = await self._writer.run(lambda database: _read(database, before), reads=True)
        return not any(each.trial and each.episode_id == reply.episode_id for each in found)

    async def conversation(self, first: TrialReply, until: datetime) -> list[TrialReply]:
        """The replies of an episode from ``first`` on that are part of its test, given until a moment."""
        query = _replies().where(
            *_of_person(first),
            interactions.c.seq >= first.seq,
            interactions.c.created_at <= until.timestamp(),
            interactions.c.episode_id == first.episode_id,
        )
        found = await self._writer.run(lambda database: _read(database, query.order_by(interactions.c.seq)), reads=True)
        return [each for each in found if each.trial and first.trial and each.trial.version == first.trial.version]


# ── inside the caller's transaction ───────────────────────────────────────────────────────────────────────────────────


def begin_test(database: Database, version: str, bot: str) -> None:
    """Begin the test of a version that becomes a canary: replies and rewards from now on are looked at."""
    database.sql.execute(sa.delete(canary_conversations).where(canary_conversations.c.version == version))
    row = {
        "version": version,
        "bot": bot,
        "through": _last(database, interactions.c.seq),
        "rewards_from": _last(database, rewards.c.seq),
        "settings": "",
        "against": "",
        "epoch": 0,
        "ended": False,
    }
    database.sql.execute(upsert(canary_tests).values(row))


def silence(database: Database, who: Collection[str]) -> None:
    """Take what people thought out of the tests: their conversations count as if they had said nothing."""
    theirs = canary_conversations.c.person.in_(who)
    touched = sa.select(canary_conversations.c.version).where(theirs)
    raised = sa.update(canary_tests).where(canary_tests.c.version.in_(touched))
    database.sql.execute(raised.values(epoch=canary_tests.c.epoch + 1))
    database.sql.execute(sa.update(canary_conversations).where(theirs).values(reward=0.0))


def erase_from_tests(database: Database, who: Collection[str]) -> int:
    """Leave nobody's name in the tests. Comes after the person's replies are deleted. Returns how many rows had one."""
    silence(database, who)
    named = sa.update(canary_conversations).where(canary_conversations.c.person.in_(who))
    erased = database.sql.execute(named.values(person="")).rowcount
    last = _last(database, interactions.c.seq)  # the numbers of deleted rows at the end are given again
    late = sa.update(canary_tests).where(canary_tests.c.through > last)
    database.sql.execute(late.values(through=last, epoch=canary_tests.c.epoch + 1))
    return erased


def _last(database: Database, column: sa.Column[int]) -> int:
    return int(database.sql.execute(sa.select(sa.func.max(column))).scalar() or 0)


def _tests(database: Database, query: sa.Select[tuple[object, ...]]) -> list[CanaryTest]:
    return [CanaryTest(**dict(row)) for row in database.sql.execute(query).mappings()]


def _replies() -> sa.Select[tuple[object, ...]]:
    return sa.select(*_COLUMNS, interactions.c.context)


def _of_person(reply: TrialReply) -> tuple[sa.ColumnElement[bool], ...]:
    return interactions.c.user_id == reply.user_id, interactions.c.conversation_key == reply.conversation_key


def _read(database: Database, query: sa.Select[tuple[object, ...]]) -> list[TrialReply]:
    return [_reply(dict(row)) for row in database.sql.execute(query).mappings()]


def _reply(row: dict[str, object]) -> TrialReply:
    """A reply. Where its context is damaged, it is part of no test: whoever reads the whole row notes the damage."""
    try:
        trial = msgspec.json.decode(str(row.pop("context")), type=_Context).canary
    except UNREADABLE:
        trial = None
    fields = row | {"created_at": datetime.fromtimestamp(float(str(row["created_at"])), UTC), "trial": trial}
    return TrialReply(**fields)  # type: ignore[arg-type]
