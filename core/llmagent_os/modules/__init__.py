"""The personalisation layer's modules: knowledge, behaviour, interaction, privacy."""

from llmagent_os.modules.behavior import BehaviorModule
from llmagent_os.modules.interaction import InteractionModule
from llmagent_os.modules.knowledge import KnowledgeBase
from llmagent_os.privacy.masking import PrivacyModule

__all__ = ["BehaviorModule", "InteractionModule", "KnowledgeBase", "PrivacyModule"]
