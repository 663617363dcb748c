"""The documents: an example that does not run, a command that is none, or a dead link costs a newcomer their trust."""

from __future__ import annotations

import re
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
        if match := re.match(r"llmagent-os ([a-z]+)(?: ([a-z]+))?", line):
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
