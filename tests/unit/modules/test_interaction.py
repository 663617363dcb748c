"""What breaks without this: a reply shows nothing, or a script prints nothing."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from llmagent_os.adapter import Button, Reply
from llmagent_os.errors import ConfigError
from llmagent_os.modules import InteractionModule


def test_buttons_are_listed_where_they_cannot_be_pressed() -> None:
    out = io.StringIO()
    InteractionModule().display_response(Reply("Sure?", buttons=(Button("Yes", "y"), Button("No", "n"))), out=out)
    assert out.getvalue() == "Sure?\n[Yes]\n[No]\n"


def test_an_empty_reply_still_shows() -> None:
    assert InteractionModule().render(Reply("  ")).text


def test_an_unknown_interface_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="text"):
        InteractionModule().set_interface("smell")


def test_a_script_hears_the_reply_where_it_asks_for_voice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    out, interaction = io.StringIO(), InteractionModule()
    interaction.set_interface("voice")
    interaction.display_response("Lunch is at noon.", out=out)
    text, sound = out.getvalue().splitlines()
    assert text == "Lunch is at noon."
    assert Path(sound.strip("[]")).read_bytes().startswith(b"OggS")


def test_every_interface_of_the_article_can_be_chosen_and_a_person_s_own_wins() -> None:
    interaction = InteractionModule()
    for name in ("text", "voice", "graphics"):
        interaction.set_interface(name)
        assert interaction.interface_of({}) == name
        assert interaction.interface_of({"interface": "text"}) == "text"
        assert interaction.interface_of({"interface": "smell"}) == name, "of another version"
