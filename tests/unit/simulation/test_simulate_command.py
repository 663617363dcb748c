"""``llmagent-os simulate`` as a process of its own: Ctrl-C, wrong options, and a report without the extra."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from llmagent_os.simulation.simulation_record import Measured, SimulationRecord
from llmagent_os.simulation.simulation_report import write_report

PROGRAM = Path(sys.executable).with_name("llmagent-os")


def environment(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "tmp").mkdir()
    return os.environ | {"LLMAGENT_OS_DATA": str(tmp_path / "none"), "TMPDIR": str(tmp_path / "tmp")}


@pytest.mark.timeout(300)
def test_ctrl_c_ends_it_with_the_report_so_far(chatty_bot: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [PROGRAM, "simulate", str(chatty_bot), "--people", "1", "--questions", "2", "--threads", "1"],
        cwd=tmp_path,
        env=environment(tmp_path),
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        stream = process.stderr
        assert stream is not None
        said = next((line for line in stream if "After 0 reactions" in line), "")
        assert said, "it ended before anything was measured"
        process.send_signal(signal.SIGINT)
        rest = stream.read()
        assert process.wait() == 130, rest
    assert "interrupted" in (tmp_path / "simulation" / "report.md").read_text()
    assert list((tmp_path / "tmp").glob("llmagent-os-simulation-*")) == []


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--people", "0"], "error: --people is 0, it must lie between 1 and 64"),
        (["--flipped", "2"], r"error: --flipped is 2.0, it must lie between 0.0 and 1.0"),
        (["--people", "two"], "'two' is not a valid integer"),
        (["no-such-bot"], "error: there is no bot 'no-such-bot'"),
        (["--model", "no-such-model"], "error: no model 'no-such-model'"),
    ],
)
def test_a_wrong_argument_is_one_line(warm_python: Path, tmp_path: Path, arguments: list[str], error: str) -> None:
    command = [warm_python.with_name(PROGRAM.name), "simulate", *arguments]
    environ = environment(tmp_path)
    ended = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert re.search(error, ended.stderr), ended.stderr
    assert "Traceback" not in ended.stderr


def test_without_the_extra_the_report_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    record = SimulationRecord(bot="b", model="m", options={}, tastes={"p": {"tone": "dry"}})
    record.measured.append(Measured(person="p", reactions=0, level="policy", liked=0.5, replies=2))
    missing = write_report(record, tmp_path)
    assert "llmagent-os[report]" in missing
    assert "llmagent-os[report]" in (tmp_path / "report.md").read_text()
    page = (tmp_path / "report.html").read_text()
    assert "<svg" not in page and "0.50 ± 0.00" in page
