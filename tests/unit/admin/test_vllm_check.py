"""What the doctor and the audit say of vLLM servers: a wrong flag is hours of search, an open port anybody's LoRA."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from llmagent_os.admin import vllm_check
from llmagent_os.admin.findings import Finding
from llmagent_os.admin.security_audit import examine
from llmagent_os.admin.vllm_check import check_management_ports, check_vllm
from llmagent_os.bot import Bot
from llmagent_os.config import Settings
from tests.unit.serving.vllm_server import VllmTwin

BOT = 'name = "b"\nmodel = "openai:base"\nadapters = ["web"]\n'


@pytest.fixture
async def twin() -> AsyncIterator[VllmTwin]:
    server = VllmTwin()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def bot(tmp_path: Path) -> Bot:
    (tmp_path / "bot").mkdir()
    (tmp_path / "bot" / "bot.toml").write_text(BOT)
    return Bot.load(tmp_path / "bot")


def made(tmp_path: Path, twin: VllmTwin, **given: object) -> Settings:
    data = tmp_path / "data"
    data.mkdir(mode=0o700, exist_ok=True)
    return Settings.load(
        env_file=None, **({"data": data, "base_url": twin.url, "served_model": "calendar", "web_port": 0} | given)
    )


async def findings(settings: Settings, bot: Bot) -> list[Finding]:
    found = [each async for each in check_vllm(settings, bot)]
    assert all(each.remedy for each in found if each.state == "problem")
    return found


async def test_a_server_that_is_right_is_said_to_be(tmp_path: Path, twin: VllmTwin, bot: Bot) -> None:
    twin.processed = True
    found = await findings(made(tmp_path, twin), bot)
    assert [each.state for each in found] == ["ok"]
    assert not twin.loaded
    assert set(twin.calls) == {"models"}, "nothing is loaded, and no reply is written"


async def test_what_a_server_was_not_started_with_is_named(tmp_path: Path, bot: Bot) -> None:
    closed = VllmTwin()
    closed.runtime_loading = False
    await closed.start()
    try:
        found = await findings(made(tmp_path, closed), bot)
    finally:
        await closed.stop()
    assert ["does not load LoRAs at run time" in found[0].text, found[0].state] == [True, "problem"]
    assert "VLLM_ALLOW_RUNTIME_LORA_UPDATING=True" in found[0].remedy
    assert "--enable-lora" in found[0].remedy
    assert "--logprobs-mode processed_logprobs" in found[1].text


async def test_another_model_is_named(tmp_path: Path, twin: VllmTwin, bot: Bot) -> None:
    """vLLM loads a LoRA of another model without a word."""
    found = await findings(made(tmp_path, twin, served_model="smol"), bot)
    assert "serves /models/calendar, and LLMAGENT_OS_SERVED_MODEL is smol" in found[0].text
    twin.key = "secret"
    assert await findings(made(tmp_path, twin, api_key="wrong"), bot) == [], "the check of the model says it"


async def test_servers_that_are_not_vllm_are_left_alone(tmp_path: Path, twin: VllmTwin, bot: Bot) -> None:
    twin.owned_by = "llamacpp"
    assert await findings(made(tmp_path, twin, served_model=""), bot) == []
    (note,) = await findings(made(tmp_path, twin), bot)
    assert (note.state, "is not vLLM" in note.text) == ("note", True)
    assert await findings(made(tmp_path, twin, server_kind="openai"), bot) == []


async def test_an_open_management_port_is_a_problem(
    tmp_path: Path, twin: VllmTwin, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """vLLM listens on every address by default. Whoever reaches it can have it load what they like."""
    settings = made(tmp_path, twin)

    def itself(url: str) -> list[str]:
        return [url]

    monkeypatch.setattr(vllm_check, "_other_addresses", itself)
    (found,) = await check_management_ports(settings)
    assert (found.state, "without a key" in found.text) == ("problem", True)
    assert "--host 127.0.0.1" in found.remedy
    assert found in await examine(settings, bot, None, [])
    twin.key = "secret"
    assert await check_management_ports(settings) == []


async def test_a_port_that_only_this_machine_reaches_is_none(tmp_path: Path, twin: VllmTwin) -> None:
    """The twin listens on 127.0.0.1 alone, so at no other address of this machine."""
    assert await check_management_ports(made(tmp_path, twin)) == []


def test_the_addresses_of_this_machine_keep_port_and_path() -> None:
    for url in vllm_check._other_addresses("http://127.0.0.1:8000/v1"):  # pyright: ignore[reportPrivateUsage]
        assert url.endswith(":8000/v1")
        assert "127.0.0.1" not in url
