"""Events written for other programs and read again: their notes, the reminders before them, and repeated hours.

What breaks without this: a note or a reminder is lost on the way to a phone, or a phone's own words are.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import msgspec
import pytest

from llmagent_os.plugins.calendar.calendar_event import CalendarEvent, moment_of
from llmagent_os.plugins.calendar.icalendar_export import to_icalendar
from llmagent_os.plugins.calendar.ics.alarms import leads_of_entry
from llmagent_os.plugins.calendar.ics.entry_reading import event_of_entry
from llmagent_os.plugins.calendar.ics.file_reading import read_calendar_file
from llmagent_os.plugins.calendar.ics.import_plan import ImportPlan, merged_event, plan_import
from llmagent_os.plugins.calendar.ics.notes import MAX_READ_CHARACTERS, notes_of_entry, write_notes
from llmagent_os.plugins.calendar.lead_reminders import lead_reminder
from llmagent_os.plugins.calendar.reminder_timers import next_ring
from tests.unit.plugins.test_calendar_import import NOW, file

CREATED = "2026-11-20T08:00:00+00:00"
MORNING = datetime(2026, 11, 25, 9, tzinfo=ZoneInfo("Europe/Berlin"))


def event(title: str, start: datetime, **fields: Any) -> CalendarEvent:
    given: dict[str, Any] = {
        "event_id": "0123456789abcdef",
        "zone": "Europe/Berlin",
        "created": CREATED,
        "end_said": True,
    }
    return CalendarEvent(title=title, start=start, **given | fields)


def entries(*events: CalendarEvent) -> tuple[Any, ...]:
    return read_calendar_file(to_icalendar(events, MORNING).content).entries


def imported(*events: CalendarEvent, there: tuple[CalendarEvent, ...] = ()) -> ImportPlan:
    """What an import of an export of ``events`` does."""
    return plan_import(entries(*events), there, "Europe/Berlin", NOW)


def test_notes_are_a_description_and_come_back() -> None:
    dinner = event("dinner", datetime(2026, 11, 28, 19), notes="bring wine; ask for a table, outside")
    (entry,) = entries(dinner)
    assert entry["DESCRIPTION"] == dinner.notes
    assert imported(dinner).after == [dinner]


def test_a_file_without_a_description_takes_no_note_away() -> None:
    dinner = event("dinner", datetime(2026, 11, 28, 19))
    noted = event("dinner", datetime(2026, 11, 28, 19), notes="bring wine")
    assert imported(dinner, there=(noted,)).unchanged == 1


def test_what_is_too_long_to_keep_stays_in_the_entry() -> None:
    entry: Any = icalendar.Event()
    entry.add("description", "Dial in:\n" + "1234567890 " * 500)
    known = notes_of_entry(entry)
    assert len(known) <= MAX_READ_CHARACTERS
    write_notes(entry, known)
    assert str(entry["DESCRIPTION"]).startswith("Dial in:\n1234567890")
    write_notes(entry, f"{known}; bring wine")
    assert str(entry["DESCRIPTION"]).count("1234567890") == 500
    assert str(entry["DESCRIPTION"]).endswith("1234567890; bring wine")


def test_a_note_that_is_taken_back_leaves_the_text_of_others_as_it_was() -> None:
    entry: Any = icalendar.Event()
    entry.add("description", "Dial in:\n1234")
    write_notes(entry, "Dial in: 1234; bring wine")
    assert str(entry["DESCRIPTION"]) == "Dial in:\n1234; bring wine"
    write_notes(entry, "Dial in: 1234")
    assert str(entry["DESCRIPTION"]) == "Dial in:\n1234"
    write_notes(entry, "")
    assert "DESCRIPTION" not in entry


CALL = event("call", datetime(2026, 11, 26, 16), reminder=True, minutes=0, end_said=False)
#: The event, how many minutes before it the reminder comes, the alarm in the file, and when the reminder rings first.
LEADS = [
    (event("lunch", datetime(2026, 11, 26, 12)), 10, "-PT10M", "2026-11-26 11:50"),
    (event("flight", datetime(2026, 11, 28, 6)), 1440, "-P1D", "2026-11-27 06:00"),
    (event("gym", datetime(2026, 11, 27, 18), repeat="FREQ=WEEKLY;BYDAY=FR"), 90, "-PT1H30M", "2026-11-27 16:30"),
    (event("holiday", datetime(2026, 12, 24), all_day=True, minutes=1440), 1440, "-PT15H", "2026-12-23 09:00"),
    (event("holiday", datetime(2026, 12, 24), all_day=True, minutes=1440), 900, "-PT6H", "2026-12-23 18:00"),
    (
        event("call", datetime(2026, 11, 26, 16), reminder=True, minutes=0, end_said=False),
        5,
        "-PT5M",
        "2026-11-26 15:55",
    ),
]


@pytest.mark.parametrize(("main", "minutes", "trigger", "rings"), LEADS)
def test_a_reminder_before_an_event_is_an_alarm_and_comes_back(
    main: CalendarEvent, minutes: int, trigger: str, rings: str
) -> None:
    lead = lead_reminder(main, minutes, "fedcba9876543210", CREATED)
    (entry,) = entries(main, lead)
    triggers = [alarm["TRIGGER"].to_ical().decode() for alarm in entry.walk("VALARM")]
    assert trigger in triggers
    assert len(triggers) == (2 if main.reminder else 1)
    plan = imported(main, lead)
    assert plan.after == [main]
    assert plan.leads_after == [lead]
    ring = next_ring(plan.leads_after[0], MORNING)
    assert ring is not None
    assert f"{ring.astimezone(ZoneInfo('Europe/Berlin')):%Y-%m-%d %H:%M}" == rings


def test_a_reminder_with_its_own_words_keeps_them() -> None:
    lunch = event("lunch", datetime(2026, 11, 26, 12))
    lead = msgspec.structs.replace(lead_reminder(lunch, 60, "fedcba9876543210", CREATED), title="leave the house")
    assert imported(lunch, lead).leads_after == [lead]


def test_the_count_of_an_export_is_of_events() -> None:
    lunch = event("lunch", datetime(2026, 11, 26, 12))
    assert to_icalendar([lunch, lead_reminder(lunch, 60, "fedcba9876543210", CREATED)], MORNING).count == 1


def test_a_reminder_whose_event_is_gone_is_an_entry_of_its_own() -> None:
    lunch = event("lunch", datetime(2026, 11, 26, 12))
    (entry,) = entries(lead_reminder(lunch, 60, "fedcba9876543210", CREATED))
    assert (str(entry["SUMMARY"]), len(entry.walk("VALARM"))) == ("lunch", 1)


ALARM = "BEGIN:VALARM\nACTION:DISPLAY\nDESCRIPTION:x\nTRIGGER{}\nEND:VALARM"


@pytest.mark.parametrize(
    ("triggers", "leads"),
    [
        ([":-PT15M", ":-P1D", ":-PT15M"], [15, 1440]),
        ([";RELATED=END:-PT15M", ";VALUE=DATE-TIME:20261126T080000Z", ":PT5M", ":-P1000D"], []),
        ([f":-PT{minutes}M" for minutes in range(1, 30)], [1, 2, 3, 4, 5]),
        ([":PT0S"], []),
    ],
)
def test_alarms_of_other_programs_remind_before_imported_events(triggers: list[str], leads: list[int]) -> None:
    alarms = "\n".join(ALARM.format(trigger) for trigger in triggers)
    content = file(f"UID:1\nSUMMARY:dentist\nDTSTART;TZID=Europe/Berlin:20261126T100000\n{alarms}")
    plan = plan_import(read_calendar_file(content).entries, (), "Europe/Berlin", NOW)
    assert [lead.lead for lead in plan.leads_after] == leads
    assert {lead.leads_to for lead in plan.leads_after} <= {each.event_id for each in plan.after}


def test_what_an_import_moves_takes_its_reminders_along() -> None:
    lunch = event("lunch", datetime(2026, 11, 26, 12))
    lead = lead_reminder(lunch, 10, "fedcba9876543210", CREATED)
    later = event("lunch", datetime(2026, 11, 26, 13))
    plan = imported(later, there=(lunch, lead))
    assert plan.leads_before == [lead]
    assert [each.start for each in plan.leads_after] == [datetime(2026, 11, 26, 12, 50)]


def test_the_second_of_two_times_stays_the_second() -> None:
    """At 2:30 the clocks go back to 2, and 2:30 comes again. A file can say this in UTC only."""
    night = event("night train", datetime(2026, 10, 25, 2, 30), second_pass=True)
    (entry,) = entries(night)
    assert entry["DTSTART"].dt == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    read = event_of_entry(entry, "Europe/Berlin", CREATED)
    assert moment_of(read) == moment_of(night) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert imported(night, there=(night,)).unchanged == 1
    moved = event("night train", datetime(2026, 10, 26, 2, 30), zone="UTC")
    assert merged_event(night, moved).second_pass is False


def test_an_alarm_at_the_start_is_no_reminder_before_it() -> None:
    call = event("call", datetime(2026, 11, 26, 16), reminder=True, minutes=0)
    (entry,) = entries(call)
    assert leads_of_entry(entry, call) == []
