"""Variables by the names of other programs: a token under a wrong name is a platform that stays silent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError

TELEGRAM = "123456:" + "S" * 35


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:  # pyright: ignore[reportUnusedFunction]
    for name in list(os.environ):
        if name.startswith(("LLMAGENT_OS_", "SLACK_", "DISCORD_", "TELEGRAM_", "OPENAI_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("TELEGRAM_BOT_TOKEN=x", "TELEGRAM_TOKEN"),
        ("TG_BOT_TOKEN=x", "TELEGRAM_TOKEN"),
        ("DISCORD_BOT_TOKEN=x", "DISCORD_TOKEN"),
        ("DISCROD_TOKEN=x", "DISCORD_TOKEN"),
        ("SLACK_TOKEN=x", "SLACK_BOT_TOKEN"),
        ("SLACK_TOKEN=xapp-1-A1-x", "SLACK_APP_TOKEN"),
        ("SLACK_BOT_TOKN=x", "SLACK_BOT_TOKEN"),
        ("SLACK_SECRET=x", "SLACK_SIGNING_SECRET"),
        ("BOT_TOKEN=x", "SLACK_BOT_TOKEN or DISCORD_TOKEN or TELEGRAM_TOKEN"),
        (f"BOT_TOKEN={TELEGRAM}", "TELEGRAM_TOKEN"),
        (f"API_TOKEN={TELEGRAM}", "TELEGRAM_TOKEN"),
        ("APP_TOKEN=xapp-1-A1-x", "SLACK_APP_TOKEN"),
        ("MY_DISCORD_KEY=x\nDISCORD_KEY=x", "DISCORD_TOKEN"),
        ("LLMAGENT_OS_SLACK_BOT_TOKEN=x", "SLACK_BOT_TOKEN"),
        ("LLMAGENT_OS_TELEGRAM_BOT_TOKEN=x", "TELEGRAM_TOKEN"),
        ("LLMAGENT_OS_WEB_PROT=80", "LLMAGENT_OS_WEB_PORT"),
        ("LLMAGENT_OS_PORT=80", "LLMAGENT_OS_WEB_PORT"),
        ("LLMAGENTOS_MODEL=x", "LLMAGENT_OS_MODEL"),
        ("OPENAI_API_BASE=x", "LLMAGENT_OS_BASE_URL"),
    ],
)
def test_a_misnamed_variable_of_the_file_is_refused_with_the_right_name(tmp_path: Path, line: str, meant: str) -> None:
    (tmp_path / ".env").write_text(f"{line}\n")
    with pytest.raises(ConfigError) as caught:
        Settings.load()
    assert str(caught.value).startswith(".env, line ")
    assert str(caught.value).endswith(f" is not a setting; did you mean {meant}?")


def test_a_misnamed_variable_of_the_environment_may_be_for_another_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another bot's token in the shell is no error of ours, and is not used: that bot would lose its messages."""
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", TELEGRAM)
    assert Settings.load().telegram_token.get_secret_value() == ""
    assert Settings.unread() == ("TELEGRAM_BOT_TOKEN is set, but is not a setting; did you mean TELEGRAM_TOKEN?",)
    monkeypatch.setenv("TELEGRAM_TOKEN", TELEGRAM)
    assert Settings.unread() == ()


def test_variables_of_other_programs_in_the_file_are_left_alone(tmp_path: Path) -> None:
    """Compose files share one .env among several programs."""
    (tmp_path / ".env").write_text(
        "DATABASE_URL=postgres://x\nPORT=80\nLOG_LEVEL=loud\nSLACK_WEBHOOK=x\nGITHUB_TOKEN=x\nTELEGRAM_CHAT_ID=7\n"
        "API_TOKEN=x\nTOKEN=x\nAPP_TOKEN=x\nSIGNING_SECRET=x\n"
        "LLMAGENT_OS_PIGEON_LOFT=roof\n"
    )
    assert Settings.load() == Settings.load(env_file=None)
    assert Settings.unread() == ("LLMAGENT_OS_PIGEON_LOFT is set, but LLMAgentOS itself does not read it",)


def test_openais_own_variables_are_read_where_ours_are_not_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OPENAI_API_KEY=sk-theirs\nOPENAI_BASE_URL=http://127.0.0.1:9/v1\n")
    settings = Settings.load()
    assert (settings.base_url, settings.api_key.get_secret_value()) == ("http://127.0.0.1:9/v1", "sk-theirs")
    monkeypatch.setenv("LLMAGENT_OS_API_KEY", "ours")
    settings = Settings.load()
    assert (settings.base_url, settings.api_key.get_secret_value()) == ("http://127.0.0.1:9/v1", "ours")


def test_openais_key_is_not_sent_to_another_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """It pays for the cloud, and a server of somebody else would read it."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-theirs")
    monkeypatch.setenv("LLMAGENT_OS_BASE_URL", "http://127.0.0.1:9/v1")
    assert Settings.load().api_key.get_secret_value() == ""
    monkeypatch.setenv("LLMAGENT_OS_BASE_URL", "https://api.openai.com/v1")
    assert Settings.load().api_key.get_secret_value() == "sk-theirs"
