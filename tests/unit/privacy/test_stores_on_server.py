"""A bot whose database other hosts share. What breaks without this: ``/forget`` leaves a trace in a table, or an export
leaves something out.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from llmagent_os.admin import profile_command
from llmagent_os.config import Settings
from llmagent_os.ledger import schema
from llmagent_os.ledger.connection import open_database
from llmagent_os.ledger.shared_rows import SharedRows
from llmagent_os.privacy.encryption import mount_data
from llmagent_os.privacy.ledger_store import LedgerStore, data_subject
from llmagent_os.sealing.key_ring import SealedError
from llmagent_os.sealing.master_keys import new_master_key
from llmagent_os.sealing.mounts import ring_of, unmount
from tests.platforms.telegram import TelegramServer
from tests.unit.privacy.test_known_stores import (
    ANA_TELEGRAM,
    ANA_WEB,
    BEN,
    SECRETS,
    World,
    server,
    traces,
    unheld_paths,
    unheld_tables,
    world,
)

__all__ = ["server", "world"]


@pytest.fixture(params=["plain", "sealed"])
def settings(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    server: TelegramServer,
    postgresql_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Settings]:
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    given = {"data": tmp_path / "data", "access": "everyone", "policy": "bayes", "web_port": 0, "time_zone": "UTC"}
    given |= {"public_url": "https://bot.example.org", "pages_port": 0, "database_url": postgresql_url}
    if request.param == "sealed":
        given["encryption_key"] = new_master_key().as_text()
    yield Settings.load(env_file=None, **given)
    unmount(tmp_path / "data")


def texts(url: str) -> dict[str, bytes]:
    """Everything in each table, as the server keeps it."""

    def work(db: sa.Connection) -> dict[str, bytes]:
        return {
            table.name: b"\0".join(
                value if isinstance(value, bytes) else str(value).encode()
                for row in db.execute(sa.select(table))
                for value in row
            )
            for table in schema.metadata.sorted_tables
        }

    shared = SharedRows(url)
    try:
        return shared.run(work)
    finally:
        shared.close()


def tables_with(url: str, *words: str) -> set[str]:
    return {name for name, held in texts(url).items() for word in words if word.encode() in held}


async def test_nothing_is_left_in_any_table_of_a_person_who_was_erased(world: World, settings: Settings) -> None:
    await world.live()
    stores, url = world.runtime.stores, settings.ledger_url
    assert unheld_tables(schema.metadata, stores) == set()
    assert unheld_paths(settings.data, stores) == set()
    assert not {"profiles", "secrets", "web.db", "ledger.db"} & {path.name for path in settings.data.rglob("*")}, (
        "what several hosts share is not in the files of one"
    )
    there = tables_with(url, ANA_WEB, ANA_TELEGRAM, *SECRETS, "person-ana-ypsilon")
    assert there >= {"profiles", "secrets", "web_conversations", "interactions", "records"}
    ring, hers = ring_of(settings.data), texts(url)["profiles"]
    if ring is None:
        assert tables_with(url, *SECRETS) >= {"profiles", "web_messages", "interactions"}
    else:
        assert tables_with(url, *SECRETS) == set(), "all words are sealed"
        assert ring.has_key(ANA_WEB)
    subject = await data_subject(ANA_TELEGRAM, (LedgerStore("ledger", ledger=world.runtime.ledger),))
    erased = {each.store: each.count for each in await stores.erase(subject)}
    await world.runtime.ledger.wipe()
    await world.settled()
    assert (erased["profiles"], erased["secrets"], erased["web"], erased["keys"] > 0) == (2, 1, 1, ring is not None)
    leaves = {table for store in stores for table in store.holds.leaves}
    assert tables_with(url, ANA_WEB, ANA_TELEGRAM, "person-ana-ypsilon", *SECRETS) - leaves == set()
    assert tables_with(url, *SECRETS) == set()
    assert traces(settings.data, *SECRETS) == set()
    if ring is not None:
        assert not ring.has_key(ANA_WEB)
        sealed = hers[hers.index(b"\x02S1") :].split(b"\0web")[0]
        with pytest.raises(SealedError):
            ring.open(sealed)
    assert len((await world.runtime.ledger.export(BEN))["interactions"]) == 1, "nobody else was erased"


async def test_the_command_line_exports_and_erases_the_same_beside_the_host(world: World, settings: Settings) -> None:
    await world.live()
    found = json.loads(await profile_command.export(settings, ANA_TELEGRAM))
    assert found["profile"]["profile"]["name"] == "Ypsilanti"
    (conversation,) = found["conversations"]
    assert (conversation["platform"], conversation["title"][:6]) == ("web", "remind")
    assert any("zeppelin" in each["text"] for each in conversation["messages"])
    assert len(found["secrets"]) == 1
    assert "Ypsilanti" in await profile_command.show(settings, ANA_WEB)
    words = await profile_command.forget(settings, ANA_TELEGRAM)
    assert "other platforms: 1 conversation, files: 1 message, outgoing files: 0 files, secrets: 1 secret, " in words
    assert "profiles: 2 files, " in words
    left = tables_with(settings.ledger_url, ANA_WEB, ANA_TELEGRAM, *SECRETS)
    assert left <= {"policy_bodies"}, "the host sweeps what no state refers to any more when it starts"
    found = json.loads(await profile_command.export(settings, ANA_WEB))
    assert found["conversations"] == found["interactions"] == found["secrets"] == []


def test_the_wrong_key_is_noticed_before_anything_is_written(
    tmp_path: Path, postgresql_url: str, request: pytest.FixtureRequest
) -> None:
    """A second host with another key would seal what the first cannot open."""
    request.addfinalizer(lambda: unmount(tmp_path / "data"))
    given = {"data": tmp_path / "data", "database_url": postgresql_url}
    first = Settings.load(env_file=None, **given, encryption_key=new_master_key().as_text())
    ring = mount_data(first)
    open_database(postgresql_url).close()
    assert ring is not None
    ring.check()
    other = Settings.load(env_file=None, **given, encryption_key=new_master_key().as_text())
    with pytest.raises(Exception, match="another than the one"):
        mount_data(other)
    shutil.rmtree(tmp_path / "data", ignore_errors=True)
