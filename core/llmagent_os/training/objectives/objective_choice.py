"""Makes the objective that settings name."""

from __future__ import annotations

from llmagent_os.training.objectives.anchored import AnchoredObjective
from llmagent_os.training.objectives.distil import DistilObjective
from llmagent_os.training.objectives.dpo import DpoObjective
from llmagent_os.training.objectives.kto import KtoObjective
from llmagent_os.training.objectives.objective import Objective
from llmagent_os.training.objectives.policy_gradient import ReinforceObjective
from llmagent_os.training.objectives.sft import SupervisedObjective
from llmagent_os.training.training_settings import TrainingSettings

#: Weight of the divergence on anchors, where the settings do not say.
ANCHOR_WEIGHT = 1.0
#: Weight of the divergence on the tokens that ``reinforce`` learns, where the settings do not say.
REINFORCE_KL_WEIGHT = 0.05


def objective_of(settings: TrainingSettings) -> Objective:
    """Make the objective of ``settings.method``. All of them hold the model at anchors, if there are any."""
    given = settings.kl_weight
    weight = ANCHOR_WEIGHT if given is None else given
    match settings.method:
        case "sft":
            return AnchoredObjective(SupervisedObjective(), anchor_weight=weight)
        case "kto":
            kto = KtoObjective(
                beta=settings.beta,
                desirable_weight=settings.desirable_weight,
                undesirable_weight=settings.undesirable_weight,
            )
            return AnchoredObjective(kto, anchor_weight=weight)
        case "dpo":
            return AnchoredObjective(DpoObjective(beta=settings.beta), anchor_weight=weight)
        case "reinforce":
            reinforce = ReinforceObjective(
                discount=settings.discount,
                max_importance_weight=settings.max_importance_weight,
                kl_weight=REINFORCE_KL_WEIGHT if given is None else given,
                baseline_decay=settings.baseline_decay,
            )
            return AnchoredObjective(reinforce, anchor_weight=ANCHOR_WEIGHT)
        case "distil":
            return DistilObjective(kl_weight=weight)
