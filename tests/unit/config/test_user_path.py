"""Paths as people write them: a shell replaces ``~``, a .env file does not, and a folder called ``~`` is no place."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmagent_os.bot import Bot
from llmagent_os.config import Settings
from llmagent_os.config.user_path import user_path, user_url
from llmagent_os.errors import ConfigError


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:  # pyright: ignore[reportUnusedFunction]
    for name in Settings.variables():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("written", ["~/x", "$HOME/x", "${HOME}/x"])
def test_every_path_setting_knows_the_home_folder(tmp_path: Path, written: str) -> None:
    (tmp_path / ".env").write_text(
        f"LLMAGENT_OS_DATA={written}\nLLMAGENT_OS_PLUGIN_FOLDER='{written}'\nLLMAGENT_OS_MODEL={written}\n"
        f"LLMAGENT_OS_DATABASE_URL=sqlite:///{written}.db?timeout=5\n"
    )
    settings, there = Settings.load(), tmp_path / "home" / "x"
    assert settings.data == settings.plugin_folder == there
    assert settings.model == str(there)
    assert settings.ledger_url == f"sqlite:///{there}.db?timeout=5"
    assert Settings.load(env_file=None, data=Path(written)).data == there


def test_paths_of_a_bot_know_the_home_folder(tmp_path: Path) -> None:
    (tmp_path / "bot.toml").write_text(
        'name = "a"\nmodel = "m"\nknowledge = "~/k.json"\nplugin_folder = "$HOME/plugins"\n'
    )
    bot = Bot.load(tmp_path)
    assert bot.documents[0] == tmp_path / "home" / "k.json"
    assert bot.plugin_folder == tmp_path / "home" / "plugins"
    (tmp_path / "bot.toml").write_text('name = "a"\nmodel = "m"\nplugin_folder = "plugins"\n')
    assert Bot.load(tmp_path).plugin_folder == tmp_path / "plugins"
    (tmp_path / "bot.toml").write_text('name = "a"\nmodel = "m"\nknowledge = "$NOT_SET_ANYWHERE/k.json"\n')
    with pytest.raises(ConfigError, match=r"`knowledge.documents.0` .* \$NOT_SET_ANYWHERE is not set"):
        Bot.load(tmp_path)


def test_what_cannot_be_replaced_is_refused() -> None:
    """Else a folder with that name is made, beside all that the person has already."""
    with pytest.raises(ValueError, match="the variable \\$NOT_SET_ANYWHERE is not set"):
        user_path("$NOT_SET_ANYWHERE/x")
    with pytest.raises(ValueError, match="the home folder ~nobody-here is not known"):
        user_path("~nobody-here/x")
    with pytest.raises(ConfigError, match=r"LLMAGENT_OS_DATA cannot be '~nobody-here/x'"):
        Settings.load(env_file=None, data="~nobody-here/x")
    assert user_url("sqlite:///data/~x.db") == "sqlite:///data/~x.db"
    assert user_url("postgresql://u:p$x@host/db") == "postgresql://u:p$x@host/db"
