"""What breaks without this: a crash or a second change at the same moment loses what a person told, a damaged file
ends its person's conversations, or one person reads another's file.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmagent_os.errors import ProfileError
from llmagent_os.identity import PersonId
from llmagent_os.people.profile_rows import ProfileRows
from llmagent_os.people.profiles import PREFERENCES, UNDO_STEPS, FileStorage, Profile, Profiles, file_name
from llmagent_os.privacy.consent import Consent, consent_of
from tests.shared_rows import opened_rows

ANA = PersonId("slack:T1:U1")


@pytest.fixture
def profiles(tmp_path: Path) -> Profiles:
    return Profiles(tmp_path / "profiles")


#: Opens the profiles of one installation, as each of its hosts does.
Opens = Callable[..., Profiles]


@pytest.fixture(params=["files", "sqlite", "postgresql"])
def opens(request: pytest.FixtureRequest, tmp_path: Path) -> Opens:
    """Profiles in files, and in rows of either database: what is promised holds for all."""
    if request.param == "files":
        return partial(Profiles, tmp_path / "profiles")
    on_server = request.param == "postgresql"
    url: str = request.getfixturevalue("postgresql_url") if on_server else f"sqlite:///{tmp_path}/ledger.db"
    return lambda *preferences: Profiles(ProfileRows(opened_rows(url, request)), *preferences)


@pytest.fixture
def people(opens: Opens) -> Profiles:
    return opens()


async def test_somebody_new_has_an_empty_profile_and_no_file(profiles: Profiles, tmp_path: Path) -> None:
    found = await profiles.get(ANA)
    assert (found.user_id, found.name, found.preferences) == (ANA, None, {})
    assert await profiles.undo(ANA) is None
    assert (await profiles.export(ANA))["profile"]["user_id"] == ANA
    assert not (tmp_path / "profiles").exists()


async def test_changes_last_and_keep_what_they_do_not_name(people: Profiles, opens: Opens) -> None:
    await people.update(ANA, name="Ana", time_zone="Europe/Berlin", place="Berlin")
    changed = await people.update(ANA, verbosity="brief")
    assert changed.name == "Ana"
    assert changed.preferences == {"verbosity": "brief"}
    assert changed.updated_at > changed.created_at
    assert await opens().get(ANA) == changed


async def test_single_preferences_are_merged_and_preferences_are_replaced(people: Profiles) -> None:
    await people.update(ANA, mode="conversational", preferences={"colour": "red"})
    assert (await people.get(ANA)).preferences == {"colour": "red", "mode": "conversational"}
    assert (await people.update(ANA, mode=None)).preferences == {"colour": "red"}
    assert (await people.update(ANA, preferences={})).preferences == {}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"nickname": "A"}, "nickname"),
        ({"created_at": "2026-01-01T00:00:00Z"}, "created_at"),
        ({"name": 7}, "name"),
        ({"verbosity": "chatty"}, "brief, normal or detailed"),
        ({"preferences": {"mode": "rude"}}, "task_oriented or conversational"),
        ({"time_zone": "Mars/Olympus"}, "Europe/Berlin"),
        ({"time_zone": "../../etc/passwd"}, "Europe/Berlin"),
        ({"time_zone": "Europe"}, "Europe/Berlin"),
    ],
)
async def test_what_a_profile_cannot_have_is_named(people: Profiles, changes: dict[str, Any], says: str) -> None:
    await people.update(ANA, name="Ana")
    with pytest.raises(ProfileError, match=says):
        await people.update(ANA, **changes)
    assert (await people.get(ANA)).name == "Ana"


async def test_a_preference_of_an_older_configuration_does_not_stop_the_next_change(opens: Opens) -> None:
    own = opens({**PREFERENCES, "verbosity": ("short", "long"), "tone": ("formal", "warm")})
    assert (await own.update(ANA, verbosity="short", tone="warm")).preferences == {"verbosity": "short", "tone": "warm"}
    with pytest.raises(ProfileError, match="tone is formal or warm"):
        await own.update(ANA, tone="loud")
    usual = opens()
    assert (await usual.update(ANA, name="Ana")).preferences["verbosity"] == "short"
    with pytest.raises(ProfileError, match="brief, normal or detailed"):
        await usual.update(ANA, verbosity="long")
    assert (await usual.update(ANA, verbosity="brief")).preferences == {"verbosity": "brief", "tone": "warm"}


async def test_undo_walks_back_to_the_beginning(people: Profiles) -> None:
    await people.update(ANA, name="Ana")
    await people.update(ANA, name="Anna", verbosity="brief")
    for name in ("Ana", None):
        restored = await people.undo(ANA)
        assert restored is not None
        assert restored.name == name
        assert restored.preferences == {}
        assert await people.get(ANA) == restored
    assert await people.undo(ANA) is None


async def test_the_way_back_is_bounded(people: Profiles) -> None:
    """TinyDB writes its whole file at each change: it must not grow."""
    for number in range(UNDO_STEPS + 5):
        await people.update(ANA, name=str(number))
    assert len((await people.export(ANA))["undo"]) == UNDO_STEPS


async def test_changes_at_the_same_moment_are_all_kept(people: Profiles, opens: Opens) -> None:
    await asyncio.gather(
        *(people.update(ANA, name=f"n{number}") for number in range(UNDO_STEPS)),
        people.update(ANA, place="Berlin"),
        opens().update(ANA, verbosity="brief"),
    )
    found = await people.get(ANA)
    assert found.place == "Berlin"
    assert found.preferences == {"verbosity": "brief"}
    assert len((await people.export(ANA))["undo"]) == UNDO_STEPS


async def test_changes_from_several_processes_are_all_kept(profiles: Profiles, tmp_path: Path) -> None:
    program = f"""
