"""Words to moments. A wrong one puts somebody's appointment on the wrong day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given
from hypothesis import strategies as st

from llmagent_os.plugins.calendar.phrasing import moment_text, period_text
from llmagent_os.plugins.calendar.time.clock_changes import to_aware
from llmagent_os.plugins.calendar.time.date_parsing import parse_dates
from llmagent_os.plugins.calendar.time.duration_parsing import Shift, parse_duration, parse_shift
from llmagent_os.plugins.calendar.time.expression_parsing import parse_time_expression
from llmagent_os.plugins.calendar.time.recurrence import parse_recurrence, recurrence_text
from llmagent_os.plugins.calendar.time.text_normalization import normalize
from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError
from llmagent_os.plugins.calendar.time.time_expressions import (
    TimeSlot,
    find_slot,
    search_windows,
)
from llmagent_os.plugins.calendar.time.time_parsing import TimeOfDay, parse_time

NOW = datetime(2026, 11, 25, 14, 0)  # a Wednesday


def placed(date_said: str | None, time_said: str | None = None, now: datetime = NOW) -> TimeSlot:
    return find_slot(parse_time_expression(date_said, time_said, now), now)


@pytest.mark.parametrize(
    ("said", "month", "day"),
    [
        ("tmrw", 11, 26),
        ("today", 11, 25),
        ("the day after tomorrow", 11, 27),
        ("friday", 11, 27),
        ("this friday", 11, 27),
        ("next friday", 12, 4),
        ("tuesday", 12, 1),
        ("next tuesday", 12, 1),
        ("wensday", 11, 25),
        ("friday week", 12, 4),
        ("the 5th", 12, 5),
        ("the 30th", 11, 30),
        ("march nineteenth", 3, 19),
        ("29/03/2027", 3, 29),
        ("2027-03-29", 3, 29),
        ("14.03.", 3, 14),
        ("3/14", 3, 14),
        ("the twenty-fifth of december", 12, 25),
        ("in two weeks", 12, 9),
        ("a week from friday", 12, 4),
        ("3 days from now", 11, 28),
        ("christmas eve", 12, 24),
        ("thanksgiving", 11, 26),
        ("end of the month", 11, 30),
        ("the first monday of december", 12, 7),
        ("thursday the 3rd", 12, 3),
        ("monday 23 november", 11, 23),
        ("yesterday", 11, 24),
        ("in three weeks' time on tuesday", 12, 15),
        ("friday in two weeks", 12, 11),
        ("tomorrow week", 12, 3),
        ("a fortnight on saturday", 12, 12),
        ("the last friday of the month", 11, 27),
        ("the first monday of the month", 12, 7),
        ("new year's eve", 12, 31),
        ("last monday", 11, 23),
    ],
)
def test_one_day(said: str, month: int, day: int) -> None:
    """People write days in many ways, and mean one."""
    found = parse_dates(said, NOW.date())
    assert found.single
    assert (found.first.month, found.first.day) == (month, day)


@pytest.mark.parametrize(
    ("said", "first", "last"),
    [
        ("this weekend", (11, 28), (11, 29)),
        ("next weekend", (12, 5), (12, 6)),
        ("rest of the week", (11, 25), (11, 29)),
        ("next week", (11, 30), (12, 6)),
        ("next five days", (11, 25), (11, 29)),
        ("december", (12, 1), (12, 31)),
        ("friday to sunday", (11, 27), (11, 29)),
        ("saturday and sunday", (11, 28), (11, 29)),
        ("between the 3rd and the 7th", (12, 3), (12, 7)),
        ("the week of december 9th", (12, 7), (12, 13)),
        ("early next week", (11, 30), (12, 1)),
        ("week 51", (12, 14), (12, 20)),
        ("the first two weeks of december", (12, 1), (12, 14)),
        ("in kw 50", (12, 7), (12, 13)),
        ("4th-7th december", (12, 4), (12, 7)),
        ("20/12 to 27/12", (12, 20), (12, 27)),
        ("for 3 nights from dec 12", (12, 12), (12, 14)),
    ],
)
def test_several_days(said: str, first: tuple[int, int], last: tuple[int, int]) -> None:
    """A look-up over several days must neither miss one nor show another."""
    found = parse_dates(said, NOW.date())
    assert (found.first, found.last) == (date(2026, *first), date(2026, *last))


def test_slashes_follow_the_country() -> None:
    """3/4 is April for somebody in Berlin, March in Boston."""
    assert parse_dates("3/4", NOW.date(), month_first=False).first == date(2027, 4, 3)
    assert parse_dates("3/4", NOW.date(), month_first=True).first == date(2027, 3, 4)


@pytest.mark.parametrize("said", ["spring break", "my birthday", "99/99/9999", "in 99999 years", ""])
def test_unknown_days_are_not_guessed(said: str) -> None:
    """A guess would be stored as if it were right."""
    with pytest.raises(TimeExpressionError) as caught:
        parse_dates(said, NOW.date())
    assert (caught.value.problem, caught.value.field) == ("unknown", "date")


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("feb 30", "February has only 29 days, so there is no February 30."),
        ("the 31st of november", "November has only 30 days, so there is no November 31."),
        ("the 32nd", "No month has a 32nd."),
        ("someday", "“someday” names no day."),
        ("thursday the 27th", "November 27 is a Friday, not a Thursday."),
        ("tuesday 27 november", "November 27 is a Friday, not a Tuesday."),
    ],
)
def test_days_that_cannot_be_are_named(said: str, why: str) -> None:
    """The person has to hear what is wrong, and nothing is stored."""
    with pytest.raises(TimeExpressionError) as caught:
        parse_dates(said, NOW.date())
    assert (caught.value.problem, caught.value.field, caught.value.why) == ("impossible", "date", why)


@pytest.mark.parametrize("said", ["friday or saturday", "monday and thursday"])
def test_two_days_apart_are_ambiguous(said: str) -> None:
    """An event is on one of them, and the person has to say which."""
    with pytest.raises(TimeExpressionError, match="ambiguous"):
        parse_dates(said, NOW.date())


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("3pm", "15:00"),
        ("3", "15:00"),
        ("9", "09:00"),
        ("half past six", "18:30"),
        ("quarter to four", "15:45"),
        ("ten to five", "16:50"),
        ("morning at 8", "08:00"),
        ("8 in the evening", "20:00"),
        ("noon", "12:00"),
        ("1400", "14:00"),
        ("18h", "18:00"),
        ("nine thirty", "09:30"),
        ("7.30 p.m.", "19:30"),
        ("5 o'clock", "17:00"),
        ("around 4ish", "16:00"),
        ("in the morning", "09:00"),
        ("between 2 and 4", "14:00-16:00"),
        ("9-11am", "09:00-11:00"),
        ("11-1pm", "11:00-13:00"),
        ("from 9 to 10:30", "09:00-10:30"),
        ("from ten to five", "10:00-17:00"),
        ("10pm-2am", "22:00-02:00"),
        ("end of play", "17:00"),
        ("8pm till late", "20:00"),
        ("20 minutes before midnight", "23:40"),
        ("an hour after lunch", "14:00"),
        ("7 to 23", "07:00-23:00"),
        ("12 to 14", "12:00-14:00"),
        ("at 10 to 6", "17:50"),
        ("at 10 to 12", "10:00-12:00"),
        ("7.30 for 8.00", "19:30"),
        ("11 uhr", "11:00"),
        ("1st thing", "08:00"),
    ],
)
def test_times(said: str, expected: str) -> None:
    """A time without am or pm is the sensible one, and a range takes its half from either end."""
    found = placed("friday", said)
    told = f"{found.start:%H:%M}" + (f"-{found.end:%H:%M}" if "-" in expected else "")
    assert told == expected


def test_a_time_that_is_over_today_is_the_next_one() -> None:
    """ "remind me at 9", said at 2 PM, is tonight; "at 8 am" is tomorrow."""
    assert placed(None, "9").start == datetime(2026, 11, 25, 21, 0)
    assert placed(None, "8 am").start == datetime(2026, 11, 26, 8, 0)
    assert placed("wednesday", "8 am").start == datetime(2026, 12, 2, 8, 0)


def test_a_moment_that_was_named_and_is_over_is_past() -> None:
    """It must be said, and not be moved silently."""
    with pytest.raises(TimeExpressionError) as caught:
        placed("today", "8 am")
    assert (caught.value.problem, caught.value.at) == ("past", datetime(2026, 11, 25, 8, 0))


@pytest.mark.parametrize(
    ("date_said", "time_said"), [("tomorrow at 3pm", None), (None, "tomorrow at 3pm"), ("3pm", "tomorrow")]
)
def test_a_model_may_cut_the_words_anywhere(date_said: str | None, time_said: str | None) -> None:
    """A small model puts a time into the date; the appointment must be right all the same."""
    assert placed(date_said, time_said).start == datetime(2026, 11, 26, 15, 0)


def test_delays() -> None:
    assert placed(None, "in 20 minutes").start == datetime(2026, 11, 25, 14, 20)
    assert placed(None, "an hour and a half from now").start == datetime(2026, 11, 25, 15, 30)


def test_tonight() -> None:
    assert placed("tonight").start == placed(None, "tonight at 8").start == datetime(2026, 11, 25, 20, 0)


def test_a_skipped_hour_moves_on_and_a_double_one_is_the_first() -> None:
    """On the night the clocks change, an alarm must still go off, once."""
    berlin = ZoneInfo("Europe/Berlin")
    assert to_aware(datetime(2027, 3, 28, 2, 30), berlin).astimezone(UTC) == datetime(2027, 3, 28, 1, 30, tzinfo=UTC)
    assert to_aware(datetime(2026, 10, 25, 2, 30), berlin).astimezone(UTC) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "minutes"),
    [
        ("an hour", 60),
        ("half an hour", 30),
        ("1h30", 90),
        ("two and a half hours", 150),
        ("90min", 90),
        ("a couple of hours", 120),
        ("an hour and 15 minutes", 75),
        ("three quarters of an hour", 45),
        ("all day", 1440),
        ("a fortnight", 20160),
        ("an hour and three quarters", 105),
        ("1½ hours", 90),
        ("1 1/2 hours", 90),
        ("3/4 of an hour", 45),
        ("1,5 hours", 90),
        ("1hr45", 105),
        ("hour and a half", 90),
        ("45-minute", 45),
        ("for about an hour", 60),
        ("an hour or so", 60),
        ("max 2 hours", 120),
        ("two full days", 2880),
    ],
)
def test_durations(said: str, minutes: int) -> None:
    assert parse_duration(said) == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("said", "message", "direction"),
    [
        ("by an hour", "", 0),
        ("an hour later", "", 1),
        ("30 minutes earlier", "", -1),
        ("an hour", "bring it forward an hour", -1),
        ("an hour", "push it back an hour", 1),
        ("up an hour", "", 0),
    ],
)
def test_shifts(said: str, message: str, direction: int) -> None:
    """ "An hour earlier" must not become an hour later."""
    found = parse_shift(said, message)
    assert isinstance(found, Shift)
    assert found.direction == direction


@pytest.mark.parametrize(
    ("said", "rule", "told"),
    [
        ("every Sunday", "FREQ=WEEKLY;BYDAY=SU", "every Sunday"),
        ("weekly", "FREQ=WEEKLY", "every week"),
        ("every other tuesday", "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU", "every 2 weeks on Tuesday"),
        ("mon-fri", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "every weekday"),
        ("every mon, wed and fri", "FREQ=WEEKLY;BYDAY=MO,WE,FR", "every Monday, Wednesday and Friday"),
        ("the first monday of every month", "FREQ=MONTHLY;BYDAY=+1MO", "every month on the first Monday"),
        ("every month on the 5th", "FREQ=MONTHLY;BYMONTHDAY=5", "every month on the 5th"),
        ("every year on march 5", "FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=5", "every year on 5 March"),
        ("each and every day", "FREQ=DAILY", "every day"),
        ("every weekday morning", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "every weekday"),
    ],
)
def test_repeats(said: str, rule: str, told: str) -> None:
    found = parse_recurrence(said)
    assert found.rule == rule
    assert recurrence_text(found.rule) == told


def test_twice_a_week_is_not_guessed() -> None:
    """It does not say on which days."""
    with pytest.raises(TimeExpressionError, match="ambiguous: “Twice a week” does not say when"):
        parse_recurrence("twice a week")


@pytest.mark.parametrize(
    ("start", "told"),
    [
        (datetime(2026, 11, 25, 18, 0), "today at 6 PM"),
        (datetime(2026, 11, 26, 15, 30), "tomorrow, Thursday 26 November, at 3:30 PM"),
        (datetime(2026, 11, 24, 0, 0), "yesterday at midnight"),
        (datetime(2026, 11, 27, 12, 0), "Friday 27 November at noon"),
        (datetime(2027, 3, 5, 9, 0), "Friday 5 March 2027 at 9 AM"),
    ],
)
def test_moments_are_told_in_one_way(start: datetime, told: str) -> None:
    """The model copies these words into its replies."""
    assert moment_text(start, NOW) == told


@pytest.mark.parametrize(
    ("date_said", "time_said", "told"),
    [
        ("friday", "afternoon", "Friday 27 November in the afternoon"),
        ("next week", None, "next week"),
        ("the next five days", None, "the next 5 days"),
        ("december", None, "December"),
        ("tonight", None, "tonight"),
        ("tomorrow", "between 2 and 4", "tomorrow, Thursday 26 November, between 2 PM and 4 PM"),
    ],
)
def test_scopes(date_said: str, time_said: str | None, told: str) -> None:
    assert period_text(parse_time_expression(date_said, time_said, NOW), date_said, NOW) == told


_WORDS = (
    "the next last this monday friday week weekend month of in on at to and or from between a an hour hours minutes"
    " days every other first 5th 31st half past quarter noon midnight tonight tomorrow am pm 3 12 29 99 2026 0 - / : ."
    " morning evening end rest march february later by before after until - 14:00 9999999 every second third each now"
    " christmas ago two few couple"
).split()
_SPOKEN = st.lists(st.sampled_from(_WORDS), max_size=9).map(" ".join) | st.text(max_size=40)


@given(_SPOKEN, _SPOKEN)
def test_no_text_breaks_it(one: str, other: str) -> None:
    """Whatever a model or a person writes gives a sound slot, or this package's own error: never a crash."""
    try:
        when = parse_time_expression(one, other, NOW)
        found = find_slot(when, NOW)
    except TimeExpressionError as error:
        assert error.heard is not None
        return
    assert found.start <= found.end
    assert to_aware(found.start, ZoneInfo("America/New_York")).tzinfo is not None
    assert moment_text(found.start, NOW, end=found.end if found.all_day else None, all_day=found.all_day)
    assert all(start <= end for start, end in search_windows(when, NOW))
    assert isinstance(period_text(when, one, NOW), str)


