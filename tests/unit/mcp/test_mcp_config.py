"""``[mcp]`` in a bot's file: a mistake is shown where it stands, and no secret stands in the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmagent_os.admin.bot_check import check
from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError
from llmagent_os.mcp.mcp_config import MCPConfig

BOT = 'name = "ada"\nmodel = "calendar"\npermissions = [{permissions}]\n[mcp.servers.files]\n'


async def mistakes(folder: Path, table: str, permissions: str = "") -> str:
    (folder / "bot.toml").write_text(BOT.format(permissions=permissions) + table)
    try:
        return await check(Settings.load(None, data=folder / "data", model="calendar"), str(folder))
    except ConfigError as error:
        return str(error)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('comand = "x"', "bot.toml:5:1: `mcp.servers.files.comand` is no setting; did you mean `command`?"),
        ('args = ["x"]', "a server has either a `command`, a program on this machine, or a `url`"),
        ('url = "http://example.org/mcp"', "bot.toml:5:7: `url` sends everything in the open"),
        ('url = "https://a.example"\nargs = ["x"]', "bot.toml:6:8: `args` is for a `command`"),
        ('command = "x"\nenv = { API_KEY = "sk-1" }', "bot.toml:6:19: `API_KEY` is a secret: write it into .env"),
        ('command = "x"\nenv = { NOTE = "xoxb-1-2-3" }', "`NOTE` is a secret"),
        ('command = "x"\nenv = { KEY = "$NO_SUCH_VARIABLE" }', "bot.toml:6:15: `mcp.servers.files` names $NO_SUCH"),
        ('command = "x"\nenv = { KEY = "$SLACK_BOT_TOKEN" }', "which is not set, or is a setting of this program"),
        ('command = "x"\ntimeout = "30"', "bot.toml:6:11: `mcp.servers.files.timeout` cannot be '30'"),
        ('command = "x"\neffects = { a = "harmless" }', "write reads, changes, destructive or outward"),
        ('command = "x"\nsign_in = "token"', "needs `token_variable`"),
        ('command = "x"\n[mcp.servers.Files]\ncommand = "x"', "`Files` is no name of a server"),
    ],
)
async def test_mistakes_are_shown_where_they_stand(tmp_path: Path, table: str, said: str) -> None:
    assert said in await mistakes(tmp_path, table)


async def test_what_is_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTES_KEY", "1234")
    table = 'url = "https://notes.example/mcp"\nheaders = { Authorization = "Bearer ${NOTES_KEY}" }'
    assert "is right" in await mistakes(tmp_path, table, '"mcp.files.*"')
    assert "'mcp.flies.*' matches no permission" in await mistakes(tmp_path, table, '"mcp.flies.*"')


def test_a_variable_of_the_env_file_is_found(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("NOTES_KEY=from-file\nSLACK_BOT_TOKEN=xoxb-1-2-3\n")
    settings = Settings.load(tmp_path / ".env")
    assert settings.variables_named(["NOTES_KEY", "SLACK_BOT_TOKEN", "OTHER"]) == {"NOTES_KEY": "from-file"}


def test_permissions_of_servers_that_are_not_reached_yet() -> None:
    config = MCPConfig.model_validate({"servers": {"files": {"command": "x"}}})
    assert [
        config.is_of_server(pattern)
        for pattern in ("mcp.*", "mcp.files.*", "mcp.files.read_file", "mcp.f*", "mcp.flies.*", "files.*")
    ] == [True, True, True, True, False, False]
