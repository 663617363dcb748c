"""The plugin API: an author's first plugin works as the documentation shows it."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from llmagent_os.errors import PluginError
from llmagent_os.plugin import tool

DOCS = Path(__file__).parents[3] / "docs" / "plugins.md"


@pytest.mark.parametrize(("permission", "timeout"), [("Pizza Write", 1.0), ("a..b", 1.0), ("", 0.0), ("", 1e9)])
def test_nonsense_in_the_mark_is_refused(permission: str, timeout: float) -> None:
    """A permission that no bot can give would hide the tool without a word."""
    with pytest.raises(PluginError, match=r"permission|timeout"):
        tool(permission=permission, timeout=timeout)


def test_the_tutorial_runs_as_written(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A newcomer's first plugin must work in five minutes."""
    tutorial = ModuleType("tutorial")
    monkeypatch.setitem(sys.modules, tutorial.__name__, tutorial)  # the types of settings are looked up there
    for block in re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL):
        exec(compile(block, str(DOCS), "exec", dont_inherit=True), vars(tutorial))
    assert capsys.readouterr().out == "You want to buy 3 × lemons.\nYour tea is ready.\nI look 5 days ahead.\n"
