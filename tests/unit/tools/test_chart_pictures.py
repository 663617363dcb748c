"""Charts and pictures of plugins. What breaks without this: a chart is lost, or a picture comes without words."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from llmagent_os.adapter_kit.outgoing_files import OutgoingFiles
from llmagent_os.errors import PluginError
from llmagent_os.graphics import drawing
from llmagent_os.identity import PersonId
from llmagent_os.plugin import Chart, ChartSeries, Picture, Plugin, Table, ToolContext, ToolResult, joined_results, tool
from llmagent_os.reply.plugin_calls import reply_of
from llmagent_os.tools.registry import Plugins
from tests.unit.tools.test_registry import context

HOURS = Chart(title="Hours", kind="bar", labels=("Mon", "Tue"), series=(ChartSeries("", (3, 4)),), unit="h")


class Drawer(Plugin):
    """Returns what a test gives it."""

    name = "drawer"
    returns = ToolResult({"status": "ok"}, "Your hours.", chart=HOURS)

    @tool()
    async def hours(self, context: ToolContext) -> ToolResult:
        """Show the hours."""
        return self.returns


async def asked(folder: Path, returns: ToolResult | None = None) -> ToolResult:
    own = replace(context(), files=OutgoingFiles(folder, PersonId("ana")))
    async with Plugins(installed=()) as plugins:
        drawer = Drawer()
        drawer.returns = returns or Drawer.returns
        await plugins.add(drawer)
        return await plugins.call("hours", {}, own)


async def test_a_chart_becomes_a_picture_with_its_words(tmp_path: Path) -> None:
    first, second = await asked(tmp_path), await asked(tmp_path)
    (picture,) = first.pictures
    assert first.chart is None
    assert picture.alt == "Bar chart: Hours (h). Mon 3, Tue 4."
    assert (await asyncio.to_thread(Path(picture.path).read_bytes)).startswith(b"\x89PNG")
    assert Path(picture.path).is_relative_to(tmp_path), "the folder that /forget erases"
    assert first == second, "a call that runs again gives the same file"
    assert reply_of(first).alternatives == {picture.path: picture.alt}


async def test_where_nothing_draws_the_chart_is_told_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "can_draw", lambda: False)
    result = await asked(tmp_path)
    assert result.text == "Your hours.\n\nBar chart: Hours (h). Mon 3, Tue 4."
    assert (result.pictures, result.chart) == ((), None)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (
            ToolResult({}, "x", pictures=(Picture("/tmp/a.png", " "),)),
            "words for whoever does not see it",
        ),
        (ToolResult({}, "x", chart=Chart(title="", kind="bar", labels=("a",), series=HOURS.series)), "needs a title"),
        (ToolResult({}, "x", table=Table(("a", "b"), (("1",),))), "1 cells in a row of 2 columns"),
        (ToolResult({}, "x", table=Table(())), "a table of 0 columns"),
        (ToolResult({}, "x", pictures=(Picture("/tmp/a.png", "a"),) * 11), "11 files"),
    ],
)
async def test_what_cannot_be_shown_is_refused(wrong: ToolResult, why: str, tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=why):
        await asked(tmp_path, wrong)


def test_several_results_keep_all_pictures() -> None:
    one = ToolResult({}, "One.", pictures=(Picture("/a.png", "a"),))
    two = ToolResult({}, "Two.", pictures=(Picture("/b.png", "b"),), table=Table(("a",)))
    joined = joined_results([one, two])
    assert [picture.alt for picture in joined.pictures] == ["a", "b"]
    assert joined.table == Table(("a",))