import asyncio, sys
from llmagent_os.people.profiles import Profiles
async def main():
    profiles = Profiles({str(tmp_path / "profiles")!r})
    for number in range(5):
        before = (await profiles.get({ANA!r})).preferences
        await profiles.update({ANA!r}, place=sys.argv[1] + str(number))
asyncio.run(main())
"""

    def run(name: str) -> None:
        subprocess.run([sys.executable, "-c", program, name], check=True)

    await asyncio.gather(*(asyncio.to_thread(run, name) for name in "ab"))
    places = [each["place"] for each in (await profiles.export(ANA))["undo"]] + [(await profiles.get(ANA)).place]
    assert sorted(places[1:]) == sorted(f"{name}{number}" for name in "ab" for number in range(5))


async def test_a_crash_in_the_middle_of_a_write_leaves_the_profile_before_it(
    profiles: Profiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await profiles.update(ANA, name="Ana")

    def full(file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ProfileError, match="No space left"):
        await profiles.update(ANA, name="lost")
    assert (await profiles.get(ANA)).name == "Ana"


async def test_nobody_ever_sees_half_a_change(
    profiles: Profiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever reads, or crashes, between two writes of one change would find a file without a profile."""
    seen: list[str | None] = []
    replace = Path.replace

    def then_look(new: Path, target: Path) -> Path:
        done = replace(new, target)
        seen.append(asyncio.run(Profiles(tmp_path / "profiles").get(ANA)).name)
        return done

    monkeypatch.setattr(Path, "replace", then_look)
    await profiles.update(ANA, name="Ana")
    await profiles.update(ANA, name="Anna")
    await profiles.undo(ANA)
    assert seen == ["Ana", "Anna", "Ana"]


def profile_file(tmp_path: Path, person_id: PersonId = ANA) -> Path:
    return tmp_path / "profiles" / f"{file_name(person_id)}.json"


def damaged_files(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "profiles" / "damaged").glob("*"))


