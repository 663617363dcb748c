"""Makes the objective that settings name."""

from __future__ import annotations

from llmagent_os.errors import ConfigError
from llmagent_os.training.objectives.dpo import DpoObjective
from llmagent_os.training.objectives.kto import KtoObjective
from llmagent_os.training.objectives.objective import Objective
from llmagent_os.training.objectives.reinforce import ReinforceObjective
from llmagent_os.training.objectives.sft import SupervisedObjective
from llmagent_os.training.training_settings import TrainingSettings


def objective_of(settings: TrainingSettings) -> Objective:
    """Make the objective of ``settings.method``.

    Raises:
        ConfigError: the method's objective cannot be made of settings alone.
    """
    match settings.method:
        case "sft":
            return SupervisedObjective()
        case "kto":
            return KtoObjective(
                beta=settings.beta,
                desirable_weight=settings.desirable_weight,
                undesirable_weight=settings.undesirable_weight,
            )
        case "dpo":
            return DpoObjective(beta=settings.beta)
        case "reinforce":
            return ReinforceObjective(
                discount=settings.discount,
                max_importance_weight=settings.max_importance_weight,
                kl_weight=settings.kl_weight,
                baseline_decay=settings.baseline_decay,
            )
        case "distil":
            raise ConfigError("method is 'distil', which needs a reward model: give its objective to train()")
