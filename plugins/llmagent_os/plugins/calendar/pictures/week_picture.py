"""Draws a week, or a few days: a column a day, the hours from the top down."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from llmagent_os.languages.written_phrases import day_parts_text
from llmagent_os.plugins.calendar.pictures.drawn_event import DrawnEvent, side_by_side
from llmagent_os.plugins.calendar.pictures.picture_words import time_text

if TYPE_CHECKING:
    from llmagent_os.graphics.canvas import Canvas

WIDTH = 1000  #: of the canvas, in pixels

_LEAST_HEIGHT = 640
_LEAST_HOUR = 38  # pixels of an hour: the name of an event of half an hour fits in

_LEFT, _RIGHT, _TOP, _BOTTOM = 76, 20, 74, 22
_DAY_HEAD = 34  # pixels for the name of a day
_BAR = 22  # pixels of an event of all day
_MAX_BARS = 3
_FIRST_HOUR, _LAST_HOUR = 8, 18  # that are always shown
_TEXT = 14


def height_of(events: Mapping[date, Sequence[DrawnEvent]]) -> int:
    """The height of the canvas, in pixels: every hour that is shown has room for two names."""
    first, last = _hours(events.values())
    return max(_LEAST_HEIGHT, _grid_top(_bars(events)) + (last - first) * _LEAST_HOUR + _BOTTOM)


def paint_week(
    canvas: Canvas,
    days: Sequence[date],
    events: Mapping[date, Sequence[DrawnEvent]],
    now: datetime,
    head: str,
    zone: str,
) -> None:
    """Draw ``days``, at most a few, on a whole canvas.

    Args:
        canvas: to draw on.
        days: in a row.
        events: of each day, see :func:`~llmagent_os.plugins.calendar.pictures.drawn_event.events_by_day`.
        now: the present moment, on the person's wall clock.
        head: what the picture shows.
        zone: the person's time zone.
    """
    canvas.text(28, 22, head, size=24, bold=True, room=canvas.width - 300)
    canvas.text(canvas.width - _RIGHT, 28, zone, size=14, align="right", color=canvas.theme.muted, room=250)
    grid = _Grid(canvas, len(days), _bars(events), _hours(events.values()))
    grid.paint_hours()
    for number, day in enumerate(days):
        grid.paint_head(number, day, is_today=day == now.date())
        grid.paint_all_day(number, [each.title for each in events[day] if each.all_day])
        for event, place, places in side_by_side([each for each in events[day] if not each.all_day]):
            grid.paint_event(number, event, place, places)
        if day == now.date():
            grid.paint_now(number, now)


def _bars(events: Mapping[date, Sequence[DrawnEvent]]) -> int:
    """How many events of all day are shown above each other."""
    return min(_MAX_BARS, max(sum(each.all_day for each in of_day) for of_day in events.values()))


def _grid_top(bars: int) -> int:
    return _TOP + _DAY_HEAD + bars * (_BAR + 3) + 8


def _hours(days: Iterable[Sequence[DrawnEvent]]) -> tuple[int, int]:
    """The first hour to show, and the hour at which the last one ends."""
    first, last = _FIRST_HOUR, _LAST_HOUR
    for events in days:
        for event in events:
            if event.all_day:
                continue
            midnight = datetime.combine(event.start.date(), datetime.min.time())
            first = min(first, event.start.hour)
            ends = event.drawn_end - midnight
            last = max(last, min(24, -(-int(ends.total_seconds()) // 3600)))
    return first, last


class _Grid:
    """The place of days and hours on a canvas."""

    def __init__(self, canvas: Canvas, days: int, bars: int, hours: tuple[int, int]) -> None:
        self._canvas, self._theme = canvas, canvas.theme
        self._column = (canvas.width - _LEFT - _RIGHT) / days
        self._bars = bars
        self._first, self._last = hours
        self._top = _grid_top(bars)
        self._bottom = canvas.height - _BOTTOM
        self._hour = (self._bottom - self._top) / (self._last - self._first)

    def paint_hours(self) -> None:
        """Lines of hours, and their names at the left."""
        right = self._canvas.width - _RIGHT
        for hour in range(self._first, self._last + 1):
            y = self._top + (hour - self._first) * self._hour
            self._canvas.line(_LEFT, y, right, y, self._theme.line)
            named = time_text(datetime(2000, 1, 1, hour % 24))
            self._canvas.text(_LEFT - 12, y - 8, named, size=13, align="right", color=self._theme.muted)

    def paint_head(self, number: int, day: date, *, is_today: bool) -> None:
        """The name of a day above its column. Today stands on a shade."""
        x = _LEFT + number * self._column
        if is_today:
            self._canvas.box(x, _TOP, self._column, self._bottom - _TOP, self._theme.shade, radius=8)
            for hour in range(self._first, self._last + 1):
                y = self._top + (hour - self._first) * self._hour
                self._canvas.line(x, y, x + self._column, y, self._theme.line)
        self._canvas.line(x, _TOP + _DAY_HEAD, x, self._bottom, self._theme.line)
        color = self._theme.accent if is_today else self._theme.ink
        named = day_parts_text("Ed", day)
        self._canvas.text(x + 10, _TOP + 8, named, size=16, bold=True, color=color, room=self._column - 16)

    def paint_all_day(self, number: int, titles: Sequence[str]) -> None:
        """Events without a time of day, above the hours."""
        x, y = _LEFT + number * self._column + 4, float(_TOP + _DAY_HEAD)
        shown = titles if len(titles) <= self._bars else [*titles[: self._bars - 1], f"+{len(titles) - self._bars + 1}"]
        for title in shown:
            self._canvas.box(x, y, self._column - 8, _BAR, self._theme.accent, radius=5)
            self._canvas.text(x + 8, y + 3, title, size=_TEXT, color=self._theme.paper, room=self._column - 24)
            y += _BAR + 3

    def paint_event(self, number: int, event: DrawnEvent, place: int, places: int) -> None:
        """An event in its column, beside those that overlap with it."""
        width = (self._column - 8) / places
        x = _LEFT + number * self._column + 4 + place * width
        y = self._at(event.start)
        height = max(self._at(event.drawn_end, event.start) - y - 3, 16.0)
        self._canvas.box(x, y + 1, width - 2, height, self._theme.box, radius=5)
        self._canvas.box(x, y + 1, 4, height, self._theme.series[1] if event.reminder else self._theme.accent, radius=2)
        room = width - 18
        time = time_text(event.start)
        if height >= 36:
            self._canvas.text(x + 10, y + 4, event.title, size=_TEXT, bold=True, color=self._theme.box_ink, room=room)
            self._canvas.text(x + 10, y + 21, time, size=13, color=self._theme.box_ink, room=room)
        else:
            top = y + 1 + (height - _TEXT * 1.2) / 2
            self._canvas.text(x + 10, top, event.title, size=_TEXT, bold=True, color=self._theme.box_ink, room=room)

    def paint_now(self, number: int, now: datetime) -> None:
        """A line at the present moment."""
        if self._first <= now.hour < self._last:
            x, y = _LEFT + number * self._column, self._at(now)
            self._canvas.line(x, y, x + self._column, y, self._theme.series[1], width=2)

    def _at(self, moment: datetime, day_of: datetime | None = None) -> float:
        """How far down a moment is, on the day of ``day_of``."""
        midnight = datetime.combine((day_of or moment).date(), datetime.min.time())
        hours = (moment - midnight) / timedelta(hours=1)
        return self._top + (min(hours, self._last) - self._first) * self._hour
