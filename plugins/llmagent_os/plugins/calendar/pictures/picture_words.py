"""The words of a picture in the language in force: days, times, and what stands in place of the picture."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from llmagent_os.languages import ENGLISH, gettext, language_in_force, list_text, ngettext
from llmagent_os.languages.written_phrases import day_parts_text, join_sentences, period_text
from llmagent_os.plugins.calendar.phrasing import clock_text
from llmagent_os.plugins.calendar.pictures.drawn_event import DAY
from llmagent_os.plugins.calendar.time.date_ranges import DateRange


def period_head(days: DateRange, about: str = "") -> str:
    """What a picture shows, as its head.

    >>> period_head(DateRange(date(2026, 12, 1), date(2026, 12, 31)), "gym")
    'December 2026: gym'
    """
    first, last = days.first, days.last
    if first.day == 1 and first.month == last.month and (last + DAY).day == 1:
        head = day_parts_text("yMMMM", first)
    elif days.single:
        head = day_parts_text("yMMMMEEEEd", first)
    else:
        head = period_text(first, last)
    return gettext("{period}: {what}", period=head, what=about) if about else head


def time_text(moment: datetime) -> str:
    """A time of day, short enough for a cell.

    >>> time_text(datetime(2026, 12, 1, 15))
    '3 PM'
    """
    return clock_text(moment) if language_in_force() == ENGLISH else f"{moment:%H:%M}"


def more_text(count: int) -> str:
    """How many more events a day has than are drawn."""
    return ngettext("+{count} more", "+{count} more", count)


def picture_in_words(head: str, busy: Sequence[tuple[date, int]], *, is_week: bool, missing: str) -> str:
    """What a picture shows, for people who do not see it.

    Args:
        head: of the picture.
        busy: the days that have events, and how many.
        is_week: whether it shows days as columns.
        missing: letters that are boxes in the picture.
    """
    if not busy:
        told = gettext("Your calendar as a picture, {period}: no events.", period=head)
    elif is_week:
        days = [
            ngettext("{day} {count} event", "{day} {count} events", count, day=day_parts_text("MMMMEEEEd", day))
            for day, count in busy
        ]
        told = gettext("Your calendar as a picture, {period}: {days}.", period=head, days=list_text(days))
    else:
        days = [gettext("{count} on {day}", count=count, day=day_parts_text("MMMd", day)) for day, count in busy]
        told = gettext("Your calendar as a picture, {period}; events: {days}.", period=head, days=list_text(days))
    boxes = gettext("Some letters are boxes in the picture, because no font here has them.") if missing else ""
    return join_sentences([told, boxes])