@pytest.mark.parametrize(
    "held",
    [
        b"",
        b'{"_default": {"1": ',
        b"[]",
        b'{"_default": []}',
        b'{"_default": {}}',
        b'{"_default": {"one": {}}}',
        b'{"_default": {"1": {"undo": 1}}}',
        b'{"_default": {"1": {"undo": [], "profile": {"user_id": 5}}}}',
        b'{"_default": {"1": {"undo": [7], "profile": {"user_id": "slack:T1:U1"}}}}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
async def test_a_damaged_file_is_kept_aside_and_its_person_goes_on(
    profiles: Profiles, tmp_path: Path, held: bytes
) -> None:
    """Every message of the person would fail, and ``/forget`` too."""
    await profiles.update(ANA, name="Ana")
    profile_file(tmp_path).write_bytes(held)
    assert (await profiles.get(ANA)).name is None
    (kept,) = damaged_files(tmp_path)
    assert kept.name.startswith(f"{file_name(ANA)}.")
    assert kept.read_bytes() == held
    assert (await profiles.update(ANA, name="Anna")).name == "Anna"
    assert (await profiles.get(ANA)).name == "Anna"
    assert damaged_files(tmp_path) == [kept], "it is put aside once"
    assert (await profiles.export(ANA))["damaged"][0]["file"] == f"damaged/{kept.name}"
    assert [path for path, _ in await profiles.problems()] == [str(kept)]
    assert await profiles.forget(ANA)
    assert damaged_files(tmp_path) == []
    assert not await profiles.forget(ANA)


@pytest.mark.parametrize("first", ["get", "update", "undo", "export", "forget"])
async def test_nothing_fails_at_a_damaged_file(profiles: Profiles, tmp_path: Path, first: str) -> None:
    await profiles.update(ANA, name="Ana")
    profile_file(tmp_path).write_bytes(b"{")
    await getattr(profiles, first)(ANA)
    assert (await profiles.get(ANA)).name is None


async def test_what_can_be_read_of_a_damaged_profile_is_kept(profiles: Profiles, tmp_path: Path) -> None:
    """One field of a wrong type would cost the person all that they told."""
    await profiles.update(ANA, name="Ana", place="Berlin", verbosity="brief")
    path = profile_file(tmp_path)
    document = json.loads(path.read_bytes())
    document["_default"]["1"]["profile"] |= {"place": 7, "preferences": {"verbosity": "brief", "mode": 3}}
    path.write_text(json.dumps(document))
    found = await profiles.get(ANA)
    assert (found.name, found.place, found.preferences) == ("Ana", None, {"verbosity": "brief"})
    assert await Profiles(tmp_path / "profiles").get(ANA) == found
    assert len(damaged_files(tmp_path)) == 1


@pytest.mark.parametrize("part", [0.6, 0.8, 0.95])
async def test_a_half_written_profile_does_not_undo_that_its_person_opted_out(
    profiles: Profiles, tmp_path: Path, part: float
) -> None:
    """Damage to a file would be consent."""
    await profiles.update(ANA, learning="off")
    await profiles.update(ANA, name="Ana", place="Berlin")
    path = profile_file(tmp_path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    assert not consent_of((await profiles.get(ANA)).preferences, Consent()).learning
    assert not consent_of((await profiles.get(ANA)).preferences, Consent()).learning, "also when it is read again"


async def test_fields_of_a_later_version_are_kept(profiles: Profiles, tmp_path: Path) -> None:
    """Going back to the version before would delete what the later one knew."""
    await profiles.update(ANA, name="Ana")
    path = profile_file(tmp_path)
    document = json.loads(path.read_bytes())
    document["_default"]["1"]["profile"]["pronouns"] = "she"
    document["_default"]["1"]["badge"] = 1
    path.write_text(json.dumps(document))
    await profiles.update(ANA, place="Berlin")
    assert (await profiles.undo(ANA)) is not None
    kept = json.loads(path.read_bytes())["_default"]["1"]
    assert (kept["profile"]["pronouns"], kept["badge"], damaged_files(tmp_path)) == ("she", 1, [])
    assert (await profiles.export(ANA))["profile"]["pronouns"] == "she"


async def test_a_time_zone_that_this_machine_lacks_stays_and_stops_nothing(profiles: Profiles, tmp_path: Path) -> None:
    """Every change of a profile that came from another machine would be refused."""
    await profiles.update(ANA, name="Ana", time_zone="Europe/Berlin")
    path = profile_file(tmp_path)
    path.write_text(path.read_text().replace("Europe/Berlin", "Mars/Olympus"))
    assert (await profiles.get(ANA)).time_zone == "Mars/Olympus"
    assert (await profiles.update(ANA, name="Anna")).time_zone == "Mars/Olympus"
    assert damaged_files(tmp_path) == []
    ((named, why),) = await profiles.problems()
    assert (named, "Mars/Olympus" in why) == (str(path), True)


async def test_a_file_that_cannot_be_read_is_left_as_it_is(profiles: Profiles, tmp_path: Path) -> None:
    """A wrong permission can be corrected. Until then nothing may be overwritten or learned."""
    await profiles.update(ANA, name="Ana")
    path = profile_file(tmp_path)
    path.unlink()
    path.mkdir()  # what even an administrator cannot read as a file
    for _ in range(2):
        found = await profiles.get(ANA)
        assert found.name is None
        assert not consent_of(found.preferences, Consent()).learning
    with pytest.raises(ProfileError, match=path.name):
        await profiles.update(ANA, name="new")
    assert path.is_dir()
    assert [named for named, _ in await profiles.problems()] == [str(path)]
    assert await profiles.forget(ANA), "a person can be forgotten even so"
    assert not path.exists()


async def test_a_damaged_profile_is_read_on_a_full_disk(
    profiles: Profiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file cannot be put aside then, and every message would fail again."""
    await profiles.update(ANA, name="Ana", place="Berlin")
    path = profile_file(tmp_path)
    path.write_text(path.read_text().replace('"Berlin"', "7"))

    def full(self: Path, *arguments: Any, **named: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "mkdir", full)
    monkeypatch.setattr(Path, "replace", full)
    assert (await profiles.get(ANA)).name == "Ana"
    assert path.exists()


async def test_a_file_that_was_copied_from_another_person_is_not_shown(profiles: Profiles, tmp_path: Path) -> None:
    """Read as Ben's, Ana's file would show Ben her name, and change her profile when Ben changes his."""
    ben = PersonId("slack:T1:U2")
    await profiles.update(ANA, name="Ana", learning="off")
    profile_file(tmp_path, ben).write_bytes(profile_file(tmp_path).read_bytes())
    assert (await profiles.get(ben)).name is None
    assert (await profiles.update(ben, name="Ben")).preferences == {}
    assert (await profiles.get(ANA)).name == "Ana"
    assert len(damaged_files(tmp_path)) == 1
    assert await profiles.forget(ANA), "it holds her words, whatever its name is"
    assert damaged_files(tmp_path) == []
    assert (await profiles.get(ben)).name == "Ben"


async def test_forgetting_leaves_no_file(profiles: Profiles, tmp_path: Path) -> None:
    await profiles.update(ANA, name="Ana")
    await profiles.update(PersonId("slack:T1:U2"), name="Ben")
    assert await profiles.forget(ANA)
    assert not await profiles.forget(ANA)
    assert (await profiles.get(ANA)).name is None
    assert (await profiles.get(PersonId("slack:T1:U2"))).name == "Ben"
    assert "Ana" not in "".join(path.read_text() for path in (tmp_path / "profiles").iterdir())


async def test_only_its_owner_can_read_a_profile(profiles: Profiles, tmp_path: Path) -> None:
    await profiles.update(ANA, name="Ana")
    assert (tmp_path / "profiles").stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "profiles").iterdir())


@given(st.lists(st.text(min_size=1, max_size=300), min_size=2, max_size=5, unique=True))
def test_every_id_has_a_file_of_its_own_inside_the_folder(ids: list[str]) -> None:
    names = [file_name(PersonId(person_id)) for person_id in ids]
    assert len(set(names)) == len(ids)
    for name in names:
        assert "/" not in name
        assert not name.startswith(".")
        assert len(os.fsencode(f"{name}.json.new")) <= 255


def test_an_empty_id_has_no_profile() -> None:
    with pytest.raises(ProfileError, match="empty"):
        file_name(PersonId(""))


def test_storage_that_was_never_written_is_empty(tmp_path: Path) -> None:
    assert FileStorage(tmp_path / "none.json").read() is None
    assert Profile(user_id=PersonId("u")).preferences == {}
