"""Bots: a TOML file that says something else than its author thinks must be refused, with the place."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from llmagent_os.agent import Agent
from llmagent_os.bot import LEARNING_TEMPERATURE, Bot, Policy, job_setting
from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError
from llmagent_os.people.profiles import Profile
from llmagent_os.policy.contract import DIMENSIONS
from llmagent_os.policy.dimensions import RESERVED_NAMES
from llmagent_os.policy.learned import LEARNERS

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
    assert bot.config.plugins == ("calendar", "calendar_talk", "profile")
    assert len(bot.config.examples) == 4


def test_bot_of_your_own_is_found_by_folder_or_file(folder: Path) -> None:
    assert Bot.load(folder).name == "parrot"
    assert Bot.load(str(folder / "bot.toml")).folder == folder
    assert Bot.load(folder).config.adapters == ("web",)
    assert Bot.load(folder).agent_class() is Agent


def test_a_bot_that_learns_from_its_words_draws_them(folder: Path) -> None:
    """Without other words now and then nobody could like them. A server's model would draw its tool calls, too."""

    def temperature(*lines: str, local: bool = True) -> float:
        text = "\n".join(('name = "parrot"', 'model = "calendar"', *lines))
        (folder / "bot.toml").write_text(text)
        return Bot.load(folder).config.words_temperature(local=local)

    assert temperature() == 0.0
    assert temperature("[training]") == LEARNING_TEMPERATURE > 0
    assert temperature("[training]", local=False) == 0.0
    assert temperature('[training]\nplan = ""') == 0.0
    assert temperature("temperature = 0.0", "[training]") == 0.0
    assert temperature("temperature = 0.9", local=False) == 0.9


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
        ('name = "a"\nmodel = "m"\nplugin = ["x"]', "`plugin` is no setting; did you mean `plugins`?"),
        ('name = "a"\nmodel = "m"\n[behavior]\nverbose = "brief"', "`behavior.verbose` .* did you mean `verbosity`?"),
        ('name = "a"\nmodel = "m"\n[behavior]\nmode = "rude"', "`behavior.mode` cannot be 'rude'"),
        ('name = "a"', "`model` is missing"),
        ('name = "Big Bot"\nmodel = "m"', "`name` cannot be 'Big Bot'"),
        ('name = "a"\nmodel = "m"\ntool_rounds = 99', "`tool_rounds` cannot be 99"),
        ('name = "a"\nmodel = "m"\nlanguages = ["fr"]', "there are no texts in the language 'fr': write some of en"),
        ('name = "a"\nmodel = "m"\nlanguages = []', "`languages` cannot be"),
        ('name = "a"\nmodel = "m"\nmodel_languages = ["English"]', "model_languages"),
        ('name = "a"\nmodel = "m"\n[rewards]\neyes = 5', "`rewards.eyes` cannot be 5: write a number from -1 to 1\n"),
        ('name = "a"\nmodel = "m"\n[rewards.slack]\neyes = "x"', "`rewards.slack.eyes` cannot be 'x': write a number"),
        ('name = "a"\nmodel = "m"\n[feedback]\nbuttons = ["slak"]', "no platform 'slak'; did you mean 'slack'?"),
        ('name = "a"\nmodel = "m"\n[feedback]\nbutons = []', "did you mean `buttons`?"),
        ('name = "a"\nmodel = "m"\n[feedback]\nask_pause = -1', "`feedback.ask_pause` cannot be -1"),
        ('name = "a"\nmodel = "m"\n[rewards.slak]\neyes = 1', "there is no platform 'slak'; did you mean 'slack'?"),
        ('name = "a"\nmodel = "m"\n[policy]\nlearner = "bays"', "`policy.learner` .* did you mean 'bayes'?"),
        ('name = "a"\nmodel = "m"\n[policy]\ngama = 0.5', "`policy.gama` is no setting; did you mean `gamma`?"),
        ('name = "a"\nmodel = "m"\n[behavior]\nverbosity = "breif"', "did you mean 'brief'?"),
        ('name = "a"\nmodel = "m"\nplugins = "calendar"', r'write a list, such as plugins = \["calendar"\]'),
        ('name = "a', "is no TOML"),
    ],
)
def test_wrong_toml_is_refused_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "bot.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        Bot.load(file)
    assert str(file) in str(caught.value)


OWN = """
name = "parrot"
model = "calendar"
[behavior]
tone = "playful"
[behavior.dimensions]
tone = { formal = "Write formally.", playful = "Write  playfully. " }
initiative = true
"""


def test_dimensions_of_its_own_are_read_with_what_the_model_is_told(tmp_path: Path) -> None:
    """The first value is the default, unless ``[behavior]`` says otherwise."""
    (tmp_path / "bot.toml").write_text(OWN)
    behavior = Bot.load(tmp_path).config.behavior
    assert behavior.dimensions == {
        "tone": {"formal": "Write formally.", "playful": "Write playfully."},
        "initiative": {"act": "", "ask_first": ""},
    }
    assert behavior.model_dump() == {"tone": "playful", "initiative": "act"}