@given(_SPOKEN)
def test_no_text_breaks_the_rest(said: str) -> None:
    """The same for durations, shifts and repetitions; a rule that is given out can be read again."""
    for reader in (parse_duration, parse_shift):
        try:
            reader(said)
        except TimeExpressionError:
            continue
    try:
        rule = parse_recurrence(said).rule
    except TimeExpressionError:
        return
    rrulestr(rule, dtstart=NOW)
    assert recurrence_text(rule).startswith("every")


@given(st.integers(0, 23), st.integers(0, 59))
def test_told_times_can_be_read_again(hour: int, minute: int) -> None:
    """What the bot says, a person may say back."""
    said = moment_text(datetime(2026, 11, 27, hour, minute), NOW, same_day=True)
    found = parse_time(said, NOW)
    assert isinstance(found, TimeOfDay)
    assert found.start % 1440 == hour * 60 + minute


@given(st.dates(date(2026, 11, 27), date(2027, 11, 20)))
def test_told_days_can_be_read_again(day: date) -> None:
    """The same for days."""
    said = moment_text(datetime(day.year, day.month, day.day), NOW, all_day=True)
    assert parse_dates(said, NOW.date()).first == day


@given(st.text(max_size=300))
def test_plain_is_bounded(text: str) -> None:
    """A story pasted into a date must not keep the host busy."""
    assert len(normalize(text)) <= 120
