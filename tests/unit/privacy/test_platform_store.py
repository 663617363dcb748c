"""What adapters keep. What breaks without this: a transcript stays because its adapter does not run just now."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmagent_os.adapter import Adapter
from llmagent_os.adapters.web import WebAdapter
from llmagent_os.adapters.web.transcript_items import Item
from llmagent_os.admin import profile_command
from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError
from llmagent_os.events import now
from llmagent_os.identity import Identity
from llmagent_os.privacy.platform_store import OtherPlatformStore, PlatformStore
from llmagent_os.privacy.stores import DataSubject
from llmagent_os.testing import MemoryAdapter

ANA = DataSubject.of([Identity("slack:T1:U7"), Identity("web:local:ana")])


@pytest.fixture
async def web(tmp_path: Path) -> WebAdapter:
    """A web chat that does not run, in which Ana and Ben have said something."""
    adapter = WebAdapter(port=0, data=tmp_path / "web")
    for person in ("ana", "ben"):
        conversation = await adapter.transcript.begin(person)
        item = Item(message_id="m1", author="person", text=f"the secret of {person}", at=now())
        await adapter.transcript.add(conversation, item)
    await adapter.transcript.close()
    return adapter


def never(platform: str) -> Adapter:
    raise AssertionError(f"{platform} was made")


async def test_one_persons_conversations_are_exported_and_erased_and_nobody_elses(
    web: WebAdapter, tmp_path: Path
) -> None:
    store = PlatformStore(web)
    (conversation,) = (await store.export(ANA))["conversations"]
    assert [message["text"] for message in conversation["messages"]] == ["the secret of ana"]
    assert (await store.erase(ANA), await store.erase(ANA)) == (1, 0)
    assert (await store.export(ANA))["conversations"] == []
    held = b"".join(path.read_bytes() for path in (tmp_path / "web").iterdir())
    assert (b"secret of ana" in held, b"secret of ben" in held) == (False, True)


async def test_what_a_platform_that_does_not_run_has_left_is_erased(web: WebAdapter, tmp_path: Path) -> None:
    """A person who has linked two platforms is forgotten on both, though only one of them runs."""
    store = OtherPlatformStore(tmp_path, ["slack"], lambda _: web)
    assert len((await store.export(ANA))["conversations"]) == 1
    assert (await store.erase(ANA), await store.erase(ANA)) == (1, 0)


@pytest.mark.parametrize("folder", ["", "web", "web/files/ana"])
async def test_no_adapter_is_made_where_nothing_is_left(tmp_path: Path, folder: str) -> None:
    """It may have no token, and needs seconds to be imported. Files that people sent have a store of their own."""
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    assert await OtherPlatformStore(tmp_path, ["slack"], never).erase(ANA) == 0


async def test_an_adapter_that_keeps_nothing_of_its_own_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "log.txt").write_text("x")
    assert await OtherPlatformStore(tmp_path, [], MemoryAdapter).erase(ANA) == 0


async def test_a_transcript_that_cannot_be_opened_is_not_said_to_be_erased(web: WebAdapter, tmp_path: Path) -> None:
    """The web chat's settings are wrong: its file is there, and nobody has looked into it."""
    settings = Settings.load(env_file=None, data=tmp_path, web_host="0.0.0.0")
    with pytest.raises(ConfigError, match=r"profiles: 0 files.*NOT erased: other platforms: .*WEB_TOKEN"):
        await profile_command.forget(settings, "web:local:ana")
    settings = settings.model_copy(update={"web_host": "127.0.0.1"})
    assert "other platforms: 1 conversation," in await profile_command.forget(settings, "web:local:ana")
