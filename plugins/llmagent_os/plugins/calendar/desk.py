"""What every calendar tool has at hand during one call: the person's clock, their events, and how to answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from llmagent_os.adapter import Button, Card
from llmagent_os.plugin import ToolContext, ToolResult
from llmagent_os.plugins.calendar.bell import Bell
from llmagent_os.plugins.calendar.events import Change, Event, Occurrence, Store, identity, occurrences
from llmagent_os.plugins.calendar.problems import WhenError
from llmagent_os.plugins.calendar.when import When, month_first, read
from llmagent_os.plugins.calendar.wording import day, listed, moment, sentence

MAX_TOLD = 5  #: events that a reply names
HORIZON = timedelta(days=730)  #: how far "everything to come" looks

_REMINDER = re.compile(
    r"\b(remind\w*|don'?t (?:let me )?forget|remember to|nudge|ping me|alert me|notify me|alarm)\b", re.I
)


@dataclass(frozen=True)
class Match:
    """An event that fits a search, and the time of it that is meant; none of an undated reminder."""

    event: Event
    occurrence: Occurrence | None


class Desk:
    """One call's tools. Times are on the person's wall clock, without a zone."""

    def __init__(self, context: ToolContext) -> None:
        try:
            self.zone = ZoneInfo(context.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self.zone = ZoneInfo("UTC")
        self.context = context
        self.now: datetime = context.now.astimezone(self.zone).replace(tzinfo=None)
        self.us = month_first(context.time_zone)
        self.bell = Bell(context.records, context.timers, context.now)
        self.store = Store(context.records, self.bell, context.conversation_key, context.now.isoformat())
        self.change_id = identity(context.user_id, context.call_id)

    @property
    def today(self) -> date:
        """The date where the person is."""
        return self.now.date()

    def wall(self, at: datetime) -> datetime:
        """An aware moment on the person's wall clock."""
        return at.astimezone(self.zone).replace(tzinfo=None)

    @property
    def asks_first(self) -> bool:
        """Whether the person wants to agree to every change."""
        return self.context.initiative == "ask_first"

    @property
    def reminding(self) -> bool:
        """Whether they speak of reminders."""
        return _REMINDER.search(self.context.text) is not None

    def read(self, date_said: str | None, time_said: str | None, anchor: date | None = None) -> When:
        """What a date and a time mean here. Raises WhenError."""
        return read(date_said, time_said, self.now, anchor=anchor, us=self.us)

    async def done_before(self) -> ToolResult | None:
        """What this call did when it ran before a crash; finishes what the crash cut short."""
        change = await self.store.change(self.change_id)
        if change is None:
            return None
        return change.result(self.change_id) if change.undone else await self.store.apply(self.change_id, change)

    # -- finding ------------------------------------------------------------------------------------------------------

    def within(self, events: Sequence[Event], spans: Sequence[tuple[datetime, datetime]]) -> list[Match]:
        """What happens in any of ``spans``, in order."""
        found: dict[tuple[str, datetime], Match] = {}
        for event in events:
            for start, end in spans:
                for each in occurrences(event, start, end, self.zone):
                    found[event.event_id, each.original] = Match(event, each)
        return sorted(found.values(), key=_order)

    def coming(self, events: Sequence[Event]) -> list[Match]:
        """The next time of every event, and undated reminders at the end."""
        found: list[Match] = []
        for event in events:
            if event.start is None:
                found.append(Match(event, None))
            elif each := next(occurrences(event, self.now, self.now + HORIZON, self.zone), None):
                found.append(Match(event, each))
            elif event.all_day and (
                each := next(occurrences(event, self.now - timedelta(days=1), self.now, self.zone), None)
            ):
                found += [Match(event, each)] if each.end > self.now else []
        return sorted(found, key=_order)

    def conflicts(
        self, events: Sequence[Event], start: datetime, end: datetime, *, besides: str = ""
    ) -> list[Occurrence]:
        """What takes place at the same time. Reminders and whole days do not count."""
        busy = [event for event in events if not event.reminder and not event.all_day and event.event_id != besides]
        return [each for event in busy for each in occurrences(event, start, end, self.zone)]

    # -- telling ------------------------------------------------------------------------------------------------------

    def when(self, event: Event, start: datetime | None, *, same_day: bool = False) -> str:
        """When an event is, as every reply says it; "no date" of an undated reminder."""
        if start is None:
            return "no date"
        shown = event.all_day or (event.end_said and not event.reminder)
        end = start + timedelta(minutes=event.minutes) if shown else None
        return moment(start, self.now, end=end, all_day=event.all_day, same_day=same_day)

    def match_when(self, match: Match) -> str:
        """When a found event is."""
        return self.when(match.event, match.occurrence.start if match.occurrence else None)

    def name(self, match: Match, day_known: date | None = None) -> str:
        """A found event in one phrase: ``gym, Friday 27 November at 6 PM``; ``gym at 6 PM`` where the day is known."""
        event, each = match.event, match.occurrence
        if each is None:
            return event.title
        if day_known == each.start.date() and not (event.all_day and event.minutes > 1440):
            return event.title if event.all_day else f"{event.title} {self.when(event, each.start, same_day=True)}"
        return f"{event.title}, {self.when(event, each.start)}"

    def told(self, matches: Sequence[Match], scope_day: date | None = None) -> tuple[dict[str, str], str]:
        """Several events: the keys count, events and more of a result, and the same in a sentence."""
        names = [self.name(match, scope_day) for match in matches[:MAX_TOLD]]
        more = len(matches) - len(names)
        data = {"count": str(len(matches)), "events": "; ".join(names)} | ({"more": str(more)} if more else {})
        if any("," in name for name in names):
            return data, "; ".join(names) + (f"; and {more} more" if more else "")
        return data, listed([*names, *([f"{more} more"] if more else [])])

    def card(self, title: str, matches: Sequence[Match]) -> Card:
        """A table of events: when and what."""
        rows = [(sentence(self.match_when(match)), _row(match.event)) for match in matches[:100]]
        return Card(title=sentence(title), rows=tuple(rows))

    def overlap(self, found: Sequence[Occurrence], day_known: date) -> str:
        """The value of ``conflict``."""
        return listed([self.name(Match(each.event, each), day_known) for each in found[:2]])

    # -- answering ----------------------------------------------------------------------------------------------------

    async def perform(self, change: Change, question: str) -> ToolResult:
        """Carry out a change, or ask ``question`` first where the person wants that."""
        if self.asks_first:
            data = {**change.data, "status": "confirm"}
            return await self.ask((change,), data, question)
        return await self.store.apply(self.change_id, change)

    async def ask(
        self, options: tuple[Change, ...], data: dict[str, str], question: str, card: Card | None = None
    ) -> ToolResult:
        """Offer ``options`` as buttons: Yes and No for one, else one each."""
        await self.store.ask(self.change_id, options)
        if len(options) == 1:
            buttons = [Button("Yes", f"do:{self.change_id}:0", "primary"), Button("No", f"no:{self.change_id}")]
        else:
            buttons = [
                Button(option.label[:80], f"do:{self.change_id}:{number}") for number, option in enumerate(options)
            ]
            buttons.append(Button("None of these", f"no:{self.change_id}"))
        return ToolResult(data, question, card=card, buttons=tuple(buttons))

    def unclear(self, error: WhenError, **known: str) -> ToolResult:
        """The answer to words that could not be understood."""
        if error.problem == "past" and error.at:
            when = day(error.at.date(), self.today) if error.field == "date" else moment(error.at, self.now)
            what = f", so I left {known['title']} as it was" if "title" in known else ""
            return ToolResult({"status": "past", **known, "when": when}, f"{sentence(when)} has already passed{what}.")
        noun = {"date": "day", "time": "time", "duration": "length", "repeat": "repetition"}[error.field]
        asked = f"I couldn't work out the {noun} “{error.heard}”. Could you say it another way?"
        return ToolResult({"status": "unclear", "need": error.field, "heard": error.heard, **known}, asked)


def _order(match: Match) -> tuple[datetime, str]:
    return (match.occurrence.start if match.occurrence else datetime.max), match.event.title


def _row(event: Event) -> str:
    return event.title + (f" ({event.place})" if event.place else "")
