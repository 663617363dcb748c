"""Secrets of people, in files and in rows. What breaks without this: a password is lost, or given to somebody else."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from llmagent_os.adapter_kit.person_secrets import PersonSecrets, SecretFiles, SecretPlace
from llmagent_os.adapter_kit.secret_rows import SecretRows
from llmagent_os.identity import PersonId
from tests.shared_rows import opened_rows

ANA, BEN = PersonId("slack:T1:ana"), PersonId("slack:T1:ben")


@pytest.fixture(params=["files", "sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> SecretPlace:
    if request.param == "files":
        return SecretFiles(tmp_path / "secrets")
    on_server = request.param == "postgresql"
    url: str = request.getfixturevalue("postgresql_url") if on_server else f"sqlite:///{tmp_path}/ledger.db"
    return SecretRows(opened_rows(url, request))


async def test_a_secret_is_kept_replaced_and_erased(place: SecretPlace) -> None:
    own, of_ben = PersonSecrets(place, ANA), PersonSecrets(place, BEN)
    assert await own.get("feed") is None
    await own.put("feed", "tulip")
    await own.put("feed", "zeppelin")
    await own.put("../key", "é\x00")
    await of_ben.put("feed", "lunch")
    assert (await own.get("feed"), await own.get("../key"), await of_ben.get("feed")) == ("zeppelin", "é\x00", "lunch")
    assert (place.names(ANA), place.accounts()) == (["feed", "key"], 2)
    await own.delete("feed")
    await own.delete("feed")
    assert (await own.get("feed"), place.erase(ANA), place.erase(ANA)) == (None, 1, 0)
    assert await of_ben.get("feed") == "lunch"


async def test_what_was_typed_and_never_answered_goes(place: SecretPlace) -> None:
    own = PersonSecrets(place, ANA)
    await own.put("typed." + "0" * 32, "hunter2")
    await own.put("typed.feed", "stays")
    assert place.erase_typed(time.time() - 3600) == 0
    assert place.erase_typed(time.time() + 3600) == 1
    assert place.names(ANA) == ["typed.feed"]
