"""What ``doctor`` says about damage. What breaks without this: nobody learns that something was put aside."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from llmagent_os.adapters.web.transcript import Transcript
from llmagent_os.adapters.web.transcript_items import Item
from llmagent_os.admin.damage_check import MAX_LISTED, check_damage
from llmagent_os.admin.findings import Finding
from llmagent_os.config import Settings
from llmagent_os.events import now
from llmagent_os.identity import Identity, PersonId
from llmagent_os.ledger import Ledger
from llmagent_os.people.profiles import Profiles

ANA = Identity("web::ana")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.load(env_file=None, data=tmp_path / "data")


async def found(settings: Settings) -> list[Finding]:
    return [finding async for finding in check_damage(settings) if finding.state != "ok"]


async def test_where_nothing_is_damaged_nothing_is_said_and_nothing_made(settings: Settings) -> None:
    assert await found(settings) == []
    assert not settings.data.exists()
    await (await Ledger.open(settings.ledger_url)).close()
    await Profiles(settings.data / "profiles").update(PersonId(ANA), name="Ana")
    assert await found(settings) == []


async def test_damaged_rows_of_the_ledger_are_listed_by_name(settings: Settings) -> None:
    ledger = await Ledger.open(settings.ledger_url)
    records = ledger.records("calendar", ANA)
    for number in range(MAX_LISTED + 1):
        await records.put(f"event:{number}", {"title": "lunch"})
    with closing(sqlite3.connect(settings.data / "ledger.db")) as database:
        database.execute("UPDATE records SET body = '{'")
        database.commit()
    assert await records.items() == []
    findings = await found(settings)
    assert [finding.state for finding in findings] == ["problem"] * MAX_LISTED + ["note"]
    assert f"records web::ana calendar event:{MAX_LISTED - 1}" in " ".join(finding.text for finding in findings)
    assert all(finding.remedy for finding in findings[:-1])
    await ledger.close()


async def test_damaged_messages_of_the_web_chat_are_listed(settings: Settings) -> None:
    transcript = Transcript(settings.data / "web" / "web.db")
    room = await transcript.begin("ana")
    await transcript.add(room, Item(message_id="r-1", author="bot", text="hi", at=now()))
    with closing(sqlite3.connect(settings.data / "web" / "web.db")) as database:
        database.execute("UPDATE messages SET body = x'7b'")
        database.commit()
    assert await transcript.get(room, "r-1") is None
    await transcript.close()
    (finding,) = await found(settings)
    assert (finding.state, "messages r-1" in finding.text) == ("problem", True)


async def test_profiles_are_listed_that_are_damaged_put_aside_or_elsewhere_in_time(settings: Settings) -> None:
    folder = settings.data / "profiles"
    profiles = Profiles(folder)
    for name in ("whole", "half", "aside", "mars"):
        await profiles.update(PersonId(name), name=name, time_zone="Europe/Berlin")
    (folder / "half.json").write_text("{")
    (folder / "aside.json").write_text("{")
    await profiles.get(PersonId("aside"))
    mars = (folder / "mars.json").read_text().replace("Europe/Berlin", "Mars/Olympus")
    (folder / "mars.json").write_text(mars)
    before = sorted(path.name for path in folder.rglob("*"))
    texts = [finding.text for finding in await found(settings)]
    assert [name for name in ("half.json", "mars.json", "aside.2") if any(name in text for text in texts)] == [
        "half.json",
        "mars.json",
        "aside.2",
    ]
    assert len(texts) == 3
    assert any("Mars/Olympus" in text for text in texts)
    assert sorted(path.name for path in folder.rglob("*")) == before, "looking changes nothing"


async def test_a_database_that_cannot_be_read_is_named(settings: Settings) -> None:
    (settings.data / "web").mkdir(parents=True)
    (settings.data / "web" / "web.db").write_bytes(b"no database" * 1000)
    (finding,) = await found(settings)
    assert "web.db cannot be read" in finding.text
