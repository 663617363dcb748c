"""What was used of a bot, by person, channel and period: the table ``usage``.

A row holds the sums of one period, so a budget is known from a few rows, however long the history is. Rows of periods
that ended long ago are deleted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Literal

import msgspec
import sqlalchemy as sa

from llmagent_os.identity import Identity
from llmagent_os.ledger import statements
from llmagent_os.ledger.database import Database
from llmagent_os.ledger.schema import usage
from llmagent_os.ledger.writer import Writer

Scope = Literal["person", "channel", "bot"]
Period = Literal["hour", "day", "month"]

#: For how many days sums are kept after their period began.
KEEP_DAYS: Mapping[Period, float] = {"hour": 2.0, "day": 62.0, "month": 400.0}


#: The scope of the rows that tell which messages were counted, under pseudonyms of their keys. They are kept as long as
#: the sums of an hour.
_COUNTED = "event"
_COUNTED_PERIOD: Period = "hour"


class Used(msgspec.Struct, frozen=True, kw_only=True):
    """What was used in one period."""

    messages: int = 0  #: that were answered, or are being answered
    prompt_tokens: int = 0  #: that models read
    completion_tokens: int = 0  #: that models wrote
    money: float = 0.0  #: at the prices of that time
    embedded_tokens: int = 0  #: that embedding models read
    heard_seconds: float = 0.0  #: of recordings
    spoken_seconds: float = 0.0  #: of replies that were read aloud

    @property
    def tokens(self) -> int:
        """All tokens of language models."""
        return self.prompt_tokens + self.completion_tokens

    @property
    def speech_seconds(self) -> float:
        """All speech."""
        return self.heard_seconds + self.spoken_seconds


class Account(msgspec.Struct, frozen=True):
    """What sums are kept for: a person, a channel, or the whole bot."""

    scope: Scope
    #: under which sums are written first, then others whose sums count too: a person's accounts; one for a channel
    subjects: tuple[str, ...] = ("",)


class Usage(msgspec.Struct, frozen=True):
    """Adds to the sums and reads them. Use ``Ledger.usage``."""

    writer: Writer

    async def of(self, bot: str, account: Account, begins: Mapping[Period, float]) -> dict[Period, Used]:
        """What was used in the periods that begin at these moments, in seconds since 1970."""
        return await self.writer.run(lambda database: _of(database, bot, account, begins), lasting=False, reads=True)

    async def take(
        self,
        bot: str,
        accounts: Sequence[Account],
        begins: Mapping[Period, float],
        fits: Mapping[tuple[Scope, Period], Used],
        key: str,
    ) -> tuple[Scope, Period, str] | None:
        """Count one message for all accounts, unless one of them has used as much as it may.

        A message that was counted already, and is answered again after an interruption, is neither counted nor refused.

        Checking and counting are one transaction: messages that come at the same time do not pass a limit together.

        Args:
            bot: the bot's name.
            accounts: whom the message is counted for.
            begins: when the present periods began.
            fits: by scope and period, what may be used; a number that is 0 is no limit. Tokens are in
                ``prompt_tokens``, and speech is in ``heard_seconds``.
            key: of the message's event.

        Returns:
            The scope, the period and the name of the first limit that is reached; None: the message was counted.
        """

        def work(database: Database) -> tuple[Scope, Period, str] | None:
            counted = (bot, _COUNTED, database.pseudonym(key), _COUNTED_PERIOD)
            if database.execute(statements.SELECT_COUNTED, counted).fetchone() is not None:
                return None
            for account in accounts:
                limited: dict[Period, float] = {
                    period: at for period, at in begins.items() if (account.scope, period) in fits
                }
                for period, used in _of(database, bot, account, limited).items():
                    if reached := _reached(used, fits[account.scope, period]):
                        return account.scope, period, reached
            for account in accounts:
                _add(database, bot, account, begins, Used(messages=1))
            row = (*counted, begins[_COUNTED_PERIOD], *msgspec.structs.astuple(Used(messages=1)))
            database.execute(statements.ADD_USAGE, row)
            return None

        return await self.writer.run(work, lasting=False)

    async def give_back(
        self, bot: str, accounts: Sequence[Account], periods_of: Callable[[float], Mapping[Period, float]], key: str
    ) -> None:
        """Count a message no longer, in the periods in which :meth:`take` counted it. A second time changes nothing.

        Args:
            bot: the bot's name.
            accounts: whom the message was counted for.
            periods_of: when the periods began in which a moment lies, in seconds since 1970.
            key: of the message's event.
        """

        def work(database: Database) -> None:
            row = (usage.c.bot == bot, usage.c.scope == _COUNTED, usage.c.subject == database.pseudonym(key))
            counted = database.sql.execute(sa.select(usage.c.begins).where(*row, usage.c.messages > 0)).scalar()
            if counted is None:
                return
            database.sql.execute(sa.update(usage).where(*row).values(messages=0))
            for account in accounts:
                _add(database, bot, account, periods_of(counted), Used(messages=-1))

        await self.writer.run(work, lasting=False)

    async def add(
        self,
        bot: str,
        accounts: Sequence[Account],
        begins: Mapping[Period, float],
        used: Used,
        *,
        unnamed: bool = False,
    ) -> None:
        """Add to the sums of all accounts; ``unnamed``: those of people under their pseudonyms."""

        def work(database: Database) -> None:
            for account in accounts:
                if unnamed and account.scope == "person":
                    account = Account("person", (database.pseudonym(account.subjects[0]),))
                _add(database, bot, account, begins, used)

        await self.writer.run(work, lasting=False)

    async def most(self, bot: str, scope: Scope, period: Period, begins: float, limit: int) -> list[tuple[str, Used]]:
        """Who used most messages in a period, and what each used; most first."""
        here = (usage.c.bot == bot, usage.c.scope == scope, usage.c.period == period, usage.c.begins == begins)
        query = sa.select(usage).where(*here).order_by(usage.c.messages.desc(), usage.c.subject).limit(limit)
        return await self.writer.run(
            lambda database: [(row.subject, _used(row)) for row in database.sql.execute(query)], lasting=False
        )

    async def prune(self) -> int:
        """Delete the sums of periods that ended long ago. Returns how many rows."""

        def work(database: Database) -> int:
            old = [
                sa.and_(usage.c.period == period, usage.c.begins < time.time() - days * 86_400)
                for period, days in KEEP_DAYS.items()
            ]
            return database.sql.execute(sa.delete(usage).where(sa.or_(*old))).rowcount

        return await self.writer.run(work)


def _reached(used: Used, fits: Used) -> str:
    """The name of the limit that ``used`` has reached; empty: none."""
    if fits.messages and used.messages >= fits.messages:
        return "messages"
    if fits.prompt_tokens and used.tokens >= fits.prompt_tokens:
        return "tokens"
    if fits.heard_seconds and used.speech_seconds >= fits.heard_seconds:
        return "speech"
    return "money" if fits.money and used.money >= fits.money else ""


def _of(database: Database, bot: str, account: Account, begins: Mapping[Period, float]) -> dict[Period, Used]:
    found: dict[Period, Used] = {}
    for period, at in begins.items():
        rows = [
            row
            for name in account.subjects
            for row in database.execute(
                statements.SELECT_USAGE, (bot, account.scope, name, database.pseudonym(name), period, at)
            ).fetchall()
        ]
        sums = [sum(column) for column in zip(*rows, strict=True)]
        found[period] = Used(**dict(zip(Used.__struct_fields__, sums, strict=False)))
    return found


def _add(database: Database, bot: str, account: Account, begins: Mapping[Period, float], used: Used) -> None:
    more = msgspec.structs.astuple(used)
    for period, at in begins.items():
        row = (bot, account.scope, account.subjects[0], period, at, *more)
        database.execute(statements.ADD_USAGE, row)


def _used(row: sa.Row[Any]) -> Used:
    return Used(**{name: getattr(row, name) for name in Used.__struct_fields__})


def exported_usage(database: Database, who: Collection[Identity]) -> list[dict[str, Any]]:
    """What people used, as JSON values, oldest first."""
    names = [*who, *map(database.pseudonym, who)]
    theirs = sa.select(usage).where(usage.c.scope == "person", usage.c.subject.in_(names)).order_by(usage.c.begins)
    return [
        {"bot": row.bot, "period": row.period, "begins": row.begins, **msgspec.structs.asdict(_used(row))}
        for row in database.sql.execute(theirs)
    ]


def keep_under_pseudonym(database: Database, who: Collection[Identity]) -> int:
    """Put pseudonyms in the place of people who are erased: forgetting oneself must not make a budget new."""
    theirs = (usage.c.scope == "person", usage.c.subject.in_(list(who)))
    for row in database.sql.execute(sa.select(usage).where(*theirs)).all():
        begins: dict[Period, float] = {row.period: row.begins}
        _add(database, row.bot, Account("person", (database.pseudonym(row.subject),)), begins, _used(row))
    return database.sql.execute(sa.delete(usage).where(*theirs)).rowcount
