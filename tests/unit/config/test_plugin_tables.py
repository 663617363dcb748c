"""Settings of plugins: a value that is read wrongly, or a secret that is shown, is somebody's evening."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, Field, SecretStr

from llmagent_os.config import Settings
from llmagent_os.config.plugin_tables import PluginTables, described
from llmagent_os.errors import ConfigError


class Weather(BaseModel):
    days: int = Field(3, ge=1, le=9)  #: how far it looks ahead
    places: tuple[str, ...] = ("Oslo",)
    key: SecretStr = Field(description="the key of the service", min_length=4)
    spare: SecretStr = SecretStr("")


def test_settings_are_printed_in_the_form_in_which_they_are_written() -> None:
    assert described("weather", Weather) == (
        '# in bot.toml\n[plugin.weather]\n# how far it looks ahead\ndays = 3\nplaces = ["Oslo"]\n\n'
        "# in .env\n# the key of the service; needed\nLLMAGENT_OS_PLUGIN_WEATHER_KEY=\n"
        "# LLMAGENT_OS_PLUGIN_WEATHER_SPARE="
    )


def test_variables_come_from_the_environment_and_the_file_and_are_masked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / ".env"
    file.write_text("LLMAGENT_OS_PLUGIN_WEATHER_KEY=from-file\nLLMAGENT_OS_PLUGIN_WEATHER_DAYS=5\n")
    monkeypatch.setenv("LLMAGENT_OS_PLUGIN_WEATHER_KEY", "from-outside")
    settings = Settings.load(file)
    assert settings.unknown(file) == ()
    assert "from-outside" in settings.secret_values()
    found = PluginTables(None, settings.plugin_variables, {"weather": {"days": 2}}).checked("weather", Weather)
    assert isinstance(found, Weather)
    assert (found.days, found.key.get_secret_value()) == (5, "from-outside")


@pytest.mark.parametrize(
    ("variables", "table", "said"),
    [
        ({}, {}, "LLMAGENT_OS_PLUGIN_WEATHER_KEY is not set; it is the key of the service"),
        ({"KEY": "abc"}, {}, "LLMAGENT_OS_PLUGIN_WEATHER_KEY is wrong: "),
        ({"KEY": "abcd", "DAYS": "x"}, {}, "LLMAGENT_OS_PLUGIN_WEATHER_DAYS is wrong: "),
        ({"KEY": "abcd"}, {"days": 0}, "`plugin.weather.days` cannot be 0: write a number of 1 or more"),
    ],
)
def test_what_is_wrong_is_named_and_no_secret_is_shown(
    variables: dict[str, str], table: dict[str, object], said: str
) -> None:
    given = {f"LLMAGENT_OS_PLUGIN_WEATHER_{name}": value for name, value in variables.items()}
    with pytest.raises(ConfigError) as caught:
        PluginTables(None, given, {"weather": table}).checked("weather", Weather)
    assert said in str(caught.value)
    assert "abc" not in str(caught.value)
