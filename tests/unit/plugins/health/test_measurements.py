"""Measurements, the diary and the summary: a wrong unit or a wrong range could have somebody take the wrong step."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from io import BytesIO

import pytest
from pypdf import PdfReader

from llmagent_os.languages import speaking
from llmagent_os.plugins.health.measurement import MeasurementError, quantities, read_measurement
from tests.unit.plugins.health.patient import Patient


@pytest.mark.parametrize(
    ("said", "written", "band"),
    [
        ("38,4 °C", "38.4 °C (101.1 °F)", "high"),
        ("体温38度5", "38.5 °C (101.3 °F)", "high"),
        ("37.45 °C", "37.5 °C (99.4 °F)", "raised"),  # the band is that of the value that is shown
        ("99.35 °F", "37.4 °C (99.4 °F)", "normal"),
        ("Blutdruck 118 zu 76", "118/76 mmHg (15.7/10.1 kPa)", "normal"),
        ("blood pressure 118 over 76", "118/76 mmHg (15.7/10.1 kPa)", "normal"),
        ("temperature 98.6", "37.0 °C (98.6 °F)", "normal"),
        ("bp 118/76", "118/76 mmHg (15.7/10.1 kPa)", "normal"),
        ("118/84 mmHg", "118/84 mmHg (15.7/11.2 kPa)", "high"),
        ("Blutdruck 190/100", "190/100 mmHg (25.3/13.3 kPa)", "danger"),
        ("glucose 126 mg/dL", "7.0 mmol/L (126 mg/dL)", "high"),
        ("血糖 5.2", "5.2 mmol/L (94 mg/dL)", "normal"),
        ("glucose 50 mg/dl", "2.8 mmol/L (50 mg/dL)", "danger"),
        ("hba1c 48 mmol/mol", "6.5 % (48 mmol/mol)", "high"),
        ("cholesterol 4.9 mmol/l", "4.9 mmol/L (189 mg/dL)", "normal"),
        ("spo2 91 %", "91 %", "danger"),
        ("weight 180 lb", "81.6 kg (180.0 lb)", ""),
        ("bmi 80 kg 180 cm", "24.7 kg/m²", "normal"),
        ("pulse 55", "55 bpm", "low"),
    ],
)
def test_values_are_converted_and_placed(said: str, written: str, band: str) -> None:
    found = read_measurement(said)
    assert (found.written, found.band) == (written, band)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("", "unknown"),
        ("7 %", "which"),
        ("temperature 900", "impossible"),
        ("bp 120", "impossible"),
        ("bp 80/120", "impossible"),
        ("weight -82 kg", "impossible"),
        ("5 foo", "unit"),
    ],
)
async def test_what_cannot_be_read_is_named(patient: Patient, said: str, why: str) -> None:
    with pytest.raises(MeasurementError):
        read_measurement(said)
    result = await patient.command(f"/measure {said}")
    assert (result.data["status"], result.data["need"]) == ("unclear", why)
    assert await patient.records.items() == []


def test_every_range_has_a_source() -> None:
    for quantity in quantities().values():
        assert bool(quantity.bands) == bool(quantity.source)
        for name in filter(None, (quantity.unit, quantity.other)):
            assert name.lower() in quantity.units


async def test_the_diary_keeps_draws_and_lets_go(patient: Patient) -> None:
    await patient.command("/measure bp 150/95")
    result = await patient.command("/measure bp 140/90")
    await patient.command("/diary headache 6/10")
    listed = await patient.command("/diary")
    assert listed.table is not None
    assert {row[1:] for row in listed.table.rows} >= {
        ("headache", "6/10"),
        ("blood pressure", "150/95 mmHg (20.0/12.7 kPa)"),
    }
    drawn = await patient.plugins.press(result.buttons[1].value, patient.context())
    assert "150, " in drawn.text or drawn.pictures or drawn.chart is not None
    await patient.press(result, "Do not keep it")
    assert len(await patient.records.items()) == 2
    sure = await patient.command("/diary clear")
    assert sure.buttons[0].style == "danger"
    await patient.press(sure, "Delete it")
    assert (await patient.command("/diary")).data["status"] == "empty"


async def test_a_call_that_runs_again_after_a_crash_keeps_one_entry(patient: Patient) -> None:
    """The clock has moved on by then: the person would find what they said twice in their diary."""
    call = patient.context("/diary headache 6")
    for seconds in (0, 7):
        again = replace(call, now=call.now + timedelta(seconds=seconds))
        await patient.plugins.command("diary", "headache 6", again)
    assert len(await patient.records.items()) == 1


async def test_a_dangerous_value_says_whom_to_call(patient: Patient) -> None:
    assert "call 112" in (await patient.command("/measure spo2 88 %")).text


@pytest.mark.parametrize(("language", "word"), [("en", "Diary"), ("zh", "日记")])
async def test_the_summary_is_a_pdf_that_can_be_read(patient: Patient, language: str, word: str) -> None:
    with speaking(language):
        assert (await patient.command("/diary pdf")).data["status"] == "empty"
        await patient.command("/measure weight 82 kg")
        await patient.command("/medicine add Ibuprofen 400 mg at 8:00")
        await patient.command("/diary Kopfweh 头痛 4")
        result = await patient.command("/diary pdf")
    (name,) = result.files
    # pypdf gives the letters of this font as pairs of bytes.
    text = "".join(page.extract_text() for page in PdfReader(BytesIO(patient.files.written[name])).pages).replace(
        "\0", ""
    )
    for expected in (word, "Ibuprofen 400 mg", "82.0 kg", "头痛"):
        assert expected in text
