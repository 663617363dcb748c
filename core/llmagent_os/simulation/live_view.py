"""Shows a simulation while it runs: a bar and figures in a terminal, else plain lines."""

from __future__ import annotations

import sys
from typing import Any, TextIO

from tqdm import tqdm  # type: ignore[import-untyped]

from llmagent_os.simulation.simulation_record import LEVELS, JobOutcome, SimulationRecord, Trial
from llmagent_os.training.training_job import TrainingJob, progress_line

_BAR_WIDTH = 20  # characters of a share


class LiveView:
    """Writes to a stream what happens."""

    def __init__(self, stream: TextIO | None = None) -> None:
        """Args: ``stream``: standard error by default."""
        self._stream = stream or sys.stderr
        self._bar: Any = None
        self._phase = ""

    def phase(self, title: str, done: int, planned: int) -> None:
        """Say what is done now, and how far it is."""
        if title != self._phase:
            self._end_bar()
            self._phase = title
            if self._stream.isatty():
                shape = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}"
                self._bar = tqdm(total=planned, desc=title, leave=False, file=self._stream, bar_format=shape)
            else:
                self.line(f"· {title}")
        if self._bar is not None:
            self._bar.total = planned
            self._bar.update(done - self._bar.n)

    def job(self, job: TrainingJob) -> None:
        """Show how far a training is."""
        whose = f" of {job.subject}" if job.subject else ""
        self.phase(f"trains the {job.level.value} LoRA{whose}", job.progress.step, job.progress.steps or 1)
        if self._bar is not None:
            self._bar.set_description_str(f"{self._phase}: {progress_line(job.progress)}")

    def people(self, record: SimulationRecord) -> None:
        """Say who there is."""
        if record.left_out:
            self.line(f"The model does not show these styles, so nobody likes them: {', '.join(record.left_out)}.")
        for name, taste in record.tastes.items():
            turns = ", until it turns" if name in record.turning else ""
            self.line(f"{name} likes {', '.join(f'{key} {value}' for key, value in taste.items())}{turns}.")

    def measured(self, record: SimulationRecord, reactions: int) -> None:
        """Show the shares after some reactions."""
        self.line(f"After {reactions} reactions of each, replies in the liked style:")
        for level, title in LEVELS.items():
            for at, mean, spread, _ in record.curve(level):
                if at == reactions:
                    self.line(f"  {title:<32} {_drawn(mean)} {mean:.2f} ± {spread:.2f}")

    def outcome(self, outcome: JobOutcome) -> None:
        """Say what came of a training."""
        whose = f" of {outcome.subject}" if outcome.subject else ""
        self.line(
            f"The {outcome.level} LoRA{whose}: {outcome.outcome} after {outcome.seconds:.0f} s. {outcome.why}".rstrip()
        )

    def trial(self, trial: Trial) -> None:
        """Say what a trial has found."""
        mark = {True: "as it should be", False: "NOT as it should be", None: "not tried"}[trial.met]
        self.line(f"{trial.name}: {mark}. {trial.found}")

    def line(self, text: str) -> None:
        """Write a line, above the bar if there is one."""
        if self._bar is not None:
            self._bar.write(text, file=self._stream)
        else:
            print(text, file=self._stream, flush=True)

    def close(self) -> None:
        """End the bar."""
        self._end_bar()

    def _end_bar(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        self._phase = ""


def _drawn(share: float) -> str:
    full = round(share * _BAR_WIDTH)
    return "█" * full + "░" * (_BAR_WIDTH - full)
