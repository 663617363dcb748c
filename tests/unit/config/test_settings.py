"""Settings: a wrong or misspelt one must be named, or a host runs with what nobody meant."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from llmagent_os.config import PREFIX, Settings
from llmagent_os.errors import ConfigError

EXAMPLE = Path(__file__).parents[3] / ".env.example"


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:  # pyright: ignore[reportUnusedFunction]
    """No test sees the settings of the machine it runs on."""
    for name in Settings.variables():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def test_example_names_every_variable_with_its_default_and_a_comment() -> None:
    """Somebody copies .env.example: what is missing there they cannot find, what is extra does nothing."""
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    named: dict[str, str] = {}
    for before, line in pairwise(lines):
        if match := re.fullmatch(r"#([A-Z_]+)=(.*)", line):
            named[match[1]] = match[2]
            described = Settings.variables()[match[1]]
            assert before == f"# {described[0].upper()}{described[1:]}", line
    assert set(named) == set(Settings.variables())
    defaults = Settings.load(env_file=None)
    for variable, written in named.items():
        if written:
            name = variable.removeprefix(PREFIX).lower()
            assert getattr(Settings.load(env_file=None, **{name: written}), name) == getattr(defaults, name), variable


def test_environment_wins_over_file_and_arguments_over_both(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A deployment overrides .env with the environment, and a person overrides both for one run."""
    (tmp_path / ".env").write_text("LLMAGENT_OS_WEB_PORT=1111\nLLMAGENT_OS_LOG_LEVEL=DEBUG\nOTHER=1\n")
    assert Settings.load().web_port == 1111
    assert Settings.load().log_level == "debug"
    monkeypatch.setenv("LLMAGENT_OS_WEB_PORT", "2222")
    assert Settings.load().web_port == 2222
    assert Settings.load(web_port=3333).web_port == 3333
    assert Settings.load(web_port=None).web_port == 2222
    assert Settings.load(env_file=None).log_level == "info"


def test_empty_variables_are_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compose files and shells pass on empty variables, which must not break the start."""
    monkeypatch.setenv("LLMAGENT_OS_WEB_PORT", "")
    monkeypatch.setenv("LLMAGENT_OS_PLUGIN_FOLDER", "")
    assert Settings.load().web_port == 8321
    assert Settings.load().plugin_folder is None


@pytest.mark.parametrize(
    ("variable", "value", "parts"),
    [
        ("LLMAGENT_OS_WEB_PORT", "99999", ["'99999'", "from 0 to 65535"]),
        ("LLMAGENT_OS_WEB_PORT", "eighty", ["'eighty'", "from 0 to 65535"]),
        ("LLMAGENT_OS_LOG_LEVEL", "loud", ["'loud'", "debug, info, warning or error"]),
        ("LLMAGENT_OS_THREADS", "-1", ["'-1'", "processor threads"]),
        ("LLMAGENT_OS_TIME_ZONE", "Mars/Olympus", ["'Mars/Olympus'", "Europe/Berlin"]),
        ("LLMAGENT_OS_TIME_ZONE", "../../etc/passwd", ["no time zone"]),
    ],
)
def test_wrong_value_is_named_with_its_variable_and_a_remedy(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, parts: list[str]
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError) as caught:
        Settings.load()
    for part in [variable, *parts]:
        assert part in str(caught.value)


def test_every_wrong_value_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMAGENT_OS_WEB_PORT", "x")
    monkeypatch.setenv("LLMAGENT_OS_SLOTS", "0")
    with pytest.raises(ConfigError, match=r"(?s)LLMAGENT_OS_SLOTS.*\n.*LLMAGENT_OS_WEB_PORT"):
        Settings.load()


def test_misspelt_variable_is_corrected_and_a_strange_one_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A typo would silently do nothing; a variable of somebody's adapter is none of our business."""
    (tmp_path / ".env").write_text("LLMAGENT_OS_PIGEON_LOFT=roof\n")
    assert Settings.load()
    assert Settings.unknown() == ("LLMAGENT_OS_PIGEON_LOFT",)
    monkeypatch.setenv("LLMAGENT_OS_WEB_PROT", "80")
    with pytest.raises(ConfigError, match="did you mean LLMAGENT_OS_WEB_PORT"):
        Settings.load()


def test_secrets_are_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings end up in tracebacks and bug reports."""
    monkeypatch.setenv("LLMAGENT_OS_WEB_TOKEN", "open-sesame-open-sesame")
    settings = Settings.load()
    assert "open-sesame" not in repr(settings) + str(settings.model_dump())
    assert settings.web_token.get_secret_value() == "open-sesame-open-sesame"
    assert set(Settings.secrets()) == {
        "encryption_key",
        "api_key",
        "discord_token",
        "embeddings_key",
        "mcp_token",
        "slack_app_token",
        "slack_bot_token",
        "slack_signing_secret",
        "telegram_token",
        "telegram_webhook_secret",
        "voice_api_key",
        "web_token",
    }


def test_unreadable_file_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"LLMAGENT_OS_DATA=\xff\xfe\n")
    with pytest.raises(ConfigError, match=r"\.env cannot be read"):
        Settings.load()


def test_ledger_lies_in_the_data_folder_unless_a_url_is_given(tmp_path: Path) -> None:
    """Moving the data folder moves everything in it."""
    moved = Settings.load(data=tmp_path / "there")
    assert moved.ledger_url == f"sqlite:///{tmp_path}/there/ledger.db"
    assert moved.chat_ledger_url == f"sqlite:///{tmp_path}/there/chat.db"
    given = Settings.load(database_url="sqlite:///x.db")
    assert given.ledger_url == given.chat_ledger_url == "sqlite:///x.db"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("LLMAGENT_OS_POLICY=bays", "did you mean bayes?"),
        ("LLMAGENT_OS_ACCESS=close", "did you mean closed?"),
        ("LLMAGENT_OS_ALLOW=slak:T1:*", "there is no platform 'slak' in 'slak:T1:*'; did you mean 'slack'?"),
        ("LLMAGENT_OS_BASE_URL=127.0.0.1:8000/v1", "an address begins with http:// or https://"),
    ],
)
def test_wrong_value_of_the_file_is_named_with_its_line_and_the_nearest_value(
    tmp_path: Path, line: str, message: str
) -> None:
    (tmp_path / ".env").write_text(f"# mine\n{line}\n")
    with pytest.raises(ConfigError) as caught:
        Settings.load()
    assert str(caught.value).startswith(f".env, line 2: {line.partition('=')[0]} cannot be ")
    assert message in str(caught.value)


def test_values_lose_the_quotes_that_docker_keeps(monkeypatch: pytest.MonkeyPatch) -> None:
    """``docker run --env-file`` takes quotes as part of the value."""
    monkeypatch.setenv("LLMAGENT_OS_DATA", '"here"')
    monkeypatch.setenv("LLMAGENT_OS_LOG_LEVEL", "'DEBUG'")
    assert Settings.load().data == Path("here")
    assert Settings.load().log_level == "debug"
