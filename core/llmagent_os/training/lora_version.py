"""A version of a LoRA, and the ways that it may go from one stage to another.

.. code-block:: text

    candidate ──> shadow ──> canary ──> active ──> retired
        │            └──────────────────^ │  ^        │
        └─> rejected            │         v  └────────┘
                                └──> rolled_back

A version that was rolled back or retired may become active again: that is what a rollback of its successor does.
"""

from __future__ import annotations

from collections.abc import Mapping

from llmagent_os.errors import ConfigError
from llmagent_os.ledger.training_values import Level, LoraVersion, Stage

__all__ = [
    "MOVES",
    "SERVED",
    "STYLE",
    "Level",
    "LoraVersion",
    "Stage",
    "check_base",
    "check_move",
    "fits_style",
    "outcome_of",
]

#: The stages in which a version writes replies.
SERVED = frozenset({Stage.ACTIVE, Stage.CANARY})

#: The name, in what was measured of a personal version, of the style that it was trained and judged in.
STYLE = "style"

#: For each stage, those that may follow.
MOVES: dict[Stage, frozenset[Stage]] = {
    Stage.CANDIDATE: frozenset({Stage.SHADOW, Stage.CANARY, Stage.ACTIVE, Stage.REJECTED, Stage.RETIRED}),
    Stage.SHADOW: frozenset({Stage.CANARY, Stage.ACTIVE, Stage.REJECTED, Stage.RETIRED}),
    Stage.CANARY: frozenset({Stage.ACTIVE, Stage.ROLLED_BACK, Stage.RETIRED}),
    Stage.ACTIVE: frozenset({Stage.ROLLED_BACK, Stage.RETIRED}),
    Stage.ROLLED_BACK: frozenset({Stage.ACTIVE, Stage.CANARY, Stage.RETIRED}),
    Stage.REJECTED: frozenset({Stage.RETIRED}),
    Stage.RETIRED: frozenset({Stage.ACTIVE}),
}


def check_move(version: LoraVersion, stage: Stage) -> None:
    """Refuse a move that there is not.

    Raises:
        ConfigError: ``version`` cannot go to ``stage``; the message says where it can go.
    """
    allowed = MOVES[version.stage]
    if stage not in allowed:
        raise ConfigError(
            f"version {version.name} is {version.stage.value}, and cannot become {stage.value}: "
            f"only {', '.join(sorted(allowed))}"
        )


def check_base(version: LoraVersion, base_hash: str) -> None:
    """Refuse a version that cannot answer, since it was trained on another model.

    Args:
        version: which is to answer.
        base_hash: of the bot's model.

    Raises:
        ConfigError: the version's base is another model.
    """
    if version.base_hash != base_hash:
        raise ConfigError(
            f"version {version.name} was trained on the model {version.base_model} ({version.base_hash}), and bot "
            f"{version.bot!r} has another one ({base_hash or 'a server, or weights that are not there'}): it would "
            "answer nobody"
        )


def fits_style(version: LoraVersion, style: Mapping[str, str]) -> bool:
    """Whether a version may write a reply in a style: a personal one in that which it was judged in, and in no other.

    Args:
        version: which one.
        style: how the reply is to be, by dimension; without any, it is not known, and every version may.
    """
    judged: Mapping[str, str] = version.evaluation.get(STYLE) or {}
    return all(style.get(name, value) == value for name, value in judged.items())


def outcome_of(version: LoraVersion) -> str:
    """The stage of a version and the reason for it, in words."""
    return version.stage.value + (f": {version.why}" if version.why else "")
