"""What ``doctor`` says of voice. What breaks without this: a bot is deaf, and nobody knows which setting to change."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmagent_os.admin.voice_check import check_voice
from llmagent_os.bot import Bot
from llmagent_os.config import Settings
from llmagent_os.voice import voice_packages


def bot_of(folder: Path, more: str = "") -> Bot:
    file = folder / "bot.toml"
    file.write_text(f'name = "calendar"\nmodel = "calendar"\n{more}\n')
    return Bot.load(file)


def test_the_engines_are_named(tmp_path: Path) -> None:
    found = check_voice(Settings.load(env_file=None), bot_of(tmp_path))
    assert (found.state, found.text) == ("ok", "the bot listens (auto) and speaks (auto)")


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ('[voice]\nspeaker = "openai:tts-1"', "LLMAGENT_OS_VOICE_BASE_URL"),
        ('interface = "voice"\n[voice]\nspeaker = "off"', "no engine speaks"),
    ],
)
def test_what_cannot_work_is_a_problem_with_its_remedy(tmp_path: Path, toml: str, said: str) -> None:
    found = check_voice(Settings.load(env_file=None), bot_of(tmp_path, toml))
    assert found.state == "problem"
    assert said in found.text
    assert found.remedy


def test_without_the_extra_it_says_how_to_add_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voice_packages, "find_spec", lambda name: None)  # pyright: ignore
    found = check_voice(Settings.load(env_file=None), bot_of(tmp_path))
    assert found.state == "note"
    assert "llmagent-os[voice]" in found.text
