"""Shows a job's progress in a terminal."""

from __future__ import annotations

import sys
from typing import Any

from tqdm import tqdm  # type: ignore[import-untyped]

from llmagent_os.training.training_job import JobStatus, TrainingJob, progress_line


class JobBar:
    """A bar that follows a job; without a terminal, a line for every phase."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._phase = ""

    def show(self, job: TrainingJob) -> None:
        """Show how far ``job`` is."""
        progress = job.progress
        if job.status != JobStatus.RUNNING or not progress.phase:
            return
        if progress.phase != self._phase:
            self.close()
            self._phase = progress.phase
            if sys.stderr.isatty():
                self._bar = tqdm(total=progress.steps or None, desc=progress.phase, unit="step", leave=True)
            else:
                print(progress_line(progress), file=sys.stderr)
        if self._bar is not None:
            self._bar.set_postfix_str(progress_line(progress).partition(", ")[2], refresh=False)
            self._bar.update(progress.step - self._bar.n)

    def close(self) -> None:
        """End the bar."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
