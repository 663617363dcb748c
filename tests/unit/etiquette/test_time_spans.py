"""Spans of the clock. What breaks without this: a bot speaks at night, or is silent in the morning."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from llmagent_os.etiquette.durations import LONGEST, parse_duration
from llmagent_os.etiquette.time_spans import end_of, never_ends, parse_span

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
NIGHT = (parse_span("22:00-07:00"),)


def local(zone: ZoneInfo, *parts: int, fold: int = 0) -> datetime:
    return datetime(*parts, tzinfo=zone, fold=fold)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("now", "end"),
    [
        (local(BERLIN, 2026, 11, 22, 21, 59), None),
        (local(BERLIN, 2026, 11, 22, 22, 0), local(BERLIN, 2026, 11, 23, 7, 0)),
        (local(BERLIN, 2026, 11, 23, 6, 59), local(BERLIN, 2026, 11, 23, 7, 0)),
        (local(BERLIN, 2026, 11, 23, 7, 0), None),
        # The clock goes from 2 to 3 in spring, and from 3 to 2 in autumn: the night ends at 7 all the same.
        (local(BERLIN, 2026, 3, 28, 23, 0), local(BERLIN, 2026, 3, 29, 7, 0)),
        (local(BERLIN, 2026, 10, 24, 23, 0), local(BERLIN, 2026, 10, 25, 7, 0)),
    ],
)
def test_a_night_ends_in_the_morning_of_the_zone_and_across_the_change_of_clocks(
    now: datetime, end: datetime | None
) -> None:
    found = end_of(NIGHT, now, BERLIN)
    assert found == (None if end is None else end.astimezone(UTC))


def test_a_clock_time_that_comes_twice_does_not_begin_the_quiet_hours_again() -> None:
    """In New York the hour from 1 to 2 comes twice on the first of November 2026."""
    spans = (parse_span("22:00-01:30"),)
    first, second = local(NEW_YORK, 2026, 11, 1, 1, 15), local(NEW_YORK, 2026, 11, 1, 1, 15, fold=1)
    assert end_of(spans, first, NEW_YORK) == local(NEW_YORK, 2026, 11, 1, 1, 30).astimezone(UTC)
    assert end_of(spans, second, NEW_YORK) is None


def test_a_clock_time_that_is_left_out_ends_the_hours_at_the_next_one() -> None:
    spans = (parse_span("22:00-02:30"),)
    assert end_of(spans, local(BERLIN, 2026, 3, 29, 1, 0), BERLIN) == local(BERLIN, 2026, 3, 29, 3, 30).astimezone(UTC)


def test_spans_that_follow_each_other_are_one() -> None:
    spans = (parse_span("07:00-08:00"), parse_span("22:00-07:00"))
    assert end_of(spans, local(BERLIN, 2026, 11, 22, 23), BERLIN) == local(BERLIN, 2026, 11, 23, 8).astimezone(UTC)
    assert never_ends((*spans, parse_span("08:00-22:00")))


@pytest.mark.parametrize(
    "text", ["", "22-7", "25:00-07:00", "09:60-10:00", "09:00-09:00", "09:00-24:01", "nine to five"]
)
def test_what_is_no_span_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match=r"22:00-07:00|00:00 to 24:00|00:00-24:00"):
        parse_span(text)


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("2h", 120),
        ("1h30m", 90),
        ("an hour and a half", None),
        ("3 days", 4320),
        ("0h", None),
        ("", None),
        ("22:00", None),
    ],
)
def test_a_duration_is_read_or_refused(text: str, minutes: int | None) -> None:
    found = parse_duration(text)
    assert (None if found is None else found.total_seconds() / 60) == minutes


def test_nobody_silences_a_bot_for_ever() -> None:
    assert parse_duration("9999 weeks") == LONGEST
