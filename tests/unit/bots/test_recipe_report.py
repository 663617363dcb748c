"""The training report is what the model is judged by: its rates must be right, and it must be readable."""

from __future__ import annotations

import json
import random
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest

from llmagent_os.bots.calendar.recipe.chatml import Dialogue, DialogueTurn, call_text
from llmagent_os.bots.calendar.recipe.dialogues import load_writer
from llmagent_os.bots.calendar.recipe.measure import Rates
from llmagent_os.bots.calendar.recipe.report import draw_curve, report
from llmagent_os.bots.calendar.recipe.train import train
from llmagent_os.errors import ConfigError
from llmagent_os.llm import Completion, ToolCall
from tests.toy_run import TOY, one_thread

LOG = [{"step": 250 * n, "train": 4.0 / n, "validation": 3.0 / n, "seconds": 400.0 * n, "tokens": n} for n in (1, 2, 3)]


def answer(text: str = "", *calls: ToolCall) -> Completion:
    return Completion(text=text, tool_calls=calls, finish_reason="stop", prompt="", model="", lora_version="")


def asked(wanted: str) -> Dialogue:
    return Dialogue("Style: x.", (DialogueTurn("user", "tea at 3pm"), DialogueTurn("assistant", wanted)))


def test_the_rates_are_those_of_what_was_counted() -> None:
    """A mistake here sells a bad model as a good one."""
    due = asked(call_text("create_event", {"title": "tea", "time": "3pm"}))
    none = asked("Hello.")
    rates = Rates()
    rates.add(answer("", ToolCall("create_event", {"title": "tea", "time": "3pm"})), due)
    rates.add(answer("", ToolCall("create_event", {"title": "tea"})), due)
    rates.add(answer("", ToolCall("list_events", {})), due)
    rates.add(answer("Hello."), due)
    rates.add(answer("Hello."), none)
    rates.add(answer("Goodbye."), none)
    rates.add(answer("", ToolCall("list_events", {})), none)
    rates.add_reply(answer("Sure! Tea is in."), asked("Done! Tea is in."))
    rates.add_reply(answer("Done! Tee is in."), asked("Done! Tea is in."))
    assert rates.table() == {
        "right tool, or rightly none": 4 / 7,
        "every argument exact, where a tool is due": 1 / 4,
        "a tool called, where none is due": 1 / 3,
        "reply word for word, where none is due": 1 / 3,
        "reply word for word, to a tool's result": 1 / 2,
    }


def test_rates_of_nothing_are_no_error() -> None:
    """Few messages may hold none of a kind."""
    assert set(Rates().table().values()) == {0.0}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("finished")
    with one_thread():
        train(folder, msgspec.structs.replace(TOY, steps=4, validate_every=2), writer=load_writer())
        yield folder


def test_the_report_tells_everything(finished: Path) -> None:
    """Settings, curve, data, rates and samples of a run, from its folder alone."""
    text = (report(finished, messages=3) / "README.md").read_text(encoding="utf-8")
    assert text.startswith("# How the calendar model was trained\n\n4 steps in ")
    assert "![Training and validation loss by step](loss.svg)" in text
    assert (finished / "report" / "loss.svg").is_file()
    assert "3 single messages" in text
    assert "| `vocab_size` | 1200 |" in text
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert headings[1:] == ["## Results", "## Data", "### Examples", "## Settings"]


def test_every_table_is_whole(finished: Path) -> None:
    """A sample with a | in it would break its table where people read it."""
    text = (report(finished, messages=0) / "README.md").read_text(encoding="utf-8")
    assert "## Results" not in text
    tables = [block.splitlines() for block in text.split("\n\n") if block.startswith("|")]
    assert len(tables) == 3
    for head, line, *rows in tables:
        assert set(line) <= set("| -:")
        assert len(rows) > 5
        assert all(row.replace("\\|", "").count("|") == head.count("|") for row in rows)


def test_every_rule_of_the_grammar_that_people_start_from_is_counted(finished: Path) -> None:
    """The data card would be wrong if a kind of request had been renamed away from it."""
    text = (report(finished, messages=0) / "README.md").read_text(encoding="utf-8")
    card = text.split("| purpose |")[1].split("###")[0]
    counts = [int(count.replace(",", "")) for count in re.findall(r"\| ([\d,]+) \|$", card, re.M)]
    assert len(counts) == 9
    assert min(counts) > 100


def test_samples_differ_from_what_is_measured() -> None:
    """Shown samples are drawn apart, so that the report stays the same while the measure changes."""
    writer = load_writer()
    assert writer.single(random.Random("samples")) != writer.single(random.Random(f"{TOY.seed}-report"))


def test_a_run_without_a_log_is_refused(finished: Path, tmp_path: Path) -> None:
    """Asked for too early, or in the wrong folder: said in words."""
    shutil.copy(finished / "recipe.json", tmp_path)
    with pytest.raises(ConfigError, match=r"log\.jsonl is missing"):
        report(tmp_path)


def test_an_unfinished_run_says_how_far_it_is(finished: Path, tmp_path: Path) -> None:
    """The figures of a third of a run must not be read as those of the whole."""
    shutil.copy(finished / "recipe.json", tmp_path)
    lines = (finished / "log.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "log.jsonl").write_text(lines[0], encoding="utf-8")
    assert "\n2 of 4 steps in " in (report(tmp_path, messages=0) / "README.md").read_text(encoding="utf-8")


def test_the_curve_is_drawn_and_the_same_every_time(tmp_path: Path) -> None:
    """A picture that changes with every run would be a change in every commit."""
    for name in ("a.svg", "b.svg"):
        draw_curve(json.loads(json.dumps(LOG)), tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert ElementTree.parse(tmp_path / "a.svg").getroot().tag.endswith("svg")
