"""Changed variables of a ``.env`` file. Without this, `init` breaks values that it was not asked about."""

from __future__ import annotations

import io

import pytest
from dotenv import dotenv_values

from llmagent_os.config.env_changes import with_variables
from llmagent_os.errors import ConfigError


@pytest.mark.parametrize(
    "text",
    [
        "OTHER='x\u2028y'\nA=1\n",
        'KEY="-----BEGIN\nA=not this\n#A=nor this\n-----END"\nA=1\nB=2\n',
        'A="one\ntwo\nthree"\nB=2\n',
        "B=2\r\n\r\n  export A = '1' # mine\r\nC=3",
        "\ufeffB=2\n#A=\n",
        "a=1\nA=1\n",
        "A=1\n",
    ],
)
def test_one_variable_is_changed_and_every_other_byte_stays(text: str) -> None:
    before = dotenv_values(stream=io.StringIO(text))
    changed = with_variables(text, {"A": "new"})
    after = dotenv_values(stream=io.StringIO(changed))
    assert {value for name, value in after.items() if name.upper() == "A"} == {"new"}
    assert {name: after[name] for name in before if name.upper() != "A"} == {
        name: value for name, value in before.items() if name.upper() != "A"
    }
    lines = [line for line in text.split("\n") if not any(each in line for each in ("A=", "a=", "A =", "one", "two"))]
    kept = [line for line in lines if not line.startswith("three")]
    assert [line for line in changed.split("\n") if line in kept] == kept
    assert with_variables(changed, {"A": "new"}) == changed  # a second time there is nothing to do


@pytest.mark.parametrize("value", ["${HOME}", "a${HOME:-x}b$${B}", "it's \\ \"${", "x\u2028y", "# no comment", " a "])
def test_a_value_is_read_back_as_it_was_written(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/elsewhere")
    assert dotenv_values(stream=io.StringIO(with_variables("B=2\n", {"A": value}))) == {"B": "2", "A": value}


@pytest.mark.parametrize("value", ["a\nB=2", "a\rb"])
def test_a_value_of_two_lines_is_refused(value: str) -> None:
    with pytest.raises(ConfigError, match="A cannot be written: its value has a line break"):
        with_variables("", {"A": value})
