"""Red flags: one that is missed may cost a life, and one that is made up teaches people to ignore them."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest

from llmagent_os.agent import AgentSettings
from llmagent_os.events import Command, Conversation, Sender
from llmagent_os.languages import LANGUAGES, speaking
from llmagent_os.plugins.health import HealthPlugin
from llmagent_os.plugins.health.differential import care_of, conditions, differential
from llmagent_os.plugins.health.emergency_numbers import country_of
from llmagent_os.plugins.health.red_flags import red_flags, red_flags_in
from llmagent_os.plugins.health.symptoms import symptoms, symptoms_in
from llmagent_os.plugins.todo import TodoPlugin
from llmagent_os.tools.registry import Plugins
from tests.unit.agent_bench import Bench, no_draft
from tests.unit.plugins.health.patient import Patient, health_plugins

HERE = Path(__file__).parent


def cases(name: str) -> list[dict[str, Any]]:
    read: dict[str, list[dict[str, Any]]] = tomllib.loads((HERE / f"{name}.toml").read_text(encoding="utf-8"))
    return read["case"]


CASES = [*cases("cases"), *cases("cases_unseen")]


def level_of(said: str) -> str:
    if flags := red_flags_in(said):
        return flags[0].level
    found = differential(symptoms_in(said))
    return care_of(found) if found else "none"


@pytest.mark.parametrize("case", CASES, ids=[case["said"][:40] for case in CASES])
def test_what_people_write_gets_the_right_level(case: dict[str, Any]) -> None:
    assert sorted(flag.id for flag in red_flags_in(case["said"])) == sorted(case["flags"])
    assert level_of(case["said"]) == case["level"]


@pytest.mark.parametrize("other", [case["said"] for case in cases("cases") if not case["flags"]][:8])
def test_no_other_words_hide_a_flag(other: str) -> None:
    """Whatever is denied or told beside it, in the same message."""
    for said in (
        f"{other}. My chest hurts badly",
        f"my chest hurts badly. {other}",
        f"{other} but my chest hurts badly",
    ):
        assert "heart_attack" in {flag.id for flag in red_flags_in(said)}, said


def test_a_flag_at_the_end_of_a_very_long_message_is_found() -> None:
    assert red_flags_in("word " * 20_000 + "and I cannot breathe")


def test_the_tables_are_whole() -> None:
    """Everything is named in every language and has a source; conditions know only symptoms of the table."""
    assert len(conditions()) >= 40
    named = [each.names for each in red_flags()]
    named += [each.names for each in conditions().values()]
    named += [each.names for each in symptoms().values()]
    assert all(set(names) == set(LANGUAGES) for names in named)
    assert all(each.source for each in red_flags())
    assert all(each.source for each in conditions().values())
    assert {name for each in conditions().values() for name in each.symptoms} == symptoms().keys()
    for each in conditions().values():
        assert set(each.symptoms.values()) <= {1, 2, 3}


@pytest.mark.parametrize(
    ("zone", "locale", "number"),
    [("Europe/London", "", "999"), ("Asia/Tokyo", "de-DE", "119"), ("", "en-AU", "000"), ("", "", "112 (EU, IN)")],
)
async def test_the_number_is_that_of_the_country(zone: str, locale: str, number: str) -> None:
    plugins = await health_plugins()
    result = await plugins.urgent_answer_to(Patient(plugins, zone, locale=locale).context("I can't breathe"))
    assert result is not None
    assert number in result.text.splitlines()[0]
    await plugins.stop()


async def test_a_crisis_gets_a_crisis_line(patient: Patient) -> None:
    result = await patient.plugins.urgent_answer_to(patient.context("ich will nicht mehr leben"))
    assert result is not None
    assert "0800 111 0 111" in result.text
    assert "112" in result.text


async def test_a_group_gets_the_emergency_sentence_and_nothing_else() -> None:
    plugins = await health_plugins()
    patient = Patient(plugins, kind="group")
    urgent = await plugins.urgent_answer_to(patient.context("my chest hurts"))
    assert urgent is not None
    assert urgent.is_secret, "nothing of it is kept"
    assert await plugins.answer_to(patient.context("I have a sore throat and a cough")) is None
    for line in ("/symptoms cough", "/measure 38 C", "/medicine", "/diary"):
        refused = await patient.command(line)
        assert (refused.data["status"], refused.is_secret) == ("refused", True), line
    assert await patient.records.items() == []
    await plugins.stop()


@pytest.mark.parametrize("line", ["/symptoms chest pain", "/diary crushing chest pain 9", "/measure my chest hurts"])
async def test_a_command_looks_for_red_flags_first(patient: Patient, line: str) -> None:
    assert (await patient.command(line)).data["status"] == "emergency"
    assert await patient.records.items() == []


def test_a_zone_without_a_country_gives_none() -> None:
    assert country_of("Etc/UTC", "") == ""


@pytest.mark.parametrize(
    ("said", "lead"),
    [
        ("my chest hurts badly and my arm is numb", "en"),
        ("ich habe starke schmerzen in der brust", "de"),
        ("me duele mucho el pecho", "es"),
        ("我胸口很痛，喘不过气", "zh"),
    ],
)
@pytest.mark.parametrize("kind", ["direct", "group"])
async def test_a_red_flag_is_answered_before_anything_else(
    bench: Bench, said: str, lead: str, kind: Literal["direct", "group"]
) -> None:
    """Before an open question of another plugin, before rules, and before the model; the ledger keeps nothing of it."""
    room = Conversation(platform="memory", channel="c1", kind=kind)
    async with Plugins(installed=(), records=bench.ledger.records, timers=bench.ledger.timers) as plugins:
        await plugins.add(TodoPlugin())
        await plugins.add(HealthPlugin())
        agent = bench.agent("Hm.", plugins=plugins, settings=AgentSettings(request_rules=True))
        command = Command(event_id="c", conversation=room, sender=Sender("u1"), name="todo", arguments="add")
        asked = await agent.handle(command, no_draft)
        assert asked.reply is not None and asked.reply.text == "What is to be done?"
        with speaking(lead):
            message = msgspec.structs.replace(bench.message(said), conversation=room, addressed=True)
            outcome = await agent.handle(message, no_draft)
    assert outcome.reply is not None and outcome.interaction is None
    assert "112" in outcome.reply.text.splitlines()[0]
    assert outcome.reply.only_for is None, "others in the group may help"
    assert bench.llm.requests == []
