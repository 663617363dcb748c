"""Changed values of a bot's file. Without this, `init` and `plugins enable` lose what people wrote in it."""

from __future__ import annotations

import tomllib

import pytest

from llmagent_os.config.toml_changes import with_values
from llmagent_os.errors import ConfigError

SOURCE = """\
# the head
name = "a" # [x]
plugins = [  # two
    "a", # one
    # about b
    "b", # the b
    "]",
]
text = \"\"\"
[no table]
\"\"\"

# about consent
[consent]
ask = true

# about hours
[hours]
quiet = "1"
"""


def test_a_value_is_changed_where_it_stands_and_comments_stay() -> None:
    many = [f"permission.{number}" for number in range(20)]
    changed = with_values(
        SOURCE,
        {
            ("plugins",): ("a", "b", "z"),
            ("model",): 'a "b" # c',
            ("permissions",): many,
            ("consent", "training"): False,
            ("new", "on"): True,
        },
    )
    read = tomllib.loads(changed)
    assert (read["plugins"], read["model"], read["permissions"]) == (["a", "b", "z"], 'a "b" # c', many)
    assert (read["consent"], read["new"]) == ({"ask": True, "training": False}, {"on": True})
    assert max(map(len, changed.splitlines())) <= 110
    assert (
        '    "a", # one\n    # about b\n    "b", # the b\n    "z",\n]\ntext = """\n[no table]\n"""\nmodel = ' in changed
    )
    assert "\n\n# about consent\n[consent]\nask = true\ntraining = false\n\n# about hours\n[hours]\n" in changed


@pytest.mark.parametrize(
    "source",
    [
        "consent = { ask = true }",
        "consent.ask = true\nname = 'x'\n",
        "# about\n[consent]\nask = true",
        "[consent]\nask = true\n[b]\nx = 1\n[consent.more]\nz = 1\n",
        "[consent]\r\nask = true\r\n",
    ],
)
def test_every_form_of_a_table_is_changed(source: str) -> None:
    changed = with_values(source, {("consent", "training"): True, ("model",): "m", ("name",): "n"})
    read = tomllib.loads(changed)
    assert read["consent"].items() >= {"ask": True, "training": True}.items()
    assert (read["model"], read["name"]) == ("m", "n")
    assert changed.count("\n") == changed.count("\r\n") or "\r" not in source


def test_what_cannot_be_changed_is_said() -> None:
    with pytest.raises(ConfigError, match="write \\[consent\\]"):
        with_values("consent = 1\n", {("consent", "training"): True})
    with pytest.raises(ConfigError, match="no TOML"):
        with_values("name = \n", {("name",): "x"})
