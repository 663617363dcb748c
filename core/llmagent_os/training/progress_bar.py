"""Draws a training's progress in a terminal."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, cast

from tqdm import tqdm  # type: ignore[import-untyped]

from llmagent_os.training.training_run import TrainingProgress


@contextmanager
def progress_bar(title: str) -> Generator[Callable[[TrainingProgress], None]]:
    """Draw a bar with the loss, tokens a second and the time left, on standard error if it is a terminal.

    Gives the function that is to be called after each step.
    """
    with cast("Any", tqdm)(desc=title, unit="step", disable=None) as bar:

        def show(progress: TrainingProgress) -> None:
            bar.total = progress.planned
            shown = {"loss": f"{progress.loss:.3g}", "tokens/s": f"{progress.tokens_per_second:,.0f}"}
            if progress.validation is not None:
                shown["validation"] = f"{progress.validation:.3g}"
            bar.set_postfix(shown | {key: f"{value:.3g}" for key, value in progress.metrics.items()}, refresh=False)
            bar.update(progress.step - bar.n)

        yield show
