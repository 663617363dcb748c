"""Consent. What breaks without this: a person who did not allow it is learned from, remembered or trained on."""

from __future__ import annotations

from pathlib import Path

import pytest

import llmagent_os.privacy
from llmagent_os.bot import ConsentConfig
from llmagent_os.errors import ProfileError
from llmagent_os.identity import PersonId
from llmagent_os.people.directory import Directory
from llmagent_os.people.profiles import PREFERENCES, Profiles
from llmagent_os.privacy.consent import SWITCHES, Consent, consent_of, is_withdrawal

ANA = PersonId("web::ana")


@pytest.mark.parametrize(
    ("preferences", "expected"),
    [
        ({}, (True, True, False)),
        ({"learning": "off"}, (True, False, False)),
        ({"training": "on"}, (True, True, True)),
        ({"training": "on", "learning": "off"}, (True, False, False)),
        ({"remember": "off", "mode": "off"}, (False, True, False)),
        ({"remember": "whatever"}, (True, True, False)),
    ],
)
def test_the_person_decides_and_the_owner_for_who_has_not_said(
    preferences: dict[str, str], expected: tuple[bool, bool, bool]
) -> None:
    consent = consent_of(preferences, ConsentConfig().defaults)
    assert (consent.remember, consent.learning, consent.training) == expected


def test_an_owner_who_turns_all_off_learns_only_from_who_agrees() -> None:
    off = ConsentConfig(remember=False, learning=False).defaults
    assert consent_of({}, off) == Consent(remember=False, learning=False, training=False)
    assert consent_of(dict.fromkeys(SWITCHES, "on"), off) == Consent(training=True)


def test_only_what_was_allowed_is_taken_back() -> None:
    off = ConsentConfig().defaults
    assert is_withdrawal({"training": "on"}, {}, off)
    assert is_withdrawal({"training": "on"}, {"training": "on", "learning": "off"}, off)
    assert not is_withdrawal({}, {"learning": "off"}, off)
    assert is_withdrawal({}, {"learning": "off"}, Consent())


def test_the_answers_are_preferences_that_people_can_set() -> None:
    assert all(set(PREFERENCES[switch]) == {"on", "off"} for switch in SWITCHES)


def test_it_is_decided_at_two_places() -> None:
    """A third place would sooner or later give another answer, and a person who opted out would be learned from."""
    core = Path(llmagent_os.privacy.__file__).parents[1]
    deciding = {
        path.relative_to(core).as_posix()
        for path in core.rglob("*.py")
        if "consent_of(" in path.read_text().replace("def consent_of(", "") and path.name != "consent.py"
    }
    # The question says what is decided, and decides nothing.
    assert deciding == {"reply/exchange.py", "people/directory.py", "reply/consent_question.py"}


async def test_every_change_is_recorded_whatever_has_made_it(tmp_path: Path) -> None:
    profiles = Profiles(tmp_path)
    await profiles.note_told(ANA, ConsentConfig().defaults)
    await profiles.note_told(ANA, ConsentConfig().defaults)
    await profiles.update(ANA, training="on")
    await profiles.update(ANA, name="Ana")
    await profiles.update(ANA, training=None, learning="off")
    await profiles.undo(ANA)
    record = (await profiles.export(ANA))["consent"]
    assert [(each["switch"], each["value"]) for each in record] == [
        ("asked", "remember,learning"),
        ("training", "on"),
        ("learning", "off"),
        ("training", ""),
        ("learning", ""),
        ("training", "on"),
    ]
    assert all(each["at"].endswith("Z") for each in record)
    assert (await profiles.get(ANA)).told_at is not None, "an undo does not have them asked again"
    with pytest.raises(ProfileError, match="no 'told_at'"):
        await profiles.update(ANA, told_at=None)


async def test_who_cannot_be_read_is_not_trained_on(tmp_path: Path) -> None:
    profiles = Profiles(tmp_path)
    await profiles.update(ANA, training="on")
    directory = Directory(None, profiles, ConsentConfig().defaults)
    assert await directory.consents_to_training(ANA)
    assert not await directory.consents_to_training(PersonId("web::ben"))
    assert await directory.consents(PersonId("web::ben"))
    file = tmp_path / "web%3A%3Aana.json"
    file.unlink()
    file.mkdir()
    assert not await directory.consents(ANA)
    assert not await directory.consents_to_training(ANA)
