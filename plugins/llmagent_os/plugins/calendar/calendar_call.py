"""What every calendar tool needs during one call: the person's clock, their events, and ways to answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import msgspec

from llmagent_os.adapter import Button, Card
from llmagent_os.languages import gettext
from llmagent_os.plugin import ToolContext, ToolResult
from llmagent_os.plugins.calendar.calendar_event import stable_id
from llmagent_os.plugins.calendar.event_change import Change
from llmagent_os.plugins.calendar.event_store import EventStore
from llmagent_os.plugins.calendar.person_clock import PersonClock
from llmagent_os.plugins.calendar.phrasing import capitalized, day_text, moment_text
from llmagent_os.plugins.calendar.reminder_timers import ReminderTimers
from llmagent_os.plugins.calendar.shared_events import told_of
from llmagent_os.plugins.calendar.time.expression_parsing import parse_time_expression, parse_time_expressions
from llmagent_os.plugins.calendar.time.recurrence import Recurrence, parse_recurrence
from llmagent_os.plugins.calendar.time.time_arguments import as_written
from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError
from llmagent_os.plugins.calendar.time.time_expressions import TimeExpression, writes_month_first
from llmagent_os.tools.button_labels import NO, YES

#: Stands in the id of a call that no model made.
READ_CALL = ":read."


class CalendarCall(PersonClock):
    """One call of a calendar tool. All times are naive, on the person's wall clock."""

    def __init__(self, context: ToolContext) -> None:
        super().__init__(context.now, context.time_zone)
        self.context = context
        self.month_first = writes_month_first(context.time_zone)
        self.reminder_timers = ReminderTimers(context.records, context.timers, context.now)
        self.store = EventStore(
            context.records, self.reminder_timers, context.conversation_key, context.now.isoformat()
        )
        self.change_id = stable_id(context.user_id, context.call_id)

    @property
    def asks_first(self) -> bool:
        """Whether the person wants to confirm every change."""
        return self.context.initiative == "ask_first"

    @property
    def is_read(self) -> bool:
        """Whether rules read this call in the message; a model made it otherwise."""
        return READ_CALL in self.context.call_id

    @property
    def words(self) -> str:
        """The words that ask for this call. See :meth:`as_read`."""
        return self.context.text

    def assumes_zone(self, when: TimeExpression) -> bool:
        """Whether ``when`` is a time on the person's own clocks, and nobody knows yet which these are.

        "In two hours" and "3 PM London time" are the same moment everywhere.
        """
        said_zone = when.time_of_day is not None and bool(when.time_of_day.zone)
        return self.context.profile.time_zone is None and when.moment is None and not said_zone

    async def as_read(self) -> CalendarCall:
        """Return this call with the words that rules read for it alone, where the message holds several requests.

        It asks first where these words leave open whether the person wants it. A call of a model stays as it is.
        """
        read = await self.store.read_call(self.context.call_id)
        if read is None:
            return self
        call = CalendarCall(replace(self.context, text=str(read["words"])))
        return call.asking() if read["unsure"] else call

    def asking(self) -> CalendarCall:
        """Return this call as one that asks first."""
        return CalendarCall(replace(self.context, initiative="ask_first"))

    def parse(self, date_said: str | None, time_said: str | None, anchor: date | None = None) -> TimeExpression:
        """Parse a date and a time in the person's words. Raises TimeExpressionError."""
        if not self.is_read:  # what rules read is exact
            date_said, time_said = as_written(date_said, time_said, self.words, month_first=self.month_first)
        return parse_time_expression(
            date_said, time_said, self.now, anchor=anchor, month_first=self.month_first, zone=self.zone
        )

    def parse_several(
        self, date_said: str | None, time_said: str | None, *, paired: bool = False
    ) -> tuple[TimeExpression, ...]:
        """Parse the dates and times of several events, at least one. Raises TimeExpressionError."""
        return parse_time_expressions(
            date_said, time_said, self.now, month_first=self.month_first, zone=self.zone, paired=paired
        )

    def parse_repetition(self, said: str) -> Recurrence:
        """Parse a repetition with its limits, in the person's words. Raises TimeExpressionError."""
        return parse_recurrence(said, self.today, month_first=self.month_first)

    async def done_before(self) -> ToolResult | None:
        """Return the result of this call if it already ran before a crash. Finishes what the crash cut short."""
        change = await self.store.change(self.change_id)
        if change is None:
            return None
        return change.result(self.change_id) if change.undone else await self.store.apply(self.change_id, change)

    # -- answering ----------------------------------------------------------------------------------------------------

    async def perform(self, change: Change, question: str) -> ToolResult:
        """Carry out a change and offer Undo. If the person wants to confirm changes, ask ``question`` instead."""
        change = msgspec.structs.replace(change, undo=True)
        told = await told_of(self.context.records, change) if self.context.must_ask else ""
        if told:
            question = f"{told} {question}"
        if self.asks_first or told:
            data = {**change.data, "status": "confirm"}
            return await self.ask((change,), data, question)
        return await self.store.apply(self.change_id, change)

    async def ask(
        self,
        options: tuple[Change, ...],
        data: dict[str, str],
        question: str,
        card: Card | None = None,
        *,
        danger: bool = False,
    ) -> ToolResult:
        """Ask a question with buttons: Yes and No for one option, otherwise one button per option.

        Args:
            options: the changes of which one is carried out.
            data: of the result.
            question: what to ask.
            card: what it is about.
            danger: whether much is lost. In words, only "yes" in the very next turn carries it out then.
        """
        await self.store.ask(self.change_id, options)
        if len(options) == 1:
            buttons = [
                Button(str(YES), f"do:{self.change_id}:0", "danger" if danger else "primary"),
                Button(str(NO), f"no:{self.change_id}"),
            ]
        else:
            buttons = [
                Button(option.label[:80], f"do:{self.change_id}:{number}") for number, option in enumerate(options)
            ]
            buttons.append(Button(gettext("None of these"), f"no:{self.change_id}"))
        return ToolResult(data, question, card=card, buttons=tuple(buttons))

    def unclear_reply(self, error: TimeExpressionError, **known: str) -> ToolResult:
        """Answer words that could not be understood. ``known`` goes into the result's data."""
        if error.problem == "past" and error.at:
            when = day_text(error.at.date(), self.today) if error.field == "date" else moment_text(error.at, self.now)
            what = f", so I left {known['title']} as it was" if "title" in known else ""
            return ToolResult(
                {"status": "past", **known, "when": when}, f"{capitalized(when)} has already passed{what}."
            )
        noun = {"date": "day", "time": "time", "duration": "length", "repeat": "repetition"}[error.field]
        if error.why:
            data = {"status": "unclear", "need": error.field, "heard": error.heard, "why": error.why, **known}
            question = {"repeat": "When is it to repeat?", "duration": "How long is it?"}.get(error.field)
            return ToolResult(data, f"{error.why} {question or f'Which {noun} did you mean?'}")
        asked = f"I couldn't work out the {noun} “{error.heard}”. Could you say it another way?"
        return ToolResult({"status": "unclear", "need": error.field, "heard": error.heard, **known}, asked)
