"""What ``doctor`` says of pictures. What breaks without this: nobody knows why a bot draws nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmagent_os.admin import graphics_check
from llmagent_os.admin.graphics_check import check_graphics
from tests.unit.admin.test_voice_check import bot_of


def test_a_bot_that_draws(tmp_path: Path) -> None:
    found = check_graphics(bot_of(tmp_path, 'theme = "dark"'))
    assert (found.state, found.text) == ("ok", "pictures are drawn (dark)")


@pytest.mark.parametrize(("toml", "state"), [("", "note"), ('interface = "graphics"', "problem")])
def test_without_the_extra_it_says_how_to_add_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, toml: str, state: str
) -> None:
    monkeypatch.setattr(graphics_check, "can_draw", lambda: False)
    found = check_graphics(bot_of(tmp_path, toml))
    assert found.state == state
    assert "llmagent-os[graphics]" in found.text + found.remedy
