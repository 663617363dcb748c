"""Behaviour policies: what decides how a person is answered, and learns from how they take it."""

from llmagent_os.policy.contract import Action, BehaviorPolicy, Context, Decision, Dimensions, Kind, label
from llmagent_os.policy.fixed import FixedPolicy

__all__ = ["Action", "BehaviorPolicy", "Context", "Decision", "Dimensions", "FixedPolicy", "Kind", "label"]
