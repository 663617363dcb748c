"""``/plugins``: an admin of one workspace must not switch what everybody uses, and nothing is switched by halves."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from llmagent_os.commands.plugin_switches import plugins
from llmagent_os.events import Command
from llmagent_os.ledger import Ledger
from llmagent_os.people.access import Access
from llmagent_os.reply.services import Services
from llmagent_os.testing import MemoryAdapter
from llmagent_os.tools.plugin_choice import PluginChoice
from llmagent_os.tools.registry import Plugins

BOT = 'name = "x"\nplugins = []  # none yet\npermissions = ["poll.*"]\n'


@pytest.mark.parametrize(
    ("typed", "said", "written"),
    [
        ("", "Usage: `/plugins enable NAME`", BOT),
        ("remove todo", "Usage", BOT),
        ("enable tod", "did you mean 'todo'?", BOT),
        ("reload todo", "no plugin 'todo' is loaded", BOT),
        ("disable todo", "Nothing was changed.", BOT),
        ("enable poll", "poll is enabled.", BOT.replace("[]", '["poll"]')),
        ("enable todo", "needs permissions that I do not have: todo.read, todo.write", BOT.replace("[]", '["todo"]')),
    ],
)
async def test_an_admin_switches_plugins(tmp_path: Path, typed: str, said: str, written: str) -> None:
    file = tmp_path / "bot.toml"
    file.write_text(BOT)
    ledger = await Ledger.open("sqlite://")
    access = Access(ledger, access="everyone", admins="memory::boss,memory::local@memory:T1")
    choice = PluginChoice("x", file, False, tmp_path)
    room = MemoryAdapter().message("")
    async with Plugins(installed=(), allowed=("poll.*",)) as loaded:
        services = Services(plugins=loaded, plugin_choice=choice)

        async def type_(user: str) -> str:
            command = Command(
                event_id="e",
                conversation=room.conversation,
                sender=msgspec.structs.replace(room.sender, user_id=user),
                at=room.at,
                name="plugins",
                arguments=typed,
            )
            return (await plugins(services, access, command)).text

        if typed:  # an admin of one workspace
            refused = await type_("local")
            assert "Only owners, and admins of every workspace" in refused or "Usage" in refused
            assert file.read_text() == BOT
        assert said.replace("needs", "need") in (await type_("boss")).replace("needs", "need")
        assert file.read_text() == written
        noted = [(entry.action, entry.detail) for entry in await access.log.latest(9)]
        assert noted == (
            [(f"plugins {typed.split()[0]}", typed.split()[1])] if written != BOT or "Nothing" in said else []
        )
    await ledger.close()
