"""Makes the objective that settings name."""

from __future__ import annotations

from llmagent_os.training.objectives.distil import DistilObjective
from llmagent_os.training.objectives.dpo import DpoObjective
from llmagent_os.training.objectives.kto import KtoObjective
from llmagent_os.training.objectives.objective import Objective
from llmagent_os.training.objectives.policy_gradient import ReinforceObjective
from llmagent_os.training.objectives.sft import SupervisedObjective
from llmagent_os.training.training_settings import TrainingSettings


def objective_of(settings: TrainingSettings) -> Objective:
    """Make the objective of ``settings.method``."""
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
                kl_weight=0.05 if settings.kl_weight is None else settings.kl_weight,
                baseline_decay=settings.baseline_decay,
            )
        case "distil":
            return DistilObjective(kl_weight=1.0 if settings.kl_weight is None else settings.kl_weight)
