"""The calendar as a file: one odd event must not cost a person the export, and no event may end before it begins."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo, available_timezones

import icalendar
import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st

from llmagent_os.plugins.calendar import CalendarPlugin
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent, occurrences
from llmagent_os.plugins.calendar.icalendar_export import to_icalendar
from tests.unit.plugins.test_calendar import Person

NOW = datetime(2026, 11, 22, 17, 0, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")

#: The clocks skip from 2:00 to 3:00 on this day, and 1:00 to 2:00 comes twice on the other one.
SPRING, AUTUMN = datetime(2027, 3, 14), datetime(2027, 11, 7)


def event(title: str = "call", **fields: Any) -> CalendarEvent:
    known: dict[str, Any] = {"event_id": title, "title": title, "zone": "America/New_York", "minutes": 30}
    return CalendarEvent(**known | fields)


def read(*events: CalendarEvent) -> dict[str, Any]:
    """The events as another program reads them, by title."""
    calendar = cast("Any", icalendar.Calendar.from_ical(to_icalendar(events, NOW).content))
    return {str(each["summary"]): each for each in calendar.walk("VEVENT")}


def span(entry: Any) -> tuple[datetime, datetime]:
    return entry.start.astimezone(UTC), entry.end.astimezone(UTC)


@pytest.mark.parametrize("minutes", [5, 30, 45, 60, 600])
@pytest.mark.parametrize("start", ["01:30", "02:00", "02:15", "02:30", "02:59", "03:00"])
def test_around_the_skipped_hour_an_event_ends_after_its_start(start: str, minutes: int) -> None:
    hour, minute = map(int, start.split(":"))
    begins, ends = span(read(event(start=SPRING.replace(hour=hour, minute=minute), minutes=minutes))["call"])
    assert ends - begins == timedelta(minutes=minutes) or hour < 2  # an event over the gap ends when the clock says so
    assert ends > begins


def test_an_event_in_the_skipped_hour_is_moved_by_the_skipped_amount() -> None:
    entry = read(event(start=SPRING.replace(hour=2, minute=30)))["call"]
    assert entry.start == datetime(2027, 3, 14, 3, 30, tzinfo=NEW_YORK)
    assert entry.end == datetime(2027, 3, 14, 4, 0, tzinfo=NEW_YORK)


def test_in_the_hour_that_comes_twice_an_event_is_the_first_time() -> None:
    begins, ends = span(read(event(start=AUTUMN.replace(hour=1, minute=15)))["call"])
    assert begins == datetime(2027, 11, 7, 5, 15, tzinfo=UTC)
    assert ends - begins == timedelta(minutes=30)


def test_a_repetition_that_begins_in_the_skipped_hour_keeps_its_time_of_day() -> None:
    """Every day at 2:30: from the second day on it is at 2:30, and a day that was deleted stays deleted."""
    start = SPRING.replace(hour=2, minute=30)
    entry = read(event(start=start, repeat="FREQ=DAILY;COUNT=3", skipped=(start + timedelta(days=1),)))["call"]
    assert entry["rrule"].to_ical() == b"FREQ=DAILY;COUNT=3"
    times = rrulestr("FREQ=DAILY;COUNT=3", dtstart=entry.start.replace(tzinfo=None))
    assert [each.hour * 60 + each.minute for each in times] == [150, 150, 150]
    assert entry["exdate"].dts[0].dt.replace(tzinfo=None) == times[1]
    assert entry["duration"].dt == timedelta(minutes=30)
    assert "dtend" not in entry


@pytest.mark.parametrize("zone", ["Mars/Base", "America", "", "..", "Europe/Berlin\n"])
def test_an_unknown_zone_spoils_only_its_own_event(zone: str) -> None:
    odd = event("odd", start=datetime(2027, 1, 5, 9, 0), zone=zone)
    fine = event("fine", start=datetime(2027, 1, 5, 9, 0))
    found = read(odd, fine)
    assert found["fine"].start == datetime(2027, 1, 5, 9, 0, tzinfo=NEW_YORK)
    assert (found["odd"].start, found["odd"].end) == (datetime(2027, 1, 5, 9, 0), datetime(2027, 1, 5, 9, 30))
    (said,) = to_icalendar([odd, fine], NOW).problems
    assert said == "The time zone of odd is not known here, so the file gives the time without a zone."


def test_the_last_evening_of_the_year_9999_spoils_only_its_own_event() -> None:
    late = event("late", start=datetime(9999, 12, 31, 23, 30), minutes=120)
    birthday = event("day", start=datetime(9999, 12, 31), minutes=1440, all_day=True)
    weekly = event("weekly", start=datetime(9999, 12, 31, 9), repeat="FREQ=WEEKLY")
    found = read(late, birthday, weekly, event("fine", start=datetime(2027, 1, 5, 9, 0)))
    assert found["fine"].end == datetime(2027, 1, 5, 9, 30, tzinfo=NEW_YORK)
    assert found["late"]["dtstart"].to_ical() == b"99991231T233000"
    assert found["late"]["dtend"].to_ical() == b"99991231T235959"
    assert found["day"]["dtstart"].dt == date(9999, 12, 31)
    assert found["weekly"]["dtstart"].to_ical() == b"99991231T090000"


def test_what_the_format_cannot_hold_is_left_out_and_named() -> None:
    broken = [event(f"broken {n}", start=datetime(2027, 1, 5, 9, 0), repeat="FREQ=NEVER") for n in range(5)]
    exported = to_icalendar([*broken, event("fine", start=datetime(2027, 1, 5, 9, 0))], NOW)
    assert exported.count == 1
    assert exported.problems == (
        "Left out, because a calendar file cannot hold it: broken 0, broken 1, broken 2 and 2 more.",
    )
    assert b"SUMMARY:fine" in exported.content


@pytest.mark.parametrize("year", [2030, 2045])
def test_the_file_explains_the_zone_of_every_event(year: int) -> None:
    """Also of those after 2038, for programs that do not know zones by name."""
    content = to_icalendar([event(start=datetime(year, 7, 1, 9, 0))], NOW).content.decode()
    assert "TZID:America/New_York" in content
    assert f"{year}0" in content.partition("END:VTIMEZONE")[0]


async def test_the_person_is_told_what_the_file_lacks() -> None:
    person = Person(zone="America/New_York")
    await person.plugins.add(CalendarPlugin())
    await person.records.put(
        "event:1", {"event_id": "1", "title": "call", "start": "2027-01-05T09:00:00", "zone": "Mars/Base"}
    )
    result = await person.plugins.export_files("calendar", person.context())
    assert result is not None
    assert result.data["count"] == "1"
    assert result.text.startswith("Your calendar as a file, with 1 event in it. The time zone of call is not known")


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo", "Mars/Base", "America"])
async def test_the_calendar_lists_an_event_at_the_end_of_time(zone: str) -> None:
    """An event of the year 9999, or of an unknown zone, must not end every look-up."""
    person = Person(zone="America/New_York")
    stored = {"event_id": "1", "title": "the end", "start": "9999-12-31T23:30:00", "zone": zone, "end_said": True}
    await person.records.put("event:1", stored)
    await person.records.put(
        "event:2", stored | {"event_id": "2", "start": "2026-11-23T20:00:00", "title": "gym", "zone": "UTC"}
    )
    assert (await person.say("list", date="tomorrow")).data["count"] == "1"
    assert (await person.say("list", title="the end")).data["status"] in ("listed", "empty")
    assert (await person.say("delete", title="the end", date="december 31 9999")).data["status"]


ZONES = st.sampled_from([*sorted(available_timezones()), "Mars/Base", "America", "\x00"])
STARTS = st.one_of(
    st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59)),
    st.datetimes(datetime(1970, 1, 1), datetime(2040, 1, 1)),
    st.sampled_from([datetime.max, datetime.min, SPRING, AUTUMN]),
).map(lambda at: at.replace(second=0, microsecond=0))


@st.composite
def events(draw: st.DrawFn) -> CalendarEvent:
    all_day = draw(st.booleans())
    start = draw(STARTS)
    rule = draw(st.sampled_from(["", "", "FREQ=DAILY", "FREQ=WEEKLY;BYDAY=MO", "FREQ=YEARLY", "FREQ=NEVER", "x"]))
    return event(
        draw(st.text(min_size=1, max_size=9)),
        event_id=draw(st.uuids().map(str)),
        start=datetime(start.year, start.month, start.day) if all_day else start,
        minutes=draw(st.integers(1, 5)) * 1440 if all_day else draw(st.integers(0, 3000)),
        zone=draw(ZONES),
        all_day=all_day,
        repeat=rule,
        skipped=draw(st.lists(STARTS, max_size=2).map(tuple)) if rule else (),
        reminder=draw(st.booleans()),
        place=draw(st.text(max_size=5)),
        created=draw(st.sampled_from(["", "2026-11-20T08:00:00+00:00"])),
    )


@settings(max_examples=25, deadline=None)
@given(st.lists(events(), max_size=3))
def test_every_calendar_becomes_a_file_that_other_programs_open(some: list[CalendarEvent]) -> None:
    fine = event("fine", event_id="0", start=datetime(2027, 1, 5, 9, 0))
    exported = to_icalendar([*some, fine], NOW)
    calendar = cast("Any", icalendar.Calendar.from_ical(exported.content))
    entries = {str(each["uid"]).partition("@")[0]: each for each in calendar.walk("VEVENT")}
    assert not calendar.errors
    assert len(entries) == exported.count
    assert "0" in entries
    for given_event in some:
        entry = entries.get(given_event.event_id)
        if entry is None:
            assert given_event.repeat in ("FREQ=NEVER", "x") or "\x00" in given_event.title + given_event.place
            continue
        assert not entry.errors
        start, end = entry["dtstart"].dt, entry.get("dtend")
        assert end is None or end.dt > start
        if isinstance(start, datetime) and end is not None and 1 < start.year < 9999:
            assert end.dt.timestamp() > start.timestamp()


@settings(max_examples=20, deadline=None)
@given(events(), STARTS, ZONES)
def test_every_calendar_can_be_searched(some: CalendarEvent, start: datetime, zone: str) -> None:
    if some.repeat in ("FREQ=NEVER", "x") or zone not in available_timezones():
        return
    end = min(start, datetime.max - timedelta(days=3)) + timedelta(days=2)
    for each in occurrences(some, start, end, ZoneInfo(zone)):
        assert each.end >= each.start
