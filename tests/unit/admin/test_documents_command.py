"""``llmagent-os knowledge``. What breaks without this: whoever runs the bot cannot see or change what it knows."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from llmagent_os.cli import main

BOT = 'name = "shop"\nmodel = "calendar"\nknowledge = "handbook"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "bot.toml").write_text(BOT)
    (tmp_path / "rules.md").write_text("# House rules\n## Dogs\nDogs may come on Fridays.")
    return tmp_path


def run(folder: Path, *arguments: str, fails: bool = False) -> str:
    result = CliRunner(env={"LLMAGENT_OS_DATA": str(folder / "data")}).invoke(main, ["knowledge", *arguments])
    assert bool(result.exit_code) is fails, result.output
    return result.output


def test_a_document_is_added_listed_asked_shown_and_removed(folder: Path) -> None:
    bot = str(folder / "bot.toml")
    assert "There are no documents." in run(folder, "list", bot)
    assert "Added House rules (1 passages)." in run(folder, "add", bot, str(folder / "rules.md"))
    assert "Added House rules" in run(folder, "add", bot, str(folder))
    assert run(folder, "list", bot).count("House rules") == 1
    found = run(folder, "ask", bot, "when may dogs come?")
    assert "House rules (Dogs)  score" in found
    assert "Dogs may come on Fridays." in found
    assert "Nothing is found." in run(folder, "ask", bot, "who feeds the cat?")
    assert "Dogs may come on Fridays." in run(folder, "show", bot, "1")
    assert "Removed House rules." in run(folder, "remove", bot, "1")
    assert "there is no document 1: there are 0" in run(folder, "remove", bot, "1", fails=True)


def test_the_bases_of_workspaces_and_people_are_others(folder: Path) -> None:
    bot = str(folder / "bot.toml")
    run(folder, "add", bot, str(folder / "rules.md"), "--workspace", "slack:T024")
    assert "House rules" in run(folder, "list", bot, "--workspace", "slack:T024")
    assert "no documents" in run(folder, "list", bot, "--person", "slack:T024:U17")
    assert "no documents" in run(folder, "list", bot)


def test_wrong_input_is_named(folder: Path) -> None:
    bot = str(folder / "bot.toml")
    assert "none.pdf cannot be read" in run(folder, "add", bot, str(folder / "none.pdf"), fails=True)
    assert "platform:workspace" in run(folder, "list", bot, "--workspace", "T024", fails=True)
    assert "platform:workspace:id" in run(folder, "list", bot, "--person", "U17", fails=True)
    assert "not both" in run(folder, "list", bot, "--person", "a:b:c", "--workspace", "a:b", fails=True)
    local = run(folder, "add", bot, "http://127.0.0.1:9/x", fails=True)
    assert "private network or of this machine" in local
