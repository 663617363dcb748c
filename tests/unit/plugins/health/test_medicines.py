"""Medicines: a reminder at the wrong hour, a warning that is made up, or a double dose harm people."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from llmagent_os.plugins.health.interactions import interactions_of
from llmagent_os.plugins.health.medicine import MedicineError, read_medicine
from tests.unit.plugins.health.patient import NOON, Patient

TODAY = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("said", "name", "times"),
    [
        ("Ibuprofen 400 mg at 8:00 and 20:00", "Ibuprofen 400 mg", ("08:00", "20:00")),
        ("Vitamin D 1000 IE um 7 Uhr", "Vitamin D 1000 IE", ("07:00",)),
        ("Metformina 850 mg a las 9:30, 21:30", "Metformina 850 mg", ("09:30", "21:30")),
        ("aspirin 100 mg at 8am, 12pm and 8pm", "aspirin 100 mg", ("08:00", "12:00", "20:00")),
        ("布洛芬 在 8:00", "布洛芬", ("08:00",)),
    ],
)
def test_plans_are_read(said: str, name: str, times: tuple[str, ...]) -> None:
    plan = read_medicine(said, TODAY)
    assert (plan.name, plan.times, plan.until) == (name, times, None)


@pytest.mark.parametrize(
    ("said", "why"),
    [("", "name"), ("Ibuprofen", "times"), ("Ibuprofen at 25:00", "time"), ("Ibuprofen at 8:00 for 9999 days", "days")],
)
async def test_what_cannot_be_read_is_asked_for(patient: Patient, said: str, why: str) -> None:
    with pytest.raises(MedicineError):
        read_medicine(said, TODAY)
    assert (await patient.command(f"/medicine add {said}")).data == {"status": "missing", "need": why}


@pytest.mark.parametrize(
    ("zone", "at", "after", "moments"),
    [
        ("Europe/Berlin", "08:00", datetime(2027, 3, 27, 0, tzinfo=UTC), ["07:00", "06:00"]),
        ("Europe/Berlin", "02:30", datetime(2027, 3, 27, 12, tzinfo=UTC), ["01:30", "00:30"]),  # 02:30 does not exist
        ("America/New_York", "08:00", datetime(2026, 10, 31, 0, tzinfo=UTC), ["12:00", "13:00"]),
    ],
)
async def test_the_clock_stays_when_the_clocks_change(
    patient: Patient, zone: str, at: str, after: datetime, moments: list[str]
) -> None:
    patient.zone, patient.now = zone, after
    await patient.command(f"/medicine add Ibuprofen at {at}")
    seen: list[str] = []
    for _ in moments:
        (moment,) = patient.timers.pending.values()
        seen.append(f"{moment:%H:%M}")
        await patient.wait_until(moment)
    assert seen == moments


async def test_taken_later_and_skipped(patient: Patient) -> None:
    await patient.command("/medicine add Ibuprofen 400 mg at 14:00 for 2 days")
    (asked,) = await patient.wait_until(NOON + timedelta(hours=3))
    await patient.press(asked, "In 10 minutes")
    (again,) = await patient.wait_until(NOON + timedelta(hours=4))
    assert again.text.startswith("Once more: Ibuprofen 400 mg, 14:00.")
    await patient.press(again, "Taken")
    (second,) = await patient.wait_until(NOON + timedelta(days=1, hours=3))
    assert "no answer" not in second.text
    await patient.press(second, "Skip")
    assert (await patient.press(second, "In 10 minutes")).data["status"] == "stale"
    assert await patient.wait_until(NOON + timedelta(days=9)) == [], "the plan was for two days"


async def test_a_missed_dose_is_said_once(patient: Patient) -> None:
    await patient.command("/medicine add Ibuprofen at 13:00")
    said = await patient.wait_until(NOON + timedelta(days=1, hours=2))
    assert ["no answer" in each.text for each in said] == [False, True]
    await patient.press(said[-1], "Taken")
    (third,) = await patient.wait_until(NOON + timedelta(days=2, hours=2))
    assert "no answer" not in third.text


async def test_a_host_that_was_off_reminds_late_and_once(patient: Patient) -> None:
    await patient.command("/medicine add Ibuprofen at 13:00")
    patient.now = NOON + timedelta(days=5)
    ((key, at),) = patient.timers.ring(patient.now)
    late = await patient.plugins.due("health", key, at, patient.context())
    assert late is not None
    assert "This comes late" in late.text
    assert list(patient.timers.pending.values()) == [datetime(2026, 11, 27, 12, tzinfo=UTC)]


async def test_a_move_to_another_zone_moves_the_reminders(patient: Patient) -> None:
    await patient.command("/medicine add Ibuprofen at 13:00")
    before = patient.profile
    await patient.plugins.profile_changed(patient.moved_to("America/New_York"), before, "UTC")
    assert list(patient.timers.pending.values()) == [datetime(2026, 11, 22, 18, tzinfo=UTC)]


async def test_a_removed_medicine_is_silent(patient: Patient) -> None:
    await patient.command("/medicine add Ibuprofen 400 mg at 13:00")
    assert (await patient.command("/medicine remove ibuprofen")).data["status"] == "removed"
    assert patient.timers.pending == {}
    assert (await patient.command("/medicine remove ibuprofen")).data["status"] == "unclear"


async def test_interactions_come_from_the_table_only(patient: Patient) -> None:
    await patient.command("/medicine add Marcumar at 18:00")
    added = await patient.command("/medicine add Ibuprofen 400 mg at 8:00")
    assert "Ibuprofen 400 mg with Marcumar can make bleeding more likely." in added.text
    assert "BNF" in added.text
    unknown = await patient.command("/medicine check vitamin c, ginger")
    assert "I have no data on vitamin c with ginger." in unknown.text
    assert interactions_of("Viagra 50", "GTN spray")[0].effect == "low_pressure"
    assert interactions_of("glass", "warfarin") == (), "“ass” is a medicine, and “glass” is none"
