"""Behaviour policies: they decide how a person is answered, and learn from how the person takes the reply.

This package is a library. It knows no ledger, no bot and no settings: observations come in, probabilities come out.

* :mod:`~llmagent_os.policy.contract`: actions, decisions, and what every policy can do.
* :mod:`~llmagent_os.policy.fixed`, :mod:`~llmagent_os.policy.learned`: the two policies. The second draws its actions
  from the probabilities of a learner.
* :mod:`~llmagent_os.policy.learner`: what every learner can do. A new learner implements this protocol.
* :mod:`~llmagent_os.policy.dimensions`, :mod:`~llmagent_os.policy.choice_limits`: what a bot chooses between, and which
  of it on which platform.
* :mod:`~llmagent_os.policy.older_actions`: what decisions teach that were made before the dimensions were changed.
* :mod:`~llmagent_os.policy.continuity`: how a choice may change within a session.
* :mod:`~llmagent_os.policy.exploration`: what is tried beside the best action.
* :mod:`~llmagent_os.policy.newcomers`: bounds what new people teach about everybody.
* :mod:`~llmagent_os.policy.own_evidence`: bounds what everybody teaches about one person.
* :mod:`~llmagent_os.policy.persona`: what kind of person somebody is.
* :mod:`~llmagent_os.policy.bayes`: the default learner, hierarchical Bayes.
* :mod:`~llmagent_os.policy.linear`: the REINFORCE, actor-critic and Q-learning learners.
* :mod:`~llmagent_os.policy.off_policy`: estimates what another policy would have been worth, from logged decisions.
"""

from llmagent_os.policy.contract import Action, BehaviorPolicy, Context, Decision, Dimensions, Kind, label
from llmagent_os.policy.fixed import FixedPolicy

__all__ = ["Action", "BehaviorPolicy", "Context", "Decision", "Dimensions", "FixedPolicy", "Kind", "label"]
