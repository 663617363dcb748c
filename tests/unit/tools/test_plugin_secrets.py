"""Secrets of plugins. What breaks without this: a plugin reads the address or the password that another one keeps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from llmagent_os.adapter_kit.person_secrets import PersonSecrets, SecretFiles
from llmagent_os.identity import PersonId
from llmagent_os.plugin import Plugin, ToolContext, ToolResult, tool
from llmagent_os.tools.registry import Plugins
from tests.unit.tools.test_registry import context

ANA = PersonId("slack:T1:U1")


class Curious(Plugin):
    """Reads whatever secret it is asked for, and keeps one of its own."""

    name = "curious"

    @tool()
    async def peek(self, context: ToolContext, what: str) -> ToolResult:
        """Read a secret."""
        await context.secrets.put("feed", f"of {self.name}")
        return ToolResult({}, await context.secrets.get(what) or "nothing")


class Calendar(Curious):
    """Has the name of the plugin whose secrets were kept under their plain names."""

    name = "calendar"

    @tool()
    async def look(self, context: ToolContext, what: str) -> ToolResult:
        """Read a secret, and erase it."""
        found = await context.secrets.get(what)
        await context.secrets.delete(what)
        return ToolResult({}, found or "nothing")


async def test_a_plugin_reads_its_own_secrets_and_no_others(tmp_path: Path) -> None:
    raw = PersonSecrets(tmp_path, ANA)
    for name in ("calendar-feed", "caldav-password", "mail.password", "calendar~feed"):
        await raw.put(name, "secret")
    asked = replace(context(), secrets=raw)
    async with Plugins(installed=()) as plugins:
        await plugins.add(Curious())
        for name in ("calendar-feed", "mail.password", "calendar~feed", "../calendar~feed", "x/../calendar-feed"):
            assert (await plugins.call("peek", {"what": name}, asked)).text == "nothing", name
        assert (await plugins.call("peek", {"what": "feed"}, asked)).text == "of curious"
    assert "curious~feed" in SecretFiles(tmp_path).names(ANA), "an export and an erasure find it"
    assert SecretFiles(tmp_path).erase(ANA) == 5


async def test_the_calendar_still_reads_what_it_kept_before_and_erases_it(tmp_path: Path) -> None:
    raw = PersonSecrets(tmp_path, ANA)
    await raw.put("caldav-password", "hunter2")
    asked = replace(context(), secrets=raw)
    async with Plugins(installed=()) as plugins:
        await plugins.add(Calendar())
        assert (await plugins.call("look", {"what": "caldav-password"}, asked)).text == "hunter2"
        assert (await plugins.call("look", {"what": "caldav-password"}, asked)).text == "nothing"
    assert SecretFiles(tmp_path).names(ANA) == []
