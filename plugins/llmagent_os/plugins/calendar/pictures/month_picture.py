"""Draws a month: a row a week, and in each day's cell the first of its events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from llmagent_os.languages.written_phrases import day_parts_text
from llmagent_os.plugins.calendar.pictures.drawn_event import DAY, DrawnEvent
from llmagent_os.plugins.calendar.pictures.picture_words import more_text, time_text

if TYPE_CHECKING:
    from llmagent_os.graphics.canvas import Canvas

WIDTH, HEIGHT = 1000, 780  #: of the canvas, in pixels

_SIDE, _TOP, _BOTTOM = 20, 74, 20
_WEEK_HEAD = 30  # pixels for the names of the weekdays
_LINE = 20  # pixels of an event in a cell
_TEXT = 13


def weeks_of(first: date, last: date) -> list[list[date]]:
    """The whole weeks, from Monday, that hold all days from ``first`` to ``last``.

    >>> [f"{week[0]:%d %b}" for week in weeks_of(date(2026, 12, 1), date(2026, 12, 31))]
    ['30 Nov', '07 Dec', '14 Dec', '21 Dec', '28 Dec']
    """
    start = first - DAY * first.weekday()
    count = (last - start).days // 7 + 1
    return [[start + timedelta(days=7 * week + day) for day in range(7)] for week in range(count)]


def paint_month(
    canvas: Canvas,
    weeks: Sequence[Sequence[date]],
    shown: tuple[date, date],
    events: Mapping[date, Sequence[DrawnEvent]],
    today: date,
    head: str,
    zone: str,
) -> None:
    """Draw whole ``weeks`` on a whole canvas.

    Args:
        canvas: to draw on.
        weeks: see :func:`weeks_of`.
        shown: the first and the last day that are meant; the others are empty.
        events: of each day that is meant.
        today: the person's day.
        head: what the picture shows.
        zone: the person's time zone.
    """
    theme = canvas.theme
    canvas.text(28, 22, head, size=24, bold=True, room=canvas.width - 300)
    canvas.text(canvas.width - _SIDE, 28, zone, size=14, align="right", color=theme.muted, room=250)
    width = (canvas.width - 2 * _SIDE) / 7
    height = (canvas.height - _TOP - _WEEK_HEAD - _BOTTOM) / len(weeks)
    for column, day in enumerate(weeks[0]):
        named = day_parts_text("E", day)
        canvas.text(_SIDE + column * width + 10, _TOP + 6, named, size=14, color=theme.muted)
    for row, week in enumerate(weeks):
        for column, day in enumerate(week):
            x, y = _SIDE + column * width, _TOP + _WEEK_HEAD + row * height
            canvas.box(x, y, width, height, theme.line)
            is_meant = shown[0] <= day <= shown[1]
            paper = theme.shade if day == today or not is_meant else theme.paper
            canvas.box(x + 0.5, y + 0.5, width - 1, height - 1, paper)
            _number(canvas, x, y, day, is_today=day == today, is_meant=is_meant, with_month=row == column == 0)
            _events(canvas, x, y + 30, width, height - 34, events.get(day, ()))


def _number(canvas: Canvas, x: float, y: float, day: date, *, is_today: bool, is_meant: bool, with_month: bool) -> None:
    """The number of a day; the first of a month says which."""
    named = day_parts_text("MMMd", day) if day.day == 1 or with_month else str(day.day)
    theme = canvas.theme
    if is_today:
        canvas.box(x + 6, y + 5, canvas.width_of(named, size=14, bold=True) + 12, 22, theme.accent, radius=11)
    color = theme.paper if is_today else theme.ink if is_meant else theme.muted
    canvas.text(x + 12, y + 8, named, size=14, bold=is_today, color=color)


def _events(canvas: Canvas, x: float, y: float, width: float, height: float, events: Sequence[DrawnEvent]) -> None:
    """As many events as the cell holds; how many more there are, stands last."""
    theme = canvas.theme
    room = max(int(height // _LINE), 1)
    shown = events if len(events) <= room else events[: room - 1]
    for number, event in enumerate(shown):
        top = y + number * _LINE
        color = theme.series[1] if event.reminder else theme.accent
        if event.all_day:
            canvas.box(x + 6, top, width - 12, _LINE - 3, theme.accent, radius=4)
            canvas.text(x + 12, top + 1, event.title, size=_TEXT, color=theme.paper, room=width - 24)
            continue
        canvas.box(x + 8, top + 4, 7, 7, color, radius=3.5)
        canvas.text(x + 20, top, _line(event), size=_TEXT, room=width - 26)
    if len(shown) < len(events):
        more = more_text(len(events) - len(shown))
        canvas.text(x + 20, y + len(shown) * _LINE, more, size=_TEXT, color=theme.muted, room=width - 26)


def _line(event: DrawnEvent) -> str:
    begins_here = event.start.time() != datetime.min.time()
    return f"{time_text(event.start)} {event.title}" if begins_here else event.title
