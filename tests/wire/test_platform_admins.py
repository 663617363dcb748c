"""Admins by the platform's word. What breaks without this: a group's admin rules elsewhere, or after being deposed."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any, Literal

import pytest

from llmagent_os.adapter import KnowsAdmins
from llmagent_os.admin import people_command, security_audit
from llmagent_os.admin.command_ledger import open_ledger
from llmagent_os.agent import Agent
from llmagent_os.commands.command_table import listed_commands
from llmagent_os.config import Settings
from llmagent_os.events import now
from llmagent_os.host.host import Host
from llmagent_os.identity import Identity
from llmagent_os.knowledge.scopes import ScopedBases
from llmagent_os.ledger import Ledger
from llmagent_os.people.access import Access
from llmagent_os.people.admission import Admission
from llmagent_os.people.platform_roles import PlatformRoles
from llmagent_os.people.profiles import Profiles
from llmagent_os.reply.agent_settings import AgentSettings
from llmagent_os.reply.services import Services
from llmagent_os.testing import ScriptedLLM, running
from tests.platforms.discord import DiscordServer
from tests.platforms.slack import TEAM, SlackServer
from tests.platforms.telegram import TelegramServer

from .test_discord import DiscordPlatform
from .test_slack import SlackPlatform
from .test_telegram import TelegramPlatform

PLATFORMS: dict[str, tuple[Any, Any]] = {
    "slack": (SlackServer, SlackPlatform),
    "discord": (DiscordServer, DiscordPlatform),
    "telegram": (TelegramServer, TelegramPlatform),
}


@pytest.fixture
async def platform(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Any]:
    make_server, make_platform = PLATFORMS[request.param]
    server = make_server()
    await server.start()
    platform = make_platform(server, tmp_path / request.param)
    if request.param == "discord":
        platform.commands |= {name: str(about) for name, about in listed_commands(None, for_admins=True).items()}
    yield platform
    await server.stop()


@contextlib.asynccontextmanager
async def hosted(
    platform: Any, tmp_path: Path, *, way: Literal["everyone", "pairing"] = "everyone"
) -> AsyncGenerator[Ledger]:
    """The adapter in a host with an agent that learns from admins."""
    ledger = await Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    adapter: Any = platform.make()
    known: dict[str, KnowsAdmins] = {adapter.name: adapter}
    access = Access(ledger, access=way, platform_roles=PlatformRoles(ledger, known))
    taught = ScopedBases(tmp_path / "knowledge")
    services = Services(
        ledger=ledger,
        profiles=Profiles(tmp_path / "profiles"),
        access=access,
        taught=taught,
        settings=AgentSettings(learn="members", asks_consent=False),
    )
    agent = Agent(llm=ScriptedLLM(*["I do not know."] * 9), services=services)
    try:
        async with running(Host(Admission(agent, access), ledger, [adapter])):
            await adapter.started()
            yield ledger
    finally:
        taught.close()
        await ledger.close()


async def said_to(platform: Any, user: str, name: str, arguments: str) -> str:
    """What a person reads who gives a command in the group: there, or in their own chat where none can be alone."""
    server = platform.server
    places = [server.group, server.direct(user) if hasattr(server, "direct") else user]

    def seen() -> list[Any]:
        return [one for place in places for one in server.shown(place, user=user) if not one.draft]

    before = {one.message_id for one in seen()}
    await server.command(name, arguments, user=user, channel=server.group)
    await server.wait(lambda: any(one.message_id not in before for one in seen()))
    return next(str(one.text) for one in seen() if one.message_id not in before)


def place(platform: Any) -> str:
    name, group = platform.server.name, platform.server.group
    return f"slack:{TEAM}" if name == "slack" else f"{name}::{group}"


@pytest.mark.parametrize("platform", PLATFORMS, indirect=True)
async def test_who_administers_the_place_teaches_it_until_the_platform_says_no(platform: Any, tmp_path: Path) -> None:
    server = platform.server
    server.admins.add(server.ana)
    async with hosted(platform, tmp_path) as ledger:
        assert "Only admins" in await said_to(platform, server.ben, "learn", "for everyone The moon is made of cheese.")
        said = await said_to(platform, server.ana, "learn", "for everyone The gate code is 4711.")
        assert "for everybody here" in said
        (admin,) = await ledger.platform_admins.listed()
        assert (admin.identity.rpartition(":")[2], admin.place) == (server.ana, place(platform))
        kind = "workspace" if server.name == "slack" else "group"
        with contextlib.closing(ScopedBases(tmp_path / "knowledge")) as bases:
            assert [len(base.documents()) for base in bases.all_bases(kind)] == [1]  # type: ignore[arg-type]
            other = {"workspace", "group"} - {kind}
            assert [list(bases.all_bases(each)) for each in other] == [[]]  # type: ignore[arg-type]
    server.admins.clear()
    async with hosted(platform, tmp_path) as ledger:
        assert "only admins" in (await said_to(platform, server.ana, "knowledge", "remove 1")).lower()
        assert await ledger.platform_admins.listed() == []
        noted = [(each.role, each.action, each.detail) for each in reversed(await ledger.audit.latest(9))]
    assert [noted[0], noted[-1]] == [
        ("admin", "became an admin by the platform", place(platform)),
        ("member", "is no admin by the platform any more", place(platform)),
    ]
    assert noted[1][:2] == ("admin", "taught everybody")


@pytest.mark.parametrize("platform", ["slack"], indirect=True)
async def test_an_admin_of_the_workspace_lets_its_people_in_and_no_others(platform: Any, tmp_path: Path) -> None:
    server = platform.server
    server.admins.add(server.ana)
    async with hosted(platform, tmp_path, way="pairing") as ledger:
        access = Access(ledger, access="pairing")
        await server.say("hello", user=server.ben)
        await server.wait(lambda: any("this code" in one.text for one in server.shown(user=server.ben)))
        (asks,) = await access.requests()
        assert "Let in" in await said_to(platform, server.ana, "approve", asks.code)
        assert "another workspace" in await said_to(platform, server.ana, "revoke", "slack:T0OTHER:U1")
        assert "Only admins can do that" in await said_to(platform, server.ben, "approve", asks.code)
        log = await ledger.audit.latest(1)
        assert (log[0].role, log[0].action, log[0].subject) == ("admin", "let in", f"slack:{TEAM}:{server.ben}")


@pytest.mark.parametrize("platform", ["slack"], indirect=True)
async def test_a_platform_that_does_not_answer_makes_nobody_an_admin(platform: Any, tmp_path: Path) -> None:
    server = platform.server
    server.admins.add(server.ana)
    server.scopes = server.scopes.replace(",users:read", "")
    async with hosted(platform, tmp_path) as ledger:
        assert "Only admins" in await said_to(platform, server.ana, "learn", "for everyone The gate code is 4711.")
        assert await ledger.platform_admins.listed() == []


async def test_the_command_line_lists_them_and_names_stale_ones(tmp_path: Path) -> None:
    settings = Settings.load(env_file=None, data=tmp_path)
    ana, ben = Identity("slack:T1:U1"), Identity("telegram::7")
    async with open_ledger(settings) as ledger:
        await ledger.platform_admins.confirm(ana, "slack:T1", now())
        await ledger.platform_admins.confirm(ben, "telegram::-9", now() - 2 * security_audit.STALE)
        exported = await ledger.export(ana)
        assert [each["place"] for each in exported["platform_admins"]] == ["slack:T1"]
    listed = await people_command.listing(settings)
    assert "slack:T1:U1  admin of slack:T1 by the platform" in listed
    found = {each.text.partition(" ")[0]: each.state for each in await security_audit.check_admins(settings)}
    assert found == {"the": "note", ana: "ok", ben: "problem"}
    async with open_ledger(settings) as ledger:
        await ledger.forget(ana)
        assert [each.identity for each in await ledger.platform_admins.listed()] == [ben]
