"""Names in a bot's file: a plugin that is not there, or a permission for nothing, is a bot that cannot do its work."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel

from llmagent_os.errors import ConfigError
from llmagent_os.plugin import Plugin
from llmagent_os.tools.plugin_names import check_permissions, wrong_plugins, wrong_tables
from llmagent_os.tools.registry import Plugins

WEATHER = """
from llmagent_os.plugin import Plugin, ToolContext, ToolResult, tool

class Weather(Plugin):
    name = "weather"

    @tool(permission="weather.read")
    async def forecast(self, context: ToolContext) -> ToolResult:
        \"\"\"Say what the weather will be.\"\"\"
        return ToolResult({"status": "ok"}, "Rain.")
"""


async def test_a_misspelt_plugin_is_an_error_with_the_nearest_name() -> None:
    assert await wrong_plugins(["calendar", "profile"]) == []
    (at, first), (then, second) = await wrong_plugins(["calender", "profile", "zzz"])
    assert (at, then) == (0, 2)
    assert first == "`plugins`: no installed plugin is called 'calender'; did you mean 'calendar'?"
    assert second.startswith("`plugins`: no installed plugin is called 'zzz'; installed: calendar, calendar_talk, ")


@pytest.mark.parametrize(
    ("patterns", "message"),
    [
        (("calender.*",), "'calender.*' matches no permission of this bot's plugins; did you mean 'calendar.*'?"),
        (("calendar.wirte",), "did you mean 'calendar.write'?"),
        (("calendar",), "'calendar' matches no permission of this bot's plugins; did you mean 'calendar"),
        (("zzz",), "their tools ask for: calendar.read, calendar.write"),
        (("profile.write",), "'profile.write' matches no permission"),
    ],
)
async def test_a_permission_that_matches_nothing_is_an_error(patterns: tuple[str, ...], message: str) -> None:
    """Else the model is shown no tool, and nobody is told why."""
    async with Plugins(installed=("calendar",), allowed=patterns) as plugins:
        with pytest.raises(ConfigError) as caught:
            check_permissions(plugins, ("calendar.read", "*", "c*", *patterns))
    assert str(caught.value).startswith("`permissions`: ")
    assert message in str(caught.value)


async def test_permissions_of_plugins_to_come_are_not_judged(tmp_path: Path) -> None:
    """An author writes the bot first and the plugin then, with the bot running; a broken plugin is said already."""
    async with Plugins(folder=tmp_path, installed=()) as plugins:
        check_permissions(plugins, ("weather.*",))
        (tmp_path / "weather.py").write_text(WEATHER)
        await plugins.reload(tmp_path / "weather.py")
        check_permissions(plugins, ("weather.*",))
        with pytest.raises(ConfigError, match=r"did you mean 'weather\.\*'"):
            check_permissions(plugins, ("whether.*",))
        (tmp_path / "other.py").write_text("def broken(:")
        await plugins.reload(tmp_path / "other.py")
        check_permissions(plugins, ("other.*",))


async def test_a_table_of_settings_that_no_plugin_reads_is_a_mistake() -> None:
    """Its author would think that it has an effect."""

    class Days(BaseModel):
        days: int = 3

    kind = type("Weather", (Plugin,), {"name": "weather", "__annotations__": {"settings": Days}})
    async with Plugins(installed=()) as plugins:
        await plugins.add(kind())
        assert wrong_tables(plugins, ["weather"]) == []
        assert wrong_tables(plugins, ["wether"]) == [
            (
                ("plugin", "wether"),
                "`plugin.wether`: this bot has no plugin of that name with settings; did you mean `plugin.weather`?",
            )
        ]
