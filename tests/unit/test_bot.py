"""Bots: a TOML file that says something else than its author thinks must be refused, with the place."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from llmagent_os.agent import Agent
from llmagent_os.bot import Bot
from llmagent_os.errors import ConfigError

AGENT = """
from llmagent_os.agent import Agent

class Parrot(Agent):
    pass
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "bot.toml").write_text('name = "parrot"\ntitle = "Parrot"\nmodel = "calendar"\n')
    return tmp_path


def test_installed_bot_is_found_by_name() -> None:
    """``llmagent-os run calendar`` works in any folder."""
    bot = Bot.load("calendar")
    assert bot.config.title == "Calendar"
    assert bot.package == "llmagent_os.bots.calendar"
    assert bot.config.plugins == ("calendar", "profile")
    assert len(bot.config.examples) == 4


def test_bot_of_your_own_is_found_by_folder_or_file(folder: Path) -> None:
    assert Bot.load(folder).name == "parrot"
    assert Bot.load(str(folder / "bot.toml")).folder == folder
    assert Bot.load(folder).config.adapters == ("web",)
    assert Bot.load(folder).agent_class() is Agent


def test_agent_beside_the_file_is_the_bots_agent(folder: Path) -> None:
    (folder / "agent.py").write_text(AGENT)
    assert Bot.load(folder).agent_class().__name__ == "Parrot"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("class Nothing: pass", "defines 0 Agent classes"),
        ("import nowhere_at_all", "agent.py cannot be imported: ModuleNotFoundError"),
        (AGENT + "class Second(Agent): pass", "defines 2 Agent classes"),
    ],
)
def test_agent_that_cannot_be_used_is_named(folder: Path, text: str, message: str) -> None:
    (folder / "agent.py").write_text(text)
    with pytest.raises(ConfigError, match=message):
        Bot.load(folder).agent_class()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('name = "a"\nmodel = "m"\nplugin = ["x"]', "`plugin` is no setting of a bot; did you mean `plugins`?"),
        ('name = "a"\nmodel = "m"\n[behavior]\nverbose = "brief"', "`behavior.verbose` .* did you mean `verbosity`?"),
        ('name = "a"\nmodel = "m"\n[behavior]\nmode = "rude"', "`behavior.mode` cannot be 'rude'"),
        ('name = "a"', "`model` is missing"),
        ('name = "Big Bot"\nmodel = "m"', "`name` cannot be 'Big Bot'"),
        ('name = "a"\nmodel = "m"\ntool_rounds = 99', "`tool_rounds` cannot be 99"),
        ('name = "a', "is no TOML"),
    ],
)
def test_wrong_toml_is_refused_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "bot.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        Bot.load(file)
    assert str(file) in str(caught.value)


def test_missing_bot_is_answered_with_the_nearest_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="did you mean 'calendar'"):
        Bot.load("calender")
    with pytest.raises(ConfigError, match=r"installed bots: .*calendar"):
        Bot.load("zzz")


def test_missing_part_is_named(folder: Path) -> None:
    """``llmagent-os evaluate`` of a bot that has no evaluation."""
    with pytest.raises(ConfigError, match="bot 'parrot' has no 'evaluate'"):
        Bot.load(folder).part("evaluate")
    with pytest.raises(ConfigError, match=r"bot 'calendar' has no 'nothing\.here'"):
        Bot.load("calendar").part("nothing.here")


def test_docstring_example_is_a_whole_bot(tmp_path: Path) -> None:
    """The example at the top of the module is what authors copy."""
    import llmagent_os.bot

    example = (llmagent_os.bot.__doc__ or "").split(".. code-block:: toml\n")[1].split("\nA bot with")[0]
    (tmp_path / "bot.toml").write_text(textwrap.dedent(example))
    assert Bot.load(tmp_path).config.permissions == ("calendar.*",)
