"""Keeps a bot's working hours before the agent sees a message.

It is composed in plain sight: ``Admission(WorkingHours(Budgeting(agent, budgets), …), access)``. Commands, buttons and
timers always work.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from llmagent_os.adapter import Reply
from llmagent_os.etiquette.hours_config import HoursConfig
from llmagent_os.events import Event, Message, event_key
from llmagent_os.handler import Draft, Handler, Outcome
from llmagent_os.languages import gettext
from llmagent_os.ledger import Ledger

#: How many messages of one account are kept until the bot works again.
MOST_HELD = 20

#: How long a closed period is that has no end in sight. After that the sentence is said once more.
LONG_CLOSED = timedelta(days=7)


class WorkingHours:
    """A handler that passes messages on while the bot works, and says once in a conversation that it does not."""

    def __init__(
        self, handler: Handler, hours: HoursConfig, ledger: Ledger, *, zone: str, clock: Callable[[], datetime]
    ) -> None:
        """Args:
        handler: answers while the bot works.
        hours: of the bot.
        ledger: keeps who was told, and what is answered later.
        zone: the IANA name of the machine's time zone.
        clock: the present moment, aware.
        """
        self._handler = handler
        self._hours = hours
        self._ledger = ledger
        self._zone = zone
        self._clock = clock

    async def handle(self, event: Event, draft: Draft) -> Outcome:
        hours = self._hours
        if not isinstance(event, Message) or event.sender.is_bot or hours.after_hours == "answer":
            return await self._handler.handle(event, draft)
        now = self._clock()
        if hours.is_working(now, self._zone):
            return await self._handler.handle(event, draft)
        if not event.addressed:  # people talk to each other
            return Outcome(None)
        return await self._closed(event, now)

    async def _closed(self, message: Message, now: datetime) -> Outcome:
        hours, silences = self._hours, self._ledger.silences
        opening = hours.opening(now, self._zone)
        later = opening if hours.after_hours == "answer_later" else None
        if later is not None and not await self._ledger.held.hold(message, later, MOST_HELD):
            full = gettext("I keep no more messages until then. Please write again when I am back.")
            return Outcome(Reply(full))
        told = await silences.find(message.conversation, "closed", now)
        if told is not None and told.begun_by != event_key(message):
            return Outcome(None)
        await silences.begin(message, "closed", opening or now + LONG_CLOSED)
        return Outcome(Reply(hours.said(opening, self._zone)))
