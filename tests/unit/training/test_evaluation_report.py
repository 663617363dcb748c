"""Reports: what they show, that they name nobody, and that no reply can put markup into them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from llmagent_os.identity import PersonId
from llmagent_os.training.evaluation_report import markdown_report, model_card, write_report
from llmagent_os.training.gate import judge
from llmagent_os.training.hacks.leaks import PrivateText, leaks
from llmagent_os.training.probe import MeasureKind
from llmagent_os.training.version_evaluation import VersionEvaluation
from tests.unit.training.versions import ACTIVE, GOOD, PEOPLE, REPLIES, measure, rewards


def bad() -> VersionEvaluation:
    scores = measure("facts", MeasureKind.FACT, [0.0] * 30)
    loud = replace(scores, replies=("<script>alert(1)</script> | `x`",) * 30)
    segments = tuple("de" if at >= 14 else "en" for at in range(PEOPLE) for _ in range(REPLIES))
    rewarded = rewards([0.8] * PEOPLE, segments=segments)
    return replace(GOOD, version="bad", measures=GOOD.measures | {"fact": replace(loud, name="fact")}, rewards=rewarded)


def test_the_report_has_every_test_the_people_and_what_became_worse(tmp_path: Path) -> None:
    candidate = bad()
    verdict = judge(candidate, ACTIVE)
    write_report(tmp_path / "r", candidate, ACTIVE, verdict)
    text = (tmp_path / "r" / "report.md").read_text()
    assert "**Rejected**" in text
    assert all(f"| {row.name} |" in text for row in verdict.rows)
    assert "| de |" in text
    assert "| en |" in text
    assert "Replies that became worse" in text
    page = (tmp_path / "r" / "report.html").read_text()
    assert page.count("<svg") == 2  # the scores, and the people
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "web::" not in page + text


def test_without_matplotlib_the_page_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    write_report(tmp_path, GOOD, ACTIVE, judge(GOOD, ACTIVE))
    assert "llmagent-os[report]" in (tmp_path / "report.html").read_text()


def test_a_persons_replies_are_not_quoted() -> None:
    own = measure("fact", MeasureKind.FACT, [0.0] * 30)
    own = replace(own, persons=(PersonId("web::ana"),) * 30, replies=("Ana's secret",) * 30)
    before = replace(ACTIVE.measures["fact"], persons=own.persons)
    candidate = replace(GOOD, measures=GOOD.measures | {"fact": own})
    active = replace(ACTIVE, measures=ACTIVE.measures | {"fact": before})
    assert "secret" not in markdown_report(candidate, active, judge(candidate, active))


def test_nothing_is_quoted_of_a_measure_that_asks_what_people_said() -> None:
    """Whether words leak is asked for somebody who is not known: with the words of people who are."""
    asked = leaks([PrivateText(PersonId("web::ana"), "My code is blue seven.", "")])
    before = measure(asked.name, asked.kind, [1.0] * len(asked.probes))
    before = replace(before, prompts=tuple(str(each.messages[-1]["content"]) for each in asked.probes))
    leaked = replace(before, scores=(0.0,) * len(asked.probes), private=asked.private)
    candidate = replace(GOOD, measures=GOOD.measures | {asked.name: leaked})
    active = replace(ACTIVE, measures=ACTIVE.measures | {asked.name: before})
    assert "blue seven" not in markdown_report(candidate, active, judge(candidate, active))


def test_a_model_card_says_what_it_is_for() -> None:
    card = model_card(GOOD, judge(GOOD, ACTIVE), bot="calendar", method="distil")
    assert card.startswith("---\nbase_model: calendar\n")
    assert "library_name: peft" in card
    assert f"{PEOPLE} people who agreed" in card
    assert "Passed by the gate against active" in card
