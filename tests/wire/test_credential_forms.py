"""Forms for credentials. What breaks without this: a password stands in a chat, in the ledger or in a log."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from llmagent_os.agent import Agent
from llmagent_os.commands.command_table import listed_commands
from llmagent_os.commands.credential_form import credential_form
from llmagent_os.credentials.credential import Credential
from llmagent_os.credentials.typed_secret import take_secret
from llmagent_os.credentials.vault import Vault
from llmagent_os.host.host import Host
from llmagent_os.identity import Identity
from llmagent_os.ledger import Ledger
from llmagent_os.people.profiles import Profiles
from llmagent_os.plugin import Plugin, ToolContext, ToolResult, tool
from llmagent_os.reply.agent_settings import AgentSettings
from llmagent_os.reply.services import Services
from llmagent_os.testing import ScriptedLLM, running
from llmagent_os.tools.registry import Plugins
from tests.platforms.discord import DiscordServer
from tests.platforms.slack import TEAM, SlackServer

from .test_discord import DiscordPlatform
from .test_slack import SlackPlatform

PLATFORMS: dict[str, tuple[Any, Any]] = {
    "slack": (SlackServer, SlackPlatform),
    "discord": (DiscordServer, DiscordPlatform),
}


class Post(Plugin):
    """Reads mail."""

    name = "post"
    credentials = (
        Credential(name="mail", kind="login", title="your mailbox", user="Address"),
        Credential(name="hub", kind="token", title="your hub", looks="it begins with ghp_", pattern="ghp_.+"),
    )

    @tool(credentials=("mail",))
    async def read(self, context: ToolContext) -> ToolResult:
        """Read the mail."""
        return ToolResult({}, context.credentials["mail"].user)


@pytest.fixture(params=PLATFORMS)
async def platform(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Any]:
    make_server, make_platform = PLATFORMS[request.param]
    server = make_server()
    await server.start()
    platform = make_platform(server, tmp_path / request.param)
    if request.param == "discord":
        platform.commands |= {name: str(about) for name, about in listed_commands(None, for_admins=False).items()}
    yield platform
    await server.stop()


@contextlib.asynccontextmanager
async def hosted(platform: Any, tmp_path: Path) -> AsyncGenerator[Vault]:
    ledger = await Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    vault = Vault(records=ledger.records)
    async with Plugins(installed=(), records=ledger.records, vault=vault) as plugins:
        await plugins.add(Post())
        platform.options |= {"form_for": partial(credential_form, plugins)}
        services = Services(
            ledger=ledger,
            profiles=Profiles(tmp_path / "profiles"),
            plugins=plugins,
            vault=vault,
            settings=AgentSettings(asks_consent=False),
        )
        adapter = platform.make()
        host = Host(
            Agent(llm=ScriptedLLM("Hm."), services=services), ledger, [adapter], take_secret=partial(take_secret, vault)
        )
        async with running(host):
            await adapter.started()
            yield vault
    await ledger.close()


async def test_what_is_typed_into_the_form_is_kept_and_stands_nowhere(
    platform: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    server = platform.server
    team = TEAM if server.name == "slack" else ""
    ana = Identity(f"{server.name}:{team}:{server.ana}")
    async with hosted(platform, tmp_path) as vault:
        await server.command("credentials", "add mail")
        await server.wait(lambda: len(server.opened) == 1)
        assert server.opened[0][0] == ["your mailbox", "Address", "Password"]
        await server.fill("ana smith@example.org", "hunter2 hunter3")
        await server.until(says("I can sign in to your mailbox now."))
        stored = await vault.read("post", "mail", ana)
        assert stored is not None
        assert (stored.user, stored.secret) == ("ana smith@example.org", "hunter2 hunter3")
        await server.command("credentials", "add hub")
        await server.wait(lambda: len(server.opened) == 2)
        await server.fill("wrong-looking-secret")
        await server.until(says("That is not for your hub"))
        assert await vault.read("post", "hub", ana) is None
    kept = _bytes(tmp_path)
    for secret in ("hunter2", "wrong-looking-secret"):
        assert secret.encode() not in kept
        assert secret not in caplog.text + capsys.readouterr().out
        assert not any(secret in one.text for one in server.shown())


def says(text: str) -> Callable[[list[Any]], bool]:
    """Whether a chat shows a message with ``text``; empty: any words."""
    return lambda seen: any(one.text and text in one.text for one in seen)


def _bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def test_where_no_form_can_be_opened_the_command_is_answered(platform: Any, tmp_path: Path) -> None:
    server = platform.server
    server.forms = False
    async with hosted(platform, tmp_path):
        await server.command("credentials", "add hub")
        seen = await server.until(says(""))
        assert "/credentials add hub TOKEN" in seen[-1].text
