"""Trains a LoRA on what was found to be worth learning: steps 3 and 4 of fine-tuning, in the process of a job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from llmagent_os.ledger.training_values import JobProgress
from llmagent_os.serving.chat_template import ChatTemplate
from llmagent_os.serving.model_loading import load_model, load_tokenizer, vocabulary_of
from llmagent_os.serving.model_location import Location
from llmagent_os.training.lora import attach, save_adapter
from llmagent_os.training.objectives.objective_choice import objective_of
from llmagent_os.training.preprocessing import preprocess
from llmagent_os.training.reaction_lessons import ReactionLessons
from llmagent_os.training.token_sample import TokenSample
from llmagent_os.training.training_example import TrainingExample
from llmagent_os.training.training_loop import train
from llmagent_os.training.training_plan import Cancelled, JobCancelledError, ReportProgress
from llmagent_os.training.training_run import TrainingProgress, TrainingRun
from llmagent_os.training.training_settings import preset_for, settings_of

#: The checkpoint, in the job's folder.
CHECKPOINT_FILE = "checkpoint.safetensors"


@dataclass(frozen=True)
class TrainedLora:
    """A trained LoRA, and what is needed to measure it."""

    folder: Path  #: a PEFT folder
    run: TrainingRun
    test: list[TokenSample]  #: the held-out examples that are good
    too_long: int  #: examples that became no samples

    def summary(self) -> dict[str, Any]:
        """Give the figures of the training, as JSON values."""
        return {
            "steps": len(self.run.losses),
            "best_step": self.run.best_step,
            "samples": self.run.samples,
            "first_loss": round(self.run.losses[0], 4),
            "last_loss": round(self.run.losses[-1], 4),
            "ending": self.run.ending,
            "warnings": self.run.warnings,
            "too_long": self.too_long,
        }


def train_lora(
    lessons: ReactionLessons,
    test: Sequence[TrainingExample],
    location: Location,
    settings: Mapping[str, Any],
    folder: Path,
    start: Path | None,
    report: ReportProgress,
    cancelled: Cancelled,
) -> TrainedLora:
    """Train. A training that was killed goes on from its checkpoint, and begins anew where its settings have changed.

    Args:
        lessons: what to learn.
        test: held-out examples.
        location: the base model.
        settings: values of :class:`~llmagent_os.training.training_settings.TrainingSettings`; the others depend on the
            size of the model.
        folder: the job's.
        start: the PEFT folder that the training starts from; None: a new LoRA.
        report: is told how far the training is.
        cancelled: says whether it is to end.

    Raises:
        ConfigError: nothing can be learned from the lessons, or a setting is wrong.
        ModelError: the training diverged, or the model or the checkpoint cannot be used.
        JobCancelledError: it was cancelled.
    """
    tokenizer, model = load_tokenizer(location), load_model(location)
    vocabulary = vocabulary_of(model, tokenizer)
    template, longest = ChatTemplate(tokenizer, vocabulary), int(model.config.max_position_embeddings)
    dropped: list[str] = []

    def samples(examples: Sequence[TrainingExample]) -> list[TokenSample]:
        return preprocess(examples, template, vocabulary, longest, drop=lambda _, why: dropped.append(why))

    def on_step(at: TrainingProgress) -> None:
        if cancelled():
            raise JobCancelledError
        report(_progress(at))

    chosen = settings_of(settings, preset=preset_for(model.num_parameters(), gpu=torch.cuda.is_available()))
    good = samples([each for each in test if each.reward > 0])
    adapted = attach(model, chosen, start)
    objective = objective_of(chosen)
    held = [*samples(lessons.validation), *lessons.held_anchors]
    run = train(
        adapted,
        [*samples(lessons.training), *lessons.anchors],
        objective,
        chosen,
        # The loss of a policy gradient need not fall where something is learned: it cannot choose a step.
        validation=held if objective.has_least_loss else (),
        on_step=on_step,
        checkpoint=folder / CHECKPOINT_FILE,
        restart=True,
    )
    made = folder / "lora"
    save_adapter(adapted, tokenizer, location, made)
    return TrainedLora(folder=made, run=run, test=good, too_long=len(dropped))


def _progress(at: TrainingProgress) -> JobProgress:
    return JobProgress(
        phase="training",
        step=at.step,
        steps=at.planned,
        loss=at.loss,
        tokens_per_second=at.tokens_per_second,
        seconds_left=at.seconds_left,
    )
