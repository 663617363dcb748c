"""A .env file: a line that is skipped is a setting that its author believes in, such as who is answered."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmagent_os.config.env_file import read_env_file
from llmagent_os.errors import ConfigError

OURS = ("LLMAGENT_OS_DATA", "LLMAGENT_OS_MODEL", "LLMAGENT_OS_WEB_PORT", "SLACK_BOT_TOKEN")


def read(folder: Path, text: str) -> dict[str, str]:
    file = folder / ".env"
    file.write_text(text, encoding="utf-8")
    return {name: line.value for name, line in read_env_file(file, OURS).items()}


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("LLMAGENT_OS_DATA: data\n", 1, "after LLMAGENT_OS_DATA; write = in place of the colon"),
        ("# mine\n\nLLMAGENT_OS_DATA data\n", 3, "cannot be read after LLMAGENT_OS_DATA"),
        ("A=1\nLLMAGENT_OS_MODEL='cal\nB=1\n", 2, "is its closing quote missing?"),
        ('A=1\n\nLLMAGENT_OS_MODEL="calendar\nSLACK_BOT_TOKEN="xoxb-1"\n', 3, "is its closing quote missing?"),
        ("= data\n", 1, "cannot be read"),
        ("A=1\nLLMAGENT_OS_WEB_PORT\n", 2, "has no = sign"),
        ("LLMAGENT_OS_WEB_PORT=1\nA=1\nLLMAGENT_OS_WEB_PORT=2\n", 3, "has another value on line 1"),
        ("LLMAGENT_OS_DATA=${NOT_SET_ANYWHERE}/data\n", 1, "uses ${NOT_SET_ANYWHERE}, which is not set"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(tmp_path: Path, text: str, line: int, what: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / '.env'}, line {line}: ")
    assert what in str(caught.value)


def test_every_wrong_line_is_named_in_its_order(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, "LLMAGENT_OS_DATA: x\nA=1\nLLMAGENT_OS_MODEL\n")
    assert [line.split(": ")[0].rpartition(" ")[2] for line in str(caught.value).splitlines()] == ["1", "3"]


@pytest.mark.parametrize("line", ["xoxb-secret-of-mine", "xoxb-secret-of-mine is the token", "secretofmine: x"])
def test_a_token_on_a_line_of_its_own_is_not_shown(tmp_path: Path, line: str) -> None:
    """The error ends up in logs and bug reports."""
    with pytest.raises(ConfigError, match="line 1") as caught:
        read(tmp_path, f"{line}\n")
    assert "secret" not in str(caught.value).removeprefix(str(tmp_path))


def test_what_editors_and_shells_write_is_read(tmp_path: Path) -> None:
    """Notepad begins a file with a BOM, and ends lines with two characters; shells want ``export``."""
    text = '\ufeffLLMAGENT_OS_DATA=here\r\nexport LLMAGENT_OS_WEB_PORT = 80\r\n\r\nSLACK_BOT_TOKEN="x=y" # mine\r\n'
    assert read(tmp_path, text) == {"LLMAGENT_OS_DATA": "here", "LLMAGENT_OS_WEB_PORT": "80", "SLACK_BOT_TOKEN": "x=y"}
    same = "LLMAGENT_OS_WEB_PORT=1\nLLMAGENT_OS_WEB_PORT=1\nOTHER=1\nOTHER=2\nOTHER=${NOT_SET}\n"
    assert read(tmp_path, same)["LLMAGENT_OS_WEB_PORT"] == "1"
    filled = "SLACK_BOT_TOKEN=\nSLACK_BOT_TOKEN=xoxb-1\n"
    assert read(tmp_path, filled) == {"SLACK_BOT_TOKEN": "xoxb-1"}
    (tmp_path / "none").mkdir()
    assert read_env_file(tmp_path / "none" / ".env", OURS) == {}


def test_a_name_alone_hands_a_variable_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Docker and Compose read a name alone so, and shells export it."""
    monkeypatch.setenv("PATH_OF_ANOTHER_PROGRAM", "x")
    read(tmp_path, "PATH_OF_ANOTHER_PROGRAM\nA=1\nexport A\n")
    with pytest.raises(ConfigError, match="line 1: has no = sign"):
        read(tmp_path, "SET_NOWHERE\n")


def test_a_file_in_another_encoding_is_named(tmp_path: Path) -> None:
    """PowerShell's ``>`` writes UTF-16."""
    (tmp_path / ".env").write_bytes("LLMAGENT_OS_DATA=x\n".encode("utf-16"))
    with pytest.raises(ConfigError, match=r"\.env cannot be read: it is no UTF-8 text .* save it as UTF-8"):
        read_env_file(tmp_path / ".env", OURS)
