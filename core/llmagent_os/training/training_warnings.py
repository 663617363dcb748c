"""Says in words when a training is likely to have learned nothing, or the wrong thing."""

from __future__ import annotations

from collections.abc import Iterator

from llmagent_os.training.training_checkpoint import TrainingState

_FEW_SAMPLES = 8  #: with fewer samples, a model learns them by heart
_LEAST_STEPS = 10  #: of fewer steps, nobody can say whether the loss moves
_LEAST_MOVE = 0.01  #: a loss moves if it changes by this share of what it was
_LEAST_LOSS = 0.1  #: a share is taken of at least this


def signs_of_trouble(state: TrainingState, samples: int, *, falls: bool) -> Iterator[str]:
    """Give a sentence for each sign that a training taught nothing, or harmed.

    Args:
        state: where the training ended.
        samples: how many samples there were.
        falls: whether the loss falls if something is learned; that of a policy gradient need not.
    """
    if samples < _FEW_SAMPLES:
        yield f"there are only {samples} samples: the model learns them by heart, and little else"
    steps = len(state.losses)
    if state.still_steps:
        yield f"{state.still_steps} of {steps} steps had no gradient at all: nothing was learned from them"
    if steps >= _LEAST_STEPS:
        tenth = steps // 10
        first, last = sum(state.losses[:tenth]) / tenth, sum(state.losses[-tenth:]) / tenth
        move = (last - first) / max(abs(first), _LEAST_LOSS)
        if abs(move) < _LEAST_MOVE:
            yield f"the loss did not move: {first:.3g} at the beginning, {last:.3g} at the end; raise the learning rate"
        elif falls and move > 0.1:
            yield f"the loss rose from {first:.3g} to {last:.3g}: lower the learning rate"
    if len(state.validations) > 1 and state.best_step == 0:
        yield "the loss on validation samples never fell: the weights are as they were at the beginning"
