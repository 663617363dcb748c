"""Measures a trained LoRA beside what answers now, asks the gate, and writes the reports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from llmagent_os.errors import ModelError
from llmagent_os.llm import LLM
from llmagent_os.training.evaluation_report import model_card, write_report
from llmagent_os.training.evaluator import EvaluationSuite, Evaluator
from llmagent_os.training.gate import GateVerdict, judge
from llmagent_os.training.training_run import TrainingRun
from llmagent_os.training.version_evaluation import VersionEvaluation


@dataclass(frozen=True)
class MeasuredLora:
    """What was measured of a candidate, and what the gate said."""

    candidate: VersionEvaluation
    active: VersionEvaluation
    verdict: GateVerdict

    def summary(self) -> dict[str, Any]:
        """Give the figures and the gate's rows as JSON values, without anybody's id or words."""
        return {
            "candidate": self.candidate.summary(),
            "active": self.active.summary(),
            "gate": [msgspec.to_builtins(row) for row in self.verdict.rows],
        }


async def measure_lora(
    llm: LLM,
    suite: EvaluationSuite,
    candidate: Path,
    active: tuple[str, Path | None],
    tell: Callable[[int], None],
    *,
    parent: Path | None = None,
) -> MeasuredLora:
    """Measure a candidate and what answers now, and ask the gate.

    Args:
        llm: the base model.
        suite: what to measure.
        candidate: a PEFT folder.
        active: the name and the folder of the version that answers now; None: the base.
        tell: called with 0 and 1 before the two.
        parent: the PEFT folder that the candidate was trained from; None: the base.

    Raises:
        ModelError: the model or a LoRA cannot be loaded, or did not answer.
    """
    evaluator = Evaluator(llm, suite)
    tell(0)
    before = await evaluator.evaluate(*active)
    tell(1)
    after = await evaluator.evaluate("candidate", candidate, parent)
    return MeasuredLora(after, before, judge(after, before))


def write_reports(
    folder: Path, measured: MeasuredLora, *, bot: str, method: str, training: TrainingRun | None = None
) -> None:
    """Write the report and the model card beside the LoRA: they are published and deleted with it.

    Args:
        folder: the PEFT folder.
        measured: what was measured.
        bot: whose replies the LoRA writes.
        method: how it was trained.
        training: what the training did; None: the report says nothing of it.

    Raises:
        ModelError: the folder cannot be written.
    """
    try:
        write_report(folder, measured.candidate, measured.active, measured.verdict, training=training)
        card = model_card(measured.candidate, measured.verdict, bot=bot, method=method)
        (folder / "README.md").write_text(card, encoding="utf-8")
    except OSError as error:
        raise ModelError(f"the report cannot be written in {folder}: {error}") from error
