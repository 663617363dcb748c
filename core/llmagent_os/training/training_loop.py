"""Trains a LoRA on samples towards an objective, in one plain loop.

Each step takes a batch of samples of similar length, asks the policy and the reference for log-probabilities of the
responses, and follows the gradient of the objective's loss. The learning rate rises over the first tenth of the steps,
then falls along a cosine. The same seed gives the same weights, and so does a training that was killed and goes on.

Left out: gradient accumulation and gradient checkpointing, which save memory for time. A batch that does not fit has to
be made smaller.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import structlog
import torch

from llmagent_os.errors import ConfigError, ModelError
from llmagent_os.training.batch_schedule import BatchSchedule
from llmagent_os.training.length_batches import length_batches
from llmagent_os.training.lora_optimizer import LoraOptimizer, learning_rate_share
from llmagent_os.training.objective_model import ObjectiveModel
from llmagent_os.training.objectives.objective import Metrics, Objective, PreparedSample
from llmagent_os.training.response_model import ResponseModel
from llmagent_os.training.token_sample import TokenSample
from llmagent_os.training.training_checkpoint import (
    OtherTrainingError,
    TrainingState,
    fingerprint,
    read_checkpoint,
    write_checkpoint,
)
from llmagent_os.training.training_device import TrainingDevice
from llmagent_os.training.training_run import Ending, TrainingProgress, TrainingRun, Validation
from llmagent_os.training.training_settings import TrainingSettings
from llmagent_os.training.training_warnings import signs_of_trouble

_log = structlog.stdlib.get_logger(__name__)

_LEAST_PROGRESS = 1e-3  #: a validation loss is progress if it is smaller by this share


def train(
    adapted: Any,
    samples: Sequence[TokenSample],
    objective: Objective,
    settings: TrainingSettings,
    *,
    validation: Sequence[TokenSample] = (),
    on_step: Callable[[TrainingProgress], None] | None = None,
    checkpoint: Path | None = None,
    restart: bool = False,
    stopped: Callable[[], bool] | None = None,
) -> TrainingRun:
    """Train the LoRA of a PeftModel in place.

    Args:
        adapted: the model, from :func:`~llmagent_os.training.lora.attach`. With the precision bf16, its frozen weights
            become bf16.
        samples: what to learn, and the anchors.
        objective: what to aim at.
        settings: how to learn.
        validation: samples and anchors that are not learned from, but decide when to stop and which weights to keep.
        on_step: called after each step.
        checkpoint: a file that keeps the state; if it is there, the training goes on from it. It stays when the
            training has ended; then the same call gives the same result at once.
        restart: begin anew where the checkpoint belongs to another training, as one with other settings.
        stopped: asked after each step; if true, the training ends with what was learned.

    Raises:
        ConfigError: nothing can be learned from the samples, or the device is not there.
        ModelError: the loss or its gradient is infinite or not a number, or the checkpoint cannot be used.
    """
    training = _Training(adapted, samples, objective, settings, validation, checkpoint)
    return training.run(on_step, stopped, restart=restart)


class _Training:
    """One training: samples, model and optimiser, and where they stand."""

    def __init__(
        self,
        adapted: Any,
        samples: Sequence[TokenSample],
        objective: Objective,
        settings: TrainingSettings,
        validation: Sequence[TokenSample],
        checkpoint: Path | None,
    ) -> None:
        self._adapted = adapted
        self._settings = settings
        self._objective = objective
        self._device = TrainingDevice(settings, sum(each.numel() for each in adapted.parameters()))
        prepared, self._warnings = objective.prepare([each for each in samples if not each.anchor])
        model = ResponseModel(adapted, self._device, settings.max_cache_bytes)
        self._model = ObjectiveModel(model, objective, self._device.device)
        self._samples = [self._model.sample(each) for each in prepared]
        self._validation = [self._model.sample(each) for each in self._prepared_validation(validation)]
        anchors = [self._model.anchor(each) for each in samples if each.anchor and objective.needs_anchors]
        self._schedule = BatchSchedule(self._samples, anchors, settings, self._device)
        self._held_anchors = [
            self._model.anchor(each) for each in validation if each.anchor and objective.needs_anchors
        ]
        self._optimizer = LoraOptimizer(adapted, settings, self._device)
        self._over = False  #: the training has had its time
        self._file = checkpoint
        self._saved_at = time.monotonic()
        self._state = TrainingState(fingerprint=fingerprint(settings, samples, validation, self._optimizer.weights))
        self._planned = settings.steps(len(self._samples), self._device.processes)

    def _prepared_validation(self, validation: Sequence[TokenSample]) -> list[PreparedSample]:
        learned = [each for each in validation if not each.anchor]
        if not learned:
            return []
        try:
            return self._objective.prepare(learned).samples
        except ConfigError as error:
            self._warnings.append(f"the validation samples are of no use: {error}")
            return []

    def run(
        self,
        on_step: Callable[[TrainingProgress], None] | None,
        stopped: Callable[[], bool] | None,
        *,
        restart: bool,
    ) -> TrainingRun:
        """Train until the end, from the checkpoint if there is one."""
        with self._device.reserved(self._settings.seed):
            self._adapted.eval()  # no dropout: what is remembered must be what a step would compute
            self._warnings += self._model.remember()
            self._resume(restart)
            state = self._state
            if self._validation and not state.validations:
                state.validations.append(Validation(0, self._validation_loss()))
            begun, tokens_before, seconds_before = time.monotonic(), state.tokens, state.seconds
            while state.ending is None:
                metrics, halt = self._step(stopped)
                elapsed = time.monotonic() - begun
                state.seconds = seconds_before + elapsed
                self._finish_step(halt)
                if on_step:
                    on_step(self._progress(metrics, (state.tokens - tokens_before) / elapsed))
            self._choose_weights()
        signs = signs_of_trouble(state, len(self._samples), falls=self._objective.has_least_loss)
        return TrainingRun(
            losses=state.losses,
            validations=state.validations,
            best_step=state.best_step if self._validation else len(state.losses),
            samples=len(self._samples),
            response_tokens=sum(len(each.row.response) for each in self._samples),
            tokens=state.tokens,
            seconds=state.seconds,
            ending=state.ending,
            warnings=[*self._warnings, *signs],
        )

    def _step(self, stopped: Callable[[], bool] | None) -> tuple[Metrics, bool]:
        """Take one step of the optimiser; gives the objective's figures, and whether somebody stops the training."""
        state, settings = self._state, self._settings
        step = len(state.losses)
        samples, anchors = self._schedule.batch(step)
        loss, metrics = self._model.loss(samples, anchors)
        cast("Any", loss).backward()
        over = bool(settings.max_seconds and state.seconds >= settings.max_seconds)
        # One message between processes carries the gradient, the loss, and whether any of them stops.
        told = torch.tensor([loss.item(), bool(stopped and stopped()), over], device=self._device.device)
        norm = self._optimizer.average(told)
        mean_loss, halts, overs = (float(each) for each in told)
        if not math.isfinite(mean_loss) or not math.isfinite(norm):
            raise ModelError(
                f"the loss is {mean_loss} and its gradient {norm} at step {step + 1}: lower the learning rate"
            )
        self._optimizer.step(learning_rate_share(step, self._planned))
        state.losses.append(mean_loss)
        state.still_steps += norm == 0
        state.tokens += self._device.processes * sum(each.row.length for each in samples)
        self._over = overs > 0
        return metrics, halts > 0

    def _finish_step(self, halt: bool) -> None:
        """Validate after an epoch, see whether the training ends, and keep its state."""
        state = self._state
        steps = len(state.losses)
        epoch_is_over = steps % self._schedule.steps_per_epoch == 0
        if epoch_is_over and self._validation:
            state.validations.append(Validation(steps, self._validation_loss()))
            least = min(each.loss for each in state.validations[:-1])
            if state.validations[-1].loss < least - _LEAST_PROGRESS * abs(least):
                state.best_step = steps
                self._optimizer.keep_best()
        state.ending = self._ending(epoch_is_over, halt)
        if self._file and (state.ending or time.monotonic() - self._saved_at >= self._settings.checkpoint_seconds):
            if self._device.rank == 0:
                write_checkpoint(self._file, state, self._optimizer.tensors())
            self._saved_at = time.monotonic()

    def _choose_weights(self) -> None:
        """Take the best weights, or those at the end where they are nearly as good."""
        state = self._state
        if not self._validation:
            return
        losses = [each.loss for each in state.validations]
        first, least, last = losses[0], min(losses), losses[-1]
        if state.best_step and first - last >= self._settings.end_share * (first - least):
            state.best_step = len(state.losses)
        else:
            self._optimizer.load_best()

    def _ending(self, epoch_is_over: bool, halt: bool) -> Ending | None:
        """Why the training ends here; ``None``: it goes on."""
        state = self._state
        if halt:
            return "stopped"
        if self._over:
            return "time"
        if epoch_is_over and self._objective.has_least_loss:
            losses = state.losses[-self._schedule.steps_per_epoch :]
            loss = state.validations[-1].loss if self._validation else sum(losses) / len(losses)
            if loss < self._settings.stop_at_loss:
                return "loss"
        if epoch_is_over and self._validation:
            since_best = sum(each.step > state.best_step for each in state.validations)
            if since_best >= self._settings.patience:
                return "no_progress"
        return "steps" if len(state.losses) >= self._planned else None

    @torch.no_grad()
    def _validation_loss(self) -> float:
        """The mean loss of the validation samples' batches, weighted with their sizes; each has some of the anchors."""
        total, done = 0.0, 0
        size, count = self._settings.batch_size, len(self._validation)
        for batch in length_batches(self._validation, size, random.Random(0), lambda each: each.length):
            first, last = (len(self._held_anchors) * at // count for at in (done, done + len(batch)))
            total += self._model.loss(batch, self._held_anchors[first:last])[0].item() * len(batch)
            done += len(batch)
        return total / count

    def _progress(self, metrics: Metrics, tokens_per_second: float) -> TrainingProgress:
        state = self._state
        steps = len(state.losses)
        return TrainingProgress(
            step=steps,
            planned=self._planned,
            loss=state.losses[-1],
            tokens_per_second=tokens_per_second,
            seconds_left=state.seconds / steps * (self._planned - steps),
            metrics=metrics,
            validation=state.validations[-1].loss if state.validations else None,
        )

    def _resume(self, restart: bool) -> None:
        """Go on from the checkpoint, if there is one."""
        if self._file is None:
            return
        try:
            kept = read_checkpoint(self._file, self._state.fingerprint)
        except OtherTrainingError:
            if not restart:
                raise
            _log.warning("settings or data have changed since the training was interrupted: it begins anew")
            return
        if kept:
            self._state, tensors = kept
            self._optimizer.load(tensors)
