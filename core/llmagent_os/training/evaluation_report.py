"""Writes what was measured of a version for people: Markdown, HTML with plots, and a model card."""

from __future__ import annotations

from pathlib import Path

from llmagent_os.training.gate import GateVerdict
from llmagent_os.training.version_evaluation import VersionEvaluation


def write_report(
    folder: Path, candidate: VersionEvaluation, active: VersionEvaluation, verdict: GateVerdict | None
) -> None:
    """Write."""
    folder.mkdir(parents=True, exist_ok=True)
