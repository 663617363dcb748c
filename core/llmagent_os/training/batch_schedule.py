"""Says which samples and anchors a step of a training has, in each process that trains."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from llmagent_os.training.length_batches import length_batches
from llmagent_os.training.objective_model import TrainedSample
from llmagent_os.training.prompt_batch import ResponseRow
from llmagent_os.training.training_device import TrainingDevice
from llmagent_os.training.training_settings import TrainingSettings


class BatchSchedule:
    """The batches of a training. They depend on the seed and the step alone: one that is resumed meets the same."""

    def __init__(
        self,
        samples: Sequence[TrainedSample],
        anchors: Sequence[ResponseRow],
        settings: TrainingSettings,
        device: TrainingDevice,
    ) -> None:
        """Args:
        samples: all of them are met once an epoch, in batches of similar length.
        anchors: a step takes the next ``settings.anchor_batch`` of them, in turn.
        settings: the seed, and how large a batch is.
        device: which process this is, of how many.
        """
        self._samples = samples
        self._anchors = anchors
        self._settings = settings
        self._device = device
        self._epoch = -1  #: of which the batches are
        self._batches: list[list[TrainedSample]] = []

    @property
    def steps_per_epoch(self) -> int:
        """In how many steps all samples are met."""
        return math.ceil(len(self._samples) / (self._settings.batch_size * self._device.processes))

    def batch(self, step: int) -> tuple[list[TrainedSample], list[ResponseRow]]:
        """The samples and anchors of a step, for this process."""
        epoch, at = divmod(step, self.steps_per_epoch)
        if epoch != self._epoch:
            order = random.Random(f"{self._settings.seed}:{epoch}")
            self._batches = length_batches(self._samples, self._settings.batch_size, order, lambda each: each.length)
            self._epoch = epoch
        processes, rank = self._device.processes, self._device.rank
        count = min(self._settings.anchor_batch, len(self._anchors))
        first = (step * processes + rank) * count
        anchors = [self._anchors[(first + each) % len(self._anchors)] for each in range(count)]
        return self._batches[(at * processes + rank) % len(self._batches)], anchors