def test_a_bot_that_declares_nothing_has_the_twelve(folder: Path) -> None:
    behavior = Bot.load(folder).config.behavior
    assert behavior.dimensions == DIMENSIONS
    assert behavior.model_dump() == {"mode": "task_oriented", "verbosity": "normal", "initiative": "act"}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("", "`behavior.dimensions` needs a dimension: write one, as in tone = "),
        ('tone = { formal = "F" }', "`behavior.dimensions.tone` has 1 values: a choice needs two or more"),
        ("tone = true", "`behavior.dimensions.tone` cannot be true, only mode, verbosity, initiative, presence can"),
        ('tone = "formal"', "`behavior.dimensions.tone` cannot be 'formal': write its values"),
        ("tone = { formal = 1, playful = '' }", "`behavior.dimensions.tone.formal` cannot be 1: write what the model"),
        ('"my tone" = { a = "A", b = "B" }', "`behavior.dimensions.my tone`: 'my tone' is no word; write a to z"),
        ('tone = { a = "A", "x=y" = "B" }', "`behavior.dimensions.tone.x=y`: 'x=y' is no word"),
        ('tone = { a = "A", Playful = "B" }', "'Playful' is no word"),
        ('name = { a = "A", b = "B" }', "`behavior.dimensions.name` is the name of something else"),
        ('tone = { a = "A", b = "A" }', "`behavior.dimensions.tone.b` tells the model the same as another value"),
        ('t = { a = "A", b = "B" }\nu = { c = "C", b = "D" }', "`behavior.dimensions.u.b` is a value of `t` too"),
        (
            "\n".join(f"t{n} = {{ {', '.join(f'v{n}{k} = {chr(39) * 2}' for k in range(5))} }}" for n in range(3)),
            "`behavior.dimensions` makes 5 × 5 × 5 = 125 behaviours, more than 64: take some values out",
        ),
    ],
)
def test_dimensions_that_cannot_be_are_refused_with_file_key_and_what_to_do(
    tmp_path: Path, lines: str, message: str
) -> None:
    file = tmp_path / "bot.toml"
    file.write_text(f'name = "a"\nmodel = "m"\n[behavior.dimensions]\n{lines}')
    with pytest.raises(ConfigError, match=re.escape(message)) as caught:
        Bot.load(file)
    assert re.match(rf"{re.escape(str(file))}:[345]:\d+: `behavior\.dimensions", str(caught.value))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('tone = "rude"', "`behavior.tone` cannot be 'rude': write formal or playful"),
        ("tone = ['formal']", "`behavior.tone` cannot be ['formal']"),
        ('mode = "conversational"', "`behavior.mode` is no dimension of this bot; there are: tone, initiative"),
        ('tones = "formal"', "`behavior.tones` is no dimension of this bot; did you mean `tone`?"),
    ],
)
def test_a_default_that_is_no_value_is_refused(tmp_path: Path, line: str, message: str) -> None:
    file = tmp_path / "bot.toml"
    file.write_text(OWN.replace('tone = "playful"', line))
    with pytest.raises(ConfigError, match=rf"^{re.escape(str(file))}:5:\d+: {re.escape(message)}"):
        Bot.load(file)


def test_the_persona_is_told_before_the_notes_also_in_trainings(folder: Path) -> None:
    """A version that was trained without the bot's voice would lose it."""
    with (folder / "bot.toml").open("a") as file:
        file.write('notes = "We close at 6."\n[persona]\nvoice = "Dry."\n')
    bot = Bot.load(folder)
    assert bot.config.instructions.startswith("Your voice: Dry.\nThis is a manner of speaking.")
    assert bot.config.instructions.endswith("\nWe close at 6.")
    settings = Settings.load(env_file=None, data=folder)
    assert job_setting(settings, bot).bot_config["notes"] == bot.config.instructions


def test_no_dimension_is_called_like_a_field_of_a_profile() -> None:
    """``/profile set`` would write the value into the field."""
    assert set(Profile.__struct_fields__) < RESERVED_NAMES


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


def test_examples_of_the_documentation_are_bots(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "policies.md").read_text(encoding="utf-8")
    examples = re.findall(r"```toml\n(.*?)```", text, re.S)
    assert any("[behavior.dimensions]" in each for each in examples)
    for number, example in enumerate(examples):
        file = tmp_path / f"{number}.toml"
        file.write_text(f'name = "example"\nmodel = "calendar"\n{example}', encoding="utf-8")
        Bot.load(file)


def test_every_learner_can_be_chosen_by_a_bot_and_by_the_settings() -> None:
    """A new learner that one of the three lists lacks would be refused as a misspelt one."""
    of_bots = get_args(Policy.model_fields["learner"].annotation)
    of_settings = get_args(Settings.model_fields["policy"].annotation)
    assert set(of_bots) == {*LEARNERS, "fixed"}
    assert set(of_settings) == {*LEARNERS, "fixed", ""}
