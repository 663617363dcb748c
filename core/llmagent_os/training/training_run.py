"""What a training did, and how far it has come."""

from __future__ import annotations

from typing import Literal

import msgspec

#: Why a training ended: all planned steps, the loss that was wished for, no progress on validation samples, the time
#: that it had, or someone who stopped it.
Ending = Literal["steps", "loss", "no_progress", "time", "stopped"]


class Validation(msgspec.Struct, frozen=True):
    """The loss on validation samples after a step."""

    step: int
    loss: float


class TrainingProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a training has come, after a step."""

    step: int  #: steps done
    planned: int  #: steps planned; it may end earlier
    loss: float  #: of this step; for ``sft`` in nats a response token
    tokens_per_second: float  #: of prompts and responses, since it began or went on
    seconds_left: float  #: until all planned steps are done
    metrics: dict[str, float]  #: what the objective says of this step, as ``kl``
    validation: float | None = None  #: the newest loss on validation samples


class TrainingRun(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one training. The weights are the best on validation samples, or else the last."""

    losses: list[float]  #: of every step; for ``sft`` in nats a response token
    validations: list[Validation]  #: after every epoch; empty: there were no validation samples
    best_step: int  #: after this step the weights were as they are now
    samples: int  #: samples that were learned from
    response_tokens: int  #: response tokens in one epoch
    tokens: int  #: tokens of prompts and responses, over all steps
    seconds: float  #: time of all steps, also of those before an interruption; preparation not included
    ending: Ending
    warnings: list[str]  #: sentences on what was left out, and on signs that nothing was learned

    @property
    def tokens_per_second(self) -> float:
        """Tokens of prompts and responses a second."""
        return self.tokens / self.seconds if self.seconds else 0.0
