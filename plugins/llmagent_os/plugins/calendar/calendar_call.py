"""What every calendar tool needs during one call: the person's clock, their events, and ways to answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from llmagent_os.adapter import Button, Card
from llmagent_os.markup.word_list import join_words
from llmagent_os.plugin import ToolContext, ToolResult
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent, Occurrence, later, occurrences, stable_id
from llmagent_os.plugins.calendar.event_change import Change
from llmagent_os.plugins.calendar.event_store import EventStore
from llmagent_os.plugins.calendar.phrasing import capitalized, day_text, moment_text
from llmagent_os.plugins.calendar.reminder_timers import ReminderTimers
from llmagent_os.plugins.calendar.time.expression_parsing import parse_time_expression, parse_time_expressions
from llmagent_os.plugins.calendar.time.recurrence import Recurrence, parse_recurrence
from llmagent_os.plugins.calendar.time.time_arguments import as_written
from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError
from llmagent_os.plugins.calendar.time.time_expressions import TimeExpression, writes_month_first

MAX_NAMED_EVENTS = 5  #: in one reply; the rest is counted as "more"
SEARCH_HORIZON = timedelta(days=730)  #: how far a search without a date looks ahead


@dataclass(frozen=True)
class EventMatch:
    """An event that fits a search, at one of its times. An undated reminder has no time."""

    event: CalendarEvent
    occurrence: Occurrence | None


class CalendarCall:
    """One call of a calendar tool. All times are naive, on the person's wall clock."""

    def __init__(self, context: ToolContext) -> None:
        try:
            self.zone = ZoneInfo(context.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self.zone = ZoneInfo("UTC")
        self.context = context
        self.now: datetime = context.now.astimezone(self.zone).replace(tzinfo=None)
        self.month_first = writes_month_first(context.time_zone)
        self.reminder_timers = ReminderTimers(context.records, context.timers, context.now)
        self.store = EventStore(
            context.records, self.reminder_timers, context.conversation_key, context.now.isoformat()
        )
        self.change_id = stable_id(context.user_id, context.call_id)

    @property
    def today(self) -> date:
        """Today's date in the person's time zone."""
        return self.now.date()

    def to_wall(self, at: datetime) -> datetime:
        """Convert an aware moment to the person's wall clock."""
        return at.astimezone(self.zone).replace(tzinfo=None)

    @property
    def asks_first(self) -> bool:
        """Whether the person wants to confirm every change."""
        return self.context.initiative == "ask_first"

    @property
    def is_read(self) -> bool:
        """Whether rules read this call in the message; a model made it otherwise."""
        return ":read." in self.context.call_id

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

    @property
    def around_now(self) -> tuple[datetime, datetime]:
        """All of the time that searches cover: as far back as ahead."""
        return later(self.now, -SEARCH_HORIZON), later(self.now, SEARCH_HORIZON)

    # -- finding ------------------------------------------------------------------------------------------------------

    def matches_within(
        self, events: Sequence[CalendarEvent], spans: Sequence[tuple[datetime, datetime]]
    ) -> list[EventMatch]:
        """Return what happens in any of ``spans``, sorted by time."""
        found: dict[tuple[str, datetime], EventMatch] = {}
        for event in events:
            for start, end in spans:
                for each in occurrences(event, start, end, self.zone):
                    found[event.event_id, each.original] = EventMatch(event, each)
        return sorted(found.values(), key=_order)

    def upcoming(self, events: Sequence[CalendarEvent]) -> list[EventMatch]:
        """Return the next time of every event, sorted. Undated reminders come last."""
        found: list[EventMatch] = []
        for event in events:
            if event.start is None:
                found.append(EventMatch(event, None))
            elif each := next(occurrences(event, self.now, self.now + SEARCH_HORIZON, self.zone), None):
                found.append(EventMatch(event, each))
            elif event.all_day and (
                each := next(occurrences(event, self.now - timedelta(days=1), self.now, self.zone), None)
            ):
                found += [EventMatch(event, each)] if each.end > self.now else []
        return sorted(found, key=_order)

    def conflicts(
        self, events: Sequence[CalendarEvent], start: datetime, end: datetime, *, besides: str = ""
    ) -> list[Occurrence]:
        """Return what takes place at the same time, except reminders and all-day events.

        Args:
            events: the calendar.
            start: of the new event.
            end: of the new event.
            besides: the id of an event that does not count: the one that moves.
        """
        busy = [event for event in events if not event.reminder and not event.all_day and event.event_id != besides]
        return [each for event in busy for each in occurrences(event, start, end, self.zone)]

    # -- phrasing -----------------------------------------------------------------------------------------------------

    def time_text(self, event: CalendarEvent, start: datetime | None, *, same_day: bool = False) -> str:
        """Say when an event is. An undated reminder has "no date"."""
        if start is None:
            return "no date"
        shown = event.all_day or (event.end_said and not event.reminder)
        end = later(start, timedelta(minutes=event.minutes)) if shown else None
        return moment_text(start, self.now, end=end, all_day=event.all_day, same_day=same_day)

    def match_time_text(self, match: EventMatch) -> str:
        """Say when a found event is."""
        return self.time_text(match.event, match.occurrence.start if match.occurrence else None)

    def match_day(self, match: EventMatch) -> str:
        """Name the day of a found event: ``tomorrow``, ``Friday 27 November``. An undated reminder has "no date"."""
        if match.occurrence is None:
            return "no date"
        phrase = day_text(match.occurrence.start.date(), self.today)
        return phrase.split(",")[0] if phrase.startswith("tomorrow") else phrase

    def match_text(self, match: EventMatch, day_known: date | None = None) -> str:
        """Name a found event: ``gym, Friday 27 November at 6 PM``, or ``gym at 6 PM`` if its day is ``day_known``."""
        event, each = match.event, match.occurrence
        if each is None:
            return event.title
        if day_known == each.start.date() and not (event.all_day and event.minutes > 1440):
            return event.title if event.all_day else f"{event.title} {self.time_text(event, each.start, same_day=True)}"
        return f"{event.title}, {self.time_text(event, each.start)}"

    def summary(self, matches: Sequence[EventMatch], scope_day: date | None = None) -> tuple[dict[str, str], str]:
        """Return a result's keys ``count``, ``events`` and ``more`` for several events, and the same as a phrase."""
        names = [self.match_text(match, scope_day) for match in matches[:MAX_NAMED_EVENTS]]
        more = len(matches) - len(names)
        data = {"count": str(len(matches)), "events": "; ".join(names)} | ({"more": str(more)} if more else {})
        if any("," in name for name in names):
            return data, "; ".join(names) + (f"; and {more} more" if more else "")
        return data, join_words([*names, *([f"{more} more"] if more else [])])

    def overlap_text(self, found: Sequence[Occurrence], day_known: date) -> str:
        """Name the events of the result's key ``conflict``."""
        return join_words([self.match_text(EventMatch(each.event, each), day_known) for each in found[:2]])

    # -- answering ----------------------------------------------------------------------------------------------------

    async def perform(self, change: Change, question: str) -> ToolResult:
        """Carry out a change and offer Undo. If the person wants to confirm changes, ask ``question`` instead."""
        change = msgspec.structs.replace(change, undo=True)
        if self.asks_first:
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
                Button("Yes", f"do:{self.change_id}:0", "danger" if danger else "primary"),
                Button("No", f"no:{self.change_id}"),
            ]
        else:
            buttons = [
                Button(option.label[:80], f"do:{self.change_id}:{number}") for number, option in enumerate(options)
            ]
            buttons.append(Button("None of these", f"no:{self.change_id}"))
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


def _order(match: EventMatch) -> tuple[datetime, str]:
    return (match.occurrence.start if match.occurrence else datetime.max), match.event.title
