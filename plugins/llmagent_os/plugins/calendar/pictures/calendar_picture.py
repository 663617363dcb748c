"""Adds a picture to a listed week or month: where the words ask for one, or the person is shown pictures."""

from __future__ import annotations

import hashlib
import re
from calendar import monthrange
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

import msgspec
import structlog

from llmagent_os.errors import GraphicsError
from llmagent_os.graphics import INSTALL, can_draw, drawn, theme_named
from llmagent_os.languages import lazy_gettext, speaking
from llmagent_os.languages.written_phrases import join_sentences
from llmagent_os.plugin import Picture, ToolContext, ToolResult
from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.event_query import EventQuery, event_query
from llmagent_os.plugins.calendar.event_search import search_events
from llmagent_os.plugins.calendar.pictures import month_picture, week_picture
from llmagent_os.plugins.calendar.pictures.drawn_event import DAY, DrawnEvent, events_by_day
from llmagent_os.plugins.calendar.pictures.month_picture import paint_month, weeks_of
from llmagent_os.plugins.calendar.pictures.picture_request import asks_for_picture
from llmagent_os.plugins.calendar.pictures.picture_words import period_head, picture_in_words
from llmagent_os.plugins.calendar.pictures.week_picture import paint_week
from llmagent_os.plugins.calendar.time.date_ranges import DateRange
from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError

if TYPE_CHECKING:
    from llmagent_os.graphics.canvas import Canvas

MAX_COLUMNS = 8  #: days that are drawn as columns; of more, weeks are drawn
MAX_DAYS = 42  #: of a picture
LEAST_UNASKED = 4  #: days: a shorter period is drawn only where the words ask for it

#: Answers about a period that a picture shows; others are about one event, or a number.
_LISTING = ("", "events", "left")
_CANNOT = lazy_gettext("I cannot draw here: whoever runs me can add that with `{command}`.")
_FAILED = lazy_gettext("I could not draw the picture just now.")
_TOO_LONG = lazy_gettext("A picture shows at most {count} days: ask for a week or a month.")

_log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class _Drawing:
    """What a picture shows."""

    days: DateRange
    events: Mapping[date, list[DrawnEvent]]
    about: str  #: what the events are about; empty: all events

    @property
    def kind(self) -> str:
        """``week`` or ``month``."""
        return "week" if len(self.events) <= MAX_COLUMNS else "month"

    @property
    def head(self) -> str:
        """Such as ``7 – 13 Dec 2026``, in the language in force."""
        return period_head(self.days, self.about)

    def words(self, missing: str) -> str:
        """What the picture shows, in words. ``missing``: letters that are boxes in it."""
        busy = [(day, len(events)) for day, events in self.events.items() if events]
        return picture_in_words(self.head, busy, is_week=self.kind == "week", missing=missing)


async def with_picture(
    context: ToolContext, call: CalendarCall, given: Mapping[str, str | None], result: ToolResult
) -> ToolResult:
    """The result of ``list_events``, with a picture of the period where one is wanted.

    Args:
        context: of the message, with the words as the person wrote them.
        call: the call of the tool.
        given: its arguments.
        result: what it gave.
    """
    is_asked = asks_for_picture(context.text)
    if not (is_asked or context.interface == "graphics") or result.data.get("status") not in ("listed", "empty"):
        return result
    if given.get("among") or not (is_asked or (given.get("asked") or "") in _LISTING):
        return result
    if not can_draw():
        return _saying(result, _CANNOT.format(command=INSTALL)) if is_asked else result
    query = _query(call, given)
    days = _days(call, query, is_asked=is_asked)
    if days is None:
        return result
    count = (days.last - days.first).days + 1
    if not is_asked and (count < LEAST_UNASKED or count > MAX_DAYS or result.data["status"] == "empty"):
        return result
    if count > MAX_DAYS:
        return _saying(result, _TOO_LONG.format(count=MAX_DAYS))
    try:
        picture = await _picture(context, call, await _drawing(call, query, days))
    except (GraphicsError, OSError) as error:
        _log.warning("a picture of a calendar was not drawn", error=str(error))
        return _saying(result, str(_FAILED)) if is_asked else result
    return msgspec.structs.replace(result, pictures=(picture,))


def _query(call: CalendarCall, given: Mapping[str, str | None]) -> EventQuery:
    try:
        return event_query(call, given)
    except TimeExpressionError:
        return EventQuery()


def _days(call: CalendarCall, query: EventQuery, *, is_asked: bool) -> DateRange | None:
    """The days to draw. Words that ask for a picture and name no day mean the coming week."""
    if query.when.days is not None:
        return _whole(query.when.days, query.date_said.lower())
    if query.when.moment is not None or not is_asked:
        return None
    return DateRange(call.today, call.today + 6 * DAY)


def _whole(days: DateRange, said: str) -> DateRange:
    """The whole week or month, where the words name one and what is left of it was listed."""
    first, last = days.first, days.last
    if re.search(r"\bweeks?\b", said):
        return DateRange(first - first.weekday() * DAY, last + (6 - last.weekday()) * DAY)
    if re.search(r"\bmonths?\b", said) and first.month == last.month:
        return DateRange(first.replace(day=1), first.replace(day=monthrange(first.year, first.month)[1]))
    return days


async def _drawing(call: CalendarCall, query: EventQuery, days: DateRange) -> _Drawing:
    events = await call.store.events()
    if query.about or query.kind:
        matches = search_events(call, events, query)
    else:
        first = datetime.combine(days.first, datetime.min.time())
        matches = call.matches_within(events, [(first, datetime.combine(days.last, datetime.min.time()) + DAY)])
    count = (days.last - days.first).days + 1
    by_day = events_by_day(matches, [days.first + number * DAY for number in range(count)])
    return _Drawing(days, by_day, query.about or "")


async def _picture(context: ToolContext, call: CalendarCall, drawing: _Drawing) -> Picture:
    is_week = drawing.kind == "week"
    width = week_picture.WIDTH if is_week else month_picture.WIDTH
    height = week_picture.height_of(drawing.events) if is_week else month_picture.HEIGHT
    missing: list[str] = []
    png = await drawn(_painter(call, drawing, missing), width=width, height=height, theme=theme_named(context.theme))
    # The same name at every try, and another one for every message: earlier ones show theirs, too.
    own = hashlib.sha256(context.call_id.encode()).hexdigest()[:12]
    path = await context.files.write(f"{drawing.kind}-{drawing.days.first.isoformat()}-{own}.png", png)
    return Picture(path, drawing.words("".join(missing)))


def _painter(call: CalendarCall, drawing: _Drawing, missing: list[str]) -> Callable[[Canvas], None]:
    """What draws, and then puts the letters that it had to leave out into ``missing``."""
    zone = call.zone.key.replace("_", " ")
    first, last = drawing.days.first, drawing.days.last

    def paint(canvas: Canvas) -> None:
        from llmagent_os.graphics.fonts import language_drawn

        with speaking(language_drawn()):
            head = drawing.head
            if drawing.kind == "week":
                paint_week(canvas, [*drawing.events], drawing.events, call.now, head, zone)
            else:
                paint_month(canvas, weeks_of(first, last), (first, last), drawing.events, call.today, head, zone)
        missing.append(canvas.missing)

    return paint


def _saying(result: ToolResult, more: str) -> ToolResult:
    waiting = join_sentences([result.waiting, more])
    return msgspec.structs.replace(result, text=join_sentences([result.text, more]), waiting=waiting)
