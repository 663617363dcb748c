"""The documents: an example that does not run, a command that is none, or a dead link costs a newcomer their trust."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser

from llmagent_os.cli import main

TOP = Path(__file__).parents[2]
DOCUMENTS = sorted([*TOP.glob("*.md"), *(TOP / "docs").rglob("*.md")])
IDS = [str(path.relative_to(TOP)) for path in DOCUMENTS]

documents = pytest.mark.parametrize("path", DOCUMENTS, ids=IDS)


def commands(path: Path) -> list[str]:
    """The lines of a document's shell examples."""
    blocks = re.findall(r"^```(?:bash|sh|console|shell)\n(.*?)^```", path.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return [line.removeprefix("$ ").strip() for block in blocks for line in block.splitlines()]


@documents
def test_python_examples_run(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In order, each document in a namespace and a folder of its own. ``<!--- skip: next -->`` before one skips it."""
    monkeypatch.chdir(tmp_path)
    document = Sybil(parsers=[PythonCodeBlockParser(), SkipParser()]).parse(path)
    for example in document.examples():
        example.evaluate()


@documents
def test_commands_exist(path: Path) -> None:
    """Every ``make`` target and ``llmagent-os`` command that is shown."""
    targets = set(re.findall(r"^([a-z-]+):", (TOP / "Makefile").read_text("utf-8"), re.MULTILINE))
    for line in commands(path):
        if match := re.match(r"make ([a-z-]+)", line):
            assert match[1] in targets, line
        if match := re.match(r"llmagent-os ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?", line):
            assert match[1] in main.commands, line
            group = main.commands[match[1]]
            if isinstance(group, click.Group) and match[2]:
                assert match[2] in group.commands, line


@documents
def test_links_lead_somewhere(path: Path) -> None:
    """Links and pictures inside the repository."""
    text = re.sub(r"^```.*?^```", "", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if not re.match(r"[a-z]+:", target):
            assert (path.parent / target).exists(), target


def _walk_blocks() -> list[tuple[str, str]]:
    """The code blocks of the page about plugins: their languages and their texts."""
    text = (TOP / "docs" / "plugins.md").read_text("utf-8")
    return re.findall(r"^```(\w+)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


#: "Save this as `FILE`", the rest of the sentence, and the file.
_SAVED = re.compile(r"Save this\s+as `([\w/.]+)`[^\n]*(?:\n[^`\n]+)*\n\n```\w+\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_a_newcomer_who_does_what_the_page_about_plugins_says_gets_a_bot_that_answers(tmp_path: Path) -> None:
    """In an empty folder, with the shipped model: the files are saved, the command is run, the lines are typed."""
    files = dict(_SAVED.findall((TOP / "docs" / "plugins.md").read_text("utf-8")))
    assert sorted(files) == ["my_bot/bot.toml", "my_bot/plugins/shopping.py", "my_bot/plugins/tea.py"]
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content, "utf-8")
    (talk,) = [text for language, text in _walk_blocks() if language == "text"]
    lines = talk.strip().split("\n")
    typed = [line for line in lines if line.startswith("/")]
    answers = [*(line for line in lines if line not in typed), "Your tea is ready in 4 minutes."]
    chat = subprocess.run(
        [sys.executable, "-c", "from llmagent_os.cli import main; main()", "chat", "my_bot"],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if not name.startswith("LLMAGENT_OS_")},
        input="\n".join([*typed, "/tea", ""]),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    said = [line for line in chat.stdout.split("\n") if line.strip()]
    assert said[-len(answers) :] == answers, chat.stdout + chat.stderr
