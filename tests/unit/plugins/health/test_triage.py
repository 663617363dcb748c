"""Triage: reasons that do not fit what was said, or an answer that claims to be a diagnosis, mislead people."""

from __future__ import annotations

from llmagent_os.languages import speaking
from llmagent_os.plugins.health.differential import differential, next_question
from llmagent_os.plugins.health.symptoms import SaidSymptoms
from llmagent_os.plugins.health.triage import result_of
from tests.unit.plugins.health.patient import Patient

NOT_A_DIAGNOSIS = "I am no doctor, and this is no diagnosis."


async def test_questions_by_buttons_lead_to_a_ranked_list_with_reasons(patient: Patient) -> None:
    result = await patient.command("/symptoms I have a runny nose and sneezing, no fever")
    asked: list[str] = []
    while result.data["status"] == "asking":
        asked.append(result.data["symptom"])
        result = await patient.press(result, "Yes" if asked[-1] == "itchy_eyes" else "No")
    assert "itchy_eyes" in asked
    assert len(set(asked)) == len(asked), "nothing is asked twice"
    assert result.data["possible"].split(", ")[0] == "hay_fever"
    assert result.data["care"] == "self_care"
    assert "1. hay fever – for it: " in result.text
    assert "NHS" in result.text
    assert result.text.endswith(NOT_A_DIAGNOSIS)


async def test_without_words_it_asks_and_takes_the_next_message_as_the_answer(patient: Patient) -> None:
    await patient.command("/symptoms")
    assert await patient.plugins.button_meant(patient.context("what is on tomorrow?")) is None
    context = patient.context("sore throat and a cough")
    value = await patient.plugins.button_meant(context)
    assert value is not None
    assert (await patient.plugins.press(value, context)).data["status"] == "asking"
    assert await patient.plugins.button_meant(patient.context("a headache, too")) is None, "it asks by buttons now"


async def test_old_and_made_up_buttons_change_nothing(patient: Patient) -> None:
    result = await patient.command("/symptoms cough and fever")
    await patient.press(result, "Show the result")
    for value in (
        *(each.value for each in result.buttons),
        "health:answer:yes:gold",
        "health:dose:taken:x",
        "health:x",
    ):
        assert (await patient.plugins.press(value, patient.context())).data["status"] == "stale"


async def test_plain_words_about_oneself_begin_a_triage_and_others_do_not(patient: Patient) -> None:
    told = await patient.plugins.answer_to(patient.context("I have a sore throat and a cough"))
    assert told is not None
    for said in ("buy cough syrup", "lunch with Ana tomorrow at noon", "thanks"):
        assert await patient.plugins.answer_to(patient.context(said)) is None


async def test_what_is_denied_speaks_against() -> None:
    said = result_of(SaidSymptoms(frozenset({"cough", "sore_throat", "body_aches"}), frozenset({"fever"}))).text
    assert "the flu – for it: aching muscles, a cough and a sore throat – against it: a fever" in said
    assert " would speak for " in said, "what would tell the possibilities apart"


async def test_nothing_fits(patient: Patient) -> None:
    assert differential(SaidSymptoms()) == ()
    assert next_question((), ()) is None


async def test_it_speaks_the_language_in_force(patient: Patient) -> None:
    with speaking("de"):
        result = await patient.command("/symptoms Schnupfen und Niesen")
    assert result.text.startswith("Du hast: ")
    assert [button.label for button in result.buttons][:2] == ["Ja", "Nein"]
