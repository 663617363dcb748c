"""What breaks without this: two hosts lose each other's changes, or one goes on with what the other has changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from llmagent_os.errors import ProfileError
from llmagent_os.identity import PersonId
from llmagent_os.ledger.announcements import PROFILES, Announcements
from llmagent_os.ledger.key_rows import KeyRows
from llmagent_os.ledger.shared_rows import SharedRows
from llmagent_os.ledger.shared_tables import SHARED_TABLES, damaged_profiles, profiles
from llmagent_os.people.profile_rows import ProfileRows
from llmagent_os.people.profiles import UNDO_STEPS, Profiles
from llmagent_os.privacy.consent import Consent, consent_of
from llmagent_os.sealing.master_keys import new_master_key
from llmagent_os.sealing.mounts import mount, ring_of, unmount
from tests.shared_rows import opened_rows

ANA, BEN = PersonId("slack:T1:U1"), PersonId("slack:T1:U2")

Opens = Callable[..., SharedRows]


@pytest.fixture
def opens(database_url: str, request: pytest.FixtureRequest) -> Opens:
    """Opens the database, as each host does."""
    return lambda: opened_rows(database_url, request)


@pytest.fixture
def shared(opens: Opens) -> SharedRows:
    return opens()


def set_body(shared: SharedRows, body: bytes) -> None:
    shared.run(lambda db: db.execute(profiles.update().values(body=body)))


async def test_changes_of_two_hosts_at_the_same_moment_are_all_kept(opens: Opens) -> None:
    hosts = [Profiles(ProfileRows(opens())) for _ in range(2)]
    changes = [host.update(ANA, name=f"n{number}") for number in range(UNDO_STEPS // 2 - 1) for host in hosts]
    await asyncio.gather(*changes, hosts[0].update(ANA, place="Berlin"), hosts[1].update(ANA, verbosity="brief"))
    found, exported = await hosts[0].get(ANA), await hosts[1].export(ANA)
    assert (found.place, found.preferences) == ("Berlin", {"verbosity": "brief"})
    names = [each["name"] for each in exported["undo"]] + [found.name]
    assert {f"n{number}" for number in range(UNDO_STEPS // 2 - 1)} <= set(names)
    assert len(exported["undo"]) == UNDO_STEPS


def test_a_change_that_others_overtake_is_made_again(opens: Opens) -> None:
    """The row has another version than the one that was read: it is not written over."""
    rows, other = ProfileRows(opens()), ProfileRows(opens())
    held = rows.change(ANA, lambda held: held)
    with pytest.raises(ProfileError, match="slack:T1:U1"), rows._shared._opened()[1].begin() as db:  # pyright: ignore[reportPrivateUsage]
        assert not rows._write(db, ANA, held, version=7)  # pyright: ignore[reportPrivateUsage]
        raise ProfileError(f"{ANA}: nothing was written")
    assert other.usable(ANA) == held


async def test_what_another_host_changes_is_read_again(opens: Opens) -> None:
    announcements = Announcements()
    here, there = Profiles(ProfileRows(opens(), announcements=announcements)), Profiles(ProfileRows(opens()))
    await there.update(ANA, name="Ana")
    announcements.hears_others = True
    assert (await here.get(ANA)).name == "Ana"
    await there.update(ANA, name="Anna")
    assert (await here.get(ANA)).name == "Ana", "what is in memory costs no query"
    announcements.tell(f"{PROFILES}/{ANA}")
    assert (await here.get(ANA)).name == "Anna"
    await there.update(ANA, name="Anne")
    here.forget_cached(ANA)
    assert (await here.get(ANA)).name == "Anne"
    await there.forget(ANA)
    announcements.tell_missed()
    assert (await here.get(ANA)).name is None
    await there.update(ANA, name="new")
    announcements.hears_others = False
    assert (await here.get(ANA)).name == "new", "without announcements, everything is read"


async def test_a_damaged_row_is_put_aside_and_its_person_goes_on(shared: SharedRows) -> None:
    people = Profiles(ProfileRows(shared))
    await people.update(ANA, name="Ana", learning="off")
    set_body(shared, b'{"_default": {"1": {"profile": {"name": "Ana", "preferences": {"learning": "off"')
    found = await people.get(ANA)
    assert (found.name, consent_of(found.preferences, Consent()).learning) == (None, False)
    assert (await people.update(ANA, place="Berlin")).preferences == {"learning": "off"}
    ((where, why),) = await people.problems()
    assert "damaged_profiles" in where and str(ANA) in why
    (damaged,) = (await people.export(ANA))["damaged"]
    assert '"name": "Ana"' in damaged["body"]
    assert await people.forget(ANA)
    assert await people.problems() == []
    assert not await people.forget(ANA)


async def test_a_row_that_was_copied_from_another_person_is_not_shown(shared: SharedRows) -> None:
    people = Profiles(ProfileRows(shared))
    await people.update(ANA, name="Ana")
    await people.update(BEN, name="Ben")
    body = shared.run(lambda db: db.execute(sa.select(profiles.c.body).where(profiles.c.person_id == ANA)).scalar())
    set_body(shared, body)
    assert (await people.get(BEN)).name is None
    assert await people.forget(ANA), "also what stands under the other's name"
    assert shared.run(lambda db: db.execute(sa.select(damaged_profiles)).all()) == []


async def test_a_database_that_is_away_lets_nobody_be_learned_from(tmp_path: Path) -> None:
    rows = SharedRows(f"sqlite:///{tmp_path}/no folder/ledger.db")
    people = Profiles(ProfileRows(rows))
    assert not consent_of((await people.get(ANA)).preferences, Consent()).learning
    with pytest.raises(ProfileError, match="cannot be read or changed"):
        await people.update(ANA, name="Ana")


@pytest.fixture
def sealed(postgresql_url: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SharedRows]:
    """A database whose keys are in it, as those of an installation on a server are."""
    keys = KeyRows(postgresql_url)
    mount(tmp_path / "data", [new_master_key()], keys=keys)
    yield opened_rows(postgresql_url, request)
    unmount(tmp_path / "data")
    keys.close()


async def test_a_sealed_row_says_nothing_and_is_lost_with_its_key(sealed: SharedRows, tmp_path: Path) -> None:
    people = Profiles(ProfileRows(sealed, data=tmp_path / "data"))
    await people.update(ANA, name="Zeppelin")
    assert (await people.get(ANA)).name == "Zeppelin"
    assert b"Zeppelin" not in all_bytes(sealed)
    ring = ring_of(tmp_path / "data")
    assert ring is not None and ring.destroy(ANA)
    found = await people.get(ANA)
    assert found.name is None
    assert found.preferences == {"learning": "off"}, "whether the person opted out is not known"


def all_bytes(shared: SharedRows) -> bytes:
    """Everything in all shared tables."""

    def work(db: sa.Connection) -> bytes:
        rows: list[Any] = [row for table in SHARED_TABLES for row in db.execute(sa.select(table))]
        return b"\0".join(value if isinstance(value, bytes) else str(value).encode() for row in rows for value in row)

    return shared.run(work)
