"""Knows what people, channels and a bot may use, and what they have used. The ledger keeps the sums."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import msgspec

from llmagent_os.events import Event, event_key, now
from llmagent_os.identity import identity_of
from llmagent_os.languages import gettext, lazy_gettext, ngettext
from llmagent_os.languages.written_phrases import decimal_text, join_sentences, moment_text
from llmagent_os.ledger.usage_sums import Account, Period, Scope, Used
from llmagent_os.people.budget_config import BudgetConfig

if TYPE_CHECKING:
    from llmagent_os.ledger import Ledger
    from llmagent_os.people.directory import Directory
    from llmagent_os.serving.token_tally import TokenTally

PERIODS: tuple[Period, ...] = ("hour", "day", "month")

#: What a person reads first whose message is not answered, by whose limit is reached and its period.
_REACHED = {
    ("person", "hour"): lazy_gettext("You have used what there is for this hour: {what}."),
    ("person", "day"): lazy_gettext("You have used what there is for this day: {what}."),
    ("person", "month"): lazy_gettext("You have used what there is for this month: {what}."),
    ("channel", "hour"): lazy_gettext("This channel has used what there is for this hour: {what}."),
    ("channel", "day"): lazy_gettext("This channel has used what there is for this day: {what}."),
    ("channel", "month"): lazy_gettext("This channel has used what there is for this month: {what}."),
    ("bot", "hour"): lazy_gettext("I have used what there is for this hour: {what}."),
    ("bot", "day"): lazy_gettext("I have used what there is for this day: {what}."),
    ("bot", "month"): lazy_gettext("I have used what there is for this month: {what}."),
}


class Reached(msgspec.Struct, frozen=True):
    """A limit that is reached."""

    scope: Scope
    period: Period
    name: str  #: messages, tokens, speech or money
    until: datetime  #: when the next period begins, in the bot's time zone


class Budgets:
    """The budgets of one bot."""

    def __init__(
        self,
        ledger: Ledger,
        directory: Directory,
        config: BudgetConfig,
        bot: str,
        zone: str,
        clock: Callable[[], datetime] = now,
    ) -> None:
        """Args:
        ledger: keeps the sums.
        directory: knows which accounts are one person.
        config: the limits and the prices.
        bot: the bot's name.
        zone: the time zone in which days and months begin.
        clock: the present moment, aware.
        """
        self.config = config
        self.bot = bot
        self._usage = ledger.usage
        self._directory = directory
        self._zone = ZoneInfo(zone)
        self._clock = clock

    async def take(self, event: Event) -> Reached | None:
        """Count a message that is to be answered, unless a limit is reached, which is returned.

        A message that is answered again after an interruption is counted once.

        Raises:
            LedgerError: the ledger cannot be used.
        """
        at = self.present
        accounts, key = await self._accounts(event), event_key(event)
        found = await self._usage.take(self.bot, accounts, begins_at(at), self.config.fits, key)
        return None if found is None else Reached(*found, next_period(at, found[1]))

    async def give_back(self, event: Event) -> None:
        """Count a message no longer to which the bot chose to say nothing. It is given back once.

        Raises:
            LedgerError: the ledger cannot be written.
        """
        await self._usage.give_back(self.bot, await self._accounts(event), self._periods_of, event_key(event))

    def _periods_of(self, seconds: float) -> dict[Period, float]:
        """When the periods began in which a moment lies, all in seconds since 1970."""
        return begins_at(datetime.fromtimestamp(seconds, self._zone))

    async def add(self, event: Event, tally: TokenTally, *, unnamed: bool = False) -> None:
        """Count what models did for an answer.

        Args:
            event: what was answered.
            tally: what they read, wrote, heard and spoke.
            unnamed: write no name, only the pseudonym of the person, whose sums count for them all the same.

        Raises:
            LedgerError: the ledger cannot be written.
        """
        used = Used(**asdict(tally))
        if used != Used():
            used = msgspec.structs.replace(used, money=self.config.price.of(used))
            await self._usage.add(self.bot, await self._accounts(event), begins_at(self.present), used, unnamed=unnamed)

    async def used_by(self, event: Event) -> list[tuple[Scope, dict[Period, Used]]]:
        """What the person who did ``event`` has used in the present periods, and the channel if it is one."""
        accounts = await self._accounts(event)
        return [
            (each.scope, await self._usage.of(self.bot, each, begins_at(self.present)))
            for each in accounts
            if each.scope != "bot"
        ]

    async def _accounts(self, event: Event) -> list[Account]:
        """Whom an event is counted for. A direct conversation is no channel: it is the person."""
        identity, where = identity_of(event), event.conversation
        person = await self._directory.person_of(identity)
        everyone = await self._directory.identities_of(identity)
        accounts = [Account("person", tuple(dict.fromkeys((str(person), *everyone))))]
        if where.kind == "group":
            accounts.append(Account("channel", (f"{where.platform}:{where.workspace}:{where.channel}",)))
        return [*accounts, Account("bot")]

    @property
    def present(self) -> datetime:
        """The present moment in the bot's time zone."""
        return self._clock().astimezone(self._zone)


def begins_at(at: datetime) -> dict[Period, float]:
    """When the hour, the day and the month of a moment began there, in seconds since 1970.

    >>> from datetime import UTC
    >>> begins_at(datetime(2030, 3, 1, 14, 30, tzinfo=UTC))["month"] == datetime(2030, 3, 1, tzinfo=UTC).timestamp()
    True
    """
    hour = at.replace(minute=0, second=0, microsecond=0)
    day = hour.replace(hour=0, fold=0)
    return {"hour": hour.timestamp(), "day": day.timestamp(), "month": day.replace(day=1).timestamp()}


def next_period(at: datetime, period: Period) -> datetime:
    """When the next period begins, in the time zone of ``at``."""
    if period == "hour":
        later = datetime.fromtimestamp(begins_at(at)["hour"] + 3600, at.tzinfo)
        return later.replace(minute=0)  # where clocks change by half an hour
    day = at.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if period == "day":
        return day + timedelta(days=1)
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def said(reached: Reached, budgets: Budgets) -> str:
    """What a person reads whose message is not answered because a limit is reached."""
    limit = budgets.config.limits[reached.scope, reached.period]
    match reached.name:
        case "messages":
            what = ngettext("{count} message", "{count} messages", limit.messages or 0)
        case "tokens":
            what = ngettext("{count} token", "{count} tokens", limit.tokens or 0)
        case "speech":
            what = gettext("{minutes} minutes of speech", minutes=decimal_text(limit.speech or 0))
        case _:
            what = f"{decimal_text(limit.money or 0, 2)} {budgets.config.price.currency}"
    when = f"{reached.until:%H:%M}" if reached.period == "hour" else moment_text(reached.until)
    zone = getattr(reached.until.tzinfo, "key", "UTC")
    again = gettext("I answer messages again from {when} ({zone}).", when=when, zone=zone)
    usage = gettext("Commands and buttons work all the same; `/usage` shows what you have used.")
    return join_sentences([_REACHED[reached.scope, reached.period].format(what=what), again, usage])
