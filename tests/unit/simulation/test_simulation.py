"""Simulated people through the real host, a job's real process and the gate, on the tiny model.

What breaks without this: the command runs for minutes and shows figures of something else than what people get.
"""

from __future__ import annotations

import io
import json
import tempfile
from pathlib import Path

import pytest

from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError
from llmagent_os.simulation.live_view import LiveView
from llmagent_os.simulation.simulate_command import simulate
from llmagent_os.simulation.simulation_options import SimulationOptions


@pytest.mark.timeout(900)  # four trainings in processes of their own, and other tests run beside it
async def test_people_react_until_the_bot_answers_as_they_like(chatty_bot: Path, tmp_path: Path) -> None:
    settings = Settings.load(env_file=None, data=tmp_path / "none", threads=1)
    options = SimulationOptions(people=2, reactions=12, measured_every=12, questions=6, silent=0.2)
    out, data = io.StringIO(), tmp_path / "data"
    record = await simulate(
        settings, str(chatty_bot), options, data=data, report=tmp_path / "report", view=LiveView(out)
    )

    assert record.ended == "done" and record.tastes["person-0"] == {"tone": "playful"}
    assert [mean for at, mean, _, _ in record.curve("policy") if at == 0] == [0.0], "the bot is plain by default"
    assert record.curve("policy")[-1][1] >= 0.75, "the policy has learned nothing of the reactions"
    assert [job.level for job in record.jobs if job.reactions == 12][:3].count("personal") == 2, "one for each person"
    assert all(job.outcome in ("active", "canary", "rejected", "done", "retired") for job in record.jobs), record.jobs

    trials = {each.name: each for each in record.trials}
    assert trials["reactions taken off"].found.count("0 served versions learned from them") == 1
    assert trials["forgotten"].met, trials["forgotten"].found
    assert "person-1" not in "".join(str(path) for path in data.rglob("*"))

    figures = json.loads((tmp_path / "report" / "figures.json").read_text())
    assert figures["measured"] and figures["trials"] and figures["options"]["people"] == 2
    page = (tmp_path / "report" / "report.html").read_text()
    assert "<svg" in page and "share of fresh replies in the liked style" in page
    assert "After 12 reactions of each" in out.getvalue()


async def test_a_folder_with_something_in_it_is_refused(tmp_path: Path) -> None:
    """It could be a bot's own, and the simulated people would be in its ledger."""
    (tmp_path / "ledger.db").write_text("")
    settings = Settings.load(env_file=None, data=tmp_path / "none")
    with pytest.raises(ConfigError, match="name a new folder"):
        await simulate(settings, "calendar", SimulationOptions(), data=tmp_path, report=tmp_path / "report")


async def test_what_a_killed_simulation_has_left_is_deleted_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left, other = tmp_path / "llmagent-os-simulation-4194999-x", tmp_path / "llmagent-os-simulation-1-x"
    left.mkdir()
    other.mkdir()
    settings = Settings.load(env_file=None, data=tmp_path / "none")
    with pytest.raises(ConfigError, match="there is no bot"):
        await simulate(settings, "no-such-bot", SimulationOptions(), data=None, report=tmp_path / "report")
    assert not left.exists(), "its process is gone"
    assert other.exists(), "its process runs"
    assert folders(tmp_path) == [other.name], "the new one's own folder is deleted"


def folders(parent: Path) -> list[str]:
    return [each.name for each in parent.glob("llmagent-os-simulation-*")]
