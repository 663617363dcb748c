"""How a LoRA is trained: one validated value for every method.

``Hu et al. 2021`` (https://arxiv.org/abs/2106.09685) is the source of rank and alpha. That a LoRA on all linear layers
with about ten times the learning rate of full training, and small batches, learns as much as full training is from
Schulman et al. 2025, LoRA Without Regret, https://thinkingmachines.ai/blog/lora/.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

import msgspec

from llmagent_os.errors import ConfigError

#: What msgspec calls the kinds of values, and what people call them.
_PLAIN = {
    "Expected": "it must be",
    "`int | null`": "a whole number or None",
    "`float | null`": "a number or None",
    "`int`": "a whole number",
    "`float`": "a number",
    "`array`": "a list of texts",
    "`bool`": "a truth value",
    "`str`": "a text",
    "`null`": "None",
    ", got": ", not",
}

Method = Literal["sft", "kto", "dpo", "reinforce", "distil"]

_LEAST_EPOCHS = 3  # by default, at least this many passes over the data
_LEAST_STEPS = 80  # and at least this many steps of the optimiser

_Count = Annotated[int, msgspec.Meta(ge=1)]
_Natural = Annotated[int, msgspec.Meta(ge=0)]
_Positive = Annotated[float, msgspec.Meta(gt=0)]
_NotNegative = Annotated[float, msgspec.Meta(ge=0)]
_Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class TrainingSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a LoRA is trained. The defaults suit small models and few examples.

    Raises:
        ConfigError: a value is wrong; the message names the setting, the value, and what it must be.
    """

    method: Method = "sft"  #: the objective

    rank: _Count = 16  #: rank of the two matrices of each layer
    alpha: _Count = 32  #: the product of the two matrices is scaled by ``alpha / rank``
    targets: tuple[str, ...] = ()  #: names of the linear layers with a LoRA, as ``q_proj``; empty: all but the head
    top_layers: _Count | None = None  #: only so many uppermost blocks have a LoRA; ``None``: all

    #: the highest learning rate; it rises over the first tenth of the steps, then falls along a cosine
    learning_rate: _Positive = 1e-3
    batch_size: _Count = 8  #: samples a step and process
    epochs: _Count | None = None  #: passes over the data; ``None``: 3, or more until there are 80 steps
    max_gradient_norm: _Positive = 1.0  #: a longer gradient is cut to this Euclidean norm
    seed: _Natural = 0  #: fixes the first weights of a new LoRA and the order of the batches

    #: training ends after an epoch with a mean loss below this: on validation samples, if there are any. Of a method
    #: without a least loss (``reinforce``) it means nothing.
    stop_at_loss: _NotNegative = 0.02
    patience: _Count = 3  #: training ends after so many validations without progress; the best weights are kept
    #: the weights at the end are kept, and not the best ones, if they have at least this share of the best ones'
    #: progress on validation samples: at the end the learning rate is lowest, and with few samples the best is a chance
    end_share: _Share = 1.0
    max_seconds: _Positive | None = None  #: training ends after this time, with what was learned; ``None``: no limit

    beta: _Positive = 0.1  #: ``kto``, ``dpo``: how strongly the policy is held to the reference
    desirable_weight: _NotNegative = 1.0  #: ``kto``: weight of liked samples
    undesirable_weight: _NotNegative = 1.0  #: ``kto``: weight of disliked samples
    #: weight of the KL divergence from the version that training starts from, a nat a token: for ``reinforce`` on the
    #: tokens that it learns, for the others on those of anchors, if there are any; ``None``: 0.05 and 1
    kl_weight: _NotNegative | None = None
    discount: _Share = 0.9  #: ``reinforce``: how much the next turn's reward counts for this turn
    max_importance_weight: _Positive = 2.0  #: ``reinforce``: a token's importance weight is cut to this
    #: ``reinforce``, on people's reactions: what a return is compared with: the value that a reward model expects of
    #: the model's replies to the question, or the moving average of the returns before
    baseline: Literal["value", "average"] = "value"
    baseline_decay: _Share = 0.9  #: ``reinforce``: weight of earlier returns in the moving average, a sample
    anchor_batch: _Count = 4  #: anchors a step: samples of other prompts, at which the model stays as it is

    precision: Literal["auto", "fp32", "bf16"] = "auto"  #: ``auto``: bf16 where the processor is faster with it
    device: Literal["auto", "cpu", "cuda"] = "auto"  #: ``auto``: a GPU if there is one
    threads: _Count | None = None  #: of a CPU; ``None``: all but one
    max_cache_bytes: _Natural = 2**30  #: most memory for the states of frozen layers; 0: they are computed every time
    checkpoint_seconds: _NotNegative = 30.0  #: time between two checkpoints; 0: after every step

    def __post_init__(self) -> None:
        for field in msgspec.structs.fields(self):
            value = getattr(self, field.name)
            try:
                msgspec.convert(value, field.type)
            except msgspec.ValidationError as error:
                raise ConfigError(f"{field.name} is {value!r}: {_plainly(error, field.type)}") from error
            if isinstance(value, float) and not math.isfinite(value):
                raise ConfigError(f"{field.name} is {value}: it must be a finite number")

    def steps(self, samples: int, processes: int = 1) -> int:
        """Give the number of planned steps for a number of samples."""
        steps_per_epoch = math.ceil(samples / (self.batch_size * processes))
        if self.epochs is not None:
            return steps_per_epoch * self.epochs
        return steps_per_epoch * max(_LEAST_EPOCHS, math.ceil(_LEAST_STEPS / steps_per_epoch))


#: Settings for a size of model. ``shipped`` is the calendar model (5.8 million parameters), ``smollm2`` the 135 million
#: of SmolLM2 on a CPU, ``gpu`` 0.5 to 8 billion on a GPU.
PRESETS: Mapping[str, Mapping[str, Any]] = {
    "shipped": {},
    "smollm2": {"rank": 8, "alpha": 16, "top_layers": 10, "batch_size": 4, "learning_rate": 1e-3, "precision": "bf16"},
    "gpu": {"rank": 16, "alpha": 32, "batch_size": 16, "learning_rate": 2e-4, "precision": "bf16", "device": "cuda"},
}


def preset_for(parameters: int, *, gpu: bool) -> str:
    """Name the preset for a model with this many parameters."""
    if gpu and parameters >= 300_000_000:
        return "gpu"
    return "smollm2" if parameters >= 50_000_000 else "shipped"


def settings_of(values: Mapping[str, Any], *, preset: str = "shipped") -> TrainingSettings:
    """Make settings of a preset and some values of one's own.

    Raises:
        ConfigError: there is no such preset or setting, or a value is wrong; the message names it.
    """
    if preset not in PRESETS:
        raise ConfigError(f"there is no preset {preset!r}, only {', '.join(PRESETS)}")
    for key in values:
        if key not in TrainingSettings.__struct_fields__:
            near = difflib.get_close_matches(key, TrainingSettings.__struct_fields__, 1, 0.4)
            meant = f" Did you mean {near[0]!r}?" if near else ""
            known = ", ".join(TrainingSettings.__struct_fields__)
            raise ConfigError(f"training has no setting {key!r}.{meant} There are {known}")
    return TrainingSettings(**{**PRESETS[preset], **values})


def _plainly(error: msgspec.ValidationError, kind: Any) -> str:
    """Write what the value must be, in plain words."""
    text = str(error).split(" - at ")[0]
    if text.startswith("Invalid enum value"):
        return f"it must be one of {', '.join(get_args(kind))}"
    for name, plain in _PLAIN.items():
        text = text.replace(name, plain)
    return text
