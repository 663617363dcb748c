"""Keeps a bot's policy in step with its ledger. Nobody waits for what is being learned.

A state that is what the ledger says is the same, bit for bit, whether it was learned while people reacted or from a
replay of the ledger. It is a cache: stored together with the row up to which it was learned, in one transaction, so
that a crash leaves both or neither. What was learned since then is learned again from the rewards at a start.

Read in this order:

* :mod:`~llmagent_os.policy_worker.reward_learning`: rows of the ledger as what a learner observes.
* :mod:`~llmagent_os.policy_worker.learned_state`: one learned state, in memory and in the ledger.
* :mod:`~llmagent_os.policy_worker.people_loading`: people, from their parts or from their own rewards.
* :mod:`~llmagent_os.policy_worker.worker`: the state that the policy decides by. It learns every new reward.
* :mod:`~llmagent_os.policy_worker.relearning`: the replay that makes a stale state what the ledger says again.
* :mod:`~llmagent_os.policy_worker.replay_process`: a long replay, in a process of its own.
* :mod:`~llmagent_os.policy_worker.policy_reader`: the hosts that decide by what another one learns.
* :mod:`~llmagent_os.policy_worker.shards`, :mod:`~llmagent_os.policy_worker.shared_prior`: several learners of a bot.
"""

from __future__ import annotations

from llmagent_os.policy_worker.learned_state import SETTINGS_PART, TRUST_PART
from llmagent_os.policy_worker.reward_learning import decision_of, learn
from llmagent_os.policy_worker.worker import PolicyWorker

__all__ = ["SETTINGS_PART", "TRUST_PART", "PolicyWorker", "decision_of", "learn"]
