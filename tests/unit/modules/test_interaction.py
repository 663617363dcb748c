"""What breaks without this: a reply shows nothing, or a script prints nothing."""

from __future__ import annotations

import io

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
