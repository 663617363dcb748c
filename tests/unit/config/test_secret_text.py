"""Pasted tokens: a token that looks right and is refused by the platform costs an evening."""

from __future__ import annotations

import pytest

from llmagent_os.config import Settings
from llmagent_os.config.secret_text import clean_token
from llmagent_os.errors import ConfigError

SLACK, APP = "xoxb-1-2-abcdef", "xapp-1-A1-abcdef"
DISCORD, TELEGRAM = "MTIz.abc.secretsecretsecret", "123456:" + "S" * 35


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    for name in Settings.variables():
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    "pasted",
    [
        "“{}”",
        "„{}“",
        "‘{}’",
        "«{}»",
        "”{}",
        "'{}'",
        '"{}"',
        '" {} "',
        "\u200b{}\u200b",
        "\ufeff{}",
        "\u00a0{}\n",
        "Bearer {}",
        "Authorization: Bearer {}",
        "“Bearer {}”",
    ],
)
def test_what_came_along_with_a_token_is_taken_off(monkeypatch: pytest.MonkeyPatch, pasted: str) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", pasted.format(SLACK))
    assert Settings.load(env_file=None).slack_bot_token.get_secret_value() == SLACK


@pytest.mark.parametrize(
    ("pasted", "token"),
    [
        (f"Bot {DISCORD}", DISCORD),
        (f"bot{TELEGRAM}", TELEGRAM),
        (f"{SLACK[:6]}\u200b{SLACK[6:]}", SLACK),
        (f"{SLACK}\u200e", SLACK),
    ],
)
def test_prefixes_and_invisible_characters_are_taken_off(pasted: str, token: str) -> None:
    assert clean_token(pasted) == token


@pytest.mark.parametrize(
    ("field", "value", "what"),
    [
        ("slack_bot_token", APP, "a Slack app-level token (xapp-...), which belongs in SLACK_APP_TOKEN"),
        ("slack_app_token", SLACK, "a Slack bot token (xoxb-...), which belongs in SLACK_BOT_TOKEN"),
        ("slack_signing_secret", SLACK, "which belongs in SLACK_BOT_TOKEN"),
        ("slack_bot_token", "xoxp-1-secret", "a Slack token of a person (xoxp-...), which no bot may use"),
        ("slack_bot_token", "xoxe.xoxp-1-secret", "a Slack token of a person"),
        ("slack_bot_token", "https://hooks.slack.com/services/T/B/secret", "the address of a Slack webhook"),
        ("discord_token", TELEGRAM, "a Telegram bot token, which belongs in TELEGRAM_TOKEN"),
        ("telegram_token", DISCORD, "a Discord bot token, which belongs in DISCORD_TOKEN"),
        ("telegram_token", "sk-secret", "a key of a language-model server"),
        ("api_key", SLACK, "which belongs in SLACK_BOT_TOKEN"),
        ("slack_bot_token", "xoxb-...", "this is an example"),
        ("telegram_token", "<your token>", "this is an example"),
        ("discord_token", "your-token-here", "this is an example"),
        ("slack_bot_token", "xoxb-sécret", "character 7 is U+00E9"),
        ("slack_bot_token", "xoxb-sec ret", "character 9 is U+0020"),
    ],
)
def test_a_value_that_is_no_such_token_is_named_and_not_shown(field: str, value: str, what: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Settings.load(env_file=None, **{field: value})
    assert str(caught.value).startswith(f"{Settings.variable(field)} cannot be its value (not shown): ")
    assert what in str(caught.value)
    assert "secret" not in str(caught.value).replace("SLACK_SIGNING_SECRET", "")
    assert len(value) < 12 or value not in str(caught.value)


def test_right_tokens_and_other_keys_are_taken_as_they_are() -> None:
    tokens = {"slack_bot_token": SLACK, "slack_app_token": APP, "discord_token": DISCORD, "telegram_token": TELEGRAM}
    others = {"api_key": "my-key-of-my-own-server", "slack_signing_secret": "0123456789abcdef" * 2}
    password = {"web_token": '"a \u00fcmlaut\'s password"'}
    rotated = f"xoxe.{SLACK}"
    assert Settings.load(env_file=None, slack_bot_token=rotated).slack_bot_token.get_secret_value() == rotated
    settings = Settings.load(env_file=None, **tokens, **others, **password)
    for name, value in (tokens | others | password).items():
        assert getattr(settings, name).get_secret_value() == value
